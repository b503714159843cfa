import { refuse } from '../core/checks.js';
import { checkNumber } from '../core/numbers.js';
import { isList, isRecord } from '../core/realms.js';
import { checkTensor } from '../core/tensor.js';
import { LIST_GRADIENTS, type ParameterGradients } from './optimizer.js';

/**
 * Scales gradients, in place, so that all of them together are no longer than `maxNorm`: each is multiplied by
 * `maxNorm / (norm + 1e-6)` where that is below 1, as PyTorch's `clip_grad_norm_` does. With `maxNorm` Infinity it
 * measures only. An array that several gradients share counts once.
 *
 * @returns the norm that they had: the root of the sum of all squares; NaN or infinite where they are
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`; then nothing has changed
 *
 * @example
 * const gradients = [{ weight: { data: Float32Array.of(3, 4), shape: [1, 1, 2] }, bias: null }];
 * console.log(clipGradientNorm(gradients, 1)); // 5
 * console.log(Array.from(gradients[0].weight.data, (value) => value.toFixed(2)).join(' ')); // 0.60 0.80
 */
export function clipGradientNorm(gradients: readonly ParameterGradients[], maxNorm: number): number {
  const where = 'clipGradientNorm';
  if (typeof maxNorm !== 'number') refuse('BAD_TYPE', where, 'maxNorm to be a number', maxNorm);
  if (!(maxNorm >= 0)) refuse('BAD_OPTION', where, 'maxNorm at least 0', maxNorm, 'Infinity measures only.');
  const all = valuesOf(where, gradients);
  let squares = 0;
  for (const values of all) for (const value of values) squares += value * value;
  const norm = Math.sqrt(squares);
  const factor = maxNorm / (norm + 1e-6);
  if (maxNorm !== Number.POSITIVE_INFINITY && !(factor >= 1)) {
    for (const values of all) for (const [index, value] of values.entries()) values[index] = value * factor;
  }
  return norm;
}

/**
 * Clamps every value of the gradients to `-maxValue` and `maxValue`, in place, as PyTorch's `clip_grad_value_`; NaN
 * stays.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`; then nothing has changed
 *
 * @example
 * const gradients = [{ weight: { data: Float32Array.of(3, -4, 0.5), shape: [1, 1, 3] }, bias: null }];
 * clipGradientValue(gradients, 1);
 * console.log(gradients[0].weight.data.join(' ')); // 1 -1 0.5
 */
export function clipGradientValue(gradients: readonly ParameterGradients[], maxValue: number): void {
  const where = 'clipGradientValue';
  const limit = checkNumber(where, 'maxValue', maxValue);
  for (const values of valuesOf(where, gradients)) {
    for (const [index, value] of values.entries()) values[index] = Math.min(limit, Math.max(-limit, value));
  }
}

function valuesOf(where: string, gradients: readonly ParameterGradients[]): Float32Array[] {
  if (!isList(gradients)) {
    refuse('BAD_TYPE', where, 'a list of gradients', gradients, LIST_GRADIENTS);
  }
  const all = Array.from(gradients as readonly ParameterGradients[]).flatMap((of, index) => {
    const name = `gradients[${index}]`;
    if (!isRecord(of) || !('weight' in of)) refuse('BAD_TYPE', where, `${name} to be { weight, bias }`, of);
    return (['weight', 'bias'] as const).flatMap((key) => {
      const tensor = of[key] ?? null;
      if (tensor === null) return [];
      const { shape, data } = checkTensor(where, `${name}.${key}`, tensor);
      if (data === tensor.data) return [data];
      // A copy of what it was given would be clipped, and nobody would see it.
      return refuse('BAD_TYPE', where, `${name}.${key} to hold a Float32Array`, { shape, data: tensor.data });
    });
  });
  return all.filter((values, index) => all.findIndex((other) => isSameMemory(values, other)) === index);
}

function isSameMemory(one: Float32Array, other: Float32Array): boolean {
  return one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length;
}
