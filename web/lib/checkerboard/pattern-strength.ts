// How strong a pattern is in values of a network, over several inputs.

import { at, product } from '../core/lists.js';
import type { Tensor } from '../core/tensor.js';
import { gridIndices } from './grid.js';
import type { PatternedValue } from './pattern-network.js';
import { LEAST_PERIODS, measurePhases } from './score-image.js';
import { powerOf } from './spectrum.js';
import { decibels } from './unevenness.js';

/** How strong the pattern of a value is, over all inputs that were tried; plain data. */
export interface PatternStrength {
  /** Mean square of what the phases deviate by, in the value's own units; 0 where rounding may make it. */
  readonly power: number;
  /** The same over the mean square of the value, in dB; -320 for none. */
  readonly levelDb: number;
  /** The share of the variance that the phases explain, as of `scoreImage`. */
  readonly phaseScore: number;
  /** What it is of noise without any pattern, on average. */
  readonly noiseScore: number;
  /** Power of the lines at the stride's harmonics, row-major over the axes; entry 0 is the constant. */
  readonly harmonics: readonly number[];
}

/** What one input makes of a value. */
export interface MeasuredValue {
  readonly pattern: number;
  readonly variance: number;
  readonly square: number;
  readonly noiseScore: number;
  readonly harmonics: Float64Array;
  /** What every phase of every plane deviates by from its plane's mean. */
  readonly deviations: Float64Array;
}

/** A value with its spatial axes last, as `[1, planes, ...spatial]`, of at most `most` planes spread evenly. */
export function planesOf({ data, shape }: Tensor, spatialAxes: readonly number[], most: number): Tensor {
  const outer = shape.flatMap((_, axis) => (spatialAxes.includes(axis) ? [] : axis));
  const starts = placesOf(shape, outer);
  const places = placesOf(shape, spatialAxes);
  const chosen = Math.min(starts.length, most);
  const values = new Float32Array(chosen * places.length);
  for (let plane = 0; plane < chosen; plane += 1) {
    const start = starts[Math.floor((plane * starts.length) / chosen)] as number;
    const target = values.subarray(plane * places.length, (plane + 1) * places.length);
    for (let index = 0; index < target.length; index += 1) {
      target[index] = data[start + (places[index] as number)] as number;
    }
  }
  return { data: values, shape: [1, chosen, ...spatialAxes.map((axis) => at(shape, axis))] };
}

/** Where the values along some axes lie, at the first place of all others. */
function placesOf(shape: readonly number[], axes: readonly number[]): Uint32Array {
  const all = shape.map((extent, axis) =>
    axes.includes(axis) ? Array.from({ length: extent }, (_, place) => place) : [0],
  );
  return gridIndices(all, shape);
}

/** The value with the largest part of its period of which enough periods fit into it; itself, where none does. */
export function visible(value: PatternedValue): PatternedValue {
  const stride = value.stride.map((period, axis) => {
    const extent = at(value.shape, at(value.spatialAxes, axis));
    let part = period;
    while (period % part !== 0 || part * LEAST_PERIODS > extent) {
      if (part === 1) break;
      part -= 1;
    }
    return part;
  });
  return stride.some((step) => step > 1) ? { ...value, stride } : value;
}

/**
 * Measures a value by the means of its phases, inside of its border where enough periods are left.
 *
 * @throws {DeconvError} `BAD_SHAPE` for less than four periods
 */
export function measureValue(where: string, planes: Tensor, { stride }: PatternedValue): MeasuredValue {
  const { data, shape } = planes;
  const extents = shape.slice(2);
  const border = extents.map((extent, axis) => {
    const inside = Math.floor((extent - ENOUGH_PERIODS * at(stride, axis)) / 2);
    return Math.max(0, Math.min(Math.floor(extent / 4), inside));
  });
  const {
    phases,
    phaseScore,
    noiseScore,
    planes: measured,
  } = measurePhases(where, { data, shape }, stride, border);
  const means = Float64Array.from(measured, ({ mean }) => mean);
  const deviations = Float64Array.from(
    phases.means.flatMap((own, plane) => own.map((mean) => mean - (means[plane] as number))),
  );
  const harmonics = phaseScore === 0 ? new Float64Array(phases.count) : powerOf(deviations, stride);
  const constant = means.reduce((sum, mean) => sum + mean * mean, 0);
  harmonics[0] = constant;
  return {
    pattern: phaseScore === 0 ? 0 : phases.pattern / means.length,
    variance: phases.variance / means.length,
    square: (phases.variance + constant) / means.length,
    noiseScore,
    harmonics: harmonics.map((power) => power / means.length),
    deviations,
  };
}

const ENOUGH_PERIODS = 8;

/** One strength of what all inputs make. */
export function strengthOf(measured: readonly MeasuredValue[]): PatternStrength {
  const mean = (of: (own: MeasuredValue) => number): number =>
    measured.reduce((sum, own) => sum + of(own), 0) / measured.length;
  const [power, variance, square] = [
    mean(({ pattern }) => pattern),
    mean(({ variance: own }) => own),
    mean(({ square: own }) => own),
  ];
  return {
    power,
    levelDb: decibels(power === 0 ? 0 : power / square),
    phaseScore: power === 0 ? 0 : Math.min(1, power / variance),
    noiseScore: mean(({ noiseScore }) => noiseScore),
    harmonics: Array.from(measured[0]?.harmonics ?? [], (_, harmonic) =>
      mean(({ harmonics }) => harmonics[harmonic] as number),
    ),
  };
}

/** How far a pattern falls, in dB; 320 for one that is gone, 0 for none before. */
export function fallOf(before: PatternStrength, after: PatternStrength): number {
  return before.power === 0 ? 0 : decibels(before.power / after.power);
}

/** The middle of the plane with the strongest pattern, to be drawn. */
export function pictureOf(
  { data, shape }: Tensor,
  { deviations }: MeasuredValue,
  largest: number,
): { readonly data: Float32Array; readonly shape: readonly number[] } {
  const [, planes = 1, ...extents] = shape;
  const phases = deviations.length / planes;
  const powers = Array.from({ length: planes }, (_, plane) =>
    deviations.subarray(plane * phases, (plane + 1) * phases).reduce((sum, value) => sum + value * value, 0),
  );
  const plane = powers.indexOf(Math.max(...powers));
  // Of one axis as many values as a picture has.
  const most = extents.length === 1 ? largest * largest : largest;
  const sizes = extents.map((extent, axis) => (axis < extents.length - 2 ? 1 : Math.min(extent, most)));
  const places = gridIndices(
    sizes.map((size, axis) => {
      const first = Math.floor((at(extents, axis) - size) / 2);
      return Array.from({ length: size }, (_, place) => first + place);
    }),
    extents,
  );
  const start = plane * product(extents);
  return {
    data: Float32Array.from(places, (place) => data[start + place] as number),
    shape: sizes.slice(-2),
  };
}
