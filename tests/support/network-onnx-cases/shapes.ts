// What moves values.

import { initializer, int64s, node } from '../onnx-writer.js';
import { cases, float, list, one, scalar, w } from './case.js';

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
one('Tile', 'Tile', [2, 3, 4], {}, { r: list(1, 2, 3) });
one('Tile of axes of one value', 'Tile', [2, 1, 4, 1], {}, { r: list(2, 3, 1, 5) });
one('Tile of nothing', 'Tile', [2, 3], {}, { r: list(1, 1) });
one('Expand within', 'Expand', [3, 4], {}, { s: list(1) });
one('Identity', 'Identity', [2, 3]);
one('Dropout', 'Dropout', [2, 3]);
one('Dropout, opset 7', 'Dropout', [2, 3], { ratio: float(0.3) }, {}, { opset: 7 });
one('Gather of one', 'Gather', [2, 3, 4], { axis: 1 }, { i: (n) => int64s(n, [-1], []) });
one('Gather of a row', 'Gather', [2, 6, 4], { axis: 1 }, { i: list(5, 3, 1) });
for (const places of [
  [0, 1, 3],
  [-1, -1],
  [0, 1, -1],
  [2, 0, 1, 5, 4, 3, 3, 3, 1],
]) {
  one(`Gather of ${places.join(', ')}`, 'Gather', [2, 6, 4], { axis: 1 }, { i: list(...places) });
}
one(
  'Gather of a table',
  'Gather',
  [2, 6, 4],
  { axis: -2 },
  { i: (n) => int64s(n, [0, 1, -1, 2, 2, 4], [3, 2]) },
);
one('Cast to float', 'Cast', [2, 3], { to: 1 });
for (const type of ['Squeeze', 'Unsqueeze']) {
  one(`${type} of an empty list of axes`, type, [1, 2, 1, 3], { axes: [] }, {}, { opset: 11 });
}
one(
  'Slice backwards from in front of an axis',
  'Slice',
  [2, 3, 4],
  {},
  { s: list(-9), e: list(-100), a: list(1), t: list(-1) },
  { opset: 13 },
);
