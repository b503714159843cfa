// Weights that nodes make of nothing but constants: what is read is what ONNX Runtime computes for them, and
// what a plain formula gives.

import { host } from '@host';
import { init, shutdown, type Tensor } from 'deconv-wasm';
import { type ModelLayer, patchModel, readModel } from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWith } from '../support/compare.js';
import { expectError, rejection } from '../support/errors.js';
import {
  definition,
  external,
  floats,
  initializer,
  input,
  int64s,
  listed,
  node,
  onnx,
  output,
  tensorValue,
} from '../support/onnx-writer.js';
import { seed } from '../support/seed.js';
import { randomTensor, sizeOf } from '../support/tensors.js';

type Part = ReturnType<typeof node>;

interface Case {
  readonly parts: readonly Part[];
  readonly opset?: number;
  readonly functions?: readonly Part[];
  /** Relative, for sums that cancel. */
  readonly tolerance?: number;
}

const up = node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] });
const V = randomTensor([2, 3, 4, 4], seed);
const random = (...shape: number[]) => randomTensor(shape, seed + sizeOf(shape)).data;
const positive = (...shape: number[]) => random(...shape).map((value) => 1.5 + value);
const v = floats('v', [2, 3, 4, 4], V.data);
const scalar = (name: string, value: number) => floats(name, [], [value]);
const pass = (type: string, attributes = {}) => node(type, ['v'], ['w'], attributes);

/** The graph around the parts, with the weight as an output of its own. */
function modelOf({ parts, opset = 21, functions = [] }: Case): Uint8Array<ArrayBuffer> {
  return onnx([...parts, up, input('x', [1, 2, 3, 3]), output('y'), output('w')], { opset, functions });
}

