import { checkBoolean, checkGroups, checkInteger, checkOptions, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { PLACEMENT_OPTION_NAMES } from '../core/torch-words.js';
import { python } from '../layers/repr.js';
import {
  Normalization,
  type NormalizationOptions,
  readNormalization,
  refuseSingleValue,
} from './normalization.js';
import type { BlockSets } from './normalization-kernel.js';

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
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`
 *
 * @example
 * const norm = new GroupNorm({ numGroups: 4, numChannels: 16 });
 * const y = norm.forward({ data: new Float32Array(16 * 8 * 8), shape: [1, 16, 8, 8] });
 */
export class GroupNorm extends Normalization {
  readonly numGroups: number;
  readonly numChannels: number;

  constructor(options: GroupNormOptions) {
    const name = 'GroupNorm';
    const checked = checkOptions<GroupNormOptions>(name, options, [
      'numGroups',
      'numChannels',
      'eps',
      'affine',
      ...PLACEMENT_OPTION_NAMES,
    ]);
    const eps = readNormalization(name, checked);
    const numGroups = checkInteger(name, 'numGroups', checked.numGroups, 1);
    const channels = checkInteger(name, 'numChannels', checked.numChannels, 1);
    checkGroups(name, 'numChannels', channels, numGroups);
    super({
      name,
      channels,
      eps,
      affine: checkBoolean(name, 'affine', checked.affine ?? true),
      running: false,
    });
    this.numGroups = numGroups;
    this.numChannels = channels;
  }

  extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${python(this.eps)}, affine=${python(this.affine)}`;
  }

  /** @internal */
  protected override readShape(where: string, shape: readonly number[]): { batch: number; inner: number } {
    if (shape.length < 2 || shape[1] !== this.numChannels) {
      refuse(
        'BAD_SHAPE',
        where,
        `input of shape [N, ${this.numChannels}, ...]`,
        [...shape],
        'Reorder its axes.',
      );
    }
    return { batch: shape[0] as number, inner: product(shape.slice(2)) };
  }

  /** @internal */
  protected override gather(batch: number, inner: number): Omit<BlockSets, 'channels' | 'inner'> {
    const groupChannels = this.numChannels / this.numGroups;
    const setOf = Int32Array.from({ length: batch * this.numChannels }, (_, block) =>
      Math.floor(block / groupChannels),
    );
    return { setOf, sets: batch * this.numGroups, count: groupChannels * inner };
  }

  /** @internal PyTorch looks at the whole batch, though every group stands alone. */
  protected override checkCount(where: string, shape: readonly number[], { count }: BlockSets): void {
    if ((shape[0] as number) * count === 1) refuseSingleValue(where, 'value in a group', shape);
  }
}
