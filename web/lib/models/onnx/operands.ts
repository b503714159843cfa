import { product } from '../folding/arrays.js';
import { type Fold, notFoldable, valuesAtHand } from '../folding/folded.js';
import { LIMITS } from '../limits.js';
import type { ModelFile } from '../source.js';
import type { ModelTensor } from '../tensor.js';
import type { OnnxNode } from './graph.js';

/** A node whose inputs are constants. */
export interface FoldedNode {
  readonly node: OnnxNode;
  /** Which of its outputs is wanted. */
  readonly output: number;
  /** Null for those left out. */
  readonly inputs: readonly (ModelTensor | null)[];
  /** The tensor that its attribute `value` is; a text says why it cannot be read. */
  readonly value: ModelTensor | string | null;
  /** Null where all of the node's values are known. */
  readonly file: ModelFile | null;
}

/** Numbers of tensors that many nodes may share. */
const lists = new WeakMap<ModelTensor, readonly number[]>();

/** The same as rules see it. */
export class Operands {
  readonly #given: FoldedNode;

  constructor(given: FoldedNode) {
    this.#given = given;
  }

  get node(): OnnxNode {
    return this.#given.node;
  }

  get output(): number {
    return this.#given.output;
  }

  get file(): ModelFile {
    return this.#given.file ?? notFoldable('the file is not at hand');
  }

  get value(): ModelTensor | null {
    const { value } = this.#given;
    return typeof value === 'string' ? notFoldable(`its value is ${value}`) : value;
  }

  /** An input that must be there. */
  input(place: number): ModelTensor {
    return this.#given.inputs[place] ?? notFoldable(`its input ${place} is left out`);
  }

  optional(place: number): ModelTensor | null {
    return this.#given.inputs[place] ?? null;
  }

  all(): ModelTensor[] {
    if (this.#given.inputs.length === 0) notFoldable('it has no inputs');
    return this.#given.inputs.map((_, place) => this.input(place));
  }

  /** Numbers that say what the node does: an input in newer opsets, an attribute in older ones. */
  numbers(place: number, attribute: string): readonly number[] | null {
    const given = this.optional(place);
    if (given === null) return this.node.list(attribute) ?? null;
    const known = lists.get(given);
    if (known !== undefined) return known;
    const count = product(given.shape);
    if (count > LIMITS.shapeValues) notFoldable(`its ${attribute} are ${count} numbers`);
    const list = [...(valuesAtHand(given) ?? wait(given))];
    lists.set(given, list);
    return list;
  }

  required(place: number, attribute: string): readonly number[] {
    return this.numbers(place, attribute) ?? notFoldable(`it has no ${attribute}`);
  }
}

/** A list that a node may have: null where it is left out, undefined where it is not known yet. */
export type Numbers = readonly number[] | null | undefined;

export type Rule = (operands: Operands) => Fold | ModelTensor;

const awaited = new WeakMap<object, ModelTensor>();

/** Leaves a rule, which is called again once the values are at hand. */
function wait(tensor: ModelTensor): never {
  const error = new Error(`the values of ${JSON.stringify(tensor.name)} are not known`);
  awaited.set(error, tensor);
  throw error;
}

/** The tensor whose values a rule was left for; undefined for other errors. */
export function awaitedBy(error: unknown): ModelTensor | undefined {
  return awaited.get(error as object);
}
