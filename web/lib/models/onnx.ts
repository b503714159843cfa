import type { Geometry } from '../convert/converted-layer.js';
import { fromOnnx } from '../convert/index.js';
import { type OnnxConvTransposeAttributes, onnxGeometry } from '../convert/onnx.js';
import { describe, refuse } from '../core/checks.js';
import { biasProblem, checkLayerCount, isResampling, ModelLayer, tryGeometry } from './layer.js';
import { LIMITS } from './limits.js';
import type { ModelFile } from './source.js';
import { checkExtent, type ModelDtype, ModelTensor, type TensorPlace } from './tensor.js';
import { type Message, readMessage, type Schema } from './wire.js';

// The messages of onnx.proto (IR version 13) by field number, as far as they matter here.
const MODEL = { producer: 2, graph: 7, functions: 25 } as const;
const GRAPH = { node: 1, initializer: 5, input: 11, valueInfo: 13, sparse: 15 } as const;
const NODE = { input: 1, output: 2, name: 3, type: 4, attribute: 5, domain: 7, overload: 8 } as const;
const ATTRIBUTE = {
  name: 1,
  float: 2,
  integer: 3,
  text: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  integers: 8,
  graphs: 11,
  reference: 21,
} as const;
const TENSOR = {
  dims: 1,
  type: 2,
  segment: 3,
  floats: 4,
  int32s: 5,
  int64s: 7,
  name: 8,
  raw: 9,
  doubles: 10,
  uint64s: 11,
  external: 13,
  location: 14,
} as const;
const FUNCTION = { name: 1, input: 4, node: 7, domain: 10, defaults: 11, overload: 13 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const VALUE = { name: 1, type: 2 } as const;

const entrySchema: Schema = { [ENTRY.key]: 'text', [ENTRY.value]: 'text' };
const tensorSchema: Schema = {
  [TENSOR.dims]: 'integer',
  [TENSOR.type]: 'integer',
  [TENSOR.segment]: 'data',
  [TENSOR.floats]: 'data',
  [TENSOR.int32s]: 'data',
  [TENSOR.int64s]: 'data',
  [TENSOR.name]: 'text',
  [TENSOR.raw]: 'data',
  [TENSOR.doubles]: 'data',
  [TENSOR.uint64s]: 'data',
  [TENSOR.external]: () => entrySchema,
  [TENSOR.location]: 'integer',
};
const attributeSchema: Schema = {
  [ATTRIBUTE.name]: 'text',
  [ATTRIBUTE.float]: 'float',
  [ATTRIBUTE.integer]: 'integer',
  [ATTRIBUTE.text]: 'text',
  [ATTRIBUTE.tensor]: () => tensorSchema,
  [ATTRIBUTE.graph]: () => graphSchema,
  [ATTRIBUTE.floats]: 'data',
  [ATTRIBUTE.integers]: 'integer',
  [ATTRIBUTE.graphs]: () => graphSchema,
  [ATTRIBUTE.reference]: 'text',
};
const nodeSchema: Schema = {
  [NODE.input]: 'text',
  [NODE.output]: 'text',
  [NODE.name]: 'text',
  [NODE.type]: 'text',
  [NODE.attribute]: () => attributeSchema,
  [NODE.domain]: 'text',
  [NODE.overload]: 'text',
};
// TypeProto > Tensor > TensorShapeProto > Dimension: each time field 1 or 2.
const dimensionSchema: Schema = { 1: 'integer' };
const shapeSchema: Schema = { 1: () => dimensionSchema };
const tensorTypeSchema: Schema = { 2: () => shapeSchema };
const typeSchema: Schema = { 1: () => tensorTypeSchema };
const valueSchema: Schema = { [VALUE.name]: 'text', [VALUE.type]: () => typeSchema };
const sparseSchema: Schema = { 1: () => tensorSchema };
const graphSchema: Schema = {
  [GRAPH.node]: () => nodeSchema,
  [GRAPH.initializer]: () => tensorSchema,
  [GRAPH.input]: () => valueSchema,
  [GRAPH.valueInfo]: () => valueSchema,
  [GRAPH.sparse]: () => sparseSchema,
};
const functionSchema: Schema = {
  [FUNCTION.name]: 'text',
  [FUNCTION.input]: 'text',
  [FUNCTION.node]: () => nodeSchema,
  [FUNCTION.domain]: 'text',
  [FUNCTION.defaults]: () => attributeSchema,
  [FUNCTION.overload]: 'text',
};
const modelSchema: Schema = {
  [MODEL.producer]: 'text',
  [MODEL.graph]: () => graphSchema,
  [MODEL.functions]: () => functionSchema,
};

/** TensorProto.DataType, by its numbers; those missing hold no weights that we could read. */
const DTYPES: Readonly<Record<number, ModelDtype>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
  21: 'uint4',
  22: 'int4',
};

