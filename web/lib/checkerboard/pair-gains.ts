import { fault } from '../core/checks.js';
import { MAX_ELEMENTS } from '../core/tensor.js';
import { MOST_BY_DEFINITION } from './fourier.js';
import { addGains, phaseCount, tapPhases } from './phases.js';
import type { Stamps } from './stamps.js';

interface PairGains {
  /** Gains of all pairs in the weight's order. */
  readonly values: Float64Array;
  readonly energy: number;
  /** Energy that rounding may leave of gains that are zero, and of differences that are. */
  readonly floor: number;
}

/** Phase gains of every channel pair. */
export function pairGains(where: string, { axes, weight, rounding, magnitude: known }: Stamps): PairGains {
  const phases = phaseCount(axes);
  const phaseOf = tapPhases(axes);
  const pairs = weight.length / phaseOf.length;
  // Each pair's spectrum is a sum over its phases for every harmonic, one axis at a time; long ones are made of shorter.
  const work =
    pairs * phases * axes.reduce((sum, { stride }) => sum + Math.min(stride, MOST_BY_DEFINITION), 0);
  if (pairs * phases > MAX_ELEMENTS || work > 2 ** 31) {
    throw fault(
      'TOO_LARGE',
      where,
      'fewer channel pairs or phases',
      `${pairs} pairs of ${phases} phases`,
      'Analyse a part of the channels.',
      { pairs, phases },
    );
  }
  const values = new Float64Array(pairs * phases);
  let energy = 0;
  let magnitude = 0;
  for (let pair = 0; pair < pairs; pair += 1) {
    addGains(weight, pair * phaseOf.length, phaseOf, values, pair * phases);
    let size = 0;
    for (let tap = 0; tap < phaseOf.length; tap += 1) {
      size += Math.abs(weight[pair * phaseOf.length + tap] as number);
    }
    magnitude += size * size;
    for (let phase = 0; phase < phases; phase += 1) energy += (values[pair * phases + phase] as number) ** 2;
  }
  return { values, energy, floor: (phaseOf.length * 2 ** -53 + rounding) ** 2 * (known ?? magnitude) };
}
