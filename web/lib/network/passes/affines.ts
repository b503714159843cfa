import { at, product } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { Layout } from '../../runtime/operation.js';
import type { Constant, NetworkGraph, NetworkNode, Of, Operation } from '../operations.js';
import { sameValues } from '../same-values.js';
import { channelAxis, type Shape } from '../shapes.js';
import { type GraphView, merged, type NodeOf, rewrite } from './rewrite.js';

/**
 * Sums with constants and products of constants, of every channel or of all, behind a convolution, a group norm or another
 * of their kind: as one factor and one summand a channel, which a convolution takes into its weight and a norm into its own.
 */
export function gatherAffines(graph: NetworkGraph): NetworkGraph {
  const layout = layoutOf(graph);
  return rewrite(graph, (node, view) => {
    const source = sourceOf(node, view);
    const before =
      view.producer(source, 'convolution') ?? view.producer(source, 'affine') ?? groupNorm(source, view);
    if (!view.isReadOnce(source)) return null;
    if (node.operation.kind === 'affine') {
      if (before === null || before.operation.kind === 'convolution') return null;
      if (before.operation.layout !== node.operation.layout) return null;
      const both = behind(before.operation, node.operation);
      return both && [merged([before, node], both, before.inputs)];
    }
    const own = mergeable(node, view, before?.operation.layout ?? layout);
    if (own === null) return null;
    if (before !== null) return [merged([node], own, [source])];
    const other = view.producer(source, 'binary');
    const first = other && mergeable(other, view, layout);
    const both = first && composed(first, own);
    return both && [merged([other, node], both, [sourceOf(other, view)])];
  });
}

/**
 * The same in front of convolutions that pad nothing, which take it into their weight: around others there are zeros, to
 * which nothing is added.
 */
export function foldForward(graph: NetworkGraph): NetworkGraph {
  const layout = layoutOf(graph);
  return rewrite(graph, (node, view) => {
    const { operation } = node;
    if (operation.kind !== 'convolution' || operation.transposed) return null;
    if (operation.layout !== layout || operation.pads.flat().some((pad) => pad !== 0)) return null;
    const value = at(node.inputs, 0);
    const before = view.producer(value, 'affine') ?? view.producer(value, 'binary');
    if (before === null || !view.isReadOnce(value)) return null;
    const own = before.operation.kind === 'affine' ? before.operation : mergeable(before, view, layout);
    if (own === null || own.layout !== layout) return null;
    // A convolution sums what it would be taken from afterwards: of larger numbers, too few digits would be left.
    if (![own.mean, summandsOf(own)].every((list) => list.every((value) => Math.abs(value) <= 256)))
      return null;
    return [merged([before, node], scaled(operation, own), [sourceOf(before, view)])];
  });
}

/** What is added behind the factors, where nothing is taken off before them. */
export function summandsOf({ mean, scale, shift }: Of<'affine'>): Float64Array {
  return shift.map((summand, channel) => summand - (mean[channel] as number) * (scale[channel] as number));
}

interface Folded {
  readonly affine: Of<'affine'>;
  readonly bias: Constant | null;
  readonly made: Of<'convolution'>;
}

/** What weights have become, so that those of other sizes are the same ones. */
const folded = new WeakMap<Constant, Folded[]>();

/** Of one weight, the newest: factors may come from sizes, and be others for each. */
const KEPT_FOLDED = 8;

/** The convolution of what the factors and summands make of its input. */
function scaled(operation: Of<'convolution'>, affine: Of<'affine'>): Of<'convolution'> {
  const { weight, bias, groups } = operation;
  const shift = summandsOf(affine);
  const known = folded.get(weight) ?? [];
  folded.set(weight, known);
  const same = known.find(
    (one) =>
      one.bias === bias &&
      one.made.groups === groups &&
      sameValues(one.affine.scale, affine.scale) &&
      sameValues(summandsOf(one.affine), shift),
  );
  if (same !== undefined) return { ...operation, weight: same.made.weight, bias: same.made.bias };
  const [outputs = 0, inputs = 0, ...kernel] = weight.shape;
  const taps = product(kernel);
  const data = new Float32Array(weight.data.length);
  const summands = Float32Array.from({ length: outputs }, (_, output) => {
    const first = Math.floor((output * groups) / outputs) * inputs;
    let sum = bias?.data[output] ?? 0;
    for (let place = output * inputs * taps; place < (output + 1) * inputs * taps; place += 1) {
      const channel = first + (Math.floor(place / taps) % inputs);
      const own = weight.data[place] as number;
      data[place] = own * (affine.scale[channel] as number);
      sum += own * (shift[channel] as number);
    }
    return sum;
  });
  const made = {
    ...operation,
    weight: { ...weight, data },
    bias: { name: bias?.name ?? `bias of ${weight.name}`, shape: [outputs], data: summands },
  };
  if (known.push({ affine, bias, made }) > KEPT_FOLDED) known.shift();
  return made;
}

type Values = Pick<GraphView, 'constantOf' | 'shapeOf'>;

