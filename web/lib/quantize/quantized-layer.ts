import { QUANTIZED_LAYER } from '../core/brands.js';
import { checkChoice, checkOptions, fault, refuse } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import { settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { weightShape } from '../core/spec.js';
import { checkTensor, checkTensorOf, elementCount, type Tensor, type TensorLike } from '../core/tensor.js';
import type { ConvTransposeShapeOptions } from '../layers/conv-transpose.js';
import { type ForwardCall, rememberOptions, repeats, runForward } from '../layers/forward-call.js';
import type { LayerArithmetic } from '../layers/internals.js';
import { BOUND, STEP, type Step, type StepRequest } from '../layers/step.js';
import { locate, type Place } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { DYNAMIC_INT8, type Element, FLOAT32, INT8, Operation, STATIC_INT8 } from '../runtime/operation.js';
import type { Plan } from '../runtime/planning.js';
import {
  type Activations,
  QuantizedOperators,
  type QuantizedParameters,
} from '../runtime/quantized-operators.js';
import type { Runtime } from '../runtime/runtime.js';
import { allocateInt8, checkInt8, checkInt8Of, hasInt8, type Int8Tensor } from './int8-tensor.js';
import type { QuantizedWeight, TensorQuantization } from './quantization.js';

/** `outputSize` belongs to the transposed layers of the root entry. */
export interface QuantizedForwardOptions extends ConvTransposeShapeOptions {
  /** Receives the result instead of a new tensor, as in a float32 layer's `forward`. */
  readonly out?: Tensor;
  readonly activation?: 'relu';
}

/** As QuantizedForwardOptions. */
export interface Int8ForwardOptions extends Omit<QuantizedForwardOptions, 'out'> {
  /** Receives the result; must have the output's shape. It may overlap the input in any way. */
  readonly out?: Int8Tensor;
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
 * It stands in a `Sequential` as any module does, for inference only: its `backward` throws.
 *
 * @example
 * await init();
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
 * layer.setWeight([1, -1]);
 * const small = quantize(layer);
 * const y = small.forward({ data: [0, 255], shape: [1, 1, 2] });
 * console.log(small.mode, Array.from(y.data, (value) => value.toFixed(1)).join(' ')); // dynamic 0.0 0.0 255.0 -255.0
 */
export class QuantizedLayer extends DisposableObject {
  readonly mode: 'dynamic' | 'static';
  /** Null in dynamic mode. */
  readonly input: TensorQuantization | null;
  /** Null in dynamic mode. */
  readonly output: TensorQuantization | null;
  readonly #definition: QuantizedDefinition;
  readonly #activations: Activations;
  readonly #operators = new QuantizedOperators();
  #plan: Plan | null = null;
  #lastCall: ForwardCall<QuantizedParameters> | undefined;
  #disposed = false;

  static {
    guardReceivers(QuantizedLayer.prototype, 'QuantizedLayer', (value) => #definition in value, [
      ...Object.getOwnPropertyNames(QuantizedLayer.prototype),
      BOUND,
      STEP,
    ]);
  }

  private constructor(definition: QuantizedDefinition) {
    super();
    const { fixed } = definition;
    this.mode = fixed === null ? 'dynamic' : 'static';
    this.input = fixed?.input ?? null;
    this.output = fixed?.output ?? null;
    this.#definition = definition;
    const { input, output } = fixed ?? { input: UNUSED, output: UNUSED };
    this.#activations = { input, output };
    settle(this);
  }

  /** @internal */
  static of(definition: QuantizedDefinition): QuantizedLayer {
    return new QuantizedLayer(definition);
  }

  /** A copy of the int8 weight in PyTorch's order: `[in, out/groups, ...]` if transposed, else `[out, in/groups, ...]`. */
  get weight(): Int8Tensor<ArrayBuffer> {
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
    const where = this.#where('outputShape');
    const known = geometry.optionNames.filter((name) => name === 'outputSize');
    const checked = checkOptions<ConvTransposeShapeOptions>(where, options, known as 'outputSize'[]);
    return [...geometry.resolve(where, inputShape, checked).outputShape];
  }

  /**
   * The layer's output in float32. In static mode the values are those that int8 has: multiples of the
   * output's scale. An int8 `x` needs static mode and is taken by the input's scale and zero point.
   *
   * @throws {DeconvError} as a float32 layer's `forward`; `UNSUPPORTED` for a geometry that int8 does
   * not take; `BAD_OPTION` in dynamic mode for an input with infinity or NaN
   */
  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike | Int8Tensor,
    options?: QuantizedForwardOptions & { readonly out?: Out },
  ): Out {
    const call = this.#call('forward', FLOAT32, x, options);
    const runtime = requireRuntime(call.where, this.#definition.geometry.execution.runtime);
    const result = runForward(this.#operators, call, runtime, inputOf(call, x, runtime), options?.out);
    this.#plan = this.#operators.lastPlan;
    return result as Out;
  }

  /**
   * As `forward`, with an int8 output by the output's scale and zero point: the next quantized layer's
   * input when its input quantization is this layer's output quantization.
   *
   * @throws {DeconvError} as `forward`; `UNSUPPORTED` in dynamic mode
   */
  forwardInt8<Out extends Int8Tensor = Int8Tensor<ArrayBuffer>>(
    x: TensorLike | Int8Tensor,
    options?: Int8ForwardOptions & { readonly out?: Out },
  ): Out {
    this.#requireStatic('forwardInt8', 'an int8 output');
    const call = this.#call('forwardInt8', INT8, x, options);
    const { where, outputShape, operation } = call;
    const runtime = requireRuntime(where, this.#definition.geometry.execution.runtime);
    const input = inputOf(call, x, runtime);
    const out = options?.out;
    const result = out ?? allocateInt8(where, [...outputShape]);
    const data =
      out === undefined ? result.data : checkInt8Of(where, 'out', out, outputShape, operation.outputCount);
    this.#operators.run(operation, input, data);
    this.#plan = this.#operators.lastPlan;
    return result as Out;
  }

  /** There are none: rounding has no gradient. Throws `UNSUPPORTED`; train the float32 layer and quantize it. */
  backward(_x?: unknown, _gradOutput?: unknown): never {
    this.#live('backward');
    throw fault(
      'UNSUPPORTED',
      this.#where('backward'),
      'a layer with gradients',
      'one of int8',
      'Train the float32 layer and quantize it afterwards.',
    );
  }

  /** Route, build and reason of the last forward; null before the first. */
  get plan(): Plan | null {
    return this.#plan;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees the layer's memory on the WebAssembly heap. May be called again; every use after it throws `DISPOSED`. */
  override dispose(): void {
    this.#disposed = true;
    this.#operators.dispose();
    this.#lastCall = undefined;
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
  get [BOUND](): Runtime | undefined {
    return this.#definition.geometry.execution.runtime;
  }

  /** @internal */
  [STEP]({ runtime, inputShape, relu }: StepRequest): Step {
    this.#live('forward');
    const options = relu ? ({ activation: 'relu' } as const) : {};
    const where = this.#where('forward');
    const { outputShape, operation } = this.#operation(where, inputShape, FLOAT32, FLOAT32, options, runtime);
    return {
      outputShape,
      inPlace: false,
      run: (source, target) => {
        this.#live('forward');
        this.#plan = this.#operators.run(operation, source, target);
      },
      plan: () => this.#operators.plan(operation),
      spec: this.#definition.geometry.spec,
    };
  }

  /** @internal */
  definition(member: string): QuantizedDefinition {
    return this.#live(member);
  }

  #live(member: string): QuantizedDefinition {
    if (this.#disposed) {
      throw fault(
        'DISPOSED',
        this.#where(member),
        'a live layer',
        'one after dispose()',
        'Make a new layer.',
      );
    }
    return this.#definition;
  }

  #where(member: string): string {
    return `Quantized${this.#definition.geometry.name}.${member}`;
  }

  #requireStatic(member: string, what: string): void {
    this.#live(member);
    if (this.mode === 'static') return;
    refuse(
      'UNSUPPORTED',
      this.#where(member),
      `static mode for ${what}`,
      this.mode,
      'Pass input and output to quantize, for instance from calibrate.',
    );
  }

  #call(
    method: string,
    outputElement: Element,
    x: unknown,
    options: unknown,
  ): ForwardCall<QuantizedParameters> {
    this.#live(method);
    let call = this.#lastCall;
    if (
      call === undefined ||
      call.operation.outputElement !== outputElement ||
      (call.operation.inputElement === INT8) !== hasInt8(x) ||
      !repeats(call, x, options)
    ) {
      call = this.#prepare(method, outputElement, x, options);
      this.#lastCall = call;
    }
    return call;
  }

  // A function of its own, so that a steady loop does not make the closure.
  #prepare(
    method: string,
    outputElement: Element,
    x: unknown,
    options: unknown,
  ): ForwardCall<QuantizedParameters> {
    const { optionNames } = this.#definition.geometry;
    const where = this.#where(method);
    const checked = checkOptions<QuantizedForwardOptions>(
      where,
      options === undefined ? {} : options,
      optionNames as (keyof QuantizedForwardOptions)[],
    );
    if (checked.activation !== undefined) checkChoice(where, 'activation', checked.activation, ['relu']);
    const isInt8 = hasInt8(x);
    if (isInt8) this.#requireStatic(method, 'an int8 input');
    const { shape } = isInt8 ? checkInt8(where, 'the input', x) : checkTensor(where, 'the input', x);
    return {
      where,
      inputShape: shape,
      optionNames,
      optionValues: rememberOptions(checked, optionNames),
      ...this.#operation(where, shape, isInt8 ? INT8 : FLOAT32, outputElement, checked),
    };
  }

  #operation(
    where: string,
    shape: readonly number[],
    inputElement: Element,
    outputElement: Element,
    checked: QuantizedForwardOptions | Int8ForwardOptions,
    runtime = this.#definition.geometry.execution.runtime,
  ): Pick<ForwardCall<QuantizedParameters>, 'outputShape' | 'operation'> {
    const { geometry } = this.#definition;
    const { spec, batch, extents, outputShape } = geometry.resolve(where, shape, checked);
    const operation = new Operation<QuantizedParameters>({
      where,
      spec: { ...spec, relu: spec.relu || checked.activation === 'relu' },
      batch,
      extents,
      layout: geometry.layout,
      execution: { ...geometry.execution, runtime },
      arithmetic: this.mode === 'static' ? STATIC_INT8 : DYNAMIC_INT8,
      inputCount: elementCount(where, 'an input', shape),
      outputCount: elementCount(where, 'an output', outputShape),
      inputElement,
      outputElement,
      parameters: () => {
        // A tensor's getter may have disposed of the layer since the call began.
        const { weight, scale, bias } = this.#live('forward');
        return { weight, scale, bias, activations: this.#activations };
      },
    });
    return { outputShape, operation };
  }
}

/** Where the input of a checked call lies. */
function inputOf(
  { where, inputShape, operation }: ForwardCall<QuantizedParameters>,
  x: unknown,
  runtime: Runtime,
): Place {
  const { inputElement, inputCount } = operation;
  return inputElement === INT8
    ? checkInt8Of(where, 'the input', x, inputShape, inputCount)
    : locate(checkTensorOf(where, 'the input', x, inputShape, inputCount), runtime);
}

/** Keeps the record of a dynamic layer complete; the core does not read it. */
const UNUSED: TensorQuantization = { scale: 1, zeroPoint: 0 };
