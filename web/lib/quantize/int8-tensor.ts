import { refuse, shapeText } from '../core/checks.js';
import { isRecord, memberOf, typedArrayKind } from '../core/realms.js';
import {
  checkArray,
  checkShape,
  dataOf,
  elementCount,
  requireShape,
  roomFor,
  sameList,
} from '../core/tensor.js';

/** int8 values in row-major order with the shape beside them. */
export interface Int8Tensor<Buffer extends ArrayBufferLike = ArrayBufferLike> {
  readonly data: Int8Array<Buffer>;
  readonly shape: readonly number[];
}

/** Whether the data of what should be a tensor are int8. */
export function hasInt8(value: unknown): boolean {
  return typedArrayKind(memberOf(value, 'data')) === 'Int8Array';
}

/** A tensor whose data match its shape. */
export function checkInt8(where: string, name: string, value: unknown): Int8Tensor {
  const checked = checkShape(
    where,
    `${name}.shape`,
    isRecord(value) ? (value as Partial<Int8Tensor>).shape : undefined,
  );
  const bytes = checkArray(where, `${name}.data`, dataOf(where, name, value), 'Int8Array') as Int8Array;
  const count = elementCount(where, name, checked);
  if (bytes.length !== count) {
    refuse(
      'BAD_SHAPE',
      where,
      `${name} with ${count} values for shape ${shapeText(checked)}`,
      bytes.length,
      'Make data and shape agree.',
    );
  }
  return { data: bytes, shape: checked };
}

/** The data of a tensor that must have this shape; what is as it should be allocates nothing. */
export function checkInt8Of(
  where: string,
  name: string,
  value: unknown,
  shape: readonly number[],
  count: number,
): Int8Array {
  const tensor = value as Partial<Int8Tensor> | null | undefined;
  if (sameList(memberOf(value, 'shape'), shape) && hasInt8(value)) {
    const bytes = checkArray(where, name, tensor?.data, 'Int8Array') as Int8Array;
    if (bytes.length === count) return bytes;
  }
  const { data, shape: got } = checkInt8(where, name, value);
  requireShape(where, name, got, shape);
  return data;
}

/** Zeros of a shape. */
export function allocateInt8(where: string, shape: readonly number[]): Int8Tensor<ArrayBuffer> {
  const count = elementCount(where, 'an output', shape);
  return { data: roomFor(where, shape, () => new Int8Array(count)), shape };
}
