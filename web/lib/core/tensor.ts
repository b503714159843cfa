import { fault, MAX_INTEGER, noRoom, refuse, shapeText } from './checks.js';
import { isDeconvError } from './errors.js';
import { type Float16ArrayLike, type HalfType, widen } from './float16.js';
import type { HalfTensor } from './half-tensor.js';
import {
  isArrayBuffer,
  isDetached,
  isList,
  isSharedArrayBuffer,
  memberOf,
  messageOf,
  typedArrayKind,
} from './realms.js';

/**
 * A plain value: 32-bit floats in row-major order with the shape beside them.
 * Layers of the root entry point are channels first: `[N, C, H, W]`.
 *
 * What comes in may lie on any buffer. What the package makes lies on an ArrayBuffer of its own, a
 * `Tensor<ArrayBuffer>`, as Blob, `copyToChannel` and their kin ask for it.
 */
export interface Tensor<Buffer extends ArrayBufferLike = ArrayBufferLike> {
  readonly data: Float32Array<Buffer>;
  readonly shape: readonly number[];
}

/** Numbers that become float32 in a copy. Integers of 32 bits must be values of float32, as all below 2^24 are. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Int32Array
  | Uint32Array
  | Float16ArrayLike
  | readonly number[];

/**
 * What stands for a tensor where one is only read: numbers of other kinds are copied, a Float32Array is taken as it is.
 * Other libraries call the shape `dims`, as ONNX Runtime does; its `type` says what 16 bits mean.
 */
export type TensorLike = (
  | { readonly data: TensorData }
  | { readonly data: Uint16Array; readonly dtype: HalfType }
  | { readonly data: Uint16Array; readonly type: 'float16' | 'uint16' }
) &
  ({ readonly shape: readonly number[] } | { readonly dims: readonly number[] });

/** What a tensor gives for its shape. */
export function shapeOf(value: unknown): unknown {
  return memberOf(value, 'shape') ?? memberOf(value, 'dims');
}

/** A WebAssembly heap of ours. */
export interface Heap {
  /** @internal Whether it is known where this view of it comes from, and nothing else has been put there since. */
  holds(view: ArrayBufferView): boolean;
}

/**
 * The heaps by their buffers. Shared ones are let in: only threads of ours write to them, and none does
 * between two calls.
 */
export const heaps = new WeakMap<ArrayBufferLike, Heap>();

/** Values of one tensor that the 32-bit heap can hold (2 GB). */
export const MAX_ELEMENTS = 2 ** 29;

/** Product of the axes; throws `TOO_LARGE` when no heap could hold such a tensor. */
export function elementCount(where: string, name: string, shape: readonly number[]): number {
  let count = 1;
  for (const extent of shape) count *= extent;
  if (count > MAX_ELEMENTS) {
    throw fault(
      'TOO_LARGE',
      where,
      `${name} of at most ${MAX_ELEMENTS} values`,
      `shape ${shapeText(shape)}`,
      'Split the work into smaller tensors.',
      { shape },
    );
  }
  return count;
}

/** A shape: a list of non-negative integers. */
export function checkShape(where: string, name: string, shape: unknown): readonly number[] {
  if (!isList(shape)) refuse('BAD_TYPE', where, `${name} to be a list of integers`, shape);
  return Array.from(shape, (extent, axis) => {
    if (typeof extent !== 'number') {
      refuse('BAD_TYPE', where, `${name}[${axis}] to be an integer`, extent);
    }
    if (!Number.isInteger(extent) || extent < 0) {
      refuse('BAD_SHAPE', where, `${name}[${axis}] to be a non-negative integer`, extent);
    }
    if (extent > MAX_INTEGER) {
      refuse(
        'TOO_LARGE',
        where,
        `${name}[${axis}] of at most ${MAX_INTEGER}`,
        extent,
        'Use smaller tensors.',
      );
    }
    return extent + 0;
  });
}

/** A Float32Array that can be read (or written) now. */
export function checkFloats(where: string, name: string, data: unknown): Float32Array {
  return checkArray(where, name, data, 'Float32Array') as Float32Array;
}

/** A typed array of one kind that can be read (or written) now. */
export function checkArray(
  where: string,
  name: string,
  data: unknown,
  kind: string,
): ArrayBufferView & ArrayLike<number> {
  if (typedArrayKind(data) !== kind) {
    refuse('BAD_TYPE', where, `${name} to be a ${kind}`, data, `Convert with new ${kind}(…).`);
  }
  checkReadable(where, name, data as ArrayBufferView);
  return data as ArrayBufferView & ArrayLike<number>;
}

