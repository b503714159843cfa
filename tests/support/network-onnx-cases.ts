// Graphs of one operator or a few: every operator that networks run, in the versions and with the attributes that
// change what it means.

import {
  type Attribute,
  definition,
  floats,
  initializer,
  input,
  int64s,
  node,
  onnx,
  output,
  tensorValue,
  type Write,
} from './onnx-writer.js';
import { mulberry32 } from './random.js';

export interface NetworkCase {
  readonly parts: readonly Write[];
  /** Sizes of the calls, by the names of inputs. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** As the file declares them, where that is otherwise. */
  readonly declared?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly opset?: number;
  readonly functions?: readonly Write[];
  readonly version?: number;
  readonly outputs?: readonly string[];
  /** Values from 0.5 to 1.5 instead of those around 0. */
  readonly positive?: boolean;
  readonly factor?: number;
  /** In parts of the rms, where ONNX Runtime rounds more than others do. */
  readonly tolerance?: number;
}

export function bytesOf({ parts, inputs, declared = inputs, outputs = ['y'], ...options }: NetworkCase) {
  const ports = Object.entries(declared).map(([name, shape]) => input(name, shape));
  return onnx([...ports, ...parts, ...outputs.map((name) => output(name))], options);
}

export function valuesFor({ inputs, positive = false, factor = 3 }: NetworkCase, seed: number) {
  const random = mulberry32(seed);
  return Object.entries(inputs).map(([name, shape]) => {
    const count = shape.reduce((all, extent) => all * extent, 1);
    const data = Float32Array.from({ length: count }, () =>
      positive ? 0.5 + random() : factor * (2 * random() - 1),
    );
    return { name, shape, data };
  });
}

const random = mulberry32(7);
const numbers = (count: number, low = -1, high = 1) =>
  Array.from({ length: count }, () => low + (high - low) * random());
const sizeOf = (shape: readonly number[]) => shape.reduce((all, extent) => all * extent, 1);
const weights = (name: string, shape: readonly number[], low = -1, high = 1) =>
  floats(name, shape, numbers(sizeOf(shape), low, high));
const scalar = (name: string, value: number) => floats(name, [], [value]);
const float = (value: number): Attribute => ({ float: value });

const cases: Record<string, NetworkCase> = {};

/** One operator of `x`, with constants by their names behind it. */
function one(
  title: string,
  type: string,
  shape: readonly number[],
  attributes: Readonly<Record<string, Attribute>> = {},
  constants: Readonly<Record<string, (name: string) => Write>> = {},
  rest: Partial<NetworkCase> & { readonly order?: readonly string[] } = {},
) {
  const { order = ['x', ...Object.keys(constants)], ...others } = rest;
  cases[title] = {
    inputs: { x: shape },
    parts: [
      ...Object.entries(constants).map(([name, make]) => make(name)),
      node(type, order, others.outputs ?? ['y'], attributes),
    ],
    ...others,
  };
}

const w =
  (...shape: number[]) =>
  (name: string) =>
    weights(name, shape);
const list =
  (...values: number[]) =>
  (name: string) =>
    int64s(name, values);
const reals =
  (...values: number[]) =>
  (name: string) =>
    floats(name, [values.length], values);

// Convolutions.
one('Conv', 'Conv', [2, 3, 7, 6], {}, { w: w(4, 3, 3, 3), b: w(4) });
one(
  'Conv, stride, dilation, uneven pads',
  'Conv',
  [1, 4, 9, 8],
  { strides: [2, 1], dilations: [1, 2], pads: [1, 0, 2, 3], group: 2 },
  { w: w(6, 2, 3, 3) },
);
one('Conv, depthwise', 'Conv', [1, 4, 6, 6], { group: 4, pads: [1, 1, 1, 1] }, { w: w(4, 1, 3, 3), b: w(4) });
one('Conv, one axis', 'Conv', [1, 3, 20], { dilations: [3], pads: [3, 3] }, { w: w(5, 3, 3) });
one(
  'Conv, three axes',
  'Conv',
  [1, 2, 4, 5, 6],
  { strides: [1, 2, 1], pads: [1, 1, 0, 1, 1, 0] },
  { w: w(3, 2, 3, 3, 2) },
);
for (const pad of ['SAME_UPPER', 'SAME_LOWER', 'VALID']) {
  one(`Conv, ${pad}`, 'Conv', [1, 2, 7, 6], { auto_pad: pad, strides: [2, 2] }, { w: w(3, 2, 4, 3) });
}
one(
  'ConvTranspose',
  'ConvTranspose',
  [1, 3, 4, 5],
  { strides: [2, 2], pads: [1, 1, 1, 1] },
  { w: w(3, 2, 4, 4), b: w(2) },
);
one(
  'ConvTranspose, groups and output padding',
  'ConvTranspose',
  [1, 4, 4, 5],
  { strides: [3, 2], pads: [1, 0, 0, 1], output_padding: [1, 1], group: 2 },
  { w: w(4, 3, 3, 3) },
);
one(
  'ConvTranspose, output_shape',
  'ConvTranspose',
  [1, 2, 4, 5],
  { strides: [2, 2], output_shape: [9, 10] },
  { w: w(2, 3, 4, 4) },
);
one(
  'ConvTranspose, output_shape above what comes out',
  'ConvTranspose',
  [1, 2, 3, 3],
  { strides: [3, 3], output_shape: [10, 8] },
  { w: w(2, 3, 3, 3) },
);
for (const pad of ['SAME_UPPER', 'SAME_LOWER']) {
  one(
    `ConvTranspose, ${pad}`,
    'ConvTranspose',
    [1, 2, 4, 5],
    { auto_pad: pad, strides: [2, 2] },
    { w: w(2, 3, 3, 3) },
  );
}
one(
  'ConvTranspose, one axis',
  'ConvTranspose',
  [1, 3, 8],
  { strides: [4], pads: [2, 2], dilations: [1] },
  { w: w(3, 2, 8) },
);
one(
  'ConvTranspose, dilation',
  'ConvTranspose',
  [1, 3, 4, 4],
  { strides: [2, 1], dilations: [2, 3] },
  { w: w(3, 2, 2, 2) },
);

