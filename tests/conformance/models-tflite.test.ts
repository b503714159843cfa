// What convolves or enlarges in a .tflite file is a layer, judged or with the reason why it is not.

import { ConvTranspose2d, init, shutdown, type Tensor } from 'deconv-wasm';
import { analyze } from 'deconv-wasm/checkerboard';
import { type ModelLayer, patchModel, readModel } from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';
import { type OperatorPart, type TensorPart, tflite } from '../support/tflite-writer.js';

beforeAll(() => init());
afterAll(() => shutdown());

const random = (name: string, ...shape: number[]): TensorPart => ({
  name,
  shape,
  values: randomTensor(shape, seed + shape.length).data,
});
const open = (name: string, ...shape: number[]): TensorPart => ({ name, shape });

const TENSORS = [
  open('x', 1, 6, 5, 8),
  random('w', 12, 3, 3, 8),
  random('b', 12),
  open('c', 1, 6, 5, 12),
  open('r', 1, 6, 5, 12),
  open('y', 1, 12, 10, 3),
  random('t', 3, 2, 2, 8),
  random('tb', 3),
  open('resized', 1, 12, 10, 8),
  open('padded', 1, 14, 12, 8),
  { name: 'size', shape: [2], values: Int32Array.of(12, 10) },
  { name: 'pads', shape: [4, 2], values: Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0) },
];

const SAME = { byte: 0 };
const VALID = { byte: 1 };
const ONE = { integer: 1 };
const conv = (inputs: readonly string[], out: string, padding = SAME, stride = 1): OperatorPart => ({
  code: 3,
  inputs,
  outputs: [out],
  options: [padding, { integer: stride }, { integer: stride }, { byte: 0 }, ONE, ONE],
});
const relu = (from: string, to: string): OperatorPart => ({ code: 19, inputs: [from], outputs: [to] });
const shuffle = (from: string): OperatorPart => ({
  code: 5,
  inputs: [from],
  outputs: ['y'],
  options: [{ integer: 2 }],
});
const transposed = (custom?: readonly number[]): OperatorPart => ({
  code: 'Convolution2DTransposeBias',
  inputs: ['x', 't', 'tb'],
  outputs: ['y'],
  ...(custom && { custom }),
});
const resize = (code: number, options: OperatorPart['options'] = []): OperatorPart => ({
  code,
  inputs: ['x', 'size'],
  outputs: ['resized'],
  options,
});

async function layersOf(...operators: OperatorPart[]): Promise<readonly ModelLayer[]> {
  return (await readModel(tflite(TENSORS, operators), { format: 'tflite' })).layers;
}

describe("MediaPipe's transposed convolution", () => {
  it('is a layer like any other, which runs', async () => {
    const [layer] = await layersOf(transposed([1, 2, 2]));
    expect(layer).toMatchObject({
      operator: 'Convolution2DTransposeBias',
      name: 'y',
      input: 'x',
      transposed: true,
      upsamples: true,
      problem: null,
      geometry: { inChannels: 8, outChannels: 3, kernelSize: [2, 2], stride: [2, 2], padBefore: [0, 0] },
    });
    const weight = (await layer?.weight()) as Tensor;
    expect(analyze({ geometry: { stride: 2 }, weight }).verdict).toBe('weights-only');
    const made = await (layer as ModelLayer).toLayer();
    const plain = new ConvTranspose2d({ inChannels: 8, outChannels: 3, kernelSize: 2, stride: 2 });
    plain.setWeight(weight);
    plain.setBias((await layer?.bias())?.data as Float32Array);
    const x = randomTensor([1, 6, 5, 8], seed);
    const first = Float32Array.from(
      { length: 240 },
      (_, at) => x.data[(at % 30) * 8 + Math.floor(at / 30)] as number,
    );
    const y = plain.forward({ data: first, shape: [1, 8, 6, 5] });
    const last = Float32Array.from(
      { length: 360 },
      (_, at) => y.data[(at % 3) * 120 + Math.floor(at / 3)] as number,
    );
    const got = made.forward(x);
    expect(got.shape).toEqual([1, 12, 10, 3]);
    for (const [index, value] of got.data.entries()) expect(value).toBeCloseTo(last[index] as number, 5);
    made.dispose();
    plain.dispose();
  });

  it.each([
    ['no options', undefined],
    ['options of another length', [1, 2]],
    ['a padding that is none', [3, 2, 2]],
    ['no stride', [1, 0, 2]],
  ])('with %s is listed, and not judged', async (_, custom) => {
    const [layer] = await layersOf(transposed(custom));
    expect(layer).toMatchObject({ upsamples: true, problem: 'it has no readable options' });
  });
});

