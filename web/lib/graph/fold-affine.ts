import { product } from '../core/lists.js';
import type { CanonicalParameters, Spec } from '../runtime/operation.js';

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
    rescale: (values, spec) => scaleChannels(values, spec, scale),
    bias: Float32Array.from(
      shift,
      (summand, channel) => summand + (bias?.[channel] ?? 0) * (scale[channel] as number),
    ),
  };
}

/** Multiplies what belongs to every output channel. */
function scaleChannels(
  weight: Float32Array,
  { transposed, groups, inChannels, outChannels, kernel }: Spec,
  scale: ArrayLike<number>,
): void {
  const taps = product(kernel);
  const [groupIn, groupOut] = [inChannels / groups, outChannels / groups];
  // Rows of a transposed convolution go by input channels, which lie around the output's.
  const [around, together] = transposed ? [groupIn, taps] : [1, groupIn * taps];
  let index = 0;
  for (let group = 0; group < groups; group += 1) {
    for (let outer = 0; outer < around; outer += 1) {
      for (let channel = group * groupOut; channel < (group + 1) * groupOut; channel += 1) {
        const factor = scale[channel] as number;
        for (const end = index + together; index < end; index += 1) {
          weight[index] = (weight[index] as number) * factor;
        }
      }
    }
  }
}
