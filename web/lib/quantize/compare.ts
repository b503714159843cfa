import { refuse, shapeText } from '../core/checks.js';
import { memberOf } from '../core/realms.js';
import { checkTensor, sameList, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkSamples } from './quantize.js';

/** Whatever computes a tensor from a tensor: a layer of any precision, a `Sequential`, a function of yours. */
export interface Forward {
  forward(x: Tensor): Tensor;
}

/** Error over all values of all samples, with y from the float32 layer and z from the other one. */
export interface ErrorReport {
  /** max |y - z| */
  readonly maxAbsolute: number;
  /** sqrt(mean((y - z)²)) */
  readonly rms: number;
  /** 10 log10(sum(y²) / sum((y - z)²)), in decibels; infinite when nothing differs. */
  readonly snr: number;
  /** Values compared. */
  readonly count: number;
}

/**
 * What a layer of lower precision loses: both layers compute every sample, the differences are summed
 * in float64.
 *
 * @throws {DeconvError} `BAD_OPTION` for no samples, `BAD_SHAPE` if the outputs differ in shape; as both
 * layers' `forward`
 *
 * @example
 * await init();
 * const layer = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, seed: 1 });
 * const x = { data: Float32Array.from({ length: 8 * 64 }, (_, index) => Math.sin(index)), shape: [1, 8, 8, 8] };
 * const { snr, maxAbsolute } = compareToFloat32(layer, quantize(layer), [x]);
 * console.log(snr > 35, maxAbsolute < 0.05); // true true
 */
export function compareToFloat32(
  layer: Forward,
  other: Forward,
  samples: readonly TensorLike[],
): ErrorReport {
  const where = 'compareToFloat32';
  for (const [name, value] of [
    ['the layer', layer],
    ['the other layer', other],
  ] as const) {
    if (typeof memberOf(value, 'forward') !== 'function') {
      refuse('BAD_TYPE', where, `${name} to have a forward`, value);
    }
  }
  checkSamples(where, samples);
  let [maxAbsolute, signal, noise, count] = [0, 0, 0, 0];
  for (const sample of samples) {
    const x = copyOf(checkTensor(where, 'a sample', sample));
    // It may write into what it gets, and give what the other one writes to as well.
    const exact = copyOf(checkTensor(where, "the layer's output", layer.forward(copyOf(x))));
    const rounded = checkTensor(where, "the other layer's output", other.forward(x));
    if (!sameList(exact.shape, rounded.shape)) {
      refuse('BAD_SHAPE', where, `outputs of shape ${shapeText(exact.shape)}`, [...rounded.shape]);
    }
    for (const [index, value] of exact.data.entries()) {
      const difference = value - (rounded.data[index] as number);
      maxAbsolute = Math.max(maxAbsolute, Math.abs(difference));
      signal += value * value;
      noise += difference * difference;
    }
    count += exact.data.length;
  }
  return {
    maxAbsolute,
    rms: count === 0 ? 0 : Math.sqrt(noise / count),
    snr: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise),
    count,
  };
}

function copyOf({ data, shape }: Tensor): Tensor {
  return { data: data.slice(), shape };
}
