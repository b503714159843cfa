import { SMOOTH_CONV_TRANSPOSE } from '../core/brands.js';
import { checkInteger, checkOptions, refuse } from '../core/checks.js';
import { type AxisList, product, type SpatialRank, settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { type Pads, splitPads } from '../core/same-padding.js';
import { type OperatorSpec, weightShape } from '../core/spec.js';
import type { WeightLayout } from '../core/weight-layout.js';
import {
  CONV_TRANSPOSE_OPTION_NAMES,
  type ConvTransposeOptions,
  readConvTranspose,
} from '../layers/conv-transpose.js';
import { type LayerDefinition, OperatorLayer } from '../layers/operator-layer.js';
import { describeLayer } from '../layers/repr.js';
import { torchDefinition } from '../layers/torch-options.js';
import { type AxisGeometry, checkGeometry, checkPhases } from './axis.js';
import {
  checkFiltering,
  type Filtering,
  filteredKernel,
  filterKernels,
  smoothFilter,
  smoothLength,
  unfilterGradient,
} from './filters.js';
import { checkFiniteValues } from './values.js';

/** Boxes beyond this many differ from a bell curve by less than float32 shows, and cost more each. */
const MAX_ORDER = 15;

/** Options of {@link SmoothConvTranspose1d} and its kin with two and three axes. */
export interface SmoothConvTransposeOptions<Rank extends SpatialRank = never>
  extends ConvTransposeOptions<Rank> {
  /** Order of smoothness: 0 for one box (clean on flats), 1 for two (clean on ramps), and so on. Default 0. */
  readonly order?: number;
}

/** Kernels and their size. */
export interface ComposedKernels {
  /** `[pairs, ...kernelSize]` */
  readonly data: Float64Array;
  readonly kernelSize: readonly number[];
}

/**
 * Kernels followed by a fixed smooth layer as one set of kernels, in double precision: each axis is convolved
 * `order + 1` times with a box of `stride` ones and divided by `stride^(order + 1)`. Whatever the kernels
 * are, the phase gains of the result are equal, and its sum is theirs.
 *
 * Kinoshita and Kiya, Fixed smooth convolutional layer for avoiding checkerboard artifacts in CNNs,
 * arXiv 2002.02117.
 *
 * @param kernels one or more channel pairs' taps, one pair behind the other, row-major over the axes
 * @returns kernels without dilation, `dilation * (kernelSize - 1) + 1 + (order + 1) * (stride - 1)` taps an axis
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const { data } = smoothKernels([1, 2, 3], [{ kernelSize: 3, stride: 2 }], 0);
 * console.log(data.join(' ')); // 0.5 1.5 2.5 1.5
 */
export function smoothKernels(
  kernels: ArrayLike<number>,
  axes: readonly AxisGeometry[],
  order = 0,
): ComposedKernels {
  const where = 'smoothKernels';
  const checked = checkGeometry(where, axes);
  const values = checkFiniteValues(where, 'kernels', kernels);
  const depth = checkInteger(where, 'order', order, 0, MAX_ORDER);
  const kernel = checked.map(({ kernelSize }) => kernelSize);
  if (values.length === 0 || values.length % product(kernel) !== 0) {
    refuse('BAD_SHAPE', where, `a multiple of ${product(kernel)} taps`, values.length);
  }
  const dilation = checked.map((axis) => axis.dilation);
  const lengths = checked.map(({ stride }) => smoothLength(stride, depth));
  checkFiltering(where, values.length / product(kernel), { kernel, dilation, lengths });
  const filtering: Filtering = {
    kernel,
    dilation,
    filters: checked.map(({ stride }) => smoothFilter(stride, depth)),
  };
  return { data: filterKernels(values, filtering), kernelSize: filteredKernel(filtering) };
}

/**
 * Transposed convolution followed by a fixed smooth layer (Kinoshita and Kiya, arXiv 2002.02117), computed as
 * one transposed convolution: free of checkerboard patterns whatever its weight is.
 *
 * Input and output sizes, options and weight are those of ConvTranspose. The smooth layer acts on its whole
 * output before anything is cropped; the `(order + 1) * (stride - 1)` rows that it adds are cut off the two
 * ends, an odd one at the end. The bias is added last, so that borders do not smooth it.
 */
export abstract class SmoothConvTranspose<Rank extends SpatialRank = SpatialRank> extends OperatorLayer {
  readonly inChannels: number;
  readonly kernelSize: AxisList<Rank>;
  readonly stride: AxisList<Rank>;
  readonly padding: AxisList<Rank>;
  readonly outputPadding: AxisList<Rank>;
  readonly dilation: AxisList<Rank>;
  readonly order: number;
  readonly #trained: OperatorSpec;

  static {
    guardReceivers(SmoothConvTranspose.prototype, 'Layer', (value) => #trained in value);
  }

  /** @internal */
  protected constructor(name: string, rank: Rank, options: SmoothConvTransposeOptions<Rank>) {
    const { order: given = 0, ...geometry } = checkOptions<SmoothConvTransposeOptions>(name, options, [
      ...CONV_TRANSPOSE_OPTION_NAMES,
      'order',
    ]);
    const order = checkInteger(name, 'order', given, 0, MAX_ORDER);
    const { spec: trained, settings, outputPadding } = readConvTranspose(name, rank, geometry);
    super(smoothDefinition(torchDefinition(name, trained, settings), order));
    this.#trained = trained;
    this.inChannels = trained.inChannels;
    this.kernelSize = trained.kernel as AxisList<Rank>;
    this.stride = trained.stride as AxisList<Rank>;
    this.padding = trained.padBefore as AxisList<Rank>;
    this.outputPadding = outputPadding as AxisList<Rank>;
    this.dilation = trained.dilation as AxisList<Rank>;
    this.order = order;
    settle(this);
  }

  /**
   * Shape of the output for an input shape, that of a ConvTranspose with the same options.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[]): number[] {
    return this.outputShapeUnder(this.spec, this.readInputShape('outputShape', inputShape));
  }

  /** @internal */
  get [SMOOTH_CONV_TRANSPOSE](): true {
    return true;
  }

  /** @internal */
  protected repr(): string {
    const shown = describeLayer(this.#trained, this.padding, this.outputPadding, this.hasBias);
    return `${shown}, order=${this.order}`;
  }
}

/**
 * Transposed convolution and fixed smooth layer over sequences. The weight is
 * `[inChannels, outChannels/groups, kernelL]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const up = new SmoothConvTranspose1d({ inChannels: 8, outChannels: 4, kernelSize: 16, stride: 10, padding: 3 });
 * console.log(up.forward({ data: new Float32Array(8 * 20), shape: [1, 8, 20] }).shape.join('x')); // 1x4x200
 */
export class SmoothConvTranspose1d extends SmoothConvTranspose<1> {
  constructor(options: SmoothConvTransposeOptions<1>) {
    super('SmoothConvTranspose1d', 1, options);
  }
}

/**
 * Transposed convolution and fixed smooth layer over images. The weight is
 * `[inChannels, outChannels/groups, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const geometry = { kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 };
 * const up = new SmoothConvTranspose2d({ inChannels: 64, outChannels: 32, ...geometry, order: 1 });
 * console.log(up.outputShape([1, 64, 8, 8]).join('x')); // 1x32x16x16
 */
export class SmoothConvTranspose2d extends SmoothConvTranspose<2> {
  constructor(options: SmoothConvTransposeOptions<2>) {
    super('SmoothConvTranspose2d', 2, options);
  }
}

/**
 * Transposed convolution and fixed smooth layer over volumes. The weight is
 * `[inChannels, outChannels/groups, kernelD, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const up = new SmoothConvTranspose3d({ inChannels: 4, outChannels: 2, kernelSize: 2, stride: 2, seed: 1 });
 * console.log(analyze(up).verdict); // free
 */
export class SmoothConvTranspose3d extends SmoothConvTranspose<3> {
  constructor(options: SmoothConvTransposeOptions<3>) {
    super('SmoothConvTranspose3d', 3, options);
  }
}

function smoothDefinition(drawn: LayerDefinition, order: number): LayerDefinition {
  const { name, spec: trained } = drawn;
  checkPhases(name, trained.stride);
  checkFiltering(name, trained.inChannels * (trained.outChannels / trained.groups), {
    kernel: trained.kernel,
    dilation: trained.dilation,
    lengths: trained.stride.map((stride) => smoothLength(stride, order)),
  });
  const filtering: Filtering = {
    kernel: trained.kernel,
    dilation: trained.dilation,
    filters: trained.stride.map((stride) => smoothFilter(stride, order)),
  };
  const added = trained.stride.map((stride) => splitPads((order + 1) * (stride - 1)));
  const weightLayout: WeightLayout = {
    shape: weightShape(trained),
    toCanonical: (values) => Float32Array.from(filterKernels(values, filtering)),
    fromCanonical: (gradient) => Float32Array.from(unfilterGradient(gradient, filtering)),
  };
  const spec: OperatorSpec = {
    ...trained,
    kernel: filteredKernel(filtering),
    dilation: trained.dilation.map(() => 1),
    padBefore: trained.padBefore.map((pad, axis) => pad + (added[axis] as Pads)[0]),
    padAfter: trained.padAfter.map((pad, axis) => pad + (added[axis] as Pads)[1]),
  };
  return { ...drawn, spec, weightLayout };
}
