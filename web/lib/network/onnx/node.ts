import { product } from '../../core/lists.js';
import type { ModelDtype } from '../../models/dtypes.js';
import { notFoldable, valuesAtHand } from '../../models/folding/folded.js';
import type { OnnxNode } from '../../models/onnx/graph.js';
import { type Numbers, Operands } from '../../models/onnx/operands.js';
import type { ModelTensor } from '../../models/tensor.js';
import type { NetworkBuilder } from '../lowering.js';
import type { Constant, Operation, UnaryFunction } from '../operations.js';

/** A value of the file. */
export interface Slot {
  readonly name: string;
  /** What it is, where the file says all of it. */
  readonly tensor: ModelTensor | null;
  /** Computed from sizes alone: its values are known with those. */
  readonly sized: boolean;
  /** Of values that are neither. */
  readonly dtype: ModelDtype;
}

/** A value once sizes are known; without a number in the network it has its values at hand. */
export interface Operand {
  readonly tensor: ModelTensor;
  readonly value: number | null;
}

/**
 * What an operator means: called at load, it checks all that does not depend on sizes, and gives what emits the
 * operations once they are known. Reasons against either are told by `notFoldable`.
 */
export type NodeRule = (node: LoadedNode) => (call: NodeCall) => void;

/** A node at load. */
export class LoadedNode {
  readonly node: OnnxNode;
  /** The version of the operators that it is of. */
  readonly opset: number;
  readonly inputs: readonly (Slot | null)[];
  /** The list of floats that is its attribute `scales`. */
  readonly scales: readonly number[] | null;
  /** How many of its outputs are computed. */
  outputs = 1;
  /** The type of its outputs; null for that of its first input. */
  dtype: ModelDtype | null = null;

  constructor(
    node: OnnxNode,
    opset: number,
    inputs: readonly (Slot | null)[],
    scales: readonly number[] | null,
  ) {
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.scales = scales;
  }

  has(place: number): boolean {
    const slot = this.inputs[place] ?? null;
    // Exporters write empty tensors for what they leave out.
    return slot !== null && (slot.tensor === null || product(slot.tensor.shape) > 0);
  }

  /** An input whose values the file has; null for one that is left out. */
  constant(place: number, what: string): ModelTensor | null {
    if (!this.has(place)) return null;
    return this.inputs[place]?.tensor ?? notFoldable(`its ${what} is no constant of the file`);
  }

  required(place: number, what: string): ModelTensor {
    return this.constant(place, what) ?? notFoldable(`it has no ${what}`);
  }

  /** As `Operands` has them, where they do not come with sizes. */
  numbers(place: number, attribute: string): Numbers {
    if (this.inputs[place]?.tensor === null) return undefined;
    const inputs = this.inputs.map((slot) => slot?.tensor ?? null);
    return new Operands({ node: this.node, output: 0, inputs, value: null, file: null }).numbers(
      place,
      attribute,
    );
  }

  /** A single number; undefined where it is left out. */
  number(place: number, what: string): number | undefined {
    const tensor = this.constant(place, what);
    if (tensor === null) return undefined;
    const values = floatsOf(tensor);
    return values.length === 1 ? values[0] : notFoldable(`its ${what} is not one number`);
  }

  /** One of the words that an attribute may be. */
  choice<Word extends string>(attribute: string, words: readonly Word[], other: Word): Word {
    const given = this.node.text(attribute) || other;
    return words.find((word) => word === given) ?? notFoldable(`its ${attribute} is ${given.slice(0, 40)}`);
  }
}

/** A node whose inputs have sizes. */
export class NodeCall {
  readonly node: OnnxNode;
  readonly results: (Operand | undefined)[] = [];
  readonly #builder: NetworkBuilder;
  readonly #inputs: readonly (Operand | null)[];
  readonly #operands: (output: number) => Operands;
  readonly #made: (name: string, shape: readonly number[]) => ModelTensor;

