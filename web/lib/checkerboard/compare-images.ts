import { checkOptions, refuse } from '../core/checks.js';
import { at, product } from '../core/lists.js';
import { checkShape, dataOf, elementCount, requireShape, shapeOf } from '../core/tensor.js';
import type { ForeignImage, Image } from './score-image.js';
import { decibels } from './unevenness.js';
import { checkFiniteValues } from './values.js';

/** Options of {@link compareImages}. */
export interface CompareOptions {
  /** Spatial axes, which come last. Default: those behind the batch and the channels. */
  readonly axes?: number;
  /** What lies between the smallest and the largest value that there may be. Default: that of the first image. */
  readonly range?: number;
}

/** How alike two images are. */
export interface ImageComparison {
  /** Peak signal over the noise that the second is to the first, in dB; 320 for equal images. */
  readonly psnr: number;
  /** Structural similarity (Wang et al. 2004), mean over all places and planes; 1 for equal images. */
  readonly ssim: number;
}

/**
 * How alike two images of one shape are, by their squared differences and by their structure: a Gaussian window of 11
 * values and sigma 1.5 along each spatial axis, K1 = 0.01 and K2 = 0.03, without places where it hangs over the edge.
 *
 * @param one channels first: `[N, C, ...spatial]`
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION` (values that are not finite), `BAD_TYPE`
 *
 * @example
 * const image = { data: [0, 64, 128, 255], shape: [1, 1, 2, 2] };
 * const other = { data: [1, 63, 129, 254], shape: [1, 1, 2, 2] };
 * console.log(compareImages(image, other, { range: 255 }).psnr.toFixed(1)); // 48.1
 */
export function compareImages(
  one: Image | ForeignImage,
  other: Image | ForeignImage,
  options: CompareOptions = {},
): ImageComparison {
  const where = 'compareImages';
  const checked = checkOptions<CompareOptions>(where, options, ['axes', 'range']);
  const { values: first, shape } = read(where, 'the first image', one);
  const { values: second, shape: otherShape } = read(where, 'the second image', other);
  requireShape(where, 'a second image', otherShape, shape, 'Images of one shape can be compared.');
  const rank = checked.axes ?? shape.length - 2;
  if (!Number.isInteger(rank) || rank < 1 || rank > shape.length) {
    refuse('BAD_OPTION', where, 'at least one spatial axis of those there are', rank);
  }
  const [least, most] = first.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  const range = checked.range ?? (most - least || Math.abs(most) || 1);
  if (typeof range !== 'number') refuse('BAD_TYPE', where, 'range to be a number', range);
  if (!(range > 0 && range < Number.POSITIVE_INFINITY)) {
    refuse('BAD_OPTION', where, 'range to be above 0 and finite', range);
  }
  // In parts of the range, whose square may be more or less than a number can be, and from the least value on: of what
  // differs by little, squares of the whole would round away the variance.
  const offset = least / range;
  const [own, others] = [first, second].map((values) => values.map((value) => value / range - offset)) as [
    Float64Array,
    Float64Array,
  ];
  let squares = 0;
  for (const [index, value] of own.entries()) squares += (value - (others[index] as number)) ** 2;
  const ssim = similarity(own, others, offset, shape.slice(-rank));
  if (!Number.isFinite(squares) || !Number.isFinite(ssim)) {
    refuse('BAD_OPTION', where, `range to be no smaller beside values of ${Math.max(-least, most)}`, range);
  }
  return { psnr: decibels(squares === 0 ? Number.POSITIVE_INFINITY : own.length / squares), ssim };
}

function read(
  where: string,
  name: string,
  image: Image | ForeignImage,
): { readonly values: Float64Array; readonly shape: readonly number[] } {
  const given = shapeOf(image) ?? refuse('BAD_TYPE', where, `${name} to be { data, shape }`, image);
  const shape = checkShape(where, `${name}'s shape`, given);
  const data = checkFiniteValues(where, `${name}'s data`, dataOf(where, name, image));
  const count = elementCount(where, name, shape);
  if (data.length !== count || count === 0)
    refuse('BAD_SHAPE', where, `${name} of ${count} values`, data.length);
  return { values: Float64Array.from(data), shape };
}

const [REACH, SIGMA] = [5, 1.5];

/** Of values less an offset, on which only the means depend. */
function similarity(
  one: Float64Array,
  other: Float64Array,
  offset: number,
  extents: readonly number[],
): number {
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  const windows = extents.map((extent) => windowOf(Math.min(REACH, Math.floor((extent - 1) / 2))));
  const local = (values: Float64Array): Float64Array => filtered(values, extents, windows);
  const of = (make: (x: number, y: number) => number): Float64Array =>
    local(one.map((value, index) => make(value, other[index] as number)));
  const [meanX, meanY] = [local(one), local(other)];
  const [xx, yy, xy] = [of((x) => x * x), of((_, y) => y * y), of((x, y) => x * y)];
  let sum = 0;
  for (const [index, x] of meanX.entries()) {
    const y = meanY[index] as number;
    const [varianceX, varianceY] = [(xx[index] as number) - x * x, (yy[index] as number) - y * y];
    const covariance = (xy[index] as number) - x * y;
    const [wholeX, wholeY] = [x + offset, y + offset];
    const luminance = (2 * wholeX * wholeY + c1) / (wholeX * wholeX + wholeY * wholeY + c1);
    sum += (luminance * (2 * covariance + c2)) / (varianceX + varianceY + c2);
  }
  return sum / meanX.length;
}

function windowOf(reach: number): readonly number[] {
  const weights = Array.from({ length: 2 * reach + 1 }, (_, place) =>
    Math.exp(-((place - reach) ** 2) / (2 * SIGMA * SIGMA)),
  );
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Weighted means around every place where a whole window lies, along one axis after the other. */
function filtered(
  values: Float64Array,
  extents: readonly number[],
  windows: readonly (readonly number[])[],
): Float64Array {
  let current = values;
  const sizes = [...extents];
  for (const [axis, weights] of windows.entries()) {
    const inner = product(sizes.slice(axis + 1));
    const extent = at(sizes, axis);
    const size = extent - weights.length + 1;
    const outer = current.length / (extent * inner);
    const next = new Float64Array(outer * size * inner);
    for (let block = 0; block < outer; block += 1) {
      for (const [tap, weight] of weights.entries()) {
        for (let index = 0; index < size * inner; index += 1) {
          const target = block * size * inner + index;
          next[target] =
            (next[target] as number) +
            weight * (current[block * extent * inner + tap * inner + index] as number);
        }
      }
    }
    sizes[axis] = size;
    current = next;
  }
  return current;
}
