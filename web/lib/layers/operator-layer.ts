import { LAYER } from '../core/brands.js';
import { checkOptions, fault, refuse } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import type { DeconvError } from '../core/errors.js';
import type { HalfType } from '../core/float16.js';
import { frozen, product } from '../core/lists.js';
import { guardReceivers, strangeReceiver } from '../core/receivers.js';
import { type OperatorSpec, weightShape } from '../core/spec.js';
import {
  checkTensor,
  checkTensorOf,
  FreshTensor,
  type Tensor,
  type TensorData,
  type TensorLike,
} from '../core/tensor.js';
import type { Execution } from '../runtime/execution.js';
import { FloatOperators } from '../runtime/float-operators.js';
import { locate, type Place } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { Operation } from '../runtime/operation.js';
import { parameterGradients } from '../runtime/parameter-gradients.js';
import type { Plan } from '../runtime/planning.js';
import type { Runtime } from '../runtime/runtime.js';
import { type ForwardCall, rememberOptions, repeats, runForward } from './forward-call.js';
import { clampGradient, inputGradient } from './gradients.js';
import { type InputRules, type InputShape, outputShape, readInputShape } from './input-shape.js';
import { INTERNALS, type LayerInternals } from './internals.js';
import type { BackwardOptions, ForwardOptions, Layer, LayerGradients } from './layer.js';
import { type ParameterDefinition, Parameters } from './parameters.js';
import type { LoadedState, LoadStateOptions, NestedState, StateDict } from './state-dict.js';
import { BOUND, type Fusion, STEP, type Step, type StepRequest } from './step.js';

/** What a convention's constructor hands over, checked and translated. */
export interface LayerDefinition extends InputRules, ParameterDefinition {
  /** The class's name, in errors and in `String(layer)`. */
  readonly name: string;
  /** Clamps every result at 0 from below, whatever a call's `activation` says. */
  readonly relu?: boolean;
  readonly execution: Execution;
}

/** `guardReceivers` for members of classes that inherit from OperatorLayer. */
export let guardLayer: (prototype: object, keys?: readonly PropertyKey[]) => void;

/**
 * A layer that is one operator: parameters on the JavaScript side in its convention's order, operators on the
 * WebAssembly heap that are made when they are first needed, and their release.
 */
