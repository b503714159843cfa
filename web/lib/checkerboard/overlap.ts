import { checkInteger, checkOptions, refuse } from '../core/checks.js';
import { greatestCommonDivisor, outerProduct, product } from '../core/lists.js';
import { MAX_ELEMENTS } from '../core/tensor.js';
import { type AxisGeometry, checkAxis, checkAxisList, checkGeometry, checkPhases } from './axis.js';

/** How many stamps meet at each phase of the output grid, whatever the weights are. */
export interface Overlap {
  /** Counts of each axis alone, one per phase r: the taps j with `j * dilation = r (mod stride)`. */
  readonly perAxis: readonly (readonly number[])[];
  /** Counts of all phases, row-major over the axes' phases: the products of the axes' counts. */
  readonly counts: readonly number[];
  /** Strides, the shape of `counts`. */
  readonly phases: readonly number[];
  /** Whether every phase gets the same number of stamps. */
  readonly even: boolean;
  /** Whether some phase gets none, which no weights can mend. */
  readonly holes: boolean;
  readonly mean: number;
  /** Standard deviation of the counts over their mean; 0 when even. */
  readonly coefficientOfVariation: number;
  /** Largest count over the smallest; null where there are holes. */
  readonly ratio: number | null;
}

/** An axis of finite length, for the counts with their borders. */
export interface FiniteAxis extends AxisGeometry {
  readonly inputSize: number;
  /** Rows cut off the front of the output; negative to extend it. Default 0. */
  readonly padding?: number;
  /** Default: all rows that the padding leaves, when as much is cut off the end. */
  readonly outputSize?: number;
}

/**
 * Stamps that meet at each phase of one axis: entry r counts the taps j with
 * `j * dilation = r (mod stride)`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * console.log(overlapCounts({ kernelSize: 3, stride: 2 })); // [ 2, 1 ]
 */
export function overlapCounts(axis: AxisGeometry): number[] {
  const where = 'overlapCounts';
  const { kernelSize, stride, dilation } = checkAxis(where, 'axis', axis);
  checkPhases(where, [stride]);
  // Tap j + cycle falls on the phase of tap j.
  const cycle = stride / greatestCommonDivisor(stride, dilation);
  const counts = new Array<number>(stride).fill(0);
  for (let tap = 0; tap < Math.min(cycle, kernelSize); tap += 1) {
    counts[(tap * dilation) % stride] = Math.ceil((kernelSize - tap) / cycle);
  }
  return counts;
}

/**
 * Whether every phase of an axis gets the same number of stamps: exactly when stride and dilation have no
 * common factor and the stride divides the kernel. That alone says nothing about the weights.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * console.log(evenOverlap({ kernelSize: 4, stride: 2 }), evenOverlap({ kernelSize: 3, stride: 2 })); // true false
 */
export function evenOverlap(axis: AxisGeometry): boolean {
  const { kernelSize, stride, dilation } = checkAxis('evenOverlap', 'axis', axis);
  return greatestCommonDivisor(stride, dilation) === 1 && kernelSize % stride === 0;
}

/**
 * The overlap of a layer with one to three spatial axes: counts multiply over the axes.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const axis = { kernelSize: 3, stride: 2 };
 * console.log(overlap([axis, axis]).counts); // [ 4, 2, 2, 1 ]
 */
export function overlap(axes: readonly AxisGeometry[]): Overlap {
  return summarize(checkGeometry('overlap', axes).map(overlapCounts));
}

/** The overlap of axes whose own counts are known. */
export function summarize(perAxis: readonly (readonly number[])[]): Overlap {
  const counts = outerProduct(perAxis);
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
  const smallest = counts.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY);
  const largest = counts.reduce((most, count) => Math.max(most, count), 0);
  return {
    perAxis,
    counts,
    phases: perAxis.map((list) => list.length),
    even: smallest === largest,
    holes: smallest === 0,
    mean,
    coefficientOfVariation: Math.sqrt(variance) / mean,
    ratio: smallest === 0 ? null : largest / smallest,
  };
}

/**
 * Stamps that meet at each output position of a layer of finite size, borders included: what the layer gives
 * on ones with a kernel of ones. Row-major over the axes' output sizes.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const { shape, counts } = overlapMap([{ kernelSize: 3, stride: 2, inputSize: 3 }]);
 * console.log(shape.join('x'), counts.join(' ')); // 7 1 1 2 1 2 1 1
 */
export function overlapMap(axes: readonly FiniteAxis[]): { shape: number[]; counts: number[] } {
  const where = 'overlapMap';
  const sizes = checkAxisList(where, axes).map((axis, index) => checkFinite(where, `axis ${index}`, axis));
  const count = product(sizes.map(({ outputSize }) => outputSize));
  if (count > MAX_ELEMENTS / 2 ** 5) {
    refuse(
      'TOO_LARGE',
      where,
      `at most ${MAX_ELEMENTS / 2 ** 5} output positions`,
      count,
      'Use smaller sizes.',
    );
  }
  return { shape: sizes.map(({ outputSize }) => outputSize), counts: outerProduct(sizes.map(finiteCounts)) };
}

type CheckedFiniteAxis = Required<FiniteAxis>;

function checkFinite(where: string, name: string, value: FiniteAxis): CheckedFiniteAxis {
  const { inputSize, padding, outputSize, ...geometry } = checkOptions<FiniteAxis>(where, value, [
    'kernelSize',
    'stride',
    'dilation',
    'inputSize',
    'padding',
    'outputSize',
  ]);
  const axis = checkAxis(where, name, geometry);
  checkPhases(where, [axis.stride]);
  const input = checkInteger(where, `${name}.inputSize`, inputSize, 1);
  const before = checkInteger(where, `${name}.padding`, padding ?? 0, -(2 ** 31));
  const natural = (input - 1) * axis.stride + (axis.kernelSize - 1) * axis.dilation + 1 - 2 * before;
  const output = checkInteger(where, `${name}.outputSize`, outputSize ?? natural, 1);
  return { ...axis, inputSize: input, padding: before, outputSize: output };
}

/** Of `position = i * stride + j * dilation - padding`, the solutions with i and j in range. */
function finiteCounts({
  kernelSize,
  stride,
  dilation,
  inputSize,
  padding,
  outputSize,
}: CheckedFiniteAxis): number[] {
  const divisor = greatestCommonDivisor(stride, dilation);
  const cycle = stride / divisor;
  // Of each place that a tap can reach at all, in steps of the divisor, the first such tap.
  const firstTap = new Array<number>(cycle);
  for (let tap = 0; tap < cycle; tap += 1) firstTap[(tap * (dilation / divisor)) % cycle] = tap;
  return Array.from({ length: outputSize }, (_, position) => {
    const place = position + padding;
    if (place < 0 || place % divisor !== 0) return 0;
    const tap = firstTap[(place / divisor) % cycle] as number;
    // j * dilation <= place, and i = (place - j * dilation) / stride below inputSize.
    const last = Math.min(kernelSize - 1, Math.floor(place / dilation));
    const first = Math.max(0, Math.ceil((place - (inputSize - 1) * stride) / dilation));
    return Math.max(0, Math.floor((last - tap) / cycle) - Math.ceil((first - tap) / cycle) + 1);
  });
}
