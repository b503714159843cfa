import { describe, expect, it } from 'vitest';
import { fillUniform } from '../../web/lib/core/initializers.js';
import { freshSeed, seededRandom } from '../../web/lib/core/random.js';

function take(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}

describe('seededRandom', () => {
  // sfc32 over splitmix32 once more, in BigInt and modulo 2^32 instead of in 32-bit operators.
  it('is sfc32 seeded by splitmix32', () => {
    const word = 2n ** 32n;
    const times = (one: bigint, other: bigint): bigint => (one * other) % word;
    for (const seed of [0, 1, 7, 2 ** 31, 2 ** 32 - 1]) {
      let state = BigInt(seed);
      const next = (): bigint => {
        state = (state + 0x9e3779b9n) % word;
        let mixed = state ^ (state >> 16n);
        mixed = times(mixed, 0x21f0aaadn);
        mixed ^= mixed >> 15n;
        mixed = times(mixed, 0x735a2d97n);
        return mixed ^ (mixed >> 15n);
      };
      let [a, b, c, counter] = [next(), next(), next(), 1n];
      const wanted = Array.from({ length: 50 }, () => {
        const sum = (a + b + counter) % word;
        counter = (counter + 1n) % word;
        a = b ^ (b >> 9n);
        b = (c * 9n) % word;
        c = (((c << 21n) % word) + (c >> 11n) + sum) % word;
        return Number(sum) / 2 ** 32;
      });
      expect(take(50, seed)).toEqual(wanted);
    }
  });

  it('is uniform in [0, 1), and near seeds have nothing in common', () => {
    const count = 100_000;
    const values = take(count, 1);
    const bins = new Array<number>(20).fill(0);
    for (const value of values) bins[Math.floor(value * 20)] = (bins[Math.floor(value * 20)] as number) + 1;
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    // Chi squared with 19 degrees of freedom: above 44 once in a thousand seeds, and this one is fixed.
    const expected = count / 20;
    expect(bins.reduce((sum, bin) => sum + (bin - expected) ** 2 / expected, 0)).toBeLessThan(44);
    const neighbour = take(count, 2);
    const correlation =
      values.reduce((sum, value, index) => sum + (value - 0.5) * ((neighbour[index] as number) - 0.5), 0) /
      (count / 12);
    expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(count));
  });
});

describe('freshSeed', () => {
  it('is a seed, and another one each time', () => {
    const seeds = Array.from({ length: 100 }, freshSeed);
    for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
    expect(new Set(seeds).size).toBeGreaterThan(95);
  });
});

describe('fillUniform', () => {
  it('reaches from -bound to bound', () => {
    const values = new Float32Array(4);
    const stream = [0, 0.25, 0.5, 1 - 2 ** -32];
    fillUniform(values, 2, () => stream.shift() as number);
    expect([...values]).toEqual([-2, -1, 0, 2]);
  });
});
