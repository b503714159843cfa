import { refuse } from '../core/checks.js';
import { convolutionSamePads, type Pads, splitPads } from '../core/same-padding.js';

/** What the pads of one spatial axis may depend on. */
export interface PadAxis {
  /** Names the call in errors. */
  readonly where: string;
  readonly index: number;
  readonly input: number;
  /** Positions that the dilated kernel spans. */
  readonly reach: number;
  readonly stride: number;
}

/** A system's padding words, read: from an axis to its canonical pads. */
export type PadRule = (axis: PadAxis) => Pads;

/** Output of a transposed convolution that crops nothing. */
export function naturalExtent({ input, reach, stride }: PadAxis): number {
  return (input - 1) * stride + reach;
}

/** The same pads whatever the input. */
export function fixedPads(pairs: readonly Pads[]): PadRule {
  return ({ index }) => pairs[index] as Pads;
}

export const noPads: PadRule = () => [0, 0];

/** The same crops of a transposed convolution whatever the input; output padding takes from the tail. */
export function fixedCrops(pairs: readonly Pads[], outputPadding: readonly number[]): PadRule {
  return fixedPads(pairs.map(([before, after], axis) => [before, after - (outputPadding[axis] as number)]));
}

/** SAME of a convolution: as many as give `ceil(input / stride)`. */
export function convolutionSame(larger?: 'head' | 'tail'): PadRule {
  return ({ input, reach, stride }) => convolutionSamePads(input, reach, stride, larger);
}

/** Causal: no output looks at what comes after it. */
export const causalPads: PadRule = ({ reach }) => [reach - 1, 0];

/**
 * Transposed convolution in TensorFlow's and TFLite's way: it undoes a convolution whose input had
 * `sizes`, so that convolution, with its padding, must lead back to this layer's input size.
 */
export function transposedToSizes(
  sizes: readonly number[],
  padding: 'SAME' | 'VALID' | readonly Pads[],
): PadRule {
  return (axis) => {
    const size = sizes[axis.index] as number;
    const excess = naturalExtent(axis) - size;
    const [low, high] = typeof padding === 'string' ? [0, 0] : (padding[axis.index] as Pads);
    const forward =
      padding === 'SAME'
        ? Math.ceil(size / axis.stride)
        : Math.floor((size + low + high - axis.reach) / axis.stride) + 1;
    if (forward !== axis.input) {
      refuse(
        'BAD_SHAPE',
        axis.where,
        `output_shape whose convolution gives back the input size ${axis.input} along spatial axis ${axis.index}`,
        size,
        `Its convolution gives ${forward}.`,
      );
    }
    const before = padding === 'SAME' ? splitPads(excess)[0] : low;
    return [before, excess - before];
  };
}
