// brainstate's initializers, with its words and defaults. The layer's seed feeds those without one.

import { type ArrayValues, filled, valuesOfShape } from '../core/array-values.js';
import { checkAxes, checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import {
  bilinearShare,
  checkBilinear,
  checkIcnr,
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
import { isList } from '../core/realms.js';
import { checkShape } from '../core/tensor.js';
import { readParameter } from './parameters.js';

/**
 * Makes the values of a shape (or of a length), row-major. With a seed of its own it makes the same ones at
 * every call; without, it draws from its `rng`, from `random`, as a layer passes it, or else from another seed
 * each time.
 */
export type SeededInitializer = (
  shape: number | readonly number[],
  random?: () => number,
) => Float32Array<ArrayBuffer>;

/**
 * What every initializer of brainstate takes.
 *
 * @example
 * console.log(ZeroInit({ unit: null })([3]).join(' ')); // 0 0 0
 */
export interface UnitOptions {
  /** brainunit's unit of the values. Only null, the default: a layer's numbers have none. */
  readonly unit?: null;
}

/** What every initializer that draws takes. */
export interface SeedOptions extends UnitOptions {
  /** 0 to 2^32 - 1. Default (also null): the stream of the layer that is initialised. */
  readonly seed?: number | null;
  /** Numbers in [0, 1) to draw from in place of a seed. Default: none. */
  readonly rng?: (() => number) | null;
}

/**
 * Which fan {@link VarianceScaling} divides by.
 *
 * @example
 * const spread = (mode) => Math.max(...VarianceScaling({ mode, distribution: 'uniform', seed: 1 })([3, 3, 4, 64]));
 * console.log(spread('fan_in') > spread('fan_avg'), spread('fan_avg') > spread('fan_out')); // true true
 */
export type FanMode = 'fan_in' | 'fan_out' | 'fan_avg';
/** What {@link VarianceScaling} draws from. */
export type Distribution = 'truncated_normal' | 'normal' | 'uniform';

/** Options of {@link VarianceScaling}, and of the initializers that are it with other defaults, as {@link XavierNormal}. */
export interface VarianceScalingOptions extends SeedOptions {
  /** Numerator of the variance. */
  readonly scale?: number;
  /** What it is divided by. */
  readonly mode?: FanMode;
  /** `'truncated_normal'` is cut off at two deviations and widened so that the variance holds. */
  readonly distribution?: Distribution;
  /** Axis that counts the inputs; negative ones count from the end. Default -2. */
  readonly inAxis?: number;
  /** Axis that counts the outputs. Default -1. All axes but these two are taps. */
  readonly outAxis?: number;
}

/** One number, or values that broadcast to the shape that is made. */
export type Amount = Exclude<ArrayValues, boolean>;

/** Options of {@link Normal}. */
export interface NormalOptions extends SeedOptions {
  /** Default 0. */
  readonly mean?: Amount;
  /** The standard deviation. Default 1. */
  readonly scale?: Amount;
}

/** Options of {@link TruncatedNormal}. */
export interface TruncatedNormalOptions extends SeedOptions {
  /** Mean before truncation. Default 0. */
  readonly loc?: Amount;
  /** Standard deviation before truncation. Default 1. */
  readonly scale?: Amount;
  /** Smallest value. Default (also null): `loc - 2 * scale`. */
  readonly lower?: Amount | null;
  /** Largest value. Default (also null): `loc + 2 * scale`. */
  readonly upper?: Amount | null;
}

/** Options of {@link Uniform}. */
export interface UniformOptions extends SeedOptions {
  /** Default 0. */
  readonly minVal?: Amount;
  /** Default 1. */
  readonly maxVal?: Amount;
}

/** Options of {@link Orthogonal}. */
export interface OrthogonalOptions extends SeedOptions {
  /** Factor on the result. Default 1. */
  readonly scale?: Amount;
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
 *
 * @example
 * const values = VarianceScaling({ scale: 2, distribution: 'uniform', seed: 1 })([3, 3, 32, 64]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * 32).toFixed(1)); // 2.0
 */
export function VarianceScaling(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('VarianceScaling', options, 1, 'fan_in', 'truncated_normal');
}

/**
 * Glorot and Bengio (2010): variance `2 / (fan_in + fan_out)`, truncated normal. brainstate's default.
 *
 * @example
 * const values = XavierNormal({ seed: 1 })([3, 3, 8, 16]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * (8 + 16)).toFixed(1)); // 2.0
 */
export function XavierNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('XavierNormal', options, 1, 'fan_avg', 'truncated_normal');
}

/**
 * Glorot and Bengio (2010): variance `2 / (fan_in + fan_out)`, uniform.
 *
 * @example
 * const values = XavierUniform({ seed: 1 })([3, 3, 8, 16]);
 * const bound = Math.sqrt(6 / (3 * 3 * (8 + 16)));
 * console.log(values.every((value) => Math.abs(value) <= bound)); // true
 */
export function XavierUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('XavierUniform', options, 1, 'fan_avg', 'uniform');
}

