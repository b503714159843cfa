import { RESIZE_CONV } from '../core/brands.js';
import { checkAxes, checkChoice, checkOptions } from '../core/checks.js';
import { type AxisList, at, axisList, type PerAxis, product, type SpatialRank } from '../core/lists.js';
import { kernelReach, type OperatorSpec, weightShape } from '../core/spec.js';
import { checkTensor, type Tensor } from '../core/tensor.js';
import { readTorchPadding, type TorchPadding } from '../core/torch-words.js';
import type { WeightLayout } from '../core/weight-layout.js';
import type { InputShape } from '../layers/input-shape.js';
import { INTERNALS, type LayerInternals } from '../layers/internals.js';
import {
  type BackwardOptions,
  type ForwardOptions,
  Layer,
  type LayerDefinition,
  type LayerGradients,
} from '../layers/layer.js';
import { tuple } from '../layers/repr.js';
import {
  LAYER_OPTION_NAMES,
  type LayerOptions,
  type LayerSettings,
  readLayerOptions,
  torchDefinition,
} from '../layers/torch-options.js';
import {
  boxFilter,
  correlationLayout,
  type Filter,
  type Filtering,
  filteredKernel,
  filterKernels,
  linearFilter,
  unfilterGradient,
} from './filters.js';
import { FixedLayer } from './fixed-layer.js';
import { type Ends, foldEdges, replicateEdges } from './replicate.js';

/** `'linear'` for sequences, `'bilinear'` for images, `'trilinear'` for volumes, as PyTorch calls them. */
export type ResizeMode = 'nearest' | 'linear' | 'bilinear' | 'trilinear';

/** A resize and a convolution in the words of PyTorch's nn.Upsample and nn.Conv; a list has one entry per spatial axis. */
export interface ResizeConvOptions<Rank extends SpatialRank = never> extends LayerOptions {
  /** How many times larger the output is, before the convolution. */
  readonly scaleFactor: PerAxis<Rank>;
  /** How the values in between are made; linear ones with `align_corners=False`. Default `'nearest'`. */
  readonly mode?: ResizeMode;
  /** Size of the convolution's kernel. */
  readonly kernelSize: PerAxis<Rank>;
  /**
   * Values that the convolution adds at **both** ends of the **resized** axis; `'valid'` for none,
   * `'same'` for as many as keep its size (an odd total puts the larger half at the end). Default 0.
   */
  readonly padding?: PerAxis<Rank> | 'same' | 'valid';
  /** What the padding consists of. Default `'zeros'`. */
  readonly paddingMode?: 'zeros' | 'replicate';
  /** Distance between the taps of the kernel. Default 1. */
  readonly dilation?: PerAxis<Rank>;
}

const RANK_MODES = ['linear', 'linear', 'bilinear', 'trilinear'] as const;

/** The checked form of the options. */
interface Settings {
  readonly layer: LayerSettings;
  readonly scale: readonly number[];
  readonly mode: ResizeMode;
  readonly kernel: readonly number[];
  readonly padding: TorchPadding;
  readonly paddingMode: 'zeros' | 'replicate';
  readonly dilation: readonly number[];
}

