import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Lines, lineCount, nearHarmonics } from '../../../web/lib/checkerboard/near-harmonics';
import { mulberry32 } from '../../support/random';
import { runsOf } from '../../support/seed';

const axis = fc
  .record({
    step: fc.integer({ min: 1, max: 7 }),
    periods: fc.integer({ min: 4, max: 9 }),
    reach: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ step, periods, reach }): Lines => ({ step, extent: step * periods, reach }));

/** The frequencies of an axis in radians per step, in the order in which they come. */
function angles({ step, extent, reach }: Lines): number[] {
  return Array.from({ length: step }, (_, harmonic) =>
    Array.from(
      { length: 2 * reach + 1 },
      (_, shift) => (2 * Math.PI * ((harmonic * extent) / step + shift - reach)) / extent,
    ),
  ).flat();
}

it('are the Fourier sums by their definition, on one axis and on two', () => {
  fc.assert(
    fc.property(
      fc.array(axis, { minLength: 1, maxLength: 2 }),
      fc.integer({ min: 0, max: 1000 }),
      (axes, own) => {
        const sizes = axes.map(({ extent }) => extent);
        const count = sizes.reduce((all, size) => all * size, 1);
        const random = mulberry32(own);
        const values = Float64Array.from({ length: count }, () => random() - 0.5);
        const { re, im } = nearHarmonics(values, axes);
        expect(re).toHaveLength(axes.reduce((all, lines) => all * lineCount(lines), 1));
        const [rows = [0], columns] = axes.length === 2 ? axes.map(angles) : [[0], angles(axes[0] as Lines)];
        const width = sizes.at(-1) as number;
        let place = 0;
        for (const down of rows) {
          for (const across of columns as number[]) {
            const sum = [0, 0] as [number, number];
            values.forEach((value, index) => {
              const angle = down * Math.floor(index / width) + across * (index % width);
              sum[0] += value * Math.cos(angle);
              sum[1] -= value * Math.sin(angle);
            });
            expect(Math.hypot((re[place] as number) - sum[0], (im[place] as number) - sum[1])).toBeLessThan(
              1e-12 * count,
            );
            place += 1;
          }
        }
      },
    ),
    runsOf(60),
  );
});