/**
 * He et al. (2015): variance `2 / fan_in`, truncated normal.
 *
 * @example
 * const values = KaimingNormal({ seed: 1 })([3, 3, 8, 16]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * 8).toFixed(1)); // 2.0
 */
export function KaimingNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('KaimingNormal', options, 2, 'fan_in', 'truncated_normal');
}

/**
 * He et al. (2015): variance `2 / fan_in`, uniform.
 *
 * @example
 * const values = KaimingUniform({ seed: 1 })([3, 3, 8, 16]);
 * const bound = Math.sqrt(6 / (3 * 3 * 8));
 * console.log(values.every((value) => Math.abs(value) <= bound)); // true
 */
export function KaimingUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('KaimingUniform', options, 2, 'fan_in', 'uniform');
}

/**
 * LeCun et al. (1998): variance `1 / fan_in`, truncated normal.
 *
 * @example
 * const values = LecunNormal({ seed: 1 })([3, 3, 8, 16]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * 8).toFixed(1)); // 1.0
 */
export function LecunNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('LecunNormal', options, 1, 'fan_in', 'truncated_normal');
}

/**
 * LeCun et al. (1998): variance `1 / fan_in`, uniform.
 *
 * @example
 * const values = LecunUniform({ seed: 1 })([3, 3, 8, 16]);
 * const bound = Math.sqrt(3 / (3 * 3 * 8));
 * console.log(values.every((value) => Math.abs(value) <= bound)); // true
 */
export function LecunUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('LecunUniform', options, 1, 'fan_in', 'uniform');
}

/**
 * Normal with the given mean and standard deviation.
 *
 * @example
 * const values = Normal({ mean: 1, scale: 0.1, seed: 1 })(10_000);
 * console.log((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(2)); // 1.00
 */
export function Normal(options: NormalOptions = {}): SeededInitializer {
  const where = 'Normal';
  const checked = readOptions<NormalOptions>(where, options, ['mean', 'scale', ...SEED_OPTION_NAMES]);
  const mean = amount(where, 'mean', checked.mean ?? 0);
  const scale = amount(where, 'scale', checked.scale ?? 1, 'above 0');
  return initializer(where, checked, (values, shape, random) => {
    const [center, deviation] = [mean(shape), scale(shape)];
    const sample = normalSource(random);
    for (let index = 0; index < values.length; index += 1) {
      values[index] = center(index) + deviation(index) * sample();
    }
  });
}

/**
 * Normal, cut off below `lower` and above `upper` (absolute values, not deviations).
 *
 * @example
 * const values = TruncatedNormal({ lower: -0.5, upper: 1, seed: 1 })(10_000);
 * console.log(values.every((value) => value >= -0.5 && value <= 1)); // true
 */
export function TruncatedNormal(options: TruncatedNormalOptions = {}): SeededInitializer {
  const where = 'TruncatedNormal';
  const checked = readOptions<TruncatedNormalOptions>(where, options, [
    'loc',
    'scale',
    'lower',
    'upper',
    ...SEED_OPTION_NAMES,
  ]);
  const loc = amount(where, 'loc', checked.loc ?? 0);
  const scale = amount(where, 'scale', checked.scale ?? 1, 'above 0');
  const lower = checked.lower == null ? null : amount(where, 'lower', checked.lower);
  const upper = checked.upper == null ? null : amount(where, 'upper', checked.upper);
  const intervalAt = (shape: readonly number[]): ((index: number) => Interval) => {
    const [center, deviation] = [loc(shape), scale(shape)];
    const [least, most] = [lower?.(shape), upper?.(shape)];
    return (index) => {
      const [mean, width] = [center(index), deviation(index)];
      const low = least?.(index) ?? mean - 2 * width;
      const high = most?.(index) ?? mean + 2 * width;
      return checkInterval(where, { mean, width, low, high });
    };
  };
  // What is one number is checked now; arrays must wait for a shape.
  const single = [checked.loc, checked.scale, checked.lower, checked.upper].every(
    (value) => value == null || typeof value === 'number',
  );
  if (single) intervalAt([1])(0);
  return initializer(where, checked, (values, shape, random) => {
    const interval = intervalAt(shape);
    let sample: RandomSource | undefined;
    for (let index = 0; index < values.length; index += 1) {
      const { mean, width, low, high } = interval(index);
      if (sample === undefined || !single) {
        sample = truncatedNormalSource(where, (low - mean) / width, (high - mean) / width, random);
      }
      values[index] = Math.min(Math.max(mean + width * sample(), low), high);
    }
  });
}

