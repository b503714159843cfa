import { checkAxes, checkBoolean, checkInteger, checkOptions, refuse } from '../core/checks.js';
import { product, settle } from '../core/lists.js';
import { isList } from '../core/realms.js';
import { sameList } from '../core/tensor.js';
import { python, tuple } from '../layers/repr.js';
import {
  NORMALIZATION_OPTION_NAMES,
  Normalization,
  type NormalizationOptions,
  type NormalizedShape,
  readChannels,
  readNormalization,
} from './normalization.js';
import { SET } from './normalization-block.js';

/** PyTorch's arguments of LayerNorm. */
export interface LayerNormOptions extends NormalizationOptions {
  /** The last axes of the input, or a number for the last one alone; with `'channels-first'` the channels. */
  readonly normalizedShape: number | readonly number[];
  /** Whether there are a weight and a bias of every value that is normalized together. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Whether there is a bias beside the weight. Default true. */
  readonly bias?: boolean;
  /**
   * **Default `'channels-last'`**: PyTorch's own, the last axes. `'channels-first'` takes the channels of each point of
   * `[N, C, ...]`, as the LayerNorm of ConvNeXt does with `data_format="channels_first"`.
   */
  readonly layout?: 'channels-first' | 'channels-last';
}

/**
 * Layer normalization (Ba et al., 2016), as `torch.nn.LayerNorm`: the values of the last axes, or with `'channels-first'`
 * the channels of every point, by their own mean and deviation; the same in training and in use.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const norm = new LayerNorm({ normalizedShape: 2, layout: 'channels-first' });
 * const y = norm.forward({ data: [1, 10, 3, 30], shape: [1, 2, 2] });
 * console.log(Array.from(y.data, (value) => value.toFixed(3)).join(' ')); // -1.000 -1.000 1.000 1.000
 */
export class LayerNorm extends Normalization {
  readonly normalizedShape: readonly number[];
  readonly elementwiseAffine: boolean;

  constructor(options: LayerNormOptions) {
    const name = 'LayerNorm';
    const checked = checkOptions<LayerNormOptions>(name, options, [
      'normalizedShape',
      'elementwiseAffine',
      'bias',
      ...NORMALIZATION_OPTION_NAMES,
    ]);
    const shared = readNormalization(name, { layout: 'channels-last', ...checked });
    const shape = readNormalizedShape(name, checked.normalizedShape);
    if (shared.layout === 'channels-first' && shape.length > 1) {
      const advice = 'Leave out layout to normalize the last axes.';
      refuse(
        'BAD_OPTION',
        name,
        "normalizedShape to be the channels alone with 'channels-first'",
        shape,
        advice,
      );
    }
    const affine = checkBoolean(name, 'elementwiseAffine', checked.elementwiseAffine, true);
    const bias = checkBoolean(name, 'bias', checked.bias, true);
    super({ name, set: SET.point, shape, affine, bias, ...shared }, checked);
    this.normalizedShape = shape;
    this.elementwiseAffine = affine;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `${tuple(this.normalizedShape)}, eps=${python(this.eps)}, elementwise_affine=${python(this.affine)}`;
  }

  /** @internal */
  protected override readShape(where: string, shape: readonly number[]): NormalizedShape {
    const own = this.normalizedShape;
    if (this.layout === 'channels-first') return readChannels(where, shape, own[0] as number, this.layout);
    if (!sameList(shape.slice(-own.length), own)) {
      refuse('BAD_SHAPE', where, `input of shape [..., ${own.join(', ')}]`, [...shape], 'Reorder its axes.');
    }
    return { batch: 1, points: product(shape.slice(0, -own.length)) };
  }

  /** @internal PyTorch gives the bias for a single value. */
  protected override checkCount(): void {}
}

function readNormalizedShape(where: string, value: unknown): number[] {
  if (!isList(value)) return [checkInteger(where, 'normalizedShape', value, 1)];
  if (value.length === 0) refuse('BAD_OPTION', where, 'normalizedShape of at least one axis', value);
  return checkAxes(where, 'normalizedShape', value, value.length, 1);
}