it('what takes the weight of a changed layer too is named, as it changes with it', async () => {
  const operators = [
    transposed([1, 2, 2]),
    { ...transposed([1, 2, 2]), outputs: ['z'] },
    { code: 59, inputs: ['t'], outputs: ['c'] },
  ];
  const model = await readModel(tflite([...TENSORS, open('z', 1, 12, 10, 3)], operators), {
    format: 'tflite',
  });
  const [first, second] = model.layers as [ModelLayer, ModelLayer];
  const weight = (await first.weight()).data.map((value) => 2 * value);
  const told = async (...layers: ModelLayer[]) =>
    (
      await patchModel(
        model,
        layers.map((layer) => ({ layer, weight })),
      )
    ).shared;
  expect(await told(first)).toEqual([{ users: ['z', 'c'], changed: ['z', 'c'] }]);
  expect(await told(first, second)).toEqual([
    { users: ['z', 'c'], changed: ['z', 'c'] },
    { users: ['y', 'c'], changed: ['y', 'c'] },
  ]);
});

describe('beside a convolution', () => {
  it('DEPTH_TO_SPACE makes it a sub-pixel convolution', async () => {
    const layers = await layersOf(conv(['x', 'w', 'b'], 'c'), relu('c', 'r'), shuffle('r'));
    expect(layers).toHaveLength(1);
    expect(layers[0]).toMatchObject({
      operator: 'CONV_2D + DEPTH_TO_SPACE',
      problem: null,
      upsamples: true,
      geometry: { pixelShuffle: { upscaleFactor: [2, 2], mode: 'DCR' }, stride: [1, 1], outChannels: 12 },
    });
  });

  it.each([
    ['nearest', 97, [{ byte: 0 }, { byte: 0 }], 'RESIZE_NEAREST_NEIGHBOR'],
    ['linear', 23, [null, null, { byte: 0 }, { byte: 1 }], 'RESIZE_BILINEAR'],
  ] as const)('a %s resize makes it a resize-convolution', async (mode, code, options, word) => {
    const pad: OperatorPart = { code: 34, inputs: ['resized', 'pads'], outputs: ['padded'] };
    const direct = await layersOf(resize(code, options), conv(['resized', 'w', 'b'], 'c'));
    const padded = await layersOf(resize(code, options), pad, conv(['padded', 'w', 'b'], 'c', VALID));
    for (const layers of [direct, padded]) {
      expect(layers).toHaveLength(1);
      expect(layers[0]).toMatchObject({
        operator: `${word} + CONV_2D`,
        upsamples: true,
        geometry: { upsample: { scaleFactor: [2, 2], mode } },
      });
    }
  });

  it('a resize that is on no grid of its own makes none', async () => {
    const aligned = resize(97, [{ byte: 1 }, { byte: 0 }]);
    expect(await layersOf(aligned, conv(['resized', 'w', 'b'], 'c'))).toEqual([]);
  });
});

describe('what is not judged says why', () => {
  it.each<[string, readonly OperatorPart[], readonly (readonly [string, string | null, boolean])[]]>([
    [
      'a shuffle of an input',
      [shuffle('x')],
      [['DEPTH_TO_SPACE', "it rearranges an input of the model, and no convolution's output alone", true]],
    ],
    [
      'a shuffle of a sum',
      [conv(['x', 'w', 'b'], 'c'), { code: 0, inputs: ['c', 'c'], outputs: ['r'] }, shuffle('r')],
      [
        [
          'DEPTH_TO_SPACE',
          "it rearranges what another operator makes, and no convolution's output alone",
          true,
        ],
      ],
    ],
    [
      'a shuffle of a strided convolution',
      [conv(['x', 'w', 'b'], 'c', SAME, 2), shuffle('c')],
      [
        ['CONV_2D', null, false],
        ['DEPTH_TO_SPACE', 'it rearranges the output of a CONV_2D with a stride', true],
      ],
    ],
    [
      "somebody's convolution",
      [{ code: 'MyTransposeConv', inputs: ['x'], outputs: ['y'] }],
      [['MyTransposeConv', 'the operator MyTransposeConv is not read', true]],
    ],
    [
      "somebody's shuffle",
      [{ code: 'PixelShuffle', inputs: ['x'], outputs: ['y'] }],
      [['PixelShuffle', 'the operator PixelShuffle is not read', true]],
    ],
    [
      'a convolution of StableHLO',
      [{ code: 178, inputs: ['x', 'w'], outputs: ['y'] }],
      [['STABLEHLO_CONVOLUTION', 'the operator STABLEHLO_CONVOLUTION is not read', false]],
    ],
    ['another custom operator', [{ code: 'MaxPoolingWithArgmax2D', inputs: ['x'], outputs: ['y'] }], []],
  ])('%s', async (_, operators, wanted) => {
    const layers = await layersOf(...operators);
    expect(layers.map(({ operator, problem, upsamples }) => [operator, problem, upsamples])).toEqual(wanted);
  });
});

