import type { CanonicalParameters } from '../runtime/operation.js';

/** A factor and a summand of every output channel. */
export interface ChannelAffine {
  readonly scale: ArrayLike<number>;
  readonly shift: ArrayLike<number>;
}

/** Parameters of an operator with what is multiplied and added behind it worked in. */
export function foldAffine(
  { weight, bias }: CanonicalParameters,
  { scale, shift }: ChannelAffine,
): CanonicalParameters {
  return {
    weight,
    scale,
    bias: Float32Array.from(
      shift,
      (summand, channel) => summand + (bias?.[channel] ?? 0) * (scale[channel] as number),
    ),
  };
}