const CASES: Record<string, Case> = {
  Identity: { parts: [v, pass('Identity')] },
  'Transpose, as tf2onnx orders': {
    parts: [floats('v', [4, 4, 3, 2], V.data), pass('Transpose', { perm: [3, 2, 0, 1] })],
  },
  'Transpose by default': { parts: [floats('v', [4, 4, 3, 2], V.data), pass('Transpose')] },
  Reshape: {
    parts: [floats('v', [96], V.data), int64s('s', [2, 3, -1, 4]), node('Reshape', ['v', 's'], ['w'])],
  },
  'Reshape that copies': {
    parts: [floats('v', [2, 48], V.data), int64s('s', [0, 3, 4, 4]), node('Reshape', ['v', 's'], ['w'])],
  },
  'Flatten and Reshape': {
    parts: [
      v,
      node('Flatten', ['v'], ['f'], { axis: -1 }),
      int64s('s', [2, 3, 4, 4]),
      node('Reshape', ['f', 's'], ['w']),
    ],
  },
  Unsqueeze: {
    parts: [floats('v', [2, 48], V.data), int64s('a', [1, -1]), node('Unsqueeze', ['v', 'a'], ['w'])],
  },
  'Unsqueeze of opset 11': {
    opset: 11,
    parts: [
      floats('v', [3, 4, 4], random(3, 4, 4)),
      node('Unsqueeze', ['v'], ['u'], { axes: [0] }),
      node('Concat', ['u', 'u'], ['w'], { axis: 0 }),
    ],
  },
  Squeeze: {
    parts: [
      floats('v', [2, 1, 3, 4, 1, 4], V.data),
      int64s('a', [1, -2]),
      node('Squeeze', ['v', 'a'], ['w']),
    ],
  },
  'Squeeze of all': {
    parts: [floats('v', [1, 2, 1, 3, 4, 4], V.data), node('Squeeze', ['v'], ['w'])],
  },
  Slice: {
    parts: [
      floats('v', [4, 6, 7, 9], random(4, 6, 7, 9)),
      int64s('from', [1, -2, 100]),
      int64s('to', [3, -1_000_000, -1000]),
      int64s('axes', [0, 1, -1]),
      int64s('steps', [1, -2, -3]),
      node('Slice', ['v', 'from', 'to', 'axes', 'steps'], ['w']),
    ],
  },
  'Slice of opset 9': {
    opset: 9,
    parts: [
      floats('v', [4, 3, 4, 6], random(4, 3, 4, 6)),
      pass('Slice', { axes: [0, 3], starts: [1, -4], ends: [3, 1_000_000] }),
    ],
  },
  'Concat of Split': {
    parts: [
      v,
      int64s('sizes', [1, 3]),
      node('Split', ['v', 'sizes'], ['a', 'b'], { axis: 2 }),
      node('Concat', ['b', 'a', 'b'], ['w'], { axis: -2 }),
    ],
  },
  'Split without sizes': {
    parts: [
      floats('v', [7, 3, 2, 2], random(7, 3, 2, 2)),
      node('Split', ['v'], ['p', 'q', 'r'], { num_outputs: 3 }),
      node('Concat', ['r', 'q'], ['c'], { axis: 0 }),
      int64s('i', [0, -1]),
      node('Gather', ['c', 'i'], ['w']),
    ],
  },
  'Split of opset 11': {
    opset: 11,
    parts: [
      floats('v', [5, 3, 2, 2], random(5, 3, 2, 2)),
      node('Split', ['v'], ['a', 'w'], { split: [3, 2] }),
    ],
  },
  Expand: {
    parts: [
      floats('v', [3, 1, 4], random(3, 1, 4)),
      int64s('s', [2, 1, 4, 1]),
      node('Expand', ['v', 's'], ['w']),
    ],
  },
  Tile: {
    parts: [
      floats('v', [1, 3, 2, 4], random(1, 3, 2, 4)),
      int64s('r', [2, 1, 2, 1]),
      node('Tile', ['v', 'r'], ['w']),
    ],
  },
  ...Object.fromEntries(
    ['constant', 'edge', 'reflect', 'wrap'].map((mode) => [
      `Pad, ${mode}`,
      {
        parts: [
          floats('v', [2, 3, 3, 4], random(2, 3, 3, 4)),
          int64s('p', [2, 1, 1, -1]),
          scalar('c', 0.25),
          int64s('a', [2, -1]),
          node('Pad', ['v', 'p', 'c', 'a'], ['w'], { mode }),
        ],
      },
    ]),
  ),
  'Pad of opset 9': {
    opset: 9,
    parts: [
      floats('v', [2, 3, 3, 4], random(2, 3, 3, 4)),
      pass('Pad', { pads: [0, 0, 1, 0, 0, 0, 0, 2], value: { float: 0.5 } }),
    ],
  },
  'Cast to half and back': {
    parts: [v, node('Cast', ['v'], ['h'], { to: 10 }), node('Cast', ['h'], ['w'], { to: 1 })],
  },
  'Cast of integers': {
    parts: [
      initializer(
        'v',
        'int32',
        [2, 3, 4, 4],
        Int32Array.from(V.data, (value) => 1000 * value),
      ),
      pass('Cast', { to: 1 }),
    ],
  },
  'Add, Sub, Mul, Div': {
    parts: [
      v,
      floats('a', [3, 1, 1], random(3, 1, 1)),
      floats('b', [2, 1, 1, 4], positive(2, 1, 1, 4)),
      scalar('c', 3),
      node('Add', ['v', 'a'], ['1']),
      node('Mul', ['1', 'b'], ['2']),
      node('Sub', ['c', '2'], ['3']),
      node('Div', ['3', 'b'], ['w']),
    ],
  },
  'integers divided': {
    parts: [
      initializer(
        'v',
        'int32',
        [2, 3, 4, 4],
        Int32Array.from(V.data, (value) => 1000 * value),
      ),
      initializer('d', 'int32', [], Int32Array.of(7)),
      node('Div', ['v', 'd'], ['q']),
      node('Cast', ['q'], ['w'], { to: 1 }),
    ],
  },
  'Pow, Sqrt, Neg, Abs, Reciprocal, Exp, Log': {
    parts: [
      v,
      scalar('p', 3),
      node('Abs', ['v'], ['1']),
      node('Exp', ['1'], ['2']),
      node('Sqrt', ['2'], ['3']),
      node('Reciprocal', ['3'], ['4']),
      node('Log', ['4'], ['5']),
      node('Neg', ['5'], ['6']),
      node('Pow', ['6', 'p'], ['w']),
    ],
  },
  'Max, Min, Sum, Mean, Clip, Where': {
    parts: [
      v,
      floats('a', [4, 1], random(4, 1)),
      floats('b', [2, 1, 1, 1], random(2, 1, 1, 1)),
      scalar('low', -0.5),
      scalar('high', 0.75),
      node('Max', ['v', 'a', 'b'], ['1']),
      node('Min', ['v', 'a'], ['2']),
      node('Sum', ['1', '2', 'b'], ['3']),
      node('Mean', ['3', 'v', 'a'], ['4']),
      node('Clip', ['4', 'low', 'high'], ['5']),
      node('Greater', ['v', 'a'], ['6']),
      node('Where', ['6', '5', 'b'], ['w']),
    ],
  },
  'windowed sinc': {
    parts: [
      v,
      node('Sin', ['v'], ['s']),
      node('Cos', ['v'], ['c']),
      node('GreaterOrEqual', ['s', 'c'], ['above']),
      node('Sign', ['v'], ['sign']),
      node('Where', ['above', 's', 'sign'], ['w']),
    ],
  },
  ...Object.fromEntries(
    ['Sum', 'Mean', 'L1', 'L2', 'SumSquare', 'Max', 'Min', 'Prod', 'LogSumExp'].flatMap((kind) => [
      [
        `Reduce${kind}`,
        {
          parts: [
            v,
            int64s('a', [1, -1]),
            node(`Reduce${kind}`, ['v', 'a'], ['r']),
            node('Mul', ['v', 'r'], ['w']),
          ],
        },
      ],
      [
        `Reduce${kind} of opset 11`,
        {
          opset: 11,
          tolerance: 3e-5,
          parts: [
            v,
            node(`Reduce${kind}`, ['v'], ['r'], { axes: [0, 2, 3], keepdims: 0 }),
            node('Unsqueeze', ['r'], ['u'], { axes: [1, 2] }),
            node('Mul', ['v', 'u'], ['w']),
          ],
        },
      ],
    ]),
  ),
  'weight norm, as torch.onnx writes it': {
    parts: [
      v,
      floats('g', [2, 1, 1, 1], positive(2, 1, 1, 1)),
      node('ReduceL2', ['v', 'axes'], ['n'], { keepdims: 1 }),
      int64s('axes', [1, 2, 3]),
      node('Div', ['v', 'n'], ['u']),
      node('Mul', ['u', 'g'], ['w']),
    ],
  },
  'weight norm, as dynamo decomposes it': {
    parts: [
      v,
      floats('g', [2, 1, 1, 1], positive(2, 1, 1, 1)),
      scalar('two', 2),
      scalar('half', 0.5),
      int64s('axes', [1, 2, 3]),
      node('Abs', ['v'], ['1']),
      node('Pow', ['1', 'two'], ['2']),
      node('ReduceSum', ['2', 'axes'], ['3'], { keepdims: 1 }),
      node('Pow', ['3', 'half'], ['4']),
      node('Div', ['g', '4'], ['5']),
      node('Mul', ['v', '5'], ['w']),
    ],
  },
  'spectral norm': {
    tolerance: 3e-5,
    parts: [
      v,
      floats('left', [2], random(2)),
      floats('right', [48], random(48)),
      int64s('flat', [2, -1]),
      node('Reshape', ['v', 'flat'], ['m']),
      node('MatMul', ['m', 'right'], ['mv']),
      node('MatMul', ['left', 'mv'], ['sigma']),
      node('Div', ['v', 'sigma'], ['w']),
    ],
  },
  'low-rank update': {
    parts: [
      v,
      floats('a', [2, 1, 4, 5], random(2, 1, 4, 5)),
      floats('b', [3, 5, 4], random(3, 5, 4)),
      node('MatMul', ['a', 'b'], ['ab']),
      node('Add', ['v', 'ab'], ['w']),
    ],
  },
  LpNormalization: { parts: [v, pass('LpNormalization', { axis: 1, p: 2 })] },
  'shape arithmetic': {
    parts: [
      floats('v', [96], V.data),
      floats('like', [2, 5, 3], random(2, 5, 3)),
      node('Shape', ['like'], ['s']),
      int64s('places', [0, 2]),
      node('Gather', ['s', 'places'], ['ends']),
      node('Constant', [], ['taps'], { value_ints: [4, 4] }),
      node('Concat', ['ends', 'taps'], ['all'], { axis: 0 }),
      node('Reshape', ['v', 'all'], ['w']),
    ],
  },
  'ConstantOfShape, Range and Equal': {
    parts: [
      v,
      int64s('s', [4]),
      node('ConstantOfShape', ['s'], ['ones'], { value: tensorValue('int64', [1], BigInt64Array.of(1n)) }),
      int64s('target', [2, 3, -1, 4]),
      int64s('minus', [-1]),
      node('Equal', ['target', 'minus'], ['open']),
      node('Where', ['open', 'ones', 'target'], ['full']),
      node('Expand', ['v', 'full'], ['e']),
      ...['zero', 'four', 'one'].map((name, index) => int64s(name, [[0, 4, 1][index] as number], [])),
      node('Range', ['zero', 'four', 'one'], ['r']),
      node('Gather', ['e', 'r'], ['w'], { axis: 3 }),
    ],
  },
  'quantize and dequantize': {
    parts: [
      v,
      scalar('s', 1 / 64),
      initializer('z', 'int8', [], Int8Array.of(3)),
      node('QuantizeLinear', ['v', 's', 'z'], ['q']),
      node('DequantizeLinear', ['q', 's', 'z'], ['w']),
    ],
  },
  'quantize and dequantize, by channel': {
    parts: [
      v,
      floats('s', [3], [1 / 64, 1 / 32, 1 / 300]),
      initializer('z', 'uint8', [3], Uint8Array.of(128, 100, 131)),
      node('QuantizeLinear', ['v', 's', 'z'], ['q'], { axis: 1 }),
      node('DequantizeLinear', ['q', 's', 'z'], ['w'], { axis: -3 }),
    ],
  },
  'dequantize, then transpose': {
    parts: [
      initializer(
        'q',
        'int8',
        [4, 4, 3, 2],
        Int8Array.from(V.data, (value) => 127 * value),
      ),
      floats('s', [3], [0.5, 0.25, 1 / 3]),
      node('DequantizeLinear', ['q', 's'], ['d'], { axis: 2 }),
      node('Transpose', ['d'], ['w'], { perm: [3, 2, 0, 1] }),
    ],
  },
  'dequantize in blocks': {
    parts: [
      initializer(
        'q',
        'int8',
        [2, 3, 4, 4],
        Int8Array.from(V.data, (value) => 127 * value),
      ),
      floats('s', [2, 3, 2, 4], positive(2, 3, 2, 4)),
      initializer(
        'z',
        'int8',
        [2, 3, 2, 4],
        Int8Array.from(random(48), (value) => 9 * value),
      ),
      node('DequantizeLinear', ['q', 's', 'z'], ['w'], { axis: 2, block_size: 2 }),
    ],
  },
  'dequantize int4': {
    parts: [
      listed('q', 'int4', [2, 1, 2, 2], [0xe1, 0xc3, 0xa5, 0x87]),
      scalar('s', 0.5),
      node('DequantizeLinear', ['q', 's'], ['w']),
    ],
  },
  "ONNX Runtime's own dequantize": {
    parts: [
      initializer(
        'q',
        'uint8',
        [2, 3, 4, 4],
        Uint8Array.from(V.data, (value) => 128 + 127 * value),
      ),
      floats('s', [2], [0.5, 0.125]),
      initializer('z', 'uint8', [2], Uint8Array.of(128, 120)),
      node('DequantizeLinear', ['q', 's', 'z'], ['w'], { axis: 0 }, 'com.microsoft'),
    ],
  },
  'what a function returns': {
    functions: [
      definition('Norm', ['a', 'b'], ['c'], [node('Mul', ['a', 'b'], ['t']), node('Neg', ['t'], ['c'])]),
    ],
    parts: [v, scalar('g', 2), node('Norm', ['v', 'g'], ['w'], {}, 'own')],
  },
};

