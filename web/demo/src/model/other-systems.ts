import type { Convention } from './conventions';
import { type LayerSpec, outputLength, reach } from './geometry';

export const conventionNames: Record<Convention, string> = {
  pytorch: 'PyTorch',
  keras: 'Keras',
  jax: 'JAX',
  'jax-transpose': 'JAX, transpose_kernel',
  onnx: 'ONNX',
  webnn: 'WebNN',
};

/** What is the same and what is not, when the same geometry is said in another system's words. */
export const conventionNotes: Record<Convention, string> = {
  pytorch: 'The stamps of station 1. Padding crops the output, and the kernel is [in, out, rows, columns].',
  keras:
    'The same stamps; the kernel is [rows, columns, out, in]. Padding is a word and no number, so what PyTorch\u2019s padding crops is cropped afterwards.',
  jax: 'The kernel is correlated with the spread-out input, so each stamp is the kernel flipped. Padding counts on the input: PyTorch\u2019s p is written r \u2212 1 \u2212 p, r being the cells a kernel spans.',
  'jax-transpose':
    'transpose_kernel=True flips the taps and swaps the channels of the kernel: PyTorch\u2019s stamps again.',
  onnx: 'PyTorch\u2019s operator with pads for every side: all heads first, then all tails.',
  webnn: 'PyTorch\u2019s operator, with two axes always; padding is [top, bottom, left, right].',
};

type Pair = readonly [number, number];

/** The padding that means PyTorch's p and output padding o to JAX. */
export function jaxPads(spec: LayerSpec): Pair {
  const before = reach(spec) - 1 - spec.padding;
  return [before, before + spec.outputPadding];
}

/** What Keras's output without padding has too much at the head and at the tail. */
export function kerasCrop(spec: LayerSpec): Pair {
  const whole = (spec.size - 1) * spec.stride + reach(spec) + spec.outputPadding;
  return [spec.padding, whole - spec.padding - outputLength(spec)];
}

/** The D2L chapter's numbers: 0 to 3 on 0 to 3, all but one output cropped. */
export const d2l = {
  layer: { axes: 2, groups: 1, size: 2, kernel: 2, stride: 1, padding: 1, outputPadding: 0, dilation: 1 },
  kind: 'transposed',
  input: [0, 1, 2, 3],
  weights: [0, 1, 2, 3],
  fill: 'own',
} as const;