export abstract class OperatorLayer<Options extends ForwardOptions = ForwardOptions>
  extends DisposableObject
  implements Layer<Options>
{
  readonly #definition: Omit<LayerDefinition, keyof ParameterDefinition>;
  readonly #parameters: Parameters;
  readonly #operators = new FloatOperators();
  #plan: Plan | null = null;
  #lastCall: ForwardCall | undefined;
  #disposed = false;

  static {
    guardLayer = (prototype, keys) =>
      guardReceivers(prototype, 'Layer', (value) => #definition in value, keys);
    guardLayer(OperatorLayer.prototype, [
      ...Object.getOwnPropertyNames(OperatorLayer.prototype).filter((key) => key !== 'forward'),
      INTERNALS,
      BOUND,
      STEP,
    ]);
  }

  /** @internal */
  protected constructor({
    name,
    spec,
    layout,
    inputExtents,
    relu,
    execution,
    ...parameters
  }: LayerDefinition) {
    super();
    this.#definition = {
      name,
      spec: frozen(spec),
      layout,
      inputExtents,
      relu: relu ?? false,
      execution,
    };
    this.#parameters = new Parameters(parameters);
    frozen([parameters.weightLayout.shape, parameters.biasShape]);
  }

  get outChannels(): number {
    return this.spec.outChannels;
  }

  get groups(): number {
    return this.spec.groups;
  }

  get weight(): Tensor<ArrayBuffer> {
    this.#requireLive('weight');
    return this.#parameters.weight;
  }

  get weightType(): 'float32' | HalfType {
    return this.#parameters.weightType;
  }

  get bias(): Tensor<ArrayBuffer> | null {
    this.#requireLive('bias');
    return this.#parameters.bias;
  }

  setWeight(weight: TensorLike | TensorData): this {
    this.#parameters.setWeight(this.#requireLive('setWeight'), weight);
    this.#operators.invalidateParameters();
    return this;
  }

  setBias(bias: TensorLike | TensorData): this {
    this.#parameters.setBias(this.#requireLive('setBias'), bias);
    this.#operators.invalidateParameters();
    return this;
  }

  stateDict(): StateDict {
    this.#requireLive('stateDict');
    return this.#parameters.state();
  }

  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    const loaded = this.#parameters.loadState(this.#requireLive('loadStateDict'), state, options);
    this.#operators.invalidateParameters();
    return loaded;
  }

  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options?: Options & { readonly out?: Out },
  ): Out {
    if (Object(this) !== this || !(#definition in this)) throw strangeReceiver('Layer.forward');
    if (this.#disposed) throw this.#ended('forward');
    let call = this.#lastCall;
    if (call === undefined || !repeats(call, x, options)) {
      call = this.#prepare(x, options);
      this.#lastCall = call;
    }
    const { where, inputShape, operation } = call;
    const values = checkTensorOf(where, 'the input', x, inputShape, operation.inputCount);
    const runtime = requireRuntime(where, this.#definition.execution.runtime);
    const result = runForward(this.#operators, call, runtime, locate(values, runtime), options?.out);
    this.#plan = this.#operators.lastPlan;
    return result as Out;
  }

  backward(x: TensorLike, gradOutput: TensorLike, options: BackwardOptions = {}): LayerGradients {
    const where = this.#requireLive('backward');
    const { layout, execution } = this.#definition;
    const checked = checkOptions<BackwardOptions>(where, options, ['activation', 'output']);
    const relu = this.#clamps(where, checked.activation);
    const input = checkTensor(where, 'the input', x);
    const shape = this.readInputShape('backward', input.shape);
    const grad = checkTensor(where, 'gradOutput', gradOutput);
    const spec = this.specForOutput(shape, grad.shape);
    const outputShape = this.outputShapeUnder(spec, shape);
    const [inputCount, outputCount] = [input.data.length, grad.data.length];
    checkTensorOf(where, 'gradOutput', grad, outputShape, outputCount);
    const output =
      checked.output === undefined
        ? undefined
        : checkTensorOf(where, 'output', checked.output, outputShape, outputCount);
    const runtime = requireRuntime(where, execution.runtime);
    const place = locate(input.data, runtime);
    let gradient = locate(grad.data, runtime);
    if (relu) {
      // A copy before anything is computed, which may detach what it is taken from.
      const copy = grad.data.slice();
      gradient = clampGradient(copy, output ?? this.#clamped(spec, shape, place, inputCount, outputShape));
    }
    const { weight, bias } = parameterGradients({
      where,
      execution,
      spec,
      batch: shape.batch ?? 1,
      extents: shape.extents,
      layout,
      input: place,
      inputCount,
      gradOutput: gradient,
      outputCount,
      weightElements: product(weightShape(spec)),
      withBias: this.hasBias,
    });
    return {
      input: inputGradient(spec, layout, shape, (adjoint, outputs, result) => {
        const operation = this.#operation(adjoint, outputs, outputCount, result.length, false);
        this.#operators.run(operation, gradient, result);
      }),
      weight: this.#parameters.gradientOf(weight),
      bias: this.#parameters.biasGradientOf(bias),
    };
  }

  /** The output with its negative values clamped. */
  #clamped(
    spec: OperatorSpec,
    shape: InputShape,
    input: Place,
    inputCount: number,
    outputShape: readonly number[],
  ): Float32Array {
    const result = new FreshTensor(shape.where, outputShape);
    const operation = this.#operation({ ...spec, relu: true }, shape, inputCount, product(outputShape), true);
    this.#operators.run(operation, input, result);
    return result.tensor.data;
  }

  get plan(): Plan | null {
    return this.#plan;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  override dispose(): void {
    this.#disposed = true;
    this.#operators.dispose();
    this.#lastCall = undefined;
    this.#parameters.release();
  }

  /** The layer's parameters as the convention prints them. */
  extraRepr(): string {
    return this.repr();
  }

  /** @internal What `extraRepr` gives, of an object of this class alone. */
  protected abstract repr(): string;

  override toString(): string {
    return `${this.#definition.name}(${this.extraRepr()})`;
  }

  /** @internal */
  get [LAYER](): true {
    return true;
  }

  /** @internal */
  protected get spec(): OperatorSpec {
    return this.#definition.spec;
  }

  /** @internal */
  protected get hasBias(): boolean {
    return this.#parameters.hasBias;
  }

  /** @internal */
  get [INTERNALS](): LayerInternals {
    const { name, layout, execution } = this.#definition;
    return {
      requireOneOperator: () => {},
      canonical: (member) => {
        this.#requireLive(member);
        return { spec: this.spec, ...this.#parameters.canonical(true) };
      },
      weightGradient: (member, canonical) => {
        this.#requireLive(member);
        return this.#parameters.gradientOf(canonical);
      },
      setCanonicalWeight: (member, canonical) => {
        this.#parameters.setCanonical(this.#requireLive(member), canonical);
        this.#operators.invalidateParameters();
      },
      arithmetic: {
        name,
        layout,
        execution,
        spec: this.spec,
        resolve: (where, inputShape, options) => {
          const shape = this.readInputShape('forward', inputShape, where);
          const spec = this.specFor(shape, options as Partial<Options>);
          const outputShape = this.outputShapeUnder(spec, shape);
          const relu = this.#definition.relu === true;
          return { spec: { ...spec, relu }, batch: shape.batch ?? 1, extents: shape.extents, outputShape };
        },
        optionNames: this.forwardOptionNames(),
        fixedPads: this.fixedPads,
      },
    };
  }

  /** @internal */
  get [BOUND](): Runtime | undefined {
    return this.#definition.execution.runtime;
  }

  /** @internal */
  [STEP]({ runtime, inputShape, relu, fusion }: StepRequest): Step {
    this.#requireLive('forward');
    const shape = this.readInputShape('forward', inputShape);
    const spec = { ...this.specFor(shape, {}), relu: relu || this.#definition.relu === true };
    const outputShape = this.outputShapeUnder(spec, shape);
    const [inputCount, outputCount] = [product(inputShape), product(outputShape)];
    const operation = this.#operation(spec, shape, inputCount, outputCount, true, runtime, fusion);
    const operators = fusion?.operators ?? this.#operators;
    return {
      outputShape,
      inPlace: false,
      run: (source, target, residual) => {
        if (this.#disposed) throw this.#ended('forward');
        operation.residual = residual;
        this.#plan = operators.run(operation, source, target);
      },
      plan: () => operators.plan(operation),
      spec,
      layer: { operators, operation },
      version: () => this.#parameters.version,
    };
  }

  /** @internal Whether the pads are the same for every input, but for an `outputSize`. */
  protected get fixedPads(): boolean {
    return true;
  }

  /** @internal Names that `forward` takes in its options. */
  protected forwardOptionNames(): readonly (keyof Options & string)[] {
    return ['out', 'activation'] satisfies readonly (keyof ForwardOptions)[] as readonly (keyof Options &
      string)[];
  }

  /** @internal The operator for one input; conventions whose pads depend on the input override it. */
  protected specFor(_shape: InputShape, _options: Partial<Options>): OperatorSpec {
    return this.spec;
  }

  /** @internal The operator whose output has this shape, for `backward`. */
  protected specForOutput(shape: InputShape, _outputShape: readonly number[]): OperatorSpec {
    return this.specFor(shape, {});
  }

  /** @internal Splits an input shape into batch and spatial axes, or says what is wrong with it. */
  protected readInputShape(
    method: string,
    value: unknown,
    where = `${this.#definition.name}.${method}`,
  ): InputShape {
    return readInputShape(where, this.#definition, value);
  }

  /** @internal The output's shape under `spec`. */
  protected outputShapeUnder(spec: OperatorSpec, shape: InputShape): number[] {
    return outputShape(spec, this.#definition.layout, shape);
  }

  /** Checks everything about a forward but the data. */
  #prepare(x: unknown, options: unknown): ForwardCall {
    const where = this.#requireLive('forward');
    const input = checkTensor(where, 'the input', x);
    const optionNames = this.forwardOptionNames();
    const checked = checkOptions<Options>(where, options ?? {}, optionNames);
    const shape = this.readInputShape('forward', input.shape);
    const relu = this.#clamps(where, checked.activation);
    const spec = { ...this.specFor(shape, checked), relu };
    const outputShape = this.outputShapeUnder(spec, shape);
    return {
      where,
      inputShape: input.shape,
      outputShape,
      optionNames,
      optionValues: rememberOptions(checked, optionNames),
      operation: this.#operation(spec, shape, input.data.length, product(outputShape), true),
    };
  }

  #operation(
    spec: OperatorSpec,
    { where, batch = 1, extents }: InputShape,
    inputCount: number,
    outputCount: number,
    forward: boolean,
    runtime = this.#definition.execution.runtime,
    fusion?: Fusion,
  ): Operation {
    const { layout, execution } = this.#definition;
    // A route forced for the layer may not exist for its adjoint.
    const route = forward || execution.route === 'scalar' ? execution.route : 'auto';
    return new Operation({
      where,
      spec,
      batch,
      extents,
      layout,
      execution: { ...execution, route, runtime },
      inputCount,
      outputCount,
      parameters: () => {
        // A tensor's getter may have disposed of the layer since the call began.
        this.#requireLive('forward');
        const own = this.#parameters.canonical(forward);
        return fusion === undefined ? own : fusion.fold(own);
      },
      epilogue: fusion?.epilogue,
    });
  }

  /** Whether a call with this `activation` clamps. */
  #clamps(where: string, activation: unknown): boolean {
    if (activation !== undefined && activation !== 'relu') {
      const advice = 'Apply other activations afterwards.';
      refuse('BAD_OPTION', where, "activation to be 'relu' or left out", activation, advice);
    }
    return this.#definition.relu === true || activation === 'relu';
  }

  #requireLive(member: string): string {
    if (this.#disposed) throw this.#ended(member);
    return `${this.#definition.name}.${member}`;
  }

  #ended(member: string): DeconvError {
    const where = `${this.#definition.name}.${member}`;
    return fault('DISPOSED', where, 'a live layer', 'one after dispose()', 'Make a new layer.');
  }
}
