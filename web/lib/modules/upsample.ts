import { checkBoolean, checkChoice, fault, refuse } from '../core/checks.js';
import { at, settle } from '../core/lists.js';
import { isList } from '../core/realms.js';
import { python, tuple } from '../layers/repr.js';
import { readNumber, readOptions } from './activation.js';
import { readSizes, sizeText } from './sizes.js';
import { SpatialModule, type SpatialModuleOptions, structOf, threeAxes } from './spatial-module.js';

/** Modes of Upsample by the spatial axes that they take. */
const RANKS = { nearest: [1, 2, 3], linear: [1], bilinear: [2], trilinear: [3] } as const;

/** How {@link Upsample} finds the values between those that there are. */
export type UpsampleMode = keyof typeof RANKS;

interface CommonUpsampleOptions extends SpatialModuleOptions {
  /** Default `'nearest'`; the linear ones are for one number of spatial axes each. */
  readonly mode?: UpsampleMode;
  /** Of linear modes: whether the ends of input and output lie upon each other. Default null, which is false. */
  readonly alignCorners?: boolean | null;
  /** Whether places follow from the sizes of input and output, not from `scaleFactor`. Default null, which is false. */
  readonly recomputeScaleFactor?: boolean | null;
}

/** Either `size` or `scaleFactor`; a list has one entry for each spatial axis. */
export type UpsampleOptions = CommonUpsampleOptions &
  (
    | {
        /** Sizes of the output. */
        readonly size: number | readonly number[];
        readonly scaleFactor?: null;
      }
    | {
        readonly size?: null;
        /** How many times larger the output is, rounded down; may be below 1 and need not be whole. */
        readonly scaleFactor: number | readonly number[];
      }
  );

/**
 * Resizes the spatial axes of `[N, C, ...]` (with `layout: 'channels-last'` `[N, ..., C]`), 1 to 3 of them:
 * PyTorch's Upsample and interpolate. Output value o is made of those around `(o + 0.5) / scale - 0.5`,
 * with `alignCorners` around `o * (input - 1) / (output - 1)`; `'nearest'` is that at `floor(o / scale)`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const up = new Upsample({ scaleFactor: 2, mode: 'linear' });
 * console.log(up.forward({ data: [0, 4], shape: [1, 1, 2] }).data.join(' ')); // 0 1 3 4
 */
export class Upsample extends SpatialModule {
  readonly size: number | readonly number[] | null;
  readonly scaleFactor: number | readonly number[] | null;
  readonly mode: UpsampleMode;
  readonly alignCorners: boolean | null;
  readonly recomputeScaleFactor: boolean | null;

  constructor(options: UpsampleOptions) {
    const name = 'Upsample';
    const checked = readOptions(name, options, [
      'size',
      'scaleFactor',
      'mode',
      'alignCorners',
      'recomputeScaleFactor',
      'layout',
    ]);
    const { size = null, scaleFactor = null, alignCorners = null, recomputeScaleFactor = null } = checked;
    const mode = checkChoice(name, 'mode', checked.mode ?? 'nearest', Object.keys(RANKS) as UpsampleMode[]);
    if ((size === null) === (scaleFactor === null)) {
      throw fault('BAD_OPTION', name, 'size or scaleFactor', size === null ? 'neither' : 'both');
    }
    if (alignCorners !== null) {
      checkBoolean(name, 'alignCorners', alignCorners);
      if (mode === 'nearest') refuse('BAD_OPTION', name, 'alignCorners with a linear mode only', mode);
    }
    if (recomputeScaleFactor !== null) {
      checkBoolean(name, 'recomputeScaleFactor', recomputeScaleFactor);
      if (recomputeScaleFactor && size !== null) {
        refuse('BAD_OPTION', name, 'recomputeScaleFactor with scaleFactor only', size);
      }
    }
    const given = size ?? scaleFactor;
    const ranks: readonly number[] = RANKS[mode];
    const count = isList(given) && given.length > 1 ? given.length : undefined;
    if (count !== undefined && !ranks.includes(count)) {
      const expected = `a list of ${ranks.join(' or ')} entries for mode '${mode}'`;
      refuse('BAD_OPTION', name, expected, given);
    }
    super(name, checked, 'resize', count === undefined ? ranks : [count], true);
    this.size = size === null ? null : readSizes(name, 'size', size, count ?? 1, 1).given;
    this.scaleFactor = scaleFactor === null ? null : readFactors(name, scaleFactor);
    this.mode = mode;
    this.alignCorners = alignCorners;
    this.recomputeScaleFactor = recomputeScaleFactor;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    const { size, scaleFactor, mode } = this;
    const sizes =
      size !== null
        ? `size=${sizeText(size)}`
        : `scale_factor=${typeof scaleFactor === 'number' ? python(scaleFactor) : tuple((scaleFactor ?? []).map(python))}`;
    return `${sizes}, mode='${mode}'`;
  }

  /** @internal */
  protected override outputExtents(_where: string, extents: readonly number[]): number[] {
    const { size, scaleFactor } = this;
    return extents.map((extent, axis) =>
      size === null ? Math.floor(extent * entry(scaleFactor, axis)) : entry(size, axis),
    );
  }

  /** @internal */
  protected override structFor(volume: readonly number[], rank: number): Float32Array {
    const { scaleFactor, recomputeScaleFactor, mode, alignCorners } = this;
    const steps = Array.from({ length: rank }, (_, axis) =>
      scaleFactor === null || recomputeScaleFactor === true ? 0 : 1 / entry(scaleFactor, axis),
    );
    const linear = mode === 'nearest' ? 0 : 1;
    return structOf([...volume, linear, alignCorners === true ? 1 : 0], threeAxes(steps, 0));
  }
}

function readFactors(where: string, value: unknown): number | readonly number[] {
  const read = (name: string, given: unknown): number => {
    const factor = readNumber(where, name, given, Number.NaN);
    if (factor <= 0) refuse('BAD_OPTION', where, `${name} above 0`, factor);
    return factor;
  };
  if (!isList(value)) return read('scaleFactor', value);
  if (value.length === 0) refuse('BAD_OPTION', where, 'scaleFactor with an entry for each axis', value);
  return Array.from(value, (factor, axis) => read(`scaleFactor[${axis}]`, factor));
}

/** A list of one entry is for all axes. */
function entry(values: number | readonly number[] | null, axis: number): number {
  if (typeof values === 'number') return values;
  const list = values as readonly number[];
  return at(list, list.length === 1 ? 0 : axis);
}
