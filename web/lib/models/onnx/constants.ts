import { describe, refuse } from '../../core/checks.js';
import type { ModelDtype } from '../dtypes.js';
import type { ConstantUse } from '../layer.js';
import { LIMITS } from '../limits.js';
import type { ModelFile } from '../source.js';
import { checkExtent } from '../stored.js';
import { type ModelTensor, storedTensor } from '../tensor.js';
import type { TensorPlace } from '../tensor-content.js';
import type { Message } from '../wire.js';
import type { OnnxGraph, OnnxNode, Scope } from './graph.js';
import { ATTRIBUTE, DTYPES, ENTRY, TENSOR } from './schema.js';

/** Gives the file that a model names by a location. */
export type ExternalFiles = (location: string) => Promise<ModelFile>;

/** What is imported when a file needs it: most have no constants to compute, and are not changed. */
export interface ConstantImports {
  readonly folding: () => Promise<typeof import('./operators.js')>;
  readonly replacement: () => Promise<typeof import('./replacement.js')>;
}

/** A constant, or why a name has none. */
export type Constant = ModelTensor | string;

const EXTERNAL = 1;

/** Finds the constants behind names: initializers, and what nodes make of nothing but constants. */
export class Constants {
  readonly #file: ModelFile;
  readonly #graph: OnnxGraph;
  readonly #external: ExternalFiles;
  readonly #imports: ConstantImports;
  readonly #known = new Map<Message, Constant>();
  readonly #folded = new Map<OnnxNode, Map<number, Constant>>();
  readonly #found = new Set<ModelTensor>();
  #loaded: typeof import('./operators.js') | undefined;
  #lookups = 0;

  constructor(file: ModelFile, graph: OnnxGraph, external: ExternalFiles, imports: ConstantImports) {
    this.#file = file;
    this.#graph = graph;
    this.#external = external;
    this.#imports = imports;
  }

