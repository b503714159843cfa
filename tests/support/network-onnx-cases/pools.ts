// Pools and reductions.

import { floats, node } from '../onnx-writer.js';
import { cases, list, one } from './case.js';

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
for (const type of ['ReduceMax', 'ReduceL1', 'ReduceSumSquare']) {
  one(`${type} of an empty list of axes`, type, [1, 2, 1, 3], { axes: [] }, {}, { opset: 11 });
}
for (const type of ['ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceMax']) {
  one(`${type} of a scalar`, type, [], { keepdims: 0 }, {}, { opset: 13 });
}
for (const values of [
  [800, 1],
  [-800, -801],
  [Number.NEGATIVE_INFINITY, 2],
  [0.5, 1.5],
]) {
  cases[`ReduceLogSumExp of the constants ${values}`] = {
    inputs: { x: [1] },
    parts: [floats('c', [2], values), node('ReduceLogSumExp', ['c'], ['s']), node('Add', ['x', 's'], ['y'])],
    opset: 18,
  };
}
