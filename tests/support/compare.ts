import type { Tensor } from 'deconv-wasm';
import type { Reference } from './reference.js';

/** Unit roundoff of float32. */
const ROUNDOFF = 2 ** -24;

/** What a comparison found first, or undefined when all is well. */
export type Difference = string | undefined;

export function compareShape(got: readonly number[], wanted: readonly number[]): Difference {
  return got.join() === wanted.join() ? undefined : `shape [${got}] instead of [${wanted}]`;
}

/** Compares value by value; NaN equals NaN. */
export function compareWith(
  got: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  wantedShape: readonly number[],
  wanted: ArrayLike<number>,
  allowed: (index: number) => number,
): Difference {
  const shape = compareShape(got.shape, wantedShape);
  if (shape !== undefined) return shape;
  if (got.data.length !== wanted.length) return `${got.data.length} values instead of ${wanted.length}`;
  for (let index = 0; index < wanted.length; index += 1) {
    const one = got.data[index] as number;
    const other = wanted[index] as number;
    if (one === other || (Number.isNaN(one) && Number.isNaN(other))) continue;
    const limit = allowed(index);
    if (limit === Number.POSITIVE_INFINITY) continue;
    // Written so that a NaN in either fails.
    if (!(Math.abs(one - other) <= limit)) return `[${index}] is ${one} instead of ${other} ± ${limit}`;
  }
  return undefined;
}

/** For `compareWith`: a part of the value and of what is added to it. What is not finite has to be the same. */
export function within(part: number, added: number, wanted: ArrayLike<number>): (index: number) => number {
  return (index) => {
    const limit = part * (added + Math.abs(wanted[index] as number));
    return Number.isFinite(limit) ? limit : 0;
  };
}

export function compareExactly(got: Tensor, wanted: Tensor): Difference {
  return compareWith(got, wanted.shape, wanted.data, () => 0);
}

/**
 * Compares with the float64 reference: a float32 sum of n terms in any order, fused or not, is off
 * by at most about n roundings of the sum of the terms' absolute values.
 */
export function compareToReference(got: Tensor, wanted: Reference): Difference {
  return compareWith(
    got,
    wanted.shape,
    wanted.data,
    (index) => ROUNDOFF * ((wanted.terms[index] as number) + 2) * (wanted.magnitude[index] as number),
  );
}

/** For a route that sums in float64: the one rounding of the result is all. */
export function compareRounded(got: Tensor, wanted: Reference): Difference {
  return compareWith(
    got,
    wanted.shape,
    wanted.data,
    (index) =>
      1.001 * ROUNDOFF * Math.abs(wanted.data[index] as number) +
      2 ** -48 * (wanted.magnitude[index] as number),
  );
}

/** Compares two float32 results of the same problem, each of which may be off. */
export function compareResults(got: Tensor, other: Tensor, wanted: Reference): Difference {
  return compareWith(
    got,
    other.shape,
    other.data,
    (index) => 2 * ROUNDOFF * ((wanted.terms[index] as number) + 2) * (wanted.magnitude[index] as number),
  );
}