function checkReadable(where: string, name: string, floats: ArrayBufferView): void {
  const { buffer } = floats;
  const heap = heaps.get(buffer);
  if (heap === undefined && isSharedArrayBuffer(buffer)) {
    throw fault(
      'BAD_BUFFER',
      where,
      `${name} on a buffer of its own`,
      'a SharedArrayBuffer, which threads or another copy of this package may change meanwhile',
      'Pass a copy: array.slice().',
      { name },
    );
  }
  checkAttached(where, name, buffer);
  if (heap !== undefined && !heap.holds(floats)) {
    throw fault(
      'BAD_BUFFER',
      where,
      `${name} in the memory of a live HeapTensor`,
      'a view of the heap that belongs to none (its tensor or module has ended, or it is no part of HeapTensor.data)',
      'Take HeapTensor.data anew.',
      { name },
    );
  }
}

/** Refuses bytes whose buffer is detached; what are no bytes is for others to judge. */
export function checkAttached(where: string, name: string, bytes: unknown): void {
  const buffer = (ArrayBuffer.isView(bytes) ? bytes.buffer : bytes) as Partial<ArrayBuffer> | null;
  if (memberOf(buffer, 'byteLength') !== 0 || !isArrayBuffer(buffer) || !isDetached(buffer)) return;
  throw fault(
    'BAD_BUFFER',
    where,
    `${name} with readable data`,
    'an array whose buffer is detached (transferred to a worker, or the heap behind it grew)',
    'Pass the data again.',
    { name },
  );
}

/** What a tensor says of its 16 bits: its `dtype`, or the `type` of other libraries. */
export function dtypeOf(value: unknown): unknown {
  const type = memberOf(value, 'type');
  return (
    memberOf(value, 'dtype') ??
    (type === 'float16' || type === 'bfloat16' || type === 'uint16' ? type : undefined)
  );
}

function isHalfArray(kind: string | undefined, dtype: unknown): boolean {
  return kind === 'Float16Array' || (kind === 'Uint16Array' && dtype !== undefined && dtype !== 'uint16');
}

/** Whether `value` is 16-bit floats, or means to be: what is wrong with it is said in these words then. */
export function isHalf(value: unknown): value is HalfTensor | Float16ArrayLike {
  if (typedArrayKind(value) !== undefined) return isHalfArray(typedArrayKind(value), undefined);
  // Data that cannot be read are for the checks of tensors to report.
  return isHalfArray(typedArrayKind(memberOf(value, 'data')), dtypeOf(value));
}

/** The patterns of 16-bit floats, not copied, and their format. */
export function readHalves(
  where: string,
  name: string,
  data: unknown,
  dtype: unknown,
): { readonly bits: Uint16Array; readonly type: HalfType } {
  const kind = typedArrayKind(data) as string;
  if (kind === 'Float16Array') {
    if (dtype !== undefined && dtype !== 'float16') {
      refuse('BAD_OPTION', where, `${name}.dtype to be 'float16' for a Float16Array`, dtype);
    }
  } else if (dtype !== 'float16' && dtype !== 'bfloat16') {
    refuse('BAD_OPTION', where, `${name}.dtype to be 'float16' or 'bfloat16'`, dtype);
  }
  const { buffer, byteOffset, length } = checkArray(where, name, data, kind);
  return { bits: new Uint16Array(buffer as ArrayBuffer, byteOffset, length), type: dtype ?? 'float16' };
}

/** Those that float32 rounds as it rounds everything; of the wide integers only what it holds. */
const COPIED = ['Float64Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Int32Array', 'Uint32Array'];
const WIDE = COPIED.slice(-2);

/** Why other kinds are not taken. */
const REASONS: Readonly<Record<string, string>> = {
  Int8Array: 'int8 stands for values of a quantized layer, without their scale',
  Uint16Array: "integers, or the patterns of 16-bit floats? Their dtype is 'float16' or 'bfloat16'",
  BigInt64Array: 'float32 does not hold integers of 64 bits',
  BigUint64Array: 'float32 does not hold integers of 64 bits',
};

