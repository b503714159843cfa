import { checkInteger, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { type AxisGeometry, checkAxisList, checkGeometry, checkPhases } from './axis.js';
import { type CompositionCost, checkComposition } from './composition-limits.js';
import { checkFiniteValues, checkTaps } from './values.js';
import { type Parts, Waves } from './waves.js';

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
  if (!Array.isArray(frequency)) refuse('BAD_TYPE', where, 'a frequency for each axis', frequency);
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
  const bins = checked.map(({ kernelSize, dilation }) => ({
    extent: kernelSize,
    angles: Array.from({ length: size }, (_, bin) => (2 * Math.PI * ((bin * dilation) % size)) / size),
  }));
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
  const bins = phases.map((stride) => ({
    extent: stride,
    angles: Array.from({ length: stride }, (_, harmonic) => (2 * Math.PI * harmonic) / stride),
  }));
  const power = new Float64Array(count);
  for (let first = 0; first < pairs; first += PAIRS_AT_ONCE) {
    const some = Math.min(PAIRS_AT_ONCE, pairs - first);
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

/** Bounds the memory for the spectra of many pairs. */
const PAIRS_AT_ONCE = 4096;

/** Length of an axis, and the frequencies wanted of it in radians per step. */
interface Bins {
  readonly extent: number;
  readonly angles: readonly number[];
}

/**
 * Fourier sums of row-major values at chosen frequencies of every axis, by the definition, axis by axis. Axes
 * in front that are not named come out last.
 */
function transform(values: Float64Array, axes: readonly Bins[]): Parts {
  let parts: Parts = { re: values, im: new Float64Array(values.length) };
  // The last axis goes first, and comes out in front: after all of them the order is the axes' again.
  for (let axis = axes.length - 1; axis >= 0; axis -= 1) {
    const { extent, angles } = axes[axis] as Bins;
    const waves = new Waves(extent);
    const rows = parts.re.length / extent;
    const next = { re: new Float64Array(rows * angles.length), im: new Float64Array(rows * angles.length) };
    for (let bin = 0; bin < angles.length; bin += 1) {
      // One at a time: of a long line with many frequencies all together would take gigabytes.
      waves.turn(angles[bin] as number);
      for (let row = 0; row < rows; row += 1) {
        let [re, im] = [0, 0];
        for (let position = 0; position < extent; position += 1) {
          const [x, y] = [
            parts.re[row * extent + position] as number,
            parts.im[row * extent + position] as number,
          ];
          const [c, s] = [waves.re[position] as number, waves.im[position] as number];
          re += x * c - y * s;
          im += x * s + y * c;
        }
        next.re[bin * rows + row] = re;
        next.im[bin * rows + row] = im;
      }
    }
    parts = next;
  }
  return parts;
}
