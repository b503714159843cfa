import { RELU, SEQUENTIAL } from '../core/brands.js';
import { fuse } from './fuse.js';
import type { Join } from './joins.js';
import { fusesReLU, type Module, passesAs } from './module.js';

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

/** Whether it is one whose nodes compute all that it does. */
export function isChain(value: unknown): value is ChainModule {
  return passesAs(value, SEQUENTIAL);
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
  readonly norm: ModuleNode | null;
  readonly relu: ModuleNode | null;
  readonly sum: JoinNode | null;
  readonly activation: ModuleNode | null;
  readonly pad: null;
};

/** What a layer computes of that which stands behind it, beside a ReLU behind the first. */
export interface Fuses {
  norm(layer: ModuleNode, next: ModuleNode): boolean;
  sum(layer: ModuleNode): boolean;
  activation(layer: ModuleNode, next: ModuleNode): boolean;
}

export function unitsOf({ nodes, inputs, outputs }: FlatDefinition, fuses?: Fuses): Unit[] {
  const isModuleNode = (node: Node): node is ModuleNode => node.module !== null;
  const values = (named: readonly NamedValue[]): number[] => named.map(({ value }) => value);
  return fuse(nodes, values(inputs), values(outputs), {
    layer: (node) => isModuleNode(node) && fusesReLU(node.module),
    norm: (layer, next) => isModuleNode(next) && fuses?.norm(layer as ModuleNode, next) === true,
    relu: (_, next) => passesAs(next.module, RELU),
    sum: (layer, next) => next.join?.kind === 'add' && fuses?.sum(layer as ModuleNode) === true,
    activation: (layer, next) => isModuleNode(next) && fuses?.activation(layer as ModuleNode, next) === true,
    pad: () => false,
  }) as Unit[];
}
