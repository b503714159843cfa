// The normalizations that keep running statistics: of a batch, and of every image by itself.

import { checkBoolean, checkInteger, checkOptions, refuse } from '../core/checks.js';
import { settle } from '../core/lists.js';
import { python } from '../layers/repr.js';
import {
  NORMALIZATION_OPTION_NAMES,
  Normalization,
  type NormalizationOptions,
  type NormalizedShape,
  type RunningStatistics,
  readChannels,
  readNormalization,
  refuseSingleValue,
} from './normalization.js';
import { SET } from './normalization-block.js';

interface RunningNormOptions extends NormalizationOptions {
  /** Channels of the input. */
  readonly numFeatures: number;
  /** Share of the new value in a running statistic. Default 0.1. */
  readonly momentum?: number | null;
}

/** PyTorch's arguments of BatchNorm1d, 2d and 3d. */
export interface BatchNormOptions extends RunningNormOptions {
  /** Share of the new value in a running statistic; null for the mean of all batches so far. Default 0.1. */
  readonly momentum?: number | null;
  /** Whether there are a weight and a bias. Default true. */
  readonly affine?: boolean;
  /** Whether running statistics are kept, for `eval()`. Default true. */
  readonly trackRunningStats?: boolean;
}

/** PyTorch's arguments of InstanceNorm1d, 2d and 3d. */
export interface InstanceNormOptions extends RunningNormOptions {
  /** Whether there are a weight and a bias. **Default false.** */
  readonly affine?: boolean;
  /** Whether running statistics are kept, for `eval()`. **Default false.** */
  readonly trackRunningStats?: boolean;
}

const OPTION_NAMES = [
  'numFeatures',
  'momentum',
  'affine',
  'trackRunningStats',
  ...NORMALIZATION_OPTION_NAMES,
] as const satisfies readonly (keyof BatchNormOptions)[];

abstract class RunningNorm extends Normalization {
  readonly numFeatures: number;
  readonly momentum: number | null;
  readonly trackRunningStats: boolean;
  /** @internal Axes of a batched input that the class takes. */
  protected readonly ranks: readonly number[];

  /** @internal `byDefault` is the value of `affine` and `trackRunningStats`. */
  protected constructor(
    name: string,
    set: number,
    ranks: readonly number[],
    options: unknown,
    byDefault: boolean,
  ) {
    const checked = checkOptions<BatchNormOptions>(name, options, OPTION_NAMES);
    const shared = readNormalization(name, checked);
    const channels = checkInteger(name, 'numFeatures', checked.numFeatures, 1);
    const affine = checkBoolean(name, 'affine', checked.affine, byDefault);
    const running = checkBoolean(name, 'trackRunningStats', checked.trackRunningStats, byDefault);
    super({ name, set, shape: [channels], groups: channels, affine, running, ...shared }, checked);
    this.numFeatures = channels;
    this.momentum = readMomentum(name, checked.momentum);
    this.trackRunningStats = running;
    this.ranks = ranks;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `${this.numFeatures}, eps=${python(this.eps)}, momentum=${python(this.momentum)}, affine=${python(this.affine)}, track_running_stats=${python(this.trackRunningStats)}`;
  }

  /** @internal Of every channel, the mean over its sets; the variance is unbiased, as PyTorch keeps it. */
  protected move(running: RunningStatistics, statistics: Float32Array, count: number, share: number): void {
    const channels = this.numFeatures;
    const sets = statistics.length / 2;
    const images = sets / channels;
    const unbiased = count / (count - 1);
    for (let channel = 0; channel < channels; channel += 1) {
      let [center, spread] = [0, 0];
      for (let set = channel; set < sets; set += channels) {
        center += (statistics[set] as number) / images;
        spread += ((statistics[sets + set] as number) * unbiased) / images;
      }
      running.mean[channel] = (1 - share) * (running.mean[channel] as number) + share * center;
      running.variance[channel] = (1 - share) * (running.variance[channel] as number) + share * spread;
    }
  }
}

function readMomentum(where: string, value: unknown): number | null {
  if (value === undefined) return 0.1;
  if (value === null) return null;
  if (typeof value !== 'number') refuse('BAD_TYPE', where, 'momentum to be a number or null', value);
  if (!(value >= 0 && value <= 1)) refuse('BAD_OPTION', where, 'momentum from 0 to 1', value);
  return value;
}

abstract class BatchNorm extends RunningNorm {
  /** @internal */
  protected constructor(name: string, ranks: readonly number[], options: BatchNormOptions) {
    super(name, SET.channel, ranks, options, true);
  }

  /** @internal */
  protected override readShape(where: string, shape: readonly number[]): NormalizedShape {
    return readChannels(where, shape, this.numFeatures, this.layout, this.ranks);
  }

  /** @internal */
  protected override checkCount(
    where: string,
    shape: readonly number[],
    { batch, points }: NormalizedShape,
  ): void {
    if (batch * points === 1) refuseSingleValue(where, 'value for each channel', shape);
  }

