import { checkInteger, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { isList } from '../core/realms.js';
import { type AxisGeometry, checkAxisList, checkGeometry, checkPhases } from './axis.js';
import { type CompositionCost, checkComposition } from './composition-limits.js';
import { fourier, MOST_BY_DEFINITION } from './fourier.js';
import { checkFiniteValues, checkTaps } from './values.js';
import { type Parts, partsOf, Waves } from './waves.js';

/** One value of a spectrum. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/**
 * Frequency response of a kernel, `H(w) = sum over taps of tap * exp(-i * w * position)` with the position
 * counted in output samples, at one frequency. At the stride's harmonics `2 * pi * m / stride` it is zero for
 * a kernel that leaves no pattern on flat input.
 *
 * @param kernel the taps of one channel pair, row-major over the axes
 * @param frequency radians per output sample, one for each axis
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * // At the stride's harmonic: what the kernel's two phases differ by.
 * const { re, im } = frequencyResponse([1, 1, 1], [{ kernelSize: 3, stride: 2 }], [Math.PI]);
 * console.log(re.toFixed(3), Math.abs(im).toFixed(3)); // 1.000 0.000
 */
export function frequencyResponse(
  kernel: ArrayLike<number>,
  axes: readonly AxisGeometry[],
  frequency: readonly number[],
): Complex {
  const where = 'frequencyResponse';
  const checked = checkGeometry(where, axes);
  checkTaps(where, kernel, checked);
  if (!isList(frequency)) refuse('BAD_TYPE', where, 'a frequency for each axis', frequency);
  if (frequency.length !== checked.length || ![...frequency].every(Number.isFinite)) {
    refuse('BAD_OPTION', where, `${checked.length} finite frequencies`, frequency);
  }
  const bins = checked.map(({ kernelSize, dilation }, axis) => ({
    extent: kernelSize,
    angles: [(frequency[axis] as number) * dilation],
  }));
  const { re, im } = transform(Float64Array.from(kernel), bins);
  return { re: re[0] as number, im: im[0] as number };
}

/**
 * Amplitude |H(w)| of a kernel's frequency response for plots, at the frequencies `2 * pi * v / size`,
 * v = 0 to size - 1, of every axis.
 *
 * @param kernel the taps of one channel pair, row-major over the axes
 * @param size frequencies per axis; a multiple of the stride has the harmonics among them, at `m * size / stride`
 * @returns amplitudes, row-major over the axes' frequencies
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const amplitudes = amplitudeSpectrum([1, 1, 1], [{ kernelSize: 3, stride: 2 }], 4);
 * console.log(Array.from(amplitudes, (value) => value.toFixed(3)).join(' ')); // 3.000 1.000 1.000 1.000
 */
export function amplitudeSpectrum(
  kernel: ArrayLike<number>,
  axes: readonly AxisGeometry[],
  size: number,
): Float64Array {
  const where = 'amplitudeSpectrum';
  const checked = checkGeometry(where, axes);
  checkTaps(where, kernel, checked);
  checkInteger(where, 'size', size, 1);
  checkComposition(where, 'a spectrum', spectrumCost(checked, size), 'Use a smaller size.');
  const bins = checked.map(({ kernelSize, dilation }) => multiples(kernelSize, size, dilation % size));
  const { re, im } = transform(Float64Array.from(kernel), bins);
  return re.map((value, index) => Math.hypot(value, im[index] as number));
}

/** What `transform` takes: the last axis goes first, so those in front still have their taps. */
function spectrumCost(axes: readonly Required<AxisGeometry>[], size: number): CompositionCost {
  const taps = axes.map(({ kernelSize }) => kernelSize);
  const sizes = taps.map((_, axis) => product(taps.slice(0, axis)) * size ** (taps.length - axis));
  const work = sizes.reduce((sum, values, axis) => sum + values * (taps[axis] as number), 0);
  return { work, values: Math.max(...sizes) };
}

/**
 * Power of the lines that a constant input of 1 leaves at the stride's harmonics:
 * `|H(2 * pi * m / stride)|^2 / phases^2`, summed over the channel pairs. Entry 0 is the constant itself.
 *
 * The gains hold what it takes: H at the harmonics is the discrete Fourier transform of a pair's gains.
 *
 * @param gains phase gains of any number of channel pairs, one pair behind the other
 * @param phases the strides, one for each axis
 * @returns powers, row-major over the axes' harmonics
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * // Gains 2 and 1: the constant 1.5, and a pattern of amplitude 0.5.
 * console.log(Array.from(harmonicPower([2, 1], [2]), (power) => power.toFixed(2)).join(' ')); // 2.25 0.25
 */
export function harmonicPower(gains: ArrayLike<number>, phases: readonly number[]): Float64Array {
  const where = 'harmonicPower';
  for (const [axis, stride] of checkAxisList(where, phases).entries()) {
    checkInteger(where, `phases[${axis}]`, stride, 1);
  }
  checkFiniteValues(where, 'gains', gains);
  const count = checkPhases(where, phases);
  const pairs = gains.length / count;
  if (!Number.isInteger(pairs)) {
    refuse('BAD_SHAPE', where, `a multiple of ${count} gains`, gains.length);
  }
  return powerOf(Float64Array.from(gains), phases);
}

/** The same of gains that are known to be whole pairs; sums of large weights may be beyond float32. */
export function powerOf(gains: Float64Array, phases: readonly number[]): Float64Array {
  const count = product(phases);
  const pairs = gains.length / count;
  const bins = phases.map((stride) => multiples(stride, stride, 1));
  const power = new Float64Array(count);
  const most = Math.max(1, Math.min(PAIRS_AT_ONCE, Math.floor(VALUES_AT_ONCE / count)));
  for (let first = 0; first < pairs; first += most) {
    const some = Math.min(most, pairs - first);
    // The pairs are an axis in front, which comes out last: [harmonic, pair].
    const { re, im } = transform(gains.subarray(first * count, (first + some) * count), bins);
    for (let harmonic = 0; harmonic < count; harmonic += 1) {
      let sum = 0;
      for (let index = harmonic * some; index < (harmonic + 1) * some; index += 1) {
        sum += (re[index] as number) ** 2 + (im[index] as number) ** 2;
      }
      power[harmonic] = (power[harmonic] as number) + sum / (count * count);
    }
  }
  return power;
}

/** Bound the memory for the spectra of many pairs. */
const PAIRS_AT_ONCE = 4096;
const VALUES_AT_ONCE = 2 ** 20;

/** Length of an axis, and the frequencies wanted of it in radians per step. */
interface Bins {
  readonly extent: number;
  readonly angles: readonly number[];
}

/** Length of an axis of which all multiples of `step` turns over `size` are wanted. */
interface AllBins {
  readonly extent: number;
  readonly size: number;
  readonly step: number;
}

/** The same by the definition where that is as quick. */
function multiples(extent: number, size: number, step: number): Bins | AllBins {
  if (extent > MOST_BY_DEFINITION && size <= MOST_BY_DEFINITION * extent) return { extent, size, step };
  const angles = Array.from({ length: size }, (_, bin) => (2 * Math.PI * ((bin * step) % size)) / size);
  return { extent, angles };
}

/**
 * Fourier sums of row-major values at chosen frequencies of every axis, axis by axis. Axes in front that are not
 * named come out last.
 */
function transform(values: Float64Array, axes: readonly (Bins | AllBins)[]): Parts {
  // The last axis goes first, and comes out in front: after all of them the order is the axes' again.
  return axes.reduceRight<Parts>(
    (parts, bins) => ('size' in bins ? sumsAtAll(parts, bins) : sumsAt(parts, bins)),
    { re: values, im: new Float64Array(values.length) },
  );
}

/** By the definition. */
function sumsAt(parts: Parts, { extent, angles }: Bins): Parts {
  const rows = parts.re.length / extent;
  const waves = new Waves(extent);
  const next = partsOf(rows * angles.length);
  for (let bin = 0; bin < angles.length; bin += 1) {
    // One at a time: of a long line with many frequencies all together would take gigabytes.
    waves.turn(angles[bin] as number);
    for (let row = 0; row < rows; row += 1) {
      let re = 0;
      let im = 0;
      for (let position = 0; position < extent; position += 1) {
        const x = parts.re[row * extent + position] as number;
        const y = parts.im[row * extent + position] as number;
        const c = waves.re[position] as number;
        const s = waves.im[position] as number;
        re += x * c - y * s;
        im += x * s + y * c;
      }
      next.re[bin * rows + row] = re;
      next.im[bin * rows + row] = im;
    }
  }
  return next;
}

function sumsAtAll(parts: Parts, { extent, size, step }: AllBins): Parts {
  const rows = parts.re.length / extent;
  const next = partsOf(rows * size);
  const line = partsOf(size);
  const toSums = fourier(size);
  for (let row = 0; row < rows; row += 1) {
    line.re.fill(0);
    line.im.fill(0);
    for (let position = 0; position < extent; position += 1) {
      // Positions whose turns are the same at all these frequencies are one.
      const place = (position * step) % size;
      const index = row * extent + position;
      line.re[place] = (line.re[place] as number) + (parts.re[index] as number);
      line.im[place] = (line.im[place] as number) + (parts.im[index] as number);
    }
    toSums(line);
    for (let bin = 0; bin < size; bin += 1) {
      next.re[bin * rows + row] = line.re[bin] as number;
      next.im[bin * rows + row] = line.im[bin] as number;
    }
  }
  return next;
}
