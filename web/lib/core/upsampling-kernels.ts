import { refuse } from './checks.js';
import { at, outerProduct } from './lists.js';

/**
 * Every tap of `[outer, ...kernel, inner]` repeated `factors[axis]` times along each axis:
 * `result[a * s + r] = values[a]`, the rule of ICNR for transposed convolutions (Aitken et al., arXiv 1707.02937).
 */
export function repeatTaps(
  values: Float32Array,
  kernel: readonly number[],
  factors: readonly number[],
  inner: number,
): Float32Array {
  let current = values;
  let block = inner;
  for (let axis = kernel.length - 1; axis >= 0; axis -= 1) {
    const factor = factors[axis] as number;
    const next = new Float32Array(current.length * factor);
    for (let from = 0, to = 0; from < current.length; from += block) {
      for (let copy = 0; copy < factor; copy += 1, to += block) {
        next.set(current.subarray(from, from + block), to);
      }
    }
    current = next;
    block *= factor * (kernel[axis] as number);
  }
  return current;
}

/**
 * Taps of linear interpolation: `1 - |i - c| / f` with `f = ceil(size / 2)` and the middle
 * `c = f - 1` for an odd size, `f - 1/2` for an even one.
 */
export function linearTaps(size: number): number[] {
  const half = Math.ceil(size / 2);
  const center = size % 2 === 1 ? half - 1 : half - 0.5;
  return Array.from({ length: size }, (_, tap) => 1 - Math.abs(tap - center) / half);
}

/**
 * Linear interpolation as a kernel `[outer, ...kernel, inner]`: the product of the axes' linear taps, times
 * `factor(outer, inner)`.
 */
export function linearKernel(
  kernel: readonly number[],
  outer: number,
  inner: number,
  factor: (outer: number, inner: number) => number,
): Float32Array {
  const taps = outerProduct(kernel.map(linearTaps));
  const values = new Float32Array(outer * taps.length * inner);
  let index = 0;
  for (let block = 0; block < outer; block += 1) {
    for (const tap of taps) {
      for (let lane = 0; lane < inner; lane += 1) {
        values[index] = tap * factor(block, lane);
        index += 1;
      }
    }
  }
  return values;
}

/** What an input channel contributes to an output channel of its group. */
export function bilinearShare(
  channels: 'identity' | 'mean',
  input: number,
  output: number,
  groupIn: number,
): number {
  if (channels === 'mean') return 1 / groupIn;
  return output % groupIn === input ? 1 : 0;
}

/** ICNR repeats whole blocks of `stride` taps. */
export function checkIcnr(
  where: string,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): void {
  const fits = (taps: number, axis: number): boolean =>
    taps % at(stride, axis) === 0 && (at(dilation, axis) === 1 || at(stride, axis) === 1);
  if (kernel.every(fits)) return;
  unfit(where, 'a kernel whose size is a multiple of the stride, without dilation', kernel, stride, dilation);
}

/** Taps of linear interpolation reach one stride to either side. */
export function checkBilinear(
  where: string,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): void {
  const fits = (taps: number, axis: number): boolean =>
    Math.ceil(taps / 2) === at(stride, axis) && (at(dilation, axis) === 1 || taps === 1);
  if (kernel.every(fits)) return;
  unfit(where, 'a kernel of 2 * stride or 2 * stride - 1 taps, without dilation', kernel, stride, dilation);
}

function unfit(
  where: string,
  expected: string,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): never {
  refuse(
    'UNSUPPORTED',
    where,
    `${expected} (stride ${stride.join(' x ')}, dilation ${dilation.join(' x ')})`,
    [...kernel],
    'Choose another kernel size, or repair the weights instead.',
  );
}
