// Between ONNX's order of axes and that of the same network as TFLite.

import { NotSupported } from '../candidates/not-supported.mjs';
import { transposed } from '../layouts.mjs';

/** `[N, C, L]` is a picture of one row; what has no channels stays. */
export function lastOf(shape) {
  if (shape.length === 4) return [shape[0], shape[2], shape[3], shape[1]];
  if (shape.length === 3) return [shape[0], 1, shape[2], shape[1]];
  if (shape.length > 1) throw new NotSupported(`values of ${shape.length} axes`);
  return shape;
}

export function channelsLast(data, shape) {
  const axes = shape.slice(2).map((_, axis) => axis + 2);
  return shape.length < 3 ? data : transposed(data, shape, [0, ...axes, 1]);
}

export function channelsFirst(data, shape) {
  if (shape.length < 3) return data;
  const { length } = shape;
  const order = [0, length - 1, ...shape.slice(2).map((_, axis) => axis + 1)];
  return transposed(data, [shape[0], ...shape.slice(2), shape[1]], order);
}
