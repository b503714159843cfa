import { checkChoice, checkOptions } from '../core/checks.js';
import { product } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { checkTensor, checkTensorOf, FreshTensor, type Tensor, type TensorLike } from '../core/tensor.js';
import { type ForwardCall, repeats } from '../layers/forward-call.js';
import { BOUND, STEP, type Step, type StepRequest } from '../layers/step.js';
import { checkRuntime } from '../runtime/execution.js';
import { locate, type Place, type Sink, sinkOf } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { FLOAT32, type Layout } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';
import { deliver, fill, releaseRooms, stageInput, stageOutput, withBlock } from '../runtime/staging.js';

/**
 * Options that every module has beside its own.
 *
 * @example
 * const runtime = await createRuntime();
 * const tanh = new Tanh({ runtime });
 * console.log(tanh.forward({ data: [0, Infinity], shape: [2] }).data.join(' ')); // 0 1
 * await runtime.shutdown();
 */
export interface ModuleOptions {
  /** Where it is computed: a runtime of `createRuntime`. Default: the default one at the time of the call. */
  readonly runtime?: Runtime | undefined;
}

/** What `forward` of a module takes beside its input. */
export interface ModuleForwardOptions {
  /**
   * Receives the result instead of a new tensor; must have the output's shape. It may be the input, or overlap it in
   * any way. With a HeapTensor for input and output nothing is copied (but where the two overlap).
   */
  readonly out?: Tensor;
}

/** Gradient of `sum(forward(x) * gradOutput)`. */
export interface InputGradient {
  readonly input: Tensor<ArrayBuffer>;
}

/** What a module makes of an input's shape, once for all calls with that shape. */
export interface ShapePlan<Geometry> {
  readonly outputShape: readonly number[];
  /** The shape in the core's terms. */
  readonly geometry: Geometry;
}

/** What the core is asked in: by whom, where and with which shape. */
export interface Pass<Geometry> {
  readonly where: string;
  readonly runtime: Runtime;
  readonly geometry: Geometry;
}

/** Addresses of a backward pass. */
export interface GradientPlaces {
  /** The input and the output's gradient; not to be written. */
  readonly source: number;
  readonly gradient: number;
  /** The input's gradient. */
  readonly target: number;
}

interface Call<Geometry>
  extends ShapePlan<Geometry>,
    Pick<ForwardCall, 'where' | 'inputShape' | 'optionNames' | 'optionValues'> {
  readonly inputCount: number;
  readonly outputCount: number;
  /** Of the last run, for the next on the same runtime. */
  pass?: Pass<Geometry>;
}

/** Of options with one of the two; channels first without. */
export function readLayout(where: string, layout: Layout | undefined): Layout {
  return checkChoice(where, 'layout', layout ?? 'channels-first', ['channels-first', 'channels-last']);
}

const OPTION_NAMES = ['out'] as const satisfies readonly (keyof ModuleForwardOptions)[];

/**
 * What stands between layers: a function of one tensor that the core computes on the WebAssembly heap, where it owns
 * nothing. A kind says what it makes of a shape, and computes between addresses of whole tensors.
 */
export abstract class HeapModule<Geometry> {
  readonly #name: string;
  readonly #runtime: Runtime | undefined;
  #last: Call<Geometry> | undefined;
  #again = false;

