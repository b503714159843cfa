import { repeatedStrides } from '../../core/broadcasting.js';
import { allocateValues, type ModelDtype, settleValues, type Values } from '../dtypes.js';
import { broadcast, product, transpose } from './arrays.js';

/** Applies a function of float64 to every value; the result is rounded to the dtype. */
export function map(source: Values, dtype: ModelDtype, apply: (value: number) => number): Values {
  const result = allocateValues(dtype, source.length);
  for (let index = 0; index < source.length; index += 1) result[index] = apply(source[index] as number);
  return settleValues(result, dtype);
}

/** The same for two operands, which broadcast to the shape. */
export function combine(
  [a, b]: readonly [Values, Values],
  [aShape, bShape]: readonly [readonly number[], readonly number[]],
  shape: readonly number[],
  [inner, dtype]: readonly [operands: ModelDtype, result: ModelDtype],
  apply: (a: number, b: number) => number,
): Values {
  const [x, y] = [broadcast(a, aShape, shape, inner), broadcast(b, bShape, shape, inner)];
  const result = allocateValues(dtype, product(shape));
  for (let index = 0; index < result.length; index += 1) {
    result[index] = apply(x[index] as number, y[index] as number);
  }
  return settleValues(result, dtype);
}

/** What is left of one number over whole multiples of another, with the sign of that: Python's %. */
export function floorRemainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** Folds rows of values into one each. */
export interface Reduction {
  readonly start: number;
  add(total: number, value: number): number;
  finish?(total: number, count: number): number;
}

export function reduce(
  source: Values,
  shape: readonly number[],
  axes: readonly number[],
  dtype: ModelDtype,
  { start, add, finish }: Reduction,
): Values {
  const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const order = [...kept, ...axes];
  const rows = order.every((axis, at) => axis === at) ? source : transpose(source, shape, order, dtype);
  const length = product(axes.map((axis) => shape[axis] as number));
  const result = allocateValues(dtype, product(kept.map((axis) => shape[axis] as number)));
  for (let row = 0; row < result.length; row += 1) {
    let total = start;
    for (let index = row * length; index < (row + 1) * length; index += 1) {
      total = add(total, rows[index] as number);
    }
    result[row] = finish === undefined ? total : finish(total, length);
  }
  return settleValues(result, dtype);
}

/** Matrix products `[..., m, k] x [..., k, n]` whose axes in front broadcast to those of `batch`. */
export function multiplyMatrices(
  [a, b]: readonly [Values, Values],
  [aShape, bShape]: readonly [readonly number[], readonly number[]],
  batch: readonly number[],
  dtype: ModelDtype,
): Values {
  const [m, k] = aShape.slice(-2) as [number, number];
  const n = bShape.at(-1) as number;
  const [aStrides, bStrides] = [aShape, bShape].map((shape) =>
    repeatedStrides(shape.slice(0, -2), batch),
  ) as [number[], number[]];
  const result = allocateValues(dtype, product(batch) * m * n);
  const position = batch.map(() => 0);
  for (let at = 0; at < result.length; at += m * n) {
    const dot = (strides: readonly number[]) =>
      strides.reduce((sum, stride, axis) => sum + stride * (position[axis] as number), 0);
    const [left, right] = [dot(aStrides) * m * k, dot(bStrides) * k * n];
    for (let row = 0; row < m; row += 1) {
      for (let column = 0; column < n; column += 1) {
        let sum = 0;
        for (let index = 0; index < k; index += 1) {
          sum += (a[left + row * k + index] as number) * (b[right + index * n + column] as number);
        }
        result[at + row * n + column] = sum;
      }
    }
    for (let axis = batch.length - 1; axis >= 0; axis -= 1) {
      position[axis] = (position[axis] as number) + 1;
      if ((position[axis] as number) < (batch[axis] as number)) break;
      position[axis] = 0;
    }
  }
  return settleValues(result, dtype);
}

/** Nearest whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
