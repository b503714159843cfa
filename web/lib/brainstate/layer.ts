import { type WeightAxis, weightLayout } from '../core/axis-order.js';
import { fault, MAX_INTEGER, refuse, shapeText } from '../core/checks.js';
import type { Float16ArrayLike } from '../core/float16.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { type AxisList, product, type SpatialRank, settle } from '../core/lists.js';
import { seededRandom } from '../core/random.js';
import { guardReceivers } from '../core/receivers.js';
import { kernelReach, type OperatorSpec, outputExtent } from '../core/spec.js';
import { isHalf, sameList, shapeOf, type Tensor } from '../core/tensor.js';
import { OperatorLayer } from '../layers/operator-layer.js';
import { pythonString, tuple } from '../layers/repr.js';
import { XavierNormal } from './initializers/variance-scaling.js';
import { readSettings, type Settings } from './options.js';
import { readMask, readParameter } from './parameters.js';

/** How one of the two kinds of layers becomes the canonical operator. */
export interface Translation {
  /** The kernel's axes, slowest first. */
  readonly weightOrder: readonly WeightAxis[];
  toSpec(where: string, settings: Settings): OperatorSpec;
}

/** Kernels of both kinds, slowest axis first: the output channels of one group side by side, no flip. */
export const BRAINSTATE_WEIGHT_ORDER = {
  convolution: ['taps', 'in', 'group', 'out'],
  transposed: ['taps', 'group', 'out', 'in'],
} as const satisfies Record<string, readonly WeightAxis[]>;

/** What all layers in brainstate's words share; a list has one entry per spatial axis. */
export abstract class BrainstateLayer<Rank extends SpatialRank = SpatialRank> extends OperatorLayer {
  /** Shape of one input, without its batch axis. */
  readonly inSize: readonly number[];
  /** Shape of one output, without its batch axis. */
  readonly outSize: readonly number[];
  readonly inChannels: number;
  readonly kernelSize: AxisList<Rank>;
  readonly stride: AxisList<Rank>;
  /** `'SAME'`, `'VALID'`, or a `[lo, hi]` pair for each axis. */
  readonly padding: 'SAME' | 'VALID' | readonly (readonly [number, number])[];
  readonly lhsDilation: AxisList<Rank>;
  readonly rhsDilation: AxisList<Rank>;
  readonly channelFirst: boolean;
  readonly name: string | null;
  readonly #where: string;
  #mask: Tensor | null;

