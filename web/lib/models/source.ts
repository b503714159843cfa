import { checkInteger, describe, fault, refuse } from '../core/checks.js';
import { type DeconvError, isDeconvError } from '../core/errors.js';
import { stopIfAborted } from '../core/progress.js';
import {
  blobBytes,
  bytesOf,
  isArrayBuffer,
  isBlob,
  isResponse,
  isSharedArrayBuffer,
  isUrl,
  memberOf,
  messageOf,
  typedArrayKind,
} from '../core/realms.js';
import { checkAttached } from '../core/tensor.js';

/**
 * Bytes that can be read piece by piece, so that of a large file only what is asked for is in memory.
 * Your own may stand for anything that has random access; the package has them for bytes, for Blob and
 * File, and in Node for paths.
 */
export interface ModelSource {
  /** Bytes in all. */
  readonly size: number;
  /**
   * `length` bytes from `offset` on, never beyond `size`. They may be a view on memory of the source:
   * nobody writes to them.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** A file that the model names, by its path relative to the model; already checked to stay below its folder. */
  beside?(location: string): Promise<ModelSource>;
  close?(): Promise<void>;
}

/**
 * Bytes as a source, which they stay the memory of: what `readModel` makes of bytes by itself, to be wrapped in one of
 * your own.
 *
 * @example
 * const up = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4, stride: 2, seed: 1 });
 * const bytes = bytesSource(writeSafetensors(up.stateDict()));
 * // One that counts what is read.
 * let count = 0;
 * const read = (offset, length) => {
 *   count += length;
 *   return bytes.read(offset, length);
 * };
 * const model = await readModel({ size: bytes.size, read });
 * console.log(model.tensors.length, count <= bytes.size); // 2 true
 */
export function bytesSource(bytes: Uint8Array): ModelSource {
  return {
    size: bytes.length,
    // A plain view: the pieces of Node's Buffer are Buffers, whose `slice` does not copy.
    read: async (offset, length) => new Uint8Array(bytes.buffer, bytes.byteOffset + offset, length),
  };
}

/**
 * A Blob or File as a source, of which only what is asked for is read.
 *
 * @example
 * const up = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4, stride: 2, seed: 1 });
 * const source = blobSource(new Blob([writeSafetensors(up.stateDict())]));
 * console.log((await source.read(0, 8)).length, (await readModel(source)).format); // 8 safetensors
 */
export function blobSource(blob: Blob): ModelSource {
  return {
    size: blob.size,
    read: (offset, length) => blobBytes(blob.slice(offset, offset + length)),
  };
}

const INPUTS = 'a path, a URL, bytes, a Blob, a Response or a ModelSource';

/** Bytes fetched at once where pieces are small. */
const WINDOW = 1 << 16;

/** What errors name, but where another function is said to have called. */
export const READER = 'readModel';

/** A source that checks every range before it is read, and reads a little ahead. */
export class ModelFile {
  readonly size: number;
  /** Path relative to the model, as it names the file; null for the model itself. */
  readonly location: string | null;
  readonly #source: ModelSource;
  readonly #signal: AbortSignal | undefined;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;

  /** Nothing is read once `signal` is aborted. */
  constructor(source: ModelSource, location: string | null, signal?: AbortSignal) {
    if (typeof source?.read !== 'function') refuse('BAD_TYPE', READER, INPUTS, source);
    this.size = checkInteger(READER, 'source.size', source.size, 0, Number.MAX_SAFE_INTEGER);
    this.location = location;
    this.#source = source;
    this.#signal = signal;
  }

  /** How messages call it. */
  get title(): string {
    return this.location === null ? 'the file' : `the file ${describe(this.location)}`;
  }

