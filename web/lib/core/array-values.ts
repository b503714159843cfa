import { noRoom, refuse, shapeText } from './checks.js';
import { isDeconvError } from './errors.js';
import type { Float16ArrayLike } from './float16.js';
import type { HalfTensor } from './half-tensor.js';
import { product } from './lists.js';
import { isList, isRecord, typedArrayKind } from './realms.js';
import {
  checkArray,
  checkShape,
  checkTensor,
  dataOf,
  elementCount,
  floatsOf,
  isHalf,
  shapeOf,
  type Tensor,
} from './tensor.js';

/** Numbers in one of JavaScript's typed arrays. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float16ArrayLike;

/** Lists of lists of numbers or booleans, all of one length at each depth. */
export type NestedList = readonly (number | boolean | NestedList)[];

/**
 * What NumPy and JAX call array-like: one number or boolean for all places, nested lists, a typed array, or a
 * tensor whose data is any of them. True counts as 1, false as 0.
 */
export type ArrayValues =
  | number
  | boolean
  | NestedList
  | NumericArray
  | Tensor
  | HalfTensor
  | { readonly data: NumericArray | readonly (number | boolean)[]; readonly shape: readonly number[] };

/** Parameters have at most five axes, and a list that holds itself has no end. */
const MAX_DEPTH = 8;

/** Values whose shape is known, not yet copied. */
interface Source {
  readonly shape: readonly number[];
  /** All values, row-major, in an array of their own. */
  read(): Float32Array<ArrayBuffer>;
}

/**
 * The values of a parameter in an array of their own, from whatever holds them. As many values as the shape has
 * are taken in their order; fewer repeat by NumPy's rule.
 *
 * @throws {DeconvError} `BAD_TYPE` (no numbers), `BAD_SHAPE` (ragged lists, a shape that does not broadcast),
 * `BAD_OPTION` (a single number that is not finite in float32, numbers of lists and arrays that only float64 holds), `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 */
export function valuesOfShape(
  where: string,
  what: string,
  value: unknown,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  if (typeof value === 'number' || typeof value === 'boolean') {
    if (!Number.isFinite(Math.fround(Number(value)))) {
      refuse('BAD_OPTION', where, `${what} to be finite in float32`, value);
    }
    return filled(where, shape, Number(value));
  }
  const count = elementCount(where, `${what} of the layer's shape`, shape);
  const source = sourceOf(where, what, value);
  if (source === null) {
    refuse(
      'BAD_TYPE',
      where,
      `${what} to be a number, nested lists, a typed array or a tensor for shape ${shapeText(shape)}`,
      value,
      typeof value === 'function' ? 'If it makes an initializer, call it: Normal(), not Normal.' : '',
    );
  }
  const inOrder = source.shape.length === 1 && source.shape[0] === count;
  const own = inOrder ? shape : withLeadingOnes(source.shape, shape);
  if (own === null) {
    refuse(
      'BAD_SHAPE',
      where,
      `${what} of ${count} values for shape ${shapeText(shape)}, or of one that broadcasts to it`,
      [...source.shape],
      'Reorder or reshape it.',
    );
  }
  return spread(
    where,
    guarded(where, shape, () => source.read()),
    own,
    shape,
  );
}

/** An array of a shape, or `OUT_OF_MEMORY` in our words. */
export function filled(where: string, shape: readonly number[], value: number): Float32Array<ArrayBuffer> {
  const count = elementCount(where, 'a parameter', shape);
  return guarded(where, shape, () => new Float32Array(count).fill(value));
}

function guarded<Values>(where: string, shape: readonly number[], allocate: () => Values): Values {
  try {
    return allocate();
  } catch (cause) {
    if (isDeconvError(cause)) throw cause;
    throw noRoom(where, cause, `a parameter of shape ${shapeText(shape)}`, { shape });
  }
}

