// When the steps of a network run: late, where that keeps less.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scheduleLate } from '../../web/lib/network/schedule.js';
import { runsOf } from '../support/seed.js';

const unit = (name: string, inputs: number[], outputs: number[]) => ({ name, inputs, outputs });

function order(units: ReturnType<typeof unit>[], sizes: number[]): string {
  return scheduleLate(units, (value) => sizes[value] ?? 0)
    .map(({ name }) => name)
    .join(' ');
}

describe('scheduleLate', () => {
  it('enlarges a picture when it is added, not before all that is computed of it', () => {
    const units = [
      unit('enlarge', [0], [1]),
      unit('conv', [0], [2]),
      unit('shuffle', [2], [3]),
      unit('add', [3, 1], [4]),
    ];
    expect(order(units, [3, 48, 64, 48, 48])).toBe('conv shuffle enlarge add');
  });

  it('takes what a moved step alone reads along, in its order', () => {
    const units = [
      unit('repeat', [0], [1]),
      unit('enlarge', [1], [2]),
      unit('conv', [0], [3]),
      unit('add', [3, 2], [4]),
    ];
    expect(order(units, [3, 6, 48, 64, 64])).toBe('conv repeat enlarge add');
  });

  it('leaves a step that gives no more than it alone would keep', () => {
    const units = [
      unit('pool', [0], [1]),
      unit('conv', [5], [2]),
      unit('add', [2, 1], [3]),
      unit('same', [3], [4]),
    ];
    const sizes = [16, 4, 4, 4, 4, 4];
    expect(order(units, sizes)).toBe('pool conv add same');
    expect(order(units, sizes.with(1, 16))).toBe('pool conv add same');
    expect(order(units, sizes.with(1, 17))).toBe('conv pool add same');
  });

  it('asks nothing for what stands anyway, or elsewhere', () => {
    const kept = [
      unit('pool', [0], [1]),
      unit('conv', [0], [2]),
      unit('add', [2, 1], [3]),
      unit('skip', [3, 0], [4]),
    ];
    expect(order(kept, [16, 4, 4, 4, 16])).toBe('conv pool add skip');
    // The same where the last to read it is the one that reads the result.
    const met = [unit('pool', [0], [1]), unit('conv', [0], [2]), unit('add', [2, 1, 0], [3])];
    expect(order(met, [16, 4, 4, 4])).toBe('conv pool add');
    const constant = [unit('scale', [0], [1]), unit('conv', [2], [3]), unit('add', [3, 1], [4])];
    expect(order(constant, [0, 4, 4, 4, 4])).toBe('conv scale add');
  });

  it('leaves what nobody reads, one of several results too', () => {
    const units = [
      unit('give', [0], [1]),
      unit('split', [0], [2, 3]),
      unit('conv', [0], [4]),
      unit('add', [4, 2], [5]),
    ];
    expect(order(units, [1, 9, 9, 9, 9, 9])).toBe('give split conv add');
  });

  it('keeps every unit, behind those whose values it reads, whatever the network', () => {
    const drawn = fc.array(
      fc.record({
        reads: fc.array(fc.nat(60), { maxLength: 3 }),
        gives: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 24 },
    );
    fc.assert(
      fc.property(drawn, fc.nat(40), (steps, input) => {
        const sizes = [input];
        const units = steps.map(({ reads, gives }, index) => {
          const inputs = reads.map((value) => value % sizes.length);
          const outputs = gives.map((size) => sizes.push(size) - 1);
          return unit(String(index), inputs, outputs);
        });
        const late = scheduleLate(units, (value) => sizes[value] as number);
        expect([...late].sort((one, other) => Number(one.name) - Number(other.name))).toEqual(units);
        const made = new Set([0]);
        for (const { inputs, outputs } of late) {
          for (const value of inputs) expect(made.has(value)).toBe(true);
          for (const value of outputs) made.add(value);
        }
      }),
      runsOf(300),
    );
  });
});
