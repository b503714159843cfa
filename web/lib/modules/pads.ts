import { checkAxes, fault, MAX_INTEGER, refuse, shapeText } from '../core/checks.js';
import { at, type SpatialRank, settle, type Unsized } from '../core/lists.js';
import { isList } from '../core/realms.js';
import { python, tuple } from '../layers/repr.js';
import { readNumber, readOptions } from './activation.js';
import { SpatialModule, type SpatialModuleOptions, structOf, threeAxes } from './spatial-module.js';

/** Both ends of every spatial axis, the last axis first: left, right, top, bottom, front, back. */
export type PadList<Rank extends SpatialRank> = {
  1: readonly [number, number];
  2: readonly [number, number, number, number];
  3: readonly [number, number, number, number, number, number];
}[Rank];

/** Options of {@link ZeroPad1d}, {@link ReflectionPad1d}, {@link ReplicationPad1d} and their kin with two and three axes. */
export interface PaddingOptions<Rank extends SpatialRank = never> extends SpatialModuleOptions {
  /**
   * Values added at every end, or a list of both ends of every axis, the last axis first: left, right, top,
   * bottom, front, back. A negative number crops.
   */
  readonly padding: number | PadList<Rank> | Unsized<number>;
}

/** The core's ways to fill pads. */
const FILL = { constant: 0, reflect: 1, replicate: 2 } as const;

/** What lies beyond the ends of the spatial axes. */
abstract class PaddingModule<Rank extends SpatialRank> extends SpatialModule {
  readonly padding: PadList<Rank>;
  readonly #fill: keyof typeof FILL;
  readonly #value: number;

  /** @internal */
  protected constructor(
    name: string,
    rank: Rank,
    options: SpatialModuleOptions & { readonly padding: unknown },
    fill: keyof typeof FILL,
    value = 0,
  ) {
    super(name, options, 'pad', [rank]);
    const { padding } = options;
    if (isList(padding) && padding.length !== 2 * rank) {
      refuse('BAD_OPTION', name, `padding to be a number or to have ${2 * rank} entries`, padding);
    }
    this.padding = checkAxes(
      name,
      'padding',
      padding,
      2 * rank,
      -MAX_INTEGER,
    ) as readonly number[] as PadList<Rank>;
    this.#fill = fill;
    this.#value = value;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return tuple(this.padding);
  }

  /** @internal */
  protected override outputExtents(where: string, extents: readonly number[]): number[] {
    return extents.map((extent, axis) => {
      const ends = this.#endsOf(axis, extents.length);
      if (this.#fill === 'reflect' && Math.max(...ends) >= extent) {
        const got = `${shapeText(ends)} for the ${extent} of spatial axis ${axis}`;
        throw fault('BAD_SHAPE', where, 'pads below the size of their axis', got, 'Use a larger input.');
      }
      return extent + ends[0] + ends[1];
    });
  }

