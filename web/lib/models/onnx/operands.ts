import { product } from '../folding/arrays.js';
import { type Fold, notFoldable } from '../folding/folded.js';
import { LIMITS } from '../limits.js';
import type { ModelFile } from '../source.js';
import type { ModelTensor } from '../tensor.js';
import { Evaluation } from '../tensor-content.js';
import type { OnnxNode } from './graph.js';

/** A node whose inputs are constants. */
export interface FoldedNode {
  readonly node: OnnxNode;
  /** Which of its outputs is wanted. */
  readonly output: number;
  /** Null for those left out. */
  readonly inputs: readonly (ModelTensor | null)[];
  /** The tensor attribute of a name; a text says why it cannot be read. */
  readonly tensorOf: (name: string) => Promise<ModelTensor | string | null>;
  readonly file: ModelFile;
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
    return this.#given.file;
  }

  async tensor(attribute: string): Promise<ModelTensor | null> {
    const found = await this.#given.tensorOf(attribute);
    return typeof found === 'string' ? notFoldable(`its ${attribute} is ${found}`) : found;
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
  async numbers(place: number, attribute: string): Promise<readonly number[] | null> {
    const given = this.optional(place);
    if (given === null) {
      const one = this.node.integer(attribute);
      return this.node.integers(attribute) ?? (one === undefined ? null : [one]);
    }
    const known = lists.get(given);
    if (known !== undefined) return known;
    const count = product(given.shape);
    if (count > LIMITS.shapeValues) notFoldable(`its ${attribute} are ${count} numbers`);
    const list = [...(await new Evaluation().valuesOf(given.content))];
    lists.set(given, list);
    return list;
  }

  async required(place: number, attribute: string): Promise<readonly number[]> {
    return (await this.numbers(place, attribute)) ?? notFoldable(`it has no ${attribute}`);
  }
}

export type Rule = (operands: Operands) => Fold | ModelTensor | Promise<Fold | ModelTensor>;
