// The tests' own helpers that a mistake could make blind.

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BROWSER_CORE } from '../support/browser-core.js';
import { compareWith, within } from '../support/compare.js';
import { whySkipped } from '../support/expected-skips.js';
import { toFloat16, ulps16, ulps32 } from '../support/float-ulps.js';
import { type Geometry, reference } from '../support/reference.js';
import { permute, quarters, toChannelsFirst, toChannelsLast } from '../support/tensors.js';

const PLAIN: Geometry = {
  transposed: true,
  groups: 1,
  stride: [1, 1],
  dilation: [1, 1],
  padBefore: [0, 0],
  padAfter: [0, 0],
  outputPadding: [0, 0],
  inputDilation: [1, 1],
};

describe('reference', () => {
  // The numbers that Dive into Deep Learning prints.
  const k = { data: new Float32Array([0, 1, 2, 3]), shape: [1, 1, 2, 2] };

  it('scatters', () => {
    expect([...reference(PLAIN, k, k, null).data]).toEqual([0, 0, 1, 0, 4, 6, 4, 12, 9]);
    const cropped = reference(
      { ...PLAIN, padBefore: [1, 1], padAfter: [1, 1] },
      k,
      k,
      new Float32Array([0.5]),
    );
    expect(cropped).toMatchObject({ shape: [1, 1, 1, 1], data: new Float64Array([4.5]) });
    expect([...cropped.terms]).toEqual([5]);
    expect([...cropped.magnitude]).toEqual([4.5]);
  });

  it('gathers', () => {
    const x = { data: Float32Array.from({ length: 9 }, (_, index) => index), shape: [1, 1, 3, 3] };
    expect([...reference({ ...PLAIN, transposed: false }, x, k, null).data]).toEqual([19, 25, 37, 43]);
  });
});

it('float16 rounds to the nearest, ties to even', () => {
  expect(toFloat16(1 + 2 ** -11)).toBe(1);
  expect(toFloat16(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
  expect(toFloat16(0.1)).toBe(0.0999755859375);
  expect(toFloat16(2 ** -24)).toBe(2 ** -24);
  expect(toFloat16(2 ** -26)).toBe(0);
  expect(toFloat16(70_000)).toBe(Number.POSITIVE_INFINITY);
  expect(toFloat16(-65504)).toBe(-65504);
});

it('ulps count the values between', () => {
  expect(ulps32(1, 1)).toBe(0);
  expect(ulps32(1, 1 + 2 ** -23)).toBe(1);
  expect(ulps32(-(2 ** -149), 2 ** -149)).toBe(2);
  expect(ulps32(0, -0)).toBe(0);
  expect(ulps16(1, 1 + 2 ** -10)).toBe(1);
  expect(ulps16(1, 1 - 2 ** -11)).toBe(1);
  expect(ulps16(2 ** -24, -(2 ** -24))).toBe(2);
});

it('permute moves axes, and the layouts are inverse', () => {
  const x = quarters([2, 3, 4, 5], 1);
  const last = toChannelsLast(x);
  expect(last.shape).toEqual([2, 4, 5, 3]);
  expect(last.data[1]).toBe(x.data[20]);
  expect(toChannelsFirst(last)).toEqual(x);
  expect(permute(x, [3, 2, 1, 0]).data[1]).toBe(x.data[60]);
});

it('typed arrays are equal in type, length and every value', () => {
  const values = () => ({ data: new Float32Array([1, Number.NaN, -0]) });
  expect(values()).toEqual(values());
  expect(values()).toStrictEqual(values());
  for (const other of [
    new Float64Array([1, Number.NaN, -0]),
    new Float32Array([1, Number.NaN, 0]),
    new Float32Array([1, 2, -0]),
    new Float32Array([1, Number.NaN]),
    new Float32Array([1, Number.NaN, -0, 0]),
    [1, Number.NaN, -0],
  ]) {
    expect(values()).not.toEqual({ data: other });
    expect({ data: other }).not.toEqual(values());
  }
});

it('a part of the value may be off, but nothing that is not finite', () => {
  const wanted = [1, -100, Number.POSITIVE_INFINITY, Number.NaN];
  const differs = (...data: number[]) =>
    compareWith({ data, shape: [4] }, [4], wanted, within(0.01, 1, wanted)) !== undefined;
  expect(differs(1.01, -101, Number.POSITIVE_INFINITY, Number.NaN)).toBe(false);
  expect(differs(1.03, -100, Number.POSITIVE_INFINITY, Number.NaN)).toBe(true);
  expect(differs(1, -102, Number.POSITIVE_INFINITY, Number.NaN)).toBe(true);
  expect(differs(1, -100, 3e38, Number.NaN)).toBe(true);
  expect(differs(1, -100, Number.POSITIVE_INFINITY, 0)).toBe(true);
});

it('a skip is expected where it is listed only', () => {
  const skip = { project: 'node', file: 'tests/conformance/cases.test.ts', test: 'simd golden cases' };
  expect(whySkipped({ ...skip, note: undefined })).toBeUndefined();
  expect(whySkipped({ ...skip, note: 'Node cannot run simd-threads' })).toBeUndefined();
  expect(whySkipped({ ...skip, note: 'the engine has no Float16Array' })).toMatch(/engines/);
});

it('every file that browsers repeat is there', () => {
  expect(Object.keys(BROWSER_CORE)).not.toEqual([]);
  for (const name of Object.keys(BROWSER_CORE)) {
    expect(existsSync(new URL(`../conformance/${name}.test.ts`, import.meta.url)), name).toBe(true);
  }
});
