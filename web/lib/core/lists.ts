// Lists with one entry per axis.

/** The entry of an axis that there is. */
export function at(values: readonly number[], axis: number): number {
  return values[axis] as number;
}

export function product(values: readonly number[]): number {
  return values.reduce((result, value) => result * value, 1);
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
