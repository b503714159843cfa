import { checkBoolean, checkInteger, refuse } from '../core/checks.js';
import { product, settle } from '../core/lists.js';
import { freshSeed, type RandomSource, seededRandom } from '../core/random.js';
import { guardReceivers } from '../core/receivers.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { python } from '../layers/repr.js';
import { STEP, type Step, type StepRequest } from '../layers/step.js';
import { readNumber, readOptions } from './activation.js';
import {
  type GradientPlaces,
  HeapModule,
  type InputGradient,
  type ModuleForwardOptions,
  type ModuleOptions,
  type Pass,
  type ShapePlan,
} from './heap-module.js';

/** Of a forward: its mode, and the keys of what it dropped. */
type Drawn = readonly [training: boolean, keys: readonly [number, number]];

/** PyTorch's arguments of Dropout. */
export interface DropoutOptions extends ModuleOptions {
  /** Share of the values that are dropped, from 0 to 1. Default 0.5. */
  readonly p?: number;
  /** Seed of what is dropped, 0 to 2^32 - 1. Default: another one each time. */
  readonly seed?: number;
}

/**
 * Multiplies each value by 0 with probability `p` and by `1 / (1 - p)` else (Srivastava et al., 2014), as
 * `torch.nn.Dropout`; in `eval()` it changes nothing. Each `forward` in training draws anew, and `backward` takes what
 * the last one with the same tensor drew. A tensor of any shape; `out` may be the input.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const dropout = new Dropout({ p: 0.5, seed: 1 });
 * const x = { data: new Float32Array(1000).fill(1), shape: [1000] };
 * console.log(dropout.eval().forward(x).data.every((value) => value === 1)); // true
 * console.log([...new Set(dropout.train().forward(x).data)].sort().join(' ')); // 0 2
 */
export class Dropout extends HeapModule<number> {
  readonly p: number;
  readonly #random: RandomSource;
  #keys: readonly [number, number];
  /** Of each input that there still is: one module may stand in several places of a network. */
  readonly #drawn = new WeakMap<TensorLike, readonly [number, number]>();
  #training = true;
  #version = 0;

  static {
    guardReceivers(Dropout.prototype, 'Module', (value) => #random in value);
  }

  constructor(options?: DropoutOptions) {
    const name = 'Dropout';
    const checked = readOptions(name, options, ['p', 'seed']);
    super(name, checked);
    this.p = readNumber(name, 'p', checked.p, 0.5);
    if (this.p < 0 || this.p > 1) refuse('BAD_OPTION', name, 'p from 0 to 1', this.p);
    this.#random = seededRandom(checkInteger(name, 'seed', checked.seed ?? freshSeed(), 0, 2 ** 32 - 1));
    this.#keys = this.#draw();
    settle(this);
  }

  /** Whether values are dropped. Default true. */
  get training(): boolean {
    return this.#training;
  }

  /** @throws {DeconvError} `BAD_TYPE` */
  train(mode = true): this {
    this.#training = checkBoolean('Dropout.train', 'mode', mode);
    this.#version += 1;
    return this;
  }

  /** Changes nothing from now on. */
  eval(): this {
    return this.train(false);
  }

  /** @throws {DeconvError} as every module's forward */
  override forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options?: ModuleForwardOptions & { readonly out?: Out },
  ): Out {
    const result = super.forward<Out>(x, options);
    if (this.#training && !this.again) this.#drawn.set(x, this.#keys);
    return result;
  }

  /** @internal Beside the `forward` above it: without gradients to come nothing is noted. */
  override [STEP](request: StepRequest): Step {
    return super[STEP](request);
  }

  override backward(x: TensorLike, gradOutput: TensorLike): InputGradient {
    const act = (): InputGradient => super.backward(x, gradOutput);
    return this.again ? act() : this.under([this.#training, this.#drawn.get(x) ?? this.#keys], act);
  }

  /** @internal */
  override lastPass(): Drawn {
    return [this.#training, this.#keys];
  }

  /** @internal */
  protected override resume(drawn: Drawn): void {
    [this.#training, this.#keys] = drawn;
  }

  /** @internal */
  protected override repr(): string {
    return `p=${python(this.p)}, inplace=False`;
  }

  /** @internal */
  override get version(): number {
    return this.#version;
  }

  /** @internal */
  protected override get inPlace(): boolean {
    return true;
  }

  /** @internal */
  protected override planShape(_where: string, shape: readonly number[]): ShapePlan<number> {
    return { outputShape: shape, geometry: product(shape) };
  }

  /** @internal */
  protected override compute(pass: Pass<number>, source: number, target: number): void {
    if (this.#training && !this.again) this.#keys = this.#draw();
    this.#apply(pass, source, target);
  }

  /** @internal */
  protected override computeGradients(pass: Pass<number>, { gradient, target }: GradientPlaces): null {
    this.#apply(pass, gradient, target);
    return null;
  }

  #apply({ runtime, geometry: count }: Pass<number>, source: number, target: number): void {
    const { p } = this;
    if (!this.#training || p === 0) {
      runtime.heap.copyWithin(target / 4, source / 4, source / 4 + count);
      return;
    }
    // Of 1 nothing stays, whatever is drawn.
    const threshold = Math.min(Math.round(p * 2 ** 32), 2 ** 32 - 1);
    const scale = p === 1 ? 0 : 1 / (1 - p);
    const [first, second] = this.#keys;
    runtime.module.dropout(count, threshold, first, second, scale, source, target);
  }

  #draw(): readonly [number, number] {
    return [Math.floor(this.#random() * 2 ** 32), Math.floor(this.#random() * 2 ** 32)];
  }
}
