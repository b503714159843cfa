import { checkAxes, checkOptions, fault, refuse, shapeText } from '../core/checks.js';
import { outerProduct, product } from '../core/lists.js';
import { isList } from '../core/realms.js';
import { checkShape, dataOf, elementCount, shapeOf } from '../core/tensor.js';
import { checkPhases } from './axis.js';
import { gridIndices } from './grid.js';
import { type Lines, lineCount, nearHarmonics } from './near-harmonics.js';
import { type Resolution, resolutionOf } from './resolution.js';
import { decibels } from './unevenness.js';
import { checkFiniteValues } from './values.js';

/**
 * Options of {@link scoreImage}.
 *
 * @example
 * const stripes = { data: Array.from({ length: 64 }, (_, index) => index % 2), shape: [1, 64] };
 * console.log(scoreImage(stripes, 2, { border: 4 }).verdict); // pattern
 */
export interface ScoreOptions {
  /**
   * Rows left off each end of every axis before anything is measured, where borders would count as pattern.
   * Default: one stride, or none where less than four periods would be left.
   */
  readonly border?: number | readonly number[];
}

/** One line that a stride's harmonics may show in an image's spectrum. */
export interface HarmonicLevel {
  /** Which multiple of 1/stride, one for each axis; never all zero. */
  readonly harmonic: readonly number[];
  /**
   * Its power in dB over the bins around it: the largest of the medians all around and along each axis, where
   * the picture's own edges lie, and no less than what rounding to float32 leaves there. -320 for a line that
   * is not above the picture's resolution.
   */
  readonly levelDb: number;
}

/**
 * - `none`: no contrast between the phases, or no line, that is above the picture's `resolution`.
 * - `unclear`: no line stands 20 dB over its neighbourhood, as in noise and in pictures of things.
 * - `pattern`: a line does.
 */
export type ImageVerdict = 'none' | 'unclear' | 'pattern';

/** How much of an image is a pattern of one period; plain data that goes through JSON unchanged. */
export interface ImageScore {
  readonly stride: readonly number[];
  /** Spatial size that was measured: the interior, cropped to whole periods. */
  readonly measured: readonly number[];
  /**
   * Share of the variance that the phase means explain, `(1/S) * sum (mean of phase - mean)^2 / variance`, from
   * 0 to 1, over all planes. 0 for a `contrast` that is not above `resolution`.
   */
  readonly phaseScore: number;
  /** What the phase score of noise without any pattern is on average: scores near it say nothing. */
  readonly noiseScore: number;
  /** Largest phase mean less the smallest, in the plane where they differ most. */
  readonly contrast: number;
  /**
   * The contrast that rounding may make: 64 roundings to float32 of values of the picture's mean size, or one
   * step where all values are multiples of one, as those of 8 bits are. What is not above it counts as none.
   */
  readonly resolution: number;
  /** Mean of every phase for each plane (batch and channel), row-major over the axes' phases. */
  readonly phaseMeans: readonly (readonly number[])[];
  readonly harmonics: readonly HarmonicLevel[];
  /** The loudest of the harmonics. Noise stays below about 13 dB; 20 dB and more are a pattern. */
  readonly spectralScoreDb: number;
  readonly verdict: ImageVerdict;
  readonly sentence: string;
}

/** Values of an image as any network gives them. */
export interface Image {
  readonly data: Float32Array | Float64Array | readonly number[];
  readonly shape: readonly number[];
}

/** The same as other libraries have it, ONNX Runtime for one. */
export type ForeignImage = Pick<Image, 'data'> & { readonly dims: readonly number[] };

