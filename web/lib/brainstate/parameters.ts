import { refuse, shapeText } from '../core/checks.js';
import { DeconvError } from '../core/errors.js';
import type { RandomSource } from '../core/random.js';
import { checkFloats, checkTensor, elementCount, type Tensor } from '../core/tensor.js';

/**
 * Makes the values of a parameter: a function of its shape. `random` gives numbers in [0, 1) from
 * the layer's seed.
 */
export type Initializer = (shape: number[], random: () => number) => Tensor | Float32Array;

/** A parameter as it may be given: values in order, a tensor that broadcasts to the shape, or a function. */
export type ParameterSource = Initializer | Tensor | Float32Array;

/** The values of a parameter, in an array of their own. */
export function readParameter(
  where: string,
  name: string,
  source: unknown,
  shape: readonly number[],
  random: RandomSource,
): Float32Array {
  const count = elementCount(where, `${name} of the layer's shape`, shape);
  const made = typeof source === 'function';
  const value: unknown = made ? source([...shape], random) : source;
  const what = made ? `the result of ${name}` : name;
  if (typeof value !== 'object' || value === null) {
    refuse(
      'BAD_TYPE',
      where,
      `${what} to be a Float32Array or a tensor for shape ${shapeText(shape)}${made ? '' : ', or a function of the shape'}`,
      value,
      typeof value === 'number' ? `Constant(${value}) fills the shape.` : '',
    );
  }
  if (ArrayBuffer.isView(value)) {
    const floats = checkFloats(where, what, value);
    if (floats.length !== count) {
      refuse('BAD_SHAPE', where, `${what} of ${count} values for shape ${shapeText(shape)}`, floats.length);
    }
    return copy(where, floats);
  }
  return broadcast(where, what, checkTensor(where, what, value), shape);
}

/** A mask in the kernel's shape; undefined for none, and for one that multiplies by 1. */
export function readMask(
  where: string,
  source: unknown,
  shape: readonly number[],
  random: RandomSource,
): Float32Array | undefined {
  if (source === undefined || source === null || source === 1) return undefined;
  if (typeof source !== 'number') return readParameter(where, 'wMask', source, shape, random);
  if (!Number.isFinite(source)) refuse('BAD_OPTION', where, 'wMask to be finite', source);
  return filled(where, shape, source);
}

/** An array of a shape, or `OUT_OF_MEMORY` in our words. */
export function filled(where: string, shape: readonly number[], value: number): Float32Array {
  const count = elementCount(where, 'a parameter', shape);
  return guarded(where, shape, () => new Float32Array(count).fill(value));
}

function copy(where: string, values: Float32Array): Float32Array {
  return guarded(where, [values.length], () => values.slice());
}

function guarded(where: string, shape: readonly number[], allocate: () => Float32Array): Float32Array {
  try {
    return allocate();
  } catch (cause) {
    throw new DeconvError(
      'OUT_OF_MEMORY',
      `${where}: expected room for a parameter of shape ${shapeText(shape)}, got none from the JavaScript engine. Use a smaller layer.`,
      { where, shape },
      cause,
    );
  }
}

/** NumPy's rule: axes are matched from the last one, and an axis of 1 (or none) repeats. */
function broadcast(where: string, what: string, tensor: Tensor, shape: readonly number[]): Float32Array {
  const missing = shape.length - tensor.shape.length;
  const own = missing < 0 ? tensor.shape : [...new Array<number>(missing).fill(1), ...tensor.shape];
  if (missing < 0 || own.some((extent, axis) => extent !== 1 && extent !== shape[axis])) {
    throw new DeconvError(
      'BAD_SHAPE',
      `${where}: expected ${what} of shape ${shapeText(shape)} or one that broadcasts to it, got ${shapeText(tensor.shape)}. Reorder or reshape it.`,
      { where, expected: shape, got: tensor.shape },
    );
  }
  if (own.every((extent, axis) => extent === shape[axis])) return copy(where, tensor.data);
  const result = filled(where, shape, 0);
  const strides = own.map((extent, axis) =>
    extent === 1 ? 0 : own.slice(axis + 1).reduce((product, next) => product * next, 1),
  );
  for (let index = 0; index < result.length; index += 1) {
    let rest = index;
    let source = 0;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const extent = shape[axis] as number;
      source += (rest % extent) * (strides[axis] as number);
      rest = Math.floor(rest / extent);
    }
    result[index] = tensor.data[source] as number;
  }
  return result;
}
