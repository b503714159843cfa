import { checkOptions, fault, refuse } from '../core/checks.js';
import { isLayer } from '../layers/layer.js';
import { orderOf } from './order.js';
import { type Overlap, overlap } from './overlap.js';
import { pairGains } from './pair-gains.js';
import { phaseCount } from './phases.js';
import { powerOf } from './spectrum.js';
import { type Pass, readStamps, type Stamps, type Subject } from './stamps.js';
import { stampsWithBias } from './transposed-kernels.js';
import { unevennessOf } from './unevenness.js';
import { sentenceOf, type Verdict, verdictOf } from './verdict.js';

/** Options of {@link analyze}. */
export interface AnalyzeOptions {
  /**
   * Which pass: `'forward'`, or `'backward'` for the gradient with respect to the input. Default: the one
   * that raises the resolution, backward for an ordinary convolution.
   */
  readonly pass?: Pass;
  /** For layers whose padding depends on their input: settles `phaseShift`. */
  readonly inputShape?: readonly number[];
  /** Whether the result lists the gains of every channel pair. Default true. */
  readonly gains?: boolean;
}

/**
 * What a layer's geometry and weights leave on flat input: plain data that goes through JSON unchanged.
 *
 * Lists over phases and harmonics are row-major over the axes, `r * strideW + t` in 2-D.
 */
export interface Analysis {
  readonly name: string;
  /** The pass that is described: an ordinary convolution stamps when it is run backward. */
  readonly pass: Pass;
  /** Channels and geometry of that pass: backward, in and out change places. */
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Phase of the first output row of each axis, `padding mod stride`; null where it depends on the input. */
  readonly phaseShift: readonly number[] | null;
  readonly overlap: Overlap;
  /**
   * `gains[outChannel][i]` lists the phases of one channel pair; i counts the input channels of the output
   * channel's group. Empty when not asked for.
   */
  readonly gains: readonly (readonly (readonly number[])[])[];
  /** Power of a constant input's lines at the stride's harmonics, summed over the pairs; entry 0 is the constant. */
  readonly harmonics: readonly number[];
  /**
   * U, the share of a constant input's output energy that lies in the pattern, from 0 to 1; 0 for weights of
   * zero, which leave nothing on a flat.
   */
  readonly unevenness: number;
  /** `10 * log10(U / (1 - U))`: the pattern's power over the constant's, in dB; -320 for none at all. */
  readonly levelDbc: number;
  /** The pair with the largest deviation of a gain from its pair's mean. */
  readonly worstPair: {
    readonly inChannel: number;
    readonly outChannel: number;
    readonly deviation: number;
  };
  /** Clean on polynomials of a degree below this: 0 for a pattern on flats. Null without a stride or weights. */
  readonly order: number | null;
  readonly verdict: Verdict;
  /** All of this for people, with what the numbers do not promise. */
  readonly sentence: string;
}

/**
 * Finds the periodic pattern (checkerboard) that a layer leaves on flat input, from its geometry and weights
 * alone: a transposed convolution's own output, or the input gradient of an ordinary convolution. Kernels may
 * be those of a sub-pixel convolution (`pixelShuffle`) or of a resize and a convolution (`upsample`), which are
 * described as the transposed convolutions that they are; if a sub-pixel convolution's weights leave no pattern,
 * but its bias differs from phase to phase, the bias counts as the weights of one more input, which is always 1.
 *
 * @param subject a layer of this package, which need not have run, or `{ geometry, weight }`
 * @throws {DeconvError} `BAD_OPTION` (a weight that is not finite), `BAD_SHAPE`, `BAD_TYPE`, `TOO_LARGE`,
 * `DISPOSED`, `UNSUPPORTED` for a pass that lowers the resolution
 *
 * @example
 * const weight = { data: [1, 1, 1], shape: [1, 1, 3] };
 * const { verdict, unevenness, levelDbc, gains } = analyze({ geometry: { stride: 2 }, weight });
 * console.log(verdict, unevenness.toFixed(2), levelDbc.toFixed(1)); // overlap 0.10 -9.5
 * console.log(gains[0][0].join(' ')); // 2 1
 */
export function analyze(subject: Subject, options: AnalyzeOptions = {}): Analysis {
  const where = 'analyze';
  const checked = checkOptions<AnalyzeOptions>(where, options, ['pass', 'inputShape', 'gains']);
  if (checked.inputShape !== undefined && !isLayer(subject)) {
    throw fault('BAD_OPTION', where, 'inputShape with a layer only', 'a geometry', 'Its padding is given.');
  }
  const stamps = readStamps(where, subject, checked);
  const listGains = readGains(where, checked.gains);
  const own = describeStamps(where, stamps, overlap(stamps.axes), listGains);
  // Channels that become phases may have their pattern from the bias alone.
  const more = own.verdict === 'free' ? stampsWithBias(where, subject, stamps) : null;
  return more === null ? own : describeStamps(where, more, overlap(more.axes), listGains);
}

export function readGains(where: string, value: unknown = true): boolean {
  if (typeof value !== 'boolean') refuse('BAD_TYPE', where, 'gains to be true or false', value);
  return value;
}

/** Everything that is known of stamps whose overlap is known. */
export function describeStamps(where: string, stamps: Stamps, counts: Overlap, listGains: boolean): Analysis {
  const { name, pass, axes, padding, groups } = stamps;
  const phases = phaseCount(axes);
  const gains = pairGains(where, stamps);
  const found = unevennessOf(gains.values, phases, gains.floor);
  const order = orderOf(stamps, {
    unevenness: found.unevenness,
    silent: gains.energy <= gains.floor,
  });
  const verdict = verdictOf(counts, found.unevenness);
  const stride = axes.map((axis) => axis.stride);
  const groupOut = stamps.outChannels / groups;
  const groupIn = stamps.inChannels / groups;
  const worstIn = Math.floor(found.worst.pair / groupOut);
  return {
    name,
    pass,
    inChannels: stamps.inChannels,
    outChannels: stamps.outChannels,
    groups,
    kernelSize: axes.map((axis) => axis.kernelSize),
    stride,
    dilation: axes.map((axis) => axis.dilation),
    phaseShift: padding?.map((pad, axis) => modulo(pad, stride[axis] as number)) ?? null,
    overlap: counts,
    gains: listGains ? listPairs(gains.values, stamps, phases) : [],
    harmonics: Array.from(powerOf(gains.values, stride)),
    unevenness: found.unevenness,
    levelDbc: found.levelDbc,
    worstPair: {
      inChannel: worstIn,
      outChannel: Math.floor(worstIn / groupIn) * groupOut + (found.worst.pair % groupOut),
      deviation: found.worst.deviation,
    },
    order,
    verdict,
    sentence: sentenceOf({ name, pass, overlap: counts, unevenness: found, order, verdict }),
  };
}

/** `[outChannel][index of the input channel in its group][phase]` of gains in the weight's order. */
function listPairs(
  gains: Float64Array,
  { inChannels, outChannels, groups }: Stamps,
  phases: number,
): number[][][] {
  const groupIn = inChannels / groups;
  const groupOut = outChannels / groups;
  // Parts of one list: there may be millions of pairs, and parts of typed arrays are slow to make.
  const all = Array.from(gains);
  return Array.from({ length: outChannels }, (_, out) =>
    Array.from({ length: groupIn }, (_, index) => {
      const group = Math.floor(out / groupOut);
      const pair = (group * groupIn + index) * groupOut + (out % groupOut);
      return all.slice(pair * phases, (pair + 1) * phases);
    }),
  );
}

function modulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}
