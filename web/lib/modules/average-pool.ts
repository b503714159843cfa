import { checkBoolean, checkInteger, MAX_INTEGER, refuse } from '../core/checks.js';
import { type SpatialRank, settle } from '../core/lists.js';
import { tuple } from '../layers/repr.js';
import { readOptions } from './activation.js';
import { Pool, WINDOW_OPTION_NAMES, type WindowOptions } from './pool.js';
import { sizeText } from './sizes.js';

/** PyTorch's arguments of AvgPool1d. */
export interface AvgPool1dOptions extends WindowOptions<1> {
  /** Whether the zeros of the padding count as values. Default true. */
  readonly countIncludePad?: boolean;
}

/** PyTorch's arguments of AvgPool2d and AvgPool3d. */
export interface AvgPoolOptions<Rank extends SpatialRank = never> extends WindowOptions<Rank> {
  /** Whether the zeros of the padding count as values. Default true. */
  readonly countIncludePad?: boolean;
  /** What sums are divided by instead of a count; not 0. Default null: the count. */
  readonly divisorOverride?: number | null;
}

abstract class AveragePool<Rank extends SpatialRank> extends Pool<Rank> {
  readonly countIncludePad: boolean;

  /** @internal */
  protected constructor(name: string, rank: Rank, options: AvgPoolOptions<Rank>, divides: boolean) {
    const checked = readOptions<AvgPoolOptions>(name, options as AvgPoolOptions, [
      ...WINDOW_OPTION_NAMES,
      'countIncludePad',
      ...(divides ? (['divisorOverride'] as const) : []),
    ]);
    const counts = checkBoolean(name, 'countIncludePad', checked.countIncludePad, true);
    const divisor = readDivisor(name, checked.divisorOverride);
    const ones = new Array<number>(rank).fill(1);
    super(name, rank, checked, 'averagePool', ones, [counts ? 1 : 0, divisor ?? 0]);
    this.countIncludePad = counts;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    const { kernelSize, stride, padding } = this;
    return `kernel_size=${sizeText(kernelSize)}, stride=${sizeText(stride)}, padding=${sizeText(padding)}`;
  }
}

function readDivisor(where: string, value: number | null | undefined): number | null {
  if (value === undefined || value === null) return null;
  const divisor = checkInteger(where, 'divisorOverride', value, -MAX_INTEGER);
  if (divisor === 0) refuse('BAD_OPTION', where, 'divisorOverride not to be 0', divisor);
  return divisor;
}

/**
 * Averages of windows over sequences, `[N, C, L]` or `[C, L]` (with `layout: 'channels-last'` `[N, L, C]`): per axis
 * `floor((n + 2 * padding - kernelSize) / stride) + 1` of them.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new AvgPool1d({ kernelSize: 2 });
 * const y = pool.forward({ data: [1, 3, 2, 0], shape: [1, 1, 4] });
 * console.log(y.data.join(' ')); // 2 1
 */
export class AvgPool1d extends AveragePool<1> {
  constructor(options: AvgPool1dOptions) {
    super('AvgPool1d', 1, options, false);
  }

  /** @internal */
  protected override repr(): string {
    const [kernel, stride, padding] = [this.kernelSize, this.stride, this.padding].map((size) =>
      tuple([size].flat()),
    );
    return `kernel_size=${kernel}, stride=${stride}, padding=${padding}`;
  }
}

/**
 * Averages of windows over images, `[N, C, H, W]` or `[C, H, W]` (with `layout: 'channels-last'` `[N, H, W, C]`), as
 * AvgPool1d's.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new AvgPool2d({ kernelSize: 3, stride: 2, padding: 1, countIncludePad: false });
 * const y = pool.forward({ data: new Float32Array(16 * 8 * 8), shape: [1, 16, 8, 8] });
 * console.log(y.shape.join('x')); // 1x16x4x4
 */
export class AvgPool2d extends AveragePool<2> {
  readonly divisorOverride: number | null;

  constructor(options: AvgPoolOptions<2>) {
    super('AvgPool2d', 2, options, true);
    this.divisorOverride = options.divisorOverride ?? null;
    settle(this);
  }
}

/**
 * Averages of windows over volumes, `[N, C, D, H, W]` or `[C, D, H, W]` (with `layout: 'channels-last'`
 * `[N, D, H, W, C]`), as AvgPool1d's.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new AvgPool3d({ kernelSize: 2 });
 * const y = pool.forward({ data: new Float32Array(4 * 8 * 8), shape: [1, 1, 4, 8, 8] });
 * console.log(y.shape.join('x')); // 1x1x2x4x4
 */
export class AvgPool3d extends AveragePool<3> {
  readonly divisorOverride: number | null;

  constructor(options: AvgPoolOptions<3>) {
    super('AvgPool3d', 3, options, true);
    this.divisorOverride = options.divisorOverride ?? null;
    settle(this);
  }
}
