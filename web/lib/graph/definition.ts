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
  /** It adds its last input to that. */
  readonly sum: JoinNode | null;
  /** And applies a function to all. */
  readonly activation: ModuleNode | null;
};

/** All that it computes, in order. */
export function partsOf(unit: Unit): Node[] {
  const { norm, relu, sum, activation } = unit;
  return [unit, norm, relu, sum, activation].filter((node) => node !== null);
}

/** What a layer computes of that which stands behind it, in this order and beside a ReLU behind the first. */
export interface Fuses {
  norm(layer: ModuleNode, next: ModuleNode): boolean;
  sum(layer: ModuleNode): boolean;
  activation(layer: ModuleNode, next: ModuleNode): boolean;
}

export function unitsOf({ nodes, inputs, outputs }: FlatDefinition, fuses?: Fuses): Unit[] {
  const readers = new Map<number, (Node | null)[]>();
  const note = (value: number, reader: Node | null): void => {
    readers.set(value, [...(readers.get(value) ?? []), reader]);
  };
  for (const node of nodes) for (const value of node.inputs) note(value, node);
  for (const { value } of outputs) note(value, null);
  const onlyReader = (value: number): Node | null => {
    const [reader, ...others] = readers.get(value) ?? [];
    return others.length === 0 ? (reader ?? null) : null;
  };
  const taken = new Set<Node>();
  const made = new Set(inputs.map(({ value }) => value));
  return nodes.flatMap((node) => {
    if (taken.has(node)) return [];
    let last: Node = node;
    const take = <Kind extends Node>(accepts: (next: Node) => Kind | null): Kind | null => {
      const next = onlyReader(last.outputs[0] as number);
      const accepted = next && accepts(next);
      if (accepted === null) return null;
      taken.add(accepted);
      last = accepted;
      return accepted;
    };
    const layer = node.module !== null && fusesReLU(node.module) ? node : null;
    const takeModule = (accepts: (layer: ModuleNode, next: ModuleNode) => boolean | undefined) =>
      layer && take((next) => (next.module !== null && accepts(layer, next) === true ? next : null));
    const norm = takeModule((own, next) => fuses?.norm(own, next));
    const relu = takeModule((_, next) => hasBrand(next.module, RELU));
    // What is added must be there before the layer runs.
    const otherOf = (next: Node): number => next.inputs.find((value) => value !== last.outputs[0]) as number;
    let residual: number | null = null;
    const sum =
      layer &&
      take((next) => {
        if (
          next.join === null ||
          next.join.kind !== 'add' ||
          fuses?.sum(layer) !== true ||
          !made.has(otherOf(next))
        )
          return null;
        residual = otherOf(next);
        return next;
      });
    const activation = takeModule((own, next) => fuses?.activation(own, next));
    for (const value of last.outputs) made.add(value);
    const taking = residual === null ? node.inputs : [...node.inputs, residual];
    return { ...node, inputs: taking, outputs: last.outputs, norm, relu, sum, activation };
  });
}

/** The same error with the node that it comes from; what is none of ours, or names one already, stays as it is. */
export function atNode(where: string, { name }: Node, error: unknown): unknown {
  if (!isDeconvError(error) || 'node' in error.detail) return error;
  const message = `${where}: at "${name}", ${error.message}`;
  return new DeconvError(error.code, message, { ...error.detail, where, node: name }, error);
}
