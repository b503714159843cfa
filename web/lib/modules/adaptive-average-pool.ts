import { checkAxes, refuse } from '../core/checks.js';
import { at, type SpatialRank, settle } from '../core/lists.js';
import { isList } from '../core/realms.js';
import { python, tuple } from '../layers/repr.js';
import { readOptions } from './activation.js';
import { SpatialModule, type SpatialModuleOptions, structOf } from './spatial-module.js';

type Size = number | null;

/** A size, or null for that of the input; a list has one for each spatial axis. */
export type AdaptiveSize<Rank extends SpatialRank> =
  | Size
  | { 1: readonly [Size]; 2: readonly [Size, Size]; 3: readonly [Size, Size, Size] }[Rank];

/** Options of {@link AdaptiveAvgPool1d} and its kin with two and three axes. */
export interface AdaptiveAvgPoolOptions<Rank extends SpatialRank> extends SpatialModuleOptions {
  /** The sizes of the output; null for the input's. */
  readonly outputSize: AdaptiveSize<Rank>;
}

abstract class AdaptiveAveragePool<Rank extends SpatialRank> extends SpatialModule {
  readonly outputSize: AdaptiveSize<Rank>;
  readonly #sizes: readonly (number | null)[];

  /** @internal */
  protected constructor(name: string, rank: Rank, options: AdaptiveAvgPoolOptions<Rank>) {
    const checked = readOptions(name, options, ['outputSize', 'layout']);
    const given = checked.outputSize as number | null | readonly (number | null)[];
    const sizes: readonly (number | null)[] = isList(given) ? given : new Array(rank).fill(given);
    if (sizes.length !== rank) refuse('BAD_OPTION', name, `outputSize to have ${rank} entries`, given);
    for (const [axis, size] of sizes.entries()) {
      if (size !== null) checkAxes(name, isList(given) ? `outputSize[${axis}]` : 'outputSize', size, 1, 1);
    }
    super(name, checked, 'adaptiveAveragePool', [rank]);
    this.outputSize = (isList(given) ? [...sizes] : given) as AdaptiveSize<Rank>;
    this.#sizes = [...sizes];
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    const sizes = this.#sizes.map((size) => size ?? python(null));
    return `output_size=${isList(this.outputSize) ? tuple(sizes) : sizes[0]}`;
  }

  /** @internal */
  protected override outputExtents(_where: string, extents: readonly number[]): number[] {
    return this.#sizes.map((size, axis) => size ?? at(extents, axis));
  }

  /** @internal */
  protected override structFor(volume: readonly number[]): Float32Array {
    return structOf(volume);
  }
}

/**
 * Averages of as many parts of a sequence as the output has values, `[N, C, L]` or `[C, L]` (with
 * `layout: 'channels-last'` `[N, L, C]`): part o reaches from `floor(o * n / outputSize)` to
 * `ceil((o + 1) * n / outputSize)`. With size 1 it is the average of all.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new AdaptiveAvgPool1d({ outputSize: 1 });
 * const y = pool.forward({ data: [1, 3, 2, 0], shape: [1, 1, 4] });
 * console.log(y.data.join(' ')); // 1.5
 */
export class AdaptiveAvgPool1d extends AdaptiveAveragePool<1> {
  constructor(options: AdaptiveAvgPoolOptions<1>) {
    super('AdaptiveAvgPool1d', 1, options);
  }
}

/**
 * Averages of parts of images, `[N, C, H, W]` or `[C, H, W]` (with `layout: 'channels-last'` `[N, H, W, C]`), as
 * AdaptiveAvgPool1d's.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new AdaptiveAvgPool2d({ outputSize: 1 });
 * const y = pool.forward({ data: new Float32Array(16 * 8 * 8), shape: [1, 16, 8, 8] });
 * console.log(y.shape.join('x')); // 1x16x1x1
 */
export class AdaptiveAvgPool2d extends AdaptiveAveragePool<2> {
  constructor(options: AdaptiveAvgPoolOptions<2>) {
    super('AdaptiveAvgPool2d', 2, options);
  }
}

/**
 * Averages of parts of volumes, `[N, C, D, H, W]` or `[C, D, H, W]` (with `layout: 'channels-last'`
 * `[N, D, H, W, C]`), as AdaptiveAvgPool1d's.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pool = new AdaptiveAvgPool3d({ outputSize: [null, 2, 2] });
 * const y = pool.forward({ data: new Float32Array(4 * 8 * 8), shape: [1, 1, 4, 8, 8] });
 * console.log(y.shape.join('x')); // 1x1x4x2x2
 */
export class AdaptiveAvgPool3d extends AdaptiveAveragePool<3> {
  constructor(options: AdaptiveAvgPoolOptions<3>) {
    super('AdaptiveAvgPool3d', 3, options);
  }
}