/**
 * Looks for a pattern of a known period in an output, without knowing the network: by the means of the
 * phases, and by lines in the spectrum that stand out of their neighbourhood. A Hann window keeps the edges
 * of the picture out of the lines. What rounding could have made is no pattern, however regular it is.
 *
 * @param image channels first: `[C, ...spatial]`, or `[N, C, ...spatial]` with a list of strides
 * @param stride the period, a list with one entry per spatial axis; a number stands for all axes of an
 * image without a batch axis and with one or two spatial axes
 * @throws {DeconvError} `BAD_SHAPE` for less than four periods along an axis; `BAD_OPTION` (a stride of 1 on all axes,
 * a value that is not finite), `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * // A flat with every second value raised by a tenth.
 * const data = Float32Array.from({ length: 64 }, (_, index) => 1 + 0.1 * (index % 2));
 * const { phaseScore, verdict } = scoreImage({ data, shape: [1, 1, 64] }, [2]);
 * console.log(phaseScore.toFixed(3), verdict); // 1.000 pattern
 */
export function scoreImage(
  image: Image | ForeignImage,
  stride: number | readonly number[],
  options: ScoreOptions = {},
): ImageScore {
  const where = 'scoreImage';
  const checked = checkOptions<ScoreOptions>(where, options, ['border']);
  const given = shapeOf(image) ?? refuse('BAD_TYPE', where, 'the image to be { data, shape }', image);
  const shape = checkShape(where, 'image.shape', given);
  const steps = readStride(where, stride, shape);
  const count = elementCount(where, 'an image', shape);
  const data = checkFiniteValues(where, 'image.data', dataOf(where, 'image', image));
  if (data.length !== count) {
    refuse('BAD_SHAPE', where, `image.data of ${count} values for shape ${shapeText(shape)}`, data.length);
  }
  const found = measurePhases(where, { data, shape }, steps, checked.border);
  const { measured, resolution, phaseScore, noiseScore, phases } = found;
  const harmonics = bySpectrum(found.planes, steps, measured, resolution);
  const spectralScoreDb = Math.max(...harmonics.map(({ levelDb }) => levelDb));
  const verdict = verdictOf(phaseScore, spectralScoreDb);
  return {
    stride: steps,
    measured,
    phaseScore,
    noiseScore,
    contrast: phases.contrast,
    resolution: resolution.contrast,
    phaseMeans: phases.means,
    harmonics,
    spectralScoreDb,
    verdict,
    sentence:
      verdict === 'none'
        ? `No pattern of period ${steps.join(' x ')}: what its phases differ by is not above ${resolution.contrast.toPrecision(2)}, which ${resolution.stepped ? "the steps of the picture's values" : 'rounding to float32'} may make.`
        : `A pattern of period ${steps.join(' x ')} makes up ${(100 * phaseScore).toPrecision(3)} % of the variance (noise without any: ${(100 * noiseScore).toPrecision(2)} %), and its loudest line stands ${spectralScoreDb.toFixed(1)} dB over its neighbourhood; what the picture itself repeats at this period counts as well.`,
  };
}

/** What the means of the phases tell of an image. */
export interface PhaseMeasure {
  readonly measured: readonly number[];
  readonly planes: readonly Plane[];
  readonly resolution: Resolution;
  readonly phaseScore: number;
  readonly noiseScore: number;
  readonly phases: Phases;
}

/** The part of a score that needs no spectrum, of values and strides that are known to go together. */
export function measurePhases(
  where: string,
  { data, shape }: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  steps: readonly number[],
  border: ScoreOptions['border'],
): PhaseMeasure {
  const extents = shape.slice(-steps.length);
  const windows = extents.map((extent, axis) => readWindow(where, extent, axis, steps, border));
  const planes = planesOf(data, extents, windows);
  if (planes.length === 0) refuse('BAD_SHAPE', where, 'an image with at least one plane', shape);
  const measured = windows.map(({ size }) => size);
  const resolution = resolutionOf(
    planes.map(({ measured: own }) => own),
    product(steps),
  );
  const phases = byPhase(planes, steps, windows);
  return {
    measured,
    planes,
    resolution,
    phases,
    phaseScore: phases.contrast <= resolution.contrast ? 0 : phases.score,
    noiseScore: (phases.count - 1) / (product(measured) - 1),
  };
}

/** Decibels that no noise reaches. */
const LOUD = 20;

function verdictOf(phaseScore: number, spectralScoreDb: number): ImageVerdict {
  if (phaseScore === 0 || spectralScoreDb === NO_LINE) return 'none';
  return spectralScoreDb >= LOUD ? 'pattern' : 'unclear';
}

