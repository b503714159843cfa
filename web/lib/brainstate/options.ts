import {
  checkAxes,
  checkBoolean,
  checkChoice,
  checkGroups,
  checkInteger,
  checkOptions,
  MAX_INTEGER,
  refuse,
} from '../core/checks.js';
import type { PerAxis, SpatialRank, Unsized } from '../core/lists.js';
import { freshSeed } from '../core/random.js';
import { isList } from '../core/realms.js';
import {
  EXECUTION_OPTION_NAMES,
  type Execution,
  type ExecutionOptions,
  readExecution,
} from '../runtime/execution.js';
import type { ParameterSource } from './parameters.js';

/**
 * `'SAME'` or `'VALID'`, exactly so; `p` for (p, p) on every axis; a list of integers, one symmetric
 * pad an axis, **except that two integers for one axis are (lo, hi)**; one `[lo, hi]` pair for all
 * axes; or a pair for each. Negative ones are accepted.
 */
export type Padding<Rank extends SpatialRank = never> =
  | 'SAME'
  | 'VALID'
  | PerAxis<Rank>
  | readonly [Pair]
  | Unsized<Pair>
  | { 1: Pair; 2: readonly [Pair, Pair]; 3: readonly [Pair, Pair, Pair] }[Rank];

type Pair = readonly [lo: number, hi: number];

/** A layer in brainstate's words, but for what its padding does. */
export interface BrainstateLayerOptions<Rank extends SpatialRank = never> extends ExecutionOptions {
  /**
   * Shape of one input without its batch axis, channels last: `[L, C]`, `[H, W, C]`, `[H, W, D, C]`;
   * with `channelFirst` `[C, ...]`. Inputs must have exactly this size.
   */
  readonly inSize:
    | {
        1: readonly [number, number];
        2: readonly [number, number, number];
        3: readonly [number, number, number, number];
      }[Rank]
    | Unsized<number>;
  readonly outChannels: number;
  readonly kernelSize: PerAxis<Rank>;
  /** Distance between the taps of the kernel. Default 1. */
  readonly rhsDilation?: PerAxis<Rank>;
  /** Blocked connections from input to output channels; divides both. Default 1. */
  readonly groups?: number;
  /**
   * The kernel: an initializer, another function of its shape, or values (a number or boolean, nested lists, a
   * typed array of any kind, a tensor) that broadcast to its shape. Default `XavierNormal()`.
   */
  readonly wInit?: ParameterSource;
  /** The bias in the same forms; no bias by default (null). */
  readonly bInit?: ParameterSource | null;
  /**
   * Multiplied into the kernel by every forward, in the same forms. The gradient of the weight is that of the
   * unmasked parameter, so it is masked too. Default: none (null).
   */
  readonly wMask?: ParameterSource | null;
  /** Whether input and output are `[N, C, ...]`. **The kernel's order stays what it is.** Default false. */
  readonly channelFirst?: boolean;
  /** Shown by `String(layer)`. */
  readonly name?: string | null;
  /**
   * brainstate's class for the parameters' state. Only `'ParamState'`, its default (also null): parameters are
   * plain values here, and what an optimizer is given decides what is trained.
   */
  readonly paramType?: 'ParamState' | null;
  /** Seed of the initializers that have none, 0 to 2^32 - 1. Default: another one each time. */
  readonly seed?: number;
}

export interface GeometryOptions extends BrainstateLayerOptions {
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly lhsDilation?: PerAxis;
}

/** The checked form of the options. */
export interface Settings {
  readonly inSize: readonly number[];
  /** Spatial axes of inSize. */
  readonly extents: readonly number[];
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: 'SAME' | 'VALID' | readonly (readonly [number, number])[];
  readonly lhsDilation: readonly number[];
  readonly rhsDilation: readonly number[];
  readonly groups: number;
  readonly wInit: unknown;
  readonly bInit: unknown;
  readonly wMask: unknown;
  readonly channelFirst: boolean;
  readonly name: string | null;
  readonly seed: number;
  readonly execution: Execution;
}

const OPTION_NAMES = [
  'inSize',
  'outChannels',
  'kernelSize',
  'stride',
  'padding',
  'lhsDilation',
  'rhsDilation',
  'groups',
  'wInit',
  'bInit',
  'wMask',
  'channelFirst',
  'name',
  'paramType',
  'seed',
  ...EXECUTION_OPTION_NAMES,
] as const satisfies readonly (keyof GeometryOptions)[];

