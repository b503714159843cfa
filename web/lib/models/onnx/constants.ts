import { describe, refuse } from '../../core/checks.js';
import { LIMITS } from '../limits.js';
import type { ModelFile } from '../source.js';
import { checkExtent, type ModelDtype, ModelTensor, type TensorPlace } from '../tensor.js';
import type { Message } from '../wire.js';
import type { OnnxNode, Scope } from './graph.js';
import { ATTRIBUTE, DTYPES, ENTRY, TENSOR } from './schema.js';

/** Gives the file that a model names by a location. */
export type ExternalFiles = (location: string) => Promise<ModelFile>;

/** A constant, or why a name has none. */
export type Constant = ModelTensor | string;

const EXTERNAL = 1;

/** Finds the constants behind names: initializers, and what nodes make of nothing but constants. */
export class Constants {
  readonly #file: ModelFile;
  readonly #external: ExternalFiles;
  readonly #known = new Map<Message, Constant>();
  #lookups = 0;

  constructor(file: ModelFile, external: ExternalFiles) {
    this.#file = file;
    this.#external = external;
  }

  /** Those that were asked for. */
  tensors(): ModelTensor[] {
    return [...this.#known.values()].filter((found) => typeof found === 'object');
  }

  /** Follows a name to its constant, through what leaves values as they are. */
  async find(name: string, scope: Scope, steps = 0): Promise<Constant> {
    if (steps > LIMITS.steps) return 'computed in too many steps, or in a circle';
    for (let at: Scope | null = scope; at !== null; at = at.outer) {
      this.#lookups += 1;
      if (this.#lookups > LIMITS.lookups) {
        refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.lookups} scopes to look names up in`, 'more');
      }
      const passed = at.arguments.get(name);
      if (passed !== undefined && at.caller !== null) {
        return this.find(passed, at.caller.scope, steps + 1);
      }
      const tensor = at.initializers.get(name);
      if (tensor !== undefined) return this.#tensor(tensor, name);
      const producer = at.producer(name);
      if (producer !== undefined) return this.#made(producer, name, steps + 1);
      const reason = at.unknown.get(name);
      if (reason !== undefined) return reason;
    }
    return name === '' ? 'left out' : 'nowhere in the file';
  }

  async #made(node: OnnxNode, name: string, steps: number): Promise<Constant> {
    const { type, scope } = node;
    const [first = ''] = node.inputs;
    if (node.domain !== '') return computedBy(type);
    if (type === 'Identity') return this.find(first, scope, steps);
    if (type === 'Constant') {
      const value = node.attribute('value')?.message(ATTRIBUTE.tensor);
      if (value !== undefined) return this.#tensor(value, value.text(TENSOR.name) || name);
      const ranges = node.attribute('value_floats')?.ranges(ATTRIBUTE.floats) ?? [];
      if (ranges.length === 0) return 'a constant of another kind than a tensor';
      const place: TensorPlace = { file: this.#file, ranges, encoding: 'raw' };
      const count = ranges.reduce((sum, { length }) => sum + length, 0) / 4;
      checkExtent(name, [count], 'float32', place);
      return new ModelTensor(name, [count], 'float32', place);
    }
    if (type === 'Cast') {
      const source = await this.find(first, scope, steps);
      if (typeof source === 'string') return source;
      const target = DTYPES[node.integer('to') ?? 0];
      const exact = target === 'float32' || target === 'float64' || target === source.dtype;
      return exact && source.dtype.includes('float') ? source : `cast from ${source.dtype} to ${target}`;
    }
    if (type === 'DequantizeLinear') return this.#dequantized(node, name, steps);
    return computedBy(type);
  }

  async #dequantized(node: OnnxNode, name: string, steps: number): Promise<Constant> {
    const { scope } = node;
    const [x = '', s = '', z = ''] = node.inputs;
    const source = await this.find(x, scope, steps);
    if (typeof source === 'string') return source;
    const scale = await this.find(s, scope, steps);
    if (typeof scale === 'string') return `quantized with a scale that is ${scale}`;
    const zero = z === '' ? null : await this.find(z, scope, steps);
    if (typeof zero === 'string') return `quantized with a zero point that is ${zero}`;
    if ((node.integer('block_size') ?? 0) !== 0) {
      return 'quantized in blocks, which is not read';
    }
    const rank = source.shape.length;
    const given = node.integer('axis') ?? 1;
    const count = scale.shape.reduce((product, extent) => product * extent, 1);
    const axis = count === 1 ? 0 : given < 0 ? given + rank : given;
    if (source.quantization !== null || (count !== 1 && source.shape[axis] !== count)) {
      return `quantized with ${count} scales, which do not fit its shape [${source.shape.join(', ')}]`;
    }
    const zeroPoint = zero === null ? Float32Array.of(0) : (await zero.read()).data;
    if (zeroPoint.length !== 1 && zeroPoint.length !== count) {
      return `quantized with ${count} scales and ${zeroPoint.length} zero points`;
    }
    const quantization = { axis, scale: (await scale.read()).data, zeroPoint };
    return new ModelTensor(source.name || name, source.shape, source.dtype, source.place, quantization);
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
    return new ModelTensor(name, shape, dtype, place);
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

function computedBy(type: string): string {
  return `computed by ${type.slice(0, 100)} and no constant`;
}
