/// <reference lib="esnext.disposable" preserve="true" />
import { checkBoolean, checkChoice, checkInteger, checkOptions, refuse, shapeText } from '../core/checks.js';
import { DeconvError } from '../core/errors.js';
import { fillUniform, kaimingUniformBound } from '../core/initializers.js';
import { freshSeed, seededRandom } from '../core/random.js';
import { type OperatorSpec, outputExtents, weightShape } from '../core/spec.js';
import {
  allocateTensor,
  checkParameter,
  checkShape,
  checkTensor,
  elementCount,
  type Tensor,
} from '../core/tensor.js';
import { NativeOperator, type Plan, ROUTE_NAMES, type RouteName } from '../runtime/native-operator.js';

/** Options that every layer has beside its geometry. */
export interface LayerOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Blocked connections from input to output channels; divides both. Default 1. */
  readonly groups?: number;
  /** Whether the layer adds a learnable bias. Default true. */
  readonly bias?: boolean;
  /** Seed of the initial weight and bias, 0 to 2^32 - 1. Default: another one each time. */
  readonly seed?: number;
  /** Forces a route, for tests and measurements. Default `'auto'`. */
  readonly route?: 'auto' | RouteName;
}

export const LAYER_OPTION_NAMES = [
  'inChannels',
  'outChannels',
  'groups',
  'bias',
  'seed',
  'route',
] as const satisfies readonly (keyof LayerOptions)[];

export interface ForwardOptions {
  /** Receives the result instead of a new tensor; must have the output's shape. */
  readonly out?: Tensor;
}

/** The checked form of LayerOptions. */
export interface LayerSettings {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly bias: boolean;
  readonly seed: number;
  readonly route: 'auto' | RouteName;
}

export function readLayerOptions(where: string, options: LayerOptions): LayerSettings {
  const inChannels = checkInteger(where, 'inChannels', options.inChannels, 1);
  const outChannels = checkInteger(where, 'outChannels', options.outChannels, 1);
  const groups = checkInteger(where, 'groups', options.groups ?? 1, 1);
  for (const [name, channels] of [
    ['inChannels', inChannels],
    ['outChannels', outChannels],
  ] as const) {
    if (channels % groups !== 0) {
      refuse(
        'BAD_OPTION',
        where,
        `${name} to be a multiple of groups (${groups})`,
        channels,
        'Choose groups that divide both channel counts.',
      );
    }
  }
  return {
    inChannels,
    outChannels,
    groups,
    bias: checkBoolean(where, 'bias', options.bias ?? true),
    seed: checkInteger(where, 'seed', options.seed ?? freshSeed(), 0, 2 ** 32 - 1),
    route: checkChoice(where, 'route', options.route ?? 'auto', ['auto', ...ROUTE_NAMES]),
  };
}

/**
 * What all layers share: parameters on the JavaScript side, an operator on the WebAssembly heap
 * that is made on the first forward, and its release.
 */
export abstract class Layer {
  readonly #name: string;
  readonly #spec: OperatorSpec;
  readonly #route: 'auto' | RouteName;
  readonly #hasBias: boolean;
  // One for each tail crop that was asked for (outputSize); nearly always just one.
  readonly #operators = new Map<string, NativeOperator>();
  #weight: Float32Array;
  #bias: Float32Array | null;
  #plan: Plan | null = null;
  #disposed = false;

