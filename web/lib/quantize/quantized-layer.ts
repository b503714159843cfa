import { QUANTIZED_LAYER } from '../core/brands.js';
import { checkChoice, checkOptions, refuse, shapeText } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import { DeconvError } from '../core/errors.js';
import { typedArrayKind } from '../core/realms.js';
import { type OperatorSpec, weightShape } from '../core/spec.js';
import {
  allocateTensor,
  checkArray,
  checkShape,
  checkTensor,
  elementCount,
  type Tensor,
} from '../core/tensor.js';
import type { ConvTransposeShapeOptions } from '../layers/conv-transpose.js';
import type { LayerArithmetic } from '../layers/internals.js';
import { QuantizedOperators } from '../runtime/quantized-operators.js';
import type { QuantizedWeight, TensorQuantization } from './quantization.js';

/** int8 values in row-major order with the shape beside them. */
export interface Int8Tensor {
  readonly data: Int8Array;
  readonly shape: readonly number[];
}

/** `outputSize` belongs to the transposed layers of the root entry. */
export interface QuantizedForwardOptions extends ConvTransposeShapeOptions {
  readonly activation?: 'relu';
}

/** All that a quantized layer is made of. */
export interface QuantizedDefinition extends QuantizedWeight {
  readonly geometry: LayerArithmetic;
  readonly bias: Float32Array | null;
  /** Null for dynamic quantization. */
  readonly fixed: { readonly input: TensorQuantization; readonly output: TensorQuantization } | null;
}

/**
 * A layer with an int8 weight, made by `quantize` or `loadQuantized`. It takes and gives tensors in the
 * layout of the layer that it comes from, runs on its runtime, and does not need that layer any more.
 *
 * - `'dynamic'`: every image's input is measured and becomes int8, the output is float32.
 * - `'static'`: input and output have given scales and zero points; both may also be int8 themselves.
 *
 * Inference only: there is no `backward`.
 */
export class QuantizedLayer extends DisposableObject {
  readonly mode: 'dynamic' | 'static';
  /** Null in dynamic mode. */
  readonly input: TensorQuantization | null;
  /** Null in dynamic mode. */
  readonly output: TensorQuantization | null;
  readonly #definition: QuantizedDefinition;
  readonly #operators: QuantizedOperators;
  #disposed = false;

  private constructor(definition: QuantizedDefinition) {
    super();
    const { fixed, weight, scale, bias, geometry } = definition;
    this.mode = fixed === null ? 'dynamic' : 'static';
    this.input = fixed?.input ?? null;
    this.output = fixed?.output ?? null;
    this.#definition = definition;
    const { input, output } = fixed ?? { input: UNUSED, output: UNUSED };
    const activations = { fixed: fixed !== null, input, output };
    this.#operators = new QuantizedOperators({ weight, scale, bias, activations }, geometry.runtime);
  }

  /** @internal */
  static of(definition: QuantizedDefinition): QuantizedLayer {
    return new QuantizedLayer(definition);
  }

  /** A copy of the int8 weight in PyTorch's order: `[in, out/groups, ...]` if transposed, else `[out, in/groups, ...]`. */
  get weight(): Int8Tensor {
    const { weight, geometry } = this.#live('weight');
    return { data: weight.slice(), shape: weightShape(geometry.spec) };
  }

  /** A copy of the weight's scales: `weight * weightScale` of its output channel is the real weight. */
  get weightScale(): Float32Array<ArrayBuffer> {
    return this.#live('weightScale').scale.slice();
  }

  /** A copy of the bias, `[outChannels]`, which stays float32; null for a layer without. */
  get bias(): Tensor<ArrayBuffer> | null {
    const { bias } = this.#live('bias');
    return bias === null ? null : { data: bias.slice(), shape: [bias.length] };
  }

  /** As the float32 layer's: pure arithmetic, works before `init` and after `dispose`. */
  outputShape(inputShape: readonly number[], options: ConvTransposeShapeOptions = {}): number[] {
    const { geometry } = this.#definition;
    const where = `${geometry.name}.outputShape`;
    const known = geometry.optionNames.filter((name) => name === 'outputSize');
    const checked = checkOptions<ConvTransposeShapeOptions>(where, options, known as 'outputSize'[]);
    return [...geometry.resolve('outputShape', inputShape, checked).outputShape];
  }

  /**
   * The layer's output in float32. In static mode the values are those that int8 has: multiples of the
   * output's scale. An int8 `x` needs static mode and is taken by the input's scale and zero point.
   *
   * @throws {DeconvError} as a float32 layer's `forward`; `UNSUPPORTED` for a geometry that int8 does
   * not take; `BAD_OPTION` in dynamic mode for an input with infinity or NaN
   */
  forward(x: Tensor | Int8Tensor, options: QuantizedForwardOptions = {}): Tensor<ArrayBuffer> {
    const run = this.#prepare('forward', x, options);
    const result = allocateTensor(run.where, run.outputShape);
    this.#operators.run(run.spec, { ...run, output: result.data });
    return result;
  }

