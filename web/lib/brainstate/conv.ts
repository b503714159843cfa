import { refuse } from '../core/checks.js';
import type { PerAxis, SpatialRank } from '../core/lists.js';
import { convolutionSamePads, type Pads } from '../core/same-padding.js';
import { kernelReach, type OperatorSpec } from '../core/spec.js';
import { BRAINSTATE_WEIGHT_ORDER, BrainstateLayer, sharedSpec, type Translation } from './layer.js';
import type { BrainstateLayerOptions, Padding, Settings } from './options.js';

/** A convolution in brainstate's words; a list has one entry per spatial axis. */
export interface BrainstateConvOptions<Rank extends SpatialRank = never>
  extends BrainstateLayerOptions<Rank> {
  /** Distance between neighbouring windows. Default 1. */
  readonly stride?: PerAxis<Rank>;
  /**
   * Zeros added to the head (lo) and the tail (hi) of the input's axis, after `lhsDilation`. `'SAME'`,
   * the default, gives ceil(n / stride) outputs and puts an odd zero at the tail; `'VALID'` adds none.
   */
  readonly padding?: Padding<Rank>;
  /**
   * 1 + zeros inserted between input values. Default 1; more needs a padding in numbers, which the
   * default is not.
   */
  readonly lhsDilation?: PerAxis<Rank>;
}

const TRANSLATION: Translation = {
  weightOrder: BRAINSTATE_WEIGHT_ORDER.convolution,
  toSpec(where, settings): OperatorSpec {
    const { stride, padding, lhsDilation } = settings;
    if (typeof padding === 'string' && lhsDilation.some((step) => step !== 1)) {
      refuse(
        'BAD_OPTION',
        where,
        `padding in numbers with lhsDilation above 1`,
        padding,
        'Give it as [lo, hi] pairs.',
      );
    }
    const pads = padsOf(settings);
    return {
      ...sharedSpec(settings),
      transposed: false,
      stride,
      inputDilation: lhsDilation,
      padBefore: pads.map(([lo]) => lo),
      padAfter: pads.map(([, hi]) => hi),
    };
  },
};

/** Zeros before and after each axis. */
function padsOf({ padding, kernel, stride, rhsDilation, extents }: Settings): readonly Pads[] {
  if (typeof padding !== 'string') return padding;
  return extents.map((input, axis) => {
    if (padding === 'VALID') return [0, 0];
    const reach = kernelReach({ kernel, dilation: rhsDilation }, axis);
    return convolutionSamePads(input, reach, stride[axis] as number);
  });
}

abstract class Conv<Rank extends SpatialRank> extends BrainstateLayer<Rank> {
  /** @internal */
  protected constructor(name: string, rank: number, options: BrainstateConvOptions<Rank>) {
    super(name, rank, options, TRANSLATION);
  }
}

/**
 * Convolution (cross-correlation) over sequences `[N, L, C]`, in brainstate's words. The weight is
 * `[kernelL, in/groups, out]`, the bias `[1, out]` (`[1, out, 1]` with `channelFirst`).
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * await init();
 * const blur = new Conv1d({ inSize: [5, 1], outChannels: 1, kernelSize: 3, wInit: Constant(0.25) });
 * console.log(blur.forward({ data: [0, 0, 4, 0, 0], shape: [5, 1] }).data.join(' ')); // 0 1 1 1 0
 */
export class Conv1d extends Conv<1> {
  constructor(options: BrainstateConvOptions<1>) {
    super('Conv1d', 1, options);
  }
}

/**
 * Convolution (cross-correlation) over images `[N, H, W, C]`, in brainstate's words. The weight is
 * `[kernelH, kernelW, in/groups, out]`, the bias `[1, 1, out]` (`[1, out, 1, 1]` with `channelFirst`).
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * const half = new Conv2d({ inSize: [28, 28, 3], outChannels: 8, kernelSize: 3, stride: 2, bInit: ZeroInit() });
 * console.log(half.outSize.join('x')); // 14x14x8
 */
export class Conv2d extends Conv<2> {
  constructor(options: BrainstateConvOptions<2>) {
    super('Conv2d', 2, options);
  }
}

/**
 * Convolution (cross-correlation) over volumes `[N, H, W, D, C]`, in brainstate's words. The weight is
 * `[kernelH, kernelW, kernelD, in/groups, out]`, the bias `[1, 1, 1, out]` (`[1, out, 1, 1, 1]` with
 * `channelFirst`).
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * const conv = new Conv3d({ inSize: [8, 8, 4, 2], outChannels: 3, kernelSize: [3, 3, 2], padding: 'VALID' });
 * console.log(conv.outSize.join('x')); // 6x6x3x3
 */
export class Conv3d extends Conv<3> {
  constructor(options: BrainstateConvOptions<3>) {
    super('Conv3d', 3, options);
  }
}
