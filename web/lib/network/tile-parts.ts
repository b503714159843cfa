// Into which parts an input and an output fall, and what each part of the output is computed from.

import { checkInteger, fault, refuse } from '../core/checks.js';
import type { DeconvError } from '../core/errors.js';
import { at } from '../core/lists.js';
import { isList } from '../core/realms.js';
import type { NetworkGraph } from './operations.js';
import { AxisTracks, type Range } from './reach.js';
import type { Shape } from './shapes.js';
import { checkSlices, type LowerOther } from './tile-slices.js';

/** A network of one input and one output, as nodes. */
export interface LoweredNetwork {
  /** Lengths of its input, with names for those that its file leaves open; none where it says nothing. */
  readonly declared: readonly (number | string)[];
  lower(shape: Shape): NetworkGraph;
  readonly lowerOther: LowerOther;
}

/** A part along one axis: what it makes of the output, and what it is made of. */
export interface Part {
  readonly output: Range;
  readonly input: Range;
  /** The output of the first value of its input. */
  readonly origin: number;
}

export interface Parts {
  readonly outputShape: Shape;
  /** Of each tiled axis: where it lies in every value, and its parts in order. */
  readonly tracks: readonly AxisTracks[];
  readonly inputAxes: readonly number[];
  readonly outputAxes: readonly number[];
  readonly parts: readonly (readonly Part[])[];
}

/**
 * @param margin values that a part sees beyond its own, or null for as many as the output depends on
 * @throws {DeconvError} `UNSUPPORTED` for a network that parts give nothing of, `BAD_SHAPE`, `BAD_OPTION`
 */
export function layOut(
  where: string,
  net: LoweredNetwork,
  shape: Shape,
  tile: number | readonly number[] | undefined,
  margin: number | null,
): Parts {
  // Of another rank it is refused as it came.
  const alike = shape.length === net.declared.length;
  const fixed = shape.map((_, axis) => alike && typeof net.declared[axis] === 'number');
  const lowered = shape.map((extent, axis) => (fixed[axis] ? (net.declared[axis] as number) : extent));
  const graph = net.lower(lowered);
  const input = at(graph.inputs, 0);
  const longer = shape.flatMap((extent, axis) => (fixed[axis] && extent !== net.declared[axis] ? axis : []));
  const tracks = tracksOf(where, graph, margin !== null).find((each) =>
    longer.every((axis) => each.some((track) => track.of(input)?.axis === axis)),
  );
  if (tracks === undefined) {
    // Along any axis but those of places a network takes what its file says.
    net.lower(shape);
    return refuse('BAD_SHAPE', where, 'x of the shape that the file fixes', shape);
  }
  const axesOf = (value: number) => tracks.map((track) => (track.of(value) as { axis: number }).axis);
  const [inputAxes, outputAxes] = [axesOf(input), axesOf(at(graph.outputs, 0))];
  const tiles = readTiles(where, tile ?? 256, tracks.length);
  const parts = tracks.map((track, index) => {
    const axis = at(inputAxes, index);
    const own = at(tiles, index);
    const along = (length: number): AxisTracks => {
      const part = net.lower(lowered.map((extent, other) => (other === axis ? length : extent)));
      return sameTracks(where, part, track, axis, margin !== null);
    };
    if (!fixed[axis]) return partsOf(where, track, along, own, margin);
    if (tile !== undefined && own !== net.declared[axis]) {
      const wanted = `tile to be left out, or ${net.declared[axis]} along axis ${axis}, which the file fixes`;
      refuse('BAD_OPTION', where, wanted, own);
    }
    return fixedParts(where, track, at(shape, axis), margin);
  });
  for (const axis of longer) {
    checkSlices(where, net.lowerOther, lowered, lowered.with(axis, at(shape, axis)));
  }
  const inner = tracks[0]?.shapeOf(at(graph.outputs, 0)) as Shape;
  const outputShape = inner.map(
    (extent, axis) => parts[outputAxes.indexOf(axis)]?.at(-1)?.output.end ?? extent,
  );
  return { outputShape, tracks, inputAxes, outputAxes, parts };
}

/** The tracks of a part's graph along an axis; refuses a network that is another one for parts than for the whole. */
export function sameTracks(
  where: string,
  graph: NetworkGraph,
  whole: AxisTracks,
  axis: number,
  local: boolean,
): AxisTracks {
  const own = new AxisTracks(where, graph, at(graph.inputs, 0), axis, local);
  if (own.signature() === whole.signature()) return own;
  return refuse(
    'UNSUPPORTED',
    where,
    'a network that computes parts as it computes the whole',
    'one whose operations depend on the size',
    'Its file fixes sizes, or computes from them. Run it whole.',
  );
}

/** The axes that may be tiled: those that the network's layers slide over, for every way in which channels may lie. */
function tracksOf(where: string, graph: NetworkGraph, local: boolean): (readonly AxisTracks[])[] {
  const input = at(graph.inputs, 0);
  const rank = (graph.values[input] as NetworkGraph['values'][number]).shape.length;
  let refusal: unknown;
  const found: (readonly AxisTracks[])[] = [];
  // Channels first is how most networks have them.
  for (const offset of [2, 1]) {
    try {
      const axes = Array.from({ length: Math.max(0, rank - 2) }, (_, axis) => axis + offset);
      const tracks = axes.map((axis) => new AxisTracks(where, graph, input, axis, local));
      if (tracks.length > 0 && tracks.every((track) => track.of(at(graph.outputs, 0)) !== null))
        found.push(tracks);
    } catch (error) {
      refusal ??= error;
      if ((error as DeconvError).detail.channels !== true) break;
    }
  }
  if (found.length > 0) return found;
  throw (
    refusal ??
    fault('UNSUPPORTED', where, 'an axis of the input that lies in the output', 'none', 'Run it whole.')
  );
}

