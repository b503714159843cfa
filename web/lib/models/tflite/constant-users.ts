import type { FlatTable } from '../flat.js';
import type { ConstantUse } from '../layer.js';
import { FOLDED } from './folding.js';
import { OPERATOR } from './schema.js';
import type { Subgraph } from './subgraph.js';

/** A subgraph, and what is in front of the names of its operators. */
export interface NamedSubgraph {
  readonly subgraph: Subgraph;
  readonly prefix: string;
}

/** A constant as an operator takes it; subgraphs share the buffers of a file. */
export function useOf(
  subgraphs: readonly NamedSubgraph[],
  own: Subgraph,
  operator: FlatTable,
  tensor: number,
): ConstantUse {
  return { node: operator, users: async () => usersOf(subgraphs, own, tensor) };
}

/** Operators but for those that only move it there, and outputs that it is. */
function usersOf(subgraphs: readonly NamedSubgraph[], own: Subgraph, tensor: number) {
  const [moved, movers] = [new Set([tensor]), new Set<FlatTable>()];
  let at = tensor;
  for (;;) {
    const maker = own.maker(at);
    if (maker === undefined || movers.has(maker) || !FOLDED.has(own.code(maker))) break;
    movers.add(maker);
    [at = -1] = maker.integers(OPERATOR.inputs);
    moved.add(at);
  }
  const buffer = own.buffer(at);
  return subgraphs.flatMap(({ subgraph, prefix }) => {
    const takes = (index: number) =>
      (subgraph === own && moved.has(index)) || (buffer > 0 && subgraph.buffer(index) === buffer);
    const users = subgraph.operators
      .filter((operator) => !movers.has(operator) && operator.integers(OPERATOR.inputs).some(takes))
      .map((node) => {
        const [output = -1] = node.integers(OPERATOR.outputs);
        return { node, name: prefix + (subgraph.name(output) || `operator ${subgraph.code(node)}`) };
      });
    const outputs = subgraph.outputs
      .filter(takes)
      .map((index) => ({ node: subgraph, name: prefix + subgraph.name(index) }));
    return [...users, ...outputs];
  });
}
