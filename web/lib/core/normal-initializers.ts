import { fillUniform } from './initializers.js';
import { firstAccepted, normalSource, truncatedNormalSource } from './normal-numbers.js';
import type { RandomSource } from './random.js';

/** Standard deviation of the normal distribution of variance 1 cut off at ±2. */
const TRUNCATED_AT_2 = 0.8796256610342398;

/**
 * Zero mean and the given variance: normal, or normal cut off at two deviations and widened so that
 * the variance holds, or uniform.
 */
export function fillWithVariance(
  where: string,
  values: Float32Array,
  variance: number,
  distribution: 'truncated_normal' | 'normal' | 'uniform',
  random: RandomSource,
): void {
  if (distribution === 'uniform') fillUniform(values, Math.sqrt(3 * variance), random);
  else if (distribution === 'normal') fillFrom(values, 0, Math.sqrt(variance), normalSource(random));
  else fillFrom(values, 0, Math.sqrt(variance) / TRUNCATED_AT_2, truncatedNormalSource(where, -2, 2, random));
}

/** `mean + scale * sample()` everywhere. */
export function fillFrom(values: Float32Array, mean: number, scale: number, sample: RandomSource): void {
  for (let index = 0; index < values.length; index += 1) {
    values[index] = mean + scale * sample();
  }
}

/**
 * `count` orthonormal vectors of `length >= count` values, uniformly distributed: Gram and Schmidt's
 * method on normal vectors, which is the Q of a QR decomposition whose R has a positive diagonal.
 * Costs count² * length.
 */
export function orthonormalVectors(
  where: string,
  count: number,
  length: number,
  random: RandomSource,
): Float64Array[] {
  const sample = normalSource(random);
  const vectors: Float64Array[] = [];
  const propose = (): Float64Array | undefined => {
    const vector = Float64Array.from({ length }, sample);
    const drawn = normOf(vector);
    // The second pass removes what rounding left of the first.
    for (const other of [...vectors, ...vectors]) {
      let product = 0;
      for (let index = 0; index < length; index += 1) {
        product += (vector[index] as number) * (other[index] as number);
      }
      for (let index = 0; index < length; index += 1) {
        vector[index] = (vector[index] as number) - product * (other[index] as number);
      }
    }
    const norm = normOf(vector);
    // What is left of a vector that depends on the others is rounding, and in no direction of its own.
    return norm > 1e-10 * drawn ? vector.map((value) => value / norm) : undefined;
  };
  while (vectors.length < count) vectors.push(firstAccepted(where, propose));
  return vectors;
}

function normOf(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