  static {
    guardReceivers(HeapModule.prototype, 'Module', (value) => #name in value, [
      ...Object.getOwnPropertyNames(HeapModule.prototype),
      BOUND,
      STEP,
    ]);
  }

  /** @internal */
  protected constructor(name: string, { runtime }: ModuleOptions) {
    this.#name = name;
    this.#runtime = checkRuntime(name, runtime);
  }

  /**
   * Computes the module and remembers nothing of `x`.
   *
   * @returns `options.out` where there is one
   * @throws {DeconvError} `NOT_INITIALIZED`, `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `BAD_OPTION`, `TOO_LARGE`,
   * `OUT_OF_MEMORY`
   */
  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options?: ModuleForwardOptions & { readonly out?: Out },
  ): Out {
    let call = this.#last;
    if (call === undefined || !repeats(call, x, options)) {
      const where = `${this.#name}.forward`;
      if (options !== undefined) checkOptions<ModuleForwardOptions>(where, options, OPTION_NAMES);
      call = this.#prepare(where, x);
      this.#last = call;
    }
    const { where, inputShape, inputCount, outputShape, outputCount } = call;
    const input = checkTensorOf(where, 'the input', x, inputShape, inputCount);
    const out = options?.out;
    const runtime = requireRuntime(where, this.#runtime);
    const place = locate(input, runtime);
    if (out === undefined) {
      const fresh = new FreshTensor(where, outputShape);
      this.#run(runtime, call, place, fresh);
      return fresh.tensor as Tensor as Out;
    }
    this.#run(runtime, call, place, sinkOf(where, out, outputShape, outputCount, runtime));
    return out;
  }

  /**
   * Gradient of `sum(forward(x) * gradOutput)`: pure, nothing is remembered from a forward.
   *
   * @param gradOutput of the output's shape
   * @throws {DeconvError} as `forward`
   */
  backward(x: TensorLike, gradOutput: TensorLike): InputGradient {
    return { input: this.gradients(x, gradOutput).input };
  }

  /** The class with its arguments, as PyTorch prints them. */
  toString(): string {
    return `${this.#name}(${this.extraRepr()})`;
  }

  /** The arguments as PyTorch prints them. */
  extraRepr(): string {
    return this.repr();
  }

  /** @internal What `extraRepr` gives, of an object of this class alone. */
  protected repr(): string {
    return '';
  }

  /** @internal */
  get [BOUND](): Runtime | undefined {
    return this.#runtime;
  }

  /** @internal */
  [STEP]({ runtime, inputShape }: StepRequest): Step {
    const where = `${this.#name}.forward`;
    const { outputShape, geometry } = this.planShape(where, inputShape);
    const pass = { where, runtime, geometry };
    return {
      outputShape,
      inPlace: this.inPlace,
      run: (source, target) => {
        try {
          this.compute(pass, source, target);
        } catch (error) {
          throw runtime.asError(where, error);
        }
      },
    };
  }

  /** @internal Grows whenever a call with the same input may give something else than before. */
  get version(): number {
    return 0;
  }

  /** @internal What the last forward was made with, of kinds whose passes differ. */
  lastPass(): unknown {
    return undefined;
  }

  /** @internal Does something as in that pass, or the last one, whatever has changed since, and moves nothing on. */
  under<Result>(pass: unknown, act: () => Result): Result {
    const present = this.lastPass();
    this.resume(pass ?? present);
    this.#again = true;
    try {
      return act();
    } finally {
      this.resume(present);
      this.#again = false;
    }
  }

  /** @internal Whether a pass is repeated, so that nothing moves on. */
  protected get again(): boolean {
    return this.#again;
  }

  /** @internal Is as in a pass of `lastPass`. */
  protected resume(_pass: unknown): void {}

  /** @internal For kinds whose `planShape` depends on more than the shape: it is asked anew. */
  protected forget(): void {
    this.#last = undefined;
  }

  /** @internal The output's shape for an input's, or what is wrong with it. */
  protected abstract planShape(where: string, shape: readonly number[]): ShapePlan<Geometry>;

  /** @internal Whether `compute` may write where it reads. */
  protected get inPlace(): boolean {
    return false;
  }

  /** @internal Computes the values at `target` of those at `source`. */
  protected abstract compute(pass: Pass<Geometry>, source: number, target: number): void;

  /** @internal Computes the input's gradient at `target`, and returns those of the parameters if there are any. */
  protected abstract computeGradients(
    pass: Pass<Geometry>,
    places: GradientPlaces,
  ): Float32Array<ArrayBuffer> | null;

  /** @internal All gradients; for kinds with parameters, whose `backward` has more to give. */
  protected gradients(
    x: TensorLike,
    gradOutput: TensorLike,
  ): { input: Tensor<ArrayBuffer>; parameters: Float32Array<ArrayBuffer> | null } {
    const where = `${this.#name}.backward`;
    const { inputShape, inputCount, outputShape, outputCount, geometry } = this.#prepare(where, x);
    const input = checkTensorOf(where, 'the input', x, inputShape, inputCount);
    const grad = checkTensorOf(where, 'gradOutput', gradOutput, outputShape, outputCount);
    const runtime = requireRuntime(where, this.#runtime);
    const places = [locate(input, runtime), locate(grad, runtime)] as const;
    const result = new FreshTensor(where, inputShape);
    const parameters = withBlock(runtime, where, inputCount, (target) => {
      const source = stageInput(runtime, where, 'input', places[0], inputCount, FLOAT32, false);
      const gradient = stageInput(runtime, where, 'output', places[1], outputCount, FLOAT32, false);
      fill(runtime, places[0], source, inputCount, FLOAT32, false);
      fill(runtime, places[1], gradient, outputCount, FLOAT32, false);
      const others = this.computeGradients({ where, runtime, geometry }, { source, gradient, target });
      result.set(runtime.floats(target, inputCount));
      return others;
    });
    return { input: result.tensor, parameters };
  }

  /** Checks everything about a call but the data. */
  #prepare(where: string, x: unknown): Call<Geometry> {
    const { shape, data } = checkTensor(where, 'the input', x);
    const { outputShape, geometry } = this.planShape(where, shape);
    return {
      where,
      inputShape: shape,
      inputCount: data.length,
      outputShape,
      outputCount: product(outputShape),
      geometry,
      optionNames: OPTION_NAMES,
      optionValues: [undefined],
    };
  }

  #run(runtime: Runtime, call: Call<Geometry>, input: Place, output: Sink): void {
    const { where, geometry, inputCount, outputCount } = call;
    try {
      const source = stageInput(runtime, where, 'input', input, inputCount, FLOAT32, false);
      const target =
        output === source && this.inPlace
          ? source
          : stageOutput(runtime, where, output, outputCount, FLOAT32, source, 4 * inputCount);
      fill(runtime, input, source, inputCount, FLOAT32, false);
      if (call.pass?.runtime !== runtime) call.pass = { where, runtime, geometry };
      this.compute(call.pass, source, target);
      deliver(runtime, output, target, outputCount, FLOAT32);
    } catch (error) {
      throw runtime.asError(where, error);
    } finally {
      releaseRooms(runtime);
    }
  }
}
