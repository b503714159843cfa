import { expect } from 'vitest';
import type { NetworkGraph } from '../../web/lib/network/operations.js';
import { evaluate } from './network-reference.js';
import { randomTensor } from './tensors.js';

export type Pass = (graph: NetworkGraph) => NetworkGraph;

/** What is left is this, under all names of before, and computes the same. */
export function expectPass(pass: Pass, graph: NetworkGraph, kinds: readonly string[]): NetworkGraph {
  const after = pass(graph);
  const words = after.nodes.map(({ operation }) =>
    operation.kind === 'unary' || operation.kind === 'binary' ? operation.function : operation.kind,
  );
  expect(words).toEqual(kinds);
  const inputs = graph.inputs.map(
    (value, index) => randomTensor(graph.values[value]?.shape ?? [], index + 1).data,
  );
  const [expected, results] = [evaluate(graph, inputs), evaluate(after, inputs)];
  for (const [index, { data, shape }] of expected.entries()) {
    expect(results[index]?.shape).toEqual(shape);
    for (const [place, value] of data.entries()) {
      expect(results[index]?.data[place] as number).toBeCloseTo(value, 5);
    }
  }
  return after;
}

export const namesOf = (graph: NetworkGraph): readonly string[] => graph.nodes.flatMap(({ names }) => names);
