import { jaxCrops } from '../core/jax-padding.js';
import type { PerAxis, SpatialRank } from '../core/lists.js';
import type { OperatorSpec } from '../core/spec.js';
import { BRAINSTATE_WEIGHT_ORDER, BrainstateLayer, sharedSpec, type Translation } from './layer.js';
import type { BrainstateLayerOptions, Padding } from './options.js';

/** A transposed convolution in brainstate's words (0.5 and later); a list has one entry per spatial axis. */
export interface BrainstateConvTransposeOptions<Rank extends SpatialRank = never>
  extends BrainstateLayerOptions<Rank> {
  /** Distance between neighbouring stamps. Default 1. */
  readonly stride?: PerAxis<Rank>;
  /**
   * `'SAME'`, the default, gives n * stride outputs, `'VALID'` n * stride + max(reach - stride, 0) with
   * reach = rhsDilation * (kernelSize - 1) + 1. Numbers are zeros added to the input after it was
   * spread by the stride: **a bigger number gives a bigger output**,
   * (n - 1) * stride + 2 - reach + lo + hi; the full size has lo = hi = reach - 1.
   */
  readonly padding?: Padding<Rank>;
  /**
   * 1 + zeros inserted between input values before anything else, so that n above becomes
   * (n - 1) * lhsDilation + 1. Default 1.
   */
  readonly lhsDilation?: PerAxis<Rank>;
}

const TRANSLATION: Translation = {
  weightOrder: BRAINSTATE_WEIGHT_ORDER.transposed,
  toSpec(where, settings): OperatorSpec {
    const { kernel, stride, padding, lhsDilation, rhsDilation } = settings;
    const geometry = { kernel, stride, dilation: rhsDilation, useConsistentPadding: false };
    return {
      ...sharedSpec(settings),
      transposed: true,
      // Value i of the input is value i * lhsDilation of the input with its zeros, and zeros stamp
      // nothing: what is left are stamps stride * lhsDilation apart. The crops keep the stride of the
      // constructor: they are what is left of the natural size, ((n - 1) * lhsDilation) * stride + reach,
      // which is also that of the wider stride, so n drops out of them.
      stride: stride.map((step, axis) => step * (lhsDilation[axis] as number)),
      inputDilation: stride.map(() => 1),
      ...jaxCrops(where, padding, geometry),
    };
  },
};

abstract class ConvTranspose<Rank extends SpatialRank> extends BrainstateLayer<Rank> {
  /** @internal */
  protected constructor(name: string, rank: number, options: BrainstateConvTransposeOptions<Rank>) {
    super(name, rank, options, TRANSLATION);
  }
}

/**
 * Transposed convolution over sequences `[N, L, C]`, in brainstate's words. The weight is
 * `[kernelL, out, in/groups]`, the bias `[1, out]` (`[1, out, 1]` with `channelFirst`).
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * const up = new ConvTranspose1d({ inSize: [28, 16], outChannels: 8, kernelSize: 4, stride: 2 });
 * console.log(up.outSize.join('x')); // 56x8
 */
export class ConvTranspose1d extends ConvTranspose<1> {
  constructor(options: BrainstateConvTransposeOptions<1>) {
    super('ConvTranspose1d', 1, options);
  }
}

/**
 * Transposed convolution over images `[N, H, W, C]`, in brainstate's words. The weight is
 * `[kernelH, kernelW, out, in/groups]`, the bias `[1, 1, out]` (`[1, out, 1, 1]` with `channelFirst`).
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * await init();
 * const up = new ConvTranspose2d({ inSize: [16, 16, 32], outChannels: 16, kernelSize: 4, stride: 2 });
 * console.log(up.forward({ data: new Float32Array(16 * 16 * 32), shape: [16, 16, 32] }).shape.join('x')); // 32x32x16
 */
export class ConvTranspose2d extends ConvTranspose<2> {
  constructor(options: BrainstateConvTransposeOptions<2>) {
    super('ConvTranspose2d', 2, options);
  }
}

/**
 * Transposed convolution over volumes `[N, H, W, D, C]`, in brainstate's words. The weight is
 * `[kernelH, kernelW, kernelD, out, in/groups]`, the bias `[1, 1, 1, out]` (`[1, out, 1, 1, 1]` with
 * `channelFirst`).
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * const up = new ConvTranspose3d({ inSize: [4, 4, 2, 8], outChannels: 4, kernelSize: 2, stride: 2 });
 * console.log(up.outSize.join('x')); // 8x8x4x4
 */
export class ConvTranspose3d extends ConvTranspose<3> {
  constructor(options: BrainstateConvTransposeOptions<3>) {
    super('ConvTranspose3d', 3, options);
  }
}
