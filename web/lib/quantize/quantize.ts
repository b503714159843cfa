import { checkOptions, fault, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { isList } from '../core/realms.js';
import type { OperatorSpec } from '../core/spec.js';
import { weightShape } from '../core/spec.js';
import { apart, checkTensor, type Tensor, type TensorLike } from '../core/tensor.js';
import { internalsOf } from '../layers/internals.js';
import { type ForwardOptions, isLayer, type Layer } from '../layers/layer.js';
import {
  checkQuantization,
  quantizationOfRange,
  quantizeWeight,
  type TensorQuantization,
} from './quantization.js';
import { QuantizedLayer } from './quantized-layer.js';

type Fixed = { readonly input: TensorQuantization; readonly output: TensorQuantization };

/**
 * Quantization of the tensors around a layer; both or neither.
 *
 * @example
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2 });
 * const input = { scale: 0.1, zeroPoint: -128 };
 * console.log(quantize(layer, { input, output: { scale: 0.2, zeroPoint: 0 } }).mode); // static
 * console.log(quantize(layer).mode); // dynamic
 */
export type QuantizeOptions = Fixed | { readonly input?: undefined; readonly output?: undefined };

/**
 * A copy of a layer with an int8 weight: symmetric, with one scale for each output channel. Without
 * options it is dynamic, with `input` and `output` static. The layer stays as it is and may be disposed.
 *
 * @throws {DeconvError} `BAD_OPTION` for an infinite weight or NaN, a scale that is not positive, a zero point outside int8,
 * or an output scale too small for the sums; `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * await init();
 * const layer = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, seed: 1 });
 * const small = quantize(layer);
 * console.log(String(small)); // QuantizedConvTranspose2d(8, 4, int8 dynamic, 512 weights)
 * console.log(small.forward({ data: new Float32Array(8 * 64), shape: [1, 8, 8, 8] }).shape.join('x')); // 1x4x18x18
 */
export function quantize(layer: Layer, options: QuantizeOptions = {}): QuantizedLayer {
  const where = 'quantize';
  checkLayer(where, layer);
  const fixed = readFixed(where, options);
  const { spec, weight, bias } = internalsOf(layer).canonical(where);
  if (bias?.every(Number.isFinite) === false) refuse('BAD_OPTION', where, 'a finite bias', bias);
  const quantized = quantizeWeight(where, weight, spec.outChannels, channelOf(spec));
  checkRequantization(where, fixed, quantized.scale, bias);
  return QuantizedLayer.of({
    ...quantized,
    geometry: internalsOf(layer).arithmetic,
    bias: bias?.slice() ?? null,
    fixed,
  });
}

/**
 * Quantization of a layer's input and output that spans all of their values over the samples, by the
 * float32 layer: what `quantize` takes for static mode.
 *
 * @param options of the layer's `forward`, for instance its activation
 * @throws {DeconvError} as `forward`; `BAD_OPTION` for no samples, for zeros alone, and for values that are not finite
 *
 * @example
 * await init();
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
 * layer.setWeight([1, 2]);
 * const ranges = calibrate(layer, [{ data: [0, 25.5], shape: [1, 1, 2] }]);
 * console.log(ranges.input.scale.toFixed(1), ranges.output.scale.toFixed(1)); // 0.1 0.2
 * console.log(quantize(layer, ranges).mode); // static
 */
export function calibrate<Options extends ForwardOptions>(
  layer: Layer<Options>,
  samples: readonly TensorLike[],
  options?: NoInfer<Options>,
): Fixed {
  const where = 'calibrate';
  checkLayer(where, layer);
  checkSamples(where, samples);
  const input = new Range(where, 'the input');
  const output = new Range(where, 'the output');
  for (const x of samples) {
    const sample = apart(checkTensor(where, 'a sample', x));
    // First, because `options.out` may be the sample.
    input.add(sample.data);
    output.add(layer.forward<Tensor>(sample, options as Options).data);
  }
  if (input.isZero) {
    const got = 'zeros alone, which tell no scale';
    throw fault(
      'BAD_OPTION',
      where,
      'a sample with a value that is not 0',
      got,
      'Take inputs as they come later.',
    );
  }
  return { input: input.quantization(), output: output.quantization() };
}

class Range {
  readonly #where: string;
  readonly #name: string;
  #least = 0;
  #greatest = 0;

  constructor(where: string, name: string) {
    this.#where = where;
    this.#name = name;
  }

  add(values: Float32Array): void {
    for (const value of values) {
      if (!Number.isFinite(value)) refuse('BAD_OPTION', this.#where, `finite values in ${this.#name}`, value);
      if (value < this.#least) this.#least = value;
      else if (value > this.#greatest) this.#greatest = value;
    }
  }

  get isZero(): boolean {
    return this.#least === this.#greatest;
  }

  quantization(): TensorQuantization {
    return quantizationOfRange(this.#least, this.#greatest);
  }
}

export function checkLayer(where: string, layer: unknown): void {
  if (!isLayer(layer)) refuse('BAD_TYPE', where, 'a layer of this package', layer);
  internalsOf(layer).requireOneOperator(where);
}

export function checkSamples(where: string, samples: unknown): void {
  if (!isList(samples)) refuse('BAD_TYPE', where, 'samples to be a list of tensors', samples);
  if (samples.length === 0) refuse('BAD_OPTION', where, 'at least one sample', samples);
}

/** Both or neither, checked. */
export function readFixed(where: string, options: unknown): Fixed | null {
  const { input, output } = checkOptions<QuantizeOptions>(where, options, ['input', 'output']);
  if (input === undefined && output === undefined) return null;
  if (input === undefined || output === undefined) {
    throw fault(
      'BAD_OPTION',
      where,
      'input and output together',
      input === undefined ? 'output alone' : 'input alone',
      'Leave both out for dynamic quantization.',
    );
  }
  return {
    input: checkQuantization(where, 'input', input),
    output: checkQuantization(where, 'output', output),
  };
}

/**
 * Static operators multiply a sum by input scale * weight scale / output scale, which must be
 * below 256: more would leave int8 at the first step. A bias that does not fit 2^30 steps makes the
 * core take larger steps, so it is limited too.
 */
export function checkRequantization(
  where: string,
  fixed: Fixed | null,
  scale: Float32Array,
  bias: Float32Array | null,
): void {
  if (fixed === null) return;
  const factor = Math.fround(greatestMagnitude(scale) * fixed.input.scale) / fixed.output.scale;
  const largest = bias === null ? 0 : greatestMagnitude(bias);
  // A little below the core's limit, so that the rounding of the products cannot matter.
  if (factor < 255.99 && largest / fixed.output.scale < 255.99 * 2 ** 30) return;
  refuse(
    'BAD_OPTION',
    where,
    "output.scale above 1/256 of input.scale times the weight's scales",
    fixed.output.scale,
    'Take the scales from calibrate.',
  );
}

function greatestMagnitude(values: Float32Array): number {
  return values.reduce((greatest, value) => Math.max(greatest, Math.abs(value)), 0);
}

/** The output channel of a weight by its canonical index. */
function channelOf(spec: OperatorSpec): (index: number) => number {
  const [outer = 1, inner = 1, ...kernel] = weightShape(spec);
  const taps = product(kernel);
  if (!spec.transposed) return (index) => Math.floor(index / (inner * taps));
  const groupIn = outer / spec.groups;
  return (index) => {
    const row = Math.floor(index / taps);
    const group = Math.floor(row / inner / groupIn);
    return group * inner + (row % inner);
  };
}