  static {
    guardReceivers(BrainstateLayer.prototype, 'Layer', (value) => #mask in value);
  }

  /** @internal */
  protected constructor(where: string, rank: number, options: unknown, translation: Translation) {
    const settings = readSettings(where, rank, options);
    const spec = translation.toSpec(where, settings);
    const outExtents = checkOutput(where, spec, settings);
    const layout = weightLayout(spec, translation.weightOrder);
    const ones = new Array<number>(rank).fill(1);
    const biasShape = settings.channelFirst
      ? [1, settings.outChannels, ...ones]
      : [...ones, settings.outChannels];
    const random = seededRandom(settings.seed);
    const wInit = settings.wInit ?? XavierNormal();
    const bInit = settings.bInit ?? null;
    const weight = readParameter(where, 'wInit', wInit, layout.shape, random);
    const bias = bInit === null ? null : readParameter(where, 'bInit', bInit, biasShape, random);
    const mask = readMask(where, settings.wMask, layout.shape, random);
    super({
      name: where,
      spec,
      layout: settings.channelFirst ? 'channels-first' : 'channels-last',
      weightLayout: layout,
      biasShape,
      // One ParamState called weight, which holds a dict.
      stateNames: { weight: 'weight.weight', bias: 'weight.bias' },
      weight,
      bias,
      mask: mask?.some((factor) => factor !== 1) ? mask : undefined,
      inputExtents: settings.extents,
      execution: settings.execution,
    });
    if (isHalf(wInit) && sameShape(wInit, layout.shape)) this.setWeight(wInit);
    this.#where = where;
    this.#mask = mask === null ? null : { data: mask, shape: layout.shape };
    this.inSize = settings.inSize;
    this.outSize = settings.channelFirst
      ? [settings.outChannels, ...outExtents]
      : [...outExtents, settings.outChannels];
    this.inChannels = settings.inChannels;
    this.kernelSize = settings.kernel as AxisList<Rank>;
    this.stride = settings.stride as AxisList<Rank>;
    this.padding = settings.padding;
    this.lhsDilation = settings.lhsDilation as AxisList<Rank>;
    this.rhsDilation = settings.rhsDilation as AxisList<Rank>;
    this.channelFirst = settings.channelFirst;
    this.name = settings.name;
    settle(this);
  }

  /**
   * Shape of the output for an input of `inSize`, with or without a batch axis before it.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[]): number[] {
    return this.outputShapeUnder(this.spec, this.readInputShape('outputShape', inputShape));
  }

  /**
   * A copy of the mask in the kernel's shape; null for a layer without. It is fixed: make another layer for another one.
   *
   * @throws {DeconvError} `DISPOSED`
   */
  get wMask(): Tensor<ArrayBuffer> | null {
    if (this.disposed) {
      const where = `${this.#where}.wMask`;
      throw fault('DISPOSED', where, 'a live layer', 'one after dispose()', 'Make a new layer.');
    }
    const mask = this.#mask;
    return mask === null ? null : { data: mask.data.slice(), shape: [...mask.shape] };
  }

  override dispose(): void {
    super.dispose();
    this.#mask = null;
  }

  /** @internal */
  protected repr(): string {
    const { padding } = this;
    const parts = [
      `in_size=${tuple(this.inSize)}`,
      `out_channels=${this.outChannels}`,
      `kernel_size=${tuple(this.kernelSize)}`,
      `stride=${tuple(this.stride)}`,
      `padding=${typeof padding === 'string' ? `'${padding}'` : tuple(padding.map(tuple))}`,
    ];
    if (this.lhsDilation.some((step) => step !== 1)) parts.push(`lhs_dilation=${tuple(this.lhsDilation)}`);
    if (this.rhsDilation.some((step) => step !== 1)) parts.push(`rhs_dilation=${tuple(this.rhsDilation)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (this.channelFirst) parts.push('channel_first=True');
    if (this.name !== null) parts.push(`name=${pythonString(this.name)}`);
    return parts.join(', ');
  }
}

/** Whether a half tensor is what the layer keeps, and not one that broadcasts to it. */
function sameShape(value: HalfTensor | Float16ArrayLike, shape: readonly number[]): boolean {
  return 'data' in value ? sameList(shapeOf(value), shape) : value.length === product(shape);
}

/** The fields of an operator that do not depend on its kind. */
export function sharedSpec(
  settings: Settings,
): Pick<OperatorSpec, 'groups' | 'inChannels' | 'outChannels' | 'kernel' | 'dilation' | 'relu'> {
  const { groups, inChannels, outChannels, kernel, rhsDilation } = settings;
  return { groups, inChannels, outChannels, kernel, dilation: rhsDilation, relu: false };
}

/** The output's spatial axes. inSize is fixed, so what does not fit is refused now and not by a forward. */
function checkOutput(where: string, spec: OperatorSpec, settings: Settings): number[] {
  return settings.extents.map((extent, axis) => {
    const output = outputExtent(spec, axis, extent);
    const numbers = [spec.stride, spec.padBefore, spec.padAfter].map((list) => list[axis] as number);
    const largest = Math.max(output, kernelReach(spec, axis), ...numbers.map(Math.abs));
    if (largest > MAX_INTEGER) {
      refuse(
        'TOO_LARGE',
        where,
        `sizes of at most ${MAX_INTEGER} along spatial axis ${axis} for inSize ${shapeText(settings.inSize)}`,
        largest,
        'Lower stride, dilations or padding.',
      );
    }
    if (output < 1) {
      refuse(
        'BAD_SHAPE',
        where,
        `an output of at least 1 along spatial axis ${axis} for inSize ${shapeText(settings.inSize)}`,
        output,
        "Pad more, take padding 'SAME', or a larger inSize.",
      );
    }
    return output;
  });
}
