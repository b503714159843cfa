import { fault, refuse } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { LIMITS } from './limits.js';
import type { ModelFile } from './source.js';
import type { ByteRange } from './tensor-content.js';
import { utf8, WIRE, WireReader } from './wire-reader.js';

/**
 * What becomes of a field: numbers and texts are read, messages are entered, of data only the place is
 * noted. Fields that a schema does not name are passed over.
 */
export type FieldKind = 'integer' | 'float' | 'text' | 'data' | (() => Schema);
export type Schema = Readonly<Record<number, FieldKind>>;

/** One message: for each field number the values in the file's order. */
export class Message {
  /** Where it is in the file. */
  readonly offset: number;
  readonly length: number;
  // Most of the smallest messages are empty.
  #fields: Map<number, unknown[]> | undefined;

  constructor(offset: number, length: number) {
    this.offset = offset;
    this.length = length;
  }

  add(field: number, value: unknown): void {
    this.#fields ??= new Map();
    const values = this.#fields.get(field);
    if (values === undefined) this.#fields.set(field, [value]);
    else values.push(value);
  }

  /** Of a field that should be there once the last counts. */
  integer(field: number): number | undefined {
    return this.#all(field).at(-1) as number | undefined;
  }

  integers(field: number): number[] {
    return this.#all(field) as number[];
  }

  text(field: number): string {
    return (this.#all(field).at(-1) as string | undefined) ?? '';
  }

  texts(field: number): string[] {
    return this.#all(field) as string[];
  }

  message(field: number): Message | undefined {
    return this.#all(field).at(-1) as Message | undefined;
  }

  messages(field: number): Message[] {
    return this.#all(field) as Message[];
  }

  ranges(field: number): ByteRange[] {
    return this.#all(field) as ByteRange[];
  }

  #all(field: number): unknown[] {
    return this.#fields?.get(field) ?? [];
  }
}

/** Messages up to this size are read in one piece; larger ones field by field, past the data in them. */
const PIECE = 1 << 16;
/** Tag and length of a field take at most so many bytes, a number too. */
const HEADER = 20;

/** Reads the structure of a protobuf file; of the data in it nothing is loaded. */
export async function readMessage(file: ModelFile, schema: Schema): Promise<Message> {
  try {
    return await new Decoder(file).read(0, file.size, schema, 0);
  } catch (cause) {
    if (isDeconvError(cause)) throw cause;
    throw fault(
      'BAD_MODEL',
      'readModel',
      'an ONNX model',
      'bytes that break off or make no sense',
      'The file is damaged or cut off.',
      {},
      cause,
    );
  }
}

/** Fields that a message's first ones tell enough of. */
const TOP_LEVEL = 10_000;

/**
 * The fields of the outermost message by their numbers, and whether each holds bytes (a message, a text) or a
 * number; up to where the file is no protobuf, or breaks off.
 */
export async function topLevelFields(file: ModelFile): Promise<ReadonlyMap<number, boolean>> {
  const fields = new Map<number, boolean>();
  let position = 0;
  for (let count = 0; position < file.size && count < TOP_LEVEL; count += 1) {
    const reader = new WireReader(await file.peek(position, HEADER));
    try {
      const [field, wire] = reader.tag();
      const message = wire === WIRE.bytes;
      const length = message ? reader.unsigned() : 0;
      if (!message) reader.skip(wire);
      fields.set(field, message);
      position += reader.position + length;
    } catch {
      // A tag or a number that breaks off.
      break;
    }
  }
  return fields;
}

class Decoder {
  readonly #file: ModelFile;
  #kept = 0;
  #skipped = 0;

  constructor(file: ModelFile) {
    this.#file = file;
  }