const EXTERNAL = 1;
const CONVOLUTIONS = ['Conv', 'ConvTranspose'] as const;

/** Gives the file that a model names by a location that is already checked. */
export type ExternalFiles = (location: string) => Promise<ModelFile>;

/** What a reader of a format gives. */
export interface FileContents {
  readonly layers: readonly ModelLayer[];
  readonly tensors: readonly ModelTensor[];
  readonly producer: string;
}

export async function readOnnx(
  file: ModelFile,
  external: ExternalFiles,
  all: boolean,
): Promise<FileContents> {
  const model = await readMessage(file, modelSchema);
  // One, but protobuf lets a message come in parts.
  const graphs = model.messages(MODEL.graph);
  if (graphs.length === 0) {
    refuse(
      'BAD_MODEL',
      'readModel',
      'an ONNX model, with a graph',
      'a file without',
      'Is it another format?',
    );
  }
  const walk = new Walk(file, external, model.messages(MODEL.functions), all);
  const scope = new Scope(null, walk.spend);
  for (const graph of graphs) scope.addGraph(graph);
  for (const graph of graphs) await walk.visit(graph.messages(GRAPH.node), scope, '');
  return { layers: walk.layers, tensors: walk.tensors(), producer: model.text(MODEL.producer) };
}

/** The names that a graph's nodes see: its own, then those of the graphs around it. */
class Scope {
  readonly outer: Scope | null;
  readonly tensors = new Map<string, Message>();
  readonly makers = new Map<string, Message>();
  /** Inputs of a function's call, which are names where it was called. */
  readonly arguments = new Map<string, { readonly name: string; readonly scope: Scope }>();
  readonly unknown = new Map<string, string>();
  readonly shapes = new Map<string, readonly number[]>();
  /** Attributes of a function's call. */
  attributes: ReadonlyMap<string, Message> = new Map();

  readonly #spend: (entries: number) => void;

  /** `spend` bounds the work: a small file can have its functions called very often. */
  constructor(outer: Scope | null, spend: (entries: number) => void) {
    this.outer = outer;
    this.#spend = spend;
  }

  addGraph(graph: Message): void {
    const inputs = graph.messages(GRAPH.input);
    const values = [...inputs, ...graph.messages(GRAPH.valueInfo)];
    const initializers = graph.messages(GRAPH.initializer);
    const sparses = graph.messages(GRAPH.sparse);
    this.#spend(values.length + inputs.length + initializers.length + sparses.length);
    for (const value of values) {
      const dims = value.message(VALUE.type)?.message(1)?.message(2)?.messages(1) ?? [];
      this.#spend(dims.length);
      const shape = dims.map((dim) => dim.integer(1) ?? 0);
      this.shapes.set(value.text(VALUE.name), shape);
    }
    for (const input of inputs) this.unknown.set(input.text(VALUE.name), 'an input of the model');
    for (const tensor of initializers) this.tensors.set(tensor.text(TENSOR.name), tensor);
    for (const sparse of sparses) {
      this.unknown.set(sparse.message(1)?.text(TENSOR.name) ?? '', 'a sparse tensor');
    }
    this.addNodes(graph.messages(GRAPH.node));
  }