interface Interval {
  readonly mean: number;
  readonly width: number;
  readonly low: number;
  readonly high: number;
}

/** The sampler needs an interval that is one in units of the deviation, too. */
function checkInterval(where: string, interval: Interval): Interval {
  const { mean, width, low, high } = interval;
  const [least, most] = [(low - mean) / width, (high - mean) / width];
  if (least < most && least !== Number.POSITIVE_INFINITY && most !== Number.NEGATIVE_INFINITY)
    return interval;
  return refuse('BAD_OPTION', where, `upper above lower (${low})`, high, 'Widen the interval.');
}

/**
 * Uniform from `minVal` to `maxVal`.
 *
 * @example
 * const values = Uniform({ minVal: -1, maxVal: 1, seed: 1 })([4, 2]);
 * console.log(values.length, values.every((value) => Math.abs(value) <= 1)); // 8 true
 */
export function Uniform(options: UniformOptions = {}): SeededInitializer {
  const where = 'Uniform';
  const checked = readOptions<UniformOptions>(where, options, ['minVal', 'maxVal', ...SEED_OPTION_NAMES]);
  const [least, most] = [checked.minVal ?? 0, checked.maxVal ?? 1];
  const minVal = amount(where, 'minVal', least);
  const maxVal = amount(where, 'maxVal', most);
  const rangeOf = (shape: readonly number[]): ((index: number) => readonly [number, number]) => {
    const [lows, highs] = [minVal(shape), maxVal(shape)];
    return (index) => {
      const [low, high] = [lows(index), highs(index)];
      if (low > high) refuse('BAD_OPTION', where, `maxVal of at least minVal (${low})`, high);
      return [low, high];
    };
  };
  if (typeof least === 'number' && typeof most === 'number') rangeOf([1])(0);
  return initializer(where, checked, (values, shape, random) => {
    const range = rangeOf(shape);
    for (let index = 0; index < values.length; index += 1) {
      const [low, high] = range(index);
      values[index] = low + (high - low) * random();
    }
  });
}

/**
 * One value everywhere (1 by default), or values that broadcast to the shape.
 *
 * @example
 * console.log(Constant(0.5)([2, 2]).join(' ')); // 0.5 0.5 0.5 0.5
 * console.log(Constant([1, 2])([2, 2]).join(' ')); // 1 2 1 2
 */
export function Constant(value: Amount = 1, options: UnitOptions = {}): SeededInitializer {
  return constant('Constant', value, options);
}

function constant(where: string, value: Amount, options: UnitOptions): SeededInitializer {
  const checked = readOptions<UnitOptions>(where, options, ['unit']);
  const filling = amount(where, 'value', value);
  return initializer(where, checked, (values, shape) => {
    const at = filling(shape);
    for (let index = 0; index < values.length; index += 1) values[index] = at(index);
  });
}

/**
 * Zeros, the usual initial bias.
 *
 * @example
 * const layer = new Conv1d({ inSize: [8, 1], outChannels: 2, kernelSize: 3, bInit: ZeroInit() });
 * console.log(layer.bias.data.join(' ')); // 0 0
 */
export function ZeroInit(options: UnitOptions = {}): SeededInitializer {
  return constant('ZeroInit', 0, options);
}

/**
 * Ones.
 *
 * @example
 * console.log(OneInit()([3]).join(' ')); // 1 1 1
 */
export function OneInit(options: UnitOptions = {}): SeededInitializer {
  return constant('OneInit', 1, options);
}

/**
 * Saxe et al. (2014): a uniformly distributed matrix with orthonormal rows or columns, whichever are
 * fewer. Its rows run along `axis`, its columns along all other axes.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `BAD_SHAPE` for a shape without that axis
 *
 * @example
 * const [a, b, c, d] = Orthogonal({ seed: 1 })([2, 2]);
 * console.log((a * a + b * b).toFixed(3), Math.abs(a * c + b * d).toFixed(3)); // 1.000 0.000
 */