  async read(start: number, end: number, schema: Schema, depth: number): Promise<Message> {
    const file = this.#file;
    if (end - start <= PIECE) {
      const piece = file.peek(start, end - start);
      const bytes = ArrayBuffer.isView(piece) ? piece : await piece;
      return this.#readPiece(bytes.subarray(0, end - start), start, schema, depth);
    }
    this.#enter(depth);
    const message = new Message(start, end - start);
    let position = start;
    while (position < end) {
      const piece = file.peek(position, HEADER);
      const bytes = ArrayBuffer.isView(piece) ? piece : await piece;
      const reader = new WireReader(bytes.subarray(0, Math.min(HEADER, end - position)));
      const [field, wire] = reader.tag();
      const kind = schema[field];
      if (wire !== WIRE.bytes) {
        this.#readField(message, reader, position, field, wire, kind, depth);
        position += reader.position;
        continue;
      }
      const length = reader.unsigned();
      const [start, from] = [position, position + reader.position];
      position = from + length;
      if (position > end) throw new RangeError('a length beyond the end of its message');
      if (typeof kind === 'function' && length > PIECE) {
        this.#add(message, field, await this.read(from, position, kind(), depth + 1));
      } else if (kind === 'data') {
        this.#add(message, field, { offset: from, length });
      } else if (kind === undefined || (kind === 'text' && length > LIMITS.text)) {
        this.#skip();
      } else {
        // Most of a graph's many parts are at hand: waiting for each would take longer than reading it.
        const whole = file.peek(start, position - start);
        const inner = new WireReader(ArrayBuffer.isView(whole) ? whole : await whole);
        inner.tag();
        this.#readField(message, inner, start, field, wire, kind, depth);
      }
    }
    return message;
  }

  #readPiece(bytes: Uint8Array, base: number, schema: Schema, depth: number): Message {
    this.#enter(depth);
    const message = new Message(base, bytes.length);
    const reader = new WireReader(bytes);
    while (!reader.ended) {
      const [field, wire] = reader.tag();
      this.#readField(message, reader, base, field, wire, schema[field], depth);
    }
    return message;
  }

  /** `reader` stands behind the tag; it began `base` bytes into the file. */
  #readField(
    message: Message,
    reader: WireReader,
    base: number,
    field: number,
    wire: number,
    kind: FieldKind | undefined,
    depth: number,
  ): void {
    if (kind === undefined) {
      this.#skip();
      reader.skip(wire);
    } else if (wire === WIRE.bytes) {
      const bytes = reader.bytes();
      const offset = base + reader.position - bytes.length;
      if (typeof kind === 'function') {
        this.#add(message, field, this.#readPiece(bytes, offset, kind(), depth + 1));
      } else if (kind === 'data') {
        this.#add(message, field, { offset, length: bytes.length });
      } else if (kind === 'text') {
        this.#add(message, field, bytes.length > LIMITS.text ? '' : utf8(bytes));
      } else {
        // A packed list.
        const list = new WireReader(bytes);
        while (!list.ended) this.#add(message, field, list[kind]());
      }
    } else if (kind === 'data') {
      // A list that is not packed: every entry has a tag of its own.
      const start = reader.position;
      reader.skip(wire);
      this.#add(message, field, { offset: base + start, length: reader.position - start });
    } else if ((kind === 'integer' && wire === WIRE.varint) || (kind === 'float' && wire === WIRE.bits32)) {
      this.#add(message, field, reader[kind]());
    } else {
      throw new Error(`field ${field} of wire type ${wire}`);
    }
  }

  #enter(depth: number): void {
    if (depth <= LIMITS.depth) return;
    refuse('BAD_MODEL', 'readModel', `messages nested at most ${LIMITS.depth} deep`, 'deeper ones');
  }

  #add(message: Message, field: number, value: unknown): void {
    message.add(field, value);
    this.#kept += 1;
    if (this.#kept <= LIMITS.fields) return;
    refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.fields} fields of structure`, 'more');
  }

  #skip(): void {
    this.#skipped += 1;
    if (this.#skipped <= LIMITS.skipped) return;
    refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.skipped} fields without meaning here`, 'more');
  }
}
