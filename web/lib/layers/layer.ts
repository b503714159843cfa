import { adjointSpec, dilatedExtents, undilate } from '../core/adjoint.js';
import { hasBrand, LAYER } from '../core/brands.js';
import { checkOptions, shapeText } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import { DeconvError } from '../core/errors.js';
import type { Float16ArrayLike, HalfType } from '../core/float16.js';
import { copyHalves, type HalfTensor, type HalfValues, isHalf } from '../core/half-tensor.js';
import { type OperatorSpec, outputExtents, weightShape } from '../core/spec.js';
import {
  allocateTensor,
  checkParameter,
  checkShape,
  checkTensor,
  checkTensorOf,
  elementCount,
  FreshTensor,
  sameList,
  type Tensor,
} from '../core/tensor.js';
import type { WeightLayout } from '../core/weight-layout.js';
import type { Execution } from '../runtime/execution.js';
import { locate, type Place } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { NativeOperators, parameterGradients } from '../runtime/native-operators.js';
import { type CanonicalParameters, type Layout, Operation } from '../runtime/operation.js';
import type { Plan } from '../runtime/planning.js';
import type { Runtime } from '../runtime/runtime.js';
import {
  fitState,
  type LoadedState,
  type LoadStateOptions,
  type NestedState,
  type StateDict,
  widened,
} from './state-dict.js';

/** What a convention's constructor hands over, checked and translated. */
export interface LayerDefinition {
  /** The class's name, in errors and in `String(layer)`. */
  readonly name: string;
  readonly spec: OperatorSpec;
  readonly layout: Layout;
  /** The order in which the convention keeps a weight. */
  readonly weightLayout: WeightLayout;
  readonly biasShape: readonly number[];
  /** What the convention calls the two in a state by names. Default: `weight` and `bias`. */
  readonly stateNames?: { readonly weight: string; readonly bias: string } | undefined;
  /** Initial values in the convention's order; the layer owns them. */
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  /** Multiplied into the weight, in the convention's order. */
  readonly mask?: Float32Array | undefined;
  /** Spatial sizes that the input must have, where the convention fixes them. */
  readonly inputExtents?: readonly number[] | undefined;
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

/** Gradients of `sum(forward(x) * gradOutput)`, each in the shape of what it belongs to. */
export interface LayerGradients {
  readonly input: Tensor;
  readonly weight: Tensor;
  /** Null for a layer without a bias. */
  readonly bias: Tensor | null;
}

/**
 * What the layers of all conventions share: parameters on the JavaScript side in the convention's
 * order, operators on the WebAssembly heap that are made when they are first needed, and their release.
 */
export abstract class Layer<Options extends ForwardOptions = ForwardOptions> extends DisposableObject {
  // Without the parameters, which setWeight replaces and dispose lets go.
  readonly #definition: Omit<LayerDefinition, 'weight' | 'bias'>;
  readonly #hasBias: boolean;
  readonly #operators = new NativeOperators();
  #weight: Float32Array | HalfValues;
  #bias: Float32Array | null;
  #plan: Plan | null = null;
  #lastCall: ForwardCall | undefined;
  #disposed = false;

  /** @internal */
  protected constructor({ weight, bias, ...definition }: LayerDefinition) {
    super();
    this.#definition = definition;
    this.#hasBias = bias !== null;
    this.#weight = weight;
    this.#bias = bias;
  }

  get outChannels(): number {
    return this.spec.outChannels;
  }

  get groups(): number {
    return this.spec.groups;
  }

