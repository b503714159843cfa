import { narrow, widen } from '../core/float16.js';
import { allocateTensor } from '../core/tensor.js';

/** Bits of one value. */
const BITS = {
  float64: 64,
  float32: 32,
  float16: 16,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  float8e8m0: 8,
  float4e2m1: 4,
  int64: 64,
  uint64: 64,
  int32: 32,
  uint32: 32,
  int16: 16,
  uint16: 16,
  int8: 8,
  uint8: 8,
  int4: 4,
  uint4: 4,
  int2: 2,
  uint2: 2,
  bool: 8,
} as const;

/** How a file stores a value; those of less than 8 bits share a byte, the first in its lowest bits. */
export type ModelDtype = keyof typeof BITS;

/** Values of any dtype as they are: those of 64 bits as far as float64 holds them. */
export type Values = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

export function bitsOf(dtype: ModelDtype): number {
  return BITS[dtype];
}

export function isFloat(dtype: ModelDtype): boolean {
  return dtype.includes('float');
}

/** Bytes of so many values; a tensor's shape must agree with them. */
export function byteLength(dtype: ModelDtype, count: number): number {
  return Math.ceil((count * BITS[dtype]) / 8);
}

/** Zeros for values of the dtype. */
export function allocateValues(dtype: ModelDtype, count: number): Values {
  if (BITS[dtype] < 32 || dtype === 'float32') {
    return allocateTensor('readModel', [count]).data as Float32Array<ArrayBuffer>;
  }
  return new Float64Array(allocateTensor('readModel', [2 * count]).data.buffer as ArrayBuffer);
}

/** The values of little-endian bytes; those of float32 may be a view on them. */
export function decodeValues(bytes: Uint8Array, dtype: ModelDtype, count: number): Values {
  const size = Math.max(1, BITS[dtype] / 8);
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const buffer = aligned.buffer as ArrayBuffer;
  const { byteOffset } = aligned;
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer, byteOffset, count);
    case 'float16':
    case 'bfloat16':
      return widen(new Uint16Array(buffer, byteOffset, count), dtype) as Float32Array<ArrayBuffer>;
    case 'float64':
      return copied(dtype, new Float64Array(buffer, byteOffset, count));
    case 'int32':
      return copied(dtype, new Int32Array(buffer, byteOffset, count));
    case 'uint32':
      return copied(dtype, new Uint32Array(buffer, byteOffset, count));
    case 'int16':
      return copied(dtype, new Int16Array(buffer, byteOffset, count));
    case 'uint16':
      return copied(dtype, new Uint16Array(buffer, byteOffset, count));
    case 'int8':
      return copied(dtype, new Int8Array(buffer, byteOffset, count));
    case 'uint8':
    case 'bool':
      return copied(dtype, aligned.subarray(0, count));
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
    case 'uint64':
      return Float64Array.from(new BigUint64Array(buffer, byteOffset, count), Number);
    default:
      return decodePatterns(aligned, dtype, count);
  }
}

function copied(dtype: ModelDtype, source: ArrayLike<number>): Values {
  const values = allocateValues(dtype, source.length);
  values.set(source);
  return values;
}

/** Dtypes of at most 8 bits, by the value of each pattern. */
function decodePatterns(bytes: Uint8Array, dtype: ModelDtype, count: number): Values {
  const bits = BITS[dtype];
  const mask = (1 << bits) - 1;
  const perByte = 8 / bits;
  const table = Float32Array.from({ length: mask + 1 }, (_, pattern) => patternValue(pattern, dtype));
  const values = allocateValues(dtype, count);
  for (let index = 0; index < count; index += 1) {
    const byte = bytes[Math.floor(index / perByte)] as number;
    values[index] = table[(byte >> (bits * (index % perByte))) & mask] as number;
  }
  return values;
}

/** Exponent and mantissa bits, the exponent's bias, and which patterns are no numbers. */
const SMALL_FLOATS: Readonly<Record<string, readonly [exponent: number, mantissa: number, bias: number]>> = {
  float8e4m3fn: [4, 3, 7],
  float8e4m3fnuz: [4, 3, 8],
  float8e5m2: [5, 2, 15],
  float8e5m2fnuz: [5, 2, 16],
  float4e2m1: [2, 1, 1],
};

function patternValue(pattern: number, dtype: ModelDtype): number {
  const bits = BITS[dtype];
  // Scales: an exponent alone, without a sign.
  if (dtype === 'float8e8m0') return pattern === 255 ? Number.NaN : 2 ** (pattern - 127);
  const format = SMALL_FLOATS[dtype];
  if (format === undefined) {
    return dtype.startsWith('int') && pattern >= 2 ** (bits - 1) ? pattern - 2 ** bits : pattern;
  }
  const [exponentBits, mantissaBits, bias] = format;
  const negative = pattern >= 2 ** (bits - 1);
  const magnitude = pattern % 2 ** (bits - 1);
  // The formats without infinities and a negative zero keep its pattern for NaN.
  if (dtype.endsWith('fnuz') && negative && magnitude === 0) return Number.NaN;
  if (dtype === 'float8e4m3fn' && magnitude === 0x7f) return Number.NaN;
  const mantissa = magnitude % 2 ** mantissaBits;
  const exponent = Math.floor(magnitude / 2 ** mantissaBits);
  if (dtype === 'float8e5m2' && exponent === 2 ** exponentBits - 1) {
    if (mantissa > 0) return Number.NaN;
    return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const scaled =
    exponent === 0
      ? (mantissa / 2 ** mantissaBits) * 2 ** (1 - bias)
      : (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
  return negative ? -scaled : scaled;
}

/** Whether `encodeValues` knows the dtype. */
export function canEncode(dtype: ModelDtype): boolean {
  return isFloat(dtype) && BITS[dtype] >= 16;
}

/** The nearest values of the dtype, as little-endian bytes. */
export function encodeValues(values: Float32Array, dtype: ModelDtype): Uint8Array<ArrayBuffer> {
  if (dtype === 'float64') return new Uint8Array(Float64Array.from(values).buffer);
  if (dtype === 'float16' || dtype === 'bfloat16') {
    return new Uint8Array(narrow(values, dtype).buffer as ArrayBuffer);
  }
  return new Uint8Array(values.slice().buffer as ArrayBuffer);
}

/** What becomes of a float64 result in the dtype: rounded for floats, wrapped for integers. In place. */
export function settleValues(values: Values, dtype: ModelDtype): Values {
  if (dtype === 'float32' || dtype === 'float64') return values;
  if (dtype === 'float16' || dtype === 'bfloat16') {
    values.set(widen(narrow(values as Float32Array, dtype), dtype));
    return values;
  }
  if (isFloat(dtype)) return values;
  const bits = BITS[dtype];
  const half = 2 ** (bits - 1);
  for (let index = 0; index < values.length; index += 1) {
    const value = Math.trunc(values[index] as number) || 0;
    if (dtype === 'bool') values[index] = values[index] === 0 ? 0 : 1;
    else if (bits === 64) values[index] = value;
    else {
      const low = ((value % (2 * half)) + 2 * half) % (2 * half);
      values[index] = dtype.startsWith('int') && low >= half ? low - 2 * half : low;
    }
  }
  return values;
}