async function weightOf(bytes: Uint8Array<ArrayBuffer>): Promise<Tensor> {
  const { layers } = await readModel(bytes);
  const [layer] = layers as [ModelLayer];
  expect(layer.problem).toBeNull();
  return layer.weight();
}

beforeAll(() => init());
afterAll(shutdown);

// The runtime's WebAssembly would have to be served to the page; it is the same there.
describe.skipIf(host.name !== 'Node')('as ONNX Runtime computes them', () => {
  let ort: typeof import('onnxruntime-web');
  beforeAll(async () => {
    const name = 'onnxruntime-web';
    ort = (await import(/* @vite-ignore */ name)) as typeof ort;
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'error';
  });

  it.each(Object.entries(CASES))('%s', async (_, given) => {
    const bytes = modelOf(given);
    const session = await ort.InferenceSession.create(bytes);
    const x = randomTensor([1, 2, 3, 3], seed);
    const { w } = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
    await session.release();
    const wanted = w?.data as Float32Array;
    const { tolerance = 3e-6 } = given;
    const allowed = (index: number) => tolerance * Math.abs(wanted[index] as number) + 1e-7;
    const got = await weightOf(bytes);
    expect(compareWith(got, w?.dims ?? [], wanted, allowed)).toBeUndefined();
  });
});