// Matrices.
one('Gemm', 'Gemm', [3, 5], {}, { w: w(5, 4), c: w(4) });
one(
  'Gemm, transposed, scaled',
  'Gemm',
  [5, 3],
  { transA: 1, transB: 1, alpha: float(0.5), beta: float(-2) },
  { w: w(4, 5), c: w(3, 1) },
);
one('Gemm without C', 'Gemm', [3, 5], {}, { w: w(5, 4) });
one('Gemm, opset 7', 'Gemm', [3, 5], { transB: 1 }, { w: w(4, 5), c: w(4) }, { opset: 7, version: 3 });
one('MatMul', 'MatMul', [2, 3, 5], {}, { w: w(5, 4) });
one('MatMul, constant in front', 'MatMul', [5, 4], {}, { w: w(3, 5) }, { order: ['w', 'x'] });
one('MatMul of a vector behind', 'MatMul', [2, 3, 5], {}, { w: w(5) });
one('MatMul of a vector in front', 'MatMul', [5], {}, { w: w(2, 5, 3) });
one('MatMul of two vectors', 'MatMul', [5], {}, { w: w(5) });
one('MatMul, batches that broadcast', 'MatMul', [2, 1, 3, 5], {}, { w: w(4, 5, 2) });

// Norms.
const positives =
  (...shape: number[]) =>
  (name: string) =>
    weights(name, shape, 0.5, 1.5);
const batch = { s: w(3), b: w(3), m: w(3), v: positives(3) };
one('BatchNormalization', 'BatchNormalization', [2, 3, 4, 5], {}, batch);
one("BatchNormalization, Keras's epsilon", 'BatchNormalization', [2, 3, 4], { epsilon: float(1e-3) }, batch);
for (const opset of [7, 9, 14, 15]) {
  one(`BatchNormalization, opset ${opset}`, 'BatchNormalization', [1, 3, 4, 5], {}, batch, { opset });
}
one('InstanceNormalization', 'InstanceNormalization', [2, 3, 4, 5], {}, { s: w(3), b: w(3) });
one(
  'InstanceNormalization of single values',
  'InstanceNormalization',
  [2, 3, 1, 1],
  {},
  { s: w(3), b: w(3) },
  { tolerance: 1e-4 },
);
one(
  'InstanceNormalization, one axis',
  'InstanceNormalization',
  [2, 3, 9],
  { epsilon: float(0.1) },
  { s: w(3), b: w(3) },
);
one(
  'GroupNormalization, opset 18',
  'GroupNormalization',
  [2, 6, 4, 3],
  { num_groups: 2, epsilon: float(1e-3) },
  { s: w(2), b: w(2) },
  { opset: 18 },
);
one(
  'GroupNormalization, opset 21',
  'GroupNormalization',
  [2, 6, 4, 3],
  { num_groups: 3 },
  { s: w(6), b: w(6) },
);
one('LayerNormalization', 'LayerNormalization', [2, 3, 4, 5], {}, { s: w(5), b: w(5) });
one(
  'LayerNormalization from an axis',
  'LayerNormalization',
  [2, 3, 4, 5],
  { axis: 1, epsilon: float(0.01) },
  { s: w(3, 4, 5) },
);
one(
  'LayerNormalization, negative axis',
  'LayerNormalization',
  [2, 3, 4],
  { axis: -2 },
  { s: w(3, 4), b: w(3, 4) },
);

