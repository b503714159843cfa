import { Inflate } from 'fflate';
import { describe, fault, refuse } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { LIMITS } from './limits.js';
import { checkHead, NPY_PREFIX, npyHeaderEnd, parseNpyHeader } from './npy.js';
import type { ModelFile } from './source.js';
import { checkExtent } from './stored.js';
import { type ModelTensor, storedTensor, type TensorFile, type UnreadTensor } from './tensor.js';
import type { TensorPlace } from './tensor-content.js';
import { utf8 } from './wire-reader.js';

const WHERE = 'readModel';
const STORED = 0;
const DEFLATED = 8;
/** Bytes that deflate makes of one at most. */
const LARGEST_GROWTH = 1032;

/** An entry of the archive's directory. */
interface Entry {
  readonly name: string;
  readonly method: number;
  readonly flags: number;
  readonly packed: number;
  readonly size: number;
  readonly local: number;
  readonly checksum: number;
  /** Where the directory has it. */
  readonly checksumAt: number;
  /** Where the data begin; known after the local header is read. */
  start: number;
}

/** Refuses an archive that has no arrays, by the names of what it has. */
export type ForeignArchive = (names: readonly string[]) => Promise<never>;

/** Arrays of an archive; what is no array of numbers is left out, and named. Of compressed ones only headers are unpacked. */
export async function readNpz(file: ModelFile, foreign: ForeignArchive): Promise<TensorFile> {
  const entries = await readDirectory(file, foreign);
  const budget = { left: LIMITS.inflatedHeaders };
  const tensors: ModelTensor[] = [];
  const unread: UnreadTensor[] = [];
  const names = new Set<string>();
  for (const entry of entries) {
    if (!entry.name.endsWith('.npy')) continue;
    const name = entry.name.slice(0, -4);
    const shown = `the entry ${describe(entry.name)}`;
    if (names.has(name)) refuse('BAD_MODEL', WHERE, 'each name once in the archive', entry.name);
    names.add(name);
    const wanted = Math.min(entry.size, NPY_PREFIX + LIMITS.npyHeader);
    const head =
      entry.method === STORED
        ? await file.read(shown, entry.start, wanted)
        : await inflateHead(file, entry, wanted, budget);
    const header = parseNpyHeader(shown, checkHead(head, shown));
    if (header.dtype === null) {
      unread.push({ name, dtype: header.descr });
      continue;
    }
    const { bigEndian, columnMajor, dataStart } = header;
    const length = entry.size - dataStart;
    const place: TensorPlace =
      entry.method === STORED
        ? {
            file,
            ranges: [{ offset: entry.start + dataStart, length }],
            encoding: 'raw',
            bigEndian,
            columnMajor,
            unpack: async () => {
              const data = await file.read(shown, entry.start + dataStart, length);
              checkSum(entry, [head.subarray(0, dataStart), data]);
              return data;
            },
            seals: (data) => seals(entry, head.subarray(0, dataStart), data),
          }
        : {
            file,
            ranges: [{ offset: entry.start, length: entry.packed }],
            encoding: 'deflated',
            bigEndian,
            columnMajor,
            unpack: async () => (await inflateAll(file, entry)).subarray(dataStart),
          };
    checkExtent(name, header.shape, header.dtype, place, length);
    tensors.push(storedTensor(name, header.shape, header.dtype, place));
  }
  return { tensors, unread };
}

