import { refuse } from '../core/checks.js';
import { isList, memberOf, typedArrayKind } from '../core/realms.js';
import { checkArray, elementCount } from '../core/tensor.js';
import type { AxisGeometry } from './axis.js';

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

/** Numbers that are neither NaN nor infinite, in a list or an array of floats that can be read now. */
export function checkFiniteValues(where: string, name: string, values: unknown): ArrayLike<number> {
  const kind = typedArrayKind(values);
  if (!isList(values) && kind !== 'Float32Array' && kind !== 'Float64Array') {
    const expected = `${name} to be a Float32Array, a Float64Array or a list of numbers`;
    refuse('BAD_TYPE', where, expected, values, adviceFor(kind, values));
  }
  const numbers = kind === undefined ? (values as ArrayLike<number>) : checkArray(where, name, values, kind);
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

function adviceFor(kind: string | undefined, values: unknown): string {
  if (kind === undefined) return memberOf(values, 'data') === undefined ? '' : 'Pass its data.';
  return /^(?:Uint|Float)16Array$/.test(kind)
    ? 'Of 16-bit floats toFloat32 of deconv-wasm/quantize makes one.'
    : 'Float32Array.from(…) makes one.';
}