// Functions of every value.
for (const type of [
  'Relu',
  'Sigmoid',
  'Tanh',
  'Softplus',
  'Softsign',
  'HardSwish',
  'Abs',
  'Neg',
  'Exp',
  'Sin',
  'Cos',
  'Floor',
  'Ceil',
  'Round',
  'Sign',
  'Erf',
  'Gelu',
  'Mish',
  'LeakyRelu',
  'Elu',
  'HardSigmoid',
  'Selu',
  'Celu',
]) {
  one(type, type, [2, 3, 4, 5]);
}
for (const type of ['Sqrt', 'Log', 'Reciprocal']) one(type, type, [2, 3, 4], {}, {}, { positive: true });
one('LeakyRelu, alpha', 'LeakyRelu', [1, 3, 4], { alpha: float(0.3) });
one('Elu, alpha', 'Elu', [1, 3, 4], { alpha: float(0.7) });
one('Celu, alpha', 'Celu', [1, 3, 4], { alpha: float(0.7) });
one("HardSigmoid, PyTorch's", 'HardSigmoid', [1, 3, 8], { alpha: float(1 / 6) });
one('Gelu, tanh', 'Gelu', [1, 3, 8], { approximate: 'tanh' });
one('PRelu, [C, 1, 1]', 'PRelu', [2, 3, 4, 5], {}, { s: w(3, 1, 1) });
one('PRelu, single slope', 'PRelu', [2, 3, 4, 5], {}, { s: w(1) });
one('PRelu from the right', 'PRelu', [2, 3, 4, 3], {}, { s: w(3) });
one('PRelu of two axes', 'PRelu', [2, 3], {}, { s: w(3) });
one('PRelu, one for every value', 'PRelu', [2, 3, 4], {}, { s: w(3, 4) });
one('Clip', 'Clip', [2, 3, 4], {}, { l: (n) => scalar(n, -0.5), h: (n) => scalar(n, 0.75) });
one('Clip, no minimum', 'Clip', [2, 3, 4], {}, { h: (n) => scalar(n, 0.75) }, { order: ['x', '', 'h'] });
one('Clip, no maximum', 'Clip', [2, 3, 4], {}, { l: (n) => scalar(n, -0.5) });
one('Clip, neither', 'Clip', [2, 3, 4]);
one('Clip, opset 7', 'Clip', [2, 3, 4], { min: float(-0.5), max: float(0.5) }, {}, { opset: 7 });
one('Clip, opset 10, no maximum', 'Clip', [2, 3, 4], { min: float(-0.5) }, {}, { opset: 10 });
one('Clip, bounds that cross', 'Clip', [2, 3, 4], {}, { l: (n) => scalar(n, 1), h: (n) => scalar(n, -1) });
for (const [opset, axis] of [
  [12, 1],
  [12, 2],
  [12, -1],
  [13, 1],
  [13, -1],
  [13, 3],
] as const) {
  for (const type of ['Softmax', 'LogSoftmax']) {
    one(`${type}, opset ${opset}, axis ${axis}`, type, [2, 3, 4, 5], { axis }, {}, { opset });
  }
}
one('Softmax, opset 11, default', 'Softmax', [2, 3, 4], {}, {}, { opset: 11 });
one('Softmax, opset 13, default', 'Softmax', [2, 3, 4]);

// Of two.
for (const type of ['Add', 'Sub', 'Mul', 'Div']) {
  cases[type] = {
    inputs: { x: [2, 3, 4], z: [2, 3, 4] },
    parts: [node(type, ['x', 'z'], ['y'])],
    positive: true,
  };
  for (const shape of [[3, 1, 1], [1], [], [5], [2, 1, 4, 1], [1, 2, 3, 4, 5]]) {
    one(`${type} of [${shape}]`, type, [2, 3, 4, 5], {}, { w: (name) => weights(name, shape, 0.5, 1.5) });
  }
  one(
    `${type}, constant in front`,
    type,
    [2, 3, 4],
    {},
    { w: w(3, 1) },
    { order: ['w', 'x'], positive: true },
  );
}
cases['Add, both broadcast'] = {
  inputs: { x: [2, 1, 4, 1], z: [3, 1, 5] },
  parts: [node('Add', ['x', 'z'], ['y'])],
};
for (const exponent of [2, 0.5, -1, 1, 3, 1.7]) {
  one(`Pow ${exponent}`, 'Pow', [2, 3, 4], {}, { e: (name) => scalar(name, exponent) }, { positive: true });
}
one('Pow of integers', 'Pow', [2, 3, 4], {}, { e: (name) => int64s(name, [2], []) });
one('Pow by a list', 'Pow', [2, 3], {}, { e: w(3) }, { positive: true });
for (const type of ['Min', 'Max', 'Sum', 'Mean']) {
  cases[type] = {
    inputs: { x: [2, 3, 4], z: [3, 1], u: [4] },
    parts: [node(type, ['x', 'z', 'u'], ['y'])],
  };
  one(`${type} of one`, type, [2, 3, 4]);
}