/** The directory stands at the end; it says what there is and where, so that nothing else need be read. */
async function readDirectory(file: ModelFile, foreign: ForeignArchive): Promise<Entry[]> {
  const tailLength = Math.min(file.size, 22 + 65_535);
  const tailStart = file.size - tailLength;
  const tail = viewOf(await file.read('the end of the archive', tailStart, tailLength));
  let at = tailLength - 22;
  // The record may be followed by a comment of the length that it names.
  while (
    at >= 0 &&
    !(tail.getUint32(at, true) === 0x06054b50 && tail.getUint16(at + 20, true) === tailLength - at - 22)
  ) {
    at -= 1;
  }
  if (at < 0) refuse('BAD_MODEL', WHERE, 'a zip archive with a directory', 'one without', 'It is cut off.');
  let count = tail.getUint16(at + 10, true);
  let size = tail.getUint32(at + 12, true);
  let start = tail.getUint32(at + 16, true);
  if (at >= 20 && tail.getUint32(at - 20, true) === 0x07064b50) {
    const record = Number(tail.getBigUint64(at - 12, true));
    const wide = viewOf(await file.read("the archive's 64-bit record", record, 56));
    if (wide.getUint32(0, true) !== 0x06064b50) refuse('BAD_MODEL', WHERE, 'a 64-bit record', 'other bytes');
    [count, size, start] = [32, 40, 48].map((place) => Number(wide.getBigUint64(place, true))) as [
      number,
      number,
      number,
    ];
  }
  if (count > LIMITS.entries) refuse('BAD_MODEL', WHERE, `at most ${LIMITS.entries} entries`, count);
  // An entry's fixed part, a name and extras of a page: no directory of arrays needs more.
  if (size > count * 4096) refuse('BAD_MODEL', WHERE, `a directory for ${count} entries`, `${size} bytes`);
  const bytes = await file.read('the directory', start, size);
  const view = viewOf(bytes);
  const found: { name: string; at: number; extra: { start: number; end: number } }[] = [];
  let position = 0;
  for (let index = 0; index < count; index += 1) {
    if (position + 46 > size || view.getUint32(position, true) !== 0x02014b50) {
      refuse('BAD_MODEL', WHERE, `${count} entries in the directory`, index);
    }
    const lengths = [28, 30, 32].map((place) => view.getUint16(position + place, true));
    const [nameLength = 0, extraLength = 0, commentLength = 0] = lengths;
    const end = position + 46 + nameLength + extraLength + commentLength;
    if (end > size) refuse('BAD_MODEL', WHERE, 'entries within the directory', `${end} of ${size} bytes`);
    const name = utf8(bytes.subarray(position + 46, position + 46 + nameLength));
    const extra = { start: position + 46 + nameLength, end: position + 46 + nameLength + extraLength };
    found.push({ name, at: position, extra });
    position = end;
  }
  // Archives of others are told by their names, whatever is in them.
  if (!found.some(({ name }) => name.endsWith('.npy'))) {
    await foreign(found.map(({ name }) => name));
  }
  const entries = found.map(({ name, at, extra }) => readEntry(view, at, name, extra, start));
  await locate(file, entries, start);
  return entries;
}

function readEntry(
  view: DataView,
  at: number,
  name: string,
  extra: { readonly start: number; readonly end: number },
  directory: number,
): Entry {
  let size = view.getUint32(at + 24, true);
  let packed = view.getUint32(at + 20, true);
  let local = view.getUint32(at + 42, true);
  // Numbers that do not fit into 32 bits are in an extra field, in this order.
  const wide = [size, packed, local].map((value) => value === 0xffffffff);
  for (let place = extra.start; place + 4 <= extra.end; ) {
    const [id, length] = [view.getUint16(place, true), view.getUint16(place + 2, true)];
    if (id === 1) {
      let from = place + 4;
      const end = Math.min(place + 4 + length, extra.end);
      const next = (given: number, isWide: boolean | undefined): number => {
        if (isWide !== true || from + 8 > end) return given;
        from += 8;
        return Number(view.getBigUint64(from - 8, true));
      };
      size = next(size, wide[0]);
      packed = next(packed, wide[1]);
      local = next(local, wide[2]);
    }
    place += 4 + length;
  }
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  const shown = describe(name);
  if ((flags & 1) !== 0) refuse('UNSUPPORTED', WHERE, `${shown} to be readable`, 'an encrypted entry');
  if (method !== STORED && method !== DEFLATED) {
    refuse('UNSUPPORTED', WHERE, `${shown} to be stored or deflated`, `method ${method}`);
  }
  if (size > LIMITS.tensor) refuse('TOO_LARGE', WHERE, `${shown} of at most ${LIMITS.tensor} bytes`, size);
  // Beyond the growth, a size is a lie.
  const possible = method === STORED ? size === packed : size <= LARGEST_GROWTH * (packed + 1);
  if (!possible) refuse('BAD_MODEL', WHERE, `a size of ${shown} that ${packed} packed bytes can have`, size);
  const checksum = view.getUint32(at + 16, true);
  return { name, method, flags, packed, size, local, checksum, checksumAt: directory + at + 16, start: 0 };
}

/** Reads the local headers; entries that share bytes are the trick of archives that unpack to petabytes. */
async function locate(file: ModelFile, entries: Entry[], directory: number): Promise<void> {
  const sorted = [...entries].sort((a, b) => a.local - b.local);
  let end = 0;
  for (const entry of sorted) {
    const shown = `the entry ${describe(entry.name)}`;
    file.checkRange(shown, entry.local, 30);
    const found = file.peek(entry.local, 30);
    const head = viewOf(ArrayBuffer.isView(found) ? found : await found);
    if (head.getUint32(0, true) !== 0x04034b50)
      refuse('BAD_MODEL', WHERE, `${shown} at its place`, 'other bytes');
    if (entry.local < end) refuse('BAD_MODEL', WHERE, `${shown} apart from the others`, 'shared bytes');
    entry.start = entry.local + 30 + head.getUint16(26, true) + head.getUint16(28, true);
    end = entry.start + entry.packed;
    if (end > directory) refuse('BAD_MODEL', WHERE, `${shown} before the directory`, `an end at ${end}`);
    file.checkRange(shown, entry.start, entry.packed);
  }
}

