// binary16 against its definition in arithmetic: the product works on bits.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { narrow, widen } from '../../web/lib/core/float16.js';
import { runsOf } from '../support/seed.js';

/** Sign, exponent and fraction as IEEE 754 says. */
function meaningOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** Every finite value from 0 upwards, in order; 65536 stands for infinity when distances are measured. */
const MAGNITUDES = Float64Array.from({ length: 0x7c01 }, (_, bits) =>
  bits === 0x7c00 ? 65536 : meaningOf(bits),
);

/** The nearest of all values, by search; of two, the one with an even pattern. */
function nearest(value: number): number {
  const magnitude = Math.abs(value);
  const sign = Object.is(value, -magnitude) || value < 0 ? 0x8000 : 0;
  let [low, high] = [0, 0x7c00];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((MAGNITUDES[middle] as number) <= magnitude) low = middle;
    else high = middle;
  }
  const below = magnitude - (MAGNITUDES[low] as number);
  const above = (MAGNITUDES[high] as number) - magnitude;
  const bits = magnitude >= 65536 ? 0x7c00 : below < above || (below === above && low % 2 === 0) ? low : high;
  return sign | bits;
}

const ALL = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

describe('all 65,536 patterns', () => {
  it('widen to the value that their bits mean', () => {
    const values = widen(ALL, 'float16');
    const wrong = ALL.filter((bits) => !Object.is(values[bits], meaningOf(bits)));
    expect([...wrong]).toEqual([]);
  });

  it('come back from float32, NaN with its sign and quiet', () => {
    const back = narrow(widen(ALL, 'float16'));
    const isNan = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    const wrong = ALL.filter((bits) => back[bits] !== (isNan(bits) ? bits | 0x0200 : bits));
    expect([...wrong]).toEqual([]);
  });

  it('are what the Float16Array of the engine says', ({ skip }) => {
    const { Float16Array } = globalThis as { Float16Array?: new (buffer: ArrayBuffer) => ArrayLike<number> };
    if (Float16Array === undefined) return skip('the engine has no Float16Array');
    const engine = new Float16Array(ALL.slice().buffer);
    const values = widen(ALL, 'float16');
    const wrong = ALL.filter((bits) => !Object.is(values[bits], engine[bits]));
    expect([...wrong]).toEqual([]);
  });

  it('of bfloat16 are the upper halves of float32', () => {
    const words = new Uint32Array(widen(ALL, 'bfloat16').buffer);
    expect(words.every((word, bits) => word === bits * 65_536)).toBe(true);
  });
});

describe('rounding', () => {
  it('takes the nearest value: all midpoints and their neighbours', () => {
    const below = new Float32Array(1);
    const word = new Uint32Array(below.buffer);
    const values: number[] = [];
    for (let bits = 0; bits < 0x7c00; bits += 1) {
      const middle = ((MAGNITUDES[bits] as number) + (MAGNITUDES[bits + 1] as number)) / 2;
      below[0] = middle;
      expect(below[0]).toBe(middle);
      word[0] = (word[0] as number) - 1;
      values.push(middle, -middle, below[0] as number);
      word[0] = (word[0] as number) + 2;
      values.push(below[0] as number);
    }
    const bits = narrow(Float32Array.from(values));
    expect(values.filter((value, index) => bits[index] !== nearest(value))).toEqual([]);
  });

  it('takes the nearest value: any float32', () => {
    const words = fc.uint32Array({ minLength: 200, maxLength: 200 });
    fc.assert(
      fc.property(words, (list) => {
        const values = new Float32Array(list.slice().buffer);
        const bits = narrow(values);
        for (const [index, value] of values.entries()) {
          if (Number.isNaN(value)) expect((bits[index] as number) & 0x7fff).toBeGreaterThan(0x7c00);
          else if (bits[index] !== nearest(value)) expect.fail(`${value} became ${bits[index]}`);
        }
      }),
      runsOf(500),
    );
  });

  it('knows its ends', () => {
    const cases: readonly (readonly [number, number])[] = [
      [0, 0],
      [-0, 0x8000],
      [65_504, 0x7bff],
      [65_519.996, 0x7bff],
      [65_520, 0x7c00],
      [-1e30, 0xfc00],
      [Number.POSITIVE_INFINITY, 0x7c00],
      [2 ** -24, 1],
      [2 ** -25, 0],
      [2 ** -25 * 1.0001, 1],
      [2 ** -149, 0],
      [2 ** -14, 0x0400],
    ];
    expect([...narrow(Float32Array.from(cases, ([value]) => value))]).toEqual(cases.map(([, bits]) => bits));
  });

  it('reads a view that begins in the middle of its buffer', () => {
    expect([...narrow(Float32Array.of(7, 1, 2).subarray(1))]).toEqual([0x3c00, 0x4000]);
  });
});
