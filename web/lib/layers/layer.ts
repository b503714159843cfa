import { hasBrand, LAYER } from '../core/brands.js';
import { checkOptions, fault } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import type { DeconvError } from '../core/errors.js';
import type { Float16ArrayLike, HalfType } from '../core/float16.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { frozen, product } from '../core/lists.js';
import { type OperatorSpec, weightShape } from '../core/spec.js';
import { checkTensor, checkTensorOf, FreshTensor, type Tensor } from '../core/tensor.js';
import type { Execution } from '../runtime/execution.js';
import { FloatOperators } from '../runtime/float-operators.js';
import { locate, type Place } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { Operation } from '../runtime/operation.js';
import { parameterGradients } from '../runtime/parameter-gradients.js';
import type { Plan } from '../runtime/planning.js';
import { type ForwardCall, rememberOptions, repeats, runForward } from './forward-call.js';
import { clampGradient, inputGradient } from './gradients.js';
import { type InputRules, type InputShape, outputShape, readInputShape } from './input-shape.js';
import { INTERNALS, type LayerInternals } from './internals.js';
import { type ParameterDefinition, Parameters } from './parameters.js';
import type { LoadedState, LoadStateOptions, NestedState, StateDict } from './state-dict.js';

/** What a convention's constructor hands over, checked and translated. */
export interface LayerDefinition extends InputRules, ParameterDefinition {
  /** The class's name, in errors and in `String(layer)`. */
  readonly name: string;
  /** Clamps every result at 0 from below, whatever a call's `activation` says. */
  readonly relu?: boolean;
  readonly execution: Execution;
}

export interface ForwardOptions {
  /**
   * Receives the result instead of a new tensor; must have the output's shape. It may overlap the input
   * in any way. With a HeapTensor for input and output nothing is copied (but where the two overlap).
   */
  readonly out?: Tensor;
  /** Applied to the result at no cost. */
  readonly activation?: 'relu';
}

export interface BackwardOptions {
  /** As the forward had it: no gradient passes where it clamped. Layers that always clamp need no word. */
  readonly activation?: 'relu';
  /** What that forward gave, which is computed again without it. Looked at only where something is clamped. */
  readonly output?: Tensor;
}

/** Gradients of `sum(forward(x) * gradOutput)`, each in the shape of what it belongs to. */
export interface LayerGradients {
  readonly input: Tensor<ArrayBuffer>;
  readonly weight: Tensor<ArrayBuffer>;
  /** Null for a layer without a bias. */
  readonly bias: Tensor<ArrayBuffer> | null;
}

/**
 * What the layers of all conventions share: parameters on the JavaScript side in the convention's
 * order, operators on the WebAssembly heap that are made when they are first needed, and their release.
 */
export abstract class Layer<Options extends ForwardOptions = ForwardOptions> extends DisposableObject {
  readonly #definition: Omit<LayerDefinition, keyof ParameterDefinition>;
  readonly #parameters: Parameters;
  readonly #operators = new FloatOperators();
  #plan: Plan | null = null;
  #lastCall: ForwardCall | undefined;
  #disposed = false;

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

  /** A copy of the weight; change it through `setWeight`. */
  get weight(): Tensor<ArrayBuffer> {
    this.#requireLive('weight');
    return this.#parameters.weight;
  }

  /** How the layer keeps its weight: as `setWeight` got it. It computes in float32 whichever it is. */
  get weightType(): 'float32' | HalfType {
    return this.#parameters.weightType;
  }

  /** A copy of the bias, or null for a layer without. */
  get bias(): Tensor<ArrayBuffer> | null {
    this.#requireLive('bias');
    return this.#parameters.bias;
  }

