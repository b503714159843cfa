import { checkInteger, refuse } from '../../core/checks.js';
import { product } from '../../core/lists.js';
import { orthonormalVectors } from '../../core/normal-initializers.js';
import { normalSource, truncatedNormalSource } from '../../core/normal-numbers.js';
import type { RandomSource } from '../../core/random.js';
import {
  type Amount,
  amount,
  initializer,
  positive,
  readOptions,
  SEED_OPTION_NAMES,
  type SeededInitializer,
  type SeedOptions,
} from './seeded.js';

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
  const scale = amount(where, 'scale', checked.scale ?? 1, positive);
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
  const scale = amount(where, 'scale', checked.scale ?? 1, positive);
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
