import { describe, expect, it } from 'vitest';
import {
  inputCells,
  interior,
  type LayerSpec,
  nextEvenKernel,
  outputLength,
  rowContributions,
  stampsOn,
  tapCount,
} from '../../web/demo/src/model/geometry';
import { bounded, filled, layerSlice } from '../../web/demo/src/model/layer-state';
import { inner, matrixView, probe, rowsOfEntries, runs } from '../../web/demo/src/model/matrix-view';
import { dilationRule, overlapView } from '../../web/demo/src/model/overlap-view';
import { presets, withPreset } from '../../web/demo/src/model/presets';
import { opening, withFill, withLayer, withTap } from '../../web/demo/src/model/state';
import { innerIsFlat, story } from '../../web/demo/src/model/story';
import { decodeState, encodeState } from '../../web/demo/src/model/url-state';
import { at, landing, productsAt } from '../../web/demo/src/model/words';

const spec = (change: Partial<LayerSpec> = {}): LayerSpec => ({ ...opening.layer, ...change });
const ones = (amount: number) => new Array<number>(amount).fill(1);

/** Scatter on one axis, lane by lane. */
function lanes(
  { groups, size, kernel, stride, dilation, padding }: LayerSpec,
  x: number[],
  w: readonly number[],
) {
  const width = (size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding;
  const sums = new Array<number>(groups * width).fill(0);
  x.forEach((value, i) => {
    const lane = Math.floor(i / size);
    for (let t = 0; t < kernel; t++) {
      const place = (i % size) * stride + t * dilation - padding;
      if (place >= 0 && place < width) {
        sums[lane * width + place] = (sums[lane * width + place] ?? 0) + value * (w[lane * kernel + t] ?? 0);
      }
    }
  });
  return sums;
}

describe('one axis', () => {
  const line = spec({ axes: 1, groups: 2, size: 4, kernel: 3, padding: 1 });

  it('has lanes that know nothing of each other', () => {
    expect(inputCells(line)).toBe(8);
    expect(tapCount(line)).toBe(6);
    expect(rowContributions(line, 1)).toEqual([{ input: 1, tap: 1 }]);
    const counts = Array.from({ length: 2 * 7 }, (_, i) =>
      stampsOn(line, { row: Math.floor(i / 7), column: i % 7 }, 8),
    );
    expect(counts).toEqual(lanes(line, ones(8), ones(6)));
  });

  it('reads the products of an output off the stamps of its own lane', () => {
    const w = [1, 2, 3, 4, 5, 6];
    const stamps = Array.from({ length: 8 }, (_, i) => Float32Array.from(w.slice(i < 4 ? 0 : 3).slice(0, 3)));
    const products = productsAt(line, stamps, { row: 1, column: 1 }, 8);
    expect(
      products.map(({ input, tap, product }) => [input.row, input.column, tap.row, tap.column, product]),
    ).toEqual([
      [1, 0, 1, 2, 6],
      [1, 1, 1, 0, 4],
    ]);
  });

  it('is spoken of in lanes and places', () => {
    expect(at(line, { row: 1, column: 2 })).toBe('lane 2, place 3');
    expect(at(spec({ axes: 1 }), { row: 0, column: 2 })).toBe('place 3');
    expect(landing(line, { row: 1, column: 1 })).toBe('places 2 to 4 of lane 2');
  });

  it('tells the story of each lane by itself', () => {
    const state = withLayer(opening, { axes: 1, groups: 2, size: 4, kernel: 4 });
    // The second lane sums to twice the first: flat, both of them.
    const weights = [...ones(4), 2, 2, 2, 2];
    const output = Float32Array.from(lanes(state.layer, ones(8), weights));
    expect(innerIsFlat(state.layer, output)).toBe(true);
    const odd = withLayer(opening, { axes: 1, size: 4 });
    const told = story({
      spec: odd.layer,
      kind: odd.kind,
      input: ones(4),
      output: Float32Array.from(lanes(odd.layer, ones(4), ones(3))),
      sawItGo: false,
    });
    expect(told.text).toBe(
      '1 stamp here, 2 there, because stride 2 does not divide kernel 3. A flat input came out striped.',
    );
  });

  it('gives every lane weights of its own, and keeps typed ones when lanes are added', () => {
    const two = withFill(withLayer(opening, { axes: 1, groups: 2 }), 'random');
    expect(two.weights.slice(0, 3)).not.toEqual(two.weights.slice(3));
    expect(filled(two.layer, 'bilinear', 0)).toEqual([0.5, 1, 0.5, 0.5, 1, 0.5]);
    const typed = withLayer(withTap(two, 4, 9), { groups: 3 });
    expect(typed.weights).toEqual([...two.weights.with(4, 9), 1, 1, 1]);
    expect(withLayer(typed, { axes: 2 }).layer.groups).toBe(1);
  });
});

describe('limits', () => {
  it('keep every layer small enough to draw', () => {
    const large = bounded(spec({ axes: 1, size: 8, kernel: 16, stride: 8, dilation: 4 }));
    expect(outputLength(large)).toBeLessThanOrEqual(96);
    expect(outputLength(bounded(spec({ size: 5, kernel: 9, stride: 4, dilation: 4 })))).toBeLessThanOrEqual(
      33,
    );
    expect(bounded(opening.layer)).toEqual(opening.layer);
  });

  it('offer the even kernel below where the one above is out of reach', () => {
    expect(nextEvenKernel(9, 4, 9)).toBe(8);
    expect(nextEvenKernel(3, 2, 9)).toBe(4);
  });
});

describe('presets', () => {
  it.each(presets.map((preset) => [preset.name, preset] as const))(
    '%s is a layer of the page',
    (_, preset) => {
      expect(bounded(preset.layer)).toEqual(preset.layer);
      const state = withPreset(opening, preset);
      expect(state.input.length).toBe(inputCells(state.layer));
      expect(decodeState(encodeState(state))).toEqual({ state, notice: null });
      expect(layerSlice.sound?.({ ...state.layer, ...state })).toBe(true);
      expect(interior(state.layer)).toBeDefined();
    },
  );
});

describe('overlap', () => {
  it.each([
    [3, 2, 1, [2, 1], 1 / 3, 0.484322],
    [5, 2, 1, [3, 2], 0.2, 0.285657],
    [9, 2, 1, [5, 4], 1 / 9, 0.157619],
    [9, 3, 1, [3, 3, 3], 0, 0],
    [9, 4, 1, [3, 2, 2, 2], 0.19245, 0.274674],
    [4, 2, 2, [4, 0], 1, null],
    [4, 2, 3, [2, 2], 0, 0],
  ])('of k%i s%i d%i has the counts %j', (kernel, stride, dilation, phases, axis, layer) => {
    const view = overlapView(spec({ kernel, stride, dilation }));
    expect(view.phases).toEqual(phases);
    expect(view.variation.axis).toBeCloseTo(axis, 6);
    if (layer !== null) expect(view.variation.layer).toBeCloseTo(layer, 6);
    expect(view.map).toEqual(view.line.flatMap((row) => view.line.map((column) => row * column)));
    // Inside, the line repeats the phases; the border has less.
    const inside = view.line.slice(view.interior.from, view.interior.to);
    expect(inside.length).toBeGreaterThanOrEqual(2 * stride);
    for (const [index, count] of inside.entries()) {
      expect(count).toBe(phases[(view.interior.from + index) % stride]);
    }
  });

  it('says what the dilation does', () => {
    expect(dilationRule(spec({ stride: 2, dilation: 2 }))).toContain('only every 2nd phase');
    expect(dilationRule(spec({ stride: 3, dilation: 2 }))).toContain('every phase in turn');
    expect(overlapView(spec({ kernel: 4, dilation: 2 })).verdict).toBe('Holes: no weights can fix this.');
    expect(overlapView(spec({ kernel: 2, stride: 3 })).text).toContain('shorter than stride 3');
  });
});

describe('the matrix', () => {
  it.each([
    spec(),
    spec({ kernel: 4, padding: 1, outputPadding: 1 }),
    spec({ size: 4, kernel: 2, stride: 3, dilation: 2 }),
    spec({ axes: 1, groups: 3, size: 5, kernel: 4, padding: 1 }),
  ])('of %j is the transpose of what the stamps do', (layer) => {
    const weights = filled(layer, 'random', 5);
    const matrix = matrixView(layer, weights);
    if (!matrix) throw new Error('no matrix');
    const length = outputLength(layer);
    expect(matrix.rows).toBe(inputCells(layer));
    expect(matrix.columns).toBe(layer.axes === 1 ? layer.groups * length : length ** 2);
    const x = probe(matrix.columns, 2);
    const y = probe(matrix.rows, 3);
    const forward = new Float32Array(matrix.columns);
    for (const { row, column, value } of matrix.entries) {
      forward[column] = (forward[column] ?? 0) + value * (y[row] ?? 0);
    }
    if (layer.axes === 1) {
      lanes(layer, [...y], weights).forEach((value, i) => {
        expect(forward[i]).toBeCloseTo(value, 5);
      });
    }
    expect(inner(matrix.multiply(x), y)).toBeCloseTo(inner(x, forward), 4);
  });

  it('is told row by row, with its columns in short', () => {
    const matrix = matrixView(spec(), ones(9));
    if (!matrix) throw new Error('no matrix');
    const rows = rowsOfEntries(matrix.entries, matrix.rows);
    expect(rows.map((row) => row.length)).toEqual(ones(9).map(() => 9));
    expect(runs(rows[0]?.map(({ column }) => column + 1) ?? [])).toBe('1–3, 8–10, 15–17');
    const transposed = matrix.entries.map(({ row, column, value }) => ({ row: column, column: row, value }));
    expect(rowsOfEntries(transposed, matrix.columns)[16]?.map(({ column }) => column)).toEqual([0, 1, 3, 4]);
    expect(runs([])).toBe('');
    expect(runs([1, 2, 4, 6, 7, 8])).toBe('1, 2, 4, 6–8');
  });

  it('is none where padding leaves no output', () => {
    expect(matrixView(spec({ size: 1, padding: 3 }), ones(9))).toBeNull();
  });
});