describe('by a plain formula', () => {
  const shape = [2, 3, 4, 4];
  const g = positive(2);
  const near = (expected: (index: number) => number) => ({
    shape,
    data: Float32Array.from(V.data, (_, index) => expected(index)),
  });
  const at = (index: number) => V.data[index] as number;
  const norms = [0, 1].map((row) => Math.hypot(...V.data.subarray(48 * row, 48 * row + 48)));
  const formulas: Record<string, [readonly Part[], (index: number) => number]> = {
    'weight norm': [
      [
        v,
        floats('g', [2, 1, 1, 1], g),
        int64s('axes', [1, 2, 3]),
        node('ReduceL2', ['v', 'axes'], ['n']),
        node('Div', ['v', 'n'], ['u']),
        node('Mul', ['g', 'u'], ['w']),
      ],
      (index) =>
        ((g[Math.floor(index / 48)] as number) * at(index)) / (norms[Math.floor(index / 48)] as number),
    ],
    'a pair that quantizes': [
      [
        v,
        scalar('s', 1 / 64),
        initializer('z', 'int8', [], Int8Array.of(0)),
        node('QuantizeLinear', ['v', 's', 'z'], ['q']),
        node('DequantizeLinear', ['q', 's', 'z'], ['w']),
      ],
      (index) => Math.min(127, Math.max(-128, Math.round(64 * at(index)))) / 64,
    ],
    'Mul of opset 6, at an axis': [
      [v, floats('g', [3], [2, 3, 4]), node('Mul', ['v', 'g'], ['w'], { broadcast: 1, axis: 1 })],
      (index) => at(index) * (2 + (Math.floor(index / 16) % 3)),
    ],
    Transpose: [
      [
        // [h, w, out, in], as TensorFlow has it.
        floats(
          'v',
          [4, 4, 3, 2],
          Float32Array.from({ length: 96 }, (_, index) =>
            at(48 * (index % 2) + 16 * (Math.floor(index / 2) % 3) + Math.floor(index / 6)),
          ),
        ),
        node('Transpose', ['v'], ['w'], { perm: [3, 2, 0, 1] }),
      ],
      at,
    ],
  };
  it.each(Object.entries(formulas))('%s', async (_, [parts, expected]) => {
    const wanted = near(expected);
    const got = await weightOf(modelOf({ parts }));
    expect(compareWith(got, shape, wanted.data, (index) => 1e-6 * Math.abs(at(index)))).toBeUndefined();
  });

  it('in a function whose inputs are constants, and in a branch', async () => {
    const twice = definition(
      'Up',
      ['a', 'b', 'c'],
      ['d'],
      [node('Mul', ['b', 'c'], ['k']), node('ConvTranspose', ['a', 'k'], ['d'])],
    );
    const called = onnx(
      [
        v,
        scalar('g', 2),
        node('Up', ['x', 'v', 'g'], ['y'], {}, 'own'),
        input('x', [1, 2, 3, 3]),
        output('y'),
      ],
      { functions: [twice] },
    );
    expect((await weightOf(called)).data).toEqual(V.data.map((value) => 2 * value));
    const branch = (scale: number) => ({
      graph: [scalar('g', scale), node('Mul', ['v', 'g'], ['w']), up, output('y')],
    });
    const chosen = onnx([
      v,
      initializer('c', 'bool', [], Uint8Array.of(1)),
      node('If', ['c'], ['z'], { then_branch: branch(4), else_branch: branch(8) }),
      input('x', [1, 2, 3, 3]),
      output('z'),
    ]);
    const { layers } = await readModel(chosen);
    const weights = await Promise.all(layers.map((layer) => layer.weight()));
    expect(weights.map(({ data }) => data)).toEqual(
      [4, 8].map((scale) => V.data.map((value) => scale * value)),
    );
  });

  it('weights of 16 bits that are widened stay so', async () => {
    const half = Uint16Array.from(V.data, (_, index) => 0x3c00 + index);
    const bytes = modelOf({ parts: [initializer('v', 'float16', shape, half), pass('Cast', { to: 1 })] });
    const { layers } = await readModel(bytes);
    expect(layers[0]?.weightTensor?.dtype).toBe('float16');
  });
});