  /** @internal */
  protected constructor(name: string, spec: OperatorSpec, settings: LayerSettings) {
    this.#name = name;
    this.#spec = spec;
    this.#route = settings.route;
    const count = elementCount(name, 'a weight', weightShape(spec));
    this.#weight = new Float32Array(count);
    this.#hasBias = settings.bias;
    this.#bias = settings.bias ? new Float32Array(spec.outChannels) : null;
    const random = seededRandom(settings.seed);
    const bound = kaimingUniformBound(spec);
    fillUniform(this.#weight, bound, random);
    if (this.#bias !== null) fillUniform(this.#bias, bound, random);
  }

  get inChannels(): number {
    return this.#spec.inChannels;
  }

  get outChannels(): number {
    return this.#spec.outChannels;
  }

  get groups(): number {
    return this.#spec.groups;
  }

  /** A copy of the weight; change it through `setWeight`. */
  get weight(): Tensor {
    this.#requireLive('weight');
    return { data: this.#weight.slice(), shape: weightShape(this.#spec) };
  }

  /** A copy of the bias, `[outChannels]`, or null for a layer without. */
  get bias(): Tensor | null {
    this.#requireLive('bias');
    return this.#bias === null ? null : { data: this.#bias.slice(), shape: [this.#spec.outChannels] };
  }

  /**
   * Replaces the weight by a copy of `weight`, a tensor of the weight's shape or its values in order.
   * The next forward packs it again, which costs a pass over the weight: batch updates.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `DISPOSED`
   */
  setWeight(weight: Tensor | Float32Array): this {
    const where = this.#requireLive('setWeight');
    this.#weight = checkParameter(where, 'a weight', weight, weightShape(this.#spec)).slice();
    this.#invalidateParameters();
    return this;
  }

  /**
   * Replaces the bias by a copy of `bias`, `[outChannels]`.
   *
   * @throws {DeconvError} `BAD_OPTION` if the layer was made with `bias: false`; else as `setWeight`
   */
  setBias(bias: Tensor | Float32Array): this {
    const where = this.#requireLive('setBias');
    if (this.#bias === null) {
      throw new DeconvError(
        'BAD_OPTION',
        `${where}: expected a layer with a bias, got one made with bias: false. Make it with bias: true.`,
        { where },
      );
    }
    this.#bias = checkParameter(where, 'a bias', bias, [this.#spec.outChannels]).slice();
    this.#invalidateParameters();
    return this;
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
    for (const operator of this.#operators.values()) operator.dispose();
    this.#operators.clear();
    this.#weight = new Float32Array(0);
    this.#bias = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The layer's parameters as PyTorch prints them. */
  abstract extraRepr(): string;

  toString(): string {
    return `${this.#name}(${this.extraRepr()})`;
  }

  /** @internal True as well after dispose. */
  protected get hasBias(): boolean {
    return this.#hasBias;
  }

  /** @internal */
  protected get spec(): OperatorSpec {
    return this.#spec;
  }

  /** @internal Splits an input shape into batch and spatial axes, or says what is wrong with it. */
  protected readInputShape(method: string, shape: unknown): InputShape {
    const where = `${this.#name}.${method}`;
    const spec = this.#spec;
    const rank = spec.kernel.length;
    const checked = checkShape(where, 'the input shape', shape);
    const batched = checked.length === rank + 2;
    const channelAxis = batched ? 1 : 0;
    const axes = AXIS_NAMES.slice(3 - rank).join(', ');
    const expected = `[N, ${spec.inChannels}, ${axes}] or [${spec.inChannels}, ${axes}]`;
    if (!batched && checked.length !== rank + 1) {
      throw new DeconvError(
        'BAD_SHAPE',
        `${where}: expected input of shape ${expected}, got ${shapeText(checked)} (${checked.length} axes). Add or drop axes.`,
        { where, expected, got: checked },
      );
    }
    if (checked[channelAxis] !== spec.inChannels) {
      throw new DeconvError(
        'BAD_SHAPE',
        `${where}: expected input of shape ${expected}, got ${shapeText(checked)} (channel axis ${channelAxis}). Set inChannels: ${checked[channelAxis]} or reorder the data.`,
        { where, expected, got: checked },
      );
    }
    const extents = checked.slice(channelAxis + 1);
    for (const [axis, extent] of extents.entries()) {
      if (extent < 1) {
        throw new DeconvError(
          'BAD_SHAPE',
          `${where}: expected at least 1 value along every spatial axis, got ${shapeText(checked)} (axis ${channelAxis + 1 + axis}). Only the batch may be 0.`,
          { where, expected, got: checked },
        );
      }
    }
    elementCount(where, 'an input', checked);
    return { where, batch: batched ? (checked[0] as number) : undefined, extents };
  }

  /** @internal The output's shape under `spec`, which is the layer's own but for its tail crop. */
  protected outputShapeUnder(spec: OperatorSpec, { where, batch, extents }: InputShape): number[] {
    const shape = [spec.outChannels, ...outputExtents(where, spec, extents)];
    if (batch !== undefined) shape.unshift(batch);
    elementCount(where, 'an output', shape);
    return shape;
  }

  /** @internal Runs the operator of `spec` on a checked input. */
  protected compute(spec: OperatorSpec, input: Tensor, shape: InputShape, out: Tensor | undefined): Tensor {
    const { where, batch = 1, extents } = shape;
    const outputShape = this.outputShapeUnder(spec, shape);
    const result = out === undefined ? allocateTensor(where, outputShape) : checkOut(where, out, outputShape);
    const key = spec.padAfter.join();
    const operator = this.#operators.get(key) ?? new NativeOperator(spec);
    // Before the run: an operator that fails has to be disposed too.
    this.#operators.set(key, operator);
    operator.run({
      where,
      batch,
      extents,
      layout: 'channels-first',
      route: this.#route,
      input: input.data,
      output: result.data,
      weight: this.#weight,
      bias: this.#bias,
    });
    this.#plan = operator.plan;
    return result;
  }

  /** @internal Checks what every forward checks first. */
  protected begin<Options extends ForwardOptions>(
    x: Tensor,
    options: Options | undefined,
    known: readonly (keyof Options & string)[],
  ): { readonly input: Tensor; readonly options: Options } {
    const where = this.#requireLive('forward');
    return {
      input: checkTensor(where, 'the input', x),
      options: checkOptions<Options>(where, options ?? {}, known),
    };
  }

  #invalidateParameters(): void {
    for (const operator of this.#operators.values()) operator.invalidateParameters();
  }

  #requireLive(member: string): string {
    const where = `${this.#name}.${member}`;
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

export interface InputShape {
  /** Names the public method in errors. */
  readonly where: string;
  /** Undefined for an unbatched input. */
  readonly batch: number | undefined;
  readonly extents: readonly number[];
}

const AXIS_NAMES = ['D', 'H', 'W'];

function checkOut(where: string, out: unknown, shape: readonly number[]): Tensor {
  const checked = checkTensor(where, 'out', out);
  if (checked.shape.length !== shape.length || checked.shape.some((extent, axis) => extent !== shape[axis])) {
    throw new DeconvError(
      'BAD_SHAPE',
      `${where}: expected out of shape ${shapeText(shape)}, got ${shapeText(checked.shape)}. Make it with layer.outputShape(x.shape).`,
      { where, expected: shape, got: checked.shape },
    );
  }
  return checked;
}
