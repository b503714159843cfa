/** Lists that are made anew for other sizes are compared by what is in them. */
export function sameValues<List extends Float32Array | Float64Array>(
  one: List | null | undefined,
  other: List | null | undefined,
): boolean {
  if (one === other) return true;
  if (!one || !other || one.length !== other.length) return false;
  return one.every((value: number, index: number) => value === other[index]);
}