  addNodes(nodes: readonly Message[]): void {
    for (const node of nodes) {
      const outputs = node.texts(NODE.output);
      this.#spend(1 + outputs.length);
      for (const output of outputs) this.makers.set(output, node);
    }
  }
}

/** A constant, or why a name has none. */
type Constant = ModelTensor | string;

class Walk {
  readonly layers: ModelLayer[] = [];
  readonly #file: ModelFile;
  readonly #external: ExternalFiles;
  readonly #functions = new Map<string, Message>();
  readonly #all: boolean;
  readonly #known = new Map<Message, ModelTensor | string>();
  readonly #running = new Set<Message>();
  #names = 0;
  #lookups = 0;

  constructor(file: ModelFile, external: ExternalFiles, functions: readonly Message[], all: boolean) {
    this.#file = file;
    this.#external = external;
    this.#all = all;
    for (const one of functions) {
      const [domain, name, overload] = [FUNCTION.domain, FUNCTION.name, FUNCTION.overload].map((field) =>
        one.text(field),
      );
      this.#functions.set(JSON.stringify([domain, name, overload]), one);
    }
  }

  readonly spend = (entries: number): void => {
    this.#names += entries;
    if (this.#names <= LIMITS.names) return;
    refuse(
      'BAD_MODEL',
      'readModel',
      `at most ${LIMITS.names} names and nodes, those of functions at every call`,
      'more',
    );
  };

  async visit(nodes: readonly Message[], scope: Scope, prefix: string): Promise<void> {
    for (const [index, node] of nodes.entries()) {
      this.spend(1 + node.messages(NODE.attribute).length);
      const [type, domain] = [node.text(NODE.type), node.text(NODE.domain)];
      const name = (node.text(NODE.name) || node.texts(NODE.output)[0] || `${type}_${index}`).slice(0, 1000);
      const title = prefix + name;
      const called = this.#functions.get(JSON.stringify([domain, type, node.text(NODE.overload)]));
      if (called !== undefined) {
        await this.#call(called, node, scope, title);
      } else if (isStandard(domain) && (type === 'Conv' || type === 'ConvTranspose')) {
        await this.#addLayer(node, type, scope, title);
      }
      for (const attribute of node.messages(NODE.attribute)) {
        for (const graph of [
          ...attribute.messages(ATTRIBUTE.graph),
          ...attribute.messages(ATTRIBUTE.graphs),
        ]) {
          const inner = new Scope(scope, this.spend);
          inner.attributes = scope.attributes;
          inner.addGraph(graph);
          await this.visit(
            graph.messages(GRAPH.node),
            inner,
            nested(`${title}/${attribute.text(ATTRIBUTE.name)}`),
          );
        }
      }
    }
  }

  /** Functions are read at every call: what their inputs are is known only there. */
  async #call(called: Message, node: Message, scope: Scope, title: string): Promise<void> {
    if (this.#running.has(called)) {
      refuse('BAD_MODEL', 'readModel', 'functions that do not call themselves', title);
    }
    const [parameters, defaults, nodes] = [
      called.texts(FUNCTION.input),
      called.messages(FUNCTION.defaults),
      called.messages(FUNCTION.node),
    ];
    this.spend(parameters.length + defaults.length);
    const inner = new Scope(null, this.spend);
    for (const [index, parameter] of parameters.entries()) {
      const name = node.texts(NODE.input)[index];
      if (name !== undefined) inner.arguments.set(parameter, { name, scope });
      else inner.unknown.set(parameter, 'an input that the call leaves out');
    }
    const attributes = new Map<string, Message>();
    for (const given of [...defaults, ...node.messages(NODE.attribute)]) {
      attributes.set(given.text(ATTRIBUTE.name), dereferenced(given, scope) ?? given);
    }
    inner.attributes = attributes;
    inner.addNodes(nodes);
    this.#running.add(called);
    await this.visit(nodes, inner, nested(title));
    this.#running.delete(called);
  }

