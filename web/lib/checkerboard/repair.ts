import { checkChoice, checkOptions, fault, refuse } from '../core/checks.js';
import { type HalfType, narrow } from '../core/float16.js';
import { typedArrayKind } from '../core/realms.js';
import { internalsOf } from '../layers/internals.js';
import { isLayer, type Layer } from '../layers/layer.js';
import { overlap } from './overlap.js';
import { pairGains } from './pair-gains.js';
import { addGains, phaseCount, tapPhases } from './phases.js';
import { type Kernels, layerStamps, readKernels, type Stamps } from './stamps.js';
import { readOwnStamps } from './transposed-kernels.js';
import { unevennessOf } from './unevenness.js';
import { evenBias } from './upsampling.js';

/** What repaired weights are kept in. */
export type RepairPrecision = 'float64' | 'float32' | 'float16' | 'bfloat16';

/**
 * Options of {@link repairKernels}.
 *
 * @example
 * const kernels = { geometry: { stride: 2 }, weight: { data: [1, 2, 3], shape: [1, 1, 3] } };
 * const { weight, report } = repairKernels(kernels, { precision: 'float16' });
 * console.log(weight.data.join(' '), report.unevennessAfter); // 0.5 3 2.5 0
 */
export interface RepairOptions {
  /**
   * The format that the result must survive: its values are exact in it, and its phase gains equal after
   * rounding. Default: that of the weight given (`'float64'` for a list). Behind an `upsample`, where nothing is
   * repaired, the weight stays as it is.
   */
  readonly precision?: RepairPrecision;
}

/** What a repair did; plain data. */
export interface RepairReport {
  /** U, the share of a flat input's output energy that is pattern: before and after. */
  readonly unevennessBefore: number;
  readonly unevennessAfter: number;
  /** Largest change of a weight. */
  readonly largestChange: number;
  /** Norm of the change over the norm of the weights; 0 for weights of zero. */
  readonly relativeChange: number;
}

/** What {@link repairKernels} gives. */
export interface RepairedKernels {
  /** In the order and shape given; a Float64Array for precision `'float64'`, else a Float32Array. */
  readonly weight: { readonly data: Float32Array | Float64Array; readonly shape: readonly number[] };
  /** The bias given; in front of a `pixelShuffle` every channel's mean over its phases. Null for none. */
  readonly bias: Float32Array | Float64Array | null;
  readonly report: RepairReport;
}

/** Bits of a format's significand, the exponent of its smallest value, its largest value. */
const FORMATS = {
  float32: { bits: 24, least: -149, largest: 3.4028234663852886e38 },
  float16: { bits: 11, least: -24, largest: 65504 },
  bfloat16: { bits: 8, least: -133, largest: 3.3895313892515355e38 },
} as const;

/**
 * Repairs weights: the nearest ones (least squares) whose phase gains are equal, with the same sum over the
 * taps of every channel pair. `w'[j] = w[j] - (G_r - mean G) / O_r` with r the phase of tap j, G its gain and
 * O the taps that fall on it: the orthogonal projection on kernels that leave no pattern on flats.
 *
 * Rounded to a format, equal gains would differ again; so the taps of a pair are rounded to multiples of one
 * power of two, fine enough for the largest of them, with the errors passed on within each phase. Then the
 * gains are equal exactly, and a sum moves by less than the format's rounding of the largest tap times the
 * number of phases.
 *
 * Ramps may still show a pattern, and a repaired layer gives other images: train it on for a while.
 *
 * @param kernels weight and geometry; those of an ordinary convolution are repaired for its backward pass, those in
 * front of a `pixelShuffle` for what comes out, and behind an `upsample` there is nothing to repair
 * @throws {DeconvError} `UNSUPPORTED` with `detail.verdict` `'holes'` where phases without taps leave
 * nothing to repair; `BAD_OPTION` (values that are not finite, or too large for the format), `BAD_SHAPE`, `BAD_TYPE`,
 * `TOO_LARGE`
 *
 * @example
 * const weight = { data: [1, 2, 3, 4, 5], shape: [1, 1, 5] };
 * const repaired = repairKernels({ geometry: { stride: 2 }, weight });
 * console.log(repaired.weight.data.join(' ')); // 0.5 2.75 2.5 4.75 4.5
 */
export function repairKernels(kernels: Kernels, options: RepairOptions = {}): RepairedKernels {
  const where = 'repairKernels';
  const checked = checkOptions<RepairOptions>(where, options, ['precision']);
  if (isLayer(kernels))
    refuse('BAD_TYPE', where, '{ geometry, weight }', kernels, 'repair(layer) takes layers.');
  const own = readOwnStamps(where, kernels);
  const kind = typedArrayKind(kernels.weight.data) === 'Float32Array' ? 'float32' : 'float64';
  const precision = checkChoice<RepairPrecision>(where, 'precision', checked.precision ?? kind, [
    'float64',
    'float32',
    'float16',
    'bfloat16',
  ]);
  const { upsampling, weight, bias } = readKernels(where, kernels);
  const array = precision === 'float64' ? Float64Array : Float32Array;
  const evened = bias !== null && upsampling?.kind === 'pixelShuffle' ? evenBias(bias, upsampling) : bias;
  const same = { bias: evened === null ? null : array.from(evened) };
  const shape = [...kernels.weight.shape];
  if (own === null) {
    const report = { unevennessBefore: 0, unevennessAfter: 0, largestChange: 0, relativeChange: 0 };
    return { ...same, weight: { data: array.from(weight), shape }, report };
  }
  const { data, report } = repairStamps(where, own.stamps, precision);
  return { ...same, weight: { data: array.from(own.restore(data)), shape }, report };
}

