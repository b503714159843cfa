// Initial weights without a pattern, for layers that exist; brainstate's wInit has them as Icnr and Bilinear.

import { checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import { fillUniform } from '../core/initializers.js';
import { at, product } from '../core/lists.js';
import { freshSeed, seededRandom } from '../core/random.js';
import type { OperatorSpec } from '../core/spec.js';
import { allocateTensor, checkParameter, type Tensor } from '../core/tensor.js';
import {
  bilinearShare,
  checkBilinear,
  checkIcnr,
  linearKernel,
  repeatTaps,
} from '../core/upsampling-kernels.js';
import { internalsOf } from '../layers/internals.js';
import { isLayer, type Layer } from '../layers/layer.js';

/** Options of {@link initializeIcnr}. */
export interface InitializeIcnrOptions {
  /** Seed of the values, 0 to 2^32 - 1. Default: another one each time. */
  readonly seed?: number;
  /**
   * Makes the small kernel `[in, out/groups, ...kernel/stride]`; `random` gives numbers in [0, 1) from the
   * seed. Default: PyTorch's initial values of an ordinary convolution of that size.
   */
  readonly values?: (shape: readonly number[], random: () => number) => Float32Array | Tensor;
}

/**
 * Options of {@link initializeBilinear}.
 *
 * @example
 * const layer = new ConvTranspose1d({ inChannels: 2, outChannels: 1, kernelSize: 4, stride: 2 });
 * initializeBilinear(layer, { channels: 'mean' });
 * console.log(layer.weight.data.join(' ')); // 0.125 0.375 0.375 0.125 0.125 0.375 0.375 0.125
 */
export interface InitializeBilinearOptions {
  /**
   * `'identity'`, the default: output channel o of a group is input channel o (modulo their number) of it,
   * interpolated. `'mean'`: every output channel is the interpolated mean of its group's input channels.
   */
  readonly channels?: 'identity' | 'mean';
}

/**
 * Gives a transposed layer ICNR weights: a small random kernel q with every tap repeated `stride` times along
 * each axis, `w[a * stride + r] = q[a]`. The layer then equals the convolution by q followed by a
 * nearest-neighbour resize, so that training starts without a checkerboard pattern (and may bring it back).
 * Aitken et al., Checkerboard artifact free sub-pixel convolution, arXiv 1707.02937.
 *
 * @param layer a transposed layer of any convention, with `stride` dividing the kernel and no dilation
 * @returns the layer
 * @throws {DeconvError} `UNSUPPORTED` where the rule cannot hold (or the weight is masked or filtered),
 * `BAD_TYPE`, `BAD_OPTION`, `BAD_SHAPE` (of `values`), `DISPOSED`
 *
 * @example
 * const options = { inChannels: 64, outChannels: 3, kernelSize: 4, stride: 2 };
 * console.log(analyze(new ConvTranspose2d({ ...options, seed: 1 })).verdict); // weights-only
 * console.log(analyze(initializeIcnr(new ConvTranspose2d(options), { seed: 1 })).verdict); // free
 */
export function initializeIcnr<Kind extends Layer>(layer: Kind, options: InitializeIcnrOptions = {}): Kind {
  const where = 'initializeIcnr';
  const { seed, values } = checkOptions<InitializeIcnrOptions>(where, options, ['seed', 'values']);
  const random = seededRandom(checkInteger(where, 'seed', seed ?? freshSeed(), 0, 2 ** 32 - 1));
  if (values !== undefined && typeof values !== 'function') {
    refuse('BAD_TYPE', where, 'values to be a function of the shape', values);
  }
  const spec = transposedSpec(where, layer);
  checkIcnr(where, spec.kernel, spec.stride, spec.dilation);
  const kernel = spec.kernel.map((taps, axis) => taps / at(spec.stride, axis));
  const shape = [spec.inChannels, spec.outChannels / spec.groups, ...kernel];
  const small =
    values === undefined
      ? convolutionValues(where, shape, spec.inChannels / spec.groups, random)
      : checkParameter(where, 'the result of values', values(shape, random), shape);
  internalsOf(layer).setCanonicalWeight(where, repeatTaps(small, kernel, spec.stride, 1));
  return layer;
}

/**
 * Gives a transposed layer the weights of linear interpolation along each axis (bilinear in 2-D): tap i is
 * `1 - |i - c| / f` with `f = ceil(k / 2)`. Free of patterns on flats and ramps (order 2). With a padding of
 * `ceil((stride - 1) / 2)` and `kernelSize = 2 * stride - stride % 2` it is the resize, away from the borders.
 *
 * @param layer a transposed layer of any convention, with `kernelSize` `2 * stride` or `2 * stride - 1` along
 * each axis and no dilation
 * @returns the layer
 * @throws {DeconvError} `UNSUPPORTED` for other kernel sizes, which do not interpolate (or if the weight is
 * masked or filtered), `BAD_TYPE`, `BAD_OPTION`, `DISPOSED`
 *
 * @example
 * const up = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 4, stride: 2, padding: 1 });
 * initializeBilinear(up);
 * console.log(up.weight.data.join(' ')); // 0.25 0.75 0.75 0.25
 */
export function initializeBilinear<Kind extends Layer>(
  layer: Kind,
  options: InitializeBilinearOptions = {},
): Kind {
  const where = 'initializeBilinear';
  const checked = checkOptions<InitializeBilinearOptions>(where, options, ['channels']);
  const channels = checkChoice(where, 'channels', checked.channels ?? 'identity', ['identity', 'mean']);
  const { groups, inChannels, outChannels, kernel, stride, dilation } = transposedSpec(where, layer);
  checkBilinear(where, kernel, stride, dilation);
  const [groupIn, groupOut] = [inChannels / groups, outChannels / groups];
  const weight = linearKernel(kernel, inChannels * groupOut, 1, (pair) => {
    const input = Math.floor(pair / groupOut) % groupIn;
    return bilinearShare(channels, input, pair % groupOut, groupIn);
  });
  internalsOf(layer).setCanonicalWeight(where, weight);
  return layer;
}

function transposedSpec(where: string, layer: unknown): OperatorSpec {
  if (!isLayer(layer)) refuse('BAD_TYPE', where, 'a layer of this package', layer);
  const { spec } = internalsOf(layer).canonical(where);
  if (!spec.transposed) refuse('UNSUPPORTED', where, 'a transposed layer', String(layer));
  return spec;
}

/** PyTorch's initial values of the convolution by the small kernel: uniform in ±1/sqrt(fanIn). */
function convolutionValues(
  where: string,
  shape: readonly number[],
  groupIn: number,
  random: () => number,
): Float32Array {
  const { data } = allocateTensor(where, shape);
  fillUniform(data, 1 / Math.sqrt(groupIn * product(shape.slice(2))), random);
  return data;
}
