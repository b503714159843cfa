import { type KernelFill, kernelTaps, scaledTo } from './kernels';

/**
 * Padding and output padding that make a transposed convolution give `stride` times the input size.
 * With stride 1 and an even kernel no legal pair does; the output is then one larger.
 */
export function sameSize(kernel: number, stride: number): { padding: number; outputPadding: number } {
  const excess = kernel - stride;
  if (excess < 0) return { padding: 0, outputPadding: -excess };
  if (excess % 2 === 1 && stride === 1) return { padding: (excess - 1) / 2, outputPadding: 0 };
  const padding = Math.ceil(excess / 2);
  return { padding, outputPadding: 2 * padding - excess };
}

/**
 * One set of taps for both orders of work, each scaled to keep the mean of a flat picture:
 * a transposed convolution spreads its taps over stride x stride places, a convolution sums them all.
 */
export function matchedWeights(
  fill: KernelFill,
  kernel: number,
  stride: number,
  seed: number,
): { raw: Float32Array; resize: Float32Array } {
  const taps = kernelTaps(fill, kernel, stride, seed);
  return { raw: scaledTo(taps, stride * stride), resize: scaledTo(taps, 1) };
}