  /** Those that were found. */
  tensors(): ModelTensor[] {
    return [...this.#found];
  }

  /**
   * Follows a name of the scope to its constant: what it is made of is computed when its values are read.
   * A tensor of 16 bits that is only widened comes as it is stored.
   */
  async find(name: string, scope: Scope): Promise<Constant> {
    const found = await this.#find(name, scope, 0);
    if (typeof found === 'string') return found;
    const tensor = this.#loaded?.narrowest(found) ?? found;
    this.#found.add(tensor);
    return tensor;
  }

  /** A list of floats among a node's attributes; null for none. */
  async floats(node: OnnxNode, attribute: string): Promise<readonly number[] | null> {
    const ranges = node.attribute(attribute)?.ranges(ATTRIBUTE.floats) ?? [];
    const count = ranges.reduce((sum, { length }) => sum + length, 0) / 4;
    if (count === 0 || count > LIMITS.shapeValues) return null;
    const place: TensorPlace = { file: this.#file, ranges, encoding: 'raw' };
    checkExtent(attribute, [count], 'float32', place);
    return [...(await storedTensor(attribute, [count], 'float32', place).read()).data];
  }

  use(node: OnnxNode, place: number): ConstantUse {
    const input = { node, place, graph: this.#graph, file: this.#file };
    const load = this.#imports.replacement;
    return {
      node,
      users: async () => (await load()).usersOf(input),
      replacement: {
        obstacle: node.scope.inFunction
          ? 'its values are computed in a function of the model, where no constant can stand'
          : null,
        edits: async (shape, dtype, values) => (await load()).replaceInput(input, shape, dtype, values),
      },
    };
  }

  /** The tensor that a node's attribute `value` is; null for none. */
  async value(node: OnnxNode): Promise<Constant | null> {
    const given = node.attribute('value')?.message(ATTRIBUTE.tensor);
    return given === undefined
      ? null
      : this.#tensor(given, given.text(TENSOR.name) || (node.outputs[0] ?? ''));
  }

  async #find(name: string, scope: Scope, steps: number): Promise<Constant> {
    if (steps > LIMITS.steps) return 'computed in too many steps, or in a circle';
    for (let at: Scope | null = scope; at !== null; at = at.outer) {
      this.#lookups += 1;
      if (this.#lookups > LIMITS.lookups) {
        refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.lookups} scopes to look names up in`, 'more');
      }
      const passed = at.arguments.get(name);
      if (passed !== undefined && at.caller !== null) {
        return this.#find(passed, at.caller.scope, steps + 1);
      }
      const tensor = at.initializers.get(name);
      if (tensor !== undefined) return this.#tensor(tensor, name);
      const producer = at.producer(name);
      if (producer !== undefined) return this.#made(producer, producer.outputs.indexOf(name), steps + 1);
      const reason = at.unknown.get(name);
      if (reason !== undefined) return reason;
    }
    return name === '' ? 'left out' : 'nowhere in the file';
  }

  /** Every output of a node is looked into once. */
  async #made(node: OnnxNode, output: number, steps: number): Promise<Constant> {
    const outputs = this.#folded.get(node) ?? new Map<number, Constant>();
    this.#folded.set(node, outputs);
    const known = outputs.get(output);
    if (known !== undefined) return known;
    outputs.set(output, 'computed in a circle');
    const made = await this.#make(node, output, steps);
    outputs.set(output, made);
    return made;
  }

  async #make(node: OnnxNode, output: number, steps: number): Promise<Constant> {
    const call = this.#graph.callOf(node);
    if (call !== undefined) {
      const name = [...call.outputs][output];
      return name === undefined ? 'no output of the function' : this.#find(name, call, steps + 1);
    }
    const value = node.is('Constant') ? await this.value(node) : null;
    if (value !== null) return value;
    if (node.is('Identity')) return this.#find(node.inputs[0] ?? '', node.scope, steps);
    this.#loaded ??= await this.#imports.folding();
    const { foldNode, ruleOf } = this.#loaded;
    const rule = ruleOf(node);
    if (rule === undefined) return `computed by ${node.type.slice(0, 100)}`;
    const inputs: (ModelTensor | null)[] = [];
    for (const input of node.inputs) {
      const found = input === '' ? null : await this.#find(input, node.scope, steps);
      if (typeof found === 'string') return reasonThrough(node.type, input, found);
      inputs.push(found);
    }
    return foldNode(rule, { node, output, inputs, value: await this.value(node), file: this.#file });
  }

  async #tensor(message: Message, name: string): Promise<Constant> {
    const known = this.#known.get(message);
    if (known !== undefined) return known;
    const made = await this.#makeTensor(message, name);
    this.#known.set(message, made);
    return made;
  }

  async #makeTensor(message: Message, name: string): Promise<Constant> {
    const shape = message.integers(TENSOR.dims);
    const type = message.integer(TENSOR.type) ?? 0;
    const dtype = DTYPES[type];
    if (dtype === undefined) return `of ONNX's data type ${type}, which is not read`;
    if (message.ranges(TENSOR.segment).length > 0) return 'split into segments, which is not read';
    const place =
      message.integer(TENSOR.location) === EXTERNAL
        ? await this.#externalPlace(message, name)
        : internalPlace(this.#file, message, dtype);
    checkExtent(name, shape, dtype, place);
    return storedTensor(name, shape, dtype, place);
  }

  async #externalPlace(message: Message, name: string): Promise<TensorPlace> {
    const entries = new Map(
      message.messages(TENSOR.external).map((entry) => [entry.text(ENTRY.key), entry.text(ENTRY.value)]),
    );
    const file = await this.#external(entries.get('location') ?? '');
    const offset = readCount(name, 'offset', entries.get('offset') ?? '0');
    const given = entries.get('length');
    const length = given === undefined ? file.size - offset : readCount(name, 'length', given);
    return { file, ranges: [{ offset, length }], encoding: 'raw' };
  }
}

function internalPlace(file: ModelFile, message: Message, dtype: ModelDtype): TensorPlace {
  // Bytes of a field that should be there once: the last counts.
  const raw = message.ranges(TENSOR.raw).slice(-1);
  if (raw.length > 0) return { file, ranges: raw, encoding: 'raw' };
  if (dtype === 'float32') return { file, ranges: message.ranges(TENSOR.floats), encoding: 'raw' };
  if (dtype === 'float64') return { file, ranges: message.ranges(TENSOR.doubles), encoding: 'raw' };
  const field =
    dtype === 'int64'
      ? TENSOR.int64s
      : dtype.startsWith('uint') && /32|64/.test(dtype)
        ? TENSOR.uint64s
        : TENSOR.int32s;
  return { file, ranges: message.ranges(field), encoding: 'varints' };
}

/** A decimal number of an external tensor's description. */
function readCount(name: string, what: string, text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  return refuse('BAD_MODEL', 'readModel', `the ${what} of ${describe(name)} to be a whole number`, text);
}

/** Why what a node makes is no constant: because one of what it takes is none. */
function reasonThrough(type: string, input: string, reason: string): string {
  if (reason.startsWith('computed')) return reason;
  return `computed by ${type.slice(0, 100)} from ${describe(input)}, which is ${reason}`;
}
