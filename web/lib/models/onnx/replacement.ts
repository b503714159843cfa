import { refuse } from '../../core/checks.js';
import { canEncode, decodeValues, encodeValues, type ModelDtype } from '../dtypes.js';
import type { ModelFile } from '../source.js';
import type { FileEdit } from '../tensor-content.js';
import { WIRE, WireReader } from '../wire-reader.js';
import { makerOf } from './constant-users.js';
import type { OnnxGraph, OnnxNode, Scope } from './graph.js';
import { DTYPES, GRAPH, MODEL, NODE, TENSOR, VALUE } from './schema.js';

/** Before this version every initializer had to be an input of the graph, too. */
const FREE_INITIALIZERS = 4;
/** Protobuf counts bytes in 31 bits. */
const LARGEST = 2 ** 31 - 1;

/** Names given to inputs, so that the same change gives the same file. */
const given = new WeakMap<OnnxNode, Map<number, string>>();

export { usersOf } from './constant-users.js';

/**
 * Gives an input of a node values of its own, as an initializer that is added at the end of the file: protobuf
 * merges a graph that comes in parts. The node takes it by a new name of the old one's length, so that all else
 * stays where and as it is, for whoever else uses what the node used.
 */
export async function replaceInput(
  input: NodeInput,
  shape: readonly number[],
  dtype: ModelDtype,
  values: Float32Array,
) {
  const { node, place, graph, file } = input;
  // A tensor of 16 bits that is widened is known by its own type, and the node takes the wider one.
  const maker = makerOf(input);
  const own = maker?.is('Cast')
    ? DTYPES[maker.integer('to') ?? 0]
    : maker?.is('CastLike')
      ? 'float32'
      : dtype;
  const type: ModelDtype = own !== undefined && canEncode(own) ? own : 'float32';
  const range = await nameRange(node, place, file);
  const names = given.get(node) ?? new Map<number, string>();
  given.set(node, names);
  const name =
    names.get(place) ??
    freshName(graph, range.length) ??
    refuse('UNSUPPORTED', 'patchModel', `a name of ${range.length} letters that is free`, 'none');
  names.set(place, name);
  const bytes = encodeValues(values, type);
  const added = initializer(name, shape, type, bytes, graph.version < FREE_INITIALIZERS);
  if (file.size + added.length > LARGEST) {
    refuse('TOO_LARGE', 'patchModel', `a file of at most ${LARGEST} bytes`, file.size + added.length);
  }
  const { location } = file;
  const edits: FileEdit[] = [
    { location, offset: range.offset, bytes: new TextEncoder().encode(name) },
    { location, offset: file.size, bytes: added, appended: true },
  ];
  return { edits, stored: Float32Array.from(decodeValues(bytes, type, values.length)) };
}

/** One input of a node, and where it stands. */
export interface NodeInput {
  readonly node: OnnxNode;
  readonly place: number;
  readonly graph: OnnxGraph;
  readonly file: ModelFile;
}

/** Names that mean something in a model, and those that were given to inputs of it. */
const takenNames = new WeakMap<OnnxGraph, Set<string>>();
const LETTERS = 'weightabcdfjklmnopqrsuvxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_';

/** A name of so many ASCII letters that nothing in the model has; null if all are taken. */
function freshName(graph: OnnxGraph, length: number): string | null {
  const taken = takenNames.get(graph) ?? new Set(graph.scopes.flatMap((scope) => [...namesOf(scope)]));
  takenNames.set(graph, taken);
  // One more than are taken is enough.
  const tries = Math.min(LETTERS.length ** Math.min(length, 4), taken.size + 1);
  for (let count = 0; count < tries; count += 1) {
    let [name, rest] = ['', count];
    for (let place = 0; place < length; place += 1) {
      name = LETTERS[rest % LETTERS.length] + name;
      rest = Math.floor(rest / LETTERS.length);
    }
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
  return null;
}

function* namesOf({ initializers, unknown, shapes, outputs, nodes }: Scope): Generator<string> {
  yield* initializers.keys();
  yield* unknown.keys();
  yield* shapes.keys();
  yield* outputs;
  for (const node of nodes) {
    yield* node.inputs;
    yield* node.outputs;
  }
}

/** Where the file has the name of a node's input. */
async function nameRange({ message }: OnnxNode, place: number, file: ModelFile) {
  const { offset, length } = message;
  const reader = new WireReader(await file.read('a node', offset, length, 'patchModel'));
  for (let seen = 0; !reader.ended; ) {
    const [field, wire] = reader.tag();
    if (field !== NODE.input || wire !== WIRE.bytes) {
      reader.skip(wire);
      continue;
    }
    const name = reader.bytes();
    if (seen === place) return { offset: offset + reader.position - name.length, length: name.length };
    seen += 1;
  }
  return refuse('BAD_MODEL', 'patchModel', 'the node as it was read', 'another one');
}

/** A part of the model that adds one initializer to its graph. */
function initializer(
  name: string,
  shape: readonly number[],
  dtype: ModelDtype,
  bytes: Uint8Array,
  asInput: boolean,
): Uint8Array {
  const type = Number(Object.entries(DTYPES).find(([, known]) => known === dtype)?.[0]);
  const text = new TextEncoder().encode(name);
  const tensor = [
    ...shape.map((extent) => number(TENSOR.dims, extent)),
    number(TENSOR.type, type),
    field(TENSOR.name, text),
    field(TENSOR.raw, bytes),
  ];
  const extents = shape.map((extent) => field(1, number(1, extent)));
  const described = field(VALUE.type, field(1, number(1, type), field(2, ...extents)));
  const parts = [field(GRAPH.initializer, ...tensor)];
  if (asInput) parts.push(field(GRAPH.input, field(VALUE.name, text), described));
  return field(MODEL.graph, ...parts);
}

function number(place: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(8 * place + WIRE.varint), ...varint(value)]);
}

function field(place: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [...varint(8 * place + WIRE.bytes), ...varint(length)];
  const result = new Uint8Array(head.length + length);
  result.set(head);
  let at = head.length;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
