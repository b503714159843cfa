const floats = new Float32Array(1);
const bits = new Int32Array(floats.buffer);

/** Where a float32 stands in the order of all float32 values. */
function rank32(value: number): number {
  floats[0] = value;
  const pattern = bits[0] as number;
  return pattern < 0 ? -(pattern & 0x7fffffff) : pattern;
}

/** How many float32 values lie between two. */
export function ulps32(one: number, other: number): number {
  return Math.abs(rank32(one) - rank32(other));
}

/** Spacing of float16 values around `value`, whose exponent is at least -14. */
function step16(value: number): number {
  const exponent = value === 0 ? -14 : Math.max(Math.floor(Math.log2(Math.abs(value))), -14);
  return 2 ** (exponent - 10);
}

/** The nearest float16, ties to even. */
export function toFloat16(value: number): number {
  const step = step16(value);
  const steps = value / step;
  const low = Math.floor(steps);
  const rest = steps - low;
  const rounded = rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
  const result = rounded * step;
  return Math.abs(result) > 65504 ? Math.sign(result) * Number.POSITIVE_INFINITY : result;
}

/** Where a non-negative float16 stands in the order of all float16 values. */
function rank16(value: number): number {
  const step = step16(value);
  const exponent = Math.round(Math.log2(step)) + 10;
  return Math.sign(value) * ((exponent + 14) * 1024 + Math.abs(value) / step);
}

export function ulps16(one: number, other: number): number {
  return Math.abs(rank16(one) - rank16(other));
}
