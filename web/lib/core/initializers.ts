import { normalSource, type RandomSource, truncatedNormalSource } from './random.js';
import { type OperatorSpec, weightShape } from './spec.js';

/**
 * Bound of PyTorch's default initialisation of convolution layers: kaiming uniform with
 * a = sqrt(5) is uniform in ±1/sqrt(fanIn), where fanIn is weight.size(1) times the kernel's
 * values, and the bias takes the same bound. For transposed layers weight.size(1) is out/groups.
 */
export function kaimingUniformBound(spec: OperatorSpec): number {
  const fanIn = weightShape(spec)
    .slice(1)
    .reduce((product, extent) => product * extent, 1);
  return 1 / Math.sqrt(fanIn);
}

export function fillUniform(values: Float32Array, bound: number, random: RandomSource): void {
  for (let index = 0; index < values.length; index += 1) {
    values[index] = (2 * random() - 1) * bound;
  }
}

/** Standard deviation of the normal distribution of variance 1 cut off at ±2. */
const TRUNCATED_AT_2 = 0.8796256610342398;

/**
 * Zero mean and the given variance: normal, or normal cut off at two deviations and widened so that
 * the variance holds, or uniform.
 */
export function fillWithVariance(
  values: Float32Array,
  variance: number,
  distribution: 'truncated_normal' | 'normal' | 'uniform',
  random: RandomSource,
): void {
  if (distribution === 'uniform') fillUniform(values, Math.sqrt(3 * variance), random);
  else if (distribution === 'normal') fillFrom(values, 0, Math.sqrt(variance), normalSource(random));
  else fillFrom(values, 0, Math.sqrt(variance) / TRUNCATED_AT_2, truncatedNormalSource(-2, 2, random));
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
export function orthonormalVectors(count: number, length: number, random: RandomSource): Float64Array[] {
  const sample = normalSource(random);
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, sample);
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
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    if (norm > 0) vectors.push(vector.map((value) => value / norm));
  }
  return vectors;
}
