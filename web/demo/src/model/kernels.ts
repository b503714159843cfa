import { uniform } from './random';

export type KernelFill = 'ones' | 'random' | 'bilinear';

/** Square kernels as flat rows. Bilinear is a tent as wide as the stride needs. */
export function kernelTaps(fill: KernelFill, size: number, stride: number, seed: number): number[] {
  if (fill === 'ones') return new Array<number>(size * size).fill(1);
  if (fill === 'random') return randomTaps(size, seed);
  const tent = Array.from({ length: size }, (_, tap) =>
    Math.max(0, 1 - Math.abs(tap - (size - 1) / 2) / stride),
  );
  return tent.flatMap((row) => tent.map((column) => row * column));
}

/** Taps in [-1, 1] with one decimal and none of them zero, so that a cell can show them exactly. */
export function signedTaps(size: number, seed: number): number[] {
  const draw = uniform(seed);
  return Array.from({ length: size * size }, () => {
    const tap = Math.round(draw() * 20 - 10.5);
    return (tap >= 0 ? tap + 1 : tap) / 10;
  });
}

function randomTaps(size: number, seed: number): number[] {
  const draw = uniform(seed);
  return Array.from({ length: size * size }, draw);
}

/** The same taps scaled to a sum; with `stride * stride` a transposed convolution keeps the mean of a flat picture. */
export function scaledTo(taps: readonly number[], sum: number): Float32Array {
  const total = taps.reduce((a, b) => a + b, 0);
  return Float32Array.from(taps, (tap) => (tap * sum) / total);
}

/** A square grid of values in a new size: what was there stays, new cells take `fill`. */
export function resized(values: readonly number[], from: number, to: number, fill: number): number[] {
  return Array.from({ length: to * to }, (_, index) => {
    const row = Math.floor(index / to);
    const column = index % to;
    return row < from && column < from ? (values[row * from + column] ?? fill) : fill;
  });
}
