import { hasBrand, NORMALIZATION } from '../core/brands.js';
import { checkBoolean, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { allocateTensor, checkParameter, checkTensor, sameList, type Tensor } from '../core/tensor.js';
import { checkPlacement, type PlacementOptions } from '../core/torch-words.js';
import {
  fitState,
  type LoadedState,
  type LoadStateOptions,
  type NestedState,
  type StateDict,
  type Stateful,
  widened,
} from '../layers/state-dict.js';
import {
  type BlockSets,
  type Moments,
  normalizationGradients,
  normalize,
  statisticsOf,
} from './normalization-kernel.js';

/** Gradients of `sum(forward(x) * gradOutput)`; null for a module without parameters. */
export interface ModuleGradients {
  readonly input: Tensor<ArrayBuffer>;
  readonly weight: Tensor<ArrayBuffer> | null;
  readonly bias: Tensor<ArrayBuffer> | null;
}

/** Values that a training forward gathers for later. */
export interface RunningStatistics {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  batches: number;
}

/** What the kinds of normalization differ in. */
export interface NormalizationDefinition {
  readonly name: string;
  readonly channels: number;
  readonly eps: number;
  readonly affine: boolean;
  readonly running: boolean;
}

/** Options that every normalization has beside its own. */
export interface NormalizationOptions extends PlacementOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/**
 * What the normalizations share: parameters of every channel, running statistics, the two modes. Nothing lies on
 * the WebAssembly heap, so there is nothing to dispose of. Data are channels first, `[N, C, ...]`.
 */
export abstract class Normalization implements Stateful {
  readonly eps: number;
  /** Whether there are a weight and a bias to learn. */
  readonly affine: boolean;
  readonly #name: string;
  readonly #channels: number;
  #weight: Float32Array | null;
  #bias: Float32Array | null;
  #running: RunningStatistics | null;
  #training = true;

  static {
    guardReceivers(Normalization.prototype, 'Normalization', (value) => #weight in value);
  }

  /** @internal */
  protected constructor({ name, channels, eps, affine, running }: NormalizationDefinition) {
    this.#name = name;
    this.#channels = channels;
    this.eps = eps;
    this.affine = affine;
    this.#weight = affine ? new Float32Array(channels).fill(1) : null;
    this.#bias = affine ? new Float32Array(channels) : null;
    this.#running = running
      ? { mean: new Float32Array(channels), variance: new Float32Array(channels).fill(1), batches: 0 }
      : null;
  }

  /** Whether forward computes with the statistics of its input, and gathers them if the module keeps any. Default true. */
  get training(): boolean {
    return this.#training;
  }

  /** @throws {DeconvError} `BAD_TYPE` */
  train(mode = true): this {
    this.#training = checkBoolean(`${this.#name}.train`, 'mode', mode);
    return this;
  }

  /** Computes with the running statistics from now on, if the module keeps any. */
  eval(): this {
    return this.train(false);
  }

  /** A copy of the factors `[channels]`, ones at first; null without `affine`. */
  get weight(): Tensor<ArrayBuffer> | null {
    return this.#copyOf(this.#weight);
  }

  /** A copy of the summands `[channels]`, zeros at first; null without `affine`. */
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

  /** @throws {DeconvError} `BAD_OPTION` without `affine`; `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER` */
  setWeight(weight: Tensor | Float32Array): this {
    this.#weight = this.#replaced('setWeight', 'a weight', this.#weight, weight);
    return this;
  }

  /** @throws {DeconvError} as `setWeight` */
  setBias(bias: Tensor | Float32Array): this {
    this.#bias = this.#replaced('setBias', 'a bias', this.#bias, bias);
    return this;
  }

  /**
   * The normalized tensor, of the shape of `x`. In training the running statistics move on.
   *
   * @throws {DeconvError} `BAD_SHAPE` (also for a single value to take a variance of), `BAD_TYPE`, `BAD_BUFFER`,
   * `OUT_OF_MEMORY`
   */
  forward(x: Tensor): Tensor<ArrayBuffer> {
    return this.#compute(x, true);
  }

  /** @internal The same without moving the running statistics on: for gradients that compute a pass again. */
  forwardAgain(x: Tensor): Tensor<ArrayBuffer> {
    return this.#compute(x, false);
  }

  /**
   * Gradients of `sum(forward(x) * gradOutput)` in the present mode: pure, nothing is remembered from a forward.
   *
   * @throws {DeconvError} as `forward`
   */
  backward(x: Tensor, gradOutput: Tensor): ModuleGradients {
    const where = `${this.#name}.backward`;
    const { data, shape } = checkTensor(where, 'the input', x);
    const sets = this.#setsOf(where, shape);
    const grad = checkTensor(where, 'gradOutput', gradOutput);
    if (!sameList(grad.shape, shape)) {
      refuse('BAD_SHAPE', where, `gradOutput of shape [${shape.join(', ')}], as the input has`, [
        ...grad.shape,
      ]);
    }
    const own = this.#usesOwn();
    const moments = own ? this.#momentsOf(statisticsOf(data, sets)) : this.#runningMoments(sets);
    const gradients = normalizationGradients(data, grad.data, sets, moments, this.#weight, own);
    const channels = [this.#channels];
    return {
      input: { data: gradients.input, shape },
      weight: this.affine ? { data: gradients.weight, shape: channels } : null,
      bias: this.affine ? { data: gradients.bias, shape: channels } : null,
    };
  }

  /** Copies of parameters and running statistics by PyTorch's names: `weight`, `bias`, `running_mean` … */
  stateDict(): StateDict {
    const { weight, bias, runningMean, runningVar } = this;
    return {
      ...(weight === null || bias === null ? {} : { weight, bias }),
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
    const copy = (name: string): Float32Array | undefined =>
      found[name] === undefined ? undefined : widened(where, found[name]).data.slice();
    this.#weight = copy('weight') ?? this.#weight;
    this.#bias = copy('bias') ?? this.#bias;
    if (this.#running !== null) {
      this.#running = {
        mean: copy('running_mean') ?? this.#running.mean,
        variance: copy('running_var') ?? this.#running.variance,
        batches: copy('num_batches_tracked')?.[0] ?? this.#running.batches,
      };
    }
    return { missing, unexpected };
  }

  toString(): string {
    return `${this.#name}(${this.extraRepr()})`;
  }

  /** The arguments as PyTorch prints them. */
  abstract extraRepr(): string;

  /** @internal */
  get [NORMALIZATION](): true {
    return true;
  }

  /** @internal How the kind gathers the blocks of `[batch, channels]` and `inner` values each. */
  protected abstract gather(batch: number, inner: number): Omit<BlockSets, 'channels' | 'inner'>;

  /** @internal Batch and values of one block of a shape that the kind takes, or what is wrong with it. */
  protected abstract readShape(where: string, shape: readonly number[]): { batch: number; inner: number };

  /** @internal Refuses a variance of a single value where PyTorch does. */
  protected abstract checkCount(where: string, shape: readonly number[], sets: BlockSets): void;

  /** @internal Moves the running statistics on by those of one input. */
  protected gatherStatistics(
    _running: RunningStatistics,
    _statistics: ReturnType<typeof statisticsOf>,
    _sets: BlockSets,
  ): void {}

  #compute(x: Tensor, moves: boolean): Tensor<ArrayBuffer> {
    const where = `${this.#name}.forward`;
    const { data, shape } = checkTensor(where, 'the input', x);
    const sets = this.#setsOf(where, shape);
    const result = allocateTensor(where, shape);
    let moments: Moments;
    if (this.#usesOwn()) {
      const statistics = statisticsOf(data, sets);
      if (moves && this.#training && this.#running !== null && data.length > 0) {
        this.gatherStatistics(this.#running, statistics, sets);
      }
      moments = this.#momentsOf(statistics);
    } else {
      moments = this.#runningMoments(sets);
    }
    normalize(data, sets, moments, { weight: this.#weight, bias: this.#bias }, result.data);
    return result;
  }

  #setsOf(where: string, shape: readonly number[]): BlockSets {
    const { batch, inner } = this.readShape(where, shape);
    const sets = { ...this.gather(batch, inner), channels: this.#channels, inner };
    if (this.#usesOwn()) this.checkCount(where, shape, sets);
    return sets;
  }

  #usesOwn(): boolean {
    return this.#training || this.#running === null;
  }

  #momentsOf({ mean, variance }: ReturnType<typeof statisticsOf>): Moments {
    return { mean, inverse: variance.map((value) => 1 / Math.sqrt(value + this.eps)) };
  }

  /** Those of every channel for all of its blocks. */
  #runningMoments({ setOf, sets }: BlockSets): Moments {
    const mean = new Float64Array(sets);
    const variance = new Float64Array(sets);
    const running = this.#running as RunningStatistics;
    for (const [block, set] of setOf.entries()) {
      mean[set] = running.mean[block % this.#channels] as number;
      variance[set] = running.variance[block % this.#channels] as number;
    }
    return this.#momentsOf({ mean, variance });
  }

  #batches(): Tensor<ArrayBuffer> {
    return { data: Float32Array.of(this.#running?.batches ?? 0), shape: [] };
  }

  #copyOf(values: Float32Array | null): Tensor<ArrayBuffer> | null {
    return values === null ? null : { data: values.slice(), shape: [this.#channels] };
  }

  #replaced(method: string, name: string, own: Float32Array | null, value: unknown): Float32Array {
    const where = `${this.#name}.${method}`;
    if (own === null)
      refuse('BAD_OPTION', where, `a ${this.#name} with affine`, 'one without', 'Make it with affine.');
    return checkParameter(where, name, value, [this.#channels]).slice();
  }
}

export function isNormalization(value: unknown): value is Normalization {
  return hasBrand(value, NORMALIZATION);
}

/** Checks what all options share; returns `eps`. */
export function readNormalization(where: string, options: NormalizationOptions): number {
  checkPlacement(where, options);
  const eps: unknown = options.eps ?? 1e-5;
  if (typeof eps !== 'number') refuse('BAD_TYPE', where, 'eps to be a number', eps);
  if (!(eps >= 0 && Number.isFinite(eps))) refuse('BAD_OPTION', where, 'a finite eps of at least 0', eps);
  return eps;
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

/** `[N, C, ...]` of one of the ranks, or unbatched where the kind allows it. */
export function readChannelsFirst(
  where: string,
  shape: readonly number[],
  channels: number,
  ranks: readonly number[],
  unbatched: number | null,
): { batch: number; inner: number } {
  const batched = shape.length !== unbatched;
  const expected = ranks.map(
    (rank) =>
      `[${['N', channels, 'D', 'H', 'W'].filter((_, at) => at < 2 || at >= 5 - (rank - 2)).join(', ')}]`,
  );
  if (batched && !ranks.includes(shape.length)) {
    refuse('BAD_SHAPE', where, `input of shape ${expected.join(' or ')}`, [...shape], 'Add or drop axes.');
  }
  const axis = batched ? 1 : 0;
  if (shape[axis] !== channels) {
    refuse(
      'BAD_SHAPE',
      where,
      `input of shape ${expected.join(' or ')}`,
      [...shape],
      `Channel axis ${axis} must have ${channels}.`,
    );
  }
  return { batch: batched ? (shape[0] as number) : 1, inner: product(shape.slice(axis + 1)) };
}