  constructor(
    node: OnnxNode,
    builder: NetworkBuilder,
    inputs: readonly (Operand | null)[],
    operands: (output: number) => Operands,
    made: (name: string, shape: readonly number[]) => ModelTensor,
  ) {
    this.node = node;
    this.#builder = builder;
    this.#inputs = inputs;
    this.#operands = operands;
    this.#made = made;
  }

  /** How many inputs it has, those left out included. */
  get count(): number {
    return this.#inputs.length;
  }

  /** The same as rules for constants see it. */
  get operands(): Operands {
    return this.#operands(0);
  }

  has(place: number): boolean {
    const operand = this.#inputs[place] ?? null;
    return operand !== null && product(operand.tensor.shape) > 0;
  }

  operand(place: number): Operand {
    return this.#inputs[place] ?? notFoldable(`its input ${place} is left out`);
  }

  shape(place: number): readonly number[] {
    return this.operand(place).tensor.shape;
  }

  /** An input as a value of the network. */
  value(place: number): number {
    const { tensor, value } = this.operand(place);
    return value ?? this.#builder.constant(constantOf(tensor));
  }

  constant(constant: Constant): number {
    return this.#builder.constant(constant);
  }

  shapeOf(value: number): readonly number[] {
    return this.#builder.shapeOf(value);
  }

  /** An operation on the way to the result. */
  step(operation: Operation, inputs: readonly number[]): number {
    return this.#emit(operation, inputs, [])[0] as number;
  }

  /** The last operation, whose results are the node's. */
  result(operation: Operation, inputs: readonly number[]): void {
    const { prefix } = this.node.scope;
    const names = this.node.outputs.map((name) => name && prefix + name);
    for (const [place, value] of this.#emit(operation, inputs, names).entries()) this.give(place, value);
  }

  /** An output that is a value of the network. */
  give(place: number, value: number): void {
    this.results[place] = {
      tensor: this.#made(this.node.outputs[place] ?? '', this.#builder.shapeOf(value)),
      value,
    };
  }

  /** The first output is an input as it is. */
  pass(place = 0): void {
    this.results[0] = this.operand(place);
  }

  #emit(operation: Operation, inputs: readonly number[], results: readonly string[]): readonly number[] {
    const { name, type } = this.node;
    const values = this.#builder.emit({ names: [name], types: [type], operation, inputs, results });
    for (const value of values) {
      const shape = this.#builder.shapeOf(value);
      if (shape.includes(0))
        notFoldable(`its result has the shape [${shape.join(', ')}], which holds no values`);
    }
    return values;
  }
}

const constants = new WeakMap<ModelTensor, Constant>();

/** The same one for the same tensor, whatever the sizes. */
export function constantOf(tensor: ModelTensor): Constant {
  let constant = constants.get(tensor);
  if (constant === undefined) {
    constant = { name: tensor.name, shape: tensor.shape, data: floatsOf(tensor) };
    constants.set(tensor, constant);
  }
  return constant;
}

/** The values of a tensor that has them at hand. */
export function floatsOf(tensor: ModelTensor): Float32Array {
  const values =
    valuesAtHand(tensor) ?? notFoldable(`the values of ${JSON.stringify(tensor.name)} are not known`);
  return values.BYTES_PER_ELEMENT === 4 ? (values as Float32Array) : Float32Array.from(values);
}

/** A number as a value that broadcasts. */
export function scalar(value: number): Constant {
  return { name: String(value), shape: [], data: Float32Array.of(value) };
}

export function unary(name: UnaryFunction, a = 0, b = 0, channelA: Float32Array | null = null): Operation {
  return { kind: 'unary', function: name, a, b, channelA, layout: 'channels-first' };
}

/** What a node says of itself in errors. */
export function titleOf({ name, type, domain }: OnnxNode): string {
  return `node ${JSON.stringify(name.slice(0, 200))} (${domain === '' ? '' : `${domain.slice(0, 60)}.`}${type.slice(0, 60)})`;
}
