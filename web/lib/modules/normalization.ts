import { NORMALIZATION } from '../core/brands.js';
import { checkBoolean, fault, refuse } from '../core/checks.js';
import { frozen, product, settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import {
  allocateTensor,
  checkParameter,
  type Tensor,
  type TensorData,
  type TensorLike,
} from '../core/tensor.js';
import { checkPlacement, PLACEMENT_OPTION_NAMES, type PlacementOptions } from '../core/torch-words.js';
import {
  fitState,
  type LoadedState,
  type LoadStateOptions,
  type NestedState,
  type StateDict,
  type Stateful,
  widened,
} from '../layers/state-dict.js';
import type { Layout } from '../runtime/operation.js';
import { stageParameters } from '../runtime/staging.js';
import {
  type GradientPlaces,
  HeapModule,
  type ModuleOptions,
  type Pass,
  readLayout,
  type ShapePlan,
} from './heap-module.js';
import { normalizationBlock, SET } from './normalization-block.js';

/** Gradients of `sum(forward(x) * gradOutput)`; null for a module without parameters. */
export interface ModuleGradients {
  readonly input: Tensor<ArrayBuffer>;
  readonly weight: Tensor<ArrayBuffer> | null;
  readonly bias: Tensor<ArrayBuffer> | null;
}

type NormalizationPass = readonly [training: boolean, packed: Float32Array | null];

/** Values that a training forward gathers for later. */
export interface RunningStatistics {
  readonly mean: Float32Array<ArrayBuffer>;
  readonly variance: Float32Array<ArrayBuffer>;
  batches: number;
}

/** A tensor `[batch, channels, points]`, or with channels last, as the core sees it. */
export interface NormalizedShape {
  readonly batch: number;
  readonly points: number;
}

/** What the kinds of normalization differ in. */
export interface NormalizationDefinition {
  readonly name: string;
  readonly set: number;
  /** Of weight and bias. */
  readonly shape: readonly number[];
  readonly groups?: number;
  readonly eps: number;
  readonly layout: Layout;
  readonly affine: boolean;
  /** Whether there is a bias beside the weight. Default true. */
  readonly bias?: boolean;
  readonly running?: boolean;
}

/** Options that every normalization has beside its own. */
export interface NormalizationOptions extends ModuleOptions, PlacementOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Axes of input and output: N C … or N … C. Default `'channels-first'`. */
  readonly layout?: Layout;
}

export const NORMALIZATION_OPTION_NAMES = [
  'eps',
  'layout',
  'runtime',
  ...PLACEMENT_OPTION_NAMES,
] as const satisfies readonly (keyof NormalizationOptions)[];

/**
 * What the normalizations share: parameters of every channel, running statistics, the two modes. `forward` gives
 * `(x - mean) / sqrt(variance + eps) * weight + bias`, of the shape of `x`, and in training moves the running
 * statistics on; `out` may be the input.
 */
export abstract class Normalization extends HeapModule<NormalizedShape> implements Stateful {
  readonly eps: number;
  readonly layout: Layout;
  /** Whether there are a weight and a bias to learn. */
  readonly affine: boolean;
  readonly #name: string;
  readonly #set: number;
  readonly #shape: readonly number[];
  readonly #channels: number;
  readonly #groups: number;
  #weight: Float32Array<ArrayBuffer> | null;
  #bias: Float32Array<ArrayBuffer> | null;
  #running: RunningStatistics | null;
  #training = true;
  #version = 0;
  /** As the core takes them; null when something has changed. */
  #packed: Float32Array | null = null;

