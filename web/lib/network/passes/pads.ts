import { at } from '../../core/lists.js';
import type { NetworkGraph, Pads } from '../operations.js';
import { spatialAxes } from '../shapes.js';
import { merged, rewrite } from './rewrite.js';

/** Lets convolutions pad with zeros themselves, and maximum pools with what is below every number. */
export function foldPads(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    const { operation } = node;
    const convolves = operation.kind === 'convolution' && !operation.transposed;
    // An average counts what it is padded with otherwise than what its input is.
    const pools = operation.kind === 'pool' && operation.function === 'maximum';
    if (!convolves && !pools) return null;
    const source = at(node.inputs, 0);
    const before = view.producer(source, 'pad');
    if (before === null || !view.isReadOnce(source)) return null;
    const { pads, mode, value } = before.operation;
    const wanted = convolves ? 0 : Number.NEGATIVE_INFINITY;
    const spatial = spatialAxes(operation.layout, pads.length);
    const fits = pads.every(
      (ends, axis) =>
        ends.every((end) => end === 0) || (spatial.includes(axis) && ends.every((end) => end >= 0)),
    );
    if (mode !== 'constant' || value !== wanted || !fits) return null;
    const both: Pads = operation.pads.map(([first, last], index) => {
      const [more, behind] = pads[at(spatial, index)] as readonly [number, number];
      return [first + more, last + behind];
    });
    return [merged([before, node], { ...operation, pads: both }, before.inputs)];
  });
}
