// Where values of a chain lie: no two that stand at the same time overlap.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lifetime, planArena } from '../../web/lib/graph/arena.js';
import { Placement } from '../../web/lib/graph/placement.js';
import { runsOf } from '../support/seed.js';

const lifetimes = fc.array(
  fc
    .record({ size: fc.nat(200), first: fc.nat(12), length: fc.nat(6) })
    .map(({ size, first, length }): Lifetime => ({ size, first, last: first + length })),
  { maxLength: 24 },
);

/** Floats that stand at the step that needs the most, as if nothing were aligned. */
function peakOf(values: readonly Lifetime[]): number {
  const steps = Array.from({ length: 20 }, (_, step) =>
    values.reduce((sum, { size, first, last }) => (first <= step && step <= last ? sum + size : sum), 0),
  );
  return Math.max(...steps);
}

describe('planArena', () => {
  it('never lets values that stand together overlap, and begins each on a cache line', () => {
    fc.assert(
      fc.property(lifetimes, (values) => {
        const { offsets, size } = planArena(values);
        expect(size).toBeGreaterThanOrEqual(peakOf(values));
        for (const [index, one] of values.entries()) {
          const begin = offsets[index] as number;
          expect(begin % 16).toBe(0);
          expect(begin + one.size).toBeLessThanOrEqual(size);
          for (const [at, other] of values.entries()) {
            if (at >= index || other.first > one.last || one.first > other.last) continue;
            const place = offsets[at] as number;
            expect(place + other.size <= begin || begin + one.size <= place).toBe(true);
          }
        }
      }),
      runsOf(400, 'arena'),
    );
  });

  it('needs two rooms for a line of any length, and one for values that never meet', () => {
    const line = Array.from({ length: 9 }, (_, step) => ({ size: 28, first: step, last: step + 1 }));
    expect(planArena(line).size).toBe(64);
    const apart = Array.from({ length: 9 }, (_, step) => ({ size: 28, first: step, last: step }));
    expect(planArena(apart)).toEqual({ offsets: apart.map(() => 0), size: 32 });
    expect(planArena([])).toEqual({ offsets: [], size: 0 });
  });

  it('looks at a few values for each of thousands', () => {
    let reads = 0;
    const line = Array.from({ length: 4000 }, (_, first) => ({
      size: 28,
      first,
      get last() {
        reads += 1;
        return first + 1;
      },
    }));
    expect(planArena(line).size).toBe(64);
    expect(reads).toBeLessThan(20 * line.length);
  });

  it('takes the smallest gap that holds a value', () => {
    // A wide and a narrow gap are left between values of the whole time.
    const values = [
      { size: 92, first: 0, last: 9 },
      { size: 76, first: 0, last: 1 },
      { size: 60, first: 0, last: 9 },
      { size: 44, first: 0, last: 1 },
      { size: 28, first: 0, last: 9 },
      { size: 24, first: 2, last: 9 },
    ];
    expect(planArena(values).offsets).toEqual([0, 96, 176, 240, 288, 240]);
  });
});

describe('Placement', () => {
  const step = (inputs: number[], outputs: number[]) => ({ inputs, outputs });

  it('writes over what nobody reads any more, and never over an input or a value that is still to be read', () => {
    // 0 is the input; 1 = f(0); 2 = f(1); 3 = f(1); 4 = f(3)
    const steps = [step([0], [1]), step([1], [2]), step([1], [3]), step([3], [4])];
    const placement = new Placement([8, 8, 8, 8, 8], steps, [2, 4]);
    expect(placement.mayOverwrite(0, 0)).toBe(false);
    expect(placement.mayOverwrite(1, 1)).toBe(false);
    expect(placement.mayOverwrite(1, 2)).toBe(true);
    placement.lay(3, 1, 0);
    expect(placement.mayOverwrite(3, 3)).toBe(true);
    // 2 is an output: it is read after all steps.
    expect(placement.mayOverwrite(2, 3)).toBe(false);
  });

  it('parts of one value are written over one by one, but not while the whole is needed', () => {
    // [1, 2] are parts of 3; 4 = f(1) may lie in its place, and 5 = f(3) comes later or earlier.
    const parts = (reader: number) => {
      const steps = [step([0], [3]), step([3], [1, 2]), step([1], [4]), step([reader], [5])];
      const placement = new Placement([8, 4, 4, 8, 4, 8], steps, [4, 5]);
      placement.lay(1, 3, 0);
      placement.lay(2, 3, 4);
      return placement.mayOverwrite(1, 2);
    };
    expect(parts(2)).toBe(true);
    expect(parts(3)).toBe(false);
  });

  it('moves a value with all that shares its room, and only once', () => {
    const steps = [step([0], [1]), step([1], [2]), step([2, 2], [3])];
    const placement = new Placement([4, 4, 4, 8], steps, [3]);
    placement.lay(2, 1, 0);
    expect(placement.move(2, 3, 0)).toBe(true);
    expect(placement.move(2, 3, 4)).toBe(false);
    expect(placement.move(0, 3, 4)).toBe(false);
    expect(placement.find(1)).toEqual({ root: 3, offset: 0 });
    expect(placement.places().roots).toEqual([0, 3, 3, 3]);
  });

  it('looks at a few values for each of thousands of steps', () => {
    const count = 4000;
    let reads = 0;
    const sizes = new Proxy(new Array<number>(count + 1).fill(28), {
      get: (target, key) => {
        reads += 1;
        return Reflect.get(target, key);
      },
    });
    // 0 is the input; every step makes the next value, an even one in the place of the one before it.
    const steps = Array.from({ length: count }, (_, index) => step([index], [index + 1]));
    const placement = new Placement(sizes, steps, [count]);
    for (let value = 2; value <= count; value += 1) {
      expect(placement.mayOverwrite(value - 1, value - 1)).toBe(true);
      if (value % 2 === 0 || value > count / 2) placement.lay(value, value - 1, 0);
    }
    const { roots, arenaFloats } = placement.places();
    expect(roots.at(-1)).toBe(count / 2 - 1);
    expect(roots[8]).toBe(7);
    expect(arenaFloats).toBe(64);
    expect(reads).toBeLessThan(20 * count);
  });
});
