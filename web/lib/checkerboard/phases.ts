import { product } from '../core/lists.js';
import { type AxisGeometry, checkGeometry } from './axis.js';
import { gridIndices } from './grid.js';
import { checkTaps } from './values.js';

/**
 * Phase gains of one kernel: for each phase the sum of the taps that fall on it. A constant input c gives
 * `c * gain[(m + padding) mod stride]` plus the bias at output position m, away from the borders.
 *
 * @param kernel the taps of one channel pair, row-major over the axes
 * @param axes the geometry of each axis
 * @returns the gains, row-major over the axes' phases: `r * strideW + t` in 2-D
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION` (a tap that is not finite), `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const gains = phaseGains([1, 2, 3], [{ kernelSize: 3, stride: 2 }]);
 * console.log(gains.join(' ')); // 4 2
 */
export function phaseGains(kernel: ArrayLike<number>, axes: readonly AxisGeometry[]): Float64Array {
  const where = 'phaseGains';
  const checked = checkGeometry(where, axes);
  checkTaps(where, kernel, checked);
  const phaseOf = tapPhases(checked);
  const gains = new Float64Array(phaseCount(checked));
  addGains(kernel, 0, phaseOf, gains, 0);
  return gains;
}

/** Phase of each tap, both counted row-major: tap j of an axis falls on `j * dilation mod stride`. */
export function tapPhases(axes: readonly Required<AxisGeometry>[]): Uint32Array {
  const phases = axes.map(({ kernelSize, stride, dilation }) =>
    Array.from({ length: kernelSize }, (_, tap) => (tap * dilation) % stride),
  );
  return gridIndices(
    phases,
    axes.map(({ stride }) => stride),
  );
}

/** Phases of all axes together. */
export function phaseCount(axes: readonly Required<AxisGeometry>[]): number {
  return product(axes.map(({ stride }) => stride));
}

/** Adds the taps that begin at `from` to the gains that begin at `to`. */
export function addGains(
  taps: ArrayLike<number>,
  from: number,
  phaseOf: Uint32Array,
  gains: Float64Array,
  to: number,
): void {
  for (let tap = 0; tap < phaseOf.length; tap += 1) {
    const index = to + (phaseOf[tap] as number);
    gains[index] = (gains[index] as number) + (taps[from + tap] as number);
  }
}
