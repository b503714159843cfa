import { describe, expect, it } from 'vitest';
import { lit, placeOfStamp, stampTaps, tally } from '../../web/demo/src/model/board';
import {
  contributions,
  drawnLines,
  interior,
  type LayerSpec,
  nextEvenKernel,
  outputLength,
  outputPaddingLimit,
  overlap,
  stampsOn,
  tapLines,
} from '../../web/demo/src/model/geometry';
import { moved } from '../../web/demo/src/model/grid-keys';
import { frameAt } from '../../web/demo/src/model/playback';
import { landing, productsAt } from '../../web/demo/src/model/words';

const layer = (change: Partial<LayerSpec> = {}): LayerSpec => ({
  axes: 2,
  groups: 1,
  size: 3,
  kernel: 3,
  stride: 2,
  padding: 0,
  outputPadding: 0,
  dilation: 1,
  ...change,
});

describe('lines of the output', () => {
  it('count 1 2 where kernel 3 meets stride 2, and 2 everywhere inside for kernel 4', () => {
    expect(overlap(layer())).toEqual([1, 1, 2, 1, 2, 1, 1]);
    expect(overlap(layer({ kernel: 4 }))).toEqual([1, 1, 2, 2, 2, 2, 1, 1]);
    expect(overlap(layer({ kernel: 2, stride: 3 }))).toEqual([1, 1, 0, 1, 1, 0, 1, 1]);
  });

  it('draw what padding crops and mark what output padding adds', () => {
    expect(drawnLines(layer({ padding: 1 }))).toEqual(['cropped', ...new Array(5).fill('kept'), 'cropped']);
    expect(drawnLines(layer({ padding: 1, outputPadding: 1 }))).toEqual([
      'cropped',
      ...new Array(5).fill('kept'),
      'added',
    ]);
    expect(drawnLines(layer({ outputPadding: 1 }))).toEqual([...new Array(7).fill('kept'), 'added']);
  });

  it('have as many kept and added lines as the output is long', () => {
    for (const padding of [0, 1, 2]) {
      for (const outputPadding of [0, 1]) {
        const spec = layer({ padding, outputPadding, kernel: 4, dilation: 2 });
        const kept = drawnLines(spec).filter((kind) => kind !== 'cropped');
        expect(kept).toHaveLength(outputLength(spec));
      }
    }
  });

  it('lie inside when no input beyond the border would change them', () => {
    for (const kernel of [2, 3, 4, 5]) {
      for (const padding of [0, 1]) {
        const small = layer({ kernel, padding, size: 4 });
        // The same layer with two more input cells on each side.
        const large = overlap(layer({ kernel, padding, size: 8 }));
        const same = overlap(small).map((met, line) => met === large[line + 2 * small.stride]);
        const { from, to } = interior(small);
        same.forEach((isSame, line) => {
          if (line >= from && line < to) expect(isSame).toBe(true);
        });
        expect(to).toBeGreaterThan(from);
      }
    }
  });

  it('know the taps that meet on them', () => {
    expect(contributions(layer(), 2)).toEqual([
      { input: 0, tap: 2 },
      { input: 1, tap: 0 },
    ]);
    expect(tapLines(layer({ padding: 1, dilation: 2 }), 1)).toEqual([1, 3, 5]);
  });
});

describe('cells', () => {
  it('count only the stamps that have landed', () => {
    const crossing = { row: 2, column: 2 };
    expect([0, 1, 2, 4, 5, 9].map((landed) => stampsOn(layer(), crossing, landed))).toEqual([
      0, 1, 2, 3, 4, 4,
    ]);
  });

  it('add up in the tally', () => {
    const rows = tally(7, (cell) => stampsOn(layer(), cell, 9));
    expect(rows.map(({ stamps, cells }) => [stamps, cells])).toEqual([
      [1, 25],
      [2, 20],
      [4, 4],
    ]);
    expect(rows.reduce((sum, row) => sum + row.part, 0)).toBeCloseTo(1, 12);
  });

  it('light up what they are made of', () => {
    const spec = layer();
    const { input, kernel } = lit(spec, { grid: 'output', cell: { row: 2, column: 1 } });
    expect(input({ row: 0, column: 0 })).toBe(true);
    expect(input({ row: 1, column: 0 })).toBe(true);
    expect(input({ row: 1, column: 1 })).toBe(false);
    expect(kernel({ row: 0, column: 1 })).toBe(true);
    expect(kernel({ row: 1, column: 1 })).toBe(false);
  });

  it('read their products off the stamps', () => {
    const spec = layer({ size: 2, kernel: 2, stride: 1, dilation: 1 });
    const stamps = [1, 2, 3, 4].map((value) => Float32Array.from([1, 10, 100, 1000], (w) => w * value));
    const products = productsAt(spec, stamps, { row: 1, column: 1 }, 4);
    expect(products.map(({ product }) => product)).toEqual([1000, 200, 30, 4]);
    expect(productsAt(spec, stamps, { row: 1, column: 1 }, 2)).toHaveLength(2);
  });

  it('move by arrows and stop at the edges', () => {
    expect(moved({ row: 0, column: 0 }, 'ArrowUp', false, 3, 3)).toEqual({ row: 0, column: 0 });
    expect(moved({ row: 1, column: 1 }, 'ArrowRight', false, 3, 3)).toEqual({ row: 1, column: 2 });
    expect(moved({ row: 1, column: 1 }, 'End', true, 3, 4)).toEqual({ row: 2, column: 3 });
    expect(moved({ row: 1, column: 1 }, 'x', false, 3, 3)).toBeNull();
  });
});

describe('a stamp', () => {
  const from = { left: 10, top: 20, pitch: 54, gap: 2 };
  const to = { left: 300, top: 20, pitch: 60, gap: 2 };

  it('starts on its input cell and ends on its lines of the output', () => {
    const spec = layer();
    const flight = { step: 4, travel: 0, height: 0, opacity: 1 };
    expect(placeOfStamp(spec, flight, from, to)).toEqual({ x: 64, y: 74, scale: 52 / 178 });
    const landed = placeOfStamp(spec, { ...flight, travel: 1 }, from, to);
    expect(landed.x).toBeCloseTo(420, 9);
    expect(landed.y).toBeCloseTo(140, 9);
    expect(landed.scale).toBeCloseTo(1, 9);
  });

  it('carries the taps that padding will crop', () => {
    const taps = stampTaps(
      layer({ padding: 1 }),
      Float32Array.from({ length: 9 }, (_, i) => i),
      0,
    );
    expect(taps.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(taps.filter(({ cropped }) => cropped)).toHaveLength(5);
  });

  it('says where it lands', () => {
    expect(landing(layer(), { row: 1, column: 0 })).toBe('rows 3 to 5, columns 1 to 3');
    expect(landing(layer({ padding: 2 }), { row: 0, column: 0 })).toBe('row 1, column 1');
    expect(landing(layer({ padding: 3 }), { row: 0, column: 0 })).toMatch(/crops all/);
    expect(landing(layer({ dilation: 2 }), { row: 0, column: 0 })).toMatch(/every 2nd/);
  });

  it('is in the air while its frame says so', () => {
    expect(frameAt(4).flight).toBeNull();
    expect(frameAt(4.5).flight?.step).toBe(4);
  });
});

it('legal choices', () => {
  expect(outputPaddingLimit(2, 1)).toBe(1);
  expect(outputPaddingLimit(1, 3)).toBe(2);
  expect(nextEvenKernel(3, 2)).toBe(4);
  expect(nextEvenKernel(4, 2)).toBe(4);
});
