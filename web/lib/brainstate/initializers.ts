// brainstate's initializers, with its words and defaults. The layer's seed feeds those without one.

import { checkAxes, checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import {
  bilinearShare,
  checkBilinear,
  checkIcnr,
  fillFrom,
  fillWithVariance,
  linearKernel,
  orthonormalVectors,
  repeatTaps,
} from '../core/initializers.js';
import { product } from '../core/lists.js';
import {
  freshSeed,
  normalSource,
  type RandomSource,
  seededRandom,
  truncatedNormalSource,
} from '../core/random.js';
import { checkShape } from '../core/tensor.js';
import { filled } from './parameters.js';

/**
 * Makes the values of a shape, row-major. With a seed of its own it makes the same ones at every
 * call; without, it draws from `random`, as a layer passes it, or else from another seed each time.
 */
export type SeededInitializer = (shape: readonly number[], random?: () => number) => Float32Array;

export interface SeedOptions {
  /** 0 to 2^32 - 1. Default: the stream of the layer that is initialised. */
  readonly seed?: number;
}

export type FanMode = 'fan_in' | 'fan_out' | 'fan_avg';
export type Distribution = 'truncated_normal' | 'normal' | 'uniform';

export interface VarianceScalingOptions extends SeedOptions {
  /** Numerator of the variance. */
  readonly scale?: number;
  /** What it is divided by. */
  readonly mode?: FanMode;
  /** `'truncated_normal'` is cut off at two deviations and widened so that the variance holds. */
  readonly distribution?: Distribution;
}

export interface NormalOptions extends SeedOptions {
  /** Default 0. */
  readonly mean?: number;
  /** The standard deviation. Default 1. */
  readonly scale?: number;
}

export interface TruncatedNormalOptions extends SeedOptions {
  /** Mean before truncation. Default 0. */
  readonly loc?: number;
  /** Standard deviation before truncation. Default 1. */
  readonly scale?: number;
  /** Smallest value. Default: `loc - 2 * scale`. */
  readonly lower?: number;
  /** Largest value. Default: `loc + 2 * scale`. */
  readonly upper?: number;
}

export interface UniformOptions extends SeedOptions {
  /** Default 0. */
  readonly minVal?: number;
  /** Default 1. */
  readonly maxVal?: number;
}

export interface OrthogonalOptions extends SeedOptions {
  /** Factor on the result. Default 1. */
  readonly scale?: number;
  /** Axis that counts the matrix's rows; negative ones count from the end. Default -1. */
  readonly axis?: number;
}

/**
 * Zero mean and variance `scale / fan`. The fans are those of brainstate: the last axis but one of the
 * kernel times its taps (`fan_in`), the last axis times its taps (`fan_out`), their mean (`fan_avg`).
 * A transposed layer's kernel ends in `out, in/groups`, so its `fan_in` counts output channels.
 *
 * Defaults: scale 1, `'fan_in'`, `'truncated_normal'`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `BAD_SHAPE` for fewer than two axes
 */
export function VarianceScaling(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('VarianceScaling', options, 1, 'fan_in', 'truncated_normal');
}

/** Glorot and Bengio (2010): variance `2 / (fan_in + fan_out)`, truncated normal. brainstate's default. */
export function XavierNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('XavierNormal', options, 1, 'fan_avg', 'truncated_normal');
}

/** Glorot and Bengio (2010): variance `2 / (fan_in + fan_out)`, uniform. */
export function XavierUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('XavierUniform', options, 1, 'fan_avg', 'uniform');
}

/** He et al. (2015): variance `2 / fan_in`, truncated normal. */
export function KaimingNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('KaimingNormal', options, 2, 'fan_in', 'truncated_normal');
}

/** He et al. (2015): variance `2 / fan_in`, uniform. */
export function KaimingUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('KaimingUniform', options, 2, 'fan_in', 'uniform');
}

/** LeCun et al. (1998): variance `1 / fan_in`, truncated normal. */
export function LecunNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('LecunNormal', options, 1, 'fan_in', 'truncated_normal');
}

/** LeCun et al. (1998): variance `1 / fan_in`, uniform. */
export function LecunUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('LecunUniform', options, 1, 'fan_in', 'uniform');
}

/** Normal with the given mean and standard deviation. */
export function Normal(options: NormalOptions = {}): SeededInitializer {
  const { mean, scale, seed } = checkOptions<NormalOptions>('Normal', options, ['mean', 'scale', 'seed']);
  const center = finite('Normal', 'mean', mean ?? 0);
  const deviation = positive('Normal', 'scale', scale ?? 1);
  return initializer('Normal', seed, (values, _shape, random) =>
    fillFrom(values, center, deviation, normalSource(random)),
  );
}

