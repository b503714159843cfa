/** The contrast that a picture's values can tell: what is smaller may be made by rounding them. */
export interface Resolution {
  /** A difference of this size between phase means may be rounding. */
  readonly contrast: number;
  /** What a single value may be off by. */
  readonly rounding: number;
  /** Whether the values are steps (pictures of 8 bits, quantized networks); otherwise they are float32. */
  readonly stepped: boolean;
}

/** Roundings of float32 to a value of mean size, all in one direction: a network adds up many before a value is out. */
const ROUNDINGS = 64;

/** Distinct values beyond which no steps are looked for: pictures of 16 bits have so many. */
const MOST_STEPS = 2 ** 16;

/** Distinct values after which a first look may tell that there are no steps. */
const FIRST_LOOK = 2 ** 12;

/** Distinct values up to which they may be steps by chance, as those of a pattern alone are. */
const LEAST_STEPS = 16;

/** What the values of planes can tell when each of `phases` phases may have one of its own. */
export function resolutionOf(planes: readonly Float64Array[], phases: number): Resolution {
  let size = 0;
  for (const plane of planes) {
    for (const value of plane) size += Math.abs(value) / (plane.length * planes.length);
  }
  const rounding = size * 2 ** -24;
  const contrast = ROUNDINGS * rounding;
  const step = stepOf(planes, Math.max(LEAST_STEPS, 2 * phases + 1), contrast);
  return step === null
    ? { contrast, rounding, stepped: false }
    : // A whole step is a pattern that somebody drew; rounding something smooth makes less.
      { contrast: 0.99 * step, rounding, stepped: true };
}

/** The distance that all values are multiples of; null where there is none above `least`. */
function stepOf(planes: readonly Float64Array[], fewest: number, least: number): number | null {
  const distinct = new Set<number>();
  let looked = false;
  for (const plane of planes) {
    for (const value of plane) {
      distinct.add(value);
      if (distinct.size > MOST_STEPS) return null;
      // Of more values the smallest gap is no larger: where some tell, the many others need not be sorted.
      if (!looked && distinct.size === FIRST_LOOK) {
        looked = true;
        if (smallestGap(sortedOf(distinct)) <= least) return null;
      }
    }
  }
  if (distinct.size < fewest) return null;
  const sorted = sortedOf(distinct);
  const [first, last] = [sorted[0] as number, sorted[sorted.length - 1] as number];
  const gap = smallestGap(sorted);
  if (gap <= least) return null;
  const step = (last - first) / Math.round((last - first) / gap);
  const even = sorted.every((value) => {
    const steps = (value - first) / step;
    return Math.abs(steps - Math.round(steps)) < 0.05;
  });
  return even ? step : null;
}

const sortedOf = (values: ReadonlySet<number>): Float64Array => Float64Array.from(values).sort();

function smallestGap(sorted: Float64Array): number {
  let gap = (sorted[sorted.length - 1] as number) - (sorted[0] as number);
  for (let index = 1; index < sorted.length; index += 1) {
    gap = Math.min(gap, (sorted[index] as number) - (sorted[index - 1] as number));
  }
  return gap;
}
