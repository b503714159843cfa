import { product } from './lists.js';
import type { RandomSource } from './random.js';
import { type ChannelSpec, weightShape } from './spec.js';

/**
 * Bound of PyTorch's default initialisation of convolution layers: kaiming uniform with
 * a = sqrt(5) is uniform in ±1/sqrt(fanIn), where fanIn is weight.size(1) times the kernel's
 * values, and the bias takes the same bound. For transposed layers weight.size(1) is out/groups.
 */
export function kaimingUniformBound(spec: ChannelSpec): number {
  const fanIn = product(weightShape(spec).slice(1));
  return 1 / Math.sqrt(fanIn);
}

export function fillUniform(values: Float32Array, bound: number, random: RandomSource): void {
  for (let index = 0; index < values.length; index += 1) {
    values[index] = (2 * random() - 1) * bound;
  }
}
