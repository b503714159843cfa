import { checkBoolean, refuse } from '../core/checks.js';
import { type AxisList, at, type PerAxis, type SpatialRank, settle } from '../core/lists.js';
import { kernelReach } from '../core/spec.js';
import { readSizes } from './sizes.js';
import {
  type SpatialFunction,
  SpatialModule,
  type SpatialModuleOptions,
  structOf,
  threeAxes,
} from './spatial-module.js';

/** What windows of all kinds have; a list has one entry for each spatial axis. */
export interface WindowOptions<Rank extends SpatialRank = never> extends SpatialModuleOptions {
  readonly kernelSize: PerAxis<Rank>;
  /** Distance between neighbouring windows. Default `kernelSize`. */
  readonly stride?: PerAxis<Rank> | null;
  /** Places added at **both** ends, at most half of what a window spans. Default 0. */
  readonly padding?: PerAxis<Rank>;
  /** Whether a window that hangs over the end counts. Default false. */
  readonly ceilMode?: boolean;
}

export const WINDOW_OPTION_NAMES = [
  'kernelSize',
  'stride',
  'padding',
  'ceilMode',
  'layout',
] as const satisfies readonly (keyof WindowOptions)[];

/** A window's numbers, as they were given. */
export type WindowSize<Rank extends SpatialRank> = number | AxisList<Rank> | readonly [number];

/** Windows that slide over the spatial axes. */
export abstract class Pool<Rank extends SpatialRank> extends SpatialModule {
  readonly kernelSize: WindowSize<Rank>;
  readonly stride: WindowSize<Rank>;
  readonly padding: WindowSize<Rank>;
  readonly ceilMode: boolean;
  readonly #axes: Readonly<Record<'kernel' | 'stride' | 'padding' | 'dilation', readonly number[]>>;
  readonly #more: readonly number[];

  /** @internal `more` is what the core's struct ends with. */
  protected constructor(
    name: string,
    rank: Rank,
    options: WindowOptions,
    computedBy: SpatialFunction,
    dilation: readonly number[],
    more: readonly number[],
  ) {
    super(name, options, computedBy, [rank]);
    const kernel = readSizes(name, 'kernelSize', options.kernelSize, rank, 1);
    const stride = readSizes(name, 'stride', options.stride ?? options.kernelSize, rank, 1);
    const padding = readSizes(name, 'padding', options.padding ?? 0, rank, 0);
    for (const [axis, pad] of padding.axes.entries()) {
      const most = Math.floor(kernelReach({ kernel: kernel.axes, dilation }, axis) / 2);
      if (pad > most) {
        refuse('BAD_OPTION', name, `padding[${axis}] of at most half of the window (${most})`, pad);
      }
    }
    this.kernelSize = kernel.given as WindowSize<Rank>;
    this.stride = stride.given as WindowSize<Rank>;
    this.padding = padding.given as WindowSize<Rank>;
    this.ceilMode = checkBoolean(name, 'ceilMode', options.ceilMode ?? false);
    this.#axes = { kernel: kernel.axes, stride: stride.axes, padding: padding.axes, dilation };
    this.#more = more;
    settle(this);
  }

  /** @internal */
  protected override outputExtents(_where: string, extents: readonly number[]): number[] {
    const { stride, padding } = this.#axes;
    return extents.map((extent, axis) => {
      const step = at(stride, axis);
      const pad = at(padding, axis);
      const room = extent + 2 * pad - kernelReach(this.#axes, axis);
      if (!this.ceilMode) return Math.floor(room / step) + 1;
      // A window begins on the input or the pads before it.
      const count = Math.ceil(room / step) + 1;
      return (count - 1) * step >= extent + pad ? count - 1 : count;
    });
  }

  /** @internal */
  protected override structFor(volume: readonly number[]): Float32Array {
    const { kernel, stride, padding, dilation } = this.#axes;
    const axes = [threeAxes(kernel, 1), threeAxes(stride, 1), threeAxes(padding, 0), threeAxes(dilation, 1)];
    return structOf([...volume, ...axes.flat(), ...this.#more]);
  }
}
