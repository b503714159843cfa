import { checkBoolean, checkInteger, MAX_INTEGER, refuse } from './checks.js';
import type { Unsized } from './lists.js';
import { isList } from './realms.js';
import { type Pads, splitPads } from './same-padding.js';
import { kernelReach } from './spec.js';

/**
 * Padding of `jax.lax.conv_transpose`: a word, or a pair (before, after) for every spatial axis.
 * Pairs pad the input after zeros were inserted between its values, so a larger pair gives a larger
 * output: the opposite of PyTorch's padding.
 */
export type JaxPadding =
  | 'SAME'
  | 'VALID'
  | readonly (readonly [before: number, after: number] | Unsized<number>)[];

/** What of a layer the padding depends on; lists have one entry per spatial axis. */
export interface JaxPaddingGeometry {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** JAX's rhs_dilation. */
  readonly dilation: readonly number[];
  /** Pairs are those of the forward convolution, that is crops of this output. Words stay as they are. */
  readonly useConsistentPadding: boolean;
}

/** Crops of the canonical transposed convolution; negative ones extend its output. */
export interface Crops {
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
}

/**
 * The crops that a JAX padding means. With `reach = dilation * (kernel - 1) + 1`, `SAME` gives
 * `n * stride` outputs, `VALID` gives `n * stride + max(reach - stride, 0)`, and a pair gives
 * `(n - 1) * stride + 2 - reach + before + after`.
 *
 * Source: `_conv_transpose_padding` and `conv_transpose` in jax/_src/lax/convolution.py, whose pads
 * of the dilated input are `reach - 1` less the crops here.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 */
export function jaxCrops(where: string, padding: unknown, geometry: JaxPaddingGeometry): Crops {
  const { kernel, stride } = geometry;
  const consistent = checkBoolean(where, 'useConsistentPadding', geometry.useConsistentPadding);
  const pairs = padding === 'SAME' || padding === 'VALID' ? [] : readPairs(where, padding, kernel.length);
  const crops = kernel.map((_, axis): Pads => {
    const reach = kernelReach(geometry, axis);
    // What of the natural size lies beyond n * stride; below 0 where the kernel leaves gaps.
    const excess = reach - (stride[axis] as number);
    if (padding === 'SAME') return splitPads(excess);
    if (padding === 'VALID') return [0, Math.min(excess, 0)];
    const pair = pairs[axis] as Pads;
    return consistent ? pair : [reach - 1 - pair[0], reach - 1 - pair[1]];
  });
  return { padBefore: crops.map(([before]) => before), padAfter: crops.map(([, after]) => after) };
}

function readPairs(where: string, padding: unknown, rank: number): (readonly [number, number])[] {
  const expected = `padding to be 'SAME', 'VALID' or ${rank} pairs [before, after]`;
  if (typeof padding === 'string') {
    refuse('BAD_OPTION', where, expected, padding, 'The words are in capitals.');
  }
  if (!isList(padding)) refuse('BAD_TYPE', where, expected, padding);
  if (padding.length !== rank) refuse('BAD_OPTION', where, expected, padding, 'One pair per spatial axis.');
  return Array.from(padding, (pair, axis) => {
    const name = `padding[${axis}]`;
    if (!isList(pair)) refuse('BAD_TYPE', where, `${name} to be a pair [before, after]`, pair);
    if (pair.length !== 2) refuse('BAD_OPTION', where, `${name} to be a pair [before, after]`, pair);
    return [
      checkInteger(where, `${name}[0]`, pair[0], -MAX_INTEGER),
      checkInteger(where, `${name}[1]`, pair[1], -MAX_INTEGER),
    ] as const;
  });
}
