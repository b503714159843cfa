import { checkOptions, describe, fault, refuse, shapeText } from '../core/checks.js';
import { givesState } from '../core/foreign.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { product } from '../core/lists.js';
import { isRecord, memberOf, typedArrayKind } from '../core/realms.js';
import { checkArray, checkShape, dataOf, shapeOf, type Tensor } from '../core/tensor.js';

/** Values as a safetensors file can hold them: what the array's type says, or the `dtype` of 16-bit patterns. */
export type SafetensorsValue =
  | (Tensor & { readonly dtype?: undefined })
  | HalfTensor
  | {
      readonly data:
        | Float64Array
        | BigInt64Array
        | BigUint64Array
        | Int32Array
        | Uint32Array
        | Int16Array
        | Uint16Array
        | Int8Array;
      readonly shape: readonly number[];
      readonly dtype?: undefined;
    }
  | {
      readonly data: Uint8Array;
      readonly shape: readonly number[];
      /** Where they are 0 and 1. */
      readonly dtype?: 'bool' | undefined;
    };

/** Options of {@link writeSafetensors}. */
export interface WriteSafetensorsOptions {
  /** Text by name, as `__metadata__` keeps it; transformers wants `{ format: 'pt' }`. Default: none. */
  readonly metadata?: Readonly<Record<string, string>> | null;
}

const DTYPES: Readonly<Record<string, string>> = {
  Float64Array: 'F64',
  Float32Array: 'F32',
  Float16Array: 'F16',
  BigInt64Array: 'I64',
  BigUint64Array: 'U64',
  Int32Array: 'I32',
  Uint32Array: 'U32',
  Int16Array: 'I16',
  Uint16Array: 'U16',
  Int8Array: 'I8',
  Uint8Array: 'U8',
};

/** The library writes the widest first, so that every tensor begins at a multiple of its own size. */
const ORDER = ['U64', 'I64', 'F64', 'F32', 'U32', 'I32', 'BF16', 'F16', 'U16', 'I16', 'I8', 'U8', 'BOOL'];

interface Entry {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * A safetensors file of the tensors, byte for byte what the safetensors library writes: by falling size of the
 * dtype, then by name, the header padded with spaces to a multiple of 8 bytes.
 *
 * @throws {DeconvError} `BAD_TYPE`, `BAD_OPTION`, `BAD_SHAPE`, `BAD_BUFFER`, `OUT_OF_MEMORY`
 *
 * @example
 * const up = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4, stride: 2, seed: 1 });
 * const file = writeSafetensors(up.stateDict(), { metadata: { format: 'pt' } });
 * const { tensors } = await readModel(file);
 * console.log(tensors.map(({ name, dtype }) => `${name} ${dtype}`).join(', ')); // bias float32, weight float32
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, SafetensorsValue>>,
  options: WriteSafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const where = 'writeSafetensors';
  const { metadata } = checkOptions<WriteSafetensorsOptions>(where, options, ['metadata']);
  // A chain and a promise have no fields: the file would be empty.
  const isAsked = givesState(tensors);
  if (isAsked || !isRecord(tensors) || Symbol.iterator in tensors) {
    const advice = isAsked
      ? 'Pass its stateDict(), awaited where it is of a file.'
      : 'Object.fromEntries(…) makes one of a Map.';
    refuse('BAD_TYPE', where, 'an object of tensors by name', tensors, advice);
  }
  const entries = Object.entries(tensors).map(([name, tensor]) => readEntry(where, name, tensor));
  entries.sort(
    (a, b) => ORDER.indexOf(a.dtype) - ORDER.indexOf(b.dtype) || compareBytes(a.nameBytes, b.nameBytes),
  );
  let offset = 0;
  const fields = entries.map(({ name, dtype, shape, bytes }) => {
    const begin = offset;
    offset += bytes.length;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, offset] })}`;
  });
  if (metadata !== undefined && metadata !== null) fields.unshift(metadataField(where, metadata));
  const text = new TextEncoder().encode(`{${fields.join()}}`);
  const header = Math.ceil(text.length / 8) * 8;
  const file = allocate(where, 8 + header + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(header), true);
  file.set(text, 8);
  file.fill(0x20, 8 + text.length, 8 + header);
  let at = 8 + header;
  for (const { bytes } of entries) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

function readEntry(where: string, name: string, tensor: unknown): Entry {
  const shown = describe(name);
  if (name === '__metadata__') {
    refuse('BAD_OPTION', where, 'tensors with names of their own', name, 'Pass it as metadata.');
  }
  checkText(where, `the name ${shown}`, name);
  const given =
    shapeOf(tensor) ?? refuse('BAD_TYPE', where, `${shown} to be a tensor { data, shape }`, tensor);
  const shape = checkShape(where, `${shown}.shape`, given);
  const data = dataOf(where, shown, tensor);
  const kind = typedArrayKind(data);
  if (kind === undefined || !Object.hasOwn(DTYPES, kind)) {
    refuse('BAD_TYPE', where, `${shown}.data to be a typed array of numbers`, data);
  }
  const array = checkArray(where, `${shown}.data`, data, kind);
  if (array.length !== product(shape)) {
    refuse(
      'BAD_SHAPE',
      where,
      `${shown} with ${product(shape)} values for shape ${shapeText(shape)}`,
      array.length,
      'Make data and shape agree.',
    );
  }
  return {
    name,
    nameBytes: new TextEncoder().encode(name),
    dtype: dtypeOf(where, shown, kind, memberOf(tensor, 'dtype')),
    shape,
    bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
  };
}

function dtypeOf(where: string, shown: string, kind: string, said: unknown): string {
  if (said === undefined) return DTYPES[kind] as string;
  if (kind === 'Uint16Array' && said === 'float16') return 'F16';
  if (kind === 'Uint16Array' && said === 'bfloat16') return 'BF16';
  if (kind === 'Float16Array' && said === 'float16') return 'F16';
  if (kind === 'Uint8Array' && said === 'bool') return 'BOOL';
  return refuse(
    'BAD_OPTION',
    where,
    `${shown}.dtype to be 'float16' or 'bfloat16' for a Uint16Array, 'bool' for a Uint8Array, or left out`,
    said,
  );
}

function metadataField(where: string, metadata: unknown): string {
  if (!isRecord(metadata)) {
    refuse('BAD_TYPE', where, 'metadata to be an object of strings', metadata);
  }
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      refuse('BAD_TYPE', where, `metadata[${describe(name)}] to be a string`, value, 'Write it as text.');
    }
    checkText(where, `metadata[${describe(name)}]`, name + value);
  }
  return `"__metadata__":${JSON.stringify(metadata)}`;
}

/** Half a surrogate pair has no UTF-8. */
function checkText(where: string, what: string, text: string): void {
  if (/\p{Surrogate}/u.test(text)) refuse('BAD_OPTION', where, `${what} to be well-formed text`, text);
}

/** By their UTF-8, which differs from JavaScript's own order beyond the basic plane. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = (a[index] as number) - (b[index] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function allocate(where: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw fault(
      'OUT_OF_MEMORY',
      where,
      `room for a file of ${length} bytes`,
      'none from the JavaScript engine',
      'Write fewer tensors to a file.',
      { length },
      cause,
    );
  }
}
