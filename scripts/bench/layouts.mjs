// Reordering of tensors, done before anything is timed.

import { product } from './geometry.mjs';

/**
 * Transposes like numpy: axis i of the result is axis `order[i]` of `data`, which has `shape`.
 * Float32Array or Float64Array, as it came.
 */
export function transposed(data, shape, order) {
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const extents = order.map((axis) => shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  const result = new data.constructor(data.length);
  const index = extents.map(() => 0);
  let source = 0;
  for (let target = 0; target < result.length; target += 1) {
    result[target] = data[source];
    for (let axis = extents.length - 1; axis >= 0; axis -= 1) {
      source += steps[axis];
      index[axis] += 1;
      if (index[axis] < extents[axis]) break;
      source -= steps[axis] * extents[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** `[N, C, ...spatial]` to `[N, ...spatial, C]`. */
export function toChannelsLast(data, batch, channels, extents) {
  const axes = extents.map((_, axis) => axis + 2);
  return transposed(data, [batch, channels, ...extents], [0, ...axes, 1]);
}
