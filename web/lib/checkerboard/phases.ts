import { refuse } from '../core/checks.js';
import { elementCount, typedArrayKind } from '../core/tensor.js';
import { type AxisGeometry, checkGeometry } from './axis.js';

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
 * phaseGains([1, 2, 3], [{ kernelSize: 3, stride: 2 }]); // [4, 2]
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
  let phases = Uint32Array.of(0);
  for (const { kernelSize, stride, dilation } of axes) {
    const next = new Uint32Array(phases.length * kernelSize);
    for (let outer = 0; outer < phases.length; outer += 1) {
      for (let tap = 0; tap < kernelSize; tap += 1) {
        next[outer * kernelSize + tap] = (phases[outer] as number) * stride + ((tap * dilation) % stride);
      }
    }
    phases = next;
  }
  return phases;
}

/** Phases of all axes together. */
export function phaseCount(axes: readonly Required<AxisGeometry>[]): number {
  return axes.reduce((product, { stride }) => product * stride, 1);
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

/** As many finite numbers as the axes have taps. */
export function checkTaps(
  where: string,
  kernel: ArrayLike<number>,
  axes: readonly Required<AxisGeometry>[],
): void {
  const count = elementCount(
    where,
    'a kernel',
    axes.map(({ kernelSize }) => kernelSize),
  );
  checkFiniteValues(where, 'the kernel', kernel);
  if (kernel.length !== count) {
    refuse(
      'BAD_SHAPE',
      where,
      `a kernel of ${count} taps`,
      kernel.length,
      'Pass the taps of one channel pair.',
    );
  }
}

const LARGEST_FLOAT32 = 2 ** 128 - 2 ** 104;

/** Numbers that are neither NaN nor infinite, in a list or an array of floats. */
export function checkFiniteValues(where: string, name: string, values: unknown): ArrayLike<number> {
  const kind = typedArrayKind(values);
  if (!Array.isArray(values) && kind !== 'Float32Array' && kind !== 'Float64Array') {
    refuse('BAD_TYPE', where, `${name} to be a Float32Array, a Float64Array or a list of numbers`, values);
  }
  const numbers = values as ArrayLike<number>;
  for (let index = 0; index < numbers.length; index += 1) {
    const value: unknown = numbers[index];
    if (typeof value !== 'number') refuse('BAD_TYPE', where, `${name} of numbers`, value);
    // Beyond float32 no layer could hold it, and squares would overflow.
    if (!(Math.abs(value) <= LARGEST_FLOAT32)) {
      refuse(
        'BAD_OPTION',
        where,
        `${name} of values that are finite in float32`,
        value,
        `It is at index ${index}.`,
      );
    }
  }
  return numbers;
}
