import { at } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { NetworkGraph, NetworkNode } from '../operations.js';
import { summandsOf } from './affines.js';
import { type GraphView, merged, rewrite } from './rewrite.js';

/** Drops what gives its input as it is, and makes one reshape of several. */
export function dropNothing(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    if (doesNothing(node, view)) return at(node.inputs, 0);
    const { operation } = node;
    if (operation.kind !== 'reshape') return null;
    const before = view.producer(at(node.inputs, 0), 'reshape');
    return before && [merged([before, node], operation, before.inputs)];
  });
}

function doesNothing({ operation, inputs, outputs }: NetworkNode, view: GraphView): boolean {
  const every = (values: ArrayLike<number>, wanted: number): boolean =>
    Array.from(values).every((value) => value === wanted);
  if (inputs.length !== 1 || outputs.length !== 1) return false;
  const shape = view.shapeOf(at(outputs, 0));
  if (!sameList(shape, view.shapeOf(at(inputs, 0)))) return false;
  switch (operation.kind) {
    case 'reshape':
    case 'expand':
    case 'concat':
    case 'split':
      return true;
    case 'slice':
      return operation.step.every((step, axis) => step === 1 || shape[axis] === 1);
    case 'pad':
      return every(operation.pads.flat(), 0);
    case 'transpose':
      return operation.permutation.every((from, axis) => from === axis);
    case 'resize':
      return operation.coordinates !== 'crop-and-resize' && every(operation.scale, 1);
    case 'affine':
      return every(operation.scale, 1) && every(summandsOf(operation), 0);
    case 'pool':
      return every(operation.kernel, 1);
    case 'depth-to-space':
    case 'space-to-depth':
      return operation.block === 1;
    default:
      return false;
  }
}
