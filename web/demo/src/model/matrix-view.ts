import { type KernelMatrix, kernelMatrix } from 'deconv-wasm/d2l';
import { type LayerSpec, outputLength } from './geometry';
import { uniform } from './random';

/** One entry of K that is not known to be 0: a tap of the kernel. */
export interface Entry {
  /** The layer's input cell: a row of K, a column of its transpose. */
  readonly row: number;
  /** The layer's output cell. */
  readonly column: number;
  readonly value: number;
}

/**
 * The matrix of the layer's geometry. K is that of the ordinary convolution from the layer's output back to
 * its input; the layer itself multiplies by its transpose.
 */
export interface MatrixView {
  readonly rows: number;
  readonly columns: number;
  readonly entries: readonly Entry[];
  /** K times values of the output's size. */
  multiply(x: Float32Array): Float32Array;
}

export function matrixView(spec: LayerSpec, weights: readonly number[]): MatrixView | null {
  const length = outputLength(spec);
  if (length < 1) return null;
  // Lanes know nothing of each other: their matrices stand along the diagonal.
  const lanes = spec.axes === 1 ? spec.groups : 1;
  const taps = weights.length / lanes;
  const blocks = Array.from({ length: lanes }, (_, lane) =>
    block(spec, length, weights.slice(lane * taps, (lane + 1) * taps)),
  );
  const first = blocks[0];
  if (!first) return null;
  const { rows, columns } = first;
  return {
    rows: rows * lanes,
    columns: columns * lanes,
    entries: blocks.flatMap((matrix, lane) => entriesOf(matrix, lane * rows, lane * columns)),
    multiply: (x) =>
      Float32Array.from(
        blocks.flatMap((matrix, lane) => [
          ...matrix.multiply(x.slice(lane * columns, (lane + 1) * columns)).data,
        ]),
      ),
  };
}

function block(spec: LayerSpec, length: number, weights: readonly number[]): KernelMatrix {
  const { axes, kernel, stride, dilation, padding, outputPadding } = spec;
  const each = <T>(value: T) => new Array<T>(axes).fill(value);
  return kernelMatrix({ data: Float32Array.from(weights), shape: each(kernel) }, each(length), {
    stride,
    dilation,
    padBefore: padding,
    padAfter: padding - outputPadding,
  });
}

function entriesOf(matrix: KernelMatrix, rowOffset: number, columnOffset: number): Entry[] {
  const entries: Entry[] = [];
  for (let row = 0; row < matrix.rows; row++) {
    for (let at = matrix.rowPointers[row] ?? 0; at < (matrix.rowPointers[row + 1] ?? 0); at++) {
      const column = columnOffset + (matrix.columnIndices[at] ?? 0);
      entries.push({ row: rowOffset + row, column, value: matrix.values[at] ?? 0 });
    }
  }
  return entries;
}

/** The entries of each row, from the left. */
export function rowsOfEntries(entries: readonly Entry[], rows: number): Entry[][] {
  const lines: Entry[][] = Array.from({ length: rows }, () => []);
  for (const entry of entries) lines[entry.row]?.push(entry);
  for (const line of lines) line.sort((a, b) => a.column - b.column);
  return lines;
}

/** Ascending numbers in short: 1–3, 8, 15–17. */
export function runs(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0, to = 0; at < numbers.length; at = to) {
    for (to = at + 1; numbers[to] === (numbers[to - 1] ?? 0) + 1; ) to++;
    const [first, last] = [numbers[at], numbers[to - 1]];
    parts.push(to - at === 1 ? `${first}` : `${first}${to - at === 2 ? ', ' : '–'}${last}`);
  }
  return parts.join(', ');
}

/** Values to test the transpose with, the same for the same seed. */
export function probe(length: number, seed: number): Float32Array {
  const draw = uniform(seed);
  return Float32Array.from({ length }, () => Math.round(draw() * 20 - 10) / 10);
}

export function inner(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] ?? 0) * (other[i] ?? 0);
  return sum;
}
