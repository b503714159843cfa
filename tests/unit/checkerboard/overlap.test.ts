// How many stamps meet, against brute force and against the table of the literature's cases.

import { type AxisGeometry, evenOverlap, overlap, overlapCounts, overlapMap } from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';
import { runsOf } from '../../support/seed.js';
import { axis } from './kernels.js';

const CASES: readonly (readonly [
  k: number,
  s: number,
  d: number,
  counts: readonly number[],
  cv1: number,
  cv2: number,
])[] = [
  [3, 2, 1, [2, 1], 1 / 3, 0.484322],
  [5, 2, 1, [3, 2], 0.2, 0.285657],
  [9, 2, 1, [5, 4], 1 / 9, 0.157619],
  [4, 3, 1, [2, 1, 1], 0.353553, 0.515388],
  [5, 3, 1, [2, 2, 1], 0.282843, 0.407922],
  [9, 4, 1, [3, 2, 2, 2], 0.19245, 0.274674],
  [11, 5, 1, [3, 2, 2, 2, 2], 0.181818, 0.259246],
  [16, 10, 1, [2, 2, 2, 2, 2, 2, 1, 1, 1, 1], Math.sqrt(0.24) / 1.6, Math.sqrt((1 + 0.24 / 2.56) ** 2 - 1)],
  [4, 2, 2, [4, 0], 1, Math.sqrt(3)],
  [3, 2, 2, [3, 0], 1, Math.sqrt(3)],
  [6, 3, 3, [6, 0, 0], Math.SQRT2, Math.sqrt(8)],
  [4, 2, 3, [2, 2], 0, 0],
  [3, 3, 2, [1, 1, 1], 0, 0],
  [6, 3, 2, [2, 2, 2], 0, 0],
  [1, 2, 1, [1, 0], 1, 1.732051],
  [2, 3, 1, [1, 1, 0], Math.SQRT1_2, 1.118034],
];

describe('the table', () => {
  it.each(CASES)('k %i, s %i, d %i', (kernelSize, stride, dilation, counts, cv1, cv2) => {
    const one = { kernelSize, stride, dilation };
    expect(overlapCounts(one)).toEqual(counts);
    const line = overlap([one]);
    const square = overlap([one, one]);
    expect(line.coefficientOfVariation).toBeCloseTo(cv1, 6);
    expect(square.coefficientOfVariation).toBeCloseTo(cv2, 6);
    expect(line.mean).toBeCloseTo(kernelSize / stride, 12);
    expect(line.even).toBe(cv1 === 0);
    expect(evenOverlap(one)).toBe(cv1 === 0);
    expect(line.holes).toBe(counts.includes(0));
    const ratio = counts.includes(0) ? null : Math.max(...counts) / Math.min(...counts);
    expect(line.ratio).toBe(ratio);
    expect(square.ratio).toBe(ratio === null ? null : ratio ** 2);
    expect(square.counts).toEqual(counts.flatMap((a) => counts.map((b) => a * b)));
  });

  it('counts multiply in three axes', () => {
    const cube = overlap([
      { kernelSize: 3, stride: 2 },
      { kernelSize: 2, stride: 1 },
      { kernelSize: 4, stride: 3 },
    ]);
    expect(cube.phases).toEqual([2, 1, 3]);
    expect(cube.counts).toEqual([8, 4, 4, 4, 2, 2]);
    expect(cube.perAxis).toEqual([[2, 1], [2], [2, 1, 1]]);
  });
});

it('counts are those of the taps one by one; even exactly when all are the same', () => {
  fc.assert(
    fc.property(axis, ({ kernelSize, stride, dilation }) => {
      const counts = new Array<number>(stride).fill(0);
      for (let tap = 0; tap < kernelSize; tap += 1) {
        counts[(tap * dilation) % stride] = (counts[(tap * dilation) % stride] as number) + 1;
      }
      const one = { kernelSize, stride, dilation };
      expect(overlapCounts(one)).toEqual(counts);
      expect(evenOverlap(one)).toBe(new Set(counts).size === 1);
      expect(overlap([one]).even).toBe(evenOverlap(one));
    }),
    runsOf(2000),
  );
});

it('the finite map counts the pairs of input and tap that meet at a place', () => {
  const finite = fc.tuple(axis, fc.integer({ min: 1, max: 6 }), fc.integer({ min: -4, max: 6 }));
  fc.assert(
    fc.property(finite, fc.integer({ min: 1, max: 30 }), ([one, inputSize, padding], outputSize) => {
      const counts = new Array<number>(outputSize).fill(0);
      for (let i = 0; i < inputSize; i += 1) {
        for (let tap = 0; tap < one.kernelSize; tap += 1) {
          const place = i * one.stride + tap * one.dilation - padding;
          if (place in counts) counts[place] = (counts[place] as number) + 1;
        }
      }
      const map = overlapMap([{ ...one, inputSize, padding, outputSize }]);
      expect(map).toEqual({ shape: [outputSize], counts });
    }),
    runsOf(2000),
  );
});

it('the largest kernels take no time', () => {
  expect(overlapCounts({ kernelSize: 2 ** 31 - 1, stride: 2 })).toEqual([2 ** 30, 2 ** 30 - 1]);
});

it('refuses what is no geometry', () => {
  const wrong: readonly (readonly [unknown, 'BAD_OPTION' | 'BAD_TYPE' | 'TOO_LARGE'])[] = [
    [{ kernelSize: 3, stride: 0 }, 'BAD_OPTION'],
    [{ kernelSize: 0 }, 'BAD_OPTION'],
    [{ kernelSize: 3, dilation: 1.5 }, 'BAD_OPTION'],
    [{ kernelSize: 3, stride: Number.NaN }, 'BAD_OPTION'],
    [{ kernelSize: 3, strides: 2 }, 'BAD_OPTION'],
    [{ kernelSize: 3, stride: 2 ** 30 }, 'TOO_LARGE'],
    [{ stride: 2 }, 'BAD_TYPE'],
    [null, 'BAD_TYPE'],
  ];
  for (const [value, code] of wrong) {
    expectError(
      caught(() => overlapCounts(value as AxisGeometry)),
      code,
      'overlapCounts',
    );
    expectError(
      caught(() => overlap([value as AxisGeometry])),
      code,
      'overlap',
    );
  }
  expectError(
    caught(() => overlap([])),
    'BAD_OPTION',
    'overlap',
  );
  expectError(
    caught(() => overlapMap([{ kernelSize: 3, inputSize: 0 }])),
    'BAD_OPTION',
    'overlapMap',
  );
  expectError(
    caught(() => overlapMap([{ kernelSize: 1, inputSize: 2 ** 30 }])),
    'TOO_LARGE',
    'overlapMap',
  );
});
