import type { Constant, NetworkGraph, NetworkNode, NetworkValue, Of, OperationKind } from '../operations.js';
import type { Shape } from '../shapes.js';

/** What a pass sees of a network while it changes it. */
export interface GraphView {
  shapeOf(value: number): Shape;
  constantOf(value: number): Constant | null;
  /** The node that gives the value, if it is of this kind. */
  producer<Kind extends OperationKind>(value: number, kind: Kind): NodeOf<Kind> | null;
  /** Whether one node alone reads the value, once, and nobody else. */
  isReadOnce(value: number): boolean;
  /** A new value. */
  value(name: string, shape: Shape): number;
  constant(constant: Constant): number;
}

export interface NodeOf<Kind extends OperationKind> extends NetworkNode {
  readonly operation: Of<Kind>;
}

/**
 * What stands in a node's place: nodes, the last of which gives its outputs, or for one output a value that is the same;
 * null where it stays.
 */
export type Replacement = readonly NetworkNode[] | number | null;

/** A network with `replace` asked of every node in order, again and again until it changes nothing. */
export function rewrite(
  graph: NetworkGraph,
  replace: (node: NetworkNode, view: GraphView) => Replacement,
): NetworkGraph {
  let current = graph;
  for (;;) {
    const next = rewriteOnce(current, replace);
    if (next === current) return current;
    current = next;
  }
}

function rewriteOnce(
  graph: NetworkGraph,
  replace: (node: NetworkNode, view: GraphView) => Replacement,
): NetworkGraph {
  const values: NetworkValue[] = [...graph.values];
  const producers = new Map<number, NetworkNode>();
  const reads = new Map<number, number>();
  const count = (value: number): void => void reads.set(value, (reads.get(value) ?? 0) + 1);
  for (const node of graph.nodes) for (const value of node.inputs) count(value);
  for (const value of graph.outputs) count(value);
  const same = new Map<number, number>();
  const present = (value: number): number => same.get(value) ?? value;
  const add = (value: NetworkValue): number => values.push(value) - 1;
  const view: GraphView = {
    shapeOf: (value) => (values[value] as NetworkValue).shape,
    constantOf: (value) => (values[value] as NetworkValue).constant,
    producer: (value, kind) => {
      const node = producers.get(value);
      return node?.operation.kind === kind ? (node as never) : null;
    },
    isReadOnce: (value) => reads.get(value) === 1,
    value: (name, shape) => add({ name, shape, constant: null }),
    constant: (constant) => add({ name: constant.name, shape: constant.shape, constant }),
  };
  let changed = false;
  const nodes = graph.nodes.flatMap((original) => {
    const inputs = original.inputs.map(present);
    const node = inputs.some((value, index) => value !== original.inputs[index])
      ? { ...original, inputs }
      : original;
    const replacement = replace(node, view);
    changed ||= replacement !== null;
    if (typeof replacement === 'number') {
      const output = node.outputs[0] as number;
      same.set(output, replacement);
      // Where it is called as what it was made of, that is now the last of its name.
      values[output] = { ...(values[output] as NetworkValue), name: '' };
      return [];
    }
    const made = replacement ?? [node];
    for (const each of made) for (const value of each.outputs) producers.set(value, each);
    return made;
  });
  if (!changed) return graph;
  return withoutDead({ ...graph, nodes, values, outputs: graph.outputs.map(present) });
}

/** The nodes that the outputs need. */
export function withoutDead(graph: NetworkGraph): NetworkGraph {
  const needed = new Set(graph.outputs);
  const nodes = graph.nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((value) => needed.has(value))) return false;
    for (const value of inputs) needed.add(value);
    return true;
  });
  return { ...graph, nodes: nodes.reverse() };
}

/** One node in place of several, of which the last one gives its outputs. */
export function merged(
  nodes: readonly NetworkNode[],
  operation: NetworkNode['operation'],
  inputs: readonly number[],
): NetworkNode {
  return {
    names: [...new Set(nodes.flatMap(({ names }) => names))],
    types: nodes.flatMap(({ types }) => types),
    operation,
    inputs,
    outputs: (nodes.at(-1) as NetworkNode).outputs,
  };
}