/** Numbers as float32: a Float32Array as it is, others in a copy. */
export function floatsOf(where: string, name: string, data: unknown, dtype?: unknown): Float32Array {
  const kind = typedArrayKind(data);
  if (kind === 'Float32Array') return checkFloats(where, name, data);
  if (isHalfArray(kind, dtype)) {
    const { bits, type } = readHalves(where, name, data, dtype);
    return widen(bits, type);
  }
  if (kind === undefined) return floatsOfList(where, name, data);
  if (kind === 'Uint16Array' ? dtype !== 'uint16' : !COPIED.includes(kind)) {
    const got = `a value of type ${kind} (${REASONS[kind]})`;
    throw fault(
      'BAD_TYPE',
      where,
      `${name} to be a Float32Array`,
      got,
      'Convert with Float32Array.from(…, Number).',
    );
  }
  const numbers = checkArray(where, name, data, kind);
  const floats = roomFor(where, [numbers.length], () => new Float32Array(numbers));
  if (WIDE.includes(kind)) {
    const index = floats.findIndex((value, place) => value !== numbers[place]);
    if (index >= 0) {
      refuse('BAD_TYPE', where, `${name}[${index}] to be an integer that float32 holds`, numbers[index]);
    }
  }
  return floats;
}

function floatsOfList(where: string, name: string, list: unknown): Float32Array {
  if (!isList(list)) return checkFloats(where, name, list);
  // Holes are no numbers either, and a loop over entries would miss them.
  for (let index = 0; index < list.length; index += 1) {
    const value: unknown = list[index];
    if (typeof value !== 'number') refuse('BAD_TYPE', where, `${name}[${index}] to be a number`, value);
  }
  return roomFor(where, [list.length], () => new Float32Array(list));
}

/** The data of a tensor, which other libraries may have elsewhere than here. */
export function dataOf(where: string, name: string, value: unknown): unknown {
  try {
    return (value as { readonly data?: unknown } | null | undefined)?.data;
  } catch (cause) {
    if (isDeconvError(cause)) throw cause;
    throw fault(
      'BAD_BUFFER',
      where,
      `${name} with readable data`,
      `none: ${messageOf(cause)}`,
      'Bring it to where JavaScript can read it.',
      { name },
      cause,
    );
  }
}

/** A tensor whose data matches its shape; what is no Float32Array is copied into one. */
export function checkTensor(where: string, name: string, value: unknown): Tensor {
  // Bare values have no shape, nor has what was not awaited, and that is not all that they lack.
  const given =
    shapeOf(value) ??
    refuse('BAD_TYPE', where, `${name} to be { data: Float32Array, shape: number[] }`, value);
  const shape = checkShape(where, `${name}.shape`, given);
  const count = elementCount(where, name, shape);
  const data = dataOf(where, name, value);
  const floats = floatsOf(where, `${name}.data`, data, dtypeOf(value));
  checkCount(where, name, floats.length, shape, count);
  return { data: floats, shape };
}

/** Refuses more or fewer values than the shape has. None at all are those of a buffer that is gone, or shrank. */
function checkCount(
  where: string,
  name: string,
  length: number,
  shape: readonly number[],
  count: number,
): void {
  if (length === count) return;
  throw fault(
    length === 0 ? 'BAD_BUFFER' : 'BAD_SHAPE',
    where,
    `${name} with ${count} values for shape ${shapeText(shape)}`,
    `${length}`,
    'Make data and shape agree.',
    { name, shape, length },
  );
}

/**
 * The data of a tensor that must have this shape of `count` values. What is as it should be allocates
 * nothing: steady loops come by here.
 */
export function checkTensorOf(
  where: string,
  name: string,
  value: unknown,
  shape: readonly number[],
  count: number,
): Float32Array {
  if (sameList(shapeOf(value), shape)) {
    const data = dataOf(where, name, value);
    if (typedArrayKind(data) === 'Float32Array') {
      checkReadable(where, name, data as Float32Array);
      checkCount(where, name, (data as Float32Array).length, shape, count);
      return data as Float32Array;
    }
  }
  const { data, shape: got } = checkTensor(where, name, value);
  requireShape(where, name, got, shape);
  return data;
}