export function Orthogonal(options: OrthogonalOptions = {}): SeededInitializer {
  const where = 'Orthogonal';
  const checked = readOptions<OrthogonalOptions>(where, options, ['scale', 'axis', ...SEED_OPTION_NAMES]);
  const factor = amount(where, 'scale', checked.scale ?? 1);
  const given = checkInteger(where, 'axis', checked.axis ?? -1, -16, 15);
  return initializer(where, checked, (values, shape, random) => {
    const axis = given < 0 ? given + shape.length : given;
    const rows = shape[axis];
    if (rows === undefined) {
      refuse('BAD_SHAPE', where, `a shape that has axis ${given}`, [...shape], 'Choose another axis.');
    }
    if (values.length === 0) return;
    const columns = values.length / rows;
    const inner = product(shape.slice(axis + 1));
    const scale = factor(shape);
    const vectors = orthonormalVectors(where, Math.min(rows, columns), Math.max(rows, columns), random);
    for (let index = 0; index < values.length; index += 1) {
      const row = Math.floor(index / inner) % rows;
      const column = Math.floor(index / (inner * rows)) * inner + (index % inner);
      const [vector, entry] = rows <= columns ? [row, column] : [column, row];
      values[index] = scale(index) * ((vectors[vector] as Float64Array)[entry] as number);
    }
  });
}

/** Options of {@link Icnr}. */
export interface IcnrOptions extends SeedOptions {
  /** The layer's, one number for all axes or one per axis. Needed: an initializer sees the shape only. */
  readonly stride: number | readonly number[];
  /** Makes the small kernel. Default `XavierNormal()`. */
  readonly init?: SeededInitializer;
}

/** Options of {@link Bilinear}. */
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
 * await init();
 * const options = { inSize: [4, 1], outChannels: 1, kernelSize: 2, stride: 2 };
 * const up = new ConvTranspose1d({ ...options, wInit: Icnr({ stride: 2 }) });
 * const { data } = up.forward({ data: [1, 1, 1, 1], shape: [4, 1] });
 * console.log(data.every((value) => value === data[0])); // true
 */
export function Icnr(options: IcnrOptions): SeededInitializer {
  const where = 'Icnr';
  const checked = readOptions<IcnrOptions>(where, options, ['stride', 'init', ...SEED_OPTION_NAMES]);
  const { stride, init = XavierNormal() } = checked;
  if (typeof init !== 'function') refuse('BAD_TYPE', where, 'init to be an initializer', init);
  checkStride(where, stride);
  return initializer(where, checked, (values, shape, random) => {
    const { kernel, channels } = splitKernel(where, shape);
    const factors = checkAxes(where, 'stride', stride, kernel.length, 1);
    checkIcnr(
      where,
      kernel,
      factors,
      kernel.map(() => 1),
    );
    const small = kernel.map((taps, axis) => taps / (factors[axis] as number));
    const made = readParameter(where, 'init', init, [...small, ...channels], random);
    values.set(repeatTaps(made, small, factors, channels[0] * channels[1]));
  });
}

/**
 * Linear interpolation along each axis of a transposed layer without dilation, with `kernelSize` `2 * stride`
 * or `2 * stride - 1`: free of patterns on flats and ramps.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `UNSUPPORTED` for other kernel sizes,
 * `BAD_SHAPE`
 *
 * @example
 * await init();
 * const options = { inSize: [3, 1], outChannels: 1, kernelSize: 4, stride: 2 };
 * const up = new ConvTranspose1d({ ...options, wInit: Bilinear({ stride: 2 }) });
 * console.log(up.forward({ data: [4, 8, 12], shape: [3, 1] }).data.join(' ')); // 3 5 7 9 11 9
 */
