import { product } from './geometry.mjs';

/**
 * Reverses all spatial axes of `[outer, ...extents, inner]`. Reversing every axis of a row-major block is
 * reversing its positions.
 */
export function mirrored(data, outer, extents, inner) {
  const positions = product(extents);
  const result = new data.constructor(data.length);
  for (let block = 0; block < outer; block += 1) {
    for (let position = 0; position < positions; position += 1) {
      const from = (block * positions + position) * inner;
      const to = (block * positions + positions - 1 - position) * inner;
      result.set(data.subarray(from, from + inner), to);
    }
  }
  return result;
}
