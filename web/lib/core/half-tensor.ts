import { type Float16ArrayLike, type HalfType, narrow, widen } from './float16.js';
import { typedArrayKind } from './realms.js';
import {
  checkArray,
  checkShape,
  dtypeOf,
  elementCount,
  RESHAPE,
  readHalves,
  requireCount,
  requireShape,
  shapeOf,
  type Tensor,
} from './tensor.js';

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

/** A copy of a parameter given as a half tensor of the shape, or as a bare Float16Array in its order. */
export function copyHalves(
  where: string,
  name: string,
  value: HalfTensor | Float16ArrayLike,
  shape: readonly number[],
): HalfValues {
  const count = elementCount(where, name, shape);
  const bare = typedArrayKind(value) === 'Float16Array';
  const own = bare ? shape : checkShape(where, `${name}.shape`, shapeOf(value));
  const { bits, type } = bare
    ? readHalves(where, name, value, undefined)
    : readHalves(where, name, (value as HalfTensor).data, dtypeOf(value));
  requireShape(where, name, own, shape, RESHAPE);
  requireCount(where, name, bits.length, shape, count);
  return new HalfValues(bits.slice(), type);
}

/** A float32 tensor in half the memory, each value rounded to the nearest binary16, ties to even. */
export function toHalf(where: string, name: string, { data, shape }: Tensor): HalfTensor {
  checkArray(where, name, data, 'Float32Array');
  return { data: narrow(data), shape, dtype: 'float16' };
}
