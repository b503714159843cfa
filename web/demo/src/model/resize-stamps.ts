// Which stamps a nearest-neighbour resize and a convolution can have, and which of those are nearest to given ones.

import type { StampGeometry } from './family';

/** The kernels behind a resize, row by row and lane by lane, whose stamps these are. */
export function resizeKernels(geometry: StampGeometry, stamps: readonly number[]): number[] {
  return lanesOf(geometry, stamps).flatMap((stamp) => divided(geometry, stamp).quotient);
}

/** The stamps of kernels behind a resize: a resize stamps boxes, which the kernel spreads. */
export function resizeStamps(geometry: StampGeometry, kernels: readonly number[]): number[] {
  const own = { ...geometry, kernel: geometry.kernel - geometry.stride + 1 };
  return lanesOf(own, kernels).flatMap((taps) => stampOf(geometry, taps));
}

/**
 * The stamps nearest to these that a resize-convolution has, each with its sum as it was; these themselves where
 * it has them.
 */
export function nearestResize(geometry: StampGeometry, stamps: readonly number[]): readonly number[] {
  if (isResize(geometry, stamps)) return stamps;
  return lanesOf(geometry, stamps).flatMap((stamp) => stampOf(geometry, nearestKernel(geometry, stamp)));
}

/** Whether a resize-convolution has these stamps: exactly where the box of its resize divides them. */
export function isResize(geometry: StampGeometry, stamps: readonly number[]): boolean {
  return (
    geometry.dilation === 1 &&
    geometry.kernel >= geometry.stride &&
    lanesOf(geometry, stamps).every((stamp) => divided(geometry, stamp).isWhole)
  );
}

/** Largest remainder that counts as rounding, as a share of the largest tap; the package's own default. */
const TOLERANCE = 1e-6;

function lanesOf({ axes, kernel }: StampGeometry, values: readonly number[]): number[][] {
  const taps = kernel ** axes;
  return Array.from({ length: values.length / taps }, (_, lane) =>
    values.slice(lane * taps, (lane + 1) * taps),
  );
}

/** A rule for lines on every axis of a kernel in turn. */
function onAxes(axes: 1 | 2, values: readonly number[], rule: (line: number[]) => number[]): number[] {
  if (axes === 1) return rule([...values]);
  const side = Math.sqrt(values.length);
  const rows = Array.from({ length: side }, (_, row) => rule(values.slice(row * side, (row + 1) * side)));
  const columns = (rows[0] ?? []).map((_, column) => rule(rows.map((row) => row[column] ?? 0)));
  return (columns[0] ?? []).flatMap((_, row) => columns.map((column) => column[row] ?? 0));
}

/** A stamp by the box of `stride` ones on every axis, and whether that leaves no remainder. */
export function divided({ axes, kernel, stride }: StampGeometry, stamp: readonly number[]) {
  const own = kernel - stride + 1;
  const limit = TOLERANCE * Math.max(...stamp.map(Math.abs));
  let isWhole = true;
  const quotient = onAxes(axes, stamp, (line) => {
    const taps: number[] = [];
    for (const [at, value] of line.entries()) {
      const rest = taps.slice(Math.max(at - stride + 1, 0), at).reduce((left, tap) => left - tap, value);
      if (at < own) taps.push(rest);
      else if (Math.abs(rest) > limit) isWhole = false;
    }
    return taps;
  });
  return { quotient: quotient.map(short), isWhole };
}

function stampOf({ axes, stride }: StampGeometry, taps: readonly number[]): number[] {
  return onAxes(axes, taps, (line) =>
    Array.from({ length: line.length + stride - 1 }, (_, at) =>
      total(line.slice(Math.max(at - stride + 1, 0), at + 1)),
    ),
  ).map(short);
}

/** Least squares over the kernels whose stamps have the same sum. */
function nearestKernel({ axes, kernel, stride }: StampGeometry, stamp: readonly number[]): number[] {
  const own = kernel - stride + 1;
  // Stamps of neighbouring taps are boxes that share as many cells as the stride leaves them.
  const shared = Array.from({ length: own }, (_, i) =>
    Array.from({ length: own }, (_, j) => Math.max(stride - Math.abs(i - j), 0)),
  );
  const free = onAxes(axes, stamp, (line) =>
    solved(
      shared,
      Array.from({ length: own }, (_, at) => total(line.slice(at, at + stride))),
    ),
  );
  const even = solved(shared, new Array<number>(own).fill(1));
  const missing = (total(stamp) / stride ** axes - total(free)) / total(even) ** axes;
  return free.map((tap, at) => {
    const share = axes === 1 ? entry(even, at) : entry(even, Math.floor(at / own)) * entry(even, at % own);
    return short(tap + missing * share);
  });
}

/** Without what sums and differences of short numbers leave behind their last digit. */
const short = (value: number) => Number(value.toFixed(12)) + 0;
const entry = (values: readonly number[], index: number) => values[index] ?? 0;
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

/** The solution of a symmetric, positive definite system, by elimination. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, entry(right, i)]);
  for (const [i, pivot] of rows.entries()) {
    for (const row of rows.slice(i + 1)) {
      const factor = entry(row, i) / entry(pivot, i);
      for (let j = i; j < row.length; j++) row[j] = entry(row, j) - factor * entry(pivot, j);
    }
  }
  const result = new Array<number>(right.length).fill(0);
  for (const [i, row] of [...rows.entries()].reverse()) {
    const known = result.reduce((sum, found, j) => sum + found * entry(row, j), 0);
    result[i] = (entry(row, right.length) - known) / entry(row, i);
  }
  return result;
}
