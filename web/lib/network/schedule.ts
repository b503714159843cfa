/** What a step takes and gives, by the numbers of values. */
interface Reads {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * The same units, each that gives more than what it alone would have to keep for it moved to before the first that reads
 * it: an enlarged picture that is added at the end does not stand beside all values between.
 *
 * @param units in an order in which they can be computed
 * @param sizeOf floats of a value in the arena; 0 of those that stand elsewhere
 */
export function scheduleLate<Unit extends Reads>(
  units: readonly Unit[],
  sizeOf: (value: number) => number,
): Unit[] {
  /** Of every value, the places at which it is read first and last. */
  const first: number[] = [];
  const last: number[] = [];
  const sizeOfAll = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + sizeOf(value), 0);
  const placed: { readonly unit: Unit; readonly place: number }[] = [];
  for (const [index, unit] of [...units.entries()].reverse()) {
    const { inputs, outputs } = unit;
    const late = Math.min(...outputs.map((value) => first[value] ?? index));
    const kept = inputs.filter((value) => !((last[value] as number) >= late));
    // What stands before its reader stays there: others that move there come behind it.
    const moves = late > index + 1 && sizeOfAll(outputs) > sizeOfAll(kept);
    const place = moves ? late : index;
    placed.push({ unit, place });
    for (const value of inputs) {
      first[value] = Math.min(first[value] ?? place, place);
      last[value] = Math.max(last[value] ?? place, place);
    }
  }
  // Of one place those that were moved there come first: they stood before.
  return placed
    .reverse()
    .sort((one, other) => one.place - other.place)
    .map(({ unit }) => unit);
}
