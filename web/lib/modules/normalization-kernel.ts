// The inner loops of all normalizations. A tensor [N, C, ...] is N * C blocks of `inner` values that lie together,
// and what is normalized together is a set of such blocks: a channel's, a group's or a single one. Sums are kept in
// double precision.

/** How the blocks of a tensor are gathered. */
export interface BlockSets {
  readonly channels: number;
  /** Values of one block. */
  readonly inner: number;
  /** The set of every block, in the tensor's order. */
  readonly setOf: Int32Array;
  readonly sets: number;
  /** Values of one set. */
  readonly count: number;
}

/** Of every set; `inverse` is 1 / sqrt(variance + eps). */
export interface Moments {
  readonly mean: Float64Array;
  readonly inverse: Float64Array;
}

/** Factors and summands of every channel; null for 1 and 0. */
export interface Affine {
  readonly weight: Float32Array | null;
  readonly bias: Float32Array | null;
}

export interface NormalizationGradients {
  readonly input: Float32Array<ArrayBuffer>;
  readonly weight: Float32Array<ArrayBuffer>;
  readonly bias: Float32Array<ArrayBuffer>;
}

/** Mean and (biased) variance of every set: first the means, then the squares around them. */
export function statisticsOf(
  x: Float32Array,
  { setOf, sets, inner, count }: BlockSets,
): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const mean = new Float64Array(sets);
  const variance = new Float64Array(sets);
  for (let block = 0; block < setOf.length; block += 1) {
    const begin = block * inner;
    let sum = 0;
    for (let index = begin; index < begin + inner; index += 1) sum += x[index] as number;
    mean[setOf[block] as number] = (mean[setOf[block] as number] as number) + sum / count;
  }
  for (let block = 0; block < setOf.length; block += 1) {
    const set = setOf[block] as number;
    const center = mean[set] as number;
    const begin = block * inner;
    let sum = 0;
    for (let index = begin; index < begin + inner; index += 1) {
      const distance = (x[index] as number) - center;
      sum += distance * distance;
    }
    variance[set] = (variance[set] as number) + sum / count;
  }
  return { mean, variance };
}

/** `(x - mean) * inverse * weight + bias` into `out`. */
export function normalize(
  x: Float32Array,
  { setOf, channels, inner }: BlockSets,
  { mean, inverse }: Moments,
  { weight, bias }: Affine,
  out: Float32Array,
): void {
  for (let block = 0; block < setOf.length; block += 1) {
    const set = setOf[block] as number;
    const channel = block % channels;
    const center = mean[set] as number;
    const factor = (inverse[set] as number) * (weight === null ? 1 : (weight[channel] as number));
    const summand = bias === null ? 0 : (bias[channel] as number);
    const begin = block * inner;
    for (let index = begin; index < begin + inner; index += 1) {
      out[index] = ((x[index] as number) - center) * factor + summand;
    }
  }
}

/**
 * Gradients of `sum(normalize(x) * gradOutput)`. With `own` moments, those of `x` itself, the gradient goes through
 * them too; with fixed ones (running statistics) it does not.
 */
export function normalizationGradients(
  x: Float32Array,
  gradOutput: Float32Array,
  { setOf, sets, channels, inner, count }: BlockSets,
  { mean, inverse }: Moments,
  weight: Float32Array | null,
  own: boolean,
): NormalizationGradients {
  const weightSums = new Float64Array(channels);
  const biasSums = new Float64Array(channels);
  const setSums = new Float64Array(sets);
  const setProducts = new Float64Array(sets);
  for (let block = 0; block < setOf.length; block += 1) {
    const set = setOf[block] as number;
    const channel = block % channels;
    const center = mean[set] as number;
    const scale = inverse[set] as number;
    const begin = block * inner;
    let sum = 0;
    let products = 0;
    for (let index = begin; index < begin + inner; index += 1) {
      const gradient = gradOutput[index] as number;
      sum += gradient;
      products += gradient * ((x[index] as number) - center);
    }
    products *= scale;
    biasSums[channel] = (biasSums[channel] as number) + sum;
    weightSums[channel] = (weightSums[channel] as number) + products;
    const factor = weight === null ? 1 : (weight[channel] as number);
    setSums[set] = (setSums[set] as number) + factor * sum;
    setProducts[set] = (setProducts[set] as number) + factor * products;
  }
  const input = new Float32Array(x.length);
  for (let block = 0; block < setOf.length; block += 1) {
    const set = setOf[block] as number;
    const center = mean[set] as number;
    const scale = inverse[set] as number;
    const factor = weight === null ? 1 : (weight[block % channels] as number);
    const meanGradient = own ? (setSums[set] as number) / count : 0;
    const slope = own ? ((setProducts[set] as number) / count) * scale : 0;
    const begin = block * inner;
    for (let index = begin; index < begin + inner; index += 1) {
      const distance = (x[index] as number) - center;
      input[index] = scale * (factor * (gradOutput[index] as number) - meanGradient - distance * slope);
    }
  }
  return { input, weight: Float32Array.from(weightSums), bias: Float32Array.from(biasSums) };
}
