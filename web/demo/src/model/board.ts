import {
  type Cell,
  type Contribution,
  cellOfStep,
  contributions,
  inOutput,
  type LayerSpec,
  reach,
  rowAxis,
  rowContributions,
  tapLines,
} from './geometry';
import type { Flight } from './playback';

/** A drawn grid: its corner on the board and the distance from cell to cell, in pixels. */
export interface GridBox {
  readonly left: number;
  readonly top: number;
  readonly pitch: number;
  readonly gap: number;
}

export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** Where a stamp is, between its input cell and the lines of the drawn output (ghosts included) it lands on. */
export function placeOfStamp(spec: LayerSpec, flight: Flight, from: GridBox, to: GridBox): Placement {
  const cell = cellOfStep(spec, flight.step);
  const side = reach(spec) * to.pitch - to.gap;
  const start = {
    x: from.left + cell.column * from.pitch,
    y: from.top + cell.row * from.pitch,
    scale: (from.pitch - from.gap) / side,
  };
  const end = {
    x: to.left + cell.column * spec.stride * to.pitch,
    y: to.top + cell.row * rowAxis(spec).stride * to.pitch,
    scale: 1,
  };
  const t = flight.travel;
  const scale = (start.scale + (end.scale - start.scale) * t) * (1 + 0.03 * flight.height);
  // Growing about its centre and a low arc: the stamp is lifted, not slid.
  const rise = Math.sin(Math.PI * t) * 18 + 4 * flight.height;
  const grown = (side * (scale - (start.scale + (end.scale - start.scale) * t))) / 2;
  return {
    x: start.x + (end.x - start.x) * t - grown,
    y: start.y + (end.y - start.y) * t - rise - grown,
    scale,
  };
}

/** Columns of a drawn grid, from the first to behind the last. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

interface Stretches {
  readonly input: Stretch;
  readonly output: Stretch;
}

/** The columns of both drawn grids that a stamp is about. */
export function stretchesOfStamp(spec: LayerSpec, step: number): Stretches {
  const { column } = cellOfStep(spec, step);
  const from = column * spec.stride;
  return { input: { from: column, to: column + 1 }, output: { from, to: from + reach(spec) } };
}

/** The same of an output cell: where it is, and the input that reaches it. */
export function stretchesOfOutput(spec: LayerSpec, column: number): Stretches {
  const from = column + spec.padding;
  const reaching = contributions(spec, column).map(({ input }) => input);
  const [first, last] = [Math.min(...reaching), Math.max(...reaching)];
  const input = reaching.length > 0 ? { from: first, to: last + 1 } : { from: 0, to: 0 };
  return { input, output: { from, to: from + 1 } };
}

/** Which grid, if any, is pointed at, and so what is lit in the other two. */
export interface Lit {
  readonly input: (cell: Cell) => boolean;
  readonly kernel: (cell: Cell) => boolean;
  readonly output: (cell: Cell) => boolean;
}

const nothing = () => false;

export function lit(
  spec: LayerSpec,
  pointed: { readonly grid: 'input' | 'kernel' | 'output'; readonly cell: Cell } | null,
): Lit {
  if (!pointed) return { input: nothing, kernel: nothing, output: nothing };
  const { grid, cell } = pointed;
  if (grid === 'input') {
    const rows = new Set(tapLines(rowAxis(spec), cell.row));
    const columns = new Set(tapLines(spec, cell.column));
    return {
      input: (c) => c.row === cell.row && c.column === cell.column,
      kernel: spec.axes === 1 ? (c) => c.row === cell.row : nothing,
      output: (c) => rows.has(c.row) && columns.has(c.column),
    };
  }
  if (grid === 'kernel') {
    const hit = (met: readonly Contribution[], tap: number) => met.some((one) => one.tap === tap);
    return {
      input: nothing,
      kernel: (c) => c.row === cell.row && c.column === cell.column,
      output: (c) =>
        hit(rowContributions(spec, c.row), cell.row) && hit(contributions(spec, c.column), cell.column),
    };
  }
  const rows = rowContributions(spec, cell.row);
  const columns = contributions(spec, cell.column);
  return {
    input: (c) => rows.some((met) => met.input === c.row) && columns.some((met) => met.input === c.column),
    kernel: (c) => rows.some((met) => met.tap === c.row) && columns.some((met) => met.tap === c.column),
    output: (c) => c.row === cell.row && c.column === cell.column,
  };
}

/** The value of a flying stamp's tap; taps that padding crops fly along and are dropped on landing. */
export function stampTaps(
  spec: LayerSpec,
  stamp: Float32Array,
  step: number,
): { tap: Cell; value: number; cropped: boolean }[] {
  const cell = cellOfStep(spec, step);
  const width = reach(spec);
  const rows = tapLines(rowAxis(spec), cell.row);
  const columns = tapLines(spec, cell.column);
  return rows.flatMap((row, tapRow) =>
    columns.map((column, tapColumn) => ({
      tap: { row: tapRow, column: tapColumn },
      value: stamp[(tapRow * width + tapColumn) * spec.dilation] ?? 0,
      cropped: !inOutput(rowAxis(spec), row) || !inOutput(spec, column),
    })),
  );
}

export interface TallyRow {
  readonly stamps: number;
  readonly cells: number;
  /** Part of all output cells, 0 to 1. */
  readonly part: number;
}

/** How many output cells have collected how many stamps. */
export function tally(
  [rows, columns]: readonly [number, number],
  countAt: (cell: Cell) => number,
): TallyRow[] {
  const cells = new Map<number, number>();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const stamps = countAt({ row, column });
      cells.set(stamps, (cells.get(stamps) ?? 0) + 1);
    }
  }
  return [...cells]
    .sort(([a], [b]) => a - b)
    .map(([stamps, amount]) => ({ stamps, cells: amount, part: amount / (rows * columns) }));
}