  /** Throws `BAD_MODEL` for what lies outside. */
  checkRange(what: string, offset: number, length: number, where = READER): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.size) return;
    refuse(
      'BAD_MODEL',
      where,
      `${what} within the ${this.size} bytes of ${this.title}`,
      `${length} bytes at ${offset}`,
      'The file is damaged or cut off.',
    );
  }

  /** A range, whole. */
  async read(what: string, offset: number, length: number, where = READER): Promise<Uint8Array<ArrayBuffer>> {
    this.checkRange(what, offset, length, where);
    const failed = (got: string, advice: string, cause?: unknown): DeconvError => {
      const expected = `${length} bytes at ${offset} of ${this.title}`;
      return fault('LOAD_FAILED', where, expected, got, advice, { offset, length }, cause);
    };
    const signal = this.#signal;
    stopIfAborted(signal);
    let bytes: Uint8Array;
    try {
      bytes = await this.#source.read(offset, length);
    } catch (cause) {
      stopIfAborted(signal);
      throw isDeconvError(cause) ? cause : failed(messageOf(cause), 'The source failed.', cause);
    }
    if (typedArrayKind(bytes) !== 'Uint8Array' || bytes.length !== length) {
      throw failed(`${bytes?.length}`, 'It changed or shrank meanwhile.');
    }
    const { buffer, byteOffset } = bytes;
    if (isSharedArrayBuffer(buffer)) return new Uint8Array(bytes);
    // A plain view: `slice` of Node's Buffer, which sources may well give, does not copy.
    return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
  }

  /**
   * At least `length` bytes at `offset`, or all there are; without waiting where the last call already
   * brought them, because waiting costs more than most fields of a file.
   */
  peek(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const from = offset - this.#start;
    const known = this.#window.length - from;
    if (from >= 0 && known >= Math.min(length, this.size - offset)) return this.#window.subarray(from);
    return this.#advance(offset, length);
  }

  async #advance(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.size, offset + Math.max(length, WINDOW));
    this.#window = await this.read('a range', offset, end - offset);
    this.#start = offset;
    return this.#window;
  }

  async close(): Promise<void> {
    this.#window = new Uint8Array(0);
    await this.#source.close?.();
  }
}

/**
 * A model is read from a path (Node), from an address (`http:`, `https:`, `blob:`, `data:`; `file:` in Node) as
 * text or URL, from bytes, a Blob or File, a Response, or from a source of the caller's.
 */
export type ModelInput = string | URL | Uint8Array | ArrayBufferLike | Blob | Response | ModelSource;

/** The sources whose bytes are at hand; null for others. */
export function sourceOf(input: unknown): ModelSource | null {
  if (typeof input === 'string' || isUrl(input) || isResponse(input)) return null;
  checkAttached(READER, 'bytes', input);
  if (isSharedArrayBuffer(input)) return bytesSource(new Uint8Array(new Uint8Array(input)));
  const bytes = typedArrayKind(input) === 'Uint8Array' || isArrayBuffer(input) ? bytesOf(input) : undefined;
  // What another thread may change is read from a copy: what was checked has to stay so.
  if (bytes !== undefined)
    return bytesSource(isSharedArrayBuffer(bytes.buffer) ? new Uint8Array(bytes) : bytes);
  if (isBlob(input)) return blobSource(input);
  if (typeof memberOf(input, 'read') === 'function') return input as ModelSource;
  return refuse('BAD_TYPE', READER, INPUTS, input);
}

/**
 * Checks the path by which a model names another file: relative, below the model's folder, and the same
 * on every system. A model comes from anywhere, and must not choose which files are opened.
 */
export function checkLocation(where: string, location: string): string {
  const parts = location.split('/');
  const bad =
    location.length > 1024 ||
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /[\\:\u0000-\u001f]/.test(location) ||
    parts.some((part) => part === '' || part === '..') ||
    parts.every((part) => part === '.');
  if (!bad) return parts.filter((part) => part !== '.').join('/');
  return refuse(
    'BAD_MODEL',
    where,
    "a relative path below the model's folder as the location of external data",
    location,
    'Files elsewhere are never opened; pass them as `external` if you trust the model.',
  );
}
