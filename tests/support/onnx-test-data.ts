// onnx's own tests, which Debian packages: models of single operators with tensors that go in and come out.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { message, type Write, writeBytes } from './onnx-writer.js';

const ROOT = '/usr/share/libonnx-testdata/data';
/** Operators alone, and layers as PyTorch exports them. */
const FOLDERS = ['node', 'pytorch-converted', 'pytorch-operator', 'simple'];

/** Values of a TensorProto. */
export interface StoredTensor {
  readonly name: string;
  /** TensorProto.DataType. */
  readonly type: number;
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly bytes: Uint8Array;
}

export interface OnnxTest {
  readonly name: string;
  readonly model: Uint8Array<ArrayBuffer>;
  readonly inputs: readonly StoredTensor[];
  readonly outputs: readonly StoredTensor[];
  /** Types of its nodes. */
  readonly operators: readonly string[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

/** Tests whose models have nodes of these operators and no others; null where the package is not installed. */
export function onnxTests(operators: ReadonlySet<string>): OnnxTest[] | null {
  if (!existsSync(ROOT)) return null;
  return FOLDERS.flatMap((folder) =>
    readdirSync(path.join(ROOT, folder)).map((name) => path.join(folder, name)),
  )
    .sort()
    .flatMap((name) => {
      const model = bytesOf(path.join(ROOT, name, 'model.onnx'));
      const graph = fieldsOf(fieldsOf(model).get(7)?.[0] as Uint8Array);
      const types = (graph.get(1) ?? []).map((node) => textOf(node as Uint8Array, 4));
      if (types.length === 0 || !types.every((type) => operators.has(type))) return [];
      const folder = path.join(ROOT, name, 'test_data_set_0');
      const tensors = (kind: string) => {
        const count = readdirSync(folder).filter((file) => file.startsWith(kind)).length;
        return Array.from({ length: count }, (_, at) =>
          tensorOf(bytesOf(path.join(folder, `${kind}_${at}.pb`))),
        );
      };
      return {
        name,
        model,
        inputs: tensors('input'),
        outputs: tensors('output'),
        operators: types,
        outputNames: (graph.get(12) ?? []).map((port) => textOf(port as Uint8Array, 1)),
        inputNames: (graph.get(11) ?? []).map((port) => textOf(port as Uint8Array, 1)),
      };
    });
}

/** The model with a tensor as the constant that an input of it is. */
export function withInitializers(
  model: Uint8Array,
  tensors: readonly { readonly name: string; readonly tensor: StoredTensor }[],
): Uint8Array<ArrayBuffer> {
  const raw =
    (bytes: Uint8Array): Write =>
    (writer) =>
      writer.raw(bytes);
  const parts = tensors.map(({ name, tensor }) =>
    message(5, raw(tensor.bytes), (writer) => writer.tag(8, 2).string(name)),
  );
  // Protobuf merges a graph that comes twice.
  return new Uint8Array(Buffer.concat([model, writeBytes(message(7, ...parts))]));
}

function bytesOf(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(file));
}

function fieldsOf(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const fields = new Map<number, (Uint8Array | number)[]>();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const list = fields.get(field) ?? [];
    fields.set(field, list);
    if (wire === 2) list.push(reader.bytes());
    else if (wire === 0) list.push(Number(reader.int64()));
    else if (wire === 5) list.push(reader.float());
    else reader.skip(wire);
  }
  return fields;
}

function textOf(bytes: Uint8Array, field: number): string {
  const [text] = fieldsOf(bytes).get(field) ?? [];
  return text === undefined ? '' : new TextDecoder().decode(text as Uint8Array);
}

function tensorOf(bytes: Uint8Array): StoredTensor {
  const fields = fieldsOf(bytes);
  const packed = (list: readonly (Uint8Array | number)[]) =>
    list.flatMap((one) => {
      if (typeof one === 'number') return [one];
      const reader = new BinaryReader(one);
      const values: number[] = [];
      while (reader.pos < reader.len) values.push(Number(reader.int64()));
      return values;
    });
  const shape = packed(fields.get(1) ?? []);
  const type = (fields.get(2)?.[0] as number | undefined) ?? 0;
  const raw = fields.get(9)?.[0] as Uint8Array | undefined;
  return { name: textOf(bytes, 8), type, shape, data: valuesOf(fields, type, raw, packed), bytes };
}

function valuesOf(
  fields: ReadonlyMap<number, (Uint8Array | number)[]>,
  type: number,
  raw: Uint8Array | undefined,
  packed: (list: readonly (Uint8Array | number)[]) => number[],
): readonly number[] {
  const floats = fields.get(4)?.[0];
  if (raw === undefined && type === 1 && floats instanceof Uint8Array) {
    return [...new Float32Array(floats.slice().buffer)];
  }
  if (raw === undefined) {
    const listed = packed(fields.get(type === 7 ? 7 : 5) ?? []);
    return type === 10 ? listed.map(halfOf) : type === 16 ? listed.map(bfloatOf) : listed;
  }
  const { buffer } = raw.slice();
  const kinds: Record<number, () => ArrayLike<number | bigint>> = {
    1: () => new Float32Array(buffer),
    2: () => new Uint8Array(buffer),
    3: () => new Int8Array(buffer),
    4: () => new Uint16Array(buffer),
    5: () => new Int16Array(buffer),
    6: () => new Int32Array(buffer),
    7: () => new BigInt64Array(buffer),
    9: () => new Uint8Array(buffer),
    10: () => Array.from(new Uint16Array(buffer), halfOf),
    16: () =>
      Array.from(
        new Uint16Array(buffer),
        (bits) => new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? 0,
      ),
    11: () => new Float64Array(buffer),
    12: () => new Uint32Array(buffer),
    13: () => new BigUint64Array(buffer),
  };
  return Array.from(kinds[type]?.() ?? [], Number);
}

function halfOf(bits: number): number {
  const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15);
  return (
    (bits & 0x8000 ? -1 : 1) * (exponent < 31 ? size : mantissa === 0 ? Number.POSITIVE_INFINITY : Number.NaN)
  );
}

export function bfloatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] as number;
}