/** The interior of one axis: whole periods from `start` on. */
interface Window {
  readonly start: number;
  readonly size: number;
}

/** Periods of a pattern that an image has at least. */
export const LEAST_PERIODS = 4;

function readStride(where: string, stride: number | readonly number[], shape: readonly number[]): number[] {
  const rank = typeof stride === 'number' ? shape.length - 1 : isList(stride) ? stride.length : 0;
  if (typeof stride === 'number' && (rank < 1 || rank > 2)) {
    refuse(
      'BAD_SHAPE',
      where,
      'an image [C, L] or [C, H, W] with one number as stride',
      [...shape],
      'Pass a list with one stride per spatial axis.',
    );
  }
  const steps = checkAxes(where, 'stride', stride, Math.max(rank, 1), 1);
  if (rank > 3) refuse('BAD_OPTION', where, 'strides of 1 to 3 axes', stride);
  if (shape.length !== rank + 1 && shape.length !== rank + 2) {
    refuse('BAD_SHAPE', where, `an image of ${rank + 1} or ${rank + 2} axes for ${rank} strides`, [...shape]);
  }
  if (checkPhases(where, steps) === 1) {
    refuse('BAD_OPTION', where, 'a stride above 1 along some axis', steps, 'Pass the period to look for.');
  }
  return steps;
}

function readWindow(
  where: string,
  extent: number,
  axis: number,
  steps: readonly number[],
  border: ScoreOptions['border'],
): Window {
  const step = steps[axis] as number;
  const asked =
    border === undefined ? undefined : (checkAxes(where, 'border', border, steps.length, 0)[axis] as number);
  const start = asked ?? (extent - 2 * step >= LEAST_PERIODS * step ? step : 0);
  const size = Math.floor((extent - 2 * start) / step) * step;
  if (size < LEAST_PERIODS * step) {
    throw fault(
      'BAD_SHAPE',
      where,
      `at least ${LEAST_PERIODS * step} rows along spatial axis ${axis} inside of the border for stride ${step}`,
      `${Math.max(0, extent - 2 * start)}`,
      'Pass a larger image.',
      { axis, extent, border: start },
    );
  }
  return { start, size };
}

/** The interior of a plane as it is, and less its mean, which no pattern is part of. */
export interface Plane {
  readonly measured: Float64Array;
  readonly mean: number;
  readonly values: Float64Array;
}

function planesOf(data: ArrayLike<number>, extents: readonly number[], windows: readonly Window[]): Plane[] {
  const area = product(extents);
  const places = gridIndices(
    windows.map(({ start, size }) => Array.from({ length: size }, (_, place) => start + place)),
    extents,
  );
  return Array.from({ length: data.length / area }, (_, plane) => {
    // Against the first value, so that a constant plane is exactly zero.
    const measured = new Float64Array(places.length);
    for (let index = 0; index < places.length; index += 1) {
      measured[index] = data[plane * area + (places[index] as number)] as number;
    }
    const base = measured[0] as number;
    const values = measured.map((value) => value - base);
    const offset = meanOf(values);
    return { measured, mean: base + offset, values: values.map((value) => value - offset) };
  });
}

interface Phases {
  /** Mean square of the phases' deviations from their planes' means, and of all values', summed over the planes. */
  readonly pattern: number;
  readonly variance: number;
  readonly score: number;
  readonly contrast: number;
  readonly means: number[][];
  readonly count: number;
}

