import { RESIZE_CONV } from '../core/brands.js';
import { refuse } from '../core/checks.js';
import { type AxisList, at, axisList, type SpatialRank } from '../core/lists.js';
import { checkTensor, type Tensor } from '../core/tensor.js';
import type { InputShape } from '../layers/input-shape.js';
import { INTERNALS, type LayerInternals } from '../layers/internals.js';
import { type BackwardOptions, type ForwardOptions, Layer, type LayerGradients } from '../layers/layer.js';
import { tuple } from '../layers/repr.js';
import { type Ends, foldEdges, replicateEdges } from './replicate.js';
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
export abstract class ResizeConv<Rank extends SpatialRank = SpatialRank> extends Layer {
  readonly inChannels: number;
  readonly scaleFactor: AxisList<Rank>;
  readonly mode: ResizeMode;
  readonly kernelSize: AxisList<Rank>;
  readonly padding: AxisList<Rank> | 'same' | 'valid';
  readonly paddingMode: 'zeros' | 'replicate';
  readonly dilation: AxisList<Rank>;
  readonly #method: ResizeMethod;

  /** @internal */
  protected constructor(name: string, rank: Rank, options: ResizeConvOptions<Rank>) {
    const settings = readResizeOptions(name, rank, options);
    const method = resizeMethod(name, settings);
    super(method.definition);
    this.#method = method;
    this.inChannels = settings.layer.inChannels;
    this.scaleFactor = axisList(settings.scale);
    this.mode = settings.mode;
    this.kernelSize = axisList(settings.kernel);
    this.padding =
      typeof settings.padding.given === 'string' ? settings.padding.given : axisList(settings.padding.given);
    this.paddingMode = settings.paddingMode;
    this.dilation = axisList(settings.dilation);
  }

  /**
   * Shape of the output for an input shape, `[N, inChannels, ...]` or `[inChannels, ...]`. Per axis
   * `n * scaleFactor + 2 * padding - dilation * (kernelSize - 1)`.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[]): number[] {
    const shape = this.readInputShape('outputShape', inputShape);
    return this.outputShapeUnder(this.spec, this.#prepared(shape));
  }

  override forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: Tensor,
    options?: ForwardOptions & { readonly out?: Out },
  ): Out {
    return super.forward(this.disposed ? x : this.#prepare('forward', x), options);
  }

  override backward(x: Tensor, gradOutput: Tensor, options?: BackwardOptions): LayerGradients {
    if (this.disposed || !this.#prepares) return super.backward(x, gradOutput, options);
    const gradients = super.backward(this.#prepare('backward', x), gradOutput, options);
    const { edges, resize } = this.#method;
    let input = gradients.input;
    if (resize !== null) input = resize.adjoint.forward(input);
    if (edges !== null) input = foldEdges(`${this.#method.definition.name}.backward`, input, x.shape, edges);
    return { ...gradients, input };
  }

  override dispose(): void {
    super.dispose();
    this.#method.resize?.forward.dispose();
    this.#method.resize?.adjoint.dispose();
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
    if (!this.hasBias) parts.push('bias=False');
    return parts.join(', ');
  }

  /** @internal */
  get [RESIZE_CONV](): true {
    return true;
  }

  /** @internal */
  override get [INTERNALS](): LayerInternals {
    const own = super[INTERNALS];
    const { transposed, layout, resize } = this.#method;
    return {
      ...own,
      requireOneOperator: (where) => {
        if (!this.#prepares) return;
        refuse(
          'UNSUPPORTED',
          where,
          'a layer that is one operator',
          `one that ${resize === null ? 'repeats the edges of' : 'resizes'} its input first`,
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
        resolve: (method, inputShape) => {
          const { batch = 1, extents } = this.readInputShape(method, inputShape);
          const outputShape = this.outputShape(inputShape as number[]);
          return { spec: transposed, batch, extents, outputShape };
        },
      },
    };
  }

  /** Whether the operator sees another input than the caller's. */
  get #prepares(): boolean {
    const { edges, resize } = this.#method;
    return edges !== null || resize !== null;
  }

  #prepare(method: string, x: Tensor): Tensor {
    if (!this.#prepares) return x;
    const where = `${this.#method.definition.name}.${method}`;
    const input = checkTensor(where, 'the input', x);
    this.outputShapeUnder(this.spec, this.#prepared(this.readInputShape(method, input.shape)));
    const { edges, resize } = this.#method;
    const grown = edges === null ? input : replicateEdges(where, input, edges);
    return resize === null ? grown : resize.forward.forward(grown);
  }

  /** The sizes that the operator sees. */
  #prepared(shape: InputShape): InputShape {
    const { edges, resize } = this.#method;
    if (resize !== null) {
      return {
        ...shape,
        extents: shape.extents.map((extent, axis) => extent * at(this.#method.transposed.stride, axis)),
      };
    }
    if (edges === null) return shape;
    const grow = (extent: number, axis: number): number => {
      const [before, after] = edges[axis] as Ends;
      return extent + before + after;
    };
    return { ...shape, extents: shape.extents.map(grow) };
  }
}

/**
 * Resize and convolution over sequences. The weight is that of Conv1d,
 * `[outChannels, inChannels/groups, kernelL]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const up = new ResizeConv1d({ inChannels: 16, outChannels: 8, scaleFactor: 2, kernelSize: 5, padding: 2 });
 * up.outputShape([1, 16, 100]); // [1, 8, 200]
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
 * const y = up.forward({ data: new Float32Array(64 * 8 * 8), shape: [1, 64, 8, 8] }); // [1, 32, 16, 16]
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
 * await init();
 * const up = new ResizeConv3d({ inChannels: 4, outChannels: 2, scaleFactor: 2, mode: 'trilinear', kernelSize: 3 });
 */
export class ResizeConv3d extends ResizeConv<3> {
  constructor(options: ResizeConvOptions<3>) {
    super('ResizeConv3d', 3, options);
  }
}