/** Normal, cut off below `lower` and above `upper` (absolute values, not deviations). */
export function TruncatedNormal(options: TruncatedNormalOptions = {}): SeededInitializer {
  const where = 'TruncatedNormal';
  const checked = checkOptions<TruncatedNormalOptions>(where, options, [
    'loc',
    'scale',
    'lower',
    'upper',
    'seed',
  ]);
  const loc = finite(where, 'loc', checked.loc ?? 0);
  const scale = positive(where, 'scale', checked.scale ?? 1);
  const lower = finite(where, 'lower', checked.lower ?? loc - 2 * scale);
  const upper = finite(where, 'upper', checked.upper ?? loc + 2 * scale);
  const [low, high] = [(lower - loc) / scale, (upper - loc) / scale];
  // The sampler needs an interval that is one in units of the scale, too.
  if (!(low < high) || low === Number.POSITIVE_INFINITY || high === Number.NEGATIVE_INFINITY) {
    refuse('BAD_OPTION', where, `upper above lower (${lower})`, upper, 'Widen the interval.');
  }
  return initializer(where, checked.seed, (values, _shape, random) => {
    const sample = truncatedNormalSource(low, high, random);
    fillFrom(values, 0, 1, () => Math.min(Math.max(loc + scale * sample(), lower), upper));
  });
}

/** Uniform from `minVal` to `maxVal`. */
export function Uniform(options: UniformOptions = {}): SeededInitializer {
  const where = 'Uniform';
  const checked = checkOptions<UniformOptions>(where, options, ['minVal', 'maxVal', 'seed']);
  const low = finite(where, 'minVal', checked.minVal ?? 0);
  const high = finite(where, 'maxVal', checked.maxVal ?? 1);
  if (low > high) refuse('BAD_OPTION', where, `maxVal of at least minVal (${low})`, high);
  return initializer(where, checked.seed, (values, _shape, random) =>
    fillFrom(values, low, high - low, random),
  );
}

/** One value everywhere; 1 by default. */
export function Constant(value = 1): SeededInitializer {
  const checked = finite('Constant', 'value', value);
  return initializer('Constant', 0, (values) => values.fill(checked));
}

/** Zeros, the usual initial bias. */
export function ZeroInit(): SeededInitializer {
  return Constant(0);
}

/** Ones. */
export function OneInit(): SeededInitializer {
  return Constant(1);
}

/**
 * Saxe et al. (2014): a uniformly distributed matrix with orthonormal rows or columns, whichever are
 * fewer. Its rows run along `axis`, its columns along all other axes.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `BAD_SHAPE` for a shape without that axis
 */
export function Orthogonal(options: OrthogonalOptions = {}): SeededInitializer {
  const where = 'Orthogonal';
  const checked = checkOptions<OrthogonalOptions>(where, options, ['scale', 'axis', 'seed']);
  const scale = finite(where, 'scale', checked.scale ?? 1);
  const given = checkInteger(where, 'axis', checked.axis ?? -1, -16, 15);
  return initializer(where, checked.seed, (values, shape, random) => {
    const axis = given < 0 ? given + shape.length : given;
    const rows = shape[axis];
    if (rows === undefined) {
      refuse('BAD_SHAPE', where, `a shape that has axis ${given}`, [...shape], 'Choose another axis.');
    }
    if (values.length === 0) return;
    const columns = values.length / rows;
    const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
    const vectors = orthonormalVectors(Math.min(rows, columns), Math.max(rows, columns), random);
    for (let index = 0; index < values.length; index += 1) {
      const row = Math.floor(index / inner) % rows;
      const column = Math.floor(index / (inner * rows)) * inner + (index % inner);
      const [vector, entry] = rows <= columns ? [row, column] : [column, row];
      values[index] = scale * ((vectors[vector] as Float64Array)[entry] as number);
    }
  });
}

export interface IcnrOptions extends SeedOptions {
  /** The layer's, one number for all axes or one per axis. Needed: an initializer sees the shape only. */
  readonly stride: number | readonly number[];
  /** Makes the small kernel. Default `XavierNormal()`. */
  readonly init?: SeededInitializer;
}

export interface BilinearOptions {
  /** The layer's, one number for all axes or one per axis. */
  readonly stride: number | readonly number[];
  /**
   * `'identity'`, the default: output channel o is input channel `o mod (in/groups)` of its group,
   * interpolated. `'mean'`: every output channel is the interpolated mean of its group's input channels.
   */
  readonly channels?: 'identity' | 'mean';
}

/**
 * ICNR for transposed layers without dilation: a small kernel with every tap repeated `stride` times along
 * each axis, so that training starts without a checkerboard pattern. Aitken et al., arXiv 1707.02937.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `UNSUPPORTED` if the stride does not
 * divide the kernel, `BAD_SHAPE`
 *
 * @example
 * const up = new ConvTranspose2d({
 *   inSize: [8, 8, 32], outChannels: 16, kernelSize: 4, stride: 2, wInit: Icnr({ stride: 2 }),
 * });
 */
