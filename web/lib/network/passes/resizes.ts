import { at, product } from '../../core/lists.js';
import type { NetworkGraph, Of } from '../operations.js';
import { channelAxis, type Shape, spatialAxes } from '../shapes.js';
import { merged, rewrite } from './rewrite.js';

/**
 * Convolutions of single points stand before a resize that enlarges, not behind it: both are sums, those of a resize have
 * weights that add up to 1, and there are fewer points before it.
 */
export function convolveBeforeResizing(graph: NetworkGraph): NetworkGraph {
  // What a convolution computes of those behind it, it would not any more.
  const fused = graph.nodes.filter(
    ({ operation }) => operation.kind === 'unary' || operation.kind === 'affine',
  );
  const kept = new Set(fused.flatMap(({ inputs }) => inputs));
  return rewrite(graph, (node, view) => {
    const { operation } = node;
    if (operation.kind !== 'convolution' || !isOfPoints(operation)) return null;
    const [source, result] = [at(node.inputs, 0), at(node.outputs, 0)];
    const before = view.producer(source, 'resize');
    if (before === null || !view.isReadOnce(source) || kept.has(result)) return null;
    const { layout } = operation;
    const small = view.shapeOf(at(before.inputs, 0));
    if (!enlarges(before.operation, layout, small)) return null;
    const axis = channelAxis(layout, small);
    const channels = at(view.shapeOf(result), axis);
    const between = view.value(`${node.names[0]} before ${before.names[0]}`, small.with(axis, channels));
    const size = before.operation.size.with(axis, channels);
    return [
      { ...node, inputs: before.inputs, outputs: [between] },
      merged([{ ...before, outputs: [result] }], { ...before.operation, size }, [between]),
    ];
  });
}

function isOfPoints({ transposed, weight, stride, pads }: Of<'convolution'>): boolean {
  const ones = [...weight.shape.slice(2), ...stride];
  return !transposed && ones.every((extent) => extent === 1) && pads.flat().every((pad) => pad === 0);
}

function enlarges(
  { coordinates, scale, size }: Of<'resize'>,
  layout: Of<'convolution'>['layout'],
  small: Shape,
): boolean {
  const points = spatialAxes(layout, small.length);
  // An axis that keeps its length is resampled all the same where its factor is not 1.
  const others = scale.every((factor, axis) => factor === 1 || points.includes(axis));
  // Outside of a crop there is a number that is no sum of values.
  return coordinates !== 'crop-and-resize' && others && product(small) < product(size);
}
