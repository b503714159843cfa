import { CONV_TRANSPOSE } from '../core/brands.js';
import { checkAxes, checkOptions, refuse } from '../core/checks.js';
import type { DeconvErrorCode } from '../core/errors.js';
import { type AxisList, type PerAxis, type SpatialRank, settle } from '../core/lists.js';
import { type OperatorSpec, outputExtent } from '../core/spec.js';
import { checkShape, sameList } from '../core/tensor.js';
import { checkOutputPadding, checkPaddingMode, readTorchCrops } from '../core/torch-words.js';
import type { InputShape } from './input-shape.js';
import type { ForwardOptions } from './layer.js';
import { guardLayer, OperatorLayer } from './operator-layer.js';
import { describeLayer } from './repr.js';
import {
  LAYER_OPTION_NAMES,
  type LayerOptions,
  type LayerSettings,
  readLayerOptions,
  torchDefinition,
} from './torch-options.js';

/** Geometry in PyTorch's and lucid's words; a list has one entry per spatial axis. */
export interface ConvTransposeOptions<Rank extends SpatialRank = never> extends LayerOptions {
  readonly kernelSize: PerAxis<Rank>;
  /** Distance between neighbouring stamps. Default 1. */
  readonly stride?: PerAxis<Rank>;
  /** Rows cut off **both** ends of the output's axis. Default 0. */
  readonly padding?: PerAxis<Rank>;
  /** Rows added at the **end** of the axis; must be below stride or dilation. Default 0. */
  readonly outputPadding?: PerAxis<Rank>;
  /** PyTorch knows `'zeros'` only, its default. */
  readonly paddingMode?: 'zeros';
  /** Distance between the taps of a stamp. Default 1. */
  readonly dilation?: PerAxis<Rank>;
}

export const CONV_TRANSPOSE_OPTION_NAMES = [
  ...LAYER_OPTION_NAMES,
  'kernelSize',
  'stride',
  'padding',
  'outputPadding',
  'paddingMode',
  'dilation',
] as const satisfies readonly (keyof ConvTransposeOptions)[];

/** The operator that checked options describe; its `padBefore` is the padding. */
export function readConvTranspose(
  name: string,
  rank: number,
  options: ConvTransposeOptions,
): {
  readonly spec: OperatorSpec;
  readonly settings: LayerSettings;
  readonly outputPadding: readonly number[];
} {
  const settings = readLayerOptions(name, options);
  const kernel = checkAxes(name, 'kernelSize', options.kernelSize, rank, 1);
  const stride = checkAxes(name, 'stride', options.stride ?? 1, rank, 1);
  const padding = readTorchCrops(name, options.padding ?? 0, rank);
  const outputPadding = checkAxes(name, 'outputPadding', options.outputPadding ?? 0, rank, 0);
  const dilation = checkAxes(name, 'dilation', options.dilation ?? 1, rank, 1);
  checkOutputPadding(name, 'outputPadding', outputPadding, stride, dilation);
  checkPaddingMode(name, 'paddingMode', options.paddingMode);
  const spec: OperatorSpec = {
    transposed: true,
    groups: settings.groups,
    inChannels: settings.inChannels,
    outChannels: settings.outChannels,
    kernel,
    stride,
    dilation,
    inputDilation: new Array<number>(rank).fill(1),
    padBefore: padding,
    padAfter: padding.map((pad, axis) => pad - (outputPadding[axis] as number)),
    relu: false,
  };
  return { spec, settings, outputPadding };
}

/** What `outputShape` of a transposed layer takes beside the input's shape. */
export interface ConvTransposeShapeOptions {
  /**
   * The spatial size wanted, one of the sizes whose forward convolution gives the input's size:
   * spatial axes alone, or the whole output shape. It replaces the layer's output padding.
   */
  readonly outputSize?: readonly number[];
}

/** What `forward` of a transposed layer takes beside its input. */
export interface ConvTransposeForwardOptions extends ForwardOptions, ConvTransposeShapeOptions {}

/** Transposed convolution of any rank in PyTorch's words; the public classes fix the rank. */
export abstract class ConvTranspose<
  Rank extends SpatialRank = SpatialRank,
