import { hasBrand, LAYER } from '../core/brands.js';
import type { DisposableObject } from '../core/disposable.js';
import type { HalfType } from '../core/float16.js';
import type { Tensor, TensorData, TensorLike } from '../core/tensor.js';
import type { Plan } from '../runtime/planning.js';
import type { INTERNALS, LayerInternals } from './internals.js';
import type { LoadedState, LoadStateOptions, NestedState, StateDict } from './state-dict.js';

/** What `forward` of a {@link Layer} takes beside its input. */
export interface ForwardOptions {
  /**
   * Receives the result instead of a new tensor; must have the output's shape. It may overlap the input
   * in any way. With a HeapTensor for input and output nothing is copied (but where the two overlap).
   */
  readonly out?: Tensor;
  /** Applied to the result at no cost. */
  readonly activation?: 'relu';
}

/** What `backward` of a {@link Layer} takes beside input and gradient. */
export interface BackwardOptions {
  /** As the forward had it: no gradient passes where it clamped. Layers that always clamp need no word. */
  readonly activation?: 'relu';
  /** What that forward gave, which is computed again without it. Looked at only where something is clamped. */
  readonly output?: TensorLike;
}

/** Gradients of `sum(forward(x) * gradOutput)`, each in the shape of what it belongs to. */
export interface LayerGradients {
  readonly input: Tensor<ArrayBuffer>;
  readonly weight: Tensor<ArrayBuffer>;
  /** Null for a layer without a bias. */
  readonly bias: Tensor<ArrayBuffer> | null;
}

/**
 * A layer of any convention: parameters in the convention's order, and memory on the WebAssembly heap that is taken
 * when it is first needed.
 */
export interface Layer<Options extends ForwardOptions = ForwardOptions> extends DisposableObject {
  readonly outChannels: number;
  readonly groups: number;
  /** A copy of the weight; change it through `setWeight`. */
  readonly weight: Tensor<ArrayBuffer>;
  /** How the layer keeps its weight: as `setWeight` got it. It computes in float32 whichever it is. */
  readonly weightType: 'float32' | HalfType;
  /** A copy of the bias, or null for a layer without. */
  readonly bias: Tensor<ArrayBuffer> | null;
  /** Route, build and reason of the last forward; null before the first. */
  readonly plan: Plan | null;
  readonly disposed: boolean;
  /**
   * Replaces the weight by a copy of `weight`, a tensor of the weight's shape or its values in order.
   * The next forward packs it again, which costs a pass over the weight: batch updates.
   *
   * A weight of 16 bits (a Float16Array, or a Uint16Array of patterns with a `dtype`) stays so: half the
   * memory on the JavaScript side, converted without loss when it is packed.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `BAD_OPTION` (a dtype), `DISPOSED`
   */
  setWeight(weight: TensorLike | TensorData): this;
  /**
   * Replaces the bias by a copy of `bias`, a tensor of the bias's shape or its values.
   *
   * @throws {DeconvError} `BAD_OPTION` if the layer was made without a bias; else as `setWeight`
   */
  setBias(bias: TensorLike | TensorData): this;
  /**
   * Copies of the parameters by the names of the layer's convention: `weight` and `bias` in PyTorch. A weight of 16
   * bits is given as it is kept.
   *
   * @throws {DeconvError} `DISPOSED`
   */
  stateDict(): StateDict;
  /**
   * Replaces the parameters by copies of those in `state`, or nothing where they do not fit.
   *
   * @returns the names that did not match, with `strict: false`
   * @throws {DeconvError} `BAD_OPTION` for missing and unexpected names, `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`,
   * `DISPOSED`; the message has a word for each name
   *
   * @example
   * const [one, other] = [1, 2].map((seed) => new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4, seed }));
   * other.loadStateDict(one.stateDict());
   * console.log(other.weight.data.join() === one.weight.data.join()); // true
   */
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState;
  /**
   * Computes the layer and remembers nothing of `x`. The result has the shape that `outputShape` gives; it is
   * `options.out` where there is one. An `x` that is no Float32Array is copied into one.
   *
   * @throws {DeconvError} `NOT_INITIALIZED`, `DISPOSED`, `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`,
   * `BAD_OPTION`, `TOO_LARGE`, `OUT_OF_MEMORY`, `UNSUPPORTED` (a forced route); the layer stays usable
   */
  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options?: Options & { readonly out?: Out },
  ): Out;
  /**
   * Gradients of `sum(forward(x) * gradOutput)`: pure, nothing is remembered from a forward.
   *
   * @param gradOutput of the output's shape
   * @throws {DeconvError} as `forward`
   *
   * @example
   * await init();
   * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
   * layer.setWeight([1, -1]);
   * const x = { data: [3], shape: [1, 1, 1] };
   * const y = layer.forward(x, { activation: 'relu' });
   * const { input, weight } = layer.backward(x, { data: [1, 1], shape: [1, 1, 2] }, { activation: 'relu', output: y });
   * console.log(y.data.join(' '), '|', input.data.join(' '), '|', weight.data.join(' ')); // 3 0 | 1 | 3 0
   */
  backward(x: TensorLike, gradOutput: TensorLike, options?: BackwardOptions): LayerGradients;
  /** Frees the layer's memory at once. May be called again; every use after it throws `DISPOSED`. */
  dispose(): void;
  /** The class with the layer's parameters, as the convention prints them. */
  toString(): string;
  /** @internal */
  readonly [LAYER]: true;
  /** @internal */
  readonly [INTERNALS]: LayerInternals;
}

/** Whether `value` is a layer of any convention, of this copy of the package or of another one. */
export function isLayer(value: unknown): value is Layer {
  return hasBrand(value, LAYER);
}
