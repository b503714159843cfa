// What front ends build a network with, once the sizes of its inputs are known.

import type { Constant, NetworkGraph, NetworkNode, NetworkValue, Of, Operation } from './operations.js';
import { outputShapesOf } from './shapes.js';

/** An operation of nodes of the file, on values by their numbers. */
export interface Emission {
  /** Those of the nodes; the first one names it in errors. */
  readonly names: readonly string[];
  /** What the file calls the operators. */
  readonly types: readonly string[];
  readonly operation: Operation;
  readonly inputs: readonly number[];
  /** What the file calls the results; one without a name is called as the node is. */
  readonly results?: readonly string[];
}

/** Another slice in the place of one that the file asks for, of a value of this shape. */
export type SliceChange = (slice: Of<'slice'>, shape: readonly number[], emission: Emission) => Of<'slice'>;

/** Collects nodes in an order in which they can be computed. */
export class NetworkBuilder {
  readonly #where: string;
  readonly #changeSlice: SliceChange | undefined;
  readonly #nodes: NetworkNode[] = [];
  readonly #values: NetworkValue[] = [];
  readonly #inputs: number[] = [];
  readonly #outputs: number[] = [];
  /** Numbers of constants, each of which is one value however often it is taken. */
  readonly #constants = new Map<Constant, number>();

  /**
   * @param where names the network in errors
   * @param changeSlice looks at sizes alone: nothing is computed then, and values may be larger than any heap
   */
  constructor(where: string, changeSlice?: SliceChange) {
    this.#where = where;
    this.#changeSlice = changeSlice;
  }

  input(name: string, shape: readonly number[]): number {
    const value = this.#add({ name, shape, constant: null });
    this.#inputs.push(value);
    return value;
  }

  constant(constant: Constant): number {
    const known = this.#constants.get(constant);
    if (known !== undefined) return known;
    const value = this.#add({ name: constant.name, shape: constant.shape, constant });
    this.#constants.set(constant, value);
    return value;
  }

  /**
   * The numbers of its results.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE` with the name of the node
   */
  emit(emission: Emission): readonly number[] {
    const { names, types, operation: given, inputs, results = [] } = emission;
    const name = names[0] ?? '';
    const operation =
      given.kind === 'slice' && this.#changeSlice !== undefined
        ? this.#changeSlice(given, this.shapeOf(inputs[0] as number), emission)
        : given;
    const where = `${this.#where}: node ${JSON.stringify(name)} (${types.join(', ')})`;
    const shapes = outputShapesOf(
      where,
      operation,
      inputs.map((input) => this.shapeOf(input)),
      this.#changeSlice === undefined,
    );
    const outputs = shapes.map((shape, index) =>
      this.#add({ name: results[index] || name, shape, constant: null }),
    );
    this.#nodes.push({ names, types, operation, inputs, outputs });
    return outputs;
  }

  output(value: number): void {
    this.#outputs.push(value);
  }

  shapeOf(value: number): readonly number[] {
    return (this.#values[value] as NetworkValue).shape;
  }

  /** All that the outputs need; an output may be an input or a constant. */
  graph(): NetworkGraph {
    const needed = new Set(this.#outputs);
    const nodes: NetworkNode[] = [];
    for (const node of [...this.#nodes].reverse()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      nodes.push(node);
      for (const input of node.inputs) needed.add(input);
    }
    nodes.reverse();
    return { nodes, values: this.#values, inputs: this.#inputs, outputs: this.#outputs };
  }

  #add(value: NetworkValue): number {
    return this.#values.push(value) - 1;
  }
}