  /** @internal */
  protected override gatherStatistics(
    running: RunningStatistics,
    statistics: Float32Array,
    count: number,
  ): void {
    running.batches += 1;
    this.move(running, statistics, count, this.momentum ?? 1 / running.batches);
  }
}

abstract class InstanceNorm extends RunningNorm {
  /** @internal */
  protected constructor(name: string, ranks: readonly number[], options: InstanceNormOptions) {
    super(name, SET.group, ranks, options, false);
  }

  /** @internal */
  protected override readShape(where: string, shape: readonly number[]): NormalizedShape {
    const unbatched = (this.ranks[0] as number) - 1;
    return readChannels(where, shape, this.numFeatures, this.layout, this.ranks, unbatched);
  }

  /** @internal */
  protected override checkCount(where: string, shape: readonly number[], { points }: NormalizedShape): void {
    if (points === 1) refuseSingleValue(where, 'spatial value', shape);
  }

  /** @internal PyTorch counts no batches here, and takes null for 0. */
  protected override gatherStatistics(
    running: RunningStatistics,
    statistics: Float32Array,
    count: number,
  ): void {
    this.move(running, statistics, count, this.momentum ?? 0);
  }
}

/**
 * Batch normalization (Ioffe and Szegedy, 2015) over `[N, C]` or `[N, C, L]`, as `torch.nn.BatchNorm1d`: every channel
 * less its mean and divided by its deviation over the batch, in `eval()` by the running ones.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const norm = new BatchNorm1d({ numFeatures: 1 });
 * norm.train();
 * const y = norm.forward({ data: [1, 3, 5, 7], shape: [2, 1, 2] });
 * console.log(Array.from(y.data, (value) => value.toFixed(3)).join(' ')); // -1.342 -0.447 0.447 1.342
 */
export class BatchNorm1d extends BatchNorm {
  constructor(options: BatchNormOptions) {
    super('BatchNorm1d', [2, 3], options);
  }
}

/**
 * Batch normalization over `[N, C, H, W]`, as `torch.nn.BatchNorm2d`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const decoder = new Sequential(
 *   new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, padding: 1, bias: false }),
 *   new BatchNorm2d({ numFeatures: 4 }),
 *   new ReLU(),
 * );
 * console.log(decoder.forward({ data: new Float32Array(8 * 64), shape: [1, 8, 8, 8] }).shape.join('x')); // 1x4x16x16
 */
export class BatchNorm2d extends BatchNorm {
  constructor(options: BatchNormOptions) {
    super('BatchNorm2d', [4], options);
  }
}

/**
 * Batch normalization over `[N, C, D, H, W]`, as `torch.nn.BatchNorm3d`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * // No momentum: the running values are the mean over all batches seen in training.
 * const norm = new BatchNorm3d({ numFeatures: 1, momentum: null });
 * norm.train();
 * for (const value of [1, 3]) norm.forward({ data: new Float32Array(8).fill(value), shape: [1, 1, 2, 2, 2] });
 * console.log(norm.stateDict().running_mean.data.join(' ')); // 2
 */
export class BatchNorm3d extends BatchNorm {
  constructor(options: BatchNormOptions) {
    super('BatchNorm3d', [5], options);
  }
}

/**
 * Instance normalization (Ulyanov et al., 2016) over `[N, C, L]` or `[C, L]`, as `torch.nn.InstanceNorm1d`: every
 * channel of every entry by its own mean and deviation.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const norm = new InstanceNorm1d({ numFeatures: 2 });
 * const y = norm.forward({ data: [1, 3, 10, 30], shape: [1, 2, 2] });
 * console.log(Array.from(y.data, (value) => value.toFixed(3)).join(' ')); // -1.000 1.000 -1.000 1.000
 */
export class InstanceNorm1d extends InstanceNorm {
  constructor(options: InstanceNormOptions) {
    super('InstanceNorm1d', [3], options);
  }
}

/**
 * Instance normalization over `[N, C, H, W]` or `[C, H, W]`, as `torch.nn.InstanceNorm2d`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const norm = new InstanceNorm2d({ numFeatures: 8, affine: true });
 * console.log(Object.keys(norm.stateDict()).join(' ')); // weight bias
 * const y = norm.forward({ data: new Float32Array(8 * 16), shape: [1, 8, 4, 4] });
 * console.log(y.shape.join('x')); // 1x8x4x4
 */
export class InstanceNorm2d extends InstanceNorm {
  constructor(options: InstanceNormOptions) {
    super('InstanceNorm2d', [4], options);
  }
}

/**
 * Instance normalization over `[N, C, D, H, W]` or `[C, D, H, W]`, as `torch.nn.InstanceNorm3d`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const norm = new InstanceNorm3d({ numFeatures: 8, trackRunningStats: true });
 * console.log(Object.keys(norm.stateDict()).join(' ')); // running_mean running_var num_batches_tracked
 */
export class InstanceNorm3d extends InstanceNorm {
  constructor(options: InstanceNormOptions) {
    super('InstanceNorm3d', [5], options);
  }
}
