import type { PerAxis, SpatialRank } from '../core/lists.js';
import { settle } from '../core/lists.js';
import { python } from '../layers/repr.js';
import { readOptions } from './activation.js';
import { Pool, WINDOW_OPTION_NAMES, type WindowOptions, type WindowSize } from './pool.js';
import { readSizes, sizeText } from './sizes.js';

/** PyTorch's arguments of MaxPool. */
export interface MaxPoolOptions<Rank extends SpatialRank = never> extends WindowOptions<Rank> {
  /** Distance between the places of a window. Default 1. */
  readonly dilation?: PerAxis<Rank>;
}

abstract class MaxPool<Rank extends SpatialRank> extends Pool<Rank> {
  readonly dilation: WindowSize<Rank>;

  /** @internal */
  protected constructor(name: string, rank: Rank, options: MaxPoolOptions<Rank>) {
    const checked = readOptions<MaxPoolOptions>(name, options as MaxPoolOptions, [
      ...WINDOW_OPTION_NAMES,
      'dilation',
    ]);
    const dilation = readSizes(name, 'dilation', checked.dilation ?? 1, rank, 1);
    super(name, rank, checked, 'maxPool', dilation.axes, [1, 0]);
    this.dilation = dilation.given as WindowSize<Rank>;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return [
      `kernel_size=${sizeText(kernelSize)}`,
      `stride=${sizeText(stride)}`,
      `padding=${sizeText(padding)}`,
      `dilation=${sizeText(dilation)}`,
      `ceil_mode=${python(ceilMode)}`,
    ].join(', ');
  }
}

/**
 * Maxima of windows over sequences, `[N, C, L]` or `[C, L]` (with `layout: 'channels-last'` `[N, L, C]`): per axis
 * `floor((n + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1` of them, NaN where there is one. A
 * window's gradient goes to its first maximum.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new MaxPool1d({ kernelSize: 2 });
 * const y = pool.forward({ data: [1, 3, 2, 0], shape: [1, 1, 4] });
 * console.log(y.data.join(' ')); // 3 2
 */
export class MaxPool1d extends MaxPool<1> {
  constructor(options: MaxPoolOptions<1>) {
    super('MaxPool1d', 1, options);
  }
}

/**
 * Maxima of windows over images, `[N, C, H, W]` or `[C, H, W]` (with `layout: 'channels-last'` `[N, H, W, C]`), as
 * MaxPool1d's.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new MaxPool2d({ kernelSize: 3, stride: 2, padding: 1 });
 * const y = pool.forward({ data: new Float32Array(16 * 8 * 8), shape: [1, 16, 8, 8] });
 * console.log(y.shape.join('x')); // 1x16x4x4
 */
export class MaxPool2d extends MaxPool<2> {
  constructor(options: MaxPoolOptions<2>) {
    super('MaxPool2d', 2, options);
  }
}

/**
 * Maxima of windows over volumes, `[N, C, D, H, W]` or `[C, D, H, W]` (with `layout: 'channels-last'`
 * `[N, D, H, W, C]`), as MaxPool1d's.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new MaxPool3d({ kernelSize: [1, 2, 2] });
 * const y = pool.forward({ data: new Float32Array(4 * 8 * 8), shape: [1, 1, 4, 8, 8] });
 * console.log(y.shape.join('x')); // 1x1x4x4x4
 */
export class MaxPool3d extends MaxPool<3> {
  constructor(options: MaxPoolOptions<3>) {
    super('MaxPool3d', 3, options);
  }
}
