// Norms.

import { float, one, positives, w } from './case.js';

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
const WHOLE: readonly [string, readonly number[], readonly number[] | null, number][] = [
  ['over all of its input', [2, 3, 4], [2, 3, 4], -1],
  ['of every row', [3, 1], [3, 4], -1],
  ['of every row in front of those of columns', [3, 4], [4], -1],
  ['of every sample, without summands', [2, 1, 1], null, -1],
  ['beside summands of every sample', [3, 4], [2, 1, 1], -2],
];
for (const [title, scale, shift, axis] of WHOLE) {
  const shiftOf = shift === null ? {} : { b: w(...shift) };
  one(
    `LayerNormalization, scales ${title}`,
    'LayerNormalization',
    [2, 3, 4],
    { axis },
    { s: w(...scale), ...shiftOf },
  );
}