/** Null for what holds no numbers. */
function sourceOf(where: string, what: string, value: unknown): Source | null {
  if (isList(value)) return listSource(where, what, value);
  if (typedArrayKind(value) !== undefined) return arraySource(where, what, value);
  if (!isRecord(value)) return null;
  const data = dataOf(where, what, value);
  const given = shapeOf(value);
  if (data === undefined || given === undefined) return null;
  const shape = checkShape(where, `${what}.shape`, given);
  const read = readerOf(where, what, value, data);
  return {
    shape,
    read: () => {
      const values = read();
      if (values.length === product(shape)) return values;
      return refuse(
        'BAD_SHAPE',
        where,
        `${what} with ${product(shape)} values for shape ${shapeText(shape)}`,
        values.length,
        'Make data and shape agree.',
      );
    },
  };
}

function readerOf(
  where: string,
  what: string,
  tensor: unknown,
  data: unknown,
): () => Float32Array<ArrayBuffer> {
  if (isHalf(tensor)) return () => checkTensor(where, what, tensor).data as Float32Array<ArrayBuffer>;
  if (isList(data)) return listSource(where, `${what}.data`, data).read;
  if (typedArrayKind(data) !== undefined) return arraySource(where, `${what}.data`, data).read;
  return refuse('BAD_TYPE', where, `${what}.data to be a typed array or a list of numbers`, data);
}

function arraySource(where: string, what: string, value: unknown): Source {
  const kind = typedArrayKind(value) as string;
  const array = checkArray(where, what, value, kind);
  const read = (): Float32Array<ArrayBuffer> => {
    if (kind === 'Float16Array') return floatsOf(where, what, array) as Float32Array<ArrayBuffer>;
    if (kind === 'Float64Array') return Float32Array.from(array, (entry) => held(where, what, entry));
    return kind.startsWith('Big')
      ? Float32Array.from(array as ArrayLike<unknown>, Number)
      : new Float32Array(array);
  };
  return { shape: [array.length], read };
}

function listSource(where: string, what: string, list: readonly unknown[]): Source {
  const shape: number[] = [];
  let first: unknown = list;
  while (isList(first) && shape.length <= MAX_DEPTH) {
    shape.push(first.length);
    first = first[0];
  }
  if (shape.length > MAX_DEPTH) {
    refuse('BAD_SHAPE', where, `${what} with lists at most ${MAX_DEPTH} deep`, list);
  }
  const read = (): Float32Array<ArrayBuffer> => {
    const values = new Float32Array(product(shape));
    let at = 0;
    const walk = (entry: unknown, depth: number): void => {
      if (depth < shape.length) {
        if (!isList(entry) || entry.length !== shape[depth]) {
          refuse('BAD_SHAPE', where, `${what} with lists of one length at each depth`, entry);
        }
        for (let index = 0; index < entry.length; index += 1) walk(entry[index], depth + 1);
        return;
      }
      if (typeof entry !== 'number' && typeof entry !== 'boolean') {
        refuse('BAD_TYPE', where, `${what} with numbers or booleans in its lists`, entry);
      }
      values[at] = held(where, what, Number(entry));
      at += 1;
    };
    walk(list, 0);
    return values;
  };
  return { shape, read };
}

/** Refuses what float32 would make infinite. */
function held(where: string, what: string, value: number): number {
  if (!Number.isFinite(value) || Number.isFinite(Math.fround(value))) return value;
  return refuse('BAD_OPTION', where, `${what} of values that float32 holds`, value, 'Scale them down.');
}

/** NumPy's rule: axes are matched from the last one, and an axis of 1 (or none) repeats. */
function withLeadingOnes(own: readonly number[], shape: readonly number[]): readonly number[] | null {
  const missing = shape.length - own.length;
  if (missing < 0) return null;
  const all = [...new Array<number>(missing).fill(1), ...own];
  return all.every((extent, axis) => extent === 1 || extent === shape[axis]) ? all : null;
}

function spread(
  where: string,
  values: Float32Array<ArrayBuffer>,
  own: readonly number[],
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  if (own.every((extent, axis) => extent === shape[axis])) return values;
  const result = filled(where, shape, 0);
  const strides = own.map((extent, axis) => (extent === 1 ? 0 : product(own.slice(axis + 1))));
  for (let index = 0; index < result.length; index += 1) {
    let rest = index;
    let source = 0;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const extent = shape[axis] as number;
      source += (rest % extent) * (strides[axis] as number);
      rest = Math.floor(rest / extent);
    }
    result[index] = values[source] as number;
  }
  return result;
}
