import { fault } from '../core/checks.js';
import type { HalfType } from '../core/float16.js';
import { copyHalves, type HalfValues } from '../core/half-tensor.js';
import { product } from '../core/lists.js';
import { checkParameter, isHalf, type Tensor, type TensorData, type TensorLike } from '../core/tensor.js';
import type { WeightLayout } from '../core/weight-layout.js';
import type { CanonicalParameters } from '../runtime/operation.js';
import {
  fitState,
  type LoadedState,
  type LoadStateOptions,
  type NestedState,
  type StateDict,
} from './state-dict.js';

/** How a convention keeps a layer's parameters, and their initial values. */
export interface ParameterDefinition {
  /** The order in which the convention keeps a weight. */
  readonly weightLayout: WeightLayout;
  readonly biasShape: readonly number[];
  /** What the convention calls the two in a state by names. Default: `weight` and `bias`. */
  readonly stateNames?: { readonly weight: string; readonly bias: string } | undefined;
  /** Initial values in the convention's order; the layer owns them. */
  readonly weight: Float32Array<ArrayBuffer>;
  readonly bias: Float32Array<ArrayBuffer> | null;
  /** Multiplied into the weight, in the convention's order. */
  readonly mask?: Float32Array | undefined;
}

/**
 * The parameters of one layer, on JavaScript's side in its convention's order. What comes in is copied into an
 * array of this realm, which `slice` would not do; what leaves is a copy.
 */
export class Parameters {
  readonly hasBias: boolean;
  readonly #layout: WeightLayout;
  readonly #biasShape: readonly number[];
  readonly #names: { readonly weight: string; readonly bias: string };
  readonly #mask: Float32Array | undefined;
  #weight: Float32Array<ArrayBuffer> | HalfValues;
  #bias: Float32Array<ArrayBuffer> | null;
  #version = 0;

  constructor({ weightLayout, biasShape, stateNames, weight, bias, mask }: ParameterDefinition) {
    this.hasBias = bias !== null;
    this.#layout = weightLayout;
    this.#biasShape = biasShape;
    this.#names = stateNames ?? { weight: 'weight', bias: 'bias' };
    this.#mask = mask;
    this.#weight = weight;
    this.#bias = bias;
  }

  /** Grows when one of them changes. */
  get version(): number {
    return this.#version;
  }

  get weight(): Tensor<ArrayBuffer> {
    const { shape } = this.#layout;
    const data = isHalfValues(this.#weight) ? this.#weight.widen() : this.#weight.slice();
    return { data, shape: [...shape] };
  }

  get weightType(): 'float32' | HalfType {
    return isHalfValues(this.#weight) ? this.#weight.type : 'float32';
  }

  get bias(): Tensor<ArrayBuffer> | null {
    return this.#bias === null ? null : { data: this.#bias.slice(), shape: [...this.#biasShape] };
  }

  setWeight(where: string, weight: TensorLike | TensorData): void {
    const { shape } = this.#layout;
    this.#version += 1;
    this.#weight = isHalf(weight)
      ? copyHalves(where, 'a weight', weight, shape)
      : new Float32Array(checkParameter(where, 'a weight', weight, shape));
  }

  setBias(where: string, bias: TensorLike | TensorData): void {
    if (this.#bias === null) {
      throw fault('BAD_OPTION', where, 'a layer with a bias', 'one made without', 'Make it with a bias.');
    }
    this.#version += 1;
    this.#bias = new Float32Array(checkParameter(where, 'a bias', bias, this.#biasShape));
  }

  state(): StateDict {
    const { weight, bias } = this;
    const names = this.#names;
    const half = isHalfValues(this.#weight)
      ? { data: this.#weight.bits.slice(), shape: weight.shape, dtype: this.#weight.type }
      : null;
    return { [names.weight]: half ?? weight, ...(bias === null ? {} : { [names.bias]: bias }) };
  }

  loadState(where: string, state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    const names = this.#names;
    const shapes = {
      [names.weight]: this.#layout.shape,
      ...(this.hasBias ? { [names.bias]: this.#biasShape } : {}),
    };
    const { found, missing, unexpected } = fitState(where, shapes, state, options);
    const { [names.weight]: weight, [names.bias]: bias } = found;
    if (weight !== undefined) this.setWeight(where, weight);
    if (bias !== undefined) this.setBias(where, bias);
    return { missing, unexpected };
  }

  /** As the core takes them: in canonical order, masked. */
  canonical(withBias: boolean): CanonicalParameters<ArrayBuffer> {
    const weight = isHalfValues(this.#weight) ? this.#weight.widen() : this.#weight;
    return { weight: this.#layout.toCanonical(this.#masked(weight)), bias: withBias ? this.#bias : null };
  }

  /** The gradient of the weight that belongs to one of the canonical weight. */
  gradientOf(canonical: Float32Array<ArrayBuffer>): Tensor<ArrayBuffer> {
    return { data: this.#masked(this.#layout.fromCanonical(canonical)), shape: [...this.#layout.shape] };
  }

  biasGradientOf(values: Float32Array<ArrayBuffer> | null): Tensor<ArrayBuffer> | null {
    return values && { data: values, shape: [...this.#biasShape] };
  }

  /** Replaces the weight by the one with these canonical values, where there is one. */
  setCanonical(where: string, canonical: Float32Array): void {
    const { shape } = this.#layout;
    const filtered = product(shape) !== canonical.length;
    if (this.#mask !== undefined || filtered) {
      const reason = filtered ? 'a fixed filter' : 'a mask';
      throw fault(
        'UNSUPPORTED',
        where,
        'a layer that computes with its weight as it is',
        `one whose weight goes through ${reason}`,
        'Make a layer without.',
        { reason },
      );
    }
    this.setWeight(where, this.#layout.fromCanonical(canonical));
  }

  release(): void {
    this.#weight = new Float32Array(0);
    this.#bias = null;
  }

  #masked(weight: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    const mask = this.#mask;
    return mask === undefined ? weight : weight.map((value, index) => value * (mask[index] as number));
  }
}

function isHalfValues(values: Float32Array | HalfValues): values is HalfValues {
  return 'bits' in values;
}