> extends OperatorLayer<ConvTransposeForwardOptions> {
  readonly inChannels: number;
  readonly kernelSize: AxisList<Rank>;
  readonly stride: AxisList<Rank>;
  readonly padding: AxisList<Rank>;
  readonly outputPadding: AxisList<Rank>;
  readonly dilation: AxisList<Rank>;

  static {
    guardLayer(ConvTranspose.prototype);
  }

  /** @internal */
  protected constructor(name: string, rank: Rank, options: ConvTransposeOptions<Rank>) {
    const checked = checkOptions<ConvTransposeOptions>(name, options, CONV_TRANSPOSE_OPTION_NAMES);
    const { spec, settings, outputPadding } = readConvTranspose(name, rank, checked);
    super(torchDefinition(name, spec, settings));
    this.inChannels = spec.inChannels;
    this.kernelSize = spec.kernel as AxisList<Rank>;
    this.stride = spec.stride as AxisList<Rank>;
    this.padding = spec.padBefore as AxisList<Rank>;
    this.outputPadding = outputPadding as AxisList<Rank>;
    this.dilation = spec.dilation as AxisList<Rank>;
    settle(this);
  }

  /**
   * Shape of the output for an input shape, `[N, inChannels, ...]` or `[inChannels, ...]`. Per axis
   * `(n - 1) * stride - 2 * padding + dilation * (kernelSize - 1) + outputPadding + 1`.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[], options: ConvTransposeShapeOptions = {}): number[] {
    const shape = this.readInputShape('outputShape', inputShape);
    const checked = checkOptions<ConvTransposeShapeOptions>(shape.where, options, ['outputSize']);
    return this.outputShapeUnder(this.specFor(shape, checked), shape);
  }

  /** @internal */
  protected repr(): string {
    return describeLayer(this.spec, this.padding, this.outputPadding, this.hasBias);
  }

  /** @internal */
  get [CONV_TRANSPOSE](): true {
    return true;
  }

  /** @internal */
  protected override forwardOptionNames(): readonly (keyof ConvTransposeForwardOptions)[] {
    return [...super.forwardOptionNames(), 'outputSize'];
  }

  /** @internal A gradient tells by its shape which outputSize its forward had. */
  protected override specForOutput(shape: InputShape, outputShape: readonly number[]): OperatorSpec {
    const own = this.outputShapeUnder(this.spec, shape);
    const rank = shape.extents.length;
    const outputSize = outputShape.slice(-rank);
    return outputShape.length === own.length && !sameList(own.slice(-rank), outputSize)
      ? this.specFor(shape, { outputSize }, 'BAD_SHAPE')
      : this.spec;
  }

  /** @internal The layer's operator, with the tail crop that gives `outputSize`: asked for, or a gradient's. */
  protected override specFor(
    { where, batch, extents }: InputShape,
    { outputSize }: Partial<ConvTransposeForwardOptions>,
    code: DeconvErrorCode = 'BAD_OPTION',
  ): OperatorSpec {
    if (outputSize === undefined) return this.spec;
    const rank = extents.length;
    const asked = checkShape(where, 'outputSize', outputSize);
    const outer = batch === undefined ? [this.outChannels] : [batch, this.outChannels];
    if (asked.length !== rank && !sameList(asked, [...outer, ...asked.slice(-rank)])) {
      refuse(
        'BAD_OPTION',
        where,
        `outputSize with ${rank} entries, or ${outer.length + rank} that begin with ${outer.join(', ')}`,
        asked,
        'Pass the spatial axes.',
      );
    }
    const { stride, padBefore: padding } = this.spec;
    const bare = { ...this.spec, padAfter: padding };
    const padAfter = asked.slice(-rank).map((size, axis) => {
      const smallest = outputExtent(bare, axis, extents[axis] as number);
      const largest = smallest + (stride[axis] as number) - 1;
      if (size < smallest || size > largest) {
        refuse(
          code,
          where,
          `${code === 'BAD_SHAPE' ? 'gradOutput' : 'outputSize'} along spatial axis ${axis} from ${smallest} to ${largest} for input size ${extents[axis]}`,
          size,
          'Other sizes come from another padding or input.',
        );
      }
      return (padding[axis] as number) - (size - smallest);
    });
    return { ...this.spec, padAfter };
  }
}
