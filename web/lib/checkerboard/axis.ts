import { checkInteger, checkOptions, fault, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { isList } from '../core/realms.js';

/** One spatial axis of a transposed convolution: input value i stamps the kernel's tap j at `i * stride + j * dilation`. */
export interface AxisGeometry {
  /** Taps of the kernel along this axis. */
  readonly kernelSize: number;
  /** Distance between neighbouring stamps, which is also the number of phases. Default 1. */
  readonly stride?: number;
  /** Distance between neighbouring taps of one stamp. Default 1. */
  readonly dilation?: number;
}

/** Phases of all axes together that the arithmetic here takes on: lists of that many numbers are made. */
const MAX_PHASES = 2 ** 16;

/** An axis with nothing left out. */
export function checkAxis(where: string, name: string, value: AxisGeometry): Required<AxisGeometry> {
  const axis = checkOptions<AxisGeometry>(where, value, ['kernelSize', 'stride', 'dilation']);
  return {
    kernelSize: checkInteger(where, `${name}.kernelSize`, axis.kernelSize, 1),
    stride: checkInteger(where, `${name}.stride`, axis.stride ?? 1, 1),
    dilation: checkInteger(where, `${name}.dilation`, axis.dilation ?? 1, 1),
  };
}

/** One to three axes, which are not checked themselves. */
export function checkAxisList<Axis>(where: string, axes: readonly Axis[]): Axis[] {
  if (!isList(axes)) refuse('BAD_TYPE', where, 'a list with the geometry of each axis', axes);
  if (axes.length < 1 || axes.length > 3) refuse('BAD_OPTION', where, '1 to 3 axes', axes.length);
  // Without the holes of a sparse list.
  return Array.from(axes);
}

/** One to three axes, with a number of phases that can be listed. */
export function checkGeometry(where: string, axes: readonly AxisGeometry[]): Required<AxisGeometry>[] {
  const checked = checkAxisList(where, axes).map((axis, index) => checkAxis(where, `axis ${index}`, axis));
  checkPhases(
    where,
    checked.map(({ stride }) => stride),
  );
  return checked;
}

/** Throws `TOO_LARGE` if the strides give more phases than can be listed. */
export function checkPhases(where: string, strides: readonly number[]): number {
  const phases = product(strides);
  if (phases > MAX_PHASES) {
    throw fault(
      'TOO_LARGE',
      where,
      `strides with at most ${MAX_PHASES} phases`,
      strides.join(' x '),
      'No layer in use has that many: look at the stride.',
      { strides },
    );
  }
  return phases;
}