/** Refuses a shape that is not the one that has to be: as a rule that which follows from the call. */
export function requireShape(
  where: string,
  name: string,
  got: readonly number[],
  shape: readonly number[],
  advice = 'outputShape tells the shape.',
): void {
  if (sameList(got, shape)) return;
  throw fault('BAD_SHAPE', where, `${name} of shape ${shapeText(shape)}`, shapeText(got), advice, {
    expected: shape,
    got,
  });
}

/** The same of an `out`, which is written to: a copy of other numbers would not do. */
export function checkOut(
  where: string,
  value: unknown,
  shape: readonly number[],
  count: number,
): Float32Array {
  const floats = checkTensorOf(where, 'out', value, shape, count);
  const { data } = value as Tensor;
  return floats === data ? floats : checkFloats(where, 'out.data', data);
}

/** Whether `value` is a list of the same numbers, or names. */
export function sameList(value: unknown, list: readonly unknown[]): boolean {
  if (!isList(value) || value.length !== list.length) return false;
  for (let index = 0; index < list.length; index += 1) if (value[index] !== list[index]) return false;
  return true;
}

/** Whether some values are of both; a shared heap that grew has its older buffers too. */
export function sharesMemory(one: Float32Array, other: Float32Array): boolean {
  const { buffer, byteOffset, byteLength } = other;
  return (
    (heaps.get(one.buffer) ?? one.buffer) === (heaps.get(buffer) ?? buffer) &&
    one.byteOffset < byteOffset + byteLength &&
    byteOffset < one.byteOffset + one.byteLength
  );
}

/** The tensor, or a copy of one on a heap: what is read over several calls must outlive that it grows. */
export function apart(tensor: Tensor): Tensor {
  const { data, shape } = tensor;
  return heaps.has(data.buffer) ? { data: data.slice(), shape } : tensor;
}

/** Parameters may come as a tensor of the documented shape or as bare values in its order. */
export function checkParameter(
  where: string,
  name: string,
  value: unknown,
  shape: readonly number[],
): Float32Array {
  const count = elementCount(where, name, shape);
  if (isList(value) || typedArrayKind(value) !== undefined) {
    const floats = floatsOf(where, name, value);
    requireCount(where, name, floats.length, shape, count);
    return floats;
  }
  const tensor = checkTensor(where, name, value);
  requireShape(where, name, tensor.shape, shape, RESHAPE);
  return tensor.data;
}

/** What to do about a parameter of another shape. */
export const RESHAPE = 'Reorder or reshape it.';

/** Refuses more or fewer values than a parameter of this shape has. */
export function requireCount(
  where: string,
  name: string,
  got: number,
  shape: readonly number[],
  count: number,
): void {
  if (got === count) return;
  const expected = `${name} of ${count} values for shape ${shapeText(shape)}`;
  refuse('BAD_SHAPE', where, expected, got, 'Pass exactly that many.');
}

/** Zeros of a shape, with a list of its own; throws `TOO_LARGE` or `OUT_OF_MEMORY`. */
export function allocateTensor(where: string, shape: readonly number[]): Tensor<ArrayBuffer> {
  const count = elementCount(where, 'a tensor', shape);
  return { data: roomFor(where, shape, () => new Float32Array(count)), shape: [...shape] };
}

/**
 * A tensor whose array is made of the values themselves when they are there: engines then spare the zeros,
 * a third of the time that a large result takes to leave the WebAssembly heap.
 *
 * @throws {DeconvError} `TOO_LARGE` when made, `OUT_OF_MEMORY` when set
 */
export class FreshTensor {
  readonly #where: string;
  readonly #shape: readonly number[];
  #data: Float32Array<ArrayBuffer> | undefined;

  constructor(where: string, shape: readonly number[]) {
    elementCount(where, 'a tensor', shape);
    this.#where = where;
    this.#shape = shape;
  }

  set(values: Float32Array): void {
    this.#data = roomFor(this.#where, this.#shape, () => new Float32Array(values));
  }

  /** To be taken once the values are set. */
  get tensor(): Tensor<ArrayBuffer> {
    return { data: this.#data as Float32Array<ArrayBuffer>, shape: [...this.#shape] };
  }
}

/** The array that `make` makes for a tensor; throws `OUT_OF_MEMORY` where the engine has no room for it. */
export function roomFor<Values>(where: string, shape: readonly number[], make: () => Values): Values {
  try {
    return make();
  } catch (cause) {
    throw noRoom(where, cause, `a tensor of shape ${shapeText(shape)}`, { shape });
  }
}