/** Packed bytes handed over at a time, at least and at most. */
const STEP = 64;
const LONGEST_STEP = 1 << 16;

/** The first bytes of a compressed entry. */
async function inflateHead(
  file: ModelFile,
  entry: Entry,
  wanted: number,
  budget: { left: number },
): Promise<Uint8Array> {
  // A stored block that holds the header is not smaller than it.
  const packed = await file.read(
    describe(entry.name),
    entry.start,
    Math.min(entry.packed, 2 * wanted + STEP),
  );
  const collected = new Uint8Array(wanted);
  let filled = 0;
  const stream = new Inflate((bytes) => {
    budget.left -= bytes.length;
    const taken = bytes.subarray(0, wanted - filled);
    collected.set(taken, filled);
    filled += taken.length;
  });
  guarded(entry.name, () => {
    for (let at = 0; at < packed.length && filled < wanted; at += STEP) {
      stream.push(packed.subarray(at, at + STEP), false);
      if (budget.left < 0) {
        refuse('BAD_MODEL', WHERE, `headers that unpack to ${LIMITS.inflatedHeaders} bytes at most`, 'more');
      }
      // A header is much shorter than the limit: enough is known once it is there.
      if (filled >= NPY_PREFIX && filled >= npyHeaderEnd(describe(entry.name), collected)) break;
    }
  });
  return collected.subarray(0, filled);
}

/** All of it, refused at the first byte beyond the size that the directory tells: a step unpacks to little more than that. */
async function inflateAll(file: ModelFile, entry: Entry): Promise<Uint8Array> {
  const packed = await file.read(describe(entry.name), entry.start, entry.packed);
  let result: Uint8Array;
  try {
    result = new Uint8Array(entry.size);
  } catch (cause) {
    throw fault(
      'OUT_OF_MEMORY',
      'readModel',
      `room for ${entry.size} bytes of ${describe(entry.name)}`,
      'none',
      'Split the archive.',
      { where: WHERE },
      cause,
    );
  }
  let filled = 0;
  let ended = false;
  guarded(entry.name, () => {
    const stream = new Inflate((bytes, final) => {
      if (filled + bytes.length > result.length) {
        refuse(
          'BAD_MODEL',
          WHERE,
          `${result.length} bytes in ${describe(entry.name)}, as the directory says`,
          'more',
        );
      }
      result.set(bytes, filled);
      filled += bytes.length;
      ended = final;
    });
    const step = Math.min(Math.max(STEP, Math.ceil(result.length / LARGEST_GROWTH)), LONGEST_STEP);
    for (let at = 0; at < packed.length; at += step) {
      stream.push(packed.subarray(at, at + step), at + step >= packed.length);
    }
  });
  if (filled !== result.length || !ended) {
    refuse('BAD_MODEL', WHERE, `${result.length} bytes in ${describe(entry.name)}`, filled, 'It is damaged.');
  }
  checkSum(entry, [result]);
  return result;
}

function checkSum({ name, checksum }: Entry, parts: readonly Uint8Array[]): void {
  if (crc32(parts) === checksum) return;
  refuse(
    'BAD_MODEL',
    WHERE,
    `${describe(name)} with the checksum that it was saved with`,
    'another',
    'It is damaged.',
  );
}

function guarded(name: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (isDeconvError(cause)) throw cause;
    throw fault(
      'BAD_MODEL',
      'readModel',
      `deflated bytes in ${describe(name)}`,
      `${(cause as Error).message}`,
      'The archive is damaged.',
      { where: WHERE },
      cause,
    );
  }
}

/** The checksum stands in the directory and in the local header. */
function seals(entry: Entry, head: Uint8Array, data: Uint8Array) {
  if ((entry.flags & 8) !== 0) {
    refuse(
      'UNSUPPORTED',
      'patchModel',
      `${describe(entry.name)} with its checksum in front of the data`,
      'a streamed archive',
      'Save it with numpy.savez to a file.',
    );
  }
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, crc32([head, data]), true);
  return [entry.checksumAt, entry.local + 14].map((offset) => ({ offset, bytes }));
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

function crc32(parts: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const part of parts) {
    for (const byte of part) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 255] as number);
  }
  return ~crc >>> 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