  /**
   * As `forward`, with an int8 output by the output's scale and zero point: the next quantized layer's
   * input when its input quantization is this layer's output quantization.
   *
   * @throws {DeconvError} as `forward`; `UNSUPPORTED` in dynamic mode
   */
  forwardInt8(x: Tensor | Int8Tensor, options: QuantizedForwardOptions = {}): Int8Tensor {
    this.#requireStatic('forwardInt8', 'an int8 output');
    const run = this.#prepare('forwardInt8', x, options);
    const result = { data: allocateBytes(run.where, run.outputShape), shape: run.outputShape };
    this.#operators.run(run.spec, { ...run, output: result.data });
    return result;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees the layer's memory on the WebAssembly heap. May be called again; every use after it throws `DISPOSED`. */
  override dispose(): void {
    this.#disposed = true;
    this.#operators.dispose();
  }

  override toString(): string {
    const { geometry, weight } = this.#definition;
    const { inChannels, outChannels } = geometry.spec;
    return `Quantized${geometry.name}(${inChannels}, ${outChannels}, int8 ${this.mode}, ${weight.length} weights)`;
  }

  /** @internal */
  get [QUANTIZED_LAYER](): true {
    return true;
  }

  /** @internal */
  definition(member: string): QuantizedDefinition {
    return this.#live(member);
  }

  #live(member: string): QuantizedDefinition {
    if (this.#disposed) {
      const where = `Quantized${this.#definition.geometry.name}.${member}`;
      throw new DeconvError(
        'DISPOSED',
        `${where}: expected a live layer, got one after dispose(). Make a new layer.`,
        { where },
      );
    }
    return this.#definition;
  }

  #requireStatic(member: string, what: string): void {
    const { geometry } = this.#live(member);
    if (this.mode === 'static') return;
    refuse(
      'UNSUPPORTED',
      `Quantized${geometry.name}.${member}`,
      `static mode for ${what}`,
      this.mode,
      'Pass input and output to quantize, for instance from calibrate.',
    );
  }

  #prepare(method: string, x: unknown, options: unknown): Prepared {
    const { geometry } = this.#live(method);
    const where = `${geometry.name}.${method}`;
    const names = geometry.optionNames.filter((name) => name !== 'out');
    const checked = checkOptions<QuantizedForwardOptions>(
      where,
      options,
      names as (keyof QuantizedForwardOptions)[],
    );
    if (checked.activation !== undefined) checkChoice(where, 'activation', checked.activation, ['relu']);
    const isInt8 = typedArrayKind((x as { data?: unknown } | null)?.data) === 'Int8Array';
    if (isInt8) this.#requireStatic(method, 'an int8 input');
    const tensor = isInt8 ? checkInt8(where, x as Int8Tensor) : checkTensor(where, 'the input', x);
    const { spec, ...problem } = geometry.resolve(method, tensor.shape, checked);
    return {
      where,
      ...problem,
      spec: { ...spec, relu: spec.relu || checked.activation === 'relu' },
      layout: geometry.layout,
      input: tensor.data,
    };
  }
}

/** Keeps the record of a dynamic layer complete; the core does not read it. */
const UNUSED: TensorQuantization = { scale: 1, zeroPoint: 0 };

interface Prepared {
  readonly where: string;
  readonly spec: OperatorSpec;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly outputShape: readonly number[];
  readonly layout: LayerArithmetic['layout'];
  readonly input: Float32Array | Int8Array;
}

function allocateBytes(where: string, shape: readonly number[]): Int8Array<ArrayBuffer> {
  const count = elementCount(where, 'an output', shape);
  try {
    return new Int8Array(count);
  } catch (cause) {
    throw new DeconvError(
      'OUT_OF_MEMORY',
      `${where}: expected room for a tensor of shape ${shapeText(shape)}, got none from the JavaScript engine. Use smaller tensors or a smaller batch.`,
      { where, shape },
      cause,
    );
  }
}

function checkInt8(where: string, { data, shape }: Int8Tensor): Int8Tensor {
  const checked = checkShape(where, 'the input.shape', shape);
  const bytes = checkArray(where, 'the input.data', data, 'Int8Array') as Int8Array;
  const count = elementCount(where, 'the input', checked);
  if (bytes.length !== count) {
    refuse(
      'BAD_SHAPE',
      where,
      `the input with ${count} values for shape ${shapeText(checked)}`,
      bytes.length,
      'Make data and shape agree.',
    );
  }
  return { data: bytes, shape: checked };
}
