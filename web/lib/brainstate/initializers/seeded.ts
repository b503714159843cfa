// What every initializer of brainstate has: its options, its source of numbers, and amounts that broadcast. The layer's
// seed feeds those without one.

import { type ArrayValues, filled, valuesOfShape } from '../../core/array-values.js';
import { checkInteger, checkOptions, fault, refuse } from '../../core/checks.js';
import { freshSeed, type RandomSource, seededRandom } from '../../core/random.js';
import { isList } from '../../core/realms.js';
import { checkShape } from '../../core/tensor.js';

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

/** One number, or values that broadcast to the shape that is made. */
export type Amount = Exclude<ArrayValues, boolean>;

export const SEED_OPTION_NAMES = ['seed', 'rng', 'unit'] as const satisfies readonly (keyof SeedOptions)[];

/** `checkOptions`, which also knows what comes of `wInit: Normal` instead of `wInit: Normal()`. */
export function readOptions<Options extends object>(
  where: string,
  options: unknown,
  known: readonly (keyof Options & string)[],
): Options {
  if (!isList(options) && typeof options !== 'function') {
    return checkOptions<Options>(where, options, known);
  }
  return refuse('BAD_TYPE', where, 'an options object', options, `As an initializer, call it: ${where}().`);
}

export function initializer(
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
    throw fault('BAD_OPTION', where, 'either a seed or an rng', 'both', 'Leave one of them out.');
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
export function amount(
  where: string,
  name: string,
  value: unknown,
  check: (where: string, name: string, value: unknown) => number = finite,
): (shape: readonly number[]) => (index: number) => number {
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

export function positive(where: string, name: string, value: unknown): number {
  const number = finite(where, name, value);
  if (number <= 0) refuse('BAD_OPTION', where, `${name} to be above 0`, number);
  return number;
}