describe('patchModel', () => {
  const norm = [
    v,
    floats('g', [2, 1, 1, 1], positive(2, 1, 1, 1)),
    int64s('axes', [1, 2, 3]),
    node('ReduceL2', ['v', 'axes'], ['n']),
    node('Div', ['v', 'n'], ['u']),
    node('Mul', ['g', 'u'], ['w']),
  ];
  const fresh = V.data.map((value, index) => 0.5 * value + (index % 7) / 3);

  async function patched(bytes: Uint8Array<ArrayBuffer>, which = 0) {
    const model = await readModel(bytes);
    const layer = model.layers[which] as ModelLayer;
    expect(layer.patchObstacle).toBeNull();
    const { files, stored } = await patchModel(model, [{ layer, weight: fresh }]);
    const [file] = files as [(typeof files)[number]];
    const result = new Uint8Array(file.size);
    let at = 0;
    for await (const chunk of file.stream()) {
      result.set(chunk, at);
      at += chunk.length;
    }
    expect(at).toBe(file.size);
    for (let index = 0; index < bytes.length; index += 1) {
      if (bytes[index] === result[index]) continue;
      expect(file.changed.some(({ offset, length }) => index >= offset && index < offset + length)).toBe(
        true,
      );
    }
    const again = (await readModel(result)).layers;
    expect(await again[which]?.weight()).toEqual(stored[0]);
    return { result, layers: again, stored: stored[0] as Tensor };
  }

  it('moved values go back to where they are stored', async () => {
    const parts = [
      floats('v', [4, 4, 6], V.data),
      int64s('s', [4, 4, 3, 2]),
      node('Reshape', ['v', 's'], ['r']),
      node('Transpose', ['r'], ['w'], { perm: [3, 2, 0, 1] }),
    ];
    const bytes = onnx([...parts, up, input('x', [1, 2, 3, 3]), output('y')]);
    const { result, stored } = await patched(bytes);
    expect(result.length).toBe(bytes.length);
    expect(stored.data).toEqual(fresh);
    // An output that they are keeps the old ones.
    expect((await patched(modelOf({ parts }))).result.length).toBeGreaterThan(bytes.length);
  });

  it('a copy of widened values is of the type that the node takes', async () => {
    const half = Uint16Array.from(V.data, (_, index) => 0x3c00 + index);
    const neg = node('Neg', ['w'], ['n']);
    const { layers } = await patched(
      modelOf({ parts: [initializer('v', 'float16', V.shape, half), pass('Cast', { to: 1 }), neg] }),
    );
    expect(layers[0]?.weightTensor?.dtype).toBe('float32');
  });

  it('names what takes the old weight and bias, and what changes with them', async () => {
    const inner = definition(
      'Up',
      ['a', 'b', 'c'],
      ['d'],
      [node('ConvTranspose', ['a', 'b', 'c'], ['d'], { strides: [2, 2] })],
    );
    const call = (out: string) => node('Up', ['x', 'v', 'b'], [out], {}, 'own');
    const rest = [
      floats('b', [3], [1, 2, 3]),
      node('Neg', ['b'], ['negative']),
      input('x', [1, 2, 3, 3]),
      output('y'),
    ];
    const plain = node('ConvTranspose', ['x', 'v', 'b'], ['y'], { strides: [2, 2] });
    // In a function no constant can stand, and what is called twice has one weight.
    for (const [parts, changed] of [
      [[plain, node('Abs', ['v'], ['positive'])], []],
      [
        [call('y'), call('z'), node('Abs', ['v'], ['positive'])],
        ['z/d', 'positive', 'negative'],
      ],
    ] as const) {
      const model = await readModel(onnx([v, ...parts, ...rest], { functions: [inner] }));
      const [layer] = model.layers as [ModelLayer];
      const { files, shared } = await patchModel(model, [
        { layer, weight: fresh, bias: Float32Array.of(4, 5, 6) },
      ]);
      const users = changed.length === 0 ? ['positive', 'negative'] : changed;
      expect(shared.map((one) => [new Set(one.users), new Set(one.changed)])).toEqual([
        [new Set(users), new Set(changed)],
      ]);
      // Names of the old weight and the old bias at the node, and two constants.
      expect(files[0]?.changed.map(({ length }) => length)).toEqual(
        changed.length === 0 ? [1, 1, expect.any(Number)] : [384, 12],
      );
    }
  });

  it('ends where a function is given what it gives', async () => {
    const pass = definition('Pass', ['a'], ['a'], []);
    const circle = [node('Pass', ['c'], ['c'], {}, 'own'), node('Abs', ['c'], ['d'])];
    const parts = [v, node('ConvTranspose', ['x', 'v'], ['y']), node('Neg', ['v'], ['z']), ...circle];
    const model = await readModel(
      onnx([...parts, input('x', [1, 2, 3, 3]), output('y')], { functions: [pass] }),
    );
    const [layer] = model.layers as [ModelLayer];
    const { shared } = await patchModel(model, [{ layer, weight: fresh }]);
    expect(shared).toEqual([{ users: ['z'], changed: [] }]);
  });

  it('sees that two constants have their values in the same bytes of another file', async () => {
    const stored = (name: string) => external(name, V.shape, 'w.bin', 0);
    const bytes = onnx([
      stored('v'),
      stored('s'),
      node('ConvTranspose', ['x', 'v'], ['y'], { strides: [2, 2] }),
      node('Abs', ['s'], ['positive']),
      input('x', [1, 2, 3, 3]),
      output('y'),
    ]);
    const model = await readModel(bytes, { external: { 'w.bin': new Uint8Array(V.data.buffer.slice(0)) } });
    const [layer] = model.layers as [ModelLayer];
    const { files, shared } = await patchModel(model, [{ layer, weight: fresh }]);
    expect(shared).toEqual([{ users: ['positive'], changed: [] }]);
    expect(files.map(({ changed }) => changed.length)).toEqual([2, 0]);
  });

  it('computed values become a constant of the layer, and all else keeps what it had', async () => {
    const other = node('ConvTranspose', ['x', 'w'], ['z'], { strides: [4, 4] });
    const bytes = onnx([...norm, up, other, input('x', [1, 2, 3, 3]), output('y'), output('z')]);
    const before = await (await readModel(bytes)).layers[1]?.weight();
    const { layers, stored } = await patched(bytes);
    expect(stored.data).toEqual(fresh);
    expect(await layers[1]?.weight()).toEqual(before);
    // And so does what is only moved, where others use it.
    const shared = [v, node('Neg', ['v'], ['t']), node('Transpose', ['v'], ['w'], { perm: [0, 1, 2, 3] })];
    const kept = onnx([...shared, up, input('x', [1, 2, 3, 3]), output('y'), output('t')]);
    expect((await patched(kept)).result.length).toBeGreaterThan(kept.length);
  });

  it('in a branch, and in a file of the first versions', async () => {
    const branch = (scale: number) => ({
      graph: [scalar('g', scale), node('Mul', ['v', 'g'], ['w']), up, output('y')],
    });
    const chosen = onnx([
      v,
      initializer('c', 'bool', [], Uint8Array.of(1)),
      node('If', ['c'], ['z'], { then_branch: branch(4), else_branch: branch(8) }),
      input('x', [1, 2, 3, 3]),
      output('z'),
    ]);
    const { layers } = await patched(chosen);
    expect((await layers[1]?.weight())?.data).toEqual(V.data.map((value) => 8 * value));
    const old = modelOf({ parts: norm });
    old[1] = 3;
    await patched(old);
  });

  it('refuses by name what it cannot change', async () => {
    const twice = definition(
      'Up',
      ['a', 'b'],
      ['d'],
      [node('Neg', ['b'], ['k']), node('ConvTranspose', ['a', 'k'], ['d'])],
    );
    const called = onnx(
      [v, node('Up', ['x', 'v'], ['y'], {}, 'own'), input('x', [1, 2, 3, 3]), output('y')],
      {
        functions: [twice],
      },
    );
    const quantized = modelOf({
      parts: [
        v,
        scalar('s', 1 / 64),
        node('QuantizeLinear', ['v', 's'], ['q']),
        node('DequantizeLinear', ['q', 's'], ['w']),
      ],
    });
    for (const [bytes, reason] of [
      [called, /function/],
      [quantized, /quantization/],
    ] as const) {
      const model = await readModel(bytes);
      const [layer] = model.layers as [ModelLayer];
      expect(layer.patchObstacle).toMatch(reason);
      const change = { layer, weight: fresh };
      expectError(await rejection(() => patchModel(model, [change])), 'UNSUPPORTED', 'patchModel');
    }
  });

  it.skipIf(host.name !== 'Node')('ONNX Runtime computes with the new weights', async () => {
    const name = 'onnxruntime-web';
    const ort = (await import(/* @vite-ignore */ name)) as typeof import('onnxruntime-web');
    const { result, layers } = await patched(onnx([...norm, up, input('x', [1, 2, 3, 3]), output('y')]));
    const x = randomTensor([1, 2, 3, 3], seed);
    const session = await ort.InferenceSession.create(result);
    const { y } = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
    await session.release();
    const layer = await (layers[0] as ModelLayer).toLayer();
    expect(compareWith(layer.forward(x), y?.dims ?? [], y?.data as Float32Array, () => 1e-5)).toBeUndefined();
    layer.dispose();
  });
});

