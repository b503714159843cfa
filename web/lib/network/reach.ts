// How far along one axis the values of a network see: which part of its input a part of its output is computed from.

import { fault } from '../core/checks.js';
import { at, greatestCommonDivisor, leastCommonMultiple, product } from '../core/lists.js';
import type { NetworkGraph, NetworkNode, Of, Operation } from './operations.js';
import { type Shape, spatialAxes } from './shapes.js';

/** From `first` to before `end`. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

/** What a range is computed from, and whether of what pads that before or behind as well. */
export interface Need extends Range {
  readonly begins: boolean;
  readonly ends: boolean;
}

/** How a part of an input gives what is asked of it. */
export interface Fit {
  readonly lacks: number;
  readonly astray: string | null;
}

/** The axis of a value along which the input's axis lies, and values of it for one of the input, as a fraction. */
export interface Track {
  readonly axis: number;
  readonly by: number;
  readonly over: number;
}

/** Where the input's axis lies in every value; null where a value does not depend on it. */
export class AxisTracks {
  readonly graph: NetworkGraph;
  readonly #tracks: (Track | null)[];

  /**
   * With `local` what looks at a whole axis is taken to look at its part alone.
   *
   * @throws {DeconvError} `UNSUPPORTED` with the node that keeps parts of the axis from being computed by themselves
   */
  constructor(where: string, graph: NetworkGraph, input: number, axis: number, local = false) {
    this.graph = graph;
    this.#tracks = graph.values.map((_, value) => (value === input ? { axis, by: 1, over: 1 } : null));
    for (const node of graph.nodes) {
      const own = node.inputs.map((value) => this.of(value));
      if (own.every((track) => track === null)) continue;
      const shapes = {
        inputs: node.inputs.map((value) => this.shapeOf(value)),
        output: this.shapeOf(at(node.outputs, 0)),
      };
      const track = follow(where, node, own, shapes, local);
      for (const value of node.outputs) this.#tracks[value] = track;
    }
  }

  of(value: number): Track | null {
    return this.#tracks[value] ?? null;
  }

  shapeOf(value: number): Shape {
    return (this.graph.values[value] as NetworkGraph['values'][number]).shape;
  }

  /** Values along the axis. */
  extentOf(value: number): number {
    return at(this.shapeOf(value), this.of(value)?.axis ?? -1);
  }

  /** Multiples of which parts begin at, so that every value's part begins at a whole number. */
  get alignment(): number {
    return this.#tracks.reduce(
      (all, track) => (track === null ? all : leastCommonMultiple(all, track.over)),
      1,
    );
  }

  /**
   * What of the input the range of an output is computed from. An end that is padded is one of the input's; and what
   * operations cut off at their ends, or lack there, a part of the input loses as the whole does.
   */
  need(output: number, range: Range, input: number): Need {
    const extent = this.extentOf(input);
    let [low, high, begins, ends] = [extent, 0, false, false];
    this.#visit(output, range, (value, need) => {
      const { by, over } = this.of(value) as Track;
      low = Math.min(low, Math.floor((need.first * over) / by));
      high = Math.max(high, extent - Math.floor(((this.extentOf(value) - need.end) * over) / by));
      begins ||= need.begins;
      ends ||= need.ends;
    });
    return { first: begins ? 0 : low, end: ends ? extent : high, begins, ends };
  }

  /**
   * How many values longer a part of the input, whose own tracks are `part`, has to be to have all values of which a range
   * of the output is computed, 0 where it has them; of the output alone with `local`. And the name of a value that no
   * length mends: one that ends elsewhere than in the whole, which pads it there.
   */
  fit(part: AxisTracks, own: Range, output: number, range: Range, local: boolean): Fit {
    let most = 0;
    let astray: string | null = null;
    const reaches = own.end === this.extentOf(at(this.graph.inputs, 0));
    this.#visit(output, range, (value, { end, ends }) => {
      const { by, over } = this.of(value) as Track;
      const last = (own.first * by) / over + part.extentOf(value);
      if ((ends && last > this.extentOf(value)) || (reaches && last < end)) {
        astray = (this.graph.values[value] as NetworkGraph['values'][number]).name;
      }
      if (!local || value === output) most = Math.max(most, Math.ceil(((end - last) * over) / by));
    });
    return { lacks: most, astray };
  }

  /** Hears of every value which range of it is needed, and whether what pads it is needed as well. */
  #visit(output: number, range: Range, visit: (value: number, need: Need) => void): void {
    const wanted = { ...range, begins: false, ends: false };
    const needed = new Map<number, Need>([[output, wanted]]);
    visit(output, wanted);
    for (const node of this.graph.nodes.toReversed()) {
      for (const result of node.outputs) {
        const own = needed.get(result);
        if (own === undefined) continue;
        for (const value of node.inputs) {
          const source = this.of(value);
          if (source === null) continue;
          const extent = this.extentOf(value);
          const { first, end } = sourceRange(node, own, source, extent, this.extentOf(result));
          // Nothing is computed of no values at all, what padding alone makes neither.
          const low = Math.min(Math.max(first, 0), extent - 1);
          const high = Math.max(Math.min(end, extent), low + 1);
          const known = needed.get(value);
          const all = {
            first: Math.min(low, known?.first ?? low),
            end: Math.max(high, known?.end ?? high),
            begins: first < 0 || known?.begins === true,
            ends: end > extent || known?.ends === true,
          };
          needed.set(value, all);
          visit(value, all);
        }
      }
    }
  }

  /** What of the network depends on the axis, in words that are the same for any length of it. */
  signature(): string {
    return this.graph.nodes
      .flatMap((node) => {
        const [source = -1] = node.inputs;
        const track = this.of(source);
        return track === null ? [] : describeAlong(node.operation, track.axis, this.shapeOf(source).length);
      })
      .join('; ');
  }
}