export function Bilinear(options: BilinearOptions): SeededInitializer {
  const where = 'Bilinear';
  const { stride, channels: given } = readOptions<BilinearOptions>(where, options, ['stride', 'channels']);
  const choice = checkChoice(where, 'channels', given ?? 'identity', ['identity', 'mean']);
  checkStride(where, stride);
  return initializer(where, {}, (values, shape) => {
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
  checkAxes(where, 'stride', stride, isList(stride) ? stride.length : 1, 1);
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
  const checked = readOptions<VarianceScalingOptions>(where, options, [
    'scale',
    'mode',
    'distribution',
    'inAxis',
    'outAxis',
    ...SEED_OPTION_NAMES,
  ]);
  const scale = positive(where, 'scale', checked.scale ?? defaultScale);
  const mode = checkChoice(where, 'mode', checked.mode ?? defaultMode, ['fan_in', 'fan_out', 'fan_avg']);
  const distribution = checkChoice(where, 'distribution', checked.distribution ?? defaultDistribution, [
    'truncated_normal',
    'normal',
    'uniform',
  ]);
  const inAxis = checkInteger(where, 'inAxis', checked.inAxis ?? -2, -MAX_AXES, MAX_AXES - 1);
  const outAxis = checkInteger(where, 'outAxis', checked.outAxis ?? -1, -MAX_AXES, MAX_AXES - 1);
  return initializer(where, checked, (values, shape, random) => {
    const [inputs, outputs] = [shape.at(inAxis), shape.at(outAxis)];
    const same = (inAxis - outAxis) % shape.length === 0;
    if (inputs === undefined || outputs === undefined || same) {
      const axes = `with the axes ${inAxis} and ${outAxis}, two different ones`;
      refuse('BAD_SHAPE', where, `a shape ${axes}, to count its fans`, [...shape]);
    }
    const taps = product(shape) / (inputs * outputs);
    const fans = { fan_in: inputs, fan_out: outputs, fan_avg: (inputs + outputs) / 2 };
    fillWithVariance(where, values, scale / (fans[mode] * taps), distribution, random);
  });
}

/** More than any shape here has. */
const MAX_AXES = 16;

const SEED_OPTION_NAMES = ['seed', 'rng', 'unit'] as const satisfies readonly (keyof SeedOptions)[];

/** `checkOptions`, which also knows what comes of `wInit: Normal` instead of `wInit: Normal()`. */
function readOptions<Options extends object>(
  where: string,
  options: unknown,
  known: readonly (keyof Options & string)[],
): Options {
  if (!isList(options) && typeof options !== 'function') {
    return checkOptions<Options>(where, options, known);
  }
  return refuse('BAD_TYPE', where, 'an options object', options, `As an initializer, call it: ${where}().`);
}

function initializer(
  where: string,
  { seed, rng, unit }: SeedOptions,
  fill: (values: Float32Array, shape: readonly number[], random: RandomSource) => void,
): SeededInitializer {
  if (unit !== undefined && unit !== null) {
    refuse(
      'UNSUPPORTED',
      where,
      "unit null, as a layer's numbers have no unit",
      unit,
      'Convert the values to the unit that you compute in.',
    );
  }
  if (rng != null) checkStream(where, 'rng', rng);
  if (rng != null && seed != null) {
    refuse('BAD_OPTION', where, 'either a seed or an rng', 'both', 'Leave one of them out.');
  }
  const own = seed == null ? undefined : checkInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  return (given, random) => {
    const shape = checkShape(where, 'shape', typeof given === 'number' ? [given] : given);
    const values = filled(where, shape, 0);
    if (own !== undefined) fill(values, shape, seededRandom(own));
    else fill(values, shape, checkedRandom(where, rng ?? random ?? seededRandom(freshSeed())));
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong !== undefined)
      refuse('BAD_OPTION', where, 'values that float32 holds', wrong, 'Scale them down.');
    return values;
  };
}

function checkStream(where: string, name: string, stream: unknown): void {
  if (typeof stream === 'function') return;
  refuse('BAD_TYPE', where, `${name} to be a function that gives numbers in [0, 1)`, stream);
}

/** Somebody's stream. Rejection would wait for ever for a number that it can accept, and others become NaN. */
function checkedRandom(where: string, random: RandomSource): RandomSource {
  checkStream(where, 'random, the second argument,', random);
  return () => {
    const value: unknown = random();
    if (typeof value === 'number' && value >= 0 && value < 1) return value;
    return refuse('BAD_OPTION', where, 'rng to give numbers in [0, 1)', value);
  };
}

/** A number, or array values once the shape is known that they broadcast to. */
function amount(
  where: string,
  name: string,
  value: unknown,
  range: 'any' | 'above 0' = 'any',
): (shape: readonly number[]) => (index: number) => number {
  const check = range === 'any' ? finite : positive;
  if (typeof value === 'number') {
    const checked = check(where, name, value);
    return () => () => checked;
  }
  if (typeof value !== 'object' || value === null) {
    refuse('BAD_TYPE', where, `${name} to be a number, or values that broadcast to the shape`, value);
  }
  return (shape) => {
    const values = valuesOfShape(where, name, value, shape);
    return (index) => check(where, `${name}[${index}]`, values[index]);
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
