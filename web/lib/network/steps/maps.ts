// What makes other sizes of axes: tables that say which sources every target of an axis is made of.

import { product } from '../../core/lists.js';
import { outOfMemory } from '../../runtime/runtime.js';
import { stageParameters, withBlock } from '../../runtime/staging.js';
import type { Shape } from '../shapes.js';
import { copyStep } from './moves.js';
import { type Compute, floatBits, oneToOne, type StepCall } from './step.js';

/** Takes one source of a target, and its weight. */
export type Take = (source: number, weight: number) => void;

/** Of every target of an axis its sources: handed over one by one, as an axis may have millions. */
export interface Table {
  readonly length: number;
  readonly eachTap: (target: number, take: Take) => void;
}

/** Null for an axis that stays as it is. */
export type AxisTaps = Table | null;

export interface MapOptions {
  /** The maximum of the sources instead of their sum. */
  readonly maximum?: boolean;
  /** What a target without a source is, where no target has several. */
  readonly fill?: number;
}

interface Axis {
  readonly extent: number;
  readonly taps: AxisTaps;
}

interface Pass {
  readonly struct: Float32Array;
  /** Values that it makes. */
  readonly count: number;
}

/** The core takes this many axes at once. */
const AXES_AT_ONCE = 3;
/** Fields before the tables. */
const HEAD = 10;
/** What the heap holds at most. */
const MOST_WORDS = 2 ** 29;

/** Axis by axis; of an input of `shape`, which has a table for each. */
export function mapStep(
  call: StepCall,
  shape: Shape,
  tables: readonly AxisTaps[],
  options: MapOptions,
): Compute {
  const { runtime, where } = call;
  const passes = passesOf(call, shape, tables, options);
  const apply = (index: number, source: number, target: number): void => {
    const address = stageParameters(runtime, where, (passes[index] as Pass).struct);
    runtime.check(where, runtime.module.applyMaps(address, source, target));
  };
  const run = (index: number, source: number, target: number): void => {
    if (index === passes.length - 1) apply(index, source, target);
    else runThrough(index, source, target);
  };
  // A function of its own, so that one pass alone does not make the closure.
  const runThrough = (index: number, source: number, target: number): void => {
    withBlock(runtime, where, (passes[index] as Pass).count, (between) => {
      apply(index, source, between);
      run(index + 1, between, target);
    });
  };
  if (passes.length === 0) return copyStep({ runtime, inputShapes: [shape] });
  return oneToOne((source, target) => run(0, source, target));
}

/** As many axes at a time as the core takes, those that stay as they are between them counted. */
function passesOf(
  call: StepCall,
  shape: Shape,
  tables: readonly AxisTaps[],
  options: MapOptions,
): readonly Pass[] {
  const axes: Axis[] = [];
  for (const [index, extent] of shape.entries()) {
    const taps = tables[index] ?? null;
    const last = axes.at(-1);
    if (taps === null && last !== undefined && last.taps === null) {
      axes[axes.length - 1] = { extent: last.extent * extent, taps };
    } else {
      axes.push({ extent, taps });
    }
  }
  const isMapped = ({ taps }: Axis): boolean => taps !== null;
  const passes: Pass[] = [];
  let first = axes.findIndex(isMapped);
  let outer = product(axes.slice(0, Math.max(first, 0)).map(({ extent }) => extent));
  while (first >= 0) {
    const own = axes.slice(first, first + AXES_AT_ONCE);
    while (own.at(-1)?.taps === null) own.pop();
    const end = first + own.length;
    const inner = product(axes.slice(end).map(({ extent }) => extent));
    passes.push(passOf(call, outer, own, inner, options));
    const next = axes.slice(end).findIndex(isMapped);
    const between = next < 0 ? [] : axes.slice(end, end + next);
    outer *= product([...own, ...between].map(({ extent, taps }) => taps?.length ?? extent));
    first = next < 0 ? -1 : end + next;
  }
  return passes;
}

function passOf(
  { where }: StepCall,
  outer: number,
  mapped: readonly Axis[],
  inner: number,
  { maximum, fill }: MapOptions,
): Pass {
  const none: Axis = { extent: 1, taps: null };
  const axes = [...new Array<Axis>(AXES_AT_ONCE - mapped.length).fill(none), ...mapped];
  const sources = axes.map(({ extent }) => extent);
  const tables = axes.map(
    ({ extent, taps }): Table => taps ?? { length: extent, eachTap: (source, take) => take(source, 1) },
  );
  const targets = tables.map((table) => table.length);
  const head = [outer, ...sources, ...targets, inner, maximum === true ? 1 : 0, floatBits(fill ?? 0)];
  const count = outer * product(targets) * inner;
  // Most targets have as many sources as one amidst of them.
  const least = HEAD + tables.reduce((sum, table) => sum + table.length * (1 + 2 * tapsAmidst(table)), 0);
  if (least + count > MOST_WORDS) throw outOfMemory(where, 'the parameters', least);
  let words = new Int32Array(least);
  words.set(head);
  let floats = new Float32Array(words.buffer);
  let next = HEAD;
  const advance = (count: number): void => {
    next += count;
    if (next <= words.length) return;
    if (next > MOST_WORDS) throw outOfMemory(where, 'the parameters', next);
    const more = new Int32Array(2 * next);
    more.set(words);
    words = more;
    floats = new Float32Array(words.buffer);
  };
  const take: Take = (source, weight) => {
    advance(2);
    words[next - 2] = source;
    floats[next - 1] = weight;
  };
  for (const { length, eachTap } of tables) {
    // Where the taps of each target end, and then all of them.
    const ends = next;
    advance(length);
    const first = next;
    for (let target = 0; target < length; target += 1) {
      eachTap(target, take);
      words[ends + target] = (next - first) / 2;
    }
  }
  return { struct: floats.length === next ? floats : floats.slice(0, next), count };
}

function tapsAmidst({ length, eachTap }: Table): number {
  let taps = 0;
  if (length > 0) {
    eachTap(length >> 1, () => {
      taps += 1;
    });
  }
  return taps;
}

/** The index within `[0, extent)` that is nearest. */
export function clamped(source: number, extent: number): number {
  return Math.min(Math.max(source, 0), extent - 1);
}
