/// <reference lib="esnext.disposable" preserve="true" />
import { adjointSpec, dilatedExtents, undilate } from '../core/adjoint.js';
import { checkOptions, shapeText } from '../core/checks.js';
import { DeconvError } from '../core/errors.js';
import type { Float16ArrayLike, HalfType } from '../core/float16.js';
import { copyHalves, type HalfTensor, HalfValues, isHalf } from '../core/half-tensor.js';
import { type OperatorSpec, outputExtents } from '../core/spec.js';
import {
  allocateTensor,
  checkParameter,
  checkShape,
  checkTensor,
  elementCount,
  type Tensor,
} from '../core/tensor.js';
import type { WeightLayout } from '../core/weight-layout.js';
import {
  type CanonicalParameters,
  type Layout,
  NativeOperators,
  type Plan,
  parameterGradients,
  type RouteName,
} from '../runtime/native-operators.js';

/** What a convention's constructor hands over, checked and translated. */
export interface LayerDefinition {
  /** The class's name, in errors and in `String(layer)`. */
  readonly name: string;
  readonly spec: OperatorSpec;
  readonly layout: Layout;
  /** The order in which the convention keeps a weight. */
  readonly weightLayout: WeightLayout;
  readonly biasShape: readonly number[];
  /** Initial values in the convention's order; the layer owns them. */
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  /** Multiplied into the weight, in the convention's order. */
  readonly mask?: Float32Array | undefined;
  /** Spatial sizes that the input must have, where the convention fixes them. */
  readonly inputExtents?: readonly number[] | undefined;
  readonly route: 'auto' | RouteName;
}

export interface ForwardOptions {
  /** Receives the result instead of a new tensor; must have the output's shape. */
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
export abstract class Layer<Options extends ForwardOptions = ForwardOptions> {
  // Without the parameters, which setWeight replaces and dispose lets go.
  readonly #definition: Omit<LayerDefinition, 'weight' | 'bias'>;
  readonly #hasBias: boolean;
  readonly #operators = new NativeOperators();
  #weight: Float32Array | HalfValues;
  #bias: Float32Array | null;
  #plan: Plan | null = null;
  #disposed = false;

