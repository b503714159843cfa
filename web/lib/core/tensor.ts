import { describe, fault, MAX_INTEGER, refuse, shapeText } from './checks.js';
import { isArrayBuffer, isDetached, isSharedArrayBuffer, typedArrayKind } from './realms.js';

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
  if (!Array.isArray(shape)) refuse('BAD_TYPE', where, `${name} to be a list of integers`, shape);
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
    return extent;
  });
}

function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayKind(value) === 'Float32Array';
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
    refuse('BAD_TYPE', where, `${name} to be a ${kind}`, data, `Convert with ${kind}.from(…).`);
  }
  const floats = data as ArrayBufferView & ArrayLike<number>;
  const { buffer } = floats;
  const heap = heaps.get(buffer);
  if (heap === undefined && isSharedArrayBuffer(buffer)) {
    throw fault(
      'BAD_BUFFER',
      where,
      `${name} on a buffer of its own`,
      'a SharedArrayBuffer, which others may change meanwhile (threads, or the copy of this package whose HeapTensor it is)',
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
      "a view of the WebAssembly heap that belongs to none (its tensor was disposed, its module shut down, or it is no HeapTensor's data nor a subarray of it)",
      'Take HeapTensor.data anew.',
      { name },
    );
  }
  return floats;
}

/** Refuses bytes whose buffer is detached; what are no bytes is for others to judge. */
export function checkAttached(where: string, name: string, bytes: unknown): void {
  const buffer = (ArrayBuffer.isView(bytes) ? bytes.buffer : bytes) as Partial<ArrayBuffer> | null;
  if (buffer?.byteLength !== 0 || !isArrayBuffer(buffer) || !isDetached(buffer)) return;
  throw fault(
    'BAD_BUFFER',
    where,
    `${name} with readable data`,
    'an array whose buffer is detached (transferred to a worker, or the heap behind it grew)',
    'Pass the data again.',
    { name },
  );
}

/** A tensor whose data matches its shape. */
export function checkTensor(where: string, name: string, value: unknown): Tensor {
  if (typeof value !== 'object' || value === null) {
    refuse('BAD_TYPE', where, `${name} to be { data: Float32Array, shape: number[] }`, value);
  }
  const { data, shape } = value as { data?: unknown; shape?: unknown };
  const checkedShape = checkShape(where, `${name}.shape`, shape);
  const floats = checkFloats(where, `${name}.data`, data);
  checkCount(where, name, floats, checkedShape, elementCount(where, name, checkedShape));
  return { data: floats, shape: checkedShape };
}

function checkCount(
  where: string,
  name: string,
  floats: Float32Array,
  shape: readonly number[],
  count: number,
): void {
  if (floats.length === count) return;
  if (floats.length === 0 && floats.buffer.byteLength === 0) {
    throw fault(
      'BAD_BUFFER',
      where,
      `${name} with ${count} values for shape ${shapeText(shape)}`,
      'an empty or detached array',
      'Pass the data again.',
      { name, shape },
    );
  }
  throw fault(
    'BAD_SHAPE',
    where,
    `${name} with ${count} values for shape ${shapeText(shape)}`,
    `${floats.length}`,
    'Make data and shape agree.',
    { name, shape, length: floats.length },
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
  if (!sameList((value as Partial<Tensor> | null | undefined)?.shape, shape)) {
    const { shape: got } = checkTensor(where, name, value);
    throw fault(
      'BAD_SHAPE',
      where,
      `${name} of shape ${shapeText(shape)}`,
      shapeText(got),
      'outputShape tells the shape.',
      { expected: shape, got },
    );
  }
  const floats = checkFloats(where, name, (value as Tensor).data);
  checkCount(where, name, floats, shape, count);
  return floats;
}

/** Whether `value` is a list of the same numbers. */
export function sameList(value: unknown, list: readonly number[]): boolean {
  if (!Array.isArray(value) || value.length !== list.length) return false;
  for (let index = 0; index < list.length; index += 1) if (value[index] !== list[index]) return false;
  return true;
}

/** Parameters may come as a tensor of the documented shape or as bare values in its order. */
export function checkParameter(
  where: string,
  name: string,
  value: unknown,
  shape: readonly number[],
): Float32Array {
  const count = elementCount(where, name, shape);
  if (isFloat32Array(value)) {
    const floats = checkFloats(where, name, value);
    if (floats.length !== count) {
      refuse(
        'BAD_SHAPE',
        where,
        `${name} of ${count} values for shape ${shapeText(shape)}`,
        floats.length,
        'Pass exactly that many.',
      );
    }
    return floats;
  }
  const tensor = checkTensor(where, name, value);
  if (tensor.shape.length !== shape.length || tensor.shape.some((extent, axis) => extent !== shape[axis])) {
    throw fault(
      'BAD_SHAPE',
      where,
      `${name} of shape ${shapeText(shape)}`,
      describe([...tensor.shape]),
      'Reorder or reshape it.',
      { expected: shape, got: tensor.shape },
    );
  }
  return tensor.data;
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
    throw fault(
      'OUT_OF_MEMORY',
      where,
      `room for a tensor of shape ${shapeText(shape)}`,
      'none from the JavaScript engine',
      'Use smaller tensors or a smaller batch.',
      { shape },
      cause,
    );
  }
}
