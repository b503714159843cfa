// What the slices of a file that fixes the size of its input mean for a longer one.

import { fault } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { at } from '../core/lists.js';
import { sameList } from '../core/tensor.js';
import type { Emission, SliceChange } from './lowering.js';
import type { Of } from './operations.js';
import type { Shape } from './shapes.js';

type Slice = Of<'slice'>;

/** Lowers the network for lengths in the place of those that its file fixes, with other slices. */
export type LowerOther = (shape: Shape, changeSlice: SliceChange) => void;

/** Lowerings beside one for each slice by itself, after which a network is refused: several at once may be any of their sets. */
const MOST_TOGETHER = 64;

/**
 * Refuses a network of a fixed size that has a slice to a fixed place: whether the file means that place, or what its
 * size leaves behind it, nobody can tell. A slice means the latter where with it at its place the network gives nothing
 * for the longer input, whatever the others mean; so each is looked at with all others in either meaning.
 *
 * That tells something only where the network gives something with all slices following the length. Where it gives nothing
 * then, as with a shape of constants that was made of the fixed size, or for a slice that does mean its place, all that may
 * mean either are refused, and all behind what does not fit, of which nothing is known.
 */
export function checkSlices(where: string, lowerOther: LowerOther, declared: Shape, shape: Shape): void {
  const known = slicesOf(lowerOther, declared);
  const refuseWith = (got: string, detail: Readonly<Record<string, string>> = {}): never => {
    const axis = shape.findIndex((extent, each) => extent !== declared[each]);
    const wanted = 'a network whose slices follow the length of its input';
    const advice = `Give it ${at(declared, axis)} values along axis ${axis}, as its file says.`;
    throw fault('UNSUPPORTED', where, wanted, got, advice, detail);
  };
  const refuseNode = (node: string): never =>
    refuseWith(`the node ${JSON.stringify(node)}, which takes values from or to a fixed place`, { node });
  const following = attempt(lowerOther, shape, known, []);
  const culprit = (following.fits ? undefined : following.doubts[0]) ?? unmet(known, following.met);
  if (culprit !== undefined) refuseNode(culprit);
  const pending = oneMore([], following.doubts);
  const most = pending.length + MOST_TOGETHER;
  for (let tries = 0; ; tries += 1) {
    const places = pending.pop();
    if (places === undefined) return;
    if (tries === most) {
      refuseWith(
        `${following.doubts.length} slices that may take values from or to a fixed place, in more ways than the ${most} that are tried`,
      );
    }
    const { fits, doubts } = attempt(lowerOther, shape, known, places);
    if (fits) refuseNode(doubts[at(places, 0)] as string);
    pending.push(...oneMore(places, doubts));
  }
}

/** With one more of the slices that may mean either at its fixed place, behind those that are at theirs. */
function oneMore(places: readonly number[], doubts: readonly string[]): (readonly number[])[] {
  const next = (places.at(-1) ?? -1) + 1;
  return doubts.slice(next).map((_, index) => [...places, next + index]);
}

interface Known {
  readonly name: string;
  readonly slice: Slice;
  readonly shape: Shape;
}

interface Attempt {
  readonly fits: boolean;
  readonly met: ReadonlySet<string>;
  /** Names of the nodes whose slices may mean either, in the order in which they are computed. */
  readonly doubts: readonly string[];
}

/** The slices of the size that the file fixes. */
function slicesOf(lowerOther: LowerOther, declared: Shape): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  const keyOf = keys();
  lowerOther(declared, (slice, shape, emission) => {
    known.set(keyOf(emission), { name: emission.names[0] ?? '', slice, shape });
    return slice;
  });
  return known;
}

/**
 * With these of the slices that may mean either at their fixed places, and all others following the length.
 *
 * @throws {DeconvError} `TOO_LARGE`, `OUT_OF_MEMORY` for constants of the longer input, which tell nothing of its slices
 */
function attempt(
  lowerOther: LowerOther,
  shape: Shape,
  known: ReadonlyMap<string, Known>,
  places: readonly number[],
): Attempt {
  const keyOf = keys();
  const met = new Set<string>();
  const doubts: string[] = [];
  let fits = true;
  try {
    lowerOther(shape, (slice, extents, emission) => {
      const key = keyOf(emission);
      met.add(key);
      const following = follow(known.get(key), extents);
      const { start, step, count } = following;
      if (sameList(slice.start, start) && sameList(slice.step, step) && sameList(slice.count, count))
        return slice;
      doubts.push(emission.names[0] ?? '');
      return places.includes(doubts.length - 1) ? slice : following;
    });
  } catch (error) {
    if (!isDeconvError(error) || error.code === 'TOO_LARGE' || error.code === 'OUT_OF_MEMORY') throw error;
    fits = false;
  }
  return { fits, met, doubts };
}

/** What leaves as much before and behind it as the slice does; all of it where there was nothing to leave. */
function follow(known: Known | undefined, shape: Shape): Slice {
  if (known === undefined) {
    return { kind: 'slice', start: shape.map(() => 0), step: shape.map(() => 1), count: shape };
  }
  const { slice, shape: own } = known;
  const count = slice.count.map(
    (values, axis) => values + Math.floor((at(shape, axis) - at(own, axis)) / at(slice.step, axis)),
  );
  return { ...slice, count };
}

/** Names of slices that are the same for all sizes: by their nodes and results, and by how many of those there were. */
function keys(): (emission: Emission) => string {
  const counts = new Map<string, number>();
  return ({ names, results }) => {
    const key = JSON.stringify([names[0], results?.[0]]);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return `${key} ${count}`;
  };
}

/** A slice that is none for the longer input, or behind what does not fit it. */
function unmet(known: ReadonlyMap<string, Known>, met: ReadonlySet<string>): string | undefined {
  return [...known].find(([key]) => !met.has(key))?.[1].name;
}
