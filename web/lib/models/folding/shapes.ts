import { stridesOf } from '../../core/broadcasting.js';
import type { ModelDtype, Values } from '../dtypes.js';
import type { ModelTensor } from '../tensor.js';
import { broadcast, type PickedAxis, pick, product, transpose } from './arrays.js';
import { type Fold, notFoldable } from './folded.js';

/** The index of an axis that may be counted from the end. */
export function axisOf(given: number, rank: number): number {
  const axis = given < 0 ? given + rank : given;
  return axis >= 0 && axis < rank ? axis : notFoldable(`it has no axis ${given}`);
}

export function axesOf(given: readonly number[], rank: number): number[] {
  const axes = given.map((axis) => axisOf(axis, rank));
  return new Set(axes).size === axes.length ? axes : notFoldable('it names an axis twice');
}

/** The same values in another shape. */
export function reshaped(source: ModelTensor, shape: readonly number[]): Fold {
  if (product(shape) !== product(source.shape)) notFoldable('the shapes have different numbers of values');
  return {
    shape,
    dtype: source.numeric,
    inputs: [source],
    compute: ([values]) => values as Values,
    invert: (values) => [values],
  };
}

/** A 0 copies the extent unless `zeros` says otherwise, one -1 is what is left. */
export function reshapedTo(source: ModelTensor, wanted: readonly number[], zeros = false): Fold {
  const shape = wanted.map((extent, axis) =>
    extent === 0 && !zeros ? (source.shape[axis] ?? notFoldable('its shape copies a missing axis')) : extent,
  );
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = product(shape.filter((_, axis) => axis !== open));
    shape[open] = rest === 0 ? 0 : product(source.shape) / rest;
  }
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    notFoldable(`its shape [${wanted.slice(0, 8).join(', ')}] does not fit`);
  }
  return reshaped(source, shape);
}

export function checkOrder(order: readonly number[], rank: number): void {
  if (order.length !== rank || axesOf(order, rank).some((axis, at) => axis !== order[at])) {
    notFoldable('its order of axes does not fit');
  }
}

export function transposed(source: ModelTensor, order: readonly number[]): Fold {
  const { shape, numeric: dtype } = source;
  checkOrder(order, shape.length);
  const target = order.map((axis) => shape[axis] as number);
  const back = order.map((_, axis) => order.indexOf(axis));
  return {
    shape: target,
    dtype,
    inputs: [source],
    compute: ([values]) => transpose(values as Values, shape, order, dtype),
    invert: (values) => [transpose(values as Values, target, back, 'float32') as Float32Array],
  };
}

/** Values that stand at places given for each axis; fewer than 0 are the filler. */
export function picked(
  source: ModelTensor,
  axes: readonly { readonly extent: number; index(at: number): number }[],
  filler = 0,
): Fold {
  const strides = stridesOf(source.shape);
  const dtype = source.numeric;
  const lists = axes.map(({ extent, index }, axis): PickedAxis => {
    const stride = strides[axis] as number;
    return { extent, offset: (at) => stride * index(at) };
  });
  return {
    shape: axes.map(({ extent }) => extent),
    dtype,
    inputs: [source],
    compute: ([values]) => pick(values as Values, lists, dtype, filler),
  };
}

/** Along one axis `count` values from `start` on, `step` apart. */
export interface SlicedAxis {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** A part along each axis that is named: from `start`, in steps, up to `end`. */
export function slicedAxes(
  shape: readonly number[],
  axes: readonly number[],
  [starts, ends, steps]: readonly [readonly number[], readonly number[], readonly number[]],
): SlicedAxis[] {
  return shape.map((extent, axis) => {
    const place = axes.indexOf(axis);
    if (place < 0) return { start: 0, step: 1, count: extent };
    const step = steps[place] as number;
    const clamp = (given: number, low: number, high: number) =>
      Math.min(Math.max(given < 0 ? given + extent : given, low), high);
    const [start, end] =
      step > 0
        ? [clamp(starts[place] as number, 0, extent), clamp(ends[place] as number, 0, extent)]
        : [clamp(starts[place] as number, 0, extent - 1), clamp(ends[place] as number, -1, extent - 1)];
    return { start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

export function sliced(source: ModelTensor, axes: readonly SlicedAxis[]): Fold {
  return picked(
    source,
    axes.map(({ start, step, count }) => ({ extent: count, index: (at: number) => start + step * at })),
  );
}

export function broadcastTo(source: ModelTensor, shape: readonly number[]): Fold {
  const dtype: ModelDtype = source.numeric;
  const compute = ([values]: readonly Values[]) => broadcast(values as Values, source.shape, shape, dtype);
  return { shape, dtype, inputs: [source], compute };
}
