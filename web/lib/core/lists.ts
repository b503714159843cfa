// Lists with one entry per axis.

/** How many spatial axes a layer has. */
export type SpatialRank = 1 | 2 | 3;

/** One entry for each spatial axis, in the order depth, height, width. */
export type AxisList<Rank extends SpatialRank = SpatialRank> = {
  1: readonly [number];
  2: readonly [number, number];
  3: readonly [number, number, number];
}[Rank];

/** A list whose length is not in its type; a tuple has a property `0`, an array has not. */
export type Unsized<Entry> = readonly Entry[] & { readonly 0?: never };

/**
 * A number for every spatial axis, or a list of one entry or one per axis. A list whose length TypeScript
 * knows must have the right one; another is checked when it is used. Without a rank: what fits any.
 */
export type PerAxis<Rank extends SpatialRank = never> =
  | number
  | readonly [number]
  | AxisList<Rank>
  | Unsized<number>;

/** The entry of an axis that there is. */
export function at(values: readonly number[], axis: number): number {
  return values[axis] as number;
}

export function product(values: readonly number[]): number {
  return values.reduce((result, value) => result * value, 1);
}

export function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}

export function leastCommonMultiple(one: number, other: number): number {
  return (one / greatestCommonDivisor(one, other)) * other;
}

/** Row-major products of one factor from each list. */
export function outerProduct(lists: readonly (readonly number[])[]): number[] {
  return lists.reduce<number[]>(
    (products, list) => products.flatMap((one) => list.map((other) => one * other)),
    [1],
  );
}

/** Freezes lists and records however deep, so that they may be given out and stay what they are. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

/** Makes the attributes that an object shows so far stay what they are: nothing would follow from another value. */
export function settle(object: object): void {
  for (const [key, value] of Object.entries(object)) {
    Object.defineProperty(object, key, { value: frozen(value), writable: false });
  }
}