/** How one kind of ResizeConv is computed. */
interface Method {
  readonly definition: LayerDefinition;
  /** The equal transposed convolution; where `edges` or `resize` are in use, equal away from the borders. */
  readonly transposed: OperatorSpec;
  readonly layout: WeightLayout;
  /** Input values repeated at the ends of each axis before anything else; null for none. */
  readonly edges: readonly Ends[] | null;
  /** The resize as a step of its own, and its adjoint; null where the layer is one operator. */
  readonly resize: { readonly forward: FixedLayer; readonly adjoint: FixedLayer } | null;
}

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
  readonly #method: Method;

  /** @internal */
  protected constructor(name: string, rank: Rank, options: ResizeConvOptions<Rank>) {
    const settings = readSettings(name, rank, options);
    const method = methodOf(name, settings);
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
    if (this.disposed || this.#preparation === null) return super.backward(x, gradOutput, options);
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
    const { transposed, layout } = this.#method;
    const preparation = this.#preparation;
    return {
      ...own,
      preparation,
      // Always the transposed form: what it stamps is what the layer is about.
      canonical: (member) => {
        const { spec, weight, bias } = own.canonical(member);
        return { spec: transposed, weight: spec.transposed ? weight : layout.toCanonical(weight), bias };
      },
      arithmetic:
        preparation === null
          ? own.arithmetic
          : {
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

  get #preparation(): string | null {
    const { edges, resize } = this.#method;
    return resize !== null ? 'resizes its input' : edges !== null ? 'repeats the edges of its input' : null;
  }

  #prepare(method: string, x: Tensor): Tensor {
    if (this.#preparation === null) return x;
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

function readSettings(name: string, rank: number, options: unknown): Settings {
  const checked = checkOptions<ResizeConvOptions>(name, options, [
    ...LAYER_OPTION_NAMES,
    'scaleFactor',
    'mode',
    'kernelSize',
    'padding',
    'paddingMode',
    'dilation',
  ]);
  const layer = readLayerOptions(name, checked);
  const scale = checkAxes(name, 'scaleFactor', checked.scaleFactor, rank, 1);
  const mode = checkChoice<ResizeMode>(name, 'mode', checked.mode ?? 'nearest', [
    'nearest',
    RANK_MODES[rank] as ResizeMode,
  ]);
  const kernel = checkAxes(name, 'kernelSize', checked.kernelSize, rank, 1);
  const dilation = checkAxes(name, 'dilation', checked.dilation ?? 1, rank, 1);
  const padding = readTorchPadding(name, checked.padding ?? 0, {
    kernel,
    stride: kernel.map(() => 1),
    dilation,
  });
  const paddingMode = checkChoice(name, 'paddingMode', checked.paddingMode ?? 'zeros', [
    'zeros',
    'replicate',
  ]);
  return { layer, scale, mode, kernel, padding, paddingMode, dilation };
}

function methodOf(name: string, settings: Settings): Method {
  const { layer, scale, mode, kernel, padding, dilation } = settings;
  const rank = kernel.length;
  const ones = new Array<number>(rank).fill(1);
  const linear = mode !== 'nearest';
  const convolution: OperatorSpec = {
    transposed: false,
    groups: layer.groups,
    inChannels: layer.inChannels,
    outChannels: layer.outChannels,
    kernel,
    stride: ones,
    dilation,
    inputDilation: ones,
    padBefore: padding.before,
    padAfter: padding.after,
    relu: false,
  };
  const filters = scale.map(linear ? linearFilter : boxFilter);
  // Where a linear resize's first output lies before the first input value.
  const offsets = scale.map((step) => (linear ? Math.ceil((step - 1) / 2) : 0));
  const filtering: Filtering = { kernel, dilation, filters };
  const padsMatter = [...padding.before, ...padding.after].some((pad) => pad > 0);
  const replicates = settings.paddingMode === 'replicate' && padsMatter;
  const twoSteps = linear && padsMatter && !replicates;
  const edges = edgesOf(settings, offsets, twoSteps);

  /** The equal transposed convolution on an input with `ends` more values: crops count in output rows. */
  const transposedOn = (ends: readonly Ends[]): OperatorSpec => {
    const crop = (side: 0 | 1) => (pad: number, axis: number) =>
      kernelReach(convolution, axis) -
      1 -
      pad +
      at(offsets, axis) +
      (ends[axis] as Ends)[side] * at(scale, axis);
    return {
      ...convolution,
      transposed: true,
      kernel: filteredKernel(filtering),
      stride: scale,
      dilation: ones,
      padBefore: convolution.padBefore.map(crop(0)),
      padAfter: convolution.padAfter.map(crop(1)),
    };
  };
  const layout = resizeLayout(convolution, filtering);
  const none = ones.map((): Ends => [0, 0]);
  const drawn = torchDefinition(name, convolution, layer);
  return {
    definition: twoSteps ? drawn : { ...drawn, spec: transposedOn(edges ?? none), weightLayout: layout },
    transposed: transposedOn(none),
    layout,
    edges,
    resize: twoSteps ? resizeSteps(name, settings, filters, offsets, edges) : null,
  };
}

/**
 * Input values to repeat, so that every value that the convolution reads is made of repeated ones as a
 * clamped resize makes it; null for none.
 */
function edgesOf(
  { scale, mode, padding, paddingMode }: Settings,
  offsets: readonly number[],
  withoutPads: boolean,
): readonly Ends[] | null {
  if (mode === 'nearest' && paddingMode === 'zeros') return null;
  const edges = padding.before.map((before, axis): Ends => {
    // A linear resize reaches half a stride beyond its input by itself.
    const count = (pad: number): number =>
      Math.ceil(((withoutPads ? 0 : pad) + at(offsets, axis)) / at(scale, axis));
    return [count(before), count(at(padding.after, axis))];
  });
  return edges.some(([before, after]) => before + after > 0) ? edges : null;
}

/** Conv's weight as a transposed convolution's, filtered. */
function resizeLayout(convolution: OperatorSpec, filtering: Filtering): WeightLayout {
  const order = correlationLayout(convolution);
  return {
    shape: weightShape(convolution),
    toCanonical: (values) => Float32Array.from(filterKernels(order.toCanonical(values), filtering)),
    fromCanonical: (gradient) =>
      order.fromCanonical(Float32Array.from(unfilterGradient(gradient, filtering))),
  };
}

/** The resize alone, every channel by itself: from the repeated edges to exactly the resized size. */
function resizeSteps(
  name: string,
  { layer, scale }: Settings,
  filters: readonly Filter[],
  offsets: readonly number[],
  edges: readonly Ends[] | null,
): Method['resize'] {
  const channels = layer.inChannels;
  const ones = scale.map(() => 1);
  const crop = (side: 0 | 1): number[] =>
    scale.map((step, axis) => at(offsets, axis) + (edges?.[axis]?.[side] ?? 0) * step);
  const spec: OperatorSpec = {
    transposed: true,
    groups: channels,
    inChannels: channels,
    outChannels: channels,
    kernel: filters.map((filter) => filter.length),
    stride: scale,
    dilation: ones,
    inputDilation: ones,
    padBefore: crop(0),
    padAfter: crop(1),
    relu: false,
  };
  const taps = filterKernels([1], { kernel: ones, dilation: ones, filters });
  const weight = new Float32Array(channels * product(spec.kernel));
  for (let channel = 0; channel < channels; channel += 1) weight.set(taps, channel * taps.length);
  // A route forced for the convolution may not exist for the resize.
  const execution = {
    ...layer.execution,
    route: layer.execution.route === 'scalar' ? 'scalar' : 'auto',
  } as const;
  return {
    forward: new FixedLayer(name, spec, weight, execution),
    adjoint: new FixedLayer(name, { ...spec, transposed: false }, weight, execution),
  };
}