  /** A copy of the weight; change it through `setWeight`. */
  get weight(): Tensor {
    this.#requireLive('weight');
    return { data: copyOf(this.#weight), shape: this.#definition.weightLayout.shape };
  }

  /** How the layer keeps its weight: as `setWeight` got it. It computes in float32 whichever it is. */
  get weightType(): 'float32' | HalfType {
    return isHalfValues(this.#weight) ? this.#weight.type : 'float32';
  }

  /** A copy of the bias, or null for a layer without. */
  get bias(): Tensor | null {
    this.#requireLive('bias');
    return this.#bias === null ? null : { data: this.#bias.slice(), shape: this.#definition.biasShape };
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
    const where = this.#requireLive('setWeight');
    const { shape } = this.#definition.weightLayout;
    this.#weight = isHalf(weight)
      ? copyHalves(where, 'a weight', weight, shape)
      : checkParameter(where, 'a weight', weight, shape).slice();
    this.#operators.invalidateParameters();
    return this;
  }

  /**
   * Replaces the bias by a copy of `bias`, a tensor of the bias's shape or its values.
   *
   * @throws {DeconvError} `BAD_OPTION` if the layer was made without a bias; else as `setWeight`
   */
  setBias(bias: Tensor | Float32Array): this {
    const where = this.#requireLive('setBias');
    if (this.#bias === null) {
      throw new DeconvError(
        'BAD_OPTION',
        `${where}: expected a layer with a bias, got one made without. Make it with a bias.`,
        { where },
      );
    }
    this.#bias = checkParameter(where, 'a bias', bias, this.#definition.biasShape).slice();
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
    const { weight, bias } = this;
    const names = this.#stateNames;
    const half = isHalfValues(this.#weight)
      ? { data: this.#weight.bits.slice(), shape: weight.shape, dtype: this.#weight.type }
      : null;
    return { [names.weight]: half ?? weight, ...(bias === null ? {} : { [names.bias]: bias }) };
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
    const where = this.#requireLive('loadStateDict');
    const names = this.#stateNames;
    const { weightLayout, biasShape } = this.#definition;
    const shapes = {
      [names.weight]: weightLayout.shape,
      ...(this.#hasBias ? { [names.bias]: biasShape } : {}),
    };
    const { found, missing, unexpected } = fitState(where, shapes, state, options);
    const { [names.weight]: weight, [names.bias]: bias } = found;
    if (weight !== undefined) this.setWeight(weight);
    if (bias !== undefined) this.setBias(widened(where, bias));
    return { missing, unexpected };
  }

  /**
   * Computes the layer and remembers nothing of `x`. The result has the shape that `outputShape` gives.
   *
   * @throws {DeconvError} `NOT_INITIALIZED`, `DISPOSED`, `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`,
   * `BAD_OPTION`, `TOO_LARGE`, `OUT_OF_MEMORY`, `UNSUPPORTED` (a forced route); the layer stays usable
   */
  forward(x: Tensor, options?: Options): Tensor {
    if (this.#disposed) throw this.#ended('forward');
    let call = this.#lastCall;
    if (call === undefined || !repeats(call, x, options)) {
      call = this.#prepare(x, options);
      this.#lastCall = call;
    }
    const { where, inputShape, outputShape, operation } = call;
    const values = checkTensorOf(where, 'the input', x, inputShape, operation.inputCount);
    const runtime = requireRuntime(where, this.#definition.execution.runtime);
    const input = locate(values, runtime);
    const out = options?.out;
    if (out === undefined) {
      const fresh = new FreshTensor(where, [...outputShape]);
      this.#plan = this.#operators.run(operation, input, fresh);
      return fresh.tensor;
    }
    const output = locate(checkTensorOf(where, 'out', out, outputShape, operation.outputCount), runtime);
    this.#plan = this.#operators.run(operation, input, output);
    // A view of the caller's own does not survive growth, and without it the result is out of reach.
    if (typeof output === 'number') checkTensorOf(where, 'out', out, outputShape, operation.outputCount);
    return out;
  }

  /**
   * Gradients of `sum(forward(x) * gradOutput)`: pure, nothing is remembered from a forward.
   *
   * @param gradOutput of the output's shape
   * @throws {DeconvError} as `forward`
   */
  backward(x: Tensor, gradOutput: Tensor): LayerGradients {
    const where = this.#requireLive('backward');
    const input = checkTensor(where, 'the input', x);
    const shape = this.readInputShape('backward', input.shape);
    const grad = checkTensor(where, 'gradOutput', gradOutput);
    const spec = this.specForOutput(shape, grad.shape);
    checkTensorOf(where, 'gradOutput', grad, this.outputShapeUnder(spec, shape), grad.data.length);
    const runtime = requireRuntime(where, this.#definition.execution.runtime);
    const places = {
      input: locate(input.data, runtime),
      inputCount: input.data.length,
      gradOutput: locate(grad.data, runtime),
      outputCount: grad.data.length,
    };
    const { weight, bias } = this.#parameterGradients(where, spec, shape, places);
    return {
      input: this.#inputGradient(where, spec, shape, input.shape, places),
      weight: { data: weight, shape: this.#definition.weightLayout.shape },
      bias: bias === null ? null : { data: bias, shape: this.#definition.biasShape },
    };
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
    this.#weight = new Float32Array(0);
    this.#bias = null;
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
    return this.#hasBias;
  }

  /** @internal The operator with its parameters in canonical order, masked; `member` asks in errors. */
  canonical(member: string): CanonicalParameters & { readonly spec: OperatorSpec } {
    this.#requireLive(member);
    return { spec: this.spec, ...this.#canonicalParameters(true) };
  }

  /** @internal The gradient of the layer's weight that belongs to one of the canonical weight. */
  weightGradient(member: string, canonical: Float32Array): Tensor {
    this.#requireLive(member);
    return { data: this.#gradientFrom(canonical), shape: this.#definition.weightLayout.shape };
  }

  /**
   * @internal Replaces the weight by the one that has these canonical values. Only for layers that keep as
   * many values as they compute with, without a mask.
   */
  setCanonicalWeight(member: string, canonical: Float32Array): void {
    const where = this.#requireLive(member);
    const { name, weightLayout, mask } = this.#definition;
    const reason =
      mask !== undefined
        ? 'a mask'
        : countOf(weightLayout.shape) !== canonical.length
          ? 'a fixed filter'
          : '';
    if (reason !== '') {
      throw new DeconvError(
        'UNSUPPORTED',
        `${where}: expected a layer that computes with its weight as it is, got a ${name} whose weight goes through ${reason}. Make a layer without.`,
        { where, reason },
      );
    }
    this.setWeight(weightLayout.fromCanonical(canonical));
  }

  /** @internal What the layer does to its input before its operator sees it; null for nothing. */
  get preparation(): string | null {
    return null;
  }

  /** @internal What a layer of another precision needs of this one; it outlives `dispose`. */
  geometry(): LayerArithmetic {
    const { name, layout, execution } = this.#definition;
    return {
      name,
      layout,
      runtime: execution.runtime,
      spec: this.spec,
      resolve: (method, inputShape, options) => {
        const shape = this.readInputShape(method, inputShape);
        const spec = this.specFor(shape, options as Partial<Options>);
        const outputShape = this.outputShapeUnder(spec, shape);
        return {
          spec: { ...spec, relu: this.fusesRelu },
          batch: shape.batch ?? 1,
          extents: shape.extents,
          outputShape,
        };
      },
      optionNames: this.forwardOptionNames(),
      fixedPads: this.fixedPads,
    };
  }

  /** @internal Whether the pads are the same for every input, but for an `outputSize`. */
  protected get fixedPads(): boolean {
    return true;
  }

  /** @internal Whether the layer always applies a ReLU. */
  protected get fusesRelu(): boolean {
    return false;
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
    const { name, spec, layout, inputExtents } = this.#definition;
    const where = `${name}.${method}`;
    const rank = spec.kernel.length;
    const shape = checkShape(where, 'the input shape', value);
    const batched = shape.length === rank + 2;
    const spatial: readonly (number | string)[] = inputExtents ?? AXIS_NAMES.slice(3 - rank);
    const single =
      layout === 'channels-first' ? [spec.inChannels, ...spatial] : [...spatial, spec.inChannels];
    const expected = `[N, ${single.join(', ')}] or [${single.join(', ')}]`;
    const complain = (what: string, advice: string): never => {
      throw new DeconvError(
        'BAD_SHAPE',
        `${where}: expected input of shape ${expected}, got ${shapeText(shape)}${what}. ${advice}`,
        { where, expected, got: shape },
      );
    };
    if (!batched && shape.length !== rank + 1) complain(` (${shape.length} axes)`, 'Add or drop axes.');
    const channelAxis = layout === 'channels-first' ? (batched ? 1 : 0) : shape.length - 1;
    if (shape[channelAxis] !== spec.inChannels) {
      complain(
        ` (channel axis ${channelAxis})`,
        `Make the layer for ${shape[channelAxis]} input channels or reorder the data.`,
      );
    }
    const first = layout === 'channels-first' ? channelAxis + 1 : batched ? 1 : 0;
    const extents = shape.slice(first, first + rank);
    for (const [axis, extent] of extents.entries()) {
      if (extent < 1) {
        complain(` (axis ${first + axis} is empty)`, 'Only the batch may be 0.');
      }
      if (inputExtents !== undefined && extent !== inputExtents[axis]) {
        complain(` (axis ${first + axis})`, 'Make the layer with the inSize that it will see.');
      }
    }
    elementCount(where, 'an input', shape);
    return { where, batch: batched ? (shape[0] as number) : undefined, extents };
  }

  /** @internal The output's shape under `spec`. */
  protected outputShapeUnder(spec: OperatorSpec, { where, batch, extents }: InputShape): number[] {
    const output = outputExtents(where, spec, extents);
    const shape = this.#arrange(batch, spec.outChannels, output);
    elementCount(where, 'an output', shape);
    return shape;
  }

  #arrange(batch: number | undefined, channels: number, extents: readonly number[]): number[] {
    return [
      ...(batch === undefined ? [] : [batch]),
      ...(this.#definition.layout === 'channels-first' ? [channels, ...extents] : [...extents, channels]),
    ];
  }

  /** Checks everything about a forward but the data. */
  #prepare(x: unknown, options: unknown): ForwardCall {
    const where = this.#requireLive('forward');
    const input = checkTensor(where, 'the input', x);
    const optionNames = this.forwardOptionNames();
    const checked = checkOptions<Options>(where, options ?? {}, optionNames);
    const shape = this.readInputShape('forward', input.shape);
    if (checked.activation !== undefined && checked.activation !== 'relu') {
      throw new DeconvError(
        'BAD_OPTION',
        `${where}: expected activation to be 'relu' or left out, got ${String(checked.activation)}. Apply other activations afterwards.`,
        { where },
      );
    }
    const relu = this.#definition.relu === true || checked.activation === 'relu';
    const spec = { ...this.specFor(shape, checked), relu };
    const outputShape = this.outputShapeUnder(spec, shape);
    return {
      where,
      inputShape: input.shape,
      outputShape,
      optionNames,
      optionValues: optionNames.map((name) => {
        const value: unknown = checked[name];
        return Array.isArray(value) ? [...value] : value;
      }),
      operation: this.#operation(spec, shape, input.data.length, countOf(outputShape), true),
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
      parameters: () => this.#canonicalParameters(forward),
    });
  }

  #canonicalParameters(withBias: boolean): CanonicalParameters {
    const { weightLayout, mask } = this.#definition;
    const weight = isHalfValues(this.#weight) ? this.#weight.widen() : this.#weight;
    const masked = mask === undefined ? weight : product(weight, mask);
    return { weight: weightLayout.toCanonical(masked), bias: withBias ? this.#bias : null };
  }

  #parameterGradients(
    where: string,
    spec: OperatorSpec,
    { batch = 1, extents }: InputShape,
    places: GradientPlaces,
  ): CanonicalParameters {
    const { layout, execution } = this.#definition;
    const gradients = parameterGradients({
      ...places,
      where,
      runtime: execution.runtime,
      spec,
      batch,
      extents,
      layout,
      weightElements: countOf(weightShape(spec)),
      withBias: this.hasBias,
    });
    return { weight: this.#gradientFrom(gradients.weight), bias: gradients.bias };
  }

  /** A gradient of the canonical weight as one of the layer's own. */
  #gradientFrom(canonical: Float32Array): Float32Array {
    const { weightLayout, mask } = this.#definition;
    const weight = weightLayout.fromCanonical(canonical);
    return mask === undefined ? weight : product(weight, mask);
  }

  #inputGradient(
    where: string,
    spec: OperatorSpec,
    { batch, extents }: InputShape,
    inputShape: readonly number[],
    { gradOutput, outputCount }: GradientPlaces,
  ): Tensor {
    const output = outputExtents(where, spec, extents);
    const adjoint = adjointSpec(spec, extents, output);
    const dilated = dilatedExtents(spec, extents);
    const channelsFirst = this.#definition.layout === 'channels-first';
    const result = allocateTensor(where, this.#arrange(batch, spec.inChannels, dilated));
    const shape = { where, batch, extents: output };
    const operation = this.#operation(adjoint, shape, outputCount, result.data.length, false);
    this.#operators.run(operation, gradOutput, result.data);
    if (dilated.every((extent, axis) => extent === extents[axis])) return result;
    const images = batch ?? 1;
    const [outer, inner] = channelsFirst ? [images * spec.inChannels, 1] : [images, spec.inChannels];
    return {
      data: undilate(result.data, outer, dilated, extents, spec.inputDilation, inner),
      shape: inputShape,
    };
  }

  get #stateNames(): { readonly weight: string; readonly bias: string } {
    return this.#definition.stateNames ?? { weight: 'weight', bias: 'bias' };
  }

  #requireLive(member: string): string {
    if (this.#disposed) throw this.#ended(member);
    return `${this.#definition.name}.${member}`;
  }

  #ended(member: string): DeconvError {
    const where = `${this.#definition.name}.${member}`;
    return new DeconvError(
      'DISPOSED',
      `${where}: expected a live layer, got one after dispose(). Make a new layer.`,
      { where },
    );
  }
}

/** Whether `value` is a layer of any convention, of this copy of the package or of another one. */
export function isLayer(value: unknown): value is Layer {
  return hasBrand(value, LAYER);
}

/** The arithmetic of a layer, without its parameters. */
export interface LayerArithmetic {
  readonly name: string;
  readonly layout: Layout;
  readonly runtime: Runtime | undefined;
  readonly spec: OperatorSpec;
  readonly optionNames: readonly string[];
  /** Whether the spec's pads are those of every input. */
  readonly fixedPads: boolean;
  /** The operator and the shapes for one input; `method` names the caller's in errors. */
  resolve(method: string, inputShape: unknown, options: object): ResolvedInput;
}

export interface ResolvedInput {
  readonly spec: OperatorSpec;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly outputShape: readonly number[];
}

export interface InputShape {
  /** Names the public method in errors. */
  readonly where: string;
  /** Undefined for an unbatched input. */
  readonly batch: number | undefined;
  readonly extents: readonly number[];
}

const AXIS_NAMES = ['D', 'H', 'W'];

function isHalfValues(values: Float32Array | HalfValues): values is HalfValues {
  return 'bits' in values;
}

function copyOf(values: Float32Array | HalfValues): Float32Array {
  return isHalfValues(values) ? values.widen() : values.slice();
}

function product(values: Float32Array, factors: Float32Array): Float32Array {
  return values.map((value, index) => value * (factors[index] as number));
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((count, extent) => count * extent, 1);
}

/** A forward whose shapes and options were checked: as long as they stay the same it can be repeated. */
interface ForwardCall {
  readonly where: string;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly optionNames: readonly string[];
  /** In the order of the names; lists are copies. */
  readonly optionValues: readonly unknown[];
  readonly operation: Operation;
}

interface GradientPlaces {
  readonly input: Place;
  readonly inputCount: number;
  readonly gradOutput: Place;
  readonly outputCount: number;
}

/** Whether a call has the shape and the options of `call`; `out` is looked at every time. */
function repeats(
  { inputShape, optionNames, optionValues }: ForwardCall,
  x: unknown,
  options: unknown = NO_OPTIONS,
): boolean {
  if (!sameList((x as Partial<Tensor> | null | undefined)?.shape, inputShape)) return false;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  for (const name in options) if (!optionNames.includes(name)) return false;
  for (let index = 0; index < optionNames.length; index += 1) {
    const name = optionNames[index] as string;
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const known = optionValues[index];
    if (name !== 'out' && value !== known && !(Array.isArray(known) && sameList(value, known))) return false;
  }
  return true;
}

const NO_OPTIONS = {};
