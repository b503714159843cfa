import { type ArrayValues, valuesOfShape } from '../core/array-values.js';
import type { RandomSource } from '../core/random.js';
import { elementCount } from '../core/tensor.js';

/**
 * Makes the values of a parameter: a function of its shape. `random` gives numbers in [0, 1) from
 * the layer's seed.
 */
export type Initializer = (shape: number[], random: () => number) => ArrayValues;

/** A parameter as it may be given: its values, in any form that broadcasts to the shape, or a function of the shape. */
export type ParameterSource = Initializer | ArrayValues;

/** The values of a parameter, in an array of their own. */
export function readParameter(
  where: string,
  name: string,
  source: unknown,
  shape: readonly number[],
  random: RandomSource,
): Float32Array<ArrayBuffer> {
  elementCount(where, `${name} of the layer's shape`, shape);
  if (typeof source !== 'function') return valuesOfShape(where, name, source, shape);
  return valuesOfShape(where, `the result of ${name}`, source([...shape], random), shape);
}

/** A mask in the kernel's shape; null for none. */
export function readMask(
  where: string,
  source: unknown,
  shape: readonly number[],
  random: RandomSource,
): Float32Array<ArrayBuffer> | null {
  return source === undefined || source === null
    ? null
    : readParameter(where, 'wMask', source, shape, random);
}
