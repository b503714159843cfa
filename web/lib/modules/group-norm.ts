import { checkBoolean, checkGroups, checkInteger, checkOptions } from '../core/checks.js';
import { settle } from '../core/lists.js';
import { python } from '../layers/repr.js';
import {
  NORMALIZATION_OPTION_NAMES,
  Normalization,
  type NormalizationOptions,
  type NormalizedShape,
  readChannels,
  readNormalization,
  refuseSingleValue,
} from './normalization.js';
import { SET } from './normalization-block.js';

/** PyTorch's arguments of GroupNorm. */
export interface GroupNormOptions extends NormalizationOptions {
  /** Divides the channels. */
  readonly numGroups: number;
  /** Channels of the input. */
  readonly numChannels: number;
  /** Whether there are a weight and a bias of every channel. Default true. */
  readonly affine?: boolean;
}

/**
 * Group normalization (Wu and He, 2018) over `[N, C, ...]`, as `torch.nn.GroupNorm`: the channels of a group of every
 * entry by their mean and deviation, the same in training and in use.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const norm = new GroupNorm({ numGroups: 2, numChannels: 4 });
 * const y = norm.forward({ data: [1, 3, 10, 30], shape: [1, 4, 1] });
 * console.log(Array.from(y.data, (value) => value.toFixed(3)).join(' ')); // -1.000 1.000 -1.000 1.000
 */
export class GroupNorm extends Normalization {
  readonly numGroups: number;
  readonly numChannels: number;

  constructor(options: GroupNormOptions) {
    const name = 'GroupNorm';
    const checked = checkOptions<GroupNormOptions>(name, options, [
      'numGroups',
      'numChannels',
      'affine',
      ...NORMALIZATION_OPTION_NAMES,
    ]);
    const shared = readNormalization(name, checked);
    const groups = checkInteger(name, 'numGroups', checked.numGroups, 1);
    const channels = checkInteger(name, 'numChannels', checked.numChannels, 1);
    checkGroups(name, 'numChannels', channels, groups);
    const affine = checkBoolean(name, 'affine', checked.affine, true);
    super({ name, set: SET.group, shape: [channels], groups, affine, ...shared }, checked);
    this.numGroups = groups;
    this.numChannels = channels;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${python(this.eps)}, affine=${python(this.affine)}`;
  }

  /** @internal */
  protected override readShape(where: string, shape: readonly number[]): NormalizedShape {
    return readChannels(where, shape, this.numChannels, this.layout);
  }

  /** @internal PyTorch looks at the whole batch, though every group stands alone. */
  protected override checkCount(
    where: string,
    shape: readonly number[],
    { batch, points }: NormalizedShape,
  ): void {
    const count = (this.numChannels / this.numGroups) * points;
    if (batch * count === 1) refuseSingleValue(where, 'value in a group', shape);
  }
}