  async #addLayer(
    node: Message,
    operator: (typeof CONVOLUTIONS)[number],
    scope: Scope,
    name: string,
  ): Promise<void> {
    const transposed = operator === 'ConvTranspose';
    const [x = '', w = '', b = ''] = node.texts(NODE.input);
    const weight = await this.#resolve(w, scope);
    let problem = weight instanceof ModelTensor ? null : `its weight ${describe(w)} is ${weight}`;
    let geometry: Geometry | null = null;
    let attributes: OnnxConvTransposeAttributes = {};
    if (weight instanceof ModelTensor) {
      const { shape } = weight;
      attributes = readAttributes(node, scope, transposed, shape.length - 2);
      const tried = tryGeometry(() =>
        onnxGeometry(`readModel ${describe(name)}`, operator, attributes, shape),
      );
      ({ geometry, problem } = tried);
    }
    // Without a weight, the attributes still say whether it resamples.
    if (!this.#all && geometry === null && !transposed) {
      const strides = readAttributes(node, scope, false, 0).strides ?? [];
      if (strides.every((stride) => stride === 1)) return;
    }
    if (!this.#all && !isResampling(geometry, transposed)) return;
    const bias = b === '' ? null : await this.#resolve(b, scope);
    if (typeof bias === 'string') problem ??= `its bias ${describe(b)} is ${bias}`;
    const biasTensor = bias instanceof ModelTensor ? bias : null;
    problem ??= biasProblem(biasTensor, geometry);
    checkLayerCount(this.layers.length + 1);
    const shape = scope.shapes.get(x) ?? [];
    const extents = shape.slice(2);
    const rank = geometry?.stride.length;
    this.layers.push(
      new ModelLayer({
        name,
        operator,
        input: x,
        output: node.texts(NODE.output)[0] ?? '',
        transposed,
        weight: weight instanceof ModelTensor ? weight : null,
        bias: biasTensor,
        inputExtents: extents.length === rank && extents.every((extent) => extent > 0) ? extents : null,
        problem,
        geometry,
        build: (parameters, options) => fromOnnx(operator, attributes, parameters, options),
      }),
    );
  }

  /** Follows a name to its constant, through what leaves values as they are. */
  async #resolve(name: string, scope: Scope, steps = 0): Promise<Constant> {
    if (steps > LIMITS.steps) return 'computed in too many steps, or in a circle';
    for (let at: Scope | null = scope; at !== null; at = at.outer) {
      this.#lookups += 1;
      if (this.#lookups > LIMITS.lookups) {
        refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.lookups} scopes to look names up in`, 'more');
      }
      const passed = at.arguments.get(name);
      if (passed !== undefined) return this.#resolve(passed.name, passed.scope, steps + 1);
      const tensor = at.tensors.get(name);
      if (tensor !== undefined) return this.#tensor(tensor, name);
      const maker = at.makers.get(name);
      if (maker !== undefined) return this.#resolveNode(maker, name, at, steps + 1);
      const reason = at.unknown.get(name);
      if (reason !== undefined) return reason;
    }
    return name === '' ? 'left out' : 'nowhere in the file';
  }

  async #resolveNode(node: Message, name: string, scope: Scope, steps: number): Promise<Constant> {
    const type = node.text(NODE.type);
    const [first = ''] = node.texts(NODE.input);
    if (!isStandard(node.text(NODE.domain))) return computedBy(type);
    if (type === 'Identity') return this.#resolve(first, scope, steps);
    if (type === 'Constant') {
      const value = attributeOf(node, scope, 'value')?.message(ATTRIBUTE.tensor);
      if (value !== undefined) return this.#tensor(value, value.text(TENSOR.name) || name);
      const ranges = attributeOf(node, scope, 'value_floats')?.ranges(ATTRIBUTE.floats) ?? [];
      if (ranges.length === 0) return 'a constant of another kind than a tensor';
      const place: TensorPlace = { file: this.#file, ranges, encoding: 'raw' };
      const count = ranges.reduce((sum, { length }) => sum + length, 0) / 4;
      checkExtent(name, [count], 'float32', place);
      return new ModelTensor(name, [count], 'float32', place);
    }
    if (type === 'Cast') {
      const source = await this.#resolve(first, scope, steps);
      if (typeof source === 'string') return source;
      const target = DTYPES[attributeOf(node, scope, 'to')?.integer(ATTRIBUTE.integer) ?? 0];
      const exact = target === 'float32' || target === 'float64' || target === source.dtype;
      return exact && source.dtype.includes('float') ? source : `cast from ${source.dtype} to ${target}`;
    }
    if (type === 'DequantizeLinear') return this.#dequantized(node, name, scope, steps);
    return computedBy(type);
  }

  async #dequantized(node: Message, name: string, scope: Scope, steps: number): Promise<Constant> {
    const [x = '', s = '', z = ''] = node.texts(NODE.input);
    const source = await this.#resolve(x, scope, steps);
    if (typeof source === 'string') return source;
    const scale = await this.#resolve(s, scope, steps);
    if (typeof scale === 'string') return `quantized with a scale that is ${scale}`;
    const zero = z === '' ? null : await this.#resolve(z, scope, steps);
    if (typeof zero === 'string') return `quantized with a zero point that is ${zero}`;
    if ((attributeOf(node, scope, 'block_size')?.integer(ATTRIBUTE.integer) ?? 0) !== 0) {
      return 'quantized in blocks, which is not read';
    }
    const rank = source.shape.length;
    const given = attributeOf(node, scope, 'axis')?.integer(ATTRIBUTE.integer) ?? 1;
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

  /** Constants that convolutions were found to use. */
  tensors(): ModelTensor[] {
    return [...this.#known.values()].filter((found) => found instanceof ModelTensor);
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

/** The words of the attributes that `fromOnnx` knows, with ONNX's types. */
function readAttributes(
  node: Message,
  scope: Scope,
  transposed: boolean,
  rank: number,
): OnnxConvTransposeAttributes {
  const lists = ['strides', 'dilations', 'kernel_shape', 'pads'];
  if (transposed) lists.push('output_padding', 'output_shape');
  const result: Record<string, unknown> = {};
  for (const name of lists) {
    const list = attributeOf(node, scope, name)?.integers(ATTRIBUTE.integers) ?? [];
    if (list.length > 0) result[name] = list.slice(0, 16);
  }
  const group = attributeOf(node, scope, 'group')?.integer(ATTRIBUTE.integer);
  if (group !== undefined) result.group = group;
  const autoPad = attributeOf(node, scope, 'auto_pad')?.text(ATTRIBUTE.text);
  if (autoPad !== undefined && autoPad !== '') result.auto_pad = autoPad;
  // Exporters write zeros beside the words; whoever runs the model goes by the words.
  if (autoPad !== undefined && autoPad !== 'NOTSET') delete result.pads;
  // Some write batch and channels too.
  const sizes = result.output_shape as number[] | undefined;
  if (sizes?.length === rank + 2) result.output_shape = sizes.slice(2);
  return result as OnnxConvTransposeAttributes;
}

function attributeOf(node: Message, scope: Scope, name: string): Message | undefined {
  const found = node.messages(NODE.attribute).find((attribute) => attribute.text(ATTRIBUTE.name) === name);
  return found === undefined ? undefined : dereferenced(found, scope);
}

/** An attribute of a function's node may be one of the call's; undefined if that has none. */
function dereferenced(attribute: Message, scope: Scope): Message | undefined {
  const reference = attribute.text(ATTRIBUTE.reference);
  return reference === '' ? attribute : scope.attributes.get(reference);
}

function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

function computedBy(type: string): string {
  return `computed by ${type.slice(0, 100)} and no constant`;
}

/** Names of what is inside, however deep, stay short enough to read. */
function nested(title: string): string {
  return `${title.length > 1000 ? `…${title.slice(-1000)}` : title}/`;
}
