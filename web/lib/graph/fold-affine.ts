import { product } from '../core/lists.js';
import type { OperatorSpec } from '../core/spec.js';
import type { CanonicalParameters } from '../runtime/operation.js';

/** A factor and a summand of every output channel. */
export interface ChannelAffine {
  readonly scale: ArrayLike<number>;
  readonly shift: ArrayLike<number>;
}

/** Parameters of the operator with what is multiplied and added behind it worked in. */
export function foldAffine(
  { weight, bias }: CanonicalParameters,
  { transposed, groups, inChannels, outChannels, kernel }: OperatorSpec,
  { scale, shift }: ChannelAffine,
): CanonicalParameters<ArrayBuffer> {
  const taps = product(kernel);
  const [groupIn, groupOut] = [inChannels / groups, outChannels / groups];
  const folded = new Float32Array(weight.length);
  for (let row = 0; row * taps < weight.length; row += 1) {
    const channel = transposed
      ? Math.floor(row / (groupIn * groupOut)) * groupOut + (row % groupOut)
      : Math.floor(row / groupIn);
    const factor = scale[channel] as number;
    for (let index = row * taps; index < (row + 1) * taps; index += 1) {
      folded[index] = (weight[index] as number) * factor;
    }
  }
  return {
    weight: folded,
    bias: Float32Array.from(
      shift,
      (summand, channel) => summand + (bias?.[channel] ?? 0) * (scale[channel] as number),
    ),
  };
}