// What moves values.
for (const axis of [0, 1, -1]) {
  cases[`Concat, axis ${axis}`] = {
    inputs: { x: [2, 3, 4], z: axis === 0 ? [1, 3, 4] : axis === 1 ? [2, 5, 4] : [2, 3, 1] },
    parts: [node('Concat', ['x', 'z', 'x'], ['y'], { axis })],
  };
}
one('Concat with a constant', 'Concat', [2, 3, 4], { axis: 1 }, { w: w(2, 2, 4) });
const parts = (...names: string[]) => ({ outputs: names });
one(
  'Split, equal',
  'Split',
  [2, 6, 4],
  { axis: 1, num_outputs: 3 },
  {},
  { ...parts('a', 'b', 'c'), opset: 18 },
);
one(
  'Split, a smaller last part',
  'Split',
  [2, 7, 4],
  { axis: -2, num_outputs: 3 },
  {},
  { ...parts('a', 'b', 'c'), opset: 18 },
);
one(
  'Split, sizes, opset 13',
  'Split',
  [2, 7, 4],
  { axis: 1 },
  { s: list(2, 5) },
  { ...parts('a', 'b'), opset: 13 },
);
one(
  'Split, sizes, opset 11',
  'Split',
  [2, 7, 4],
  { axis: 1, split: [3, 4] },
  {},
  { ...parts('a', 'b'), opset: 11 },
);
one('Split, opset 11, default axis', 'Split', [4, 3], {}, {}, { ...parts('a', 'b'), opset: 11 });
one('Slice', 'Slice', [4, 6, 8], {}, { s: list(1, 2), e: list(3, 100), a: list(0, 2) });
one(
  'Slice, negative, in steps',
  'Slice',
  [4, 6, 8],
  {},
  { s: list(-1, -2), e: list(-100, -7), a: list(1, -1), t: list(-2, -1) },
);
one('Slice to INT_MAX', 'Slice', [4, 6], {}, { s: list(1), e: list(2 ** 31 - 1) });
one(
  'Slice to INT64_MAX',
  'Slice',
  [4, 6],
  {},
  { s: list(1), e: (n) => initializer(n, 'int64', [1], BigInt64Array.of(2n ** 63n - 1n)) },
);
one(
  'Slice, int32',
  'Slice',
  [4, 6],
  {},
  {
    s: (n) => initializer(n, 'int32', [1], Int32Array.of(1)),
    e: (n) => initializer(n, 'int32', [1], Int32Array.of(-1)),
  },
);
one('Slice, opset 9', 'Slice', [4, 6, 8], { starts: [1, 0], ends: [-1, 5], axes: [0, 2] }, {}, { opset: 9 });
for (const mode of ['constant', 'reflect', 'edge']) {
  one(`Pad, ${mode}`, 'Pad', [1, 2, 4, 5], { mode }, { p: list(0, 0, 1, 2, 0, 0, 3, 4) });
  one(
    `Pad, ${mode}, opset 10`,
    'Pad',
    [1, 2, 4, 5],
    { mode, pads: [0, 0, 1, 2, 0, 0, 3, 4] },
    {},
    { opset: 10 },
  );
  one(`Pad, ${mode}, some below 0`, 'Pad', [1, 2, 6, 7], { mode }, { p: list(0, 0, -1, 2, 0, 0, 3, -2) });
}
one('Pad, value', 'Pad', [1, 2, 4], {}, { p: list(0, 1, 2, 0, 0, 1), v: (n) => scalar(n, 7.5) });
one(
  'Pad, value, opset 7',
  'Pad',
  [1, 2, 4],
  { pads: [0, 1, 2, 0, 0, 1], value: float(7.5) },
  {},
  { opset: 7 },
);
one(
  'Pad, axes',
  'Pad',
  [1, 2, 4, 5],
  {},
  { p: list(1, 2, 3, 4), a: list(-1, 2) },
  { order: ['x', 'p', '', 'a'], opset: 18 },
);
one('Pad, wrap', 'Pad', [1, 2, 4, 5], { mode: 'wrap' }, { p: list(0, 0, 1, 2, 0, 0, 3, 4) }, { opset: 19 });
one('Pad of nothing', 'Pad', [1, 2, 4], {}, { p: list(0, 0, 0, 0, 0, 0) });
for (const mode of ['DCR', 'CRD'])
  one(`DepthToSpace, ${mode}`, 'DepthToSpace', [2, 12, 3, 4], { blocksize: 2, mode });
one('DepthToSpace, opset 7', 'DepthToSpace', [1, 9, 3, 4], { blocksize: 3 }, {}, { opset: 7 });
one('SpaceToDepth', 'SpaceToDepth', [2, 3, 4, 6], { blocksize: 2 });
one('Reshape, 0 copies and -1 infers', 'Reshape', [2, 3, 4, 5], {}, { s: list(0, -1, 5) });
one('Reshape, allowzero', 'Reshape', [2, 3, 4], { allowzero: 1 }, { s: list(6, 4) });
for (const axis of [0, 1, 2, -1]) one(`Flatten, axis ${axis}`, 'Flatten', [2, 3, 4, 5], { axis });
one('Squeeze', 'Squeeze', [1, 3, 1, 5], {}, { a: list(0, -2) });
one('Squeeze, all', 'Squeeze', [1, 3, 1, 5]);
one('Squeeze, opset 12', 'Squeeze', [1, 3, 1, 5], { axes: [0] }, {}, { opset: 12 });
one('Unsqueeze', 'Unsqueeze', [3, 5], {}, { a: list(0, -1) });
one('Unsqueeze, opset 11', 'Unsqueeze', [3, 5], { axes: [1, 3] }, {}, { opset: 11 });
one('Transpose', 'Transpose', [2, 3, 4, 5], { perm: [0, 2, 3, 1] });
one('Transpose by default', 'Transpose', [2, 3, 4]);
one('Expand', 'Expand', [3, 1, 5], {}, { s: list(2, 1, 4, 1) });
one('Expand within', 'Expand', [3, 4], {}, { s: list(1) });
one('Identity', 'Identity', [2, 3]);
one('Dropout', 'Dropout', [2, 3]);
one('Dropout, opset 7', 'Dropout', [2, 3], { ratio: float(0.3) }, {}, { opset: 7 });
one('Gather of one', 'Gather', [2, 3, 4], { axis: 1 }, { i: (n) => int64s(n, [-1], []) });
one('Gather of a row', 'Gather', [2, 6, 4], { axis: 1 }, { i: list(5, 3, 1) });
one('Cast to float', 'Cast', [2, 3], { to: 1 });

