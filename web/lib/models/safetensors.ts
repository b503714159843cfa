import { describe, fault, refuse } from '../core/checks.js';
import { isRecord } from '../core/realms.js';
import type { ModelDtype } from './dtypes.js';
import { LIMITS } from './limits.js';
import { headerLength } from './safetensors-header.js';
import type { ModelFile } from './source.js';
import { checkExtent } from './stored.js';
import { type ModelTensor, storedTensor, type TensorFile, type UnreadTensor } from './tensor.js';
import { utf8 } from './wire-reader.js';

const DTYPES: Readonly<Record<string, ModelDtype>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  U64: 'uint64',
  I32: 'int32',
  U32: 'uint32',
  I16: 'int16',
  U16: 'uint16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  F8_E4M3FNUZ: 'float8e4m3fnuz',
  F8_E5M2FNUZ: 'float8e5m2fnuz',
  F8_E8M0: 'float8e8m0',
  F4: 'float4e2m1',
};

/** What the format has beside them. */
const UNREAD = ['F6_E2M3', 'F6_E3M2', 'C64'];

/**
 * Layout: the header's length (64 bits), the header (JSON: names to `{ dtype, shape, data_offsets }`), the
 * data, which the tensors cover without holes and without overlap. Tensors of `UNREAD` are left out, and named.
 */
export async function readSafetensors(file: ModelFile): Promise<TensorFile> {
  const where = 'readModel';
  const length = await headerLength(file);
  if (length === null) refuse('BAD_MODEL', where, 'a safetensors file', 'a file without its header');
  if (length > LIMITS.jsonHeader) {
    refuse('BAD_MODEL', where, `a header of at most ${LIMITS.jsonHeader} bytes`, length);
  }
  const header = parseHeader(await file.read('the header', 8, length));
  const start = 8 + length;
  const entries: { name: string; range: { offset: number; length: number } }[] = [];
  const tensors: ModelTensor[] = [];
  const unread: UnreadTensor[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const shown = `the entry ${describe(name)}`;
    const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
    if (typeof dtype !== 'string' || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
      refuse('BAD_MODEL', where, `${shown} to have dtype, shape and data_offsets`, value);
    }
    const [begin, end] = offsets as [number, number];
    if (end < begin) refuse('BAD_MODEL', where, `${shown} to end behind its beginning`, [begin, end]);
    const range = { offset: start + begin, length: end - begin };
    file.checkRange(shown, range.offset, range.length);
    entries.push({ name, range });
    const known = Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype] : undefined;
    if (known === undefined && !UNREAD.includes(dtype)) {
      refuse('UNSUPPORTED', where, `${shown} of a dtype of safetensors`, dtype);
    }
    if (known === undefined) {
      unread.push({ name, dtype });
      continue;
    }
    const place = { file, ranges: [range], encoding: 'raw' } as const;
    checkExtent(name, shape, known, place);
    tensors.push(storedTensor(name, shape, known, place));
  }
  checkCover(file, start, entries);
  return { tensors, unread };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  // Deep nesting is refused before the parser sees it; braces in names count too, which no name has many of.
  let depth = 0;
  for (const byte of bytes) {
    if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    if (depth > 1000) refuse('BAD_MODEL', 'readModel', 'a header of two levels', 'a deeply nested one');
  }
  let parsed: unknown;
  let names = 0;
  try {
    // Without a TextDecoder what is no UTF-8 is an error anyway.
    const text = globalThis.TextDecoder
      ? new TextDecoder('utf-8', { fatal: true }).decode(bytes)
      : utf8(bytes);
    parsed = JSON.parse(text);
    for (const [, colon] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g))
      if (colon !== undefined) names += 1;
  } catch (cause) {
    throw fault(
      'BAD_MODEL',
      'readModel',
      'a header in JSON',
      `${(cause as Error).message.slice(0, 200)}`,
      'The file is damaged.',
      { where: 'readModel' },
      cause,
    );
  }
  if (!isRecord(parsed)) {
    refuse('BAD_MODEL', 'readModel', 'a header that is a JSON object', 'another value');
  }
  if (names !== namesIn(parsed))
    refuse('BAD_MODEL', 'readModel', 'each name once in the header', 'one twice');
  return parsed as Record<string, unknown>;
}

/** Of objects, however deep. */
function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value);
  return inside.reduce((sum: number, one) => sum + namesIn(one), Array.isArray(value) ? 0 : inside.length);
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= 64 &&
    value.every((entry) => Number.isSafeInteger(entry) && (entry as number) >= 0)
  );
}

/** The format wants every byte to belong to one tensor: two that share bytes could not both be changed. */
function checkCover(
  file: ModelFile,
  start: number,
  entries: readonly {
    readonly name: string;
    readonly range: { readonly offset: number; readonly length: number };
  }[],
): void {
  const sorted = [...entries].sort(
    (a, b) => a.range.offset - b.range.offset || a.range.length - b.range.length,
  );
  let end = start;
  for (const { name, range } of sorted) {
    if (range.offset !== end) {
      refuse(
        'BAD_MODEL',
        'readModel',
        `${describe(name)} to begin where the tensor before it ends`,
        range.offset - start,
      );
    }
    end += range.length;
  }
  if (end !== file.size) {
    refuse(
      'BAD_MODEL',
      'readModel',
      `tensors up to the end of the file (${file.size})`,
      end,
      'It is damaged.',
    );
  }
}
