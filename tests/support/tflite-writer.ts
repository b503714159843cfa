// TFLite files as bytes, made of what a test says: the tables of schema.fbs by the places of their fields.

/** A field: a number, what is written elsewhere and pointed at, or null for one that is left out. */
type Field = { readonly byte: number } | { readonly integer: number } | Reference | null;
type Reference = (file: FlatWriter) => number;

class FlatWriter {
  readonly bytes: number[] = [];

  align(size: number): void {
    while (this.bytes.length % size !== 0) this.bytes.push(0);
  }

  integer(value: number, size = 4): number {
    const at = this.bytes.length;
    for (let byte = 0; byte < size; byte += 1) this.bytes.push((value >> (8 * byte)) & 255);
    return at;
  }

  /** Puts what is pointed at behind everything, and the way to it into its place. */
  point(at: number, reference: Reference): void {
    const distance = reference(this) - at;
    for (let byte = 0; byte < 4; byte += 1) this.bytes[at + byte] = (distance >> (8 * byte)) & 255;
  }
}

const table =
  (fields: readonly Field[]): Reference =>
  (file) => {
    file.align(4);
    const start = file.integer(4 + 2 * fields.length, 2);
    file.integer(4 + 4 * fields.length, 2);
    for (const [index, field] of fields.entries()) file.integer(field === null ? 0 : 4 + 4 * index, 2);
    file.align(4);
    const at = file.integer(0);
    for (let byte = 0; byte < 4; byte += 1) file.bytes[at + byte] = ((at - start) >> (8 * byte)) & 255;
    const slots = fields.map((field) =>
      file.integer(
        typeof field === 'object' && field !== null ? ('byte' in field ? field.byte : field.integer) : 0,
      ),
    );
    for (const [index, field] of fields.entries()) {
      if (typeof field === 'function') file.point(slots[index] as number, field);
    }
    return at;
  };

const tables =
  (list: readonly Reference[]): Reference =>
  (file) => {
    file.align(4);
    const at = file.integer(list.length);
    const slots = list.map(() => file.integer(0));
    for (const [index, one] of list.entries()) file.point(slots[index] as number, one);
    return at;
  };

export const integers =
  (values: readonly number[]): Reference =>
  (file) => {
    file.align(4);
    const at = file.integer(values.length);
    for (const value of values) file.integer(value);
    return at;
  };

const data =
  (values: Uint8Array): Reference =>
  (file) => {
    file.align(16);
    for (let byte = 0; byte < 12; byte += 1) file.bytes.push(0);
    const at = file.integer(values.length);
    for (const value of values) file.bytes.push(value);
    // Ends a text; behind other data nobody looks.
    file.bytes.push(0);
    return at;
  };

const text = (value: string): Reference => data(new TextEncoder().encode(`${value}`));

export interface TensorPart {
  readonly name: string;
  readonly shape: readonly number[];
  /** Values of a constant. */
  readonly values?: Float32Array | Int32Array | Int8Array | Uint16Array;
  /** Below 0 where calls choose. */
  readonly signature?: readonly number[];
  /** Default: the type of the values, halves for 16 bits; float32 without. */
  readonly type?: number;
  readonly quantization?: {
    readonly scale: readonly number[];
    readonly zeroPoint: readonly number[];
    readonly axis?: number;
  };
}

/** TensorType, by the arrays of the values. */
const TYPES: Readonly<Record<string, number>> = {
  Float32Array: 0,
  Uint16Array: 1,
  Int32Array: 2,
  Int8Array: 9,
};

/** A vector of numbers of 8 bytes stands where its length is aligned to 4 and they to 8. */
const wide =
  (values: readonly number[]): Reference =>
  (file) => {
    while (file.bytes.length % 8 !== 4) file.bytes.push(0);
    const at = file.integer(values.length);
    for (const value of values) {
      file.integer(value);
      file.integer(value < 0 ? -1 : 0);
    }
    return at;
  };

const floats = (values: readonly number[]): Reference =>
  integers([...new Int32Array(Float32Array.from(values).buffer)]);

export interface OperatorPart {
  /** A number of BuiltinOperator, or the name of a custom operator. */
  readonly code: number | string;
  /** By name; an empty one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Fields of the options' table: `{ byte: 1 }`, `{ integer: 2 }`, `integers([1, 2])`. */
  readonly options?: readonly Field[];
  /** The number of BuiltinOptions, by which other readers know the table. */
  readonly kind?: number;
  /** A custom operator's own bytes, as int32. */
  readonly custom?: readonly number[];
}

/** What a float is written as. */
export const float = (value: number): Field => ({
  integer: new Int32Array(Float32Array.of(value).buffer)[0] as number,
});

const CUSTOM = 32;

/** By names of tensors; `signature` calls the inputs and outputs otherwise. */
export interface Ports {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly signature?: { readonly inputs: readonly string[]; readonly outputs: readonly string[] };
}

/** A model of one subgraph. */
export function tflite(
  tensors: readonly TensorPart[],
  operators: readonly OperatorPart[],
  { inputs, outputs, signature }: Ports = { inputs: [], outputs: [] },
): Uint8Array<ArrayBuffer> {
  const file = new FlatWriter();
  const root = file.integer(0);
  for (const letter of 'TFL3') file.bytes.push(letter.charCodeAt(0));
  const indexOf = (name: string) => tensors.findIndex((tensor) => tensor.name === name);
  const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const codes = operators.map(({ code }) =>
    typeof code === 'string'
      ? table([{ byte: CUSTOM }, text(code), null, { integer: CUSTOM }])
      : table([{ byte: Math.min(code, 127) }, null, null, { integer: code }]),
  );
  const buffers = [
    table([]),
    ...tensors.map(({ values }) => table(values === undefined ? [] : [data(bytesOf(values))])),
  ];
  const graph = table([
    tables(
      tensors.map(({ name, shape, values, type, quantization, signature }, index) =>
        table([
          integers(shape),
          { byte: type ?? TYPES[values?.constructor.name ?? ''] ?? 0 },
          { integer: values === undefined ? 0 : index + 1 },
          text(name),
          quantization === undefined
            ? null
            : table([
                null,
                null,
                floats(quantization.scale),
                wide(quantization.zeroPoint),
                null,
                null,
                { integer: quantization.axis ?? 0 },
              ]),
          null,
          null,
          signature === undefined ? null : integers(signature),
        ]),
      ),
    ),
    integers(inputs.map(indexOf)),
    integers(outputs.map(indexOf)),
    tables(
      operators.map(({ inputs, outputs, options, custom, kind }, index) =>
        table([
          { integer: index },
          integers(inputs.map(indexOf)),
          integers(outputs.map(indexOf)),
          kind === undefined ? null : { byte: kind },
          options === undefined ? null : table(options),
          custom === undefined ? null : data(bytesOf(Int32Array.from(custom))),
        ]),
      ),
    ),
  ]);
  const named = (names: readonly string[], ports: readonly string[]) =>
    tables(names.map((name, place) => table([text(name), { integer: indexOf(ports[place] as string) }])));
  const signatures =
    signature === undefined
      ? []
      : [table([named(signature.inputs, inputs), named(signature.outputs, outputs), text('main')])];
  file.point(
    root,
    table([
      { integer: 3 },
      tables(codes),
      tables([graph]),
      text('test'),
      tables(buffers),
      null,
      null,
      tables(signatures),
    ]),
  );
  return Uint8Array.from(file.bytes);
}
