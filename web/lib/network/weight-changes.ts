// Other weights in the place of the file's, which stays as it is.

import type { UpsamplingLayer, UpsamplingWeights } from '../checkerboard/pattern-network.js';
import { checkOptions, describe, refuse } from '../core/checks.js';
import { isList } from '../core/realms.js';
import { checkParameter } from '../core/tensor.js';
import type { Constant, NetworkGraph } from './operations.js';

/** Weights in the place of the file's, each with a bias if that is another one too. */
export type Changes = ReadonlyMap<Constant, { readonly weight: Constant; readonly bias: Constant | null }>;

export function changed(graph: NetworkGraph, changes: Changes): NetworkGraph {
  if (changes.size === 0) return graph;
  const nodes = graph.nodes.map((node) => {
    const { operation } = node;
    const own = operation.kind === 'convolution' && changes.get(operation.weight);
    if (!own) return node;
    return { ...node, operation: { ...operation, weight: own.weight, bias: own.bias ?? operation.bias } };
  });
  return { ...graph, nodes };
}

/** Those of a network, and what else is given for layers of its `upsampling`, of which `weightOf` knows the weights. */
export function readChanges(
  where: string,
  given: readonly UpsamplingWeights[],
  changes: Changes,
  weightOf: WeakMap<UpsamplingLayer, Constant>,
): Changes {
  if (!isList(given)) refuse('BAD_TYPE', where, 'a list of { layer, weight }', given);
  const made = new Map(changes);
  for (const [index, change] of given.entries()) {
    const { layer, weight, bias } = checkOptions<UpsamplingWeights>(where, change, [
      'layer',
      'weight',
      'bias',
    ]);
    const known = weightOf.get(layer);
    if (known === undefined) {
      refuse('BAD_OPTION', where, `changes[${index}].layer to be one of this network's upsampling`, layer);
    }
    const read = (name: string, values: unknown, shape: readonly number[]): Constant => ({
      name: known.name,
      shape,
      data: Float32Array.from(checkParameter(where, `${name} of ${describe(layer.name)}`, values, shape)),
    });
    const biases = layer.kernels?.bias ?? null;
    if (bias && biases === null) refuse('UNSUPPORTED', where, 'a layer with a bias', layer.name);
    // Of a changed network: what it was at first.
    const [file = known] = [...changes].find(([, { weight: own }]) => own === known) ?? [];
    made.set(file, {
      weight: read('the weight', weight, known.shape),
      bias: bias ? read('the bias', bias, [(biases as Float32Array).length]) : null,
    });
  }
  return made;
}