export function readSettings(where: string, rank: number, given: unknown): Settings {
  const options = checkOptions<GeometryOptions>(where, given, OPTION_NAMES);
  const channelFirst = checkBoolean(where, 'channelFirst', options.channelFirst ?? false);
  const inSize = readInSize(where, rank, options.inSize, channelFirst);
  const inChannels = inSize.at(channelFirst ? 0 : -1) as number;
  const outChannels = checkInteger(where, 'outChannels', options.outChannels, 1);
  const groups = checkInteger(where, 'groups', options.groups ?? 1, 1);
  checkGroups(where, 'outChannels', outChannels, groups);
  checkGroups(where, 'the channels of inSize', inChannels, groups);
  if (options.wInit === null) {
    refuse(
      'BAD_OPTION',
      where,
      'wInit to be an initializer or values',
      null,
      'Leave it out for XavierNormal().',
    );
  }
  const paramType: unknown = options.paramType ?? 'ParamState';
  if (paramType !== 'ParamState') {
    refuse(
      'UNSUPPORTED',
      where,
      "paramType 'ParamState' or left out, as parameters are plain values here",
      paramType,
      'Leave layers that must not be trained out of the list that the optimizer gets.',
    );
  }
  const name = options.name ?? null;
  if (name !== null && typeof name !== 'string') refuse('BAD_TYPE', where, 'name to be a string', name);
  return {
    inSize,
    extents: channelFirst ? inSize.slice(1) : inSize.slice(0, -1),
    inChannels,
    outChannels,
    kernel: checkAxes(where, 'kernelSize', options.kernelSize, rank, 1),
    stride: checkAxes(where, 'stride', options.stride ?? 1, rank, 1),
    padding: readPadding(where, rank, options.padding ?? 'SAME'),
    lhsDilation: checkAxes(where, 'lhsDilation', options.lhsDilation ?? 1, rank, 1),
    rhsDilation: checkAxes(where, 'rhsDilation', options.rhsDilation ?? 1, rank, 1),
    groups,
    wInit: options.wInit,
    bInit: options.bInit,
    wMask: options.wMask,
    channelFirst,
    name,
    seed: checkInteger(where, 'seed', options.seed ?? freshSeed(), 0, 2 ** 32 - 1),
    execution: readExecution(where, options),
  };
}

// brainstate's third spatial axis is called depth and stands last.
const AXES = ['', 'L', 'H, W', 'H, W, D'];

function readInSize(where: string, rank: number, value: unknown, channelFirst: boolean): readonly number[] {
  const axes = channelFirst ? `[C, ${AXES[rank]}]` : `[${AXES[rank]}, C]`;
  if (!isList(value)) {
    refuse('BAD_TYPE', where, `inSize to be ${axes}, a list of ${rank + 1} integers`, value);
  }
  if (value.length !== rank + 1) {
    refuse(
      'BAD_OPTION',
      where,
      `inSize to be ${axes} with ${rank + 1} entries`,
      value,
      'It has no batch axis.',
    );
  }
  return Array.from(value, (extent, axis) => checkInteger(where, `inSize[${axis}]`, extent, 1));
}

function readPadding(where: string, rank: number, value: unknown): Settings['padding'] {
  if (typeof value === 'string')
    return checkChoice<'SAME' | 'VALID'>(where, 'padding', value, ['SAME', 'VALID']);
  if (typeof value === 'number') return repeat(rank, symmetric(where, 'padding', value));
  if (!isList(value)) {
    refuse('BAD_TYPE', where, "padding to be 'SAME', 'VALID', an integer or a list", value);
  }
  const list: readonly unknown[] = value;
  if (isList(list[0])) {
    if (list.length !== 1 && list.length !== rank) {
      refuse('BAD_OPTION', where, `padding to have ${rank} pairs (or 1 for all axes)`, list.length);
    }
    const pairs = Array.from(list, (pair, axis) => readPair(where, `padding[${axis}]`, pair));
    return pairs.length === rank ? pairs : repeat(rank, pairs[0] as readonly [number, number]);
  }
  if (rank === 1 && list.length === 2) return [readPair(where, 'padding', list)];
  if (list.length !== 1 && list.length !== rank) {
    const pair = rank === 1 ? ', or 2 for [lo, hi]' : '';
    refuse('BAD_OPTION', where, `padding to have ${rank} entries (or 1 for all axes${pair})`, [...list]);
  }
  const pads = Array.from(list, (pad, axis) => symmetric(where, `padding[${axis}]`, pad));
  return pads.length === rank ? pads : repeat(rank, pads[0] as readonly [number, number]);
}

function readPair(where: string, name: string, value: unknown): readonly [number, number] {
  if (!isList(value)) refuse('BAD_TYPE', where, `${name} to be a pair [lo, hi]`, value);
  if (value.length !== 2) refuse('BAD_OPTION', where, `${name} to be a pair [lo, hi]`, value);
  return [checkPad(where, `${name}[0]`, value[0]), checkPad(where, `${name}[1]`, value[1])];
}

function symmetric(where: string, name: string, value: unknown): readonly [number, number] {
  const pad = checkPad(where, name, value);
  return [pad, pad];
}

function checkPad(where: string, name: string, value: unknown): number {
  return checkInteger(where, name, value, -MAX_INTEGER);
}

function repeat<Value>(count: number, value: Value): Value[] {
  return new Array<Value>(count).fill(value);
}