export function Icnr(options: IcnrOptions): SeededInitializer {
  const where = 'Icnr';
  const {
    stride,
    init = XavierNormal(),
    seed,
  } = checkOptions<IcnrOptions>(where, options, ['stride', 'init', 'seed']);
  if (typeof init !== 'function') refuse('BAD_TYPE', where, 'init to be an initializer', init);
  checkStride(where, stride);
  return initializer(where, seed, (values, shape, random) => {
    const { kernel, channels } = splitKernel(where, shape);
    const factors = checkAxes(where, 'stride', stride, kernel.length, 1);
    checkIcnr(
      where,
      kernel,
      factors,
      kernel.map(() => 1),
    );
    const small = kernel.map((taps, axis) => taps / (factors[axis] as number));
    const made = init([...small, ...channels], random);
    const inner = channels[0] * channels[1];
    if (made.length !== product(small) * inner) {
      refuse('BAD_SHAPE', where, `${product(small) * inner} values from init`, made.length);
    }
    values.set(repeatTaps(made, small, factors, inner));
  });
}

/**
 * Linear interpolation along each axis of a transposed layer without dilation, with `kernelSize` `2 * stride`
 * or `2 * stride - 1`: free of patterns on flats and ramps.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `UNSUPPORTED` for other kernel sizes,
 * `BAD_SHAPE`
 */
export function Bilinear(options: BilinearOptions): SeededInitializer {
  const where = 'Bilinear';
  const { stride, channels: given } = checkOptions<BilinearOptions>(where, options, ['stride', 'channels']);
  const choice = checkChoice(where, 'channels', given ?? 'identity', ['identity', 'mean']);
  checkStride(where, stride);
  return initializer(where, 0, (values, shape) => {
    const { kernel, channels } = splitKernel(where, shape);
    checkBilinear(
      where,
      kernel,
      checkAxes(where, 'stride', stride, kernel.length, 1),
      kernel.map(() => 1),
    );
    const [, groupIn] = channels;
    const pairs = channels[0] * groupIn;
    values.set(
      linearKernel(kernel, 1, pairs, (_, pair) =>
        bilinearShare(choice, pair % groupIn, Math.floor(pair / groupIn), groupIn),
      ),
    );
  });
}

/** One or more positive integers; how many axes there are, the shape tells. */
function checkStride(where: string, stride: unknown): void {
  checkAxes(where, 'stride', stride, Array.isArray(stride) ? stride.length : 1, 1);
}

/** brainstate's kernels are `[...kernel, out, in/groups]`. */
function splitKernel(
  where: string,
  shape: readonly number[],
): { readonly kernel: readonly number[]; readonly channels: readonly [number, number] } {
  const [out, groupIn] = shape.slice(-2);
  if (shape.length < 3 || out === undefined || groupIn === undefined) {
    refuse('BAD_SHAPE', where, 'the shape of a kernel, [...kernel, out, in/groups]', [...shape]);
  }
  return { kernel: shape.slice(0, -2), channels: [out, groupIn] };
}

function scaling(
  where: string,
  options: VarianceScalingOptions,
  defaultScale: number,
  defaultMode: FanMode,
  defaultDistribution: Distribution,
): SeededInitializer {
  const checked = checkOptions<VarianceScalingOptions>(where, options, [
    'scale',
    'mode',
    'distribution',
    'seed',
  ]);
  const scale = positive(where, 'scale', checked.scale ?? defaultScale);
  const mode = checkChoice(where, 'mode', checked.mode ?? defaultMode, ['fan_in', 'fan_out', 'fan_avg']);
  const distribution = checkChoice(where, 'distribution', checked.distribution ?? defaultDistribution, [
    'truncated_normal',
    'normal',
    'uniform',
  ]);
  return initializer(where, checked.seed, (values, shape, random) => {
    const [last, beforeLast] = [shape.at(-1), shape.at(-2)];
    if (last === undefined || beforeLast === undefined) {
      refuse('BAD_SHAPE', where, 'a shape of at least two axes, to count its fans', [...shape]);
    }
    const taps = shape.slice(0, -2).reduce((product, extent) => product * extent, 1);
    const fans = { fan_in: beforeLast, fan_out: last, fan_avg: (beforeLast + last) / 2 };
    fillWithVariance(values, scale / (fans[mode] * taps), distribution, random);
  });
}

function initializer(
  where: string,
  seed: unknown,
  fill: (values: Float32Array, shape: readonly number[], random: RandomSource) => void,
): SeededInitializer {
  const own = seed === undefined ? undefined : checkInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  return (given, random) => {
    const shape = checkShape(where, 'shape', given);
    const values = filled(where, shape, 0);
    fill(values, shape, own === undefined ? (random ?? seededRandom(freshSeed())) : seededRandom(own));
    return values;
  };
}

function finite(where: string, name: string, value: unknown): number {
  if (typeof value !== 'number') refuse('BAD_TYPE', where, `${name} to be a number`, value);
  if (!Number.isFinite(value)) refuse('BAD_OPTION', where, `${name} to be finite`, value);
  return value;
}

function positive(where: string, name: string, value: unknown): number {
  const number = finite(where, name, value);
  if (number <= 0) refuse('BAD_OPTION', where, `${name} to be above 0`, number);
  return number;
}
