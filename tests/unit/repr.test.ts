import { expect, it } from 'vitest';
import type { OperatorSpec } from '../../web/lib/core/spec.js';
import { describeLayer, python } from '../../web/lib/layers/repr.js';

const SPEC: OperatorSpec = {
  transposed: true,
  groups: 1,
  inChannels: 16,
  outChannels: 33,
  kernel: [3, 5],
  stride: [2, 1],
  dilation: [1, 1],
  inputDilation: [1, 1],
  padBefore: [0, 0],
  padAfter: [0, 0],
  relu: false,
};

it('leaves out what is at its default', () => {
  expect(describeLayer(SPEC, [0, 0], [0, 0], true)).toBe('16, 33, kernel_size=(3, 5), stride=(2, 1)');
});

it('keeps the order of PyTorch', () => {
  expect(describeLayer({ ...SPEC, dilation: [1, 2], groups: 1 }, [4, 0], [0, 1], false)).toBe(
    '16, 33, kernel_size=(3, 5), stride=(2, 1), padding=(4, 0), dilation=(1, 2), output_padding=(0, 1), bias=False',
  );
});

it('writes numbers, booleans and nothing as Python does', () => {
  const values = [1, 0.1, 1e-5, 1e16, 1.5e-7, -2, 0, Infinity, -Infinity, Number.NaN, true, false, null];
  expect(values.map(python).join(' ')).toBe(
    '1.0 0.1 1e-05 1e+16 1.5e-07 -2.0 0.0 inf -inf nan True False None',
  );
});

it('writes words bare', () => {
  expect(describeLayer(SPEC, 'same', [], true)).toMatch(/, padding=same$/);
});

it('writes one axis as Python does', () => {
  const spec = { ...SPEC, kernel: [3], stride: [1], dilation: [2], groups: 1 };
  expect(describeLayer(spec, [1], [0], true)).toBe(
    '16, 33, kernel_size=(3,), stride=(1,), padding=(1,), dilation=(2,)',
  );
});
