import { hasBrand, RELU, SEQUENTIAL } from '../core/brands.js';
import { DeconvError, isDeconvError } from '../core/errors.js';
import type { Join } from './joins.js';
import { fusesReLU, type Module } from './module.js';

/**
 * Where a chain finds what another one is made of; all copies of the package share it, so that one's chains take
 * another's.
 */
export const DEFINITION: unique symbol = Symbol.for('deconv-wasm.Chain.definition');

interface NodeFields {
  readonly name: string;
  /** Values are numbers. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** It takes one value and gives one. */
export interface ModuleNode extends NodeFields {
  readonly module: Module;
  readonly join: null;
}

export interface JoinNode extends NodeFields {
  readonly module: null;
  readonly join: Join;
}

export type Node = ModuleNode | JoinNode;

export interface NamedValue {
  readonly name: string;
  readonly value: number;
}

/** A chain as plain data: nodes in the order in which they can be computed. */
export interface Definition {
  readonly nodes: readonly Node[];
  readonly inputs: readonly NamedValue[];
  readonly outputs: readonly NamedValue[];
}

/** The same with the nodes of the chains inside it, whose names go before theirs. */
export interface FlatDefinition extends Definition {
  readonly valueCount: number;
}

export interface ChainModule extends Module {
  readonly [DEFINITION]: Definition;
}

export function isChain(value: unknown): value is ChainModule {
  return hasBrand(value, SEQUENTIAL);
}

export function flatten({ nodes, inputs, outputs }: Definition): FlatDefinition {
  const flat: Node[] = [];
  let valueCount = 0;
  const inline = (part: Definition, given: readonly number[], prefix: string): number[] => {
    const places = new Map(part.inputs.map(({ value }, index) => [value, given[index] as number]));
    const placeOf = (value: number): number => places.get(value) as number;
    for (const node of part.nodes) {
      const name = `${prefix}${node.name}`;
      const taken = node.inputs.map(placeOf);
      const inner = isChain(node.module) ? node.module[DEFINITION] : undefined;
      const made =
        inner === undefined ? node.outputs.map(() => valueCount++) : inline(inner, taken, `${name}.`);
      if (inner === undefined) flat.push({ ...node, name, inputs: taken, outputs: made });
      for (const [index, value] of node.outputs.entries()) places.set(value, made[index] as number);
    }
    return part.outputs.map(({ value }) => placeOf(value));
  };
  const first = inputs.map(({ name }) => ({ name, value: valueCount++ }));
  const last = inline(
    { nodes, inputs, outputs },
    first.map(({ value }) => value),
    '',
  );
  return {
    nodes: flat,
    inputs: first,
    outputs: outputs.map(({ name }, index) => ({ name, value: last[index] as number })),
    valueCount,
  };
}

/** A node with those behind it that it computes as well. */
export type Unit = Node & {
  /** Its factors and summands are folded into the node's weight. */
  readonly norm: ModuleNode | null;
  /** The node clamps its result. */
  readonly relu: ModuleNode | null;
};

/** `folds` says whether a node takes in the one behind it. */
export function unitsOf(
  { nodes, outputs }: FlatDefinition,
  folds: (node: ModuleNode, next: ModuleNode) => boolean = () => false,
): Unit[] {
  const readers = new Map<number, (Node | null)[]>();
  const note = (value: number, reader: Node | null): void => {
    readers.set(value, [...(readers.get(value) ?? []), reader]);
  };
  for (const node of nodes) for (const value of node.inputs) note(value, node);
  for (const { value } of outputs) note(value, null);
  const onlyReader = (value: number): ModuleNode | null => {
    const [reader, ...others] = readers.get(value) ?? [];
    return reader?.module != null && others.length === 0 ? reader : null;
  };
  const taken = new Set<Node>();
  return nodes.flatMap((node) => {
    if (taken.has(node)) return [];
    let last = node;
    const take = (accepts: (next: ModuleNode) => boolean): ModuleNode | null => {
      const next = onlyReader(last.outputs[0] as number);
      if (next === null || !accepts(next)) return null;
      taken.add(next);
      last = next;
      return next;
    };
    const layer = node.module !== null && fusesReLU(node.module) ? node : null;
    const norm = layer && take((next) => folds(layer, next));
    const relu = layer && take((next) => hasBrand(next.module, RELU));
    return { ...node, outputs: last.outputs, norm, relu };
  });
}

/** The same error with the node that it comes from; what is none of ours stays as it is. */
export function atNode(where: string, { name }: Node, error: unknown): unknown {
  if (!isDeconvError(error)) return error;
  const message = `${where}: at "${name}", ${error.message}`;
  return new DeconvError(error.code, message, { ...error.detail, where, node: name }, error);
}
