import { describe, refuse } from '../core/checks.js';
import type { ModelDtype } from './dtypes.js';
import { LIMITS } from './limits.js';

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

const DTYPES: Readonly<Record<string, ModelDtype>> = {
  f8: 'float64',
  f4: 'float32',
  f2: 'float16',
  i8: 'int64',
  u8: 'uint64',
  i4: 'int32',
  u4: 'uint32',
  i2: 'int16',
  u2: 'uint16',
  i1: 'int8',
  u1: 'uint8',
  b1: 'bool',
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Enough to tell how long the header is. */
export const NPY_PREFIX = 12;

export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

/** Bytes up to the data, from the first `NPY_PREFIX` of a file. */
export function npyHeaderEnd(name: string, bytes: Uint8Array): number {
  const where = 'readModel';
  if (bytes.length < NPY_PREFIX || !isNpy(bytes)) {
    refuse('BAD_MODEL', where, `${name} to begin as .npy files do`, 'other bytes');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, NPY_PREFIX);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) refuse('BAD_MODEL', where, `version 1 to 3 of ${name}`, version);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LIMITS.npyHeader) {
    refuse('BAD_MODEL', where, `a header of at most ${LIMITS.npyHeader} bytes in ${name}`, length);
  }
  return (version === 1 ? 10 : 12) + length;
}

/** The header is a dictionary in Python's own notation; nothing but the three known entries is taken. */
export function parseNpyHeader(name: string, bytes: Uint8Array): NpyHeader {
  const dataStart = npyHeaderEnd(name, bytes);
  const from = bytes[6] === 1 ? 10 : 12;
  const text = new TextDecoder('latin1').decode(bytes.subarray(from, dataStart)).trim();
  const fail = (): never => refuse('BAD_MODEL', 'readModel', `a header of numpy's in ${name}`, text);
  if (!text.startsWith('{') || !text.endsWith('}')) fail();
  const order = /'fortran_order'\s*:\s*(True|False)\s*[,}]/.exec(text)?.[1] ?? fail();
  const list = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1] ?? fail();
  const descr = /'descr'\s*:\s*'([^']{1,40})'/.exec(text)?.[1] ?? null;
  if (descr === null && !/'descr'\s*:\s*\[/.test(text)) fail();
  const shape = list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => (/^\d{1,15}$/.test(entry) ? Number(entry) : fail()));
  if (shape.length > 32) fail();
  const [, endian = '', kind = ''] = /^([<>|=])(\w+)$/.exec(descr ?? '') ?? [];
  return {
    dtype: DTYPES[kind] ?? null,
    descr: descr ?? describe('a record'),
    bigEndian: endian === '>' && !kind.endsWith('1'),
    columnMajor: order === 'True' && shape.length > 1,
    shape,
    dataStart,
  };
}
