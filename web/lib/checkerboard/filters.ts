// Kernels that are trained taps convolved with a fixed filter along each axis, and the way back.

import { weightLayout } from '../core/axis-order.js';
import { at, product } from '../core/lists.js';
import type { OperatorSpec } from '../core/spec.js';
import { linearTaps } from '../core/upsampling-kernels.js';
import type { WeightLayout } from '../core/weight-layout.js';
import { type CompositionCost, checkComposition } from './composition-limits.js';

/** Taps of a one-dimensional filter. */
export type Filter = readonly number[];

/** What nearest-neighbour resize stamps: `stride` ones. */
export function boxFilter(stride: number): Filter {
  return new Array<number>(stride).fill(1);
}

/**
 * What linear resize stamps. For an odd stride this is `box * box / stride`; for an even one the output grid
 * lies half a pixel beside the input's, and the filter is `box * box * [1, 1] / (2 * stride)`.
 */
export function linearFilter(stride: number): Filter {
  return linearTaps(filterLength(stride, true));
}

/** Taps of what a resize stamps, which `boxFilter` and `linearFilter` make. */
export function filterLength(stride: number, linear: boolean): number {
  return linear ? 2 * stride - (stride % 2) : stride;
}

/**
 * `order + 1` boxes convolved and divided by `stride^(order + 1)`: they sum to 1, and what they are convolved
 * with gets equal phase moments up to that order. Kinoshita and Kiya, arXiv 2002.02117.
 */
export function smoothFilter(stride: number, order: number): Filter {
  let taps = [1];
  for (let factor = 0; factor <= order; factor += 1) taps = boxSums(taps, stride);
  return taps;
}

/** Taps of `smoothFilter`. */
export function smoothLength(stride: number, order: number): number {
  return (order + 1) * (stride - 1) + 1;
}

/**
 * Means over `stride` neighbours, where the windows reach beyond the ends. Each window is the end of one block and
 * the start of the next: two additions for a value however long the box is, and nothing is taken away again.
 */
function boxSums(taps: readonly number[], stride: number): number[] {
  const length = taps.length + stride - 1;
  const value = (place: number): number => (taps[place] ?? 0) / stride;
  const starts = new Float64Array(length);
  const ends = new Float64Array(length);
  for (let place = 0; place < length; place += 1) {
    starts[place] = value(place) + (place % stride === 0 ? 0 : (starts[place - 1] as number));
  }
  for (let place = length - 1; place >= 0; place -= 1) {
    const closes = place % stride === stride - 1 || place === length - 1;
    ends[place] = value(place) + (closes ? 0 : (ends[place + 1] as number));
  }
  return Array.from(starts, (start, place) => {
    const first = place - stride + 1;
    return place % stride === stride - 1 || first < 0 ? start : start + (ends[first] as number);
  });
}

/** A kernel that is filtered: taps `dilation` apart, one filter per axis. */
export interface Filtering {
  readonly kernel: readonly number[];
  readonly dilation: readonly number[];
  readonly filters: readonly Filter[];
}

/** Sizes of kernels that are to be filtered, and of their filters. */
export interface FilteringSizes {
  readonly kernel: readonly number[];
  readonly dilation: readonly number[];
  readonly lengths: readonly number[];
}

/** The filtered kernel's size, without holes: `dilation * (kernel - 1) + 1 + filter - 1`. */
export function filteredSize({ kernel, dilation, lengths }: FilteringSizes): number[] {
  return kernel.map((taps, axis) => at(dilation, axis) * (taps - 1) + at(lengths, axis));
}

/** The same of filters that are made. */
export function filteredKernel({ kernel, dilation, filters }: Filtering): number[] {
  return filteredSize({ kernel, dilation, lengths: filters.map(({ length }) => length) });
}

/** What `filterKernels` will take for so many pairs of channels. */
export function filteringCost(pairs: number, sizes: FilteringSizes): CompositionCost {
  const { kernel, lengths } = sizes;
  const long = filteredSize(sizes);
  // An axis is filtered when those in front of it are.
  const work = kernel.reduce(
    (sum, taps, axis) =>
      sum + pairs * product(long.slice(0, axis)) * taps * at(lengths, axis) * product(kernel.slice(axis + 1)),
    0,
  );
  return { work, values: pairs * product(long) };
}

/** Throws `TOO_LARGE` for a kernel of more than can be made. */
export function checkComposed(where: string, cost: CompositionCost): void {
  const advice = 'Look at strides, factors and dilation, or take fewer channels.';
  checkComposition(where, 'a composed kernel', cost, advice);
}

/** The same of kernels that are filtered. */
export function checkFiltering(where: string, pairs: number, sizes: FilteringSizes): void {
  checkComposed(where, filteringCost(pairs, sizes));
}

