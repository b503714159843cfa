// ONNX files as bytes, made of what a test says: the messages of onnx.proto by field number.

import { BinaryWriter } from '@bufbuild/protobuf/wire';

export type Write = (writer: BinaryWriter) => void;

export const message =
  (field: number, ...writes: readonly Write[]): Write =>
  (writer) => {
    const inner = new BinaryWriter();
    for (const write of writes) write(inner);
    writer.tag(field, 2).bytes(inner.finish());
  };
const text =
  (field: number, value: string): Write =>
  (writer) =>
    writer.tag(field, 2).string(value);
const integer =
  (field: number, value: number | bigint): Write =>
  (writer) =>
    writer.tag(field, 0).int64(value);
const data =
  (field: number, { buffer, byteOffset, byteLength }: ArrayBufferView): Write =>
  (writer) =>
    writer.tag(field, 2).bytes(new Uint8Array(buffer, byteOffset, byteLength));

export function writeBytes(write: Write): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

/** TensorProto.DataType. */
export const TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
} as const;

export type TensorType = keyof typeof TYPES;

/** The fields of a tensor whose bytes are in `raw_data`. */
function tensorFields(name: string, type: TensorType, dims: readonly number[], bytes: ArrayBufferView) {
  return [...dims.map((dim) => integer(1, dim)), integer(2, TYPES[type]), text(8, name), data(9, bytes)];
}

export function initializer(
  name: string,
  type: TensorType,
  dims: readonly number[],
  bytes: ArrayBufferView,
): Write {
  return message(5, ...tensorFields(name, type, dims, bytes));
}

/** A tensor of float32 whose bytes are in another file. */
export function external(name: string, dims: readonly number[], location: string, offset: number): Write {
  const entry = (key: string, value: string) => message(13, text(1, key), text(2, value));
  const length = 4 * dims.reduce((product, extent) => product * extent, 1);
  return message(
    5,
    ...dims.map((dim) => integer(1, dim)),
    integer(2, TYPES.float32),
    text(8, name),
    entry('location', location),
    entry('offset', `${offset}`),
    entry('length', `${length}`),
    integer(14, 1),
  );
}

/** A tensor whose numbers are in `int32_data`. */
export function listed(
  name: string,
  type: TensorType,
  dims: readonly number[],
  list: readonly number[],
): Write {
  const numbers: Write = (writer) => {
    const inner = new BinaryWriter();
    for (const value of list) inner.int32(value);
    writer.tag(5, 2).bytes(inner.finish());
  };
  return message(5, ...dims.map((dim) => integer(1, dim)), integer(2, TYPES[type]), text(8, name), numbers);
}

export const floats = (name: string, dims: readonly number[], values: ArrayLike<number>): Write =>
  initializer(name, 'float32', dims, Float32Array.from(values));
export const int64s = (name: string, values: readonly number[], dims = [values.length]): Write =>
  initializer(name, 'int64', dims, BigInt64Array.from(values, BigInt));

/** `omitted` is a zero as the third version of protobuf writes it, by its kind; `untyped` an integer that says none. */
export type Attribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly omitted: number }
  | { readonly untyped: number }
  | { readonly graph: readonly Write[] }
  | { readonly tensor: readonly Write[] }
  | { readonly reference: string };

/** The fields of a tensor in an attribute. */
export const tensorValue = (
  type: TensorType,
  dims: readonly number[],
  bytes: ArrayBufferView,
): Attribute => ({ tensor: tensorFields('', type, dims, bytes) });

function attribute(name: string, value: Attribute): Write {
  const of = (kind: number, ...writes: readonly Write[]) =>
    message(5, text(1, name), ...writes, integer(20, kind));
  if (typeof value === 'number') return of(2, integer(3, value));
  if (typeof value === 'string') return of(3, text(4, value));
  if ('float' in value) return of(1, (writer) => writer.tag(2, 5).float(value.float));
  if ('floats' in value) return of(6, data(7, Float32Array.from(value.floats)));
  if ('untyped' in value) return message(5, text(1, name), integer(3, value.untyped));
  if ('omitted' in value) return of(value.omitted);
  if ('graph' in value) return of(5, message(6, ...value.graph));
  if ('tensor' in value) return of(4, message(5, ...value.tensor));
  if ('reference' in value) return of(7, text(21, value.reference));
  return of(7, ...value.map((entry) => integer(8, entry)));
}

export function node(
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  domain = '',
): Write {
  return message(
    1,
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, type),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ...(domain === '' ? [] : [text(7, domain)]),
  );
}

/** A graph's input (field 11) or output (12): a tensor of the shape, of any if it is null. */
function value(
  field: number,
  name: string,
  shape: readonly (number | string)[] | null,
  type: TensorType,
): Write {
  const dim = (extent: number | string) =>
    message(1, typeof extent === 'string' ? text(2, extent) : integer(1, extent));
  const dims = shape === null ? [] : [message(2, ...shape.map(dim))];
  return message(field, text(1, name), message(2, message(1, integer(1, TYPES[type]), ...dims)));
}

/** An axis with a name is of any length. */
export const input = (
  name: string,
  shape: readonly (number | string)[] | null,
  type: TensorType = 'float32',
): Write => value(11, name, shape, type);
export const output = (name: string, type: TensorType = 'float32'): Write => value(12, name, null, type);

/** A function of the domain `own`, by its inputs, outputs and nodes. */
export function definition(
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  nodes: readonly Write[],
): Write {
  return message(
    25,
    text(1, name),
    ...inputs.map((word) => text(4, word)),
    ...outputs.map((word) => text(5, word)),
    // Nodes have another number in a function than in a graph.
    ...nodes.map(
      (write): Write =>
        (writer) => {
          const inner = new BinaryWriter();
          write(inner);
          const bytes = inner.finish();
          writer.tag(7, 2);
          writer.raw(bytes.subarray(1));
        },
    ),
    message(9, integer(2, 21)),
    message(9, text(1, 'own'), integer(2, 1)),
    text(10, 'own'),
  );
}

/** A model of the graph's parts. */
export function onnx(
  graph: readonly Write[],
  { opset = 21, functions = [] as readonly Write[], version = 10 } = {},
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  integer(1, version)(writer);
  message(7, text(2, 'g'), ...graph)(writer);
  message(8, integer(2, opset))(writer);
  for (const domain of ['com.microsoft', 'own']) message(8, text(1, domain), integer(2, 1))(writer);
  for (const write of functions) write(writer);
  return new Uint8Array(writer.finish());
}
