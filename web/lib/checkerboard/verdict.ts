import { FREE } from './order.js';
import type { Overlap } from './overlap.js';
import type { Pass } from './stamps.js';
import type { Unevenness } from './unevenness.js';

/**
 * - `free`: no pattern on flat input (U below 1e-10).
 * - `weights-only`: stamps overlap evenly, but the weights of the phases differ.
 * - `overlap`: stamps overlap unevenly, and the weights do not make up for it.
 * - `holes`: some phases get no stamp at all, which no weights can mend.
 */
export type Verdict = 'free' | 'weights-only' | 'overlap' | 'holes';

/** What is true whatever the numbers say. */
const CAVEAT =
  'U = 0 would remove the periodic modulation of flat areas only: it costs sharpness, leaves border effects, and a loss or a discriminator can bring patterns back.';

const CAVEAT_FREE =
  'That is about the periodic modulation of flat areas only: it costs sharpness, border effects remain, and a loss or a discriminator can bring patterns back.';

/** The verdict on gains of this unevenness from stamps that overlap so. */
export function verdictOf(overlap: Overlap, unevenness: number): Verdict {
  if (unevenness < FREE) return 'free';
  if (overlap.holes) return 'holes';
  return overlap.even ? 'weights-only' : 'overlap';
}

interface Findings {
  readonly name: string;
  readonly pass: Pass;
  readonly overlap: Overlap;
  readonly unevenness: Unevenness;
  readonly order: number | null;
  readonly verdict: Verdict;
}

/** One or two sentences for people, and the caveat. */
export function sentenceOf({ name, pass, overlap, unevenness, order, verdict }: Findings): string {
  const what = pass === 'forward' ? 'flat input' : 'a flat gradient';
  const subject = pass === 'forward' ? name : `The input gradient of ${name}`;
  const share = `${percent(unevenness.unevenness)} of the output energy of ${what} is pattern (${unevenness.levelDbc.toFixed(1)} dBc)`;
  const { counts, phases } = overlap;
  const smallest = counts.reduce((least, count) => Math.min(least, count));
  const largest = counts.reduce((most, count) => Math.max(most, count));
  const period = phases.join(' x ');
  switch (verdict) {
    case 'free':
      return phases.every((stride) => stride === 1)
        ? `${subject} has stride 1, so there is no grid that could show.`
        : `${subject} leaves no pattern of period ${period} on ${what}${order !== null && order > 1 ? `, nor on polynomials of degree ${order - 1}` : ''}. ${CAVEAT_FREE}`;
    case 'weights-only':
      return `${subject} overlaps evenly (${largest} at every phase), yet its weights differ from phase to phase: ${share}. ${CAVEAT}`;
    case 'overlap':
      return `${subject} overlaps unevenly (from ${smallest} to ${largest}, period ${period}), and its weights do not make up for it: ${share}. ${CAVEAT}`;
    case 'holes':
      return `${subject} leaves ${counts.filter((count) => count === 0).length} of ${counts.length} phases without any stamp, which no weights can mend: ${share}. ${CAVEAT}`;
  }
}

function percent(share: number): string {
  const value = 100 * share;
  return `${value < 0.01 ? value.toExponential(1) : value.toPrecision(3)} %`;
}
