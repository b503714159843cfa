/** The engine's own Float16Array, by what of it is read here: older engines and TypeScript lack it. */
export interface Float16ArrayLike {
  readonly [Symbol.toStringTag]: 'Float16Array';
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly length: number;
}

/** Formats of 16 bits: IEEE 754 binary16, and the upper half of a float32. */
export type HalfType = 'float16' | 'bfloat16';

/** Half of the exponent that binary16 leaves out, as float32 stores it: 127 - 15. */
const REBIAS = 112 << 23;
/** One unit in the last place of binary16's subnormals. */
const SMALLEST = 2 ** -24;

/**
 * The float32 values of 16-bit patterns, exactly: both formats are subsets of float32. NaN keeps its
 * sign and the bits it has.
 *
 * Bit tricks and not the engine's Float16Array, which may change the bits of NaN and is missing in
 * engines that have WebAssembly SIMD.
 */
export function widen(bits: Uint16Array, type: HalfType): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  const words = new Uint32Array(values.buffer);
  if (type === 'bfloat16') {
    for (let index = 0; index < bits.length; index += 1) words[index] = (bits[index] as number) << 16;
    return values;
  }
  for (let index = 0; index < bits.length; index += 1) {
    const half = bits[index] as number;
    const magnitude = half & 0x7fff;
    if (magnitude >= 0x0400 && magnitude < 0x7c00) {
      words[index] = ((half & 0x8000) << 16) | ((magnitude << 13) + REBIAS);
    } else if (magnitude < 0x0400) {
      values[index] = (half === magnitude ? SMALLEST : -SMALLEST) * magnitude;
    } else {
      words[index] = ((half & 0x8000) << 16) | 0x7f800000 | ((magnitude & 0x03ff) << 13);
    }
  }
  return values;
}

/**
 * Patterns of 16 bits nearest to float32 values, ties to even; NaN stays NaN and keeps its upper bits. In
 * binary16 values are infinite from 65520 on, and zero up to 2^-25.
 */
export function narrow(values: Float32Array, type: HalfType = 'float16'): Uint16Array {
  // Through the bits, wherever the caller's array begins.
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  if (type === 'bfloat16') {
    for (let index = 0; index < words.length; index += 1) {
      const word = words[index] as number;
      const nan = (word & 0x7fffffff) > 0x7f800000;
      bits[index] = nan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    }
    return bits;
  }
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as number;
    bits[index] = ((word >>> 16) & 0x8000) | narrowMagnitude(word & 0x7fffffff);
  }
  return bits;
}

function narrowMagnitude(word: number): number {
  if (word > 0x7f800000) return 0x7c00 | 0x0200 | ((word >>> 13) & 0x03ff);
  if (word >= 0x47800000) return 0x7c00;
  if (word >= 0x38800000) return (word - REBIAS + 0x0fff + ((word >>> 13) & 1)) >>> 13;
  // A subnormal, in units of 2^-24.
  const shift = 126 - (word >>> 23);
  if (shift > 24) return 0;
  const mantissa = (word & 0x007fffff) | 0x00800000;
  const whole = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (whole & 1) === 1) ? whole + 1 : whole;
}
