import { LAYER, RESIZE_CONV } from '../core/brands.js';
import { refuse } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import type { HalfType } from '../core/float16.js';
import { type AxisList, type SpatialRank, settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { checkTensor, type Tensor, type TensorData, type TensorLike } from '../core/tensor.js';
import { type InputShape, outputShape, readInputShape } from '../layers/input-shape.js';
import { INTERNALS, internalsOf, type LayerInternals } from '../layers/internals.js';
import type { BackwardOptions, ForwardOptions, Layer, LayerGradients } from '../layers/layer.js';
import { tuple } from '../layers/repr.js';
import type { LoadedState, LoadStateOptions, NestedState, StateDict } from '../layers/state-dict.js';
import { BOUND, STEP, type Step, type StepRequest } from '../layers/step.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import type { Plan } from '../runtime/planning.js';
import type { Runtime } from '../runtime/runtime.js';
import { InnerLayer } from './inner-layer.js';
import {
  type ResizeConvOptions,
  type ResizeMethod,
  type ResizeMode,
  readResizeOptions,
  resizeMethod,
} from './resize-method.js';

/**
 * Resize followed by a convolution (Odena et al., Distill 2016): free of checkerboard patterns whatever its
 * weight is. Equal to PyTorch's `nn.Conv(padding, padding_mode)(nn.Upsample(scale_factor, mode)(x))`,
 * borders included.
 *
 * It runs as the transposed convolution whose kernel is the weight convolved with what a resize stamps:
 * fewer products, and the resized tensor is never made. Only linear modes with a padding of zeros run in two
 * steps, because at their borders no single transposed convolution is equal.
 */
export abstract class ResizeConv<Rank extends SpatialRank = SpatialRank>
  extends DisposableObject
  implements Layer
{
  readonly inChannels: number;
  readonly scaleFactor: AxisList<Rank>;
  readonly mode: ResizeMode;
  readonly kernelSize: AxisList<Rank>;
  readonly padding: AxisList<Rank> | 'same' | 'valid';
  readonly paddingMode: 'zeros' | 'replicate';
  readonly dilation: AxisList<Rank>;
  readonly #method: ResizeMethod;
  /** The operator behind the steps; the parameters are its own. */
  readonly #operator: InnerLayer;

  static {
    guardReceivers(ResizeConv.prototype, 'ResizeConv', (value) => #method in value, [
      ...Object.getOwnPropertyNames(ResizeConv.prototype),
      INTERNALS,
      BOUND,
      STEP,
    ]);
  }

  /** @internal */
  protected constructor(name: string, rank: Rank, options: ResizeConvOptions<Rank>) {
    super();
    const settings = readResizeOptions(name, rank, options);
    this.#method = resizeMethod(name, settings);
    this.#operator = new InnerLayer(this.#method.operator);
    this.inChannels = settings.layer.inChannels;
    this.scaleFactor = settings.scale as AxisList<Rank>;
    this.mode = settings.mode;
    this.kernelSize = settings.kernel as AxisList<Rank>;
    this.padding =
      typeof settings.padding.given === 'string'
        ? settings.padding.given
        : (settings.padding.given as AxisList<Rank>);
    this.paddingMode = settings.paddingMode;
    this.dilation = settings.dilation as AxisList<Rank>;
    settle(this);
  }

  get outChannels(): number {
    return this.#operator.outChannels;
  }

  get groups(): number {
    return this.#operator.groups;
  }

  get weight(): Tensor<ArrayBuffer> {
    return this.#operator.weight;
  }

  get weightType(): 'float32' | HalfType {
    return this.#operator.weightType;
  }

  get bias(): Tensor<ArrayBuffer> | null {
    return this.#operator.bias;
  }

  get plan(): Plan | null {
    return this.#operator.plan;
  }

  get disposed(): boolean {
    return this.#operator.disposed;
  }

  setWeight(weight: TensorLike | TensorData): this {
    this.#operator.setWeight(weight);
    return this;
  }

  setBias(bias: TensorLike | TensorData): this {
    this.#operator.setBias(bias);
    return this;
  }

  stateDict(): StateDict {
    return this.#operator.stateDict();
  }

  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    return this.#operator.loadStateDict(state, options);
  }

  /**
   * Shape of the output for an input shape, `[N, inChannels, ...]` or `[inChannels, ...]`. Per axis
   * `n * scaleFactor + 2 * padding - dilation * (kernelSize - 1)`.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[]): number[] {
    return this.#outputShape(this.#readShape('outputShape', inputShape));
  }

  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options?: ForwardOptions & { readonly out?: Out },
  ): Out {
    return this.#operator.forward(this.#inputs('forward', x).operator, options);
  }

  backward(x: TensorLike, gradOutput: TensorLike, options?: BackwardOptions): LayerGradients {
    const inputs = this.#inputs('backward', x);
    const gradients = this.#operator.backward(inputs.operator, gradOutput, options);
    let { input } = gradients;
    for (const [index, step] of [...this.#method.steps.entries()].reverse()) {
      ({ input } = step.backward(inputs.steps[index] as Tensor, input));
    }
    return { ...gradients, input };
  }

  override dispose(): void {
    this.#operator.dispose();
  }

  extraRepr(): string {
    const { padding } = this;
    const parts = [
      String(this.inChannels),
      String(this.outChannels),
      `kernel_size=${tuple(this.kernelSize)}`,
      `scale_factor=${tuple(this.scaleFactor)}`,
      `mode='${this.mode}'`,
    ];
    if (typeof padding === 'string') parts.push(`padding='${padding}'`);
    else if (padding.some((pad) => pad !== 0)) parts.push(`padding=${tuple(padding)}`);
    if (this.paddingMode !== 'zeros') parts.push(`padding_mode='${this.paddingMode}'`);
    if (this.dilation.some((step) => step !== 1)) parts.push(`dilation=${tuple(this.dilation)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (this.#method.operator.bias === null) parts.push('bias=False');
    return parts.join(', ');
  }

  override toString(): string {
    return `${this.#method.operator.name}(${this.extraRepr()})`;
  }

  /** @internal */
  get [LAYER](): true {
    return true;
  }

  /** @internal */
  get [RESIZE_CONV](): true {
    return true;
  }

  /** @internal */
  get [INTERNALS](): LayerInternals {
    const own = internalsOf(this.#operator);
    const { steps, operator, transposed, layout } = this.#method;
    return {
      ...own,
      requireOneOperator: (where) => {
        const step = steps.at(-1);
        if (step === undefined) return;
        refuse(
          'UNSUPPORTED',
          where,
          'a layer that is one operator',
          `one that ${step.verb} its input first`,
          "Mode 'nearest' with padding of zeros is.",
        );
      },
      // Always the transposed form: what it stamps is what the layer is about.
      canonical: (member) => {
        const { spec, weight, bias } = own.canonical(member);
        return { spec: transposed, weight: spec.transposed ? weight : layout.toCanonical(weight), bias };
      },
      arithmetic: {
        ...own.arithmetic,
        spec: transposed,
        resolve: (where, inputShape) => {
          const shape = readInputShape(where, operator, inputShape);
          const { batch = 1, extents } = shape;
          return { spec: transposed, batch, extents, outputShape: this.#outputShape(shape) };
        },
      },
    };
  }

  /** @internal */
  get [BOUND](): Runtime | undefined {
    return this.#operator[BOUND];
  }

  /** @internal */
  [STEP](request: StepRequest): Step | undefined {
    return this.#method.steps.length === 0 ? this.#operator[STEP](request) : undefined;
  }

  #where(member: string): string {
    return `${this.#method.operator.name}.${member}`;
  }

  #readShape(member: string, inputShape: unknown): InputShape {
    return readInputShape(this.#where(member), this.#method.operator, inputShape);
  }

  #outputShape(shape: InputShape): number[] {
    const { steps, operator } = this.#method;
    let { extents } = shape;
    for (const step of steps) extents = step.extents(extents);
    return outputShape(operator.spec, operator.layout, { ...shape, extents });
  }

  /** What each step takes, and what the operator does. The operator itself refuses what it has to. */
  #inputs(
    member: string,
    x: TensorLike,
  ): { readonly steps: readonly Tensor[]; readonly operator: TensorLike } {
    const { steps } = this.#method;
    if (steps.length === 0 || this.disposed) return { steps: [], operator: x };
    const where = this.#where(member);
    let value: Tensor = checkTensor(where, 'the input', x);
    this.#outputShape(this.#readShape(member, value.shape));
    // In the layer's words, not in the step's.
    requireRuntime(where, this[BOUND]);
    const taken: Tensor[] = [];
    for (const step of steps) {
      taken.push(value);
      value = step.forward(value);
    }
    return { steps: taken, operator: value };
  }
}

