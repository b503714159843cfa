import { describe, refuse, shapeText } from './checks.js';
import { type Float16ArrayLike, type HalfType, narrow, widen } from './float16.js';
import { typedArrayKind } from './realms.js';
import { checkArray, checkShape, elementCount, type Tensor } from './tensor.js';

/**
 * Values of 16 bits with the shape beside them. Bit patterns come as a Uint16Array, which is what ONNX
 * files, safetensors and onnxruntime-web hold, and `dtype` says which format they have; an engine's
 * Float16Array says it by itself.
 */
export type HalfTensor =
  | { readonly data: Uint16Array; readonly shape: readonly number[]; readonly dtype: HalfType }
  | { readonly data: Float16ArrayLike; readonly shape: readonly number[]; readonly dtype?: 'float16' };

/** The patterns alone, of one format: what a layer keeps. */
export class HalfValues {
  readonly bits: Uint16Array;
  readonly type: HalfType;

  constructor(bits: Uint16Array, type: HalfType) {
    this.bits = bits;
    this.type = type;
  }

  get length(): number {
    return this.bits.length;
  }

  widen(): Float32Array<ArrayBuffer> {
    return widen(this.bits, this.type);
  }
}

/** Whether `value` means to be 16-bit values, so that what is wrong with it is said in these words. */
export function isHalf(value: unknown): value is HalfTensor | Float16ArrayLike {
  if (typedArrayKind(value) === 'Float16Array') return true;
  if (typeof value !== 'object' || value === null) return false;
  const { data, dtype } = value as { data?: unknown; dtype?: unknown };
  const kind = typedArrayKind(data);
  return kind === 'Float16Array' || (kind === 'Uint16Array' && dtype !== undefined);
}

/** A copy of a parameter given as a half tensor of the shape, or as a bare Float16Array in its order. */
export function copyHalves(
  where: string,
  name: string,
  value: HalfTensor | Float16ArrayLike,
  shape: readonly number[],
): HalfValues {
  const count = elementCount(where, name, shape);
  const bare = typedArrayKind(value) === 'Float16Array';
  const tensor = (bare ? { data: value, shape } : value) as HalfTensor;
  const checked = readHalves(where, name, tensor);
  if (tensor.shape.length !== shape.length || tensor.shape.some((extent, axis) => extent !== shape[axis])) {
    refuse(
      'BAD_SHAPE',
      where,
      `${name} of shape ${shapeText(shape)}`,
      [...tensor.shape],
      'Reorder or reshape it.',
    );
  }
  if (checked.length !== count) {
    refuse('BAD_SHAPE', where, `${name} of ${count} values for shape ${shapeText(shape)}`, checked.length);
  }
  return new HalfValues(checked.bits.slice(), checked.type);
}

/** A float32 tensor as it is, a half tensor widened; the rest is left to the caller's checks. */
export function widenTensor(where: string, name: string, value: unknown): unknown {
  if (!isHalf(value) || ArrayBuffer.isView(value)) return value;
  const { shape } = value as HalfTensor;
  return { data: readHalves(where, name, value as HalfTensor).widen(), shape } satisfies Tensor;
}

/** A float32 tensor in half the memory, each value rounded to the nearest binary16, ties to even. */
export function toHalf(where: string, name: string, { data, shape }: Tensor): HalfTensor {
  checkArray(where, name, data, 'Float32Array');
  return { data: narrow(data), shape, dtype: 'float16' };
}

/** The tensor's patterns, not copied. */
function readHalves(where: string, name: string, { data, shape, dtype }: HalfTensor): HalfValues {
  const checkedShape = checkShape(where, `${name}.shape`, shape);
  if (typedArrayKind(data) === 'Float16Array') {
    if (dtype !== undefined && dtype !== 'float16') {
      refuse('BAD_OPTION', where, `${name}.dtype to be 'float16' for a Float16Array`, dtype);
    }
  } else if (dtype !== 'float16' && dtype !== 'bfloat16') {
    refuse('BAD_OPTION', where, `${name}.dtype to be 'float16' or 'bfloat16'`, dtype);
  }
  const { buffer, byteOffset, length } = checkArray(where, name, data, typedArrayKind(data) as string);
  const count = elementCount(where, name, checkedShape);
  if (length !== count) {
    refuse(
      'BAD_SHAPE',
      where,
      `${name} with ${count} values for shape ${describe([...checkedShape])}`,
      length,
      'Make data and shape agree.',
    );
  }
  return new HalfValues(new Uint16Array(buffer as ArrayBuffer, byteOffset, length), dtype ?? 'float16');
}
