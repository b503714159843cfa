import { refuse } from '../core/checks.js';
import { checkFiniteValues } from './values.js';

/**
 * The strongest deviation of one gain from the mean of its channel pair.
 *
 * @example
 * const { pair, deviation } = unevenness([1, 1, 1, 2], 2).worst;
 * console.log(pair, deviation); // 1 0.5
 */
export interface WorstPair {
  /** Index of the pair in the order of the gains. */
  readonly pair: number;
  /** `max |gain - mean gain|` of that pair. */
  readonly deviation: number;
}

/** What {@link unevenness} gives. */
export interface Unevenness {
  /**
   * Share of a constant input's output energy that lies in the pattern,
   * `sum (gain - mean gain)^2 / sum gain^2` over all pairs and phases, from 0 to 1. Gains that are all zero
   * have 0: they leave nothing on a flat, so no pattern.
   */
  readonly unevenness: number;
  /** The same as a level over the constant, `10 * log10(U / (1 - U))`, kept within ±`LEVEL_LIMIT` for 0 and 1. */
  readonly levelDbc: number;
  readonly worst: WorstPair;
}

/** Decibels that stand for none (negative) and for nothing else (positive): no double gets that far. */
const LEVEL_LIMIT = 320;

/**
 * How uneven phase gains are.
 *
 * @param gains of any number of channel pairs, one pair behind the other
 * @param phases gains of each pair
 * @param floor energy up to which differences count as none: what rounding leaves of sums that cancel
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION` (a gain that is not finite), `BAD_TYPE`
 *
 * @example
 * console.log(unevenness([2, 1], 2).unevenness.toFixed(4)); // 0.1000
 */
export function unevenness(gains: ArrayLike<number>, phases: number, floor = 0): Unevenness {
  const where = 'unevenness';
  checkFiniteValues(where, 'gains', gains);
  if (!Number.isInteger(phases) || phases < 1) refuse('BAD_OPTION', where, 'phases from 1', phases);
  if (gains.length === 0 || gains.length % phases !== 0) {
    refuse('BAD_SHAPE', where, `a multiple of ${phases} gains`, gains.length);
  }
  return unevennessOf(gains, phases, floor);
}

/** The same of gains that are known to be whole pairs; sums of large weights may be beyond float32. */
export function unevennessOf(gains: ArrayLike<number>, phases: number, floor: number): Unevenness {
  let energy = 0;
  let harmonics = 0;
  let worst = { pair: 0, deviation: 0 };
  for (let first = 0; first < gains.length; first += phases) {
    // Against the first gain, so that equal gains give exactly 0 whatever a division rounds.
    const base = gains[first] as number;
    let offset = 0;
    for (let phase = 0; phase < phases; phase += 1) offset += (gains[first + phase] as number) - base;
    offset /= phases;
    for (let phase = 0; phase < phases; phase += 1) {
      const gain = gains[first + phase] as number;
      const deviation = gain - base - offset;
      energy += gain * gain;
      harmonics += deviation * deviation;
      if (Math.abs(deviation) > worst.deviation) {
        worst = { pair: first / phases, deviation: Math.abs(deviation) };
      }
    }
  }
  const share = harmonics <= floor ? 0 : Math.min(1, harmonics / energy);
  return { unevenness: share, levelDbc: levelOf(share), worst };
}

/** `10 * log10(share / (1 - share))` within the limits. */
function levelOf(share: number): number {
  return decibels(share / (1 - share));
}

/** `10 * log10(ratio)` within the limits. */
export function decibels(ratio: number): number {
  return Math.max(-LEVEL_LIMIT, Math.min(LEVEL_LIMIT, 10 * Math.log10(ratio)));
}
