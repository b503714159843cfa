import { refuse } from '../core/checks.js';
import { bitsOf, type ModelDtype } from './dtypes.js';
import { LIMITS } from './limits.js';
import { type PythonDictionary, type PythonValue, parsePythonLiteral } from './python-literal.js';
import type { ModelFile } from './source.js';
import { checkExtent } from './stored.js';
import { storedTensor, type TensorFile } from './tensor.js';
import type { TensorPlace } from './tensor-content.js';
import { utf8 } from './wire-reader.js';

const WHERE = 'readModel';

/** What an array's header says. */
export interface NpyHeader {
  /** Null for what holds no numbers that we read: objects, texts, records. */
  readonly dtype: ModelDtype | null;
  /** As the file names it. */
  readonly descr: string;
  readonly bigEndian: boolean;
  readonly columnMajor: boolean;
  readonly shape: readonly number[];
  /** Where the data begin. */
  readonly dataStart: number;
}

/** By all the names that numpy takes for them; those of C are as long as on 64-bit systems but Windows. */
const DTYPES = new Map(
  (
    [
      ['float64', 'f8 d double float float64'],
      ['float32', 'f4 f single float32'],
      ['float16', 'f2 e half float16'],
      ['int64', 'i8 l q p int int_ int64 long longlong intp'],
      ['uint64', 'u8 L Q P uint uint64 ulong ulonglong uintp'],
      ['int32', 'i4 i intc int32'],
      ['uint32', 'u4 I uintc uint32'],
      ['int16', 'i2 h short int16'],
      ['uint16', 'u2 H ushort uint16'],
      ['int8', 'i1 b byte int8'],
      ['uint8', 'u1 B ubyte uint8'],
      ['bool', 'b1 ? bool bool_ bool8'],
    ] as const
  ).flatMap(([dtype, names]) => names.split(' ').map((name): [string, ModelDtype] => [name, dtype])),
);

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Enough to tell how long the header is. */
export const NPY_PREFIX = 12;

export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

/** Bytes up to the data, from the first `NPY_PREFIX` of a file. */
export function npyHeaderEnd(name: string, bytes: Uint8Array): number {
  if (bytes.length < NPY_PREFIX || !isNpy(bytes)) {
    refuse('BAD_MODEL', WHERE, `${name} to begin as .npy files do`, 'other bytes');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, NPY_PREFIX);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) refuse('BAD_MODEL', WHERE, `version 1 to 3 of ${name}`, version);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LIMITS.npyHeader) {
    refuse('BAD_MODEL', WHERE, `a header of at most ${LIMITS.npyHeader} bytes in ${name}`, length);
  }
  return (version === 1 ? 10 : 12) + length;
}

/** The header is a dictionary in Python's own notation; nothing but the three known entries is taken. */
export function parseNpyHeader(name: string, bytes: Uint8Array): NpyHeader {
  const dataStart = npyHeaderEnd(name, bytes);
  const from = bytes[6] === 1 ? 10 : 12;
  const head = bytes.subarray(from, dataStart);
  // Version 3 is there for names that Latin-1 lacks.
  const text = (bytes[6] === 3 ? utf8(head) : String.fromCharCode(...head)).trim();
  const fail = (): never => refuse('BAD_MODEL', WHERE, `a header of numpy's in ${name}`, text);
  const header = parsePythonLiteral(text);
  if (typeof header !== 'object' || header === null || !('entries' in header)) fail();
  const entries = new Map((header as PythonDictionary).entries);
  const [descr, columns, shape] = ['descr', 'fortran_order', 'shape'].map((key) => entries.get(key));
  if (entries.size !== 3 || descr === undefined || descr === null) fail();
  if (typeof columns !== 'boolean' || !isShape(shape)) return fail();
  const [, endian = '', kind = ''] =
    typeof descr === 'string' ? (/^([<>=|]?)([\w?]+)$/.exec(descr) ?? []) : [];
  return {
    dtype: DTYPES.get(kind) ?? null,
    descr: typeof descr === 'string' ? descr : 'a record',
    bigEndian: endian === '>' && bitsOf(DTYPES.get(kind) ?? 'bool') > 8,
    columnMajor: columns && shape.length > 1,
    shape,
    dataStart,
  };
}

function isShape(value: PythonValue | undefined): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= 32 &&
    value.every((extent) => Number.isSafeInteger(extent) && extent >= 0)
  );
}

/** The one array of a file, under a name. */
export async function readNpy(file: ModelFile, name: string): Promise<TensorFile> {
  const head = await file.read('the header', 0, Math.min(file.size, NPY_PREFIX + LIMITS.npyHeader));
  const header = parseNpyHeader('the file', checkHead(head, 'the file'));
  if (header.dtype === null) refuse('UNSUPPORTED', WHERE, 'an array of numbers', header.descr);
  const ranges = [{ offset: header.dataStart, length: file.size - header.dataStart }];
  const { bigEndian, columnMajor } = header;
  const place: TensorPlace = { file, ranges, encoding: 'raw', bigEndian, columnMajor };
  checkExtent(name, header.shape, header.dtype, place);
  return { tensors: [storedTensor(name, header.shape, header.dtype, place)], unread: [] };
}

/** The first bytes, if the header is among them. */
export function checkHead(head: Uint8Array, name: string): Uint8Array {
  const end = npyHeaderEnd(name, head);
  if (end <= head.length) return head;
  return refuse('BAD_MODEL', WHERE, `a header of ${end} bytes in ${name}`, head.length, 'It is cut off.');
}