  /**
   * Replaces the weight by a copy of `weight`, a tensor of the weight's shape or its values in order.
   * The next forward packs it again, which costs a pass over the weight: batch updates.
   *
   * A weight of 16 bits (a Float16Array, or a Uint16Array of patterns with a `dtype`) stays so: half the
   * memory on the JavaScript side, converted without loss when it is packed.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `BAD_OPTION` (a dtype), `DISPOSED`
   */
  setWeight(weight: Tensor | Float32Array | HalfTensor | Float16ArrayLike): this {
    this.#parameters.setWeight(this.#requireLive('setWeight'), weight);
    this.#operators.invalidateParameters();
    return this;
  }

  /**
   * Replaces the bias by a copy of `bias`, a tensor of the bias's shape or its values.
   *
   * @throws {DeconvError} `BAD_OPTION` if the layer was made without a bias; else as `setWeight`
   */
  setBias(bias: Tensor | Float32Array): this {
    this.#parameters.setBias(this.#requireLive('setBias'), bias);
    this.#operators.invalidateParameters();
    return this;
  }

  /**
   * Copies of the parameters by the names of the layer's convention: `weight` and `bias` in PyTorch. A weight of 16
   * bits is given as it is kept.
   *
   * @throws {DeconvError} `DISPOSED`
   */
  stateDict(): StateDict {
    this.#requireLive('stateDict');
    return this.#parameters.state();
  }

  /**
   * Replaces the parameters by copies of those in `state`, or nothing where they do not fit.
   *
   * @returns the names that did not match, with `strict: false`
   * @throws {DeconvError} `BAD_OPTION` for missing and unexpected names, `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`,
   * `DISPOSED`; the message has a word for each name
   *
   * @example
   * up.loadStateDict(await (await readModel('up.safetensors')).stateDict());
   */
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    const loaded = this.#parameters.loadState(this.#requireLive('loadStateDict'), state, options);
    this.#operators.invalidateParameters();
    return loaded;
  }

  /**
   * Computes the layer and remembers nothing of `x`. The result has the shape that `outputShape` gives; it is
   * `options.out` where there is one.
   *
   * @throws {DeconvError} `NOT_INITIALIZED`, `DISPOSED`, `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`,
   * `BAD_OPTION`, `TOO_LARGE`, `OUT_OF_MEMORY`, `UNSUPPORTED` (a forced route); the layer stays usable
   */
  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: Tensor,
    options?: Options & { readonly out?: Out },
  ): Out {
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

  /**
   * Gradients of `sum(forward(x) * gradOutput)`: pure, nothing is remembered from a forward.
   *
   * @param gradOutput of the output's shape
   * @throws {DeconvError} as `forward`
   *
   * @example
   * const y = layer.forward(x, { activation: 'relu' });
   * const gradients = layer.backward(x, gradY, { activation: 'relu', output: y });
   */
  backward(x: Tensor, gradOutput: Tensor, options: BackwardOptions = {}): LayerGradients {
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

  /** Route, build and reason of the last forward; null before the first. */
  get plan(): Plan | null {
    return this.#plan;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees the layer's memory at once. May be called again; every use after it throws `DISPOSED`. */
  override dispose(): void {
    this.#disposed = true;
    this.#operators.dispose();
    this.#lastCall = undefined;
    this.#parameters.release();
  }

  /** The layer's parameters as the convention prints them. */
  abstract extraRepr(): string;

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
        resolve: (method, inputShape, options) => {
          const shape = this.readInputShape(method, inputShape);
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
  protected readInputShape(method: string, value: unknown): InputShape {
    return readInputShape(`${this.#definition.name}.${method}`, this.#definition, value);
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
      execution: { ...execution, route },
      inputCount,
      outputCount,
      parameters: () => this.#parameters.canonical(forward),
    });
  }

  /** Whether a call with this `activation` clamps. */
  #clamps(where: string, activation: unknown): boolean {
    if (activation !== undefined && activation !== 'relu') {
      throw fault(
        'BAD_OPTION',
        where,
        "activation to be 'relu' or left out",
        `${String(activation)}`,
        'Apply other activations afterwards.',
      );
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

/** Whether `value` is a layer of any convention, of this copy of the package or of another one. */
export function isLayer(value: unknown): value is Layer {
  return hasBrand(value, LAYER);
}