  static {
    guardReceivers(Normalization.prototype, 'Normalization', (value) => #weight in value);
  }

  /** @internal */
  protected constructor(definition: NormalizationDefinition, options: ModuleOptions) {
    const { name, set, shape, groups = 1, eps, layout, affine, bias = true, running = false } = definition;
    super(name, options);
    const filled = (value: number): Float32Array<ArrayBuffer> => allocateTensor(name, shape).data.fill(value);
    this.#name = name;
    this.#set = set;
    this.#shape = frozen(shape);
    this.#channels = product(shape);
    this.#groups = groups;
    this.eps = eps;
    this.layout = layout;
    this.affine = affine;
    this.#weight = affine ? filled(1) : null;
    this.#bias = affine && bias ? filled(0) : null;
    this.#running = running ? { mean: filled(0), variance: filled(1), batches: 0 } : null;
    settle(this);
  }

  /** Whether forward computes with the statistics of its input, and gathers them if the module keeps any. Default true. */
  get training(): boolean {
    return this.#training;
  }

  /** @throws {DeconvError} `BAD_TYPE` */
  train(mode = true): this {
    this.#training = checkBoolean(`${this.#name}.train`, 'mode', mode);
    this.forget();
    this.#change();
    return this;
  }

  /** Computes with the running statistics from now on, if the module keeps any. */
  eval(): this {
    return this.train(false);
  }

  /** A copy of the factors, ones at first; null without `affine`. */
  get weight(): Tensor<ArrayBuffer> | null {
    return this.#copyOf(this.#weight);
  }

  /** A copy of the summands, zeros at first; null where there are none. */
  get bias(): Tensor<ArrayBuffer> | null {
    return this.#copyOf(this.#bias);
  }

  /** A copy of the running mean; null for a module that keeps none. */
  get runningMean(): Tensor<ArrayBuffer> | null {
    return this.#copyOf(this.#running?.mean ?? null);
  }

  /** A copy of the running variance, unbiased as in PyTorch; null for a module that keeps none. */
  get runningVar(): Tensor<ArrayBuffer> | null {
    return this.#copyOf(this.#running?.variance ?? null);
  }

  /** @throws {DeconvError} `BAD_OPTION` where there is none; `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER` */
  setWeight(weight: TensorLike | TensorData): this {
    this.#weight = this.#replaced('setWeight', 'a weight', this.#weight, weight);
    this.#change();
    return this;
  }

  /** @throws {DeconvError} as `setWeight` */
  setBias(bias: TensorLike | TensorData): this {
    this.#bias = this.#replaced('setBias', 'a bias', this.#bias, bias);
    this.#change();
    return this;
  }

  /** @internal The mode, and the parameters as the core takes them. */
  override lastPass(): NormalizationPass {
    return [this.#training, this.#packed];
  }

  /** @internal */
  protected override resume(pass: NormalizationPass): void {
    [this.#training, this.#packed] = pass;
  }

  /**
   * Gradients of `sum(forward(x) * gradOutput)` in the present mode: pure, nothing is remembered from a forward.
   *
   * @param gradOutput of the output's shape
   * @throws {DeconvError} as `forward`
   */
  override backward(x: TensorLike, gradOutput: TensorLike): ModuleGradients {
    const { input, parameters } = this.gradients(x, gradOutput);
    const part = (own: Float32Array | null, first: number): Tensor<ArrayBuffer> | null =>
      own === null || parameters === null
        ? null
        : { data: parameters.slice(first, first + this.#channels), shape: [...this.#shape] };
    return { input, weight: part(this.#weight, 0), bias: part(this.#bias, this.#channels) };
  }

  /** Copies of parameters and running statistics by PyTorch's names: `weight`, `bias`, `running_mean` … */
  stateDict(): StateDict {
    const { weight, bias, runningMean, runningVar } = this;
    return {
      ...(weight === null ? {} : { weight }),
      ...(bias === null ? {} : { bias }),
      ...(runningMean === null || runningVar === null
        ? {}
        : { running_mean: runningMean, running_var: runningVar, num_batches_tracked: this.#batches() }),
    };
  }

  /**
   * Replaces parameters and running statistics by copies of those in `state`, or nothing where they do not fit.
   *
   * @throws {DeconvError} as a layer's loadStateDict
   */
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    const where = `${this.#name}.loadStateDict`;
    const shapes = Object.fromEntries(
      Object.entries(this.stateDict()).map(([name, { shape }]) => [name, shape]),
    );
    const { found, missing, unexpected } = fitState(where, shapes, state, options);
    const copy = (name: string): Float32Array<ArrayBuffer> | undefined =>
      found[name] === undefined ? undefined : new Float32Array(widened(where, found[name]).data);
    this.#weight = copy('weight') ?? this.#weight;
    this.#bias = copy('bias') ?? this.#bias;
    if (this.#running !== null) {
      this.#running = {
        mean: copy('running_mean') ?? this.#running.mean,
        variance: copy('running_var') ?? this.#running.variance,
        batches: copy('num_batches_tracked')?.[0] ?? this.#running.batches,
      };
    }
    this.#change();
    return { missing, unexpected };
  }

  /** @internal */
  get [NORMALIZATION](): true {
    return true;
  }

  /** @internal */
  override get version(): number {
    return this.#version;
  }

  /**
   * @internal The module as `x * scale + shift` of every channel, to be folded into what stands before it; null where it
   * computes with the statistics of its input.
   */
  scaleAndShift(): { readonly scale: Float64Array; readonly shift: Float64Array } | null {
    const running = this.#running;
    if (running === null || this.#usesOwn()) return null;
    const scale = Float64Array.from(
      running.variance,
      (variance, channel) => (this.#weight?.[channel] ?? 1) / Math.sqrt(variance + this.eps),
    );
    const shift = Float64Array.from(
      running.mean,
      (mean, channel) => (this.#bias?.[channel] ?? 0) - mean * (scale[channel] as number),
    );
    return { scale, shift };
  }

  /** @internal Batch and points of a shape that the kind takes, or what is wrong with it. */
  protected abstract readShape(where: string, shape: readonly number[]): NormalizedShape;

  /** @internal Refuses a variance of a single value where PyTorch does. */
  protected abstract checkCount(where: string, shape: readonly number[], read: NormalizedShape): void;

  /**
   * @internal Moves the running statistics on by the means and the (biased) variances behind them of one input's sets, of
   * `count` values each.
   */
  protected gatherStatistics(_running: RunningStatistics, _statistics: Float32Array, _count: number): void {}

  /** @internal */
  protected override get inPlace(): boolean {
    return true;
  }

  /** @internal */
  protected override planShape(where: string, shape: readonly number[]): ShapePlan<NormalizedShape> {
    const geometry = this.readShape(where, shape);
    if (this.#usesOwn()) this.checkCount(where, shape, geometry);
    return { outputShape: shape, geometry };
  }

  /** @internal */
  protected override compute(
    { runtime, where, geometry: { batch, points } }: Pass<NormalizedShape>,
    source: number,
    target: number,
  ): void {
    const running = this.#training && !this.again ? this.#running : null;
    const gathers = running !== null && batch * points > 0;
    // Only instance and batch normalization keep statistics.
    const sets = this.#set === SET.channel ? this.#channels : batch * this.#channels;
    const values = this.#parameters();
    const address = stageParameters(runtime, where, values, gathers ? 2 * sets : 0);
    const statistics = gathers ? address + 4 * values.length : 0;
    const status = runtime.module.normalize(address, batch, points, source, statistics, target);
    runtime.check(where, status);
    if (!gathers) return;
    const count = (batch * points * this.#channels) / sets;
    this.gatherStatistics(running, runtime.floats(statistics, 2 * sets), count);
    this.#version += 1;
  }

  /** @internal */
  protected override computeGradients(
    { runtime, where, geometry: { batch, points } }: Pass<NormalizedShape>,
    { source, gradient, target }: GradientPlaces,
  ): Float32Array<ArrayBuffer> | null {
    const count = this.affine ? 2 * this.#channels : 0;
    const values = this.#parameters();
    const address = stageParameters(runtime, where, values, count);
    const gradients = this.affine ? address + 4 * values.length : 0;
    const status = runtime.module.normalizationGradients(
      address,
      batch,
      points,
      source,
      gradient,
      target,
      gradients,
    );
    runtime.check(where, status);
    return this.affine ? (runtime.floats(gradients, count).slice() as Float32Array<ArrayBuffer>) : null;
  }

  /** What does not change from call to call, described and behind each other: so many arguments would be garbage. */
  #parameters(): Float32Array {
    if (this.#packed !== null) return this.#packed;
    const running = this.#usesOwn() ? null : this.#running;
    const values = normalizationBlock({
      set: this.#set,
      layout: this.layout,
      channels: this.#channels,
      groups: this.#groups,
      eps: this.eps,
      weight: this.#weight,
      bias: this.#bias,
      mean: running?.mean ?? null,
      variance: running?.variance ?? null,
    });
    this.#packed = values;
    return values;
  }

  #usesOwn(): boolean {
    return this.#training || this.#running === null;
  }

  #change(): void {
    this.#version += 1;
    this.#packed = null;
  }

  #batches(): Tensor<ArrayBuffer> {
    return { data: Float32Array.of(this.#running?.batches ?? 0), shape: [] };
  }

  #copyOf(values: Float32Array<ArrayBuffer> | null): Tensor<ArrayBuffer> | null {
    return values === null ? null : { data: values.slice(), shape: [...this.#shape] };
  }

  #replaced(
    method: string,
    name: string,
    own: Float32Array | null,
    value: unknown,
  ): Float32Array<ArrayBuffer> {
    const where = `${this.#name}.${method}`;
    if (own === null)
      throw fault('BAD_OPTION', where, `a ${this.#name} with ${name}`, 'one without', 'Make it with affine.');
    return new Float32Array(checkParameter(where, name, value, this.#shape));
  }
}

/** Checks what all options share. */
export function readNormalization(
  where: string,
  options: NormalizationOptions,
): { readonly eps: number; readonly layout: Layout } {
  checkPlacement(where, options);
  const eps: unknown = options.eps ?? 1e-5;
  if (typeof eps !== 'number') refuse('BAD_TYPE', where, 'eps to be a number', eps);
  if (!(eps >= 0 && Number.isFinite(eps))) refuse('BAD_OPTION', where, 'a finite eps of at least 0', eps);
  return { eps, layout: readLayout(where, options.layout) };
}

/** PyTorch's own rule, which counts values beside the channels. */
export function refuseSingleValue(where: string, what: string, shape: readonly number[]): never {
  return refuse(
    'BAD_SHAPE',
    where,
    `more than 1 ${what} to take statistics of`,
    [...shape],
    'Pass more values; in eval() running statistics take their place, if the module keeps any.',
  );
}

/** `[N, C, ...]` or `[N, ..., C]` of one of the ranks, of any from 2 up without, or unbatched where the kind allows it. */
export function readChannels(
  where: string,
  shape: readonly number[],
  channels: number,
  layout: Layout,
  ranks?: readonly number[],
  unbatched: number | null = null,
): NormalizedShape {
  const first = layout === 'channels-first';
  const rank = shape.length;
  const batched = rank !== unbatched;
  const axis = first ? (batched ? 1 : 0) : rank - 1;
  const fits = !batched || (ranks?.includes(rank) ?? rank >= 2);
  if (!fits || shape[axis] !== channels) {
    const spatial = ranks?.map((each) => ['D', 'H', 'W'].slice(5 - each)) ?? [['...']];
    const expected = spatial.map((axes) => (first ? ['N', channels, ...axes] : ['N', ...axes, channels]));
    refuse(
      'BAD_SHAPE',
      where,
      `input of shape ${expected.map((axes) => `[${axes.join(', ')}]`).join(' or ')}`,
      [...shape],
      fits
        ? `Channel axis ${axis} must have ${channels}: reorder the axes or set layout.`
        : 'Add or drop axes.',
    );
  }
  const spatial = first ? shape.slice(axis + 1) : shape.slice(batched ? 1 : 0, -1);
  return { batch: batched ? (shape[0] as number) : 1, points: product(spatial) };
}
