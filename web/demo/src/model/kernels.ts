import { uniform } from './random';

export type KernelFill = 'ones' | 'random' | 'bilinear';

/** Kernels as flat rows: square, or one row. Bilinear is a tent as wide as the stride needs. */
export function kernelTaps(
  fill: KernelFill,
  size: number,
  stride: number,
  seed: number,
  rows = size,
): number[] {
  if (fill === 'ones') return new Array<number>(rows * size).fill(1);
  if (fill === 'random') return randomTaps(rows * size, seed);
  const tent = Array.from({ length: size }, (_, tap) =>
    Math.max(0, 1 - Math.abs(tap - (size - 1) / 2) / stride),
  );
  if (rows === 1) return tent;
  return tent.flatMap((row) => tent.map((column) => row * column));
}

/** Taps in [-1, 1] with one decimal and none of them zero, so that a cell can show them exactly. */
export function signedTaps(amount: number, seed: number): number[] {
  const draw = uniform(seed);
  return Array.from({ length: amount }, () => {
    const tap = Math.round(draw() * 20 - 10.5);
    return (tap >= 0 ? tap + 1 : tap) / 10;
  });
}

function randomTaps(amount: number, seed: number): number[] {
  const draw = uniform(seed);
  return Array.from({ length: amount }, draw);
}

/** The same taps scaled to a sum; with `stride * stride` a transposed convolution keeps the mean of a flat picture. */
export function scaledTo(taps: readonly number[], sum: number): Float32Array {
  const total = taps.reduce((a, b) => a + b, 0);
  return Float32Array.from(taps, (tap) => (tap * sum) / total);
}

type Shape = readonly [rows: number, columns: number];

/** A grid of values in a new shape: what was there stays, new cells take `fill`. */
export function resized(
  values: readonly number[],
  [rows, columns]: Shape,
  to: Shape,
  fill: number,
): readonly number[] {
  if (rows === to[0] && columns === to[1]) return values;
  return Array.from({ length: to[0] * to[1] }, (_, index) => {
    const row = Math.floor(index / to[1]);
    const column = index % to[1];
    return row < rows && column < columns ? (values[row * columns + column] ?? fill) : fill;
  });
}