describe('what is no constant', () => {
  it.each<[string, readonly Part[], string]>([
    [
      'an input',
      [v, input('g', []), node('Mul', ['v', 'g'], ['w'])],
      'its weight "w" is computed by Mul from "g", which is an input of the model',
    ],
    [
      'an input, far away',
      [v, input('g', []), node('Neg', ['g'], ['h']), node('Mul', ['v', 'h'], ['w'])],
      'its weight "w" is computed by Neg from "g", which is an input of the model',
    ],
    ['another operator', [v, node('Hardmax', ['v'], ['w'])], 'its weight "w" is computed by Hardmax'],
    [
      'a shape that does not fit',
      [v, int64s('s', [5, -1]), node('Reshape', ['v', 's'], ['w'])],
      'its weight "w" is computed by Reshape, and its shape [5, -1] does not fit',
    ],
  ])('%s', async (_, parts, problem) => {
    const { layers } = await readModel(modelOf({ parts }));
    expect(layers[0]?.problem).toBe(problem);
  });
});

describe('bounds', () => {
  it('values are read when a weight is asked for, and not before', async () => {
    const bytes = modelOf({
      parts: [
        floats('v', [2, 3, 400, 400], new Float32Array(960_000)),
        scalar('g', 2),
        node('Mul', ['v', 'g'], ['w']),
      ],
    });
    let read = 0;
    const model = await readModel({
      size: bytes.length,
      read: async (offset, length) => {
        read += length;
        return bytes.slice(offset, offset + length);
      },
    });
    expect(read).toBeLessThan(2 ** 18);
    await model.layers[0]?.weight();
    expect(read).toBeGreaterThan(3_840_000);
  });

  it('a chain in which every node takes the last one twice is computed once', async () => {
    const chain = Array.from({ length: 100 }, (_, index) =>
      node(
        'Add',
        [index === 0 ? 'v' : `n${index}`, index === 0 ? 'v' : `n${index}`],
        [index === 99 ? 'w' : `n${index + 1}`],
      ),
    );
    const { data } = await weightOf(modelOf({ parts: [v, ...chain] }));
    expect(data).toEqual(V.data.map((value) => value * 2 ** 100));
  });

  it('small files do not get large constants', async () => {
    const cases: readonly Part[][] = [
      [scalar('v', 1), int64s('s', [512, 512, 16, 16]), node('Expand', ['v', 's'], ['w'])],
      [
        scalar('v', 1),
        int64s('s', [512, 512, 16, 16]),
        int64s('a', [0, 1, 2]),
        node('Expand', ['v', 's'], ['e']),
        node('ReduceSum', ['e', 'a'], ['w']),
      ],
    ];
    for (const parts of cases) {
      const { layers } = await readModel(modelOf({ parts }));
      expectError(await rejection(() => (layers[0] as ModelLayer).weight()), 'TOO_LARGE', 'readModel');
    }
    const beyond = [scalar('v', 1), int64s('s', [2 ** 30, 2 ** 30, 1, 1]), node('Expand', ['v', 's'], ['w'])];
    const { layers } = await readModel(modelOf({ parts: beyond }));
    expect(layers[0]?.problem).toContain('too large');
  });
});
