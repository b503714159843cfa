import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kaimingUniformBound } from '../../web/lib/core/initializers.js';
import {
  kernelReach,
  type OperatorSpec,
  outputExtent,
  outputExtents,
  weightShape,
} from '../../web/lib/core/spec.js';
import { runsOf } from '../support/seed.js';

function specOf(changes: Partial<OperatorSpec> = {}): OperatorSpec {
  return {
    transposed: true,
    groups: 1,
    inChannels: 4,
    outChannels: 6,
    kernel: [3],
    stride: [1],
    dilation: [1],
    inputDilation: [1],
    padBefore: [0],
    padAfter: [0],
    relu: false,
    ...changes,
  };
}

const axis = fc.record({
  n: fc.integer({ min: 1, max: 9 }),
  k: fc.integer({ min: 1, max: 6 }),
  stride: fc.integer({ min: 1, max: 6 }),
  dilation: fc.integer({ min: 1, max: 5 }),
  inputDilation: fc.integer({ min: 1, max: 4 }),
  before: fc.integer({ min: -8, max: 12 }),
  after: fc.integer({ min: -8, max: 12 }),
});

describe('outputExtent', () => {
  it('of a transposed axis counts the places from the first stamp to the last, less the crops', () => {
    fc.assert(
      fc.property(axis, ({ n, k, stride, dilation, before, after }) => {
        const touched: number[] = [];
        for (let i = 0; i < n; i += 1) {
          for (let tap = 0; tap < k; tap += 1) touched.push(i * stride + tap * dilation);
        }
        const spec = specOf({
          kernel: [k],
          stride: [stride],
          dilation: [dilation],
          padBefore: [before],
          padAfter: [after],
        });
        expect(outputExtent(spec, 0, n)).toBe(Math.max(...touched) + 1 - before - after);
      }),
      runsOf(2000),
    );
  });

  it('of a convolution counts the places where the kernel lies on the padded input', () => {
    fc.assert(
      fc.property(axis, ({ n, k, stride, dilation, inputDilation, before, after }) => {
        const length = (n - 1) * inputDilation + 1 + before + after;
        let places = 0;
        for (let start = 0; start + dilation * (k - 1) < length; start += stride) places += 1;
        const spec = specOf({
          transposed: false,
          kernel: [k],
          stride: [stride],
          dilation: [dilation],
          inputDilation: [inputDilation],
          padBefore: [before],
          padAfter: [after],
        });
        expect(outputExtent(spec, 0, n)).toBe(places);
      }),
      runsOf(2000),
    );
  });

  it('takes each axis by itself', () => {
    const spec = specOf({
      kernel: [3, 4],
      stride: [2, 3],
      dilation: [1, 2],
      inputDilation: [1, 1],
      padBefore: [1, 0],
      padAfter: [0, -2],
    });
    expect(kernelReach(spec, 0)).toBe(3);
    expect(kernelReach(spec, 1)).toBe(7);
    expect(outputExtents('here', spec, [4, 5])).toEqual([8, 21]);
  });
});

describe('outputExtents', () => {
  it('refuses an axis that nothing is left of, by number', () => {
    const spec = specOf({
      kernel: [3, 3],
      stride: [1, 1],
      dilation: [1, 1],
      padBefore: [0, 2],
      padAfter: [0, 1],
    });
    expect(() => outputExtents('Some.method', spec, [1, 1])).toThrow(
      expect.objectContaining({
        name: 'DeconvError',
        code: 'BAD_SHAPE',
        message: expect.stringMatching(
          /^Some\.method: expected an output of at least 1 along spatial axis 1, got 0 for input size \[1, 1\]\. Crop less/,
        ),
      }),
    );
    const narrow = specOf({ transposed: false, kernel: [9] });
    expect(() => outputExtents('conv', narrow, [8])).toThrow(/got 0 for input size \[8\]\. Pad more/);
  });

  it('refuses what 32 bits cannot count', () => {
    const spec = specOf({ stride: [2 ** 30] });
    expect(outputExtents('here', spec, [2])).toEqual([2 ** 30 + 3]);
    expect(() => outputExtents('here', spec, [3])).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  it('is exact, or refuses, where doubles no longer are', () => {
    const large = 2 ** 31 - 1;
    const spec = specOf({
      transposed: false,
      kernel: [2 ** 23],
      dilation: [large],
      inputDilation: [large],
      padBefore: [1],
    });
    let output: number[] | string | undefined;
    try {
      output = outputExtents('here', spec, [2 ** 23]);
    } catch (error) {
      output = (error as { code?: string }).code;
    }
    expect([[2], 'TOO_LARGE']).toContainEqual(output);
  });
});

describe('weightShape and fan-in', () => {
  it('of transposed layers begin with the input', () => {
    const spec = specOf({ groups: 2, kernel: [3, 5] });
    expect(weightShape(spec)).toEqual([4, 3, 3, 5]);
    // weight.size(1) * taps: out/groups, as PyTorch counts it for transposed layers too.
    expect(kaimingUniformBound(spec)).toBeCloseTo(1 / Math.sqrt(45), 15);
  });

  it('of convolutions begin with the output', () => {
    const spec = specOf({ transposed: false, groups: 2, kernel: [3, 5] });
    expect(weightShape(spec)).toEqual([6, 2, 3, 5]);
    expect(kaimingUniformBound(spec)).toBeCloseTo(1 / Math.sqrt(30), 15);
  });
});