/** `[pairs, ...kernel]` to `[pairs, ...filteredKernel]`, in double precision. */
export function filterKernels(values: ArrayLike<number>, filtering: Filtering): Float64Array {
  const { kernel, dilation, filters } = filtering;
  const long = filteredKernel(filtering);
  let current = Float64Array.from(values);
  for (const axis of kernel.keys()) {
    const inner = product(kernel.slice(axis + 1));
    const outer = current.length / (at(kernel, axis) * inner);
    const next = new Float64Array(outer * at(long, axis) * inner);
    walk(outer, inner, at(kernel, axis), at(dilation, axis), filters[axis] as Filter, (from, to, factor) => {
      next[to] = (next[to] as number) + factor * (current[from] as number);
    });
    current = next;
  }
  return current;
}

/** The adjoint of `filterKernels`: carries a gradient of the filtered kernels to the taps. */
export function unfilterGradient(gradient: ArrayLike<number>, filtering: Filtering): Float64Array {
  const { kernel, dilation, filters } = filtering;
  const long = filteredKernel(filtering);
  let current = Float64Array.from(gradient);
  for (const axis of [...kernel.keys()].reverse()) {
    const inner = product(kernel.slice(axis + 1));
    const outer = current.length / (at(long, axis) * inner);
    const next = new Float64Array(outer * at(kernel, axis) * inner);
    walk(outer, inner, at(kernel, axis), at(dilation, axis), filters[axis] as Filter, (to, from, factor) => {
      next[to] = (next[to] as number) + factor * (current[from] as number);
    });
    current = next;
  }
  return current;
}

/** `quotient * box + remainder` along one axis of `[pairs, ...kernel]`. */
interface BoxDivision {
  /** `[pairs, ...kernel]`, `stride - 1` taps shorter along the axis. */
  readonly quotient: Float64Array;
  /** What the last `stride - 1` taps of the axis are off by, `[outer, stride - 1, inner]`. */
  readonly remainder: Float64Array;
}

/** Divides kernels without holes, at least `stride` taps long, by the box along one axis. */
export function divideByBox(
  values: ArrayLike<number>,
  kernel: readonly number[],
  axis: number,
  stride: number,
): BoxDivision {
  const taps = at(kernel, axis);
  const short = taps - stride + 1;
  const inner = product(kernel.slice(axis + 1));
  const outer = values.length / (taps * inner);
  const quotient = new Float64Array(outer * short * inner);
  const remainder = new Float64Array(outer * (stride - 1) * inner);
  for (let block = 0; block < outer; block += 1) {
    for (let lane = 0; lane < inner; lane += 1) {
      const tapAt = (tap: number): number => (block * taps + tap) * inner + lane;
      const entryAt = (entry: number): number => (block * short + entry) * inner + lane;
      // The box is (1 - z^-stride) / (1 - z^-1): a difference and a sum over every stride-th value.
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) {
        // The sum of quotient[tap - stride + 1 ... tap - 1], the part of this tap that is already explained.
        if (tap >= stride) sum -= quotient[entryAt(tap - stride)] as number;
        const rest = (values[tapAt(tap)] as number) - sum;
        if (tap < short) {
          quotient[entryAt(tap)] = rest;
          sum += rest;
        } else {
          remainder[(block * (stride - 1) + tap - short) * inner + lane] = rest;
        }
      }
    }
  }
  return { quotient, remainder };
}

/** Visits every tap (`short`), the filtered taps that it goes to (`long`) and the filter's factor. */
function walk(
  outer: number,
  inner: number,
  taps: number,
  step: number,
  filter: Filter,
  visit: (short: number, long: number, factor: number) => void,
): void {
  const reach = step * (taps - 1) + filter.length;
  for (let block = 0; block < outer; block += 1) {
    for (let tap = 0; tap < taps; tap += 1) {
      for (const [shift, factor] of filter.entries()) {
        const short = (block * taps + tap) * inner;
        const long = (block * reach + tap * step + shift) * inner;
        for (let lane = 0; lane < inner; lane += 1) visit(short + lane, long + lane, factor);
      }
    }
  }
}

/** Conv's order `[out, in/groups, ...kernel]` for a transposed kernel: taps reversed, because Conv correlates. */
export function correlationLayout(spec: OperatorSpec): WeightLayout {
  return weightLayout({ ...spec, transposed: true }, ['group', 'out', 'in', 'taps'], true);
}

/** `[A, B/groups, ...kernel]` to `[B, A/groups, ...kernel]`, with the taps of every axis reversed. */
export function reversed(spec: OperatorSpec, weight: ArrayLike<number>): Float64Array {
  const { groups } = spec;
  const [first, second] = spec.transposed
    ? [spec.inChannels / groups, spec.outChannels / groups]
    : [spec.outChannels / groups, spec.inChannels / groups];
  const taps = weight.length / (groups * first * second);
  const result = new Float64Array(weight.length);
  for (let group = 0; group < groups; group += 1) {
    for (let a = 0; a < first; a += 1) {
      for (let b = 0; b < second; b += 1) {
        const from = ((group * first + a) * second + b) * taps;
        const to = ((group * second + b) * first + a) * taps;
        for (let tap = 0; tap < taps; tap += 1) result[to + tap] = weight[from + taps - 1 - tap] as number;
      }
    }
  }
  return result;
}