function byPhase(planes: readonly Plane[], steps: readonly number[], windows: readonly Window[]): Phases {
  const count = product(steps);
  // Phases count from the image's own first row, wherever the interior begins.
  const phaseOf = gridIndices(
    windows.map(({ start, size }, axis) =>
      Array.from({ length: size }, (_, place) => (start + place) % (steps[axis] as number)),
    ),
    steps,
  );
  let pattern = 0;
  let variance = 0;
  let contrast = 0;
  const means = planes.map(({ mean, values }) => {
    const sums = new Array<number>(count).fill(0);
    for (let place = 0; place < phaseOf.length; place += 1) {
      const phase = phaseOf[place] as number;
      const value = values[place] as number;
      sums[phase] = (sums[phase] as number) + value;
      variance += (value * value) / values.length;
    }
    // Whole periods: every phase has as many places.
    const own = sums.map((sum) => (sum * count) / values.length);
    pattern += own.reduce((sum, deviation) => sum + deviation * deviation, 0) / count;
    contrast = Math.max(contrast, largestOf(own) + largestOf(own.map((deviation) => -deviation)));
    return own.map((deviation) => mean + deviation);
  });
  const score = variance === 0 ? 0 : Math.min(1, pattern / variance);
  return { pattern, variance, score, contrast, means, count };
}

/** Neighbours begin behind the window's main lobe; by rank, how far they reach: a median takes a dozen. */
const INNER = 2;
const OUTER = [0, 12, 6, 6];

function bySpectrum(
  planes: readonly Plane[],
  steps: readonly number[],
  sizes: readonly number[],
  resolution: Resolution,
): HarmonicLevel[] {
  const rank = steps.length;
  // Up to the main lobe of the next harmonic, or of the same one on the other side.
  const reach = steps.map((step, axis) =>
    Math.min(OUTER[rank] as number, (sizes[axis] as number) / step - INNER),
  );
  const lines: Lines[] = sizes.map((extent, axis) => ({
    extent,
    step: steps[axis] as number,
    reach: reach[axis] as number,
  }));
  const hann = outerProduct(
    sizes.map((size) =>
      Array.from({ length: size }, (_, place) => (1 - Math.cos((2 * Math.PI * place) / size)) / 2),
    ),
  );
  const power = new Float64Array(product(lines.map(lineCount)));
  for (const { values } of planes) {
    const { re, im } = nearHarmonics(
      values.map((value, place) => value * (hann[place] as number)),
      lines,
    );
    for (let index = 0; index < power.length; index += 1) {
      power[index] = (power[index] as number) + (re[index] as number) ** 2 + (im[index] as number) ** 2;
    }
  }
  // Under the window half of a line is left along each axis, and 3/8 of the power of noise.
  const places = product(sizes);
  const least = planes.length * ((resolution.contrast / 2) * places * 0.5 ** rank) ** 2;
  const noise = planes.length * places * 0.375 ** rank * resolution.rounding ** 2;
  return positions(steps)
    .slice(1)
    .map((harmonic) => {
      const { line, around } = linePower(power, harmonic, lines);
      return { harmonic, levelDb: line <= least ? NO_LINE : decibels(line / Math.max(around, noise)) };
    });
}

const NO_LINE = decibels(0);

/** The line's power, and what is around it: all around, and along each axis, where edges of the picture lie. */
function linePower(
  power: Float64Array,
  harmonic: readonly number[],
  lines: readonly Lines[],
): { readonly line: number; readonly around: number } {
  const reach = lines.map((axis) => axis.reach);
  const ring: number[] = [];
  const along = reach.map((): number[] => []);
  let line = 0;
  for (const shift of positions(reach.map((width) => 2 * width + 1))) {
    const index = shift.reduce((outer, place, axis) => {
      const own = lines[axis] as Lines;
      return outer * lineCount(own) + (harmonic[axis] as number) * (2 * own.reach + 1) + place;
    }, 0);
    const distances = shift.map((place, axis) => Math.abs(place - (reach[axis] as number)));
    const distance = Math.max(...distances);
    if (distance === 0) line = power[index] as number;
    if (distance < INNER) continue;
    ring.push(power[index] as number);
    if (distances.filter((own) => own > 0).length === 1) {
      along[distances.indexOf(distance)]?.push(power[index] as number);
    }
  }
  return { line, around: Math.max(...[ring, ...along].map(medianOf)) };
}

function largestOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] as number;
}

function positions(extents: readonly number[]): number[][] {
  return extents.reduce<number[][]>(
    (list, extent) =>
      list.flatMap((outer) => Array.from({ length: extent }, (_, place) => [...outer, place])),
    [[]],
  );
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
