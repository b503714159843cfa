// What convolves in an ONNX file is a layer, judged or with the reason why it is not: sub-pixel convolutions and
// resizes with a convolution run in ONNX Runtime as the transposed convolutions that they are read as.

import { host } from '@host';
import { ConvTranspose1d, ConvTranspose2d, init, shutdown, type Tensor } from 'deconv-wasm';
import { analyze, type Kernels, repairKernels, toTransposedKernels } from 'deconv-wasm/checkerboard';
import { type ModelLayer, patchModel, readModel } from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  definition,
  floats,
  initializer,
  input,
  int64s,
  node,
  onnx,
  output,
  tensorValue,
} from '../support/onnx-writer.js';
import { seed } from '../support/seed.js';
import { randomTensor, sizeOf } from '../support/tensors.js';

type Part = ReturnType<typeof node>;

beforeAll(() => init());
afterAll(() => shutdown());

const random = (name: string, ...shape: number[]) =>
  floats(name, shape, randomTensor(shape, seed + sizeOf(shape)).data);
const w = random('w', 12, 5, 3, 3);
const b = random('b', 12);
const PADS = { pads: [1, 1, 1, 1] };
const conv = (inputs = ['x', 'w'], out = 'c', attributes = {}) =>
  node('Conv', inputs, [out], { ...PADS, ...attributes });
const shuffle = (from: string, mode: 'CRD' | 'DCR' = 'CRD', to = 'y') =>
  node('DepthToSpace', [from], [to], { blocksize: 2, mode });
const reshapes = (from: string, split: readonly number[], perm: readonly number[]): Part[] => [
  int64s('split', split),
  int64s('whole', [1, 3, 12, 10]),
  node('Reshape', [from, 'split'], ['r']),
  node('Transpose', ['r'], ['t'], { perm }),
  node('Reshape', ['t', 'whole'], ['y']),
];
const CRD = [0, 1, 4, 2, 5, 3];
const DCR = [0, 3, 4, 1, 5, 2];
const model = (parts: readonly Part[], functions: readonly Part[] = []) =>
  onnx([...parts, input('x', [1, 5, 6, 5]), output('y')], { opset: 18, functions });

async function kernelsOf(layer: ModelLayer | undefined): Promise<Kernels> {
  const geometry = layer?.geometry;
  if (!layer || !geometry) throw new Error(`no layer that can be read: ${layer?.problem}`);
  const { padBefore, dilation, groups, pixelShuffle, upsample } = geometry;
  return {
    geometry: {
      dilation,
      groups,
      padding: padBefore ?? 0,
      ...(pixelShuffle && { pixelShuffle }),
      ...(upsample && { upsample }),
    },
    weight: await layer.weight(),
    bias: (await layer.bias())?.data ?? null,
  };
}

const SHUFFLED: Readonly<Record<string, readonly Part[]>> = {
  'DepthToSpace, CRD': [w, conv(), shuffle('c')],
  'DepthToSpace, DCR': [w, conv(), shuffle('c', 'DCR')],
  'DepthToSpace, DCR by default': [w, conv(), node('DepthToSpace', ['c'], ['y'], { blocksize: 2 })],
  'Reshape, Transpose, Reshape of PyTorch': [w, conv(), ...reshapes('c', [1, 3, 2, 2, 6, 5], CRD)],
  'Reshape, Transpose, Reshape of TensorFlow': [w, conv(), ...reshapes('c', [1, 2, 2, 3, 6, 5], DCR)],
  'of a batch that is open': [w, conv(), ...reshapes('c', [-1, 3, 2, 2, 6, 5], CRD)],
  'with what passes every value': [
    w,
    conv(),
    node('Identity', ['c'], ['i']),
    floats('one', [], [1]),
    node('Mul', ['i', 'one'], ['m']),
    shuffle('m'),
  ],
  'with a number in front': [
    w,
    conv(),
    floats('unit', [], [1]),
    node('Mul', ['unit', 'c'], ['m']),
    shuffle('m'),
  ],
  'of a dilated kernel': [w, conv(['x', 'w'], 'c', { dilations: [2, 2], pads: [2, 2, 2, 2] }), shuffle('c')],
  'in groups': [random('g', 20, 1, 3, 3), conv(['x', 'g'], 'c', { group: 5 }), shuffle('c')],
};