/**
 * Repairs a layer in place, as `repairKernels` does: its weight is replaced by the nearest one without a
 * pattern on flats, in the format that the layer keeps it in. Optimizers that keep moments go on with theirs.
 *
 * @param layer a transposed layer of any convention, or a convolution for the sake of its input gradient
 * @throws {DeconvError} `UNSUPPORTED` for `'holes'` (in `detail.verdict`), and for a layer whose weight is masked or filtered or
 * whose input is dilated: then nothing has changed; `BAD_OPTION` for weights that are not finite, `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, seed: 1 });
 * const { unevennessBefore, unevennessAfter } = repair(layer);
 * console.log(unevennessBefore > 0.1, unevennessAfter < 1e-6, analyze(layer).verdict); // true true free
 */
export function repair(layer: Layer): RepairReport {
  const where = 'repair';
  const stamps = layerStamps(where, layer);
  const { weightType } = layer;
  const { data, report } = repairStamps(where, stamps, weightType);
  internalsOf(layer).setCanonicalWeight(where, Float32Array.from(data));
  if (weightType !== 'float32') {
    const { data: widened, shape } = layer.weight;
    layer.setWeight({ data: patternsOf(widened, weightType), shape, dtype: weightType });
  }
  return report;
}

function repairStamps(
  where: string,
  stamps: Stamps,
  precision: RepairPrecision,
): { readonly data: Float64Array; readonly report: RepairReport } {
  const { axes, weight } = stamps;
  const { holes, counts } = overlap(axes);
  if (holes) {
    throw fault(
      'UNSUPPORTED',
      where,
      'stamps that reach every phase',
      `holes: ${counts.filter((count) => count === 0).length} of ${counts.length} phases of ${stamps.name} get no tap, whatever the weights are`,
      'Take a kernel of at least the stride, and no factor in common between stride and dilation.',
      { verdict: 'holes', counts },
    );
  }
  const phases = phaseCount(axes);
  const phaseOf = tapPhases(axes);
  const before = pairGains(where, stamps);
  const data = Float64Array.from(weight);
  for (let pair = 0; pair * phaseOf.length < data.length; pair += 1) {
    const taps = data.subarray(pair * phaseOf.length, (pair + 1) * phaseOf.length);
    const gains = before.values.subarray(pair * phases, (pair + 1) * phases);
    if (gains.every((gain) => gain === gains[0]) && taps.every((tap) => isExact(tap, precision))) continue;
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / phases;
    project(taps, phaseOf, gains, counts, mean);
    if (precision !== 'float64') roundEvenly(where, taps, phaseOf, phases, counts, mean, precision);
  }
  const after = pairGains(where, { ...stamps, weight: data });
  let largest = 0;
  let change = 0;
  let norm = 0;
  for (let index = 0; index < data.length; index += 1) {
    const old = weight[index] as number;
    const difference = (data[index] as number) - old;
    largest = Math.max(largest, Math.abs(difference));
    change += difference * difference;
    norm += old * old;
  }
  return {
    data,
    report: {
      unevennessBefore: unevennessOf(before.values, phases, before.floor).unevenness,
      unevennessAfter: unevennessOf(after.values, phases, after.floor).unevenness,
      largestChange: largest,
      relativeChange: norm === 0 ? 0 : Math.sqrt(change / norm),
    },
  };
}

/** Patterns of values that are exact in the format. */
function patternsOf(values: Float32Array, type: HalfType): Uint16Array {
  if (type === 'float16') return narrow(values);
  return Uint16Array.from(new Uint32Array(values.buffer), (word) => word >>> 16);
}

/** Moves the taps of every phase alike, so that each phase sums to `target`. */
function project(
  taps: Float64Array,
  phaseOf: Uint32Array,
  gains: ArrayLike<number>,
  counts: readonly number[],
  target: number,
): void {
  for (let tap = 0; tap < taps.length; tap += 1) {
    const phase = phaseOf[tap] as number;
    const excess = (gains[phase] as number) - target;
    taps[tap] = (taps[tap] as number) - excess / (counts[phase] as number);
  }
}

/** Whether a value is one of the format's. */
function isExact(value: number, precision: RepairPrecision): boolean {
  if (precision === 'float64') return true;
  const { bits, least, largest } = FORMATS[precision];
  const size = Math.abs(value);
  return size <= largest && size % 2 ** Math.max(Math.floor(Math.log2(size)) - bits + 1, least) === 0;
}

/** Rounds projected taps to a grid on which their sums are exact, and equal. */
function roundEvenly(
  where: string,
  taps: Float64Array,
  phaseOf: Uint32Array,
  phases: number,
  counts: readonly number[],
  mean: number,
  precision: keyof typeof FORMATS,
): void {
  const { bits, least, largest } = FORMATS[precision];
  const greatest = taps.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // One bit to spare: passing errors on may lift a tap over the next power of two.
  const unit = 2 ** Math.max(Math.floor(Math.log2(greatest)) - bits + 2, least);
  const gains = new Float64Array(phases);
  addGains(taps, 0, phaseOf, gains, 0);
  project(taps, phaseOf, gains, counts, Math.round(mean / unit) * unit);
  const carried = new Float64Array(phases);
  for (let tap = 0; tap < taps.length; tap += 1) {
    const phase = phaseOf[tap] as number;
    const wanted = (taps[tap] as number) + (carried[phase] as number);
    const value = Math.round(wanted / unit) * unit;
    if (Math.abs(value) > largest) {
      refuse('BAD_OPTION', where, `weights whose repair fits into ${precision}`, value, 'Scale them down.');
    }
    carried[phase] = wanted - value;
    taps[tap] = value;
  }
}
