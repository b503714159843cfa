import { phaseCount, tapPhases } from './phases.js';
import type { Stamps } from './stamps.js';

/** Below this share of energy a pattern counts as none: float32 weights that were meant to be even have less. */
export const FREE = 1e-10;

/** Orders beyond this are not looked for: no layer in use comes near. */
const MAX_ORDER = 16;

/**
 * Up to which degree the moments of all phases agree: with order L no pattern is left on polynomials of a
 * degree below L, so 1 keeps flats clean and 2 ramps. Null without a stride, where there is no grid, and for
 * weights of zero.
 *
 * The moment of degree l of phase r is `sum n^l * h[n]` over the places n of the stamp with
 * `n = r (mod stride)`, of mixed degree in more than one axis (Strang and Fix, 1971).
 */
export function orderOf(
  stamps: Stamps,
  flat: { readonly unevenness: number; readonly silent: boolean },
): number | null {
  const { axes } = stamps;
  if (phaseCount(axes) === 1 || everyIsZero(stamps.weight)) return null;
  if (flat.unevenness >= FREE) return 0;
  // A kernel of order L is the product of L boxes and something, and L boxes have L * (stride - 1) + 1 places.
  // Summed over the other axes a kernel keeps its order, unless nothing is left of it then: so it is where its gains
  // are zero, and every axis adds to the order, those without a stride as many as a polynomial has zeros.
  const considered = flat.silent ? axes : axes.filter(({ stride }) => stride > 1);
  const most = considered.map(({ kernelSize, stride, dilation }) =>
    Math.floor(((kernelSize - 1) * dilation) / Math.max(stride - 1, 1)),
  );
  const limit = flat.silent ? most.reduce((sum, order) => sum + order, 0) : Math.min(...most);
  let order = 1;
  while (
    order < Math.min(limit, MAX_ORDER) &&
    degreesOf(axes.length, order).every((degrees) => agree(stamps, degrees))
  ) {
    order += 1;
  }
  return order;
}

/** Whether the moments of these degrees (one an axis) are the same for every phase of each pair. */
function agree({ axes, weight }: Stamps, degrees: readonly number[]): boolean {
  const phases = phaseCount(axes);
  const phaseOf = tapPhases(axes);
  const power = tapPowers(axes, degrees);
  const moments = new Float64Array(phases);
  const sizes = new Float64Array(phases);
  let difference = 0;
  let scale = 0;
  for (let from = 0; from < weight.length; from += phaseOf.length) {
    moments.fill(0);
    sizes.fill(0);
    for (let tap = 0; tap < phaseOf.length; tap += 1) {
      const phase = phaseOf[tap] as number;
      const term = (weight[from + tap] as number) * (power[tap] as number);
      moments[phase] = (moments[phase] as number) + term;
      sizes[phase] = (sizes[phase] as number) + Math.abs(term);
    }
    const mean = moments.reduce((sum, moment) => sum + moment, 0) / phases;
    for (let phase = 0; phase < phases; phase += 1) {
      difference += ((moments[phase] as number) - mean) ** 2;
      // Moments of odd degree are zero for symmetric kernels: what they are made of says what is small.
      scale += (sizes[phase] as number) ** 2;
    }
  }
  return difference <= FREE * scale;
}

/** The product of the axes' positions to their degrees for each tap, row-major; positions run from -1 to 1. */
function tapPowers(axes: Stamps['axes'], degrees: readonly number[]): Float64Array {
  let powers = Float64Array.of(1);
  for (const [axis, { kernelSize }] of axes.entries()) {
    const centre = (kernelSize - 1) / 2;
    const next = new Float64Array(powers.length * kernelSize);
    for (let outer = 0; outer < powers.length; outer += 1) {
      for (let tap = 0; tap < kernelSize; tap += 1) {
        const position = centre === 0 ? 0 : (tap - centre) / centre;
        next[outer * kernelSize + tap] = (powers[outer] as number) * position ** (degrees[axis] as number);
      }
    }
    powers = next;
  }
  return powers;
}

/** All ways to share a total degree among the axes. */
function degreesOf(rank: number, total: number): number[][] {
  if (rank === 1) return [[total]];
  return Array.from({ length: total + 1 }, (_, first) =>
    degreesOf(rank - 1, total - first).map((rest) => [first, ...rest]),
  ).flat();
}

function everyIsZero(values: ArrayLike<number>): boolean {
  for (let index = 0; index < values.length; index += 1) if (values[index] !== 0) return false;
  return true;
}
