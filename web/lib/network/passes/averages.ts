import { at, product } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { NetworkGraph, Operation } from '../operations.js';
import { rewrite } from './rewrite.js';

/** So many times fewer values than they are of: what is read twice instead is then far less than a sum to be made. */
const FEWER = 4;

/**
 * Averages and sums over points stand before a sum, not behind it, where its summands are there for others anyway: as
 * in gates that are computed of what they are then applied to a part of.
 */
export function averageBeforeAdding(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    if (!isLinear(node.operation)) return null;
    const [source, result] = [at(node.inputs, 0), at(node.outputs, 0)];
    const sum = view.producer(source, 'binary');
    if (sum?.operation.function !== 'add' || !view.isReadOnce(source)) return null;
    const [shape, shapeOfResult] = [view.shapeOf(source), view.shapeOf(result)];
    // To what nobody else reads, the step that makes it may add the other one.
    const alone = (value: number): boolean => view.isReadOnce(value) || view.constantOf(value) !== null;
    if (sum.inputs.some((value) => alone(value) || !sameList(view.shapeOf(value), shape))) return null;
    if (FEWER * product(shapeOfResult) > product(shape)) return null;
    const parts = sum.inputs.map((value, index) => ({
      ...node,
      inputs: [value],
      outputs: [view.value(`${node.names[0]} of summand ${index}`, shapeOfResult)],
    }));
    return [...parts, { ...sum, inputs: parts.flatMap(({ outputs }) => outputs), outputs: [result] }];
  });
}

function isLinear(operation: Operation): boolean {
  if (operation.kind === 'pool') return operation.function === 'average';
  return operation.kind === 'reduce' && (operation.function === 'mean' || operation.function === 'sum');
}
