/** The layer of station 1: one channel, the same numbers on both axes; or one axis, where groups are lanes. */
export interface LayerSpec {
  readonly axes: 1 | 2;
  /** Channels that know nothing of each other, each with a kernel of its own; 1 where there are two axes. */
  readonly groups: number;
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly outputPadding: number;
  readonly dilation: number;
}

export interface Cell {
  readonly row: number;
  readonly column: number;
}

/**
 * One line of the drawn output: `kept` is output, `cropped` is what padding cuts off,
 * `added` is output that exists only because of output padding.
 */
export type LineKind = 'kept' | 'cropped' | 'added';

/** Rows of the input as it is drawn: lanes, or the first axis. */
export function rowsOf(spec: LayerSpec): number {
  return spec.axes === 1 ? spec.groups : spec.size;
}

/** Rows of the kernel as it is drawn. */
export function tapRows(spec: LayerSpec): number {
  return spec.axes === 1 ? spec.groups : spec.kernel;
}

export function inputCells(spec: LayerSpec): number {
  return rowsOf(spec) * spec.size;
}

export function tapCount(spec: LayerSpec): number {
  return tapRows(spec) * spec.kernel;
}

/**
 * The rows as an axis of their own. Lanes are an axis on which every line stamps itself alone, so that all
 * that holds for two axes holds for one with its lanes.
 */
export function rowAxis(spec: LayerSpec): LayerSpec {
  if (spec.axes === 2) return spec;
  return { ...spec, size: spec.groups, kernel: 1, stride: 1, padding: 0, outputPadding: 0, dilation: 1 };
}

/** Cells a kernel spans on one axis, dilation included. */
export function reach(spec: Pick<LayerSpec, 'kernel' | 'dilation'>): number {
  return spec.dilation * (spec.kernel - 1) + 1;
}

/** Output length on one axis before anything is cropped or added. */
export function naturalLength(spec: LayerSpec): number {
  return (spec.size - 1) * spec.stride + reach(spec);
}

export function outputLength(spec: LayerSpec): number {
  return naturalLength(spec) + spec.outputPadding - 2 * spec.padding;
}

/**
 * Every line to draw on one axis, ghosts included.
 * Line `q` is output index `q - padding`; stamps land on lines without knowing of the crop.
 */
export function drawnLines(spec: LayerSpec): LineKind[] {
  const natural = naturalLength(spec);
  const end = spec.padding + Math.max(outputLength(spec), 0);
  const lines: LineKind[] = [];
  for (let q = 0; q < Math.max(natural, end); q++) {
    if (q < spec.padding || q >= end) lines.push('cropped');
    // The last `outputPadding` lines kept are the ones that would otherwise be cropped or not exist.
    else lines.push(q >= end - spec.outputPadding ? 'added' : 'kept');
  }
  return lines;
}

/** Largest output padding PyTorch accepts for this stride and dilation. */
export function outputPaddingLimit(stride: number, dilation: number): number {
  return Math.max(stride, dilation) - 1;
}

/** The output lines that taps 0, 1, ... of the stamp of input line `index` fall on; some may be cropped. */
export function tapLines(spec: LayerSpec, index: number): number[] {
  return Array.from(
    { length: spec.kernel },
    (_, tap) => index * spec.stride + tap * spec.dilation - spec.padding,
  );
}

/** Whether the output line exists. */
export function inOutput(spec: LayerSpec, line: number): boolean {
  return line >= 0 && line < outputLength(spec);
}

export interface Contribution {
  readonly input: number;
  readonly tap: number;
}

/** Input lines, with the tap of each, that meet on one output line. */
export function contributions(spec: LayerSpec, line: number): Contribution[] {
  const met: Contribution[] = [];
  for (let input = 0; input < spec.size; input++) {
    const tap = tapLines(spec, input).indexOf(line);
    if (tap >= 0) met.push({ input, tap });
  }
  return met;
}

/** The same for a row, with the row of the drawn kernel: each lane has its own. */
export function rowContributions(spec: LayerSpec, line: number): Contribution[] {
  const met = contributions(rowAxis(spec), line);
  return spec.axes === 2 ? met : met.map(({ input }) => ({ input, tap: input }));
}

/** How many stamps overlap on each output line; on a square output the count of a cell is a product of two. */
export function overlap(spec: LayerSpec): number[] {
  return Array.from(
    { length: Math.max(outputLength(spec), 0) },
    (_, line) => contributions(spec, line).length,
  );
}

/** Stamps among the first `landed` (row by row) that cover the output cell. */
export function stampsOn(spec: LayerSpec, cell: Cell, landed: number): number {
  return stampCounter(spec, landed)(cell);
}

/** The same for many cells: what meets on a line is looked up once. */
export function stampCounter(spec: LayerSpec, landed: number): (cell: Cell) => number {
  const inputs = (axis: LayerSpec) =>
    Array.from({ length: Math.max(outputLength(axis), 0) }, (_, line) =>
      contributions(axis, line).map(({ input }) => input),
    );
  const down = inputs(rowAxis(spec));
  const across = inputs(spec);
  return (cell) => {
    let count = 0;
    for (const row of down[cell.row] ?? []) {
      for (const column of across[cell.column] ?? []) {
        if (row * spec.size + column < landed) count++;
      }
    }
    return count;
  };
}

/**
 * Output lines [from, to) where more input beyond the border would change nothing.
 * Empty (`from >= to`) when the input is too small for the kernel to have an inside.
 */
export function interior(spec: LayerSpec): { from: number; to: number } {
  const from = Math.max(reach(spec) - spec.stride - spec.padding, 0);
  const to = Math.min(spec.size * spec.stride - spec.padding, outputLength(spec));
  return { from, to };
}

/** The input cell of step `step`; stamps go row by row. */
export function cellOfStep(spec: LayerSpec, step: number): Cell {
  return { row: Math.floor(step / spec.size), column: step % spec.size };
}

/**
 * The smallest kernel not below `kernel` that the stride divides, or the one before if that is above `most`:
 * every place then collects equally many stamps.
 */
export function nextEvenKernel(kernel: number, stride: number, most = Number.POSITIVE_INFINITY): number {
  const next = Math.ceil(kernel / stride) * stride;
  return next <= most ? next : Math.floor(most / stride) * stride;
}
