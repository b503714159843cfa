// Convolutions.

import { one, w } from './case.js';

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
// The default, as writers without presence have it.
one(
  'Conv, no word for auto_pad',
  'Conv',
  [1, 2, 5, 4],
  { auto_pad: '', pads: [1, 0, 1, 1] },
  { w: w(2, 2, 3, 3) },
);
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