// Pools and reductions.
for (const type of ['MaxPool', 'AveragePool']) {
  one(type, type, [1, 2, 7, 8], { kernel_shape: [3, 2] });
  one(`${type}, strides and pads`, type, [1, 2, 7, 8], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 0, 1, 2],
  });
  one(`${type}, ceil`, type, [1, 2, 6, 7], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 });
  one(`${type}, ceil, a last window in the padding alone`, type, [1, 2, 4, 5], {
    kernel_shape: [2, 2],
    strides: [3, 3],
    pads: [1, 1, 1, 1],
    ceil_mode: 1,
  });
  one(`${type}, one axis`, type, [1, 2, 9], { kernel_shape: [4], strides: [2], pads: [1, 1] });
  one(`${type}, three axes`, type, [1, 2, 4, 5, 6], { kernel_shape: [2, 3, 2], strides: [1, 2, 2] });
  one(`${type}, dilation`, type, [1, 2, 9, 9], { kernel_shape: [3, 3], dilations: [2, 3] });
  for (const pad of ['SAME_UPPER', 'SAME_LOWER', 'VALID']) {
    one(`${type}, ${pad}`, type, [1, 2, 7, 8], { kernel_shape: [3, 2], strides: [2, 2], auto_pad: pad });
  }
}
for (const ceil of [0, 1]) {
  one(`AveragePool, padding counts, ceil ${ceil}`, 'AveragePool', [1, 2, 6, 7], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    count_include_pad: 1,
    ceil_mode: ceil,
  });
}
one(
  'MaxPool, opset 8',
  'MaxPool',
  [1, 2, 6, 7],
  { kernel_shape: [2, 2], storage_order: 0 },
  {},
  { opset: 8 },
);
one('GlobalAveragePool', 'GlobalAveragePool', [2, 3, 4, 5]);
one('GlobalMaxPool', 'GlobalMaxPool', [2, 3, 4]);
for (const type of [
  'ReduceMean',
  'ReduceSum',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
]) {
  one(type, type, [2, 3, 4, 5], { axes: [2, -1] }, {}, { opset: 11 });
  one(`${type}, an input`, type, [2, 3, 4], { keepdims: 0 }, { a: list(-2) }, { opset: 18 });
  one(`${type}, all`, type, [2, 3, 4], {}, {}, { opset: 18 });
}
one('ReduceSum of nothing', 'ReduceSum', [2, 3], { noop_with_empty_axes: 1 }, {}, { opset: 13 });