describe('weights behind operators that take constants', () => {
  // [out, h, w, in], with values that halves and steps of 1/64 hold.
  const values = Float32Array.from({ length: 3 * 2 * 2 * 8 }, (_, index) => ((index * 37) % 63) / 32 - 1);
  const steps = Int8Array.from(values, (value) => 64 * value);
  const quantization = { scale: [1 / 64], zeroPoint: [0] };
  const up = (weight: string): OperatorPart => ({
    code: 67,
    inputs: ['sizes', weight, 'x'],
    outputs: ['y'],
    options: [VALID, { integer: 2 }, { integer: 2 }],
  });
  const made = (parts: readonly TensorPart[], ...operators: OperatorPart[]) =>
    tflite(
      [
        open('x', 1, 6, 5, 8),
        open('y', 1, 12, 10, 3),
        { name: 'sizes', shape: [4], values: Int32Array.of(1, 12, 10, 3) },
        ...parts,
      ],
      [...operators, up('w')],
    );
  const through = (code: number, inputs = ['v'], outputs = ['w']): OperatorPart => ({
    code,
    inputs,
    outputs,
  });
  const shape = [3, 2, 2, 8];
  const weight = open('w', ...shape);
  /** The same as [in, h, w, out]. */
  const moved = Float32Array.from(values, (_, index) => {
    const [output, tap, input] = [index % 3, Math.floor(index / 3) % 4, Math.floor(index / 12)];
    return values[32 * output + 8 * tap + input] as number;
  });

  const cases: Record<string, Uint8Array<ArrayBuffer>> = {
    'DEQUANTIZE of int8': made([{ name: 'v', shape, values: steps, quantization }, weight], through(6)),
    'DEQUANTIZE of QUANTIZE': made(
      [
        { name: 'v', shape, values: values.map((value) => value + 0.003) },
        { name: 'q', shape, type: 9, quantization },
        weight,
      ],
      through(114, ['v'], ['q']),
      through(6, ['q']),
    ),
    'DEQUANTIZE by channel, then RESHAPE': made(
      [
        {
          name: 'v',
          shape: [3, 32],
          values: Int8Array.from(steps, (step, index) => step / (index < 32 ? 1 : 2) + (index < 32 ? 0 : 5)),
          quantization: { scale: [1 / 64, 1 / 32, 1 / 32], zeroPoint: [0, 5, 5] },
        },
        open('d', 3, 32),
        weight,
      ],
      through(6, ['v'], ['d']),
      through(22, ['d']),
    ),
    'SQUEEZE and EXPAND_DIMS': made(
      [{ name: 'v', shape: [3, 1, 4, 8], values }, open('s', 3, 4, 8), weight],
      through(43, ['v'], ['s']),
      through(70, ['s']),
    ),
  };
  async function plainWeight(): Promise<Tensor> {
    const [layer] = (await readModel(made([{ name: 'w', shape, values }]))).layers as [ModelLayer];
    return layer.weight();
  }

  it.each(Object.entries(cases))('%s', async (_, file) => {
    const [layer] = (await readModel(file)).layers as [ModelLayer];
    expect(layer.problem).toBeNull();
    expect(await layer.weight()).toEqual(await plainWeight());
  });

  it('TRANSPOSE, read and written through', async () => {
    const file = made(
      [
        { name: 'v', shape: [8, 2, 2, 3], values: moved },
        { name: 'order', shape: [4], values: Int32Array.of(3, 1, 2, 0) },
        weight,
      ],
      through(39, ['v', 'order']),
    );
    const model = await readModel(file);
    const [layer] = model.layers as [ModelLayer];
    expect(layer.problem).toBeNull();
    const old = await layer.weight();
    expect(old).toEqual(await plainWeight());
    const fresh = old.data.map((value) => value / 2 + 1);
    const { files } = await patchModel(model, [{ layer, weight: fresh }]);
    const written: number[] = [];
    for await (const chunk of files[0]?.stream() ?? []) written.push(...chunk);
    expect(written).toHaveLength(file.length);
    const [again] = (await readModel(Uint8Array.from(written))).layers as [ModelLayer];
    expect((await again.weight()).data).toEqual(fresh);
  });

  it('what is none says why', async () => {
    const problems: [Uint8Array<ArrayBuffer>, string][] = [
      [made([weight]), 'its weight is an input of the model'],
      [
        made([open('v', ...shape), weight], through(6)),
        'its weight is computed from "v", which is an input of the model',
      ],
      [
        made([{ name: 'v', shape, values }, weight], through(18, ['v', 'v'])),
        'its weight is computed by the operator 18',
      ],
      [
        made([{ name: 'v', shape, values }, weight], through(124)),
        'its weight is a sparse tensor, which is not read',
      ],
    ];
    for (const [file, problem] of problems) expect((await readModel(file)).layers[0]?.problem).toBe(problem);
  });
});