  /** @internal */
  protected override structFor(volume: readonly number[], rank: number): Float32Array {
    const before = Array.from({ length: rank }, (_, axis) => this.#endsOf(axis, rank)[0]);
    return structOf([...volume, ...threeAxes(before, 0), FILL[this.#fill]], [this.#value]);
  }

  #endsOf(axis: number, rank: number): readonly [number, number] {
    const first = 2 * (rank - 1 - axis);
    return [at(this.padding, first), at(this.padding, first + 1)];
  }
}

/** Options of {@link ConstantPad1d} and its kin with two and three axes. */
export interface ConstantPadOptions<Rank extends SpatialRank = never> extends PaddingOptions<Rank> {
  /** What is added. */
  readonly value: number;
}

abstract class ConstantPad<Rank extends SpatialRank> extends PaddingModule<Rank> {
  readonly value: number;

  /** @internal */
  protected constructor(name: string, rank: Rank, options: ConstantPadOptions<Rank>) {
    const checked = readOptions(name, options, ['padding', 'value', 'layout']);
    const value = readNumber(name, 'value', checked.value, Number.NaN, true);
    super(name, rank, checked, 'constant', value);
    this.value = value;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `padding=${super.repr()}, value=${python(this.value)}`;
  }
}

/** The kinds that take nothing but the padding. */
abstract class PlainPad<Rank extends SpatialRank> extends PaddingModule<Rank> {
  /** @internal */
  protected constructor(name: string, rank: Rank, options: PaddingOptions<Rank>, fill: keyof typeof FILL) {
    super(name, rank, readOptions(name, options, ['padding', 'layout']), fill);
  }
}

/**
 * Surrounds sequences by a constant: `[N, C, L]` or `[C, L]` (with `layout: 'channels-last'` `[N, L, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ConstantPad1d({ padding: 2, value: 0.5 });
 * console.log(pad.forward({ data: [1, 2, 3], shape: [1, 1, 3] }).data.join(' ')); // 0.5 0.5 1 2 3 0.5 0.5
 */
export class ConstantPad1d extends ConstantPad<1> {
  constructor(options: ConstantPadOptions<1>) {
    super('ConstantPad1d', 1, options);
  }
}

/**
 * Surrounds images by a constant: `[N, C, H, W]` or `[C, H, W]` (with `layout: 'channels-last'` `[N, H, W, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ConstantPad2d({ padding: [1, 2, 0, 1], value: 0.5 });
 * console.log(pad.forward({ data: new Float32Array(3 * 8 * 8), shape: [1, 3, 8, 8] }).shape.join('x')); // 1x3x9x11
 */
export class ConstantPad2d extends ConstantPad<2> {
  constructor(options: ConstantPadOptions<2>) {
    super('ConstantPad2d', 2, options);
  }
}

/**
 * Surrounds volumes by a constant: `[N, C, D, H, W]` or `[C, D, H, W]` (with `layout: 'channels-last'` `[N, D, H, W, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ConstantPad3d({ padding: 1, value: 0.5 });
 * console.log(pad.forward({ data: new Float32Array(4 * 8 * 8), shape: [1, 1, 4, 8, 8] }).shape.join('x')); // 1x1x6x10x10
 */
export class ConstantPad3d extends ConstantPad<3> {
  constructor(options: ConstantPadOptions<3>) {
    super('ConstantPad3d', 3, options);
  }
}

/**
 * Surrounds sequences by zeros: `[N, C, L]` or `[C, L]` (with `layout: 'channels-last'` `[N, L, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ZeroPad1d({ padding: [2, 1] });
 * console.log(pad.forward({ data: [1, 2, 3], shape: [1, 1, 3] }).data.join(' ')); // 0 0 1 2 3 0
 */
export class ZeroPad1d extends PlainPad<1> {
  constructor(options: PaddingOptions<1>) {
    super('ZeroPad1d', 1, options, 'constant');
  }
}

/**
 * Surrounds images by zeros: `[N, C, H, W]` or `[C, H, W]` (with `layout: 'channels-last'` `[N, H, W, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ZeroPad2d({ padding: [1, 2, 0, 1] });
 * console.log(pad.forward({ data: new Float32Array(3 * 8 * 8), shape: [1, 3, 8, 8] }).shape.join('x')); // 1x3x9x11
 */
export class ZeroPad2d extends PlainPad<2> {
  constructor(options: PaddingOptions<2>) {
    super('ZeroPad2d', 2, options, 'constant');
  }
}

/**
 * Surrounds volumes by zeros: `[N, C, D, H, W]` or `[C, D, H, W]` (with `layout: 'channels-last'` `[N, D, H, W, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ZeroPad3d({ padding: 1 });
 * console.log(pad.forward({ data: new Float32Array(4 * 8 * 8), shape: [1, 1, 4, 8, 8] }).shape.join('x')); // 1x1x6x10x10
 */
export class ZeroPad3d extends PlainPad<3> {
  constructor(options: PaddingOptions<3>) {
    super('ZeroPad3d', 3, options, 'constant');
  }
}

/**
 * Surrounds sequences by their reflection in their first and last values, which are not repeated: `[N, C, L]` or `[C, L]` (with `layout: 'channels-last'` `[N, L, C]`). A pad is below the
 * size of its axis; a negative one crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ReflectionPad1d({ padding: 2 });
 * console.log(pad.forward({ data: [1, 2, 3], shape: [1, 1, 3] }).data.join(' ')); // 3 2 1 2 3 2 1
 */
export class ReflectionPad1d extends PlainPad<1> {
  constructor(options: PaddingOptions<1>) {
    super('ReflectionPad1d', 1, options, 'reflect');
  }
}

/**
 * Surrounds images by their reflection in their first and last values, which are not repeated: `[N, C, H, W]` or `[C, H, W]` (with `layout: 'channels-last'` `[N, H, W, C]`). A pad is below the
 * size of its axis; a negative one crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ReflectionPad2d({ padding: [1, 2, 0, 1] });
 * console.log(pad.forward({ data: new Float32Array(3 * 8 * 8), shape: [1, 3, 8, 8] }).shape.join('x')); // 1x3x9x11
 */
export class ReflectionPad2d extends PlainPad<2> {
  constructor(options: PaddingOptions<2>) {
    super('ReflectionPad2d', 2, options, 'reflect');
  }
}

/**
 * Surrounds volumes by their reflection in their first and last values, which are not repeated: `[N, C, D, H, W]` or `[C, D, H, W]` (with `layout: 'channels-last'` `[N, D, H, W, C]`). A pad is below the
 * size of its axis; a negative one crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ReflectionPad3d({ padding: 1 });
 * console.log(pad.forward({ data: new Float32Array(4 * 8 * 8), shape: [1, 1, 4, 8, 8] }).shape.join('x')); // 1x1x6x10x10
 */
export class ReflectionPad3d extends PlainPad<3> {
  constructor(options: PaddingOptions<3>) {
    super('ReflectionPad3d', 3, options, 'reflect');
  }
}

/**
 * Surrounds sequences by their outermost values: `[N, C, L]` or `[C, L]` (with `layout: 'channels-last'` `[N, L, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ReplicationPad1d({ padding: 2 });
 * console.log(pad.forward({ data: [1, 2, 3], shape: [1, 1, 3] }).data.join(' ')); // 1 1 1 2 3 3 3
 */
export class ReplicationPad1d extends PlainPad<1> {
  constructor(options: PaddingOptions<1>) {
    super('ReplicationPad1d', 1, options, 'replicate');
  }
}

/**
 * Surrounds images by their outermost values: `[N, C, H, W]` or `[C, H, W]` (with `layout: 'channels-last'` `[N, H, W, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ReplicationPad2d({ padding: [1, 2, 0, 1] });
 * console.log(pad.forward({ data: new Float32Array(3 * 8 * 8), shape: [1, 3, 8, 8] }).shape.join('x')); // 1x3x9x11
 */
export class ReplicationPad2d extends PlainPad<2> {
  constructor(options: PaddingOptions<2>) {
    super('ReplicationPad2d', 2, options, 'replicate');
  }
}

/**
 * Surrounds volumes by their outermost values: `[N, C, D, H, W]` or `[C, D, H, W]` (with `layout: 'channels-last'` `[N, D, H, W, C]`). A negative pad crops.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const pad = new ReplicationPad3d({ padding: 1 });
 * console.log(pad.forward({ data: new Float32Array(4 * 8 * 8), shape: [1, 1, 4, 8, 8] }).shape.join('x')); // 1x1x6x10x10
 */
export class ReplicationPad3d extends PlainPad<3> {
  constructor(options: PaddingOptions<3>) {
    super('ReplicationPad3d', 3, options, 'replicate');
  }
}
