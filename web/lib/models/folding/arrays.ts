import { repeatedStrides, stridesOf } from '../../core/broadcasting.js';
import { refuse } from '../../core/checks.js';
import { product } from '../../core/lists.js';
import { allocateValues, type ModelDtype, type Values } from '../dtypes.js';

export { product };

/** One axis of a result: where in the source its index leads, counted in values; below 0 to the filler. */
export interface PickedAxis {
  readonly extent: number;
  offset(index: number): number;
}

/**
 * The values that sums of the axes' offsets lead to: whatever moves or repeats values, or leaves some out,
 * is of this form.
 */
export function pick(source: Values, axes: readonly PickedAxis[], dtype: ModelDtype, filler = 0): Values {
  const result = allocateValues(dtype, product(axes.map(({ extent }) => extent)));
  if (result.length === 0) return result;
  const offsets = axes.map(({ extent, offset }) =>
    Int32Array.from({ length: extent }, (_, at) => offset(at)),
  );
  const inner = offsets.pop() ?? Int32Array.of(0);
  const position = offsets.map(() => 0);
  for (let at = 0; at < result.length; ) {
    let base = 0;
    for (let axis = 0; axis < offsets.length; axis += 1) {
      const offset = (offsets[axis] as Int32Array)[position[axis] as number] as number;
      if (offset < 0) {
        base = -1;
        break;
      }
      base += offset;
    }
    for (let index = 0; index < inner.length; index += 1) {
      const offset = inner[index] as number;
      result[at] = base < 0 || offset < 0 ? filler : (source[base + offset] as number);
      at += 1;
    }
    for (let axis = offsets.length - 1; axis >= 0; axis -= 1) {
      position[axis] = (position[axis] as number) + 1;
      if ((position[axis] as number) < (offsets[axis] as Int32Array).length) break;
      position[axis] = 0;
    }
  }
  return result;
}

export function transpose(
  source: Values,
  shape: readonly number[],
  order: readonly number[],
  dtype: ModelDtype,
): Values {
  const strides = stridesOf(shape);
  const axes = order.map((axis) => {
    const stride = strides[axis] as number;
    return { extent: shape[axis] as number, offset: (index: number) => stride * index };
  });
  return pick(source, axes, dtype);
}

/** The source repeated along axes of extent 1, and along those that it lacks in front. */
export function broadcast(
  source: Values,
  shape: readonly number[],
  target: readonly number[],
  dtype: ModelDtype,
): Values {
  if (product(shape) === product(target)) return source;
  const strides = repeatedStrides(shape, target);
  const axes = target.map((extent, axis) => {
    const stride = strides[axis] as number;
    return { extent, offset: (index: number) => stride * index };
  });
  return pick(source, axes, dtype);
}

export function concatenate(
  sources: readonly Values[],
  shapes: readonly (readonly number[])[],
  axis: number,
  dtype: ModelDtype,
): Values {
  const result = allocateValues(
    dtype,
    shapes.reduce((sum, shape) => sum + product(shape), 0),
  );
  const outer = product((shapes[0] as readonly number[]).slice(0, axis));
  const lengths = shapes.map((shape) => product(shape.slice(axis)));
  let at = 0;
  for (let index = 0; index < outer && at < result.length; index += 1) {
    for (const [place, source] of sources.entries()) {
      const length = lengths[place] as number;
      result.set(source.subarray(index * length, (index + 1) * length), at);
      at += length;
    }
  }
  return result;
}

/** Slices along one axis, in the order of the indices; those below 0 count from the end. */
export function gather(
  source: Values,
  shape: readonly number[],
  axis: number,
  indices: Values,
  dtype: ModelDtype,
): Values {
  const strides = stridesOf(shape);
  const extent = shape[axis] as number;
  const axes = shape.map((length, at) => {
    const stride = strides[at] as number;
    if (at !== axis) return { extent: length, offset: (index: number) => stride * index };
    return {
      extent: indices.length,
      offset: (index: number) => {
        const given = indices[index] as number;
        const wanted = given < 0 ? given + extent : given;
        if (wanted >= 0 && wanted < extent) return stride * wanted;
        return refuse('BAD_MODEL', 'readModel', `indices for an axis of ${extent}`, given);
      },
    };
  });
  return pick(source, axes, dtype);
}
