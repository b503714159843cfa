/** Milliseconds since some moment. */
export function now(): number {
  // An AudioWorklet has the coarser of the two only.
  return (globalThis.performance ?? Date).now();
}

export function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] as number;
}