/** Of the network: what has one number for all channels has none of its own. */
function layoutOf({ nodes }: NetworkGraph): Layout {
  const last = nodes.some(
    ({ operation }) => operation.kind === 'convolution' && operation.layout === 'channels-last',
  );
  return last ? 'channels-last' : 'channels-first';
}

/** What a node computes of, beside a constant. */
function sourceOf({ inputs: [first = 0, second] }: NetworkNode, view: Values): number {
  return second !== undefined && view.constantOf(first) !== null ? second : first;
}

function groupNorm(value: number, view: GraphView): NodeOf<'normalization'> | null {
  const node = view.producer(value, 'normalization');
  return node?.operation.over === 'groups' ? node : null;
}

/**
 * The second behind the first; null where float32 cannot hold it. What is taken off first stays so, as factors would be
 * multiplied with digits that it takes away: only those of two take none.
 */
function composed(first: Of<'affine'>, second: Of<'affine'>): Of<'affine'> | null {
  const mean = first.mean.slice();
  const shift = first.shift.map((summand, channel) => {
    const [factor, own] = [first.scale[channel] as number, second.scale[channel] as number];
    const rest = summand - (second.mean[channel] as number);
    const moves = mean[channel] === 0 && Math.log2(Math.abs(factor)) % 1 === 0;
    if (moves) mean[channel] = -rest / factor;
    return (moves ? 0 : rest * own) + (second.shift[channel] as number);
  });
  const scale = first.scale.map((factor, channel) => factor * (second.scale[channel] as number));
  return held({ ...second, mean, scale, shift });
}

/** Where its numbers are those of float32, with all their digits. */
export function held(affine: Of<'affine'>): Of<'affine'> | null {
  const lists = [affine.mean, affine.scale, affine.shift, summandsOf(affine)];
  const fits = (value: number): boolean => {
    const size = Math.abs(Math.fround(value));
    return value === 0 || (size >= 2 ** -126 && size < 2 ** 128);
  };
  return lists.every((list) => list.every(fits)) ? affine : null;
}

/** The same behind a group norm, whose own factors and summands are what it ends with. */
function behind(first: Of<'affine'> | Of<'normalization'>, second: Of<'affine'>): Operation | null {
  if (first.kind === 'affine') return composed(first, second);
  const channels = second.scale.length;
  const own: Of<'affine'> = {
    ...second,
    mean: filled(channels, 0),
    scale: Float64Array.from(first.scale ?? filled(channels, 1)),
    shift: Float64Array.from(first.shift ?? filled(channels, 0)),
  };
  const both = composed(own, second);
  if (both === null) return null;
  return { ...first, scale: Float32Array.from(both.scale), shift: Float32Array.from(summandsOf(both)) };
}

/**
 * The same where it may become one with others. Sums with 2^22 and more have no place for halves: files round by adding
 * such a number and taking it away again.
 */
function mergeable(node: NetworkNode, view: Values, layout: Layout): Of<'affine'> | null {
  const own = affineOf(node, view, layout);
  return own === null || own.mean.some((term) => Math.abs(term) >= 2 ** 22) ? null : held(own);
}

/** A function of two values, one of them a constant, as that of every channel of the other. */
export function affineOf(node: NetworkNode, view: Values, layout: Layout): Of<'affine'> | null {
  const { operation, inputs, outputs } = node;
  if (operation.kind !== 'binary') return null;
  const [one, other] = inputs as readonly [number, number];
  const [ofOne, ofOther] = [view.constantOf(one), view.constantOf(other)];
  const constant = ofOther ?? ofOne;
  const source = sourceOf(node, view);
  const shape = view.shapeOf(at(outputs, 0));
  if (constant === null || view.constantOf(source) !== null || shape.length < 2) return null;
  const channels = channelValues(layout, shape, constant.shape, constant.data);
  // A constant may have more channels than what it is added to.
  if (channels === null || !sameList(view.shapeOf(source), shape)) return null;
  const count = channels.length;
  const made = (scale: Float64Array, mean = filled(count, 0)) => ({
    kind: 'affine' as const,
    mean,
    scale,
    shift: filled(count, 0),
    layout,
  });
  switch (operation.function) {
    case 'add':
      return made(
        filled(count, 1),
        channels.map((value) => -value),
      );
    case 'multiply':
      return made(channels);
    case 'subtract':
      return made(filled(count, ofOther === null ? -1 : 1), channels);
    case 'divide':
      return ofOther === null ? null : made(channels.map((value) => 1 / value));
    default:
      return null;
  }
}

/** A constant that broadcasts to `shape`, by channels; null where it differs within one. */
function channelValues(layout: Layout, shape: Shape, own: Shape, data: Float32Array): Float64Array | null {
  const axis = channelAxis(layout, shape);
  const channels = at(shape, axis);
  if (data.length === 1) return filled(channels, data[0] as number);
  const fits = own.length <= shape.length && product(own) === channels;
  return fits && own[axis - (shape.length - own.length)] === channels ? Float64Array.from(data) : null;
}

function filled(count: number, value: number): Float64Array {
  return new Float64Array(count).fill(value);
}
