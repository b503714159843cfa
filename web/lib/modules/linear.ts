import { LAYER } from '../core/brands.js';
import { checkInteger, checkOptions, fault, shapeText } from '../core/checks.js';
import { frozen, product, settle } from '../core/lists.js';
import type { OperatorSpec } from '../core/spec.js';
import { checkShape, elementCount, shapeOf, type TensorLike } from '../core/tensor.js';
import type { InputShape } from '../layers/input-shape.js';
import type { BackwardOptions, LayerGradients } from '../layers/layer.js';
import { guardLayer, OperatorLayer } from '../layers/operator-layer.js';
import { python } from '../layers/repr.js';
import {
  LAYER_OPTION_NAMES,
  type LayerOptions,
  readLayerOptions,
  torchDefinition,
} from '../layers/torch-options.js';

/** PyTorch's arguments of Linear. */
export interface LinearOptions extends Omit<LayerOptions, 'inChannels' | 'outChannels' | 'groups'> {
  readonly inFeatures: number;
  readonly outFeatures: number;
}

const OPTION_NAMES = [
  'inFeatures',
  'outFeatures',
  ...LAYER_OPTION_NAMES.filter((name) => !/Channels|groups/.test(name)),
] as readonly (keyof LinearOptions)[];

/** The axes before the features, which are rows of a matrix to the core. */
interface Rows extends InputShape {
  readonly leading: readonly number[];
}

/**
 * `x weight^T + bias` along the last axis of `[..., inFeatures]`, as `torch.nn.Linear`: weight `[outFeatures, inFeatures]`,
 * initial values uniform within `1 / sqrt(inFeatures)`. It is a convolution with one tap over all rows as points.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`, `UNSUPPORTED`
 *
 * @example
 * await init();
 * const linear = new Linear({ inFeatures: 3, outFeatures: 2, seed: 1 });
 * linear.loadStateDict({ weight: { data: [1, 2, 3, 0, 0, 1], shape: [2, 3] }, bias: { data: [0, 10], shape: [2] } });
 * const y = linear.forward({ data: [1, 1, 1, 0, 0, 2], shape: [2, 3] });
 * console.log(y.shape.join('x'), y.data.join(' ')); // 2x2 6 11 6 12
 */
export class Linear extends OperatorLayer {
  readonly inFeatures: number;
  readonly outFeatures: number;

  static {
    guardLayer(Linear.prototype);
  }

  constructor(options: LinearOptions) {
    const name = 'Linear';
    const checked = checkOptions<LinearOptions>(name, options, OPTION_NAMES);
    const inChannels = checkInteger(name, 'inFeatures', checked.inFeatures, 1);
    const outChannels = checkInteger(name, 'outFeatures', checked.outFeatures, 1);
    const { inFeatures, outFeatures, ...others } = checked;
    const settings = readLayerOptions(name, { ...others, inChannels, outChannels });
    const definition = torchDefinition(
      name,
      {
        transposed: false,
        groups: 1,
        inChannels,
        outChannels,
        kernel: [1],
        stride: [1],
        dilation: [1],
        inputDilation: [1],
        padBefore: [0],
        padAfter: [0],
        relu: false,
      },
      settings,
    );
    super({
      ...definition,
      layout: 'channels-last',
      weightLayout: { ...definition.weightLayout, shape: frozen([outChannels, inChannels]) },
    });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    settle(this);
  }

  /**
   * `[..., outFeatures]` for `[..., inFeatures]`.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[]): number[] {
    return this.outputShapeUnder(this.spec, this.readInputShape('outputShape', inputShape));
  }

  override backward(x: TensorLike, gradOutput: TensorLike, options?: BackwardOptions): LayerGradients {
    const gradients = super.backward(x, gradOutput, options);
    const shape = [...(shapeOf(x) as readonly number[])];
    return { ...gradients, input: { data: gradients.input.data, shape } };
  }

  /** @internal Beside the `backward` above it: that is ours as well. */
  override get [LAYER](): true {
    return true;
  }

  /** @internal */
  protected override repr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${python(this.hasBias)}`;
  }

  /** @internal */
  protected override readInputShape(method: string, value: unknown, where = `Linear.${method}`): Rows {
    const shape = checkShape(where, 'the input shape', value);
    const { inChannels } = this.spec;
    if (shape.at(-1) !== inChannels) {
      const expected = `[..., ${inChannels}]`;
      const advice = 'Flatten what stands before it.';
      throw fault('BAD_SHAPE', where, `input of shape ${expected}`, shapeText(shape), advice, {
        expected,
        got: shape,
      });
    }
    elementCount(where, 'an input', shape);
    const leading = shape.slice(0, -1);
    const rows = product(leading);
    // An operator has no axis of nothing but the batch.
    return { where, leading, batch: rows === 0 ? 0 : 1, extents: [Math.max(rows, 1)] };
  }

  /** @internal */
  protected override outputShapeUnder(spec: OperatorSpec, shape: InputShape): number[] {
    const result = [...(shape as Rows).leading, spec.outChannels];
    elementCount(shape.where, 'an output', result);
    return result;
  }
}