function readTiles(where: string, tile: unknown, axes: number): readonly number[] {
  if (!isList(tile)) return new Array<number>(axes).fill(checkInteger(where, 'tile', tile, 1));
  if (tile.length !== axes) refuse('BAD_OPTION', where, `tile to have ${axes} numbers`, tile);
  return Array.from(tile, (each, axis) => checkInteger(where, `tile[${axis}]`, each, 1));
}

/**
 * Parts of the output in order, and what of the input each is computed from.
 *
 * @param along the tracks of an input of another length
 */
function partsOf(
  where: string,
  track: AxisTracks,
  along: (length: number) => AxisTracks,
  tile: number,
  margin: number | null,
): readonly Part[] {
  const [input, output] = [at(track.graph.inputs, 0), at(track.graph.outputs, 0)];
  const { by, over } = track.of(output) as { by: number; over: number };
  const { alignment } = track;
  const [extent, results] = [track.extentOf(input), track.extentOf(output)];
  if (results === 0) return [];
  if (alignment > Math.max(tile, 64) && alignment < extent) {
    refuse('UNSUPPORTED', where, `parts that begin at multiples of ${alignment}`, `a tile of ${tile}`);
  }
  // Every part but the last makes as many values, of whole strides of the input.
  const step = Math.max(1, Math.round(tile / alignment)) * alignment;
  const made = (step * by) / over;
  const needs = Array.from({ length: Math.ceil(results / made) }, (_, index): Part => {
    const own = { first: index * made, end: Math.min(results, (index + 1) * made) };
    // The output may be longer than its input says.
    const begin = Math.min(index * step, extent - 1);
    const need =
      margin === null
        ? track.need(output, own, input)
        : { first: Math.max(0, begin - margin), end: Math.min(extent, begin + step + margin) };
    const first = Math.floor(need.first / alignment) * alignment;
    return { output: own, input: { first, end: need.end }, origin: (first * by) / over };
  });
  const known = new Map([[extent, track]]);
  const tracksFor = (length: number): AxisTracks => {
    const own = known.get(length) ?? along(length);
    known.set(length, own);
    return own;
  };
  // Parts of one length have one program. Where strides round, a part may lack a value of the whole's: a longer one has it.
  // All divide as the whole does, or what turns places into channels would not take them.
  const longest = Math.max(...needs.map(({ input: { first, end } }) => end - first));
  for (let length = longest + ((extent - longest) % alignment); ; ) {
    const parts = needs.map((part) => {
      const { first } = part.input;
      return { ...part, input: { first, end: Math.min(extent, first + length) } };
    });
    const fits = parts.map(({ input: own, output: range }) =>
      track.fit(tracksFor(own.end - own.first), own, output, range, margin !== null),
    );
    const astray = fits.find((fit) => fit.astray !== null)?.astray;
    if (astray !== undefined) {
      throw fault(
        'UNSUPPORTED',
        where,
        'a network whose values end in parts as they end in the whole',
        `the value ${JSON.stringify(astray)}, which a slice may end at a fixed place`,
        'Run it whole.',
        { value: astray },
      );
    }
    const more = Math.max(...fits.map(({ lacks }) => lacks));
    if (more === 0) return parts;
    length += Math.ceil(more / alignment) * alignment;
  }
}

/**
 * Parts of the length that the file fixes, which begin at any place: of each what is computed of its own values alone, up
 * to the ends of the whole.
 */
function fixedParts(
  where: string,
  track: AxisTracks,
  extent: number,
  margin: number | null,
): readonly Part[] {
  const [input, output] = [at(track.graph.inputs, 0), at(track.graph.outputs, 0)];
  const { by, over } = track.of(output) as { by: number; over: number };
  const { alignment } = track;
  const [length, results] = [track.extentOf(input), track.extentOf(output)];
  const { axis } = track.of(input) as { axis: number };
  const last = extent - length;
  if (last < 0 || last % alignment !== 0) {
    const more = alignment > 1 ? ` and a multiple of ${alignment} more` : ' or more';
    const advice = 'The file fixes the length of a part. Pad the input, and crop the output.';
    refuse('BAD_SHAPE', where, `x to have ${length}${more} along axis ${axis}`, extent, advice);
  }
  const [lost, kept] =
    margin === null
      ? reliable(track, results)
      : [Math.ceil((margin * by) / over), results - Math.ceil((margin * by) / over)];
  const parts: Part[] = [];
  let done = 0;
  for (let first = 0; ; ) {
    const origin = (first * by) / over;
    const end = first === last ? origin + results : origin + kept;
    parts.push({ output: { first: done, end }, input: { first, end: first + length }, origin });
    if (first === last) return parts;
    done = end;
    const next = Math.floor(((done - lost) * over) / by / alignment) * alignment;
    if (next <= first) {
      const wanted = `a network that sees less than the ${length} values that its file fixes along axis ${axis}`;
      throw fault('UNSUPPORTED', where, wanted, 'one that sees as many', 'Set overlap to a smaller number.');
    }
    first = Math.min(next, last);
  }
}

/** The range of a track's output that no padding has a part in. */
function reliable(track: AxisTracks, results: number): readonly [number, number] {
  const [input, output] = [at(track.graph.inputs, 0), at(track.graph.outputs, 0)];
  const need = (place: number) => track.need(output, { first: place, end: place + 1 }, input);
  const first = firstWhere(results, (place) => !need(place).begins);
  return [first, firstWhere(results, (place) => need(place).ends)];
}

/** The first of `count` places from which on a condition is met, found by halves. */
function firstWhere(count: number, met: (place: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (met(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