function scaled({ by, over }: Track, axis: number, more: number, less: number): Track {
  const common = greatestCommonDivisor(by * more, over * less);
  return { axis, by: (by * more) / common, over: (over * less) / common };
}

/** The track of a node's results. */
function follow(
  where: string,
  node: NetworkNode,
  tracks: readonly (Track | null)[],
  { inputs, output }: { readonly inputs: readonly Shape[]; readonly output: Shape },
  local: boolean,
): Track {
  const { operation } = node;
  const index = tracks.findIndex((track) => track !== null);
  const track = tracks[index] as Track;
  const { axis } = track;
  const shape = inputs[index] as Shape;
  const whole = (reason: string, channels = false, advice = 'Run it whole.'): never => {
    const [name = operation.kind] = node.names;
    throw fault(
      'UNSUPPORTED',
      where,
      'a network whose output depends on a part of the input',
      `the node ${JSON.stringify(name)} (${node.types.join(', ')}): ${reason}`,
      advice,
      { node: name, channels },
    );
  };
  switch (operation.kind) {
    case 'unary':
    case 'affine':
      if (operation.kind === 'affine' || operation.channelA !== null) {
        if (!spatialAxes(operation.layout, shape.length).includes(axis)) whole('it tells places apart', true);
      }
      return track;
    case 'binary':
    case 'expand': {
      const all = inputs.map((own, each) => ({ own, track: tracks[each] ?? null }));
      const place = axis + output.length - shape.length;
      for (const { own, track: other } of all) {
        const extent = own[place - output.length + own.length] ?? 1;
        const same = other !== null && other.axis + output.length - own.length === place;
        if (other !== null ? !same || other.by * track.over !== track.by * other.over : extent !== 1) {
          whole('it takes values that differ from place to place');
        }
      }
      if (output[place] !== shape[axis]) whole('it repeats values along the axis');
      return { ...track, axis: place };
    }
    case 'normalization': {
      const crosses = operation.over === 'layer' ? axis >= operation.axis : true;
      if (crosses && !local) whole('it takes statistics of all places', false, EASED);
      return track;
    }
    case 'softmax':
      if (operation.axis === axis && !local) whole('it weighs all places against each other', false, EASED);
      return track;
    case 'concat':
    case 'split':
      if (operation.axis === axis) whole('it lays parts along the axis');
      for (const other of tracks) {
        const same = other !== null && other.axis === axis && other.by * track.over === track.by * other.over;
        if (!same) whole('it joins values of other places');
      }
      return track;
    case 'slice': {
      const step = at(operation.step, axis);
      if (step < 1) whole('it reverses the axis');
      return scaled(track, axis, 1, step);
    }
    case 'pad':
      if (operation.mode === 'wrap' && at(operation.pads as never, axis))
        whole('it takes values of the other end');
      return track;
    case 'resize': {
      const [from, to] = [at(shape, axis), at(operation.size, axis)];
      const scale = at(operation.scale, axis);
      if (from === to && scale === 1 && operation.coordinates !== 'crop-and-resize') return track;
      if (!TILED_COORDINATES.includes(operation.coordinates))
        whole('its coordinates depend on the whole length');
      if (Math.abs(scale * from - to) > 1e-6 * to) whole('it resizes by no fixed factor');
      return scaled(track, axis, to, from);
    }
    case 'depth-to-space':
    case 'space-to-depth': {
      if (!spatialAxes(operation.layout, shape.length).includes(axis)) whole('it moves channels', true);
      return operation.kind === 'depth-to-space'
        ? scaled(track, axis, operation.block, 1)
        : scaled(track, axis, 1, operation.block);
    }
    case 'pool':
    case 'convolution': {
      const place = spatialAxes(operation.layout, shape.length).indexOf(axis);
      if (place < 0) return whole('it sums over the axis', true);
      const stride = at(operation.stride, place);
      if (operation.kind === 'convolution' && operation.transposed) return scaled(track, axis, stride, 1);
      return scaled(track, axis, 1, stride);
    }
    case 'reduce': {
      if (operation.axes.includes(axis)) whole('it reduces all places to one');
      const before = operation.axes.filter((each) => each < axis).length;
      return operation.keepAxes ? track : { ...track, axis: axis - before };
    }
    case 'matmul': {
      const rows = index === 0 && tracks.filter((each) => each !== null).length === 1;
      const contracted = axis === shape.length - 1 || operation.transposeA;
      if (!rows || contracted || (inputs[1] as Shape).length > 2) whole('it multiplies over the axis');
      return { ...track, axis: axis + output.length - shape.length };
    }
    case 'transpose':
      return { ...track, axis: operation.permutation.indexOf(axis) };
    case 'reshape': {
      const before = product(shape.slice(0, axis));
      const place = output.findIndex(
        (extent, each) => extent === shape[axis] && product(output.slice(0, each)) === before,
      );
      if (place < 0) whole('it mixes the axis with others');
      return { ...track, axis: place };
    }
  }
}

