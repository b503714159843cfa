import { checkAxes, checkOptions } from '../core/checks.js';
import { type AxisList, type PerAxis, type SpatialRank, settle } from '../core/lists.js';
import { checkPaddingMode, readTorchPadding } from '../core/torch-words.js';
import { guardLayer, OperatorLayer } from './operator-layer.js';
import { describeLayer } from './repr.js';
import { LAYER_OPTION_NAMES, type LayerOptions, readLayerOptions, torchDefinition } from './torch-options.js';

/** Geometry in PyTorch's and lucid's words; a list has one entry per spatial axis. */
export interface ConvOptions<Rank extends SpatialRank = never> extends LayerOptions {
  readonly kernelSize: PerAxis<Rank>;
  /** Distance between neighbouring windows. Default 1. */
  readonly stride?: PerAxis<Rank>;
  /**
   * Zeros added to **both** ends of the input's axis; `'valid'` for none, `'same'` for as many as
   * keep the size (stride 1 only; an odd total puts the larger half at the end). Default 0.
   */
  readonly padding?: PerAxis<Rank> | 'same' | 'valid';
  /** What the padding consists of: zeros only. */
  readonly paddingMode?: 'zeros';
  /** Distance between the taps of the kernel. Default 1. */
  readonly dilation?: PerAxis<Rank>;
}

/** Convolution (cross-correlation) of any rank in PyTorch's words; the public classes fix the rank. */
export abstract class Conv<Rank extends SpatialRank = SpatialRank> extends OperatorLayer {
  readonly inChannels: number;
  readonly kernelSize: AxisList<Rank>;
  readonly stride: AxisList<Rank>;
  readonly padding: AxisList<Rank> | 'same' | 'valid';
  readonly dilation: AxisList<Rank>;

  static {
    guardLayer(Conv.prototype);
  }

  /** @internal */
  protected constructor(name: string, rank: Rank, options: ConvOptions<Rank>) {
    const checked = checkOptions<ConvOptions>(name, options, [
      ...LAYER_OPTION_NAMES,
      'kernelSize',
      'stride',
      'padding',
      'paddingMode',
      'dilation',
    ]);
    const settings = readLayerOptions(name, checked);
    const kernel = checkAxes(name, 'kernelSize', checked.kernelSize, rank, 1);
    const stride = checkAxes(name, 'stride', checked.stride ?? 1, rank, 1);
    const dilation = checkAxes(name, 'dilation', checked.dilation ?? 1, rank, 1);
    const padding = readTorchPadding(name, checked.padding ?? 0, { kernel, stride, dilation });
    checkPaddingMode(name, 'paddingMode', checked.paddingMode);
    super(
      torchDefinition(
        name,
        {
          transposed: false,
          groups: settings.groups,
          inChannels: settings.inChannels,
          outChannels: settings.outChannels,
          kernel,
          stride,
          dilation,
          inputDilation: new Array<number>(rank).fill(1),
          padBefore: padding.before,
          padAfter: padding.after,
          relu: false,
        },
        settings,
      ),
    );
    this.inChannels = settings.inChannels;
    this.kernelSize = kernel as readonly number[] as AxisList<Rank>;
    this.stride = stride as readonly number[] as AxisList<Rank>;
    this.padding = typeof padding.given === 'string' ? padding.given : (padding.given as AxisList<Rank>);
    this.dilation = dilation as readonly number[] as AxisList<Rank>;
    settle(this);
  }

  /**
   * Shape of the output for an input shape, `[N, inChannels, ...]` or `[inChannels, ...]`. Per axis
   * `floor((n + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1`.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[]): number[] {
    return this.outputShapeUnder(this.spec, this.readInputShape('outputShape', inputShape));
  }

  /** @internal */
  protected repr(): string {
    return describeLayer(this.spec, this.padding, [], this.hasBias);
  }
}
