// The values that a case is computed with, and what must come out.

import { product } from './geometry.mjs';
import { reference } from './reference.mjs';

/** float32 sums of a thousand terms stay a hundred times below it; a wrong tap is a thousand times above. */
export const TOLERANCE = 1e-4;

/** Input `[N, C, ...]` and weight `[in, out / groups, ...kernel]` in PyTorch's order, between -1 and 1. */
export function makeParameters(geometry) {
  const { batch, inChannels, outChannels, groups, input, kernel } = geometry;
  const random = generator(geometry.name);
  const fill = (count) => Float32Array.from({ length: count }, random);
  return {
    input: fill(batch * inChannels * product(input)),
    weight: fill((inChannels * outChannels * product(kernel)) / groups),
  };
}

export function makeProblem(geometry) {
  const parameters = makeParameters(geometry);
  return { geometry, ...parameters, expected: reference(geometry, parameters) };
}

/** The largest difference from `expected`, as a share of its largest value. */
export function errorOf(got, expected) {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let largest = 0;
  for (let index = 0; index < expected.length; index += 1) {
    const gap = Math.abs(got[index] - expected[index]);
    if (Number.isNaN(gap)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, gap);
    largest = Math.max(largest, Math.abs(expected[index]));
  }
  return difference / largest;
}

/** mulberry32 from -1 to 1, seeded by a name. */
export function generator(name) {
  let state = [...name].reduce((hash, letter) => Math.imul(hash, 31) + letter.charCodeAt(0), 7);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}
