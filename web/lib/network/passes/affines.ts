import { at, product } from '../../core/lists.js';
import type { Layout } from '../../runtime/operation.js';
import type { NetworkGraph, NetworkNode, Of } from '../operations.js';
import { channelAxis, type Shape } from '../shapes.js';
import { type GraphView, merged, type NodeOf, rewrite } from './rewrite.js';

/**
 * Sums with constants and products of constants, of every channel or of all, behind a convolution or behind another of
 * their kind: as one factor and one summand a channel, which a convolution takes into its weight.
 */
export function gatherAffines(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    const [source = 0] = node.inputs;
    if (node.operation.kind === 'affine') {
      const before = view.producer(source, 'affine');
      const { layout } = node.operation;
      if (before === null || before.operation.layout !== layout || !view.isReadOnce(source)) return null;
      return [merged([before, node], composed(before.operation, node.operation), before.inputs)];
    }
    const found = affineOf(node, view);
    return found && [merged([node], found.operation, [found.source])];
  });
}

/** The second behind the first. */
function composed(first: Of<'affine'>, second: Of<'affine'>): Of<'affine'> {
  return {
    ...second,
    scale: first.scale.map((factor, channel) => factor * (second.scale[channel] as number)),
    shift: first.shift.map(
      (summand, channel) => summand * (second.scale[channel] as number) + (second.shift[channel] as number),
    ),
  };
}

/** A function of two values as that of every channel of the one. */
function affineOf(
  node: NetworkNode,
  view: GraphView,
): { readonly source: number; readonly operation: Of<'affine'> } | null {
  const { operation, inputs, outputs } = node;
  if (operation.kind !== 'binary') return null;
  const [one, other] = inputs as readonly [number, number];
  const [ofOne, ofOther] = [view.constantOf(one), view.constantOf(other)];
  const constant = ofOther ?? ofOne;
  const source = ofOther === null ? other : one;
  if (constant === null || view.constantOf(source) !== null) return null;
  const before = view.producer(source, 'convolution') ?? view.producer(source, 'affine');
  const shape = view.shapeOf(at(outputs, 0));
  if (before === null || !view.isReadOnce(source)) return null;
  const channels = channelValues(before, shape, constant.shape, constant.data);
  if (channels === null || view.shapeOf(source).length !== shape.length) return null;
  const filled = (value: number): Float64Array => new Float64Array(channels.length).fill(value);
  const { layout } = before.operation;
  const made = (scale: Float64Array, shift: Float64Array) => ({
    source,
    operation: { kind: 'affine' as const, scale, shift, layout },
  });
  switch (operation.function) {
    case 'add':
      return made(filled(1), channels);
    case 'multiply':
      return made(channels, filled(0));
    case 'subtract':
      return ofOther === null
        ? made(filled(-1), channels)
        : made(
            filled(1),
            channels.map((value) => -value),
          );
    case 'divide':
      return ofOther === null
        ? null
        : made(
            channels.map((value) => 1 / value),
            filled(0),
          );
    default:
      return null;
  }
}

/** A constant that broadcasts to `shape`, by channels; null where it differs within one. */
function channelValues(
  { operation }: NodeOf<'convolution'> | NodeOf<'affine'>,
  shape: Shape,
  own: Shape,
  data: Float32Array,
): Float64Array | null {
  const axis = channelAxis(operation.layout as Layout, shape);
  const channels = at(shape, axis);
  if (data.length === 1) return new Float64Array(channels).fill(data[0] as number);
  const fits = own.length <= shape.length && product(own) === channels;
  return fits && own[axis - (shape.length - own.length)] === channels ? Float64Array.from(data) : null;
}
