// Resize, in its versions.

import { floats } from '../onnx-writer.js';
import { float, list, one, reals } from './case.js';

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
// Places in the middle of two sources that floats move: 9.5 * 14 / 19 - 0.5, 19.5 * 14 / 39 - 0.5, 7 / 2 and 7.5 / 0.3 - 0.5.
for (const [from, to] of [
  [14, 19],
  [14, 39],
  [7, 2],
  [7, 16],
  [30, 9],
  [20, 6],
] as const) {
  for (const mode of ['half_pixel', 'asymmetric', 'half_pixel_symmetric', 'align_corners']) {
    for (const nearest of ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) {
      one(
        `Resize, ${nearest}, ${mode}, ${from} to ${to}`,
        'Resize',
        [1, 1, from],
        { coordinate_transformation_mode: mode, nearest_mode: nearest },
        { s: list(1, 1, to) },
        { order: ['x', '', '', 's'], opset: mode === 'half_pixel_symmetric' ? 19 : 16 },
      );
    }
  }
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
for (const mode of ['nearest', 'linear']) {
  // The axes that are not named are taken whole, wherever the others begin.
  one(
    `Resize of a part of one axis, ${mode}`,
    'Resize',
    [2, 3, 4, 5],
    { axes: [2], mode, coordinate_transformation_mode: 'tf_crop_and_resize' },
    { r: reals(0.13, 0.9), s: list(9) },
    { order: ['x', 'r', '', 's'], opset: 18 },
  );
}
one(
  'Resize, floor of tf_half_pixel_for_nn',
  'Resize',
  [1, 2, 5, 6],
  { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' },
  { r: (n) => floats(n, [0], []), s: reals(1, 1, 1.7, 2) },
  { opset: 11 },
);
