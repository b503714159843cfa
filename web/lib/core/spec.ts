import { fault, MAX_INTEGER, shapeText } from './checks.js';
import { at, product } from './lists.js';

/**
 * The canonical operator that every convention is translated to. Lists have one entry per
 * spatial axis, in the order of the tensor's axes.
 *
 * Pads of a transposed convolution are crops of its output; a negative one extends the output,
 * and an output padding is a smaller `padAfter`. Weight order: `[in, out/groups, ...kernel]` when
 * transposed, `[out, in/groups, ...kernel]` otherwise.
 */
export interface OperatorSpec {
  readonly transposed: boolean;
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Zeros inserted between input values; 1 for none. Convolution only. */
  readonly inputDilation: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
  /** Clamps the result at 0 from below. */
  readonly relu: boolean;
}

/** What a weight's shape depends on. */
export type ChannelSpec = Pick<
  OperatorSpec,
  'transposed' | 'groups' | 'inChannels' | 'outChannels' | 'kernel'
>;

export function weightShape(spec: ChannelSpec): number[] {
  return spec.transposed
    ? [spec.inChannels, spec.outChannels / spec.groups, ...spec.kernel]
    : [spec.outChannels, spec.inChannels / spec.groups, ...spec.kernel];
}

/** What a weight's shape says, the inverse of `weightShape`. */
export function channelsOfWeight(
  [first = 1, second = 1, ...kernel]: readonly number[],
  transposed: boolean,
  groups: number,
): ChannelSpec {
  const [inChannels, outChannels] = transposed ? [first, second * groups] : [second * groups, first];
  return { transposed, groups, inChannels, outChannels, kernel };
}

/** Products that the operator adds up; those with zeros of a padding and those that are cropped count. */
export function multiplyAdds(
  { transposed, groups, inChannels, outChannels, kernel }: ChannelSpec,
  inputCount: number,
  outputCount: number,
): number {
  // Every value of the one side meets the whole kernel for every channel of its group on the other.
  const meetings = transposed ? inputCount * outChannels : outputCount * inChannels;
  return (meetings / groups) * product(kernel);
}

/** Positions that a kernel with its holes spans: `dilation * (kernel - 1) + 1`. */
export function kernelReach(spec: Pick<OperatorSpec, 'kernel' | 'dilation'>, axis: number): number {
  return at(spec.dilation, axis) * (at(spec.kernel, axis) - 1) + 1;
}

/**
 * Length of one output axis.
 *
 * Transposed: every input value stamps a kernel-wide footprint, stamps lie `stride` apart, and the
 * crops are cut off the two ends. Otherwise: the places where the kernel fits on the padded input.
 * May be zero or negative, which the caller refuses in its own words.
 */
export function outputExtent(spec: OperatorSpec, axis: number, input: number): number {
  const reach = kernelReach(spec, axis);
  const pads = at(spec.padBefore, axis) + at(spec.padAfter, axis);
  const stride = at(spec.stride, axis);
  const step = spec.transposed ? stride : at(spec.inputDilation, axis);
  const span = (input - 1) * step;
  // Beyond 2^53 a double is no longer exact, and no such output could be counted anyway.
  if (span > Number.MAX_SAFE_INTEGER || reach > Number.MAX_SAFE_INTEGER) return Number.POSITIVE_INFINITY;
  if (spec.transposed) return span + reach - pads;
  const room = span + 1 + pads - reach;
  return room < 0 ? 0 : Math.floor(room / stride) + 1;
}

/** All output axes; throws `BAD_SHAPE` if one is below 1, `TOO_LARGE` if one cannot be counted. */
export function outputExtents(where: string, spec: OperatorSpec, input: readonly number[]): number[] {
  const output = input.map((extent, axis) => outputExtent(spec, axis, extent));
  for (const [axis, extent] of output.entries()) {
    if (extent < 1) {
      const advice = spec.transposed
        ? 'Crop less (padding) or pass a larger input.'
        : 'Pad more or pass a larger input.';
      throw fault(
        'BAD_SHAPE',
        where,
        `an output of at least 1 along spatial axis ${axis}`,
        `${extent} for input size ${shapeText(input)}`,
        advice,
        { axis, input, output },
      );
    }
    if (extent > MAX_INTEGER) {
      throw fault(
        'TOO_LARGE',
        where,
        `an output of at most ${MAX_INTEGER} along spatial axis ${axis}`,
        `${extent}`,
        'Lower the stride, dilation or input size.',
        { axis, input, output },
      );
    }
  }
  return output;
}
