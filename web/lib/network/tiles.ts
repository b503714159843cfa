// Networks on parts of their input, one after the other.

import { checkInteger, fault, refuse } from '../core/checks.js';
import type { DeconvError } from '../core/errors.js';
import { at, product } from '../core/lists.js';
import { stopIfAborted } from '../core/progress.js';
import { allocateTensor, checkOut, type Tensor } from '../core/tensor.js';
import type { NetworkGraph } from './operations.js';
import { AxisTracks, type Range } from './reach.js';
import type { Shape } from './shapes.js';

export interface TileOptions<Out = Tensor> {
  /**
   * Values of the input along each tiled axis that a part makes of the output, or one number for all; 256 by default. Where
   * the file fixes a length, a part has that one: it is left out then, or the same.
   */
  readonly tile?: number | readonly number[];
  /**
   * Values of the input that a part sees beyond its own on every side. `'auto'` (default): as many as the output depends
   * on, so that the result is that of the whole, to rounding; a network that looks at the whole input is refused then. A
   * number takes what that gives, for such networks too.
   */
  readonly overlap?: 'auto' | number;
  /** Receives the result instead of a new tensor. */
  readonly out?: Out;
  /** Hears of every part that is done, and of how many there are. */
  readonly onProgress?: (progress: { readonly loaded: number; readonly total: number }) => void;
  /** Stops between two parts: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a network does, to whoever runs it in parts. */
export interface TiledNetwork {
  /** Lengths of its input, with names for those that its file leaves open; none where it says nothing. */
  readonly declared: readonly (number | string)[];
  lower(shape: Shape): NetworkGraph;
  forward(x: Tensor): Tensor;
}

/** A part along one axis: what it makes of the output, and what it is made of. */
interface Part {
  readonly output: Range;
  readonly input: Range;
  /** The output of the first value of its input. */
  readonly origin: number;
}

export async function runTiled(
  where: string,
  net: TiledNetwork,
  x: Tensor,
  options: TileOptions,
): Promise<Tensor> {
  const { overlap = 'auto', signal, onProgress } = options;
  const margin = overlap === 'auto' ? null : checkInteger(where, 'overlap', overlap, 0);
  const fixed = x.shape.map((_, axis) => typeof net.declared[axis] === 'number');
  const graph = net.lower(
    x.shape.map((extent, axis) => (fixed[axis] ? at(net.declared as Shape, axis) : extent)),
  );
  const tracks = tracksOf(where, graph, margin !== null);
  const inputAxes = tracks.map((track) => (track.of(at(graph.inputs, 0)) as { axis: number }).axis);
  const outputAxes = tracks.map((track) => (track.of(at(graph.outputs, 0)) as { axis: number }).axis);
  // Along any other axis the network takes what its file says, and refuses the rest.
  if (
    x.shape.some((extent, axis) => !inputAxes.includes(axis) && fixed[axis] && extent !== net.declared[axis])
  )
    net.lower(x.shape);
  const tiles = readTiles(where, options.tile ?? 256, tracks.length);
  const parts = tracks.map((track, index) => {
    const axis = at(inputAxes, index);
    if (!fixed[axis]) return partsOf(where, track, at(tiles, index), margin);
    if (options.tile !== undefined && tiles[index] !== net.declared[axis]) {
      const wanted = `tile to be left out, or ${net.declared[axis]} along axis ${axis}, which the file fixes`;
      refuse('BAD_OPTION', where, wanted, at(tiles, index));
    }
    return fixedParts(where, track, at(x.shape, axis), margin);
  });
  const wholeShape = tracks[0]?.shapeOf(at(graph.outputs, 0)) as Shape;
  const outputShape = wholeShape.map(
    (extent, axis) => parts[outputAxes.indexOf(axis)]?.at(-1)?.output.end ?? extent,
  );
  const { out } = options;
  const result =
    out === undefined
      ? allocateTensor(where, outputShape)
      : { data: checkOut(where, out, outputShape, product(outputShape)), shape: outputShape };
  const all = combinations(parts);
  const checked = new Set<string>();
  for (const [index, part] of all.entries()) {
    stopIfAborted(signal);
    const first = x.shape.map((_, axis) => part[inputAxes.indexOf(axis)]?.input.first ?? 0);
    const shape = x.shape.map((extent, axis) => {
      const own = part[inputAxes.indexOf(axis)]?.input;
      return own === undefined ? extent : own.end - own.first;
    });
    if (!checked.has(shape.join())) checkSame(where, net.lower(shape), tracks, inputAxes, margin !== null);
    checked.add(shape.join());
    const piece = { data: new Float32Array(product(shape)), shape };
    copyBlock(
      x,
      first,
      piece,
      shape.map(() => 0),
      shape,
    );
    const made = net.forward(piece);
    const begins = outputShape.map((_, axis) => part[outputAxes.indexOf(axis)]?.output.first ?? 0);
    const inside = outputShape.map((_, axis) => {
      const own = part[outputAxes.indexOf(axis)];
      return own === undefined ? 0 : own.output.first - own.origin;
    });
    const size = outputShape.map((extent, axis) => {
      const own = part[outputAxes.indexOf(axis)]?.output;
      return own === undefined ? extent : own.end - own.first;
    });
    copyBlock(made, inside, result, begins, size);
    onProgress?.({ loaded: index + 1, total: all.length });
    // What else waits has its turn, a signal too.
    if (index + 1 < all.length) await new Promise((resolve) => setTimeout(resolve));
  }
  return out ?? result;
}

function combinations(parts: readonly (readonly Part[])[]): (readonly Part[])[] {
  return parts.reduce<(readonly Part[])[]>(
    (all, own) => all.flatMap((before) => own.map((part) => [...before, part])),
    [[]],
  );
}

/** The axes that are tiled: those that the network's layers slide over, wherever its channels lie. */
function tracksOf(where: string, graph: NetworkGraph, local: boolean): readonly AxisTracks[] {
  const input = at(graph.inputs, 0);
  const rank = (graph.values[input] as NetworkGraph['values'][number]).shape.length;
  let first: unknown;
  for (const offset of [2, 1]) {
    try {
      const axes = Array.from({ length: rank - 2 }, (_, axis) => axis + offset);
      const tracks = axes.map((axis) => new AxisTracks(where, graph, input, axis, local));
      if (tracks.length > 0 && tracks.every((track) => track.of(at(graph.outputs, 0)) !== null))
        return tracks;
    } catch (error) {
      // Channels lie there, and so the axes elsewhere: channels first is how most networks have them.
      if (first !== undefined || (error as DeconvError).detail.channels !== true) throw first ?? error;
      first = error;
    }
  }
  if (first !== undefined) throw first;
  throw fault('UNSUPPORTED', where, 'an axis of the input that lies in the output', 'none', 'Run it whole.');
}

function readTiles(where: string, tile: unknown, axes: number): readonly number[] {
  if (!Array.isArray(tile)) return new Array<number>(axes).fill(checkInteger(where, 'tile', tile, 1));
  if (tile.length !== axes) refuse('BAD_OPTION', where, `tile to have ${axes} numbers`, tile);
  return tile.map((each) => checkInteger(where, 'tile', each, 1));
}

/** Parts of the output in order, and what of the input each is computed from. */
function partsOf(where: string, track: AxisTracks, tile: number, margin: number | null): readonly Part[] {
  const [input, output] = [at(track.graph.inputs, 0), at(track.graph.outputs, 0)];
  const { by, over } = track.of(output) as { by: number; over: number };
  const { alignment } = track;
  const [extent, results] = [track.extentOf(input), track.extentOf(output)];
  if (alignment > Math.max(tile, 64) && alignment < extent) {
    refuse('UNSUPPORTED', where, `parts that begin at multiples of ${alignment}`, `a tile of ${tile}`);
  }
  // Every part but the last makes as many values, of whole strides of the input.
  const step = Math.max(1, Math.round(tile / alignment)) * alignment;
  const made = (step * by) / over;
  const needs = Array.from({ length: Math.ceil(results / made) }, (_, index): Part => {
    const own = { first: index * made, end: Math.min(results, (index + 1) * made) };
    const need =
      margin === null
        ? track.need(output, own, input)
        : { first: Math.max(0, index * step - margin), end: Math.min(extent, (index + 1) * step + margin) };
    const first = Math.floor(need.first / alignment) * alignment;
    return { output: own, input: { first, end: need.end }, origin: (first * by) / over };
  });
  // Parts of one length have one program.
  const longest = Math.max(...needs.map(({ input: { first, end } }) => end - first));
  const length = Math.ceil(longest / alignment) * alignment;
  return needs.map((part) => {
    const end = Math.min(extent, part.input.first + length);
    return { ...part, input: { first: part.input.first, end } };
  });
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

/** Refuses a network that is another one for parts than for the whole. */
function checkSame(
  where: string,
  graph: NetworkGraph,
  tracks: readonly AxisTracks[],
  axes: readonly number[],
  local: boolean,
): void {
  const input = at(graph.inputs, 0);
  for (const [index, track] of tracks.entries()) {
    const own = new AxisTracks(where, graph, input, at(axes, index), local);
    if (own.signature() === track.signature()) continue;
    refuse(
      'UNSUPPORTED',
      where,
      'a network that computes parts as it computes the whole',
      'one whose operations depend on the size',
      'Its file fixes sizes, or computes from them. Run it whole.',
    );
  }
}

/** Copies a block of `size` from one tensor to another. */
function copyBlock(from: Tensor, first: Shape, to: Tensor, begins: Shape, size: Shape): void {
  const last = size.length - 1;
  const copy = (axis: number, source: number, target: number): void => {
    const [one, other] = [
      source * at(from.shape, axis) + at(first, axis),
      target * at(to.shape, axis) + at(begins, axis),
    ];
    if (axis === last) {
      to.data.set(from.data.subarray(one, one + at(size, axis)), other);
      return;
    }
    for (let index = 0; index < at(size, axis); index += 1) copy(axis + 1, one + index, other + index);
  };
  copy(0, 0, 0);
}