const EASED = 'Run it whole, or set overlap to a number, which takes parts for the whole.';

const TILED_COORDINATES: readonly Of<'resize'>['coordinates'][] = [
  'asymmetric',
  'half-pixel',
  'pytorch-half-pixel',
];

/** What of an input a range of a result is computed from; beyond the input's ends where those are padded. */
function sourceRange(
  { operation }: NetworkNode,
  { first, end }: Range,
  source: Track,
  extent: number,
  targets: number,
): Range {
  const last = end - 1;
  switch (operation.kind) {
    case 'slice': {
      const [start, step] = [at(operation.start, source.axis), at(operation.step, source.axis)];
      return { first: start + first * step, end: start + last * step + 1 };
    }
    case 'pad': {
      const [before, behind] = operation.pads[source.axis] as readonly [number, number];
      const [low, high] = [first - before, last - before];
      let [least, most] = [low, high];
      if (operation.mode !== 'constant') {
        const inside = (place: number): number => Math.min(Math.max(place, 0), extent - 1);
        const places = [inside(low), inside(high)];
        if (operation.mode === 'reflect' && low < 0) places.push(inside(-low));
        if (operation.mode === 'reflect' && high >= extent) places.push(inside(2 * (extent - 1) - high));
        // What is copied beyond an end is found at that end alone.
        least = low < 0 ? -1 : Math.min(...places);
        most = high >= extent ? extent : Math.max(...places);
      }
      // Both ends of a part are cropped and padded, wherever it lies: it has more values than that takes.
      const reflected = operation.mode === 'reflect' ? Math.max(before, behind, 0) : 0;
      const enough = reflected - Math.min(before, 0) - Math.min(behind, 0) + 1;
      const begin = Math.min(least, extent - enough);
      return { first: begin, end: Math.max(most + 1, Math.min(extent, Math.max(begin, 0) + enough)) };
    }
    case 'resize': {
      if (extent === targets) return { first, end };
      const scale = at(operation.scale, source.axis);
      const half = operation.coordinates === 'asymmetric' ? 0 : 0.5;
      const place = (result: number): number => (result + half) / scale - half;
      const more = operation.interpolation === 'cubic' ? 2 : 1;
      return { first: Math.floor(place(first)) - more + 1, end: Math.ceil(place(last)) + more };
    }
    case 'depth-to-space':
      return { first: Math.floor(first / operation.block), end: Math.floor(last / operation.block) + 1 };
    case 'space-to-depth':
      return { first: first * operation.block, end: end * operation.block };
    case 'pool':
    case 'convolution': {
      const axis = source.axis - (operation.layout === 'channels-first' ? 2 : 1);
      const kernel = operation.kind === 'pool' ? operation.kernel : operation.weight.shape.slice(2);
      const reach = at(operation.dilation, axis) * (at(kernel, axis) - 1);
      const stride = at(operation.stride, axis);
      const [before] = operation.pads[axis] as readonly [number, number];
      if (operation.kind === 'convolution' && operation.transposed) {
        return {
          first: Math.ceil((first + before - reach) / stride),
          end: Math.floor((last + before) / stride) + 1,
        };
      }
      return { first: first * stride - before, end: last * stride - before + reach + 1 };
    }
    default:
      return { first, end };
  }
}

/** What of an operation's attributes concerns an axis. */
function describeAlong(operation: Operation, axis: number, rank: number): string {
  const { kind } = operation;
  const own = (lists: readonly (readonly unknown[])[], place: number): string =>
    `${kind} ${lists.map((list) => String(list[place])).join(' ')}`;
  switch (operation.kind) {
    case 'slice':
      return own([operation.start, operation.step], axis);
    case 'pad':
      return own([operation.pads], axis);
    case 'resize':
      return own([operation.scale], axis);
    case 'convolution':
    case 'pool':
      return own([operation.pads], spatialAxes(operation.layout, rank).indexOf(axis));
    default:
      return kind;
  }
}
