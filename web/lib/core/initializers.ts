import { refuse } from './checks.js';
import { at, outerProduct, product } from './lists.js';
import { firstAccepted, normalSource, type RandomSource, truncatedNormalSource } from './random.js';
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

/**
 * Every tap of `[outer, ...kernel, inner]` repeated `factors[axis]` times along each axis:
 * `result[a * s + r] = values[a]`, the rule of ICNR for transposed convolutions (Aitken et al., arXiv 1707.02937).
 */
export function repeatTaps(
  values: Float32Array,
  kernel: readonly number[],
  factors: readonly number[],
  inner: number,
): Float32Array {
  let current = values;
  let block = inner;
  for (let axis = kernel.length - 1; axis >= 0; axis -= 1) {
    const factor = factors[axis] as number;
    const next = new Float32Array(current.length * factor);
    for (let from = 0, to = 0; from < current.length; from += block) {
      for (let copy = 0; copy < factor; copy += 1, to += block) {
        next.set(current.subarray(from, from + block), to);
      }
    }
    current = next;
    block *= factor * (kernel[axis] as number);
  }
  return current;
}

/**
 * Taps of linear interpolation: `1 - |i - c| / f` with `f = ceil(size / 2)` and the middle
 * `c = f - 1` for an odd size, `f - 1/2` for an even one.
 */
export function linearTaps(size: number): number[] {
  const half = Math.ceil(size / 2);
  const center = size % 2 === 1 ? half - 1 : half - 0.5;
  return Array.from({ length: size }, (_, tap) => 1 - Math.abs(tap - center) / half);
}

/**
 * Linear interpolation as a kernel `[outer, ...kernel, inner]`: the product of the axes' linear taps, times
 * `factor(outer, inner)`.
 */
export function linearKernel(
  kernel: readonly number[],
  outer: number,
  inner: number,
  factor: (outer: number, inner: number) => number,
): Float32Array {
  const taps = outerProduct(kernel.map(linearTaps));
  const values = new Float32Array(outer * taps.length * inner);
  let index = 0;
  for (let block = 0; block < outer; block += 1) {
    for (const tap of taps) {
      for (let lane = 0; lane < inner; lane += 1) {
        values[index] = tap * factor(block, lane);
        index += 1;
      }
    }
  }
  return values;
}

/** What an input channel contributes to an output channel of its group. */
export function bilinearShare(
  channels: 'identity' | 'mean',
  input: number,
  output: number,
  groupIn: number,
): number {
  if (channels === 'mean') return 1 / groupIn;
  return output % groupIn === input ? 1 : 0;
}

/** ICNR repeats whole blocks of `stride` taps. */
export function checkIcnr(
  where: string,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): void {
  const fits = (taps: number, axis: number): boolean =>
    taps % at(stride, axis) === 0 && (at(dilation, axis) === 1 || at(stride, axis) === 1);
  if (kernel.every(fits)) return;
  unfit(where, 'a kernel whose size is a multiple of the stride, without dilation', kernel, stride, dilation);
}

/** Taps of linear interpolation reach one stride to either side. */
export function checkBilinear(
  where: string,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): void {
  const fits = (taps: number, axis: number): boolean =>
    Math.ceil(taps / 2) === at(stride, axis) && (at(dilation, axis) === 1 || taps === 1);
  if (kernel.every(fits)) return;
  unfit(where, 'a kernel of 2 * stride or 2 * stride - 1 taps, without dilation', kernel, stride, dilation);
}

function unfit(
  where: string,
  expected: string,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): never {
  refuse(
    'UNSUPPORTED',
    where,
    `${expected} (stride ${stride.join(' x ')}, dilation ${dilation.join(' x ')})`,
    [...kernel],
    'Choose another kernel size, or repair the weights instead.',
  );
}