const RESIZED: Readonly<Record<string, readonly Part[]>> = {
  'Resize by scales': [
    w,
    floats('s', [4], [1, 1, 2, 3]),
    node('Resize', ['x', '', 's'], ['u'], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
    conv(['u', 'w'], 'y'),
  ],
  'Resize to sizes, half pixels': [
    w,
    int64s('s', [1, 5, 12, 10]),
    node('Resize', ['x', '', '', 's'], ['u'], { mode: 'nearest' }),
    conv(['u', 'w'], 'y'),
  ],
  'Resize by scales of some axes': [
    w,
    floats('s', [2], [3, 2]),
    node('Resize', ['x', '', 's'], ['u'], { mode: 'nearest', axes: [-1, 2] }),
    conv(['u', 'w'], 'y'),
  ],
  'Resize to sizes of some axes': [
    w,
    int64s('s', [10]),
    node('Resize', ['x', '', '', 's'], ['u'], { mode: 'nearest', axes: [3] }),
    conv(['u', 'w'], 'y'),
  ],
  'Resize, pads, convolution': [
    w,
    floats('s', [4], [1, 1, 2, 2]),
    int64s('p', [0, 0, 1, 1, 0, 0, 1, 1]),
    node('Resize', ['x', '', 's'], ['u'], { mode: 'nearest' }),
    node('Pad', ['u', 'p'], ['padded'], { mode: 'reflect' }),
    node('Conv', ['padded', 'w'], ['y']),
  ],
};

describe.each(Object.entries(SHUFFLED))('sub-pixel convolution: %s', (_, parts) => {
  it('is one layer that raises the resolution', async () => {
    const { layers } = await readModel(model(parts));
    expect(layers).toHaveLength(1);
    expect(layers[0]).toMatchObject({
      problem: null,
      upsamples: true,
      transposed: false,
      bias: expect.anything(),
    });
    expect(layers[0]?.operator).toMatch(/^Conv \+ (DepthToSpace|Reshape)$/);
    const found = analyze(await kernelsOf(layers[0]));
    expect(found).toMatchObject({ pass: 'forward', verdict: 'weights-only', stride: [2, 2] });
  });
});

describe.skipIf(host.name !== 'Node')('in ONNX Runtime', () => {
  let ort: typeof import('onnxruntime-web');

  beforeAll(async () => {
    const name = 'onnxruntime-web';
    ort = (await import(/* @vite-ignore */ name)) as typeof ort;
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'error';
  });

  async function run(bytes: Uint8Array, x: Tensor): Promise<Tensor> {
    const session = await ort.InferenceSession.create(bytes);
    const { y } = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
    if (y === undefined) throw new Error('no output y');
    return { data: y.data as Float32Array<ArrayBuffer>, shape: y.dims as number[] };
  }

  function transposed(kernels: Kernels, x: Tensor): Tensor {
    const { geometry, weight } = toTransposedKernels(kernels);
    const groups = geometry.groups ?? 1;
    const layer = new ConvTranspose2d({
      inChannels: weight.shape[0] as number,
      outChannels: (weight.shape[1] as number) * groups,
      kernelSize: weight.shape.slice(2),
      stride: geometry.stride as number[],
      padding: geometry.padding as number[],
      groups,
      bias: false,
    });
    layer.setWeight(Float32Array.from(weight.data));
    const y = layer.forward(x);
    layer.dispose();
    return y;
  }

  const x = randomTensor([1, 5, 6, 5], seed);

  it.each(Object.entries({ ...SHUFFLED, ...RESIZED }).filter(([name]) => !name.includes('pads')))(
    '%s is the transposed convolution that it is read as',
    async (_, parts) => {
      const bytes = model(parts);
      const { layers } = await readModel(bytes);
      const wanted = await run(bytes, x);
      const got = transposed(await kernelsOf(layers[0]), x);
      expect(got.shape).toEqual(wanted.shape);
      for (const [index, value] of got.data.entries())
        expect(value).toBeCloseTo(wanted.data[index] as number, 4);
    },
  );

  it('of one axis, by transpositions around a reshape', async () => {
    const parts = [
      random('v', 6, 5, 3),
      node('Conv', ['x', 'v'], ['c'], { pads: [1, 1] }),
      node('Transpose', ['c'], ['t'], { perm: [0, 2, 1] }),
      int64s('rows', [1, -1, 3]),
      node('Reshape', ['t', 'rows'], ['r']),
      node('Transpose', ['r'], ['y'], { perm: [0, 2, 1] }),
    ];
    const line = randomTensor([1, 5, 7], seed);
    const bytes = onnx([...parts, input('x', [1, 5, 7]), output('y')], { opset: 18 });
    const { layers } = await readModel(bytes);
    expect(layers.map(({ operator, problem }) => [operator, problem])).toEqual([['Conv + Transpose', null]]);
    const { geometry, weight } = toTransposedKernels(await kernelsOf(layers[0]));
    const layer = new ConvTranspose1d({
      inChannels: 5,
      outChannels: 3,
      kernelSize: weight.shape[2] as number,
      stride: geometry.stride as number[],
      padding: geometry.padding as number[],
      bias: false,
    });
    const got = layer.setWeight(Float32Array.from(weight.data)).forward(line);
    layer.dispose();
    const wanted = await run(bytes, line);
    expect(got.shape).toEqual([1, 3, 14]);
    expect(wanted.shape).toEqual(got.shape);
    for (const [index, value] of got.data.entries())
      expect(value).toBeCloseTo(wanted.data[index] as number, 4);
  });

  it.each(Object.entries(SHUFFLED))('%s, repaired in the file, is flat on flats', async (_, parts) => {
    const grouped = parts === SHUFFLED['in groups'];
    const biased = parts.map((part) =>
      part === parts[1] && !grouped && parts !== SHUFFLED['of a dilated kernel']
        ? conv(['x', 'w', 'b'])
        : part,
    );
    const file = await readModel(model([...biased, b]));
    const [layer] = file.layers;
    const fixed = repairKernels(await kernelsOf(layer), { precision: 'float32' });
    const change = {
      layer: layer as ModelLayer,
      weight: Float32Array.from(fixed.weight.data),
      ...(fixed.bias !== null && { bias: Float32Array.from(fixed.bias) }),
    };
    const [patched] = (await patchModel(file, [change])).files;
    const chunks: Uint8Array[] = [];
    for await (const chunk of patched?.stream() ?? []) chunks.push(chunk);
    const repaired = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
    const flat = { data: new Float32Array(5 * 6 * 5).fill(1), shape: [1, 5, 6, 5] };
    for (const [bytes, even] of [
      [model([...biased, b]), false],
      [repaired, true],
    ] as const) {
      const y = await run(bytes, flat);
      const [, channels = 0, height = 0, width = 0] = y.shape;
      let worst = 0;
      for (let channel = 0; channel < channels; channel += 1) {
        const middle: number[] = [];
        for (const row of [4, 5, 6, 7]) {
          for (const column of [4, 5])
            middle.push(y.data[(channel * height + row) * width + column] as number);
        }
        worst = Math.max(worst, Math.max(...middle) - Math.min(...middle));
      }
      if (even) expect(worst).toBeLessThan(1e-5);
      else expect(worst).toBeGreaterThan(0.1);
    }
  });
});

it.each(Object.entries(RESIZED))('%s leaves no pattern, whatever its weights are', async (_, parts) => {
  const { layers } = await readModel(model(parts));
  expect(layers.map(({ operator, upsamples }) => [operator, upsamples])).toEqual([['Resize + Conv', true]]);
  expect(analyze(await kernelsOf(layers[0]))).toMatchObject({ verdict: 'free', unevenness: 0 });
});

/** Operators and problems of what a file has, with those of stride 1 left out. */
async function accounted(parts: readonly Part[], functions: readonly Part[] = []) {
  const { layers } = await readModel(model(parts, functions));
  return layers.map(({ operator, problem, upsamples }) => [operator, problem, upsamples]);
}

const int8 = (name: string, ...shape: number[]) =>
  initializer(
    name,
    'int8',
    shape,
    Int8Array.from({ length: sizeOf(shape) }, (_, at) => ((at * 37) % 200) - 100),
  );
const one = (name: string, value: number) => floats(name, [], [value]);
const zero = (name: string, type: 'int8' | 'uint8', value = 0) =>
  initializer(name, type, [], Uint8Array.of(value));
const quantized = [
  int8('q', 12, 5, 3, 3),
  one('xs', 0.1),
  one('ys', 0.2),
  zero('xz', 'uint8', 128),
  zero('yz', 'uint8'),
];
const QLINEAR = ['x', 'xs', 'xz', 'q', 'ws', 'wz', 'ys', 'yz'];

describe('every node that convolves is accounted for', () => {
  it.each<[string, readonly Part[], readonly (readonly [string, string | null, boolean])[]]>([
    [
      'QLinearConv',
      [
        ...quantized,
        one('ws', 0.5),
        zero('wz', 'int8'),
        node('QLinearConv', QLINEAR, ['y'], { strides: [2, 2] }),
      ],
      [['QLinearConv', null, false]],
    ],
    [
      'QLinearConv and DepthToSpace',
      [
        ...quantized,
        one('ws', 0.5),
        zero('wz', 'int8'),
        node('QLinearConv', QLINEAR, ['c'], PADS),
        shuffle('c'),
      ],
      [['QLinearConv + DepthToSpace', null, true]],
    ],
    [
      'QLinearConv with a scale of the run',
      [
        ...quantized,
        node('Abs', ['x'], ['ws']),
        zero('wz', 'int8'),
        node('QLinearConv', QLINEAR, ['y'], { strides: [2, 2] }),
      ],
      [
        [
          'QLinearConv',
          'its weight "q" is quantized with a scale that is computed by Abs from "x", which is an input of the model',
          false,
        ],
      ],
    ],
    [
      'ConvInteger',
      [
        ...quantized,
        zero('wz', 'int8', 3),
        node('ConvInteger', ['x', 'q', 'xz', 'wz'], ['y'], { strides: [2, 1] }),
      ],
      [['ConvInteger', null, false]],
    ],
    [
      'ConvInteger whose zero points are more than any list has room for',
      [
        ...quantized,
        zero('wz', 'int8', 3),
        int64s('many', [2 ** 24]),
        node('ConstantOfShape', ['many'], ['zeros'], { value: tensorValue('int8', [1], new Int8Array(1)) }),
        node('ConvInteger', ['x', 'q', 'xz', 'zeros'], ['y'], { strides: [2, 1] }),
      ],
      [['ConvInteger', 'its weight "q" is quantized with 16777216 zero points', false]],
    ],
    [
      'FusedConv',
      [
        w,
        node(
          'FusedConv',
          ['x', 'w'],
          ['y'],
          { ...PADS, strides: [2, 2], activation: 'Relu' },
          'com.microsoft',
        ),
      ],
      [['FusedConv', null, false]],
    ],
    [
      'FusedConv with a sum behind its back',
      [
        w,
        node('FusedConv', ['x', 'w', '', 'z'], ['c'], PADS, 'com.microsoft'),
        random('z', 1, 12, 6, 5),
        shuffle('c'),
      ],
      [['DepthToSpace', "it rearranges a sum of a FusedConv's output and something else", true]],
    ],
    [
      'ConvTransposeWithDynamicPads',
      [
        random('t', 5, 3, 4, 4),
        int64s('p', [1, 1, 1, 1]),
        node('ConvTransposeWithDynamicPads', ['x', 't', 'p'], ['y'], { strides: [2, 2] }, 'com.microsoft'),
      ],
      [['ConvTransposeWithDynamicPads', null, true]],
    ],
    [
      'a layout of its own',
      [w, node('NhwcFusedConv', ['x', 'w'], ['y'], { strides: [2, 2] }, 'com.microsoft')],
      [['NhwcFusedConv', 'the operator NhwcFusedConv of the domain "com.microsoft" is not read', false]],
    ],
    [
      'DeformConv',
      [w, random('o', 1, 18, 3, 2), node('DeformConv', ['x', 'w', 'o'], ['y'], { strides: [2, 2] })],
      [['DeformConv', 'the operator DeformConv is not read', false]],
    ],
    [
      "somebody's operator",
      [node('MyDeconv2D', ['x'], ['y'], {}, 'vendor')],
      [['MyDeconv2D', 'the operator MyDeconv2D of the domain "vendor" is not read', true]],
    ],
    [
      "somebody's shuffle",
      [w, conv(), node('PixelShuffle', ['c'], ['y'], { upscale_factor: 2 }, 'vendor')],
      [['PixelShuffle', 'the operator PixelShuffle of the domain "vendor" is not read', true]],
    ],
    [
      "PyTorch's fallback",
      [w, node('ATen', ['x', 'w'], ['y'], { operator: 'conv_transpose2d' }, 'org.pytorch.aten')],
      [
        [
          'ATen conv_transpose2d',
          'the operator ATen conv_transpose2d of the domain "org.pytorch.aten" is not read',
          true,
        ],
      ],
    ],
    [
      'what only sounds so',
      [node('ConvertLayout', ['x'], ['m'], {}, 'vendor'), node('Relu', ['m'], ['y'])],
      [],
    ],
    [
      'a shuffle of a sum',
      [random('v', 1, 12, 6, 5), w, conv(), node('Add', ['c', 'v'], ['s']), shuffle('s')],
      [['DepthToSpace', "it rearranges what Add makes, and no convolution's output alone", true]],
    ],
    [
      'a normalization that treats phases apart',
      [
        w,
        conv(),
        ...['scale', 'offset', 'mean', 'variance'].map((name) => floats(name, [12], new Array(12).fill(1))),
        node('BatchNormalization', ['c', 'scale', 'offset', 'mean', 'variance'], ['n']),
        shuffle('n'),
      ],
      [
        [
          'DepthToSpace',
          "it rearranges what BatchNormalization makes, and no convolution's output alone",
          true,
        ],
      ],
    ],
    [
      'a shuffle of the input',
      [random('v', 3, 5, 3, 3), node('DepthToSpace', ['x'], ['y'], { blocksize: 1 })],
      [['DepthToSpace', "it rearranges an input of the model, and no convolution's output alone", true]],
    ],
    [
      'a strided convolution and a shuffle: both',
      [w, conv(['x', 'w'], 'c', { strides: [2, 2] }), shuffle('c')],
      [
        ['Conv', null, false],
        ['DepthToSpace', 'it rearranges the output of a Conv with a stride', true],
      ],
    ],
    [
      'a weight of the run',
      [
        w,
        node('Abs', ['x'], ['a']),
        node('ReduceMean', ['a'], ['m'], { keepdims: 1 }),
        node('Mul', ['w', 'm'], ['v']),
        conv(['x', 'v']),
        shuffle('c'),
      ],
      [
        [
          'Conv + DepthToSpace',
          'its weight "v" is computed by Abs from "x", which is an input of the model',
          true,
        ],
      ],
    ],
    [
      'an activation of several nodes',
      [w, conv(), node('Sigmoid', ['c'], ['g']), node('Mul', ['c', 'g'], ['m']), shuffle('m')],
      [['Conv + DepthToSpace', null, true]],
    ],
    [
      'the product of two convolutions',
      [w, conv(), conv(['x', 'w'], 'd'), node('Mul', ['c', 'd'], ['m']), shuffle('m')],
      [['DepthToSpace', "it rearranges what Mul makes, and no convolution's output alone", true]],
    ],
    [
      'a factor for each channel',
      [
        w,
        conv(),
        floats('f', [1, 12, 1, 1], new Array(12).fill(2)),
        node('Mul', ['f', 'c'], ['m']),
        shuffle('m'),
      ],
      [['DepthToSpace', "it rearranges what Mul makes, and no convolution's output alone", true]],
    ],
    [
      'nodes that go round in a circle',
      [node('Relu', ['a'], ['b']), node('Relu', ['b'], ['a']), shuffle('a')],
      [['DepthToSpace', "it rearranges what Relu makes, and no convolution's output alone", true]],
    ],
    ['a convolution of stride 1 alone', [w, conv(['x', 'w'], 'y')], []],
    [
      'a resize that is no grid',
      [
        w,
        floats('s', [4], [1, 1, 1.5, 1.5]),
        node('Resize', ['x', '', 's'], ['u'], { mode: 'nearest' }),
        conv(['u', 'w'], 'y'),
      ],
      [],
    ],
  ])('%s', async (_, parts, wanted) => {
    expect(await accounted(parts)).toEqual(wanted);
  });

  it('in functions, and across their borders', async () => {
    const body = definition(
      'PixelShuffle',
      ['channels'],
      ['positions'],
      [
        node('Relu', ['channels'], ['rectified']),
        node('DepthToSpace', ['rectified'], ['positions'], { blocksize: 2, mode: 'CRD' }),
      ],
    );
    const parts = [w, conv(), node('PixelShuffle', ['c'], ['y'], {}, 'own')];
    expect(await accounted(parts, [body])).toEqual([['Conv + DepthToSpace', null, true]]);
  });

  it('with the numbers of what integers stand for', async () => {
    const file = await readModel(
      model([
        ...quantized,
        floats(
          'ws',
          [12],
          Array.from({ length: 12 }, (_, at) => 0.1 + at),
        ),
        node('QLinearConv', QLINEAR.with(5, 'wz'), ['y'], { strides: [2, 2] }),
        initializer('wz', 'int8', [12], new Int8Array(12)),
      ]),
    );
    const weightOf = async (layers: readonly ModelLayer[]) => (await (layers[0] as ModelLayer).weight()).data;
    const data = await weightOf(file.layers);
    const raw = Array.from({ length: 540 }, (_, at) => ((at * 37) % 200) - 100);
    for (const [index, value] of data.entries()) {
      expect(value).toBeCloseTo((raw[index] as number) * (0.1 + Math.floor(index / 45)), 3);
    }
    expect(file.layers[0]?.weightTensor?.patchObstacle).toMatch(/quantiz/);
    const whole = await readModel(
      model([
        ...quantized,
        zero('wz', 'int8', 3),
        node('ConvInteger', ['x', 'q', 'xz', 'wz'], ['y'], { strides: [2, 1] }),
      ]),
    );
    expect([...(await weightOf(whole.layers))]).toEqual(raw.map((value) => value - 3));
  });
});