  /** @internal */
  protected constructor({ weight, bias, ...definition }: LayerDefinition) {
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
    return this.#weight instanceof HalfValues ? this.#weight.type : 'float32';
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
   * Computes the layer and remembers nothing of `x`. The result has the shape that `outputShape` gives.
   *
   * @throws {DeconvError} `NOT_INITIALIZED`, `DISPOSED`, `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`,
   * `BAD_OPTION`, `TOO_LARGE`, `OUT_OF_MEMORY`, `UNSUPPORTED` (a forced route); the layer stays usable
   */
  forward(x: Tensor, options?: Options): Tensor {
    const where = this.#requireLive('forward');
    const input = checkTensor(where, 'the input', x);
    const checked = checkOptions<Options>(where, options ?? {}, this.forwardOptionNames());
    const shape = this.readInputShape('forward', input.shape);
    if (checked.activation !== undefined && checked.activation !== 'relu') {
      throw new DeconvError(
        'BAD_OPTION',
        `${where}: expected activation to be 'relu' or left out, got ${String(checked.activation)}. Apply other activations afterwards.`,
        { where },
      );
    }
    const spec = { ...this.specFor(shape, checked), relu: checked.activation === 'relu' };
    const outputShape = this.outputShapeUnder(spec, shape);
    const result =
      checked.out === undefined
        ? allocateTensor(where, outputShape)
        : checkSameShape(where, 'out', checked.out, outputShape);
    this.#plan = this.#run(spec, shape, input.data, result.data, true);
    return result;
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
    checkSameShape(where, 'gradOutput', grad, this.outputShapeUnder(spec, shape));
    const { weight, bias } = this.#parameterGradients(where, spec, shape, input, grad);
    return {
      input: this.#inputGradient(where, spec, shape, input, grad),
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
  dispose(): void {
    this.#disposed = true;
    this.#operators.dispose();
    this.#weight = new Float32Array(0);
    this.#bias = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The layer's parameters as the convention prints them. */
  abstract extraRepr(): string;

  toString(): string {
    return `${this.#definition.name}(${this.extraRepr()})`;
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

  /** @internal What a layer of another precision needs of this one; it outlives `dispose`. */
  geometry(): LayerGeometry {
    const { name, layout } = this.#definition;
    return {
      name,
      layout,
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
    };
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

  #run(
    spec: OperatorSpec,
    { where, batch = 1, extents }: Omit<InputShape, 'batch'> & { readonly batch?: number | undefined },
    input: Float32Array,
    output: Float32Array,
    forward: boolean,
  ): Plan {
    return this.#operators.run(spec, {
      where,
      batch,
      extents,
      layout: this.#definition.layout,
      // A route forced for the layer may not exist for its adjoint.
      route: forward || this.#definition.route === 'scalar' ? this.#definition.route : 'auto',
      input,
      output,
      parameters: () => this.#canonicalParameters(forward),
    });
  }

  #canonicalParameters(withBias: boolean): CanonicalParameters {
    const { weightLayout, mask } = this.#definition;
    const weight = this.#weight instanceof HalfValues ? this.#weight.widen() : this.#weight;
    const masked = mask === undefined ? weight : product(weight, mask);
    return { weight: weightLayout.toCanonical(masked), bias: withBias ? this.#bias : null };
  }

  #parameterGradients(
    where: string,
    spec: OperatorSpec,
    { batch = 1, extents }: InputShape,
    input: Tensor,
    grad: Tensor,
  ): CanonicalParameters {
    const { layout, weightLayout, mask } = this.#definition;
    const gradients = parameterGradients({
      where,
      spec,
      batch,
      extents,
      layout,
      input: input.data,
      gradOutput: grad.data,
      weightElements: this.#weight.length,
      withBias: this.hasBias,
    });
    const weight = weightLayout.fromCanonical(gradients.weight);
    return { weight: mask === undefined ? weight : product(weight, mask), bias: gradients.bias };
  }

  #inputGradient(
    where: string,
    spec: OperatorSpec,
    { batch, extents }: InputShape,
    input: Tensor,
    grad: Tensor,
  ): Tensor {
    const output = outputExtents(where, spec, extents);
    const adjoint = adjointSpec(spec, extents, output);
    const dilated = dilatedExtents(spec, extents);
    const channelsFirst = this.#definition.layout === 'channels-first';
    const result = allocateTensor(where, this.#arrange(batch, spec.inChannels, dilated));
    this.#run(adjoint, { where, batch, extents: output }, grad.data, result.data, false);
    if (dilated.every((extent, axis) => extent === extents[axis])) return result;
    const images = batch ?? 1;
    const [outer, inner] = channelsFirst ? [images * spec.inChannels, 1] : [images, spec.inChannels];
    return {
      data: undilate(result.data, outer, dilated, extents, spec.inputDilation, inner),
      shape: input.shape,
    };
  }

  #requireLive(member: string): string {
    const where = `${this.#definition.name}.${member}`;
    if (this.#disposed) {
      throw new DeconvError(
        'DISPOSED',
        `${where}: expected a live layer, got one after dispose(). Make a new layer.`,
        { where },
      );
    }
    return where;
  }
}

/** The arithmetic of a layer, without its parameters. */
export interface LayerGeometry {
  readonly name: string;
  readonly layout: Layout;
  readonly spec: OperatorSpec;
  readonly optionNames: readonly string[];
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

function copyOf(values: Float32Array | HalfValues): Float32Array {
  return values instanceof HalfValues ? values.widen() : values.slice();
}

function product(values: Float32Array, factors: Float32Array): Float32Array {
  return values.map((value, index) => value * (factors[index] as number));
}

function checkSameShape(where: string, name: string, value: Tensor, shape: readonly number[]): Tensor {
  const checked = checkTensor(where, name, value);
  if (checked.shape.length !== shape.length || checked.shape.some((extent, axis) => extent !== shape[axis])) {
    throw new DeconvError(
      'BAD_SHAPE',
      `${where}: expected ${name} of shape ${shapeText(shape)}, got ${shapeText(checked.shape)}. outputShape tells the shape.`,
      { where, expected: shape, got: checked.shape },
    );
  }
  return value;
}
