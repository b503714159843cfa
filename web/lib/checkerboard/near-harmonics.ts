import { fourier } from './fourier.js';
import { type Parts, partsOf, Waves } from './waves.js';

/**
 * Frequencies of an axis around the harmonics of its stride: `harmonic * extent / step + shift` turns over the extent,
 * for every harmonic below `step` and shifts from `-reach` to `reach`. The extent is a multiple of the step.
 */
export interface Lines {
  readonly extent: number;
  readonly step: number;
  readonly reach: number;
}

/** How many they are. */
export function lineCount({ step, reach }: Lines): number {
  return step * (2 * reach + 1);
}

/**
 * Fourier sums of row-major values at these frequencies of every axis, `[harmonic, shift]` of each.
 *
 * Of `exp(-2 pi i x (harmonic / step + shift / extent))` the first part is the same for all positions x of a phase, and
 * the second for all harmonics. So every phase is summed once for each shift, and the harmonics are the transform of
 * `step` sums in place of `extent` values.
 */
export function nearHarmonics(values: Float64Array, axes: readonly Lines[]): Parts {
  let re = values;
  // Values are real, until an axis is done.
  let im: Float64Array | null = null;
  // The last axis goes first, and comes out in front: after all of them the order is the axes' again.
  for (const lines of [...axes].reverse()) {
    const { extent, step, reach } = lines;
    const shifts = 2 * reach + 1;
    const rows = re.length / extent;
    const next = partsOf(rows * lineCount(lines));
    const wave = new Waves(extent);
    const phase = partsOf(step);
    const harmonics = fourier(step);
    for (let shift = 0; shift < shifts; shift += 1) {
      wave.turn((2 * Math.PI * ((shift - reach + extent) % extent)) / extent);
      for (let row = 0; row < rows; row += 1) {
        sumPhases(phase, re, im, row * extent, wave);
        harmonics(phase);
        for (let harmonic = 0; harmonic < step; harmonic += 1) {
          const place = (harmonic * shifts + shift) * rows + row;
          next.re[place] = phase.re[harmonic] as number;
          next.im[place] = phase.im[harmonic] as number;
        }
      }
    }
    re = next.re;
    im = next.im;
  }
  return { re, im: im ?? new Float64Array(re.length) };
}

/** The values of a row times a wave, summed by their position modulo the number of phases. */
function sumPhases(
  phase: Parts,
  re: Float64Array,
  im: Float64Array | null,
  first: number,
  wave: Parts,
): void {
  phase.re.fill(0);
  phase.im.fill(0);
  const step = phase.re.length;
  const extent = wave.re.length;
  for (let period = 0; period < extent; period += step) {
    for (let own = 0; own < step; own += 1) {
      const position = period + own;
      const x = re[first + position] as number;
      const y = im === null ? 0 : (im[first + position] as number);
      const c = wave.re[position] as number;
      const s = wave.im[position] as number;
      phase.re[own] = (phase.re[own] as number) + x * c - y * s;
      phase.im[own] = (phase.im[own] as number) + x * s + y * c;
    }
  }
}