/**
 * Resize and convolution over sequences. The weight is that of Conv1d,
 * `[outChannels, inChannels/groups, kernelL]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const up = new ResizeConv1d({ inChannels: 16, outChannels: 8, scaleFactor: 2, kernelSize: 5, padding: 2 });
 * console.log(up.outputShape([1, 16, 100]).join('x')); // 1x8x200
 */
export class ResizeConv1d extends ResizeConv<1> {
  constructor(options: ResizeConvOptions<1>) {
    super('ResizeConv1d', 1, options);
  }
}

/**
 * Resize and convolution over images. The weight is that of Conv2d,
 * `[outChannels, inChannels/groups, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const up = new ResizeConv2d({ inChannels: 64, outChannels: 32, scaleFactor: 2, kernelSize: 3, padding: 1 });
 * console.log(up.forward({ data: new Float32Array(64 * 64), shape: [1, 64, 8, 8] }).shape.join('x')); // 1x32x16x16
 */
export class ResizeConv2d extends ResizeConv<2> {
  constructor(options: ResizeConvOptions<2>) {
    super('ResizeConv2d', 2, options);
  }
}

/**
 * Resize and convolution over volumes. The weight is that of Conv3d,
 * `[outChannels, inChannels/groups, kernelD, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const options = { inChannels: 4, outChannels: 2, scaleFactor: 2, kernelSize: 3, padding: 1 };
 * const up = new ResizeConv3d({ ...options, mode: 'trilinear' });
 * console.log(up.outputShape([1, 4, 4, 8, 8]).join('x')); // 1x2x8x16x16
 */
export class ResizeConv3d extends ResizeConv<3> {
  constructor(options: ResizeConvOptions<3>) {
    super('ResizeConv3d', 3, options);
  }
}