// Resize, in its versions.
for (const mode of ['nearest', 'linear']) {
  one(
    `Upsample, opset 7, ${mode}`,
    'Upsample',
    [1, 2, 3, 4],
    { mode, scales: { floats: [1, 1, 2, 3] } },
    {},
    { opset: 7 },
  );
  one(
    `Upsample, opset 9, ${mode}`,
    'Upsample',
    [1, 2, 3, 4],
    { mode },
    { s: reals(1, 1, 2, 2.5) },
    { opset: 9 },
  );
  one(
    `Resize, opset 10, ${mode}`,
    'Resize',
    [1, 2, 3, 4],
    { mode },
    { s: reals(1, 1, 2, 2.5) },
    { opset: 10 },
  );
  one(
    `Resize, opset 10, ${mode}, one axis grows, one shrinks`,
    'Resize',
    [1, 2, 7, 4],
    { mode },
    { s: reals(1, 1, 0.6, 2.5) },
    { opset: 10 },
  );
}
const coordinates = [
  'asymmetric',
  'half_pixel',
  'pytorch_half_pixel',
  'align_corners',
  'half_pixel_symmetric',
];
for (const mode of coordinates) {
  const opset = 19;
  // With 0.6 some places of all others are whole numbers, up to the last bit.
  const shrinking = mode === 'half_pixel_symmetric' ? 0.7 : 0.6;
  for (const scales of [
    [2, 3],
    [shrinking, 1.7],
  ]) {
    const s = reals(1, 1, ...scales);
    for (const interpolation of ['linear', 'cubic']) {
      one(
        `Resize, ${interpolation}, ${mode}, [${scales}]`,
        'Resize',
        [1, 2, 5, 6],
        { mode: interpolation, coordinate_transformation_mode: mode },
        { s },
        { order: ['x', '', 's'], opset },
      );
    }
    for (const nearest of ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) {
      one(
        `Resize, ${nearest}, ${mode}, [${scales}]`,
        'Resize',
        [1, 2, 5, 6],
        { coordinate_transformation_mode: mode, nearest_mode: nearest },
        { s },
        { order: ['x', '', 's'], opset },
      );
    }
  }
  one(
    `Resize, linear, ${mode}, to sizes and to 1`,
    'Resize',
    [1, 2, 5, 6],
    { mode: 'linear', coordinate_transformation_mode: mode },
    { s: list(1, 2, 1, 11) },
    { order: ['x', '', '', 's'], opset },
  );
}
one(
  'Resize, cubic, a and exclude_outside',
  'Resize',
  [1, 2, 5, 6],
  { mode: 'cubic', cubic_coeff_a: float(-0.5), exclude_outside: 1 },
  { s: reals(1, 1, 2, 1.7) },
  { order: ['x', '', 's'], opset: 13 },
);
one(
  'Resize, one axis',
  'Resize',
  [1, 2, 9],
  { mode: 'linear' },
  { s: reals(1, 1, 2.5) },
  { order: ['x', '', 's'], opset: 13 },
);
one(
  'Resize, three axes',
  'Resize',
  [1, 2, 3, 4, 5],
  { mode: 'linear' },
  { s: reals(1, 1, 2, 1.5, 2) },
  { order: ['x', '', 's'], opset: 13 },
);
one(
  'Resize, empty tensors for what is left out',
  'Resize',
  [1, 2, 3, 4],
  {},
  { r: (n) => floats(n, [0], []), e: (n) => floats(n, [0], []), s: list(1, 2, 6, 9) },
  { opset: 11 },
);
one(
  'Resize, axes',
  'Resize',
  [1, 2, 3, 4],
  { axes: [2, 3], mode: 'linear' },
  { s: reals(2, 3) },
  { order: ['x', '', 's'], opset: 18 },
);
for (const policy of ['not_larger', 'not_smaller', 'stretch']) {
  one(
    `Resize, ${policy}`,
    'Resize',
    [1, 2, 6, 4],
    { axes: [2, 3], keep_aspect_ratio_policy: policy, mode: 'linear' },
    { s: list(9, 10) },
    { order: ['x', '', '', 's'], opset: 18 },
  );
}
one(
  'Resize of a part',
  'Resize',
  [1, 2, 6, 5],
  { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: float(9) },
  { r: reals(0, 0, 0.2, -0.1, 1, 1, 0.8, 1.2), s: list(1, 2, 4, 8) },
  { order: ['x', 'r', '', 's'], opset: 13 },
);
one(
  'Resize, floor of tf_half_pixel_for_nn',
  'Resize',
  [1, 2, 5, 6],
  { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' },
  { r: (n) => floats(n, [0], []), s: reals(1, 1, 1.7, 2) },
  { opset: 11 },
);

// What exporters write around them.
cases['a size computed from the size of another value'] = {
  inputs: { x: [1, 2, 3, 4], z: [1, 2, 7, 9] },
  declared: { x: ['n', 2, 'h', 'w'], z: ['n', 2, 'hh', 'ww'] },
  parts: [
    node('Shape', ['z'], ['zs']),
    node('Shape', ['x'], ['xs']),
    int64s('two', [2], [1]),
    int64s('zero', [0], [1]),
    int64s('four', [4], [1]),
    node('Slice', ['zs', 'two', 'four', 'zero'], ['spatial']),
    node('Slice', ['xs', 'zero', 'two', 'zero'], ['front']),
    node('Cast', ['spatial'], ['s32'], { to: 6 }),
    node('Cast', ['s32'], ['s64'], { to: 7 }),
    node('Concat', ['front', 's64'], ['size'], { axis: 0 }),
    node('Resize', ['x', '', '', 'size'], ['y'], {
      mode: 'linear',
      coordinate_transformation_mode: 'align_corners',
    }),
  ],
};
cases['a flat shape made of Shape, Gather, Mul and Concat'] = {
  inputs: { x: [2, 3, 4, 5] },
  declared: { x: ['n', 'c', 'h', 'w'] },
  parts: [
    node('Shape', ['x'], ['s']),
    int64s('i0', [0], []),
    int64s('i2', [2], []),
    int64s('i3', [3], []),
    int64s('axis', [0]),
    node('Gather', ['s', 'i0'], ['n']),
    node('Gather', ['s', 'i2'], ['h']),
    node('Gather', ['s', 'i3'], ['w']),
    node('Mul', ['h', 'w'], ['hw']),
    node('Unsqueeze', ['n', 'axis'], ['n1']),
    node('Unsqueeze', ['hw', 'axis'], ['hw1']),
    int64s('rest', [-1]),
    node('Concat', ['n1', 'rest', 'hw1'], ['shape'], { axis: 0 }),
    node('Reshape', ['x', 'shape'], ['y']),
  ],
};
cases['pads as PyTorch computes them'] = {
  inputs: { x: [1, 2, 4, 5] },
  declared: { x: ['n', 2, 'h', 'w'] },
  parts: [
    int64s('given', [1, 2, 3, 1]),
    int64s('rank', [4], [1]),
    node('Shape', ['given'], ['count']),
    int64s('eight', [8], [1]),
    node('Sub', ['eight', 'count'], ['missing']),
    node('ConstantOfShape', ['missing'], ['zeros'], {
      value: tensorValue('int64', [1], BigInt64Array.of(0n)),
    }),
    node('Concat', ['given', 'zeros'], ['all'], { axis: 0 }),
    int64s('square', [-1, 2]),
    node('Reshape', ['all', 'square'], ['pairs']),
    int64s('minus', [-1]),
    int64s('least', [-9223372036854775000]),
    int64s('zero', [0]),
    node('Slice', ['pairs', 'minus', 'least', 'zero', 'minus'], ['turned']),
    node('Transpose', ['turned'], ['columns'], { perm: [1, 0] }),
    node('Reshape', ['columns', 'minus'], ['flat']),
    node('Cast', ['flat'], ['pads'], { to: 7 }),
    node('Pad', ['x', 'pads'], ['y'], { mode: 'reflect' }),
  ],
};
cases['a scale that Cast, Div and Floor make'] = {
  inputs: { x: [1, 2, 5, 6] },
  declared: { x: [1, 2, 'h', 'w'] },
  parts: [
    node('Shape', ['x'], ['s']),
    node('Cast', ['s'], ['f'], { to: 1 }),
    floats('by', [4], [1, 1, 0.5, 0.5]),
    node('Mul', ['f', 'by'], ['half']),
    node('Floor', ['half'], ['floored']),
    node('Cast', ['floored'], ['size'], { to: 7 }),
    node('Resize', ['x', '', '', 'size'], ['y'], { mode: 'linear' }),
  ],
};
cases['Expand to a shape that Where and Equal choose'] = {
  inputs: { x: [1, 3, 1] },
  parts: [
    int64s('wanted', [2, -1, 4]),
    int64s('any', [-1, -1, -1]),
    int64s('ones', [1, 1, 1]),
    node('Equal', ['wanted', 'any'], ['open']),
    node('Where', ['open', 'ones', 'wanted'], ['shape']),
    node('Expand', ['x', 'shape'], ['y']),
  ],
};
cases['numbers of a Range and a ConstantOfShape, added'] = {
  inputs: { x: [2, 3] },
  declared: { x: ['n', 'm'] },
  parts: [
    node('Shape', ['x'], ['s']),
    int64s('i1', [1], []),
    node('Gather', ['s', 'i1'], ['m']),
    int64s('i0', [0], []),
    node('Range', ['i0', 'm', 'i1'], ['r']),
    node('Cast', ['r'], ['rf'], { to: 1 }),
    node('ConstantOfShape', ['s'], ['zeros']),
    node('Add', ['rf', 'zeros'], ['grid']),
    node('Add', ['x', 'grid'], ['y']),
  ],
};
cases['NHWC with Transposes around a layer'] = {
  inputs: { x: [1, 5, 6, 3] },
  parts: [
    weights('w', [4, 3, 3, 3]),
    node('Transpose', ['x'], ['a'], { perm: [0, 3, 1, 2] }),
    node('Conv', ['a', 'w'], ['b']),
    node('Transpose', ['b'], ['c'], { perm: [0, 2, 3, 1] }),
    node('Relu', ['c'], ['y']),
  ],
};
cases['weights that are inputs too, of Constant nodes, and used twice'] = {
  inputs: { x: [1, 3, 6, 6] },
  version: 3,
  opset: 8,
  parts: [
    input('w', [3, 3, 3, 3]),
    weights('w', [3, 3, 3, 3]),
    node('Constant', [], ['b'], { value: tensorValue('float32', [3], Float32Array.of(1, -2, 3)) }),
    node('Conv', ['x', 'w', 'b'], ['a'], { pads: [1, 1, 1, 1] }),
    node('Conv', ['a', 'w', 'b'], ['y']),
  ],
};
cases['names with slashes, dead branches, Identity and Dropout in between'] = {
  inputs: { x: [1, 3, 4] },
  parts: [
    node('Identity', ['x'], ['/m/a']),
    node('Hardmax', ['/m/a'], ['/dead/branch']),
    node('Dropout', ['/m/a'], ['/m/b', '']),
    node('Relu', ['/m/b'], ['/m/c']),
    node('Identity', ['/m/c'], ['y']),
  ],
};
cases['outputs that are an input, a constant and a value twice'] = {
  inputs: { x: [2, 3] },
  outputs: ['y', 'i', 'c', 'd'],
  parts: [
    weights('k', [2]),
    node('Relu', ['x'], ['y']),
    node('Identity', ['x'], ['i']),
    node('Identity', ['k'], ['c']),
    node('Identity', ['y'], ['d']),
  ],
};
cases['a zero that protobuf leaves out'] = {
  inputs: { x: [2, 3] },
  parts: [node('LeakyRelu', ['x'], ['y'], { alpha: { omitted: 1 } })],
};
cases['functions of the model, with an attribute and an input left out'] = {
  inputs: { x: [2, 3] },
  functions: [
    definition(
      'Twice',
      ['a', 'slope'],
      ['b'],
      [node('Add', ['a', 'a'], ['sum']), node('Once', ['sum'], ['b'], {}, 'own')],
    ),
    definition('Once', ['a', 'low'], ['b'], [node('Clip', ['a', 'low'], ['b'])]),
  ],
  parts: [node('Twice', ['x'], ['h'], {}, 'own'), node('Twice', ['h'], ['y'], {}, 'own')],
};
const halves = (name: string) =>
  initializer(name, 'float16', [2, 3, 1, 1], Uint16Array.of(0x3c00, 0xbc00, 0x4000, 0x3800, 0x3555, 0xc200));
cases['float16 weights behind a Cast'] = {
  inputs: { x: [1, 3, 4, 4] },
  parts: [halves('h'), node('Cast', ['h'], ['w'], { to: 1 }), node('Conv', ['x', 'w'], ['y'])],
};
cases['int8 weights by channel'] = {
  inputs: { x: [1, 3, 4, 4] },
  parts: [
    initializer('q', 'int8', [2, 3, 1, 1], Int8Array.of(1, -128, 127, 5, -6, 7)),
    floats('s', [2], [0.5, 0.25]),
    initializer('z', 'int8', [2], Int8Array.of(0, 3)),
    node('DequantizeLinear', ['q', 's', 'z'], ['w'], { axis: 0 }),
    node('Conv', ['x', 'w'], ['y']),
  ],
};
cases['float weights that pass a quantize pair'] = {
  inputs: { x: [1, 3, 4, 4] },
  parts: [
    weights('f', [2, 3, 1, 1]),
    scalar('s', 0.02),
    initializer('z', 'int8', [], Int8Array.of(2)),
    node('QuantizeLinear', ['f', 's', 'z'], ['q']),
    node('DequantizeLinear', ['q', 's', 'z'], ['w']),
    node('Conv', ['x', 'w'], ['y']),
  ],
};
cases['weights quantized in blocks'] = {
  inputs: { x: [2, 4] },
  parts: [
    initializer('q', 'int8', [4, 2], Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
    floats('s', [2, 2], [0.5, 0.25, 1, 2]),
    node('DequantizeLinear', ['q', 's'], ['w'], { axis: 0, block_size: 2 }),
    node('MatMul', ['x', 'w'], ['y']),
  ],
};
for (const [type, values] of [
  ['uint8', Uint8Array.of(128)],
  ['int8', Int8Array.of(-5)],
] as const) {
  cases[`a quantize pair around values, ${type}`] = {
    inputs: { x: [2, 3, 4, 4] },
    parts: [
      scalar('s', 0.019),
      initializer('z', type, [], values),
      node('QuantizeLinear', ['x', 's', 'z'], ['q']),
      node('MaxPool', ['q'], ['p'], { kernel_shape: [2, 2] }),
      node('Transpose', ['q'], ['t'], { perm: [0, 2, 3, 1] }),
      node('DequantizeLinear', ['t', 's', 'z'], ['y']),
    ],
  };
}
cases['a quantize pair by channel, without zero points'] = {
  inputs: { x: [2, 3, 4, 4] },
  parts: [
    floats('s', [3], [0.01, 0.02, 0.05]),
    initializer('z', 'uint8', [3], Uint8Array.of(0, 128, 200)),
    node('QuantizeLinear', ['x', 's', 'z'], ['q'], { axis: 1 }),
    node('DequantizeLinear', ['q', 's', 'z'], ['y'], { axis: -3 }),
  ],
};
cases.Snake = {
  inputs: { x: [1, 3, 10] },
  parts: [
    weights('a', [1, 3, 1], 0.5, 1.5),
    floats('e', [], [1e-9]),
    scalar('two', 2),
    node('Mul', ['x', 'a'], ['ax']),
    node('Sin', ['ax'], ['sin']),
    node('Pow', ['sin', 'two'], ['square']),
    node('Add', ['a', 'e'], ['ae']),
    node('Reciprocal', ['ae'], ['r']),
    node('Mul', ['r', 'square'], ['term']),
    node('Add', ['x', 'term'], ['y']),
  ],
};

export const NETWORK_CASES: Readonly<Record<string, NetworkCase>> = cases;

/** What networks run, and what only stands in the arithmetic of shapes and in constants. */
export const ONNX_OPERATORS: ReadonlySet<string> = new Set(
  `Conv ConvTranspose Gemm MatMul BatchNormalization InstanceNormalization GroupNormalization LayerNormalization
  Relu LeakyRelu PRelu Clip HardSwish Elu Sigmoid Tanh Gelu Softplus HardSigmoid Softmax LogSoftmax Add Sub Mul Div Pow
  Sqrt Exp Sin Cos Abs Neg Min Max Concat Split Slice Pad Resize Upsample DepthToSpace SpaceToDepth MaxPool
  AveragePool GlobalAveragePool ReduceMean Reshape Flatten Squeeze Unsqueeze Transpose Expand Identity Dropout Cast
  Shape Gather Constant ConstantOfShape Range QuantizeLinear DequantizeLinear Sum Mean Log Reciprocal Floor Ceil Round
  Sign Erf Softsign Selu Celu Mish GlobalMaxPool ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2
  ReduceSumSquare`.split(/\s+/),
);
