import { ByteBuffer } from 'flatbuffers';
import { refuse } from '../core/checks.js';
import { LIMITS } from './limits.js';
import type { ByteRange } from './tensor-content.js';

const utf8 = new TextDecoder();

/** A flatbuffer; the library reads it, and here every place is checked first, which it leaves to its callers. */
class FlatFile {
  readonly buffer: ByteBuffer;
  #tables = 0;

  constructor(bytes: Uint8Array) {
    this.buffer = new ByteBuffer(bytes);
  }

  check(position: number, length: number): number {
    if (position >= 0 && length >= 0 && position + length <= this.buffer.capacity()) return position;
    return refuse(
      'BAD_MODEL',
      'readModel',
      'offsets within the flatbuffer',
      `${length} bytes at ${position}`,
    );
  }

  /** Tables may be shared: a small file can pretend to have many. */
  count(tables: number): void {
    this.#tables += tables;
    if (this.#tables <= LIMITS.tables) return;
    refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.tables} tables`, 'more');
  }
}

/** One table of a flatbuffer; `field` is the place in its schema's list, from 0. */
export class FlatTable {
  readonly #file: FlatFile;
  readonly #position: number;
  readonly #vtable: number;
  readonly #vtableSize: number;

  private constructor(file: FlatFile, position: number) {
    file.count(1);
    this.#file = file;
    this.#position = file.check(position, 4);
    this.#vtable = file.check(position - file.buffer.readInt32(position), 4);
    this.#vtableSize = file.buffer.readUint16(this.#vtable);
    file.check(this.#vtable, this.#vtableSize);
  }

  static root(bytes: Uint8Array): FlatTable {
    const file = new FlatFile(bytes);
    file.check(0, 8);
    return new FlatTable(file, file.buffer.__indirect(0));
  }

  byte(field: number, otherwise: number): number {
    const at = this.#at(field, 1);
    return at === null ? otherwise : this.#file.buffer.readInt8(at);
  }

  integer(field: number, otherwise: number): number {
    const at = this.#at(field, 4);
    return at === null ? otherwise : this.#file.buffer.readInt32(at);
  }

  unsigned64(field: number): number {
    const at = this.#at(field, 8);
    return at === null ? 0 : Number(this.#file.buffer.readUint64(at));
  }

  table(field: number): FlatTable | null {
    const at = this.#at(field, 4);
    return at === null ? null : new FlatTable(this.#file, this.#file.buffer.__indirect(at));
  }

  tables(field: number): FlatTable[] {
    const { start, count } = this.#vector(field, 4);
    this.#file.count(count);
    return Array.from(
      { length: count },
      (_, index) => new FlatTable(this.#file, this.#file.buffer.__indirect(start + 4 * index)),
    );
  }

  text(field: number): string {
    const { start, count } = this.#vector(field, 1);
    if (count > LIMITS.text) return '';
    return utf8.decode(this.#file.buffer.bytes().subarray(start, start + count));
  }

  integers(field: number): number[] {
    const { start, count } = this.#vector(field, 4);
    this.#file.count(count);
    return Array.from({ length: count }, (_, index) => this.#file.buffer.readInt32(start + 4 * index));
  }

  floats(field: number): Float32Array {
    const { start, count } = this.#vector(field, 4);
    this.#file.count(count);
    return Float32Array.from({ length: count }, (_, index) =>
      this.#file.buffer.readFloat32(start + 4 * index),
    );
  }

  integers64(field: number): Float32Array {
    const { start, count } = this.#vector(field, 8);
    this.#file.count(count);
    return Float32Array.from({ length: count }, (_, index) =>
      Number(this.#file.buffer.readInt64(start + 8 * index)),
    );
  }

  /** Where a vector of bytes is; null if there is none. */
  range(field: number): ByteRange | null {
    if (this.#at(field, 4) === null) return null;
    const { start, count } = this.#vector(field, 1);
    return { offset: start, length: count };
  }

  #at(field: number, size: number): number | null {
    const slot = 4 + 2 * field;
    if (slot + 2 > this.#vtableSize) return null;
    const offset = this.#file.buffer.readUint16(this.#vtable + slot);
    return offset === 0 ? null : this.#file.check(this.#position + offset, size);
  }

  #vector(field: number, size: number): { readonly start: number; readonly count: number } {
    const at = this.#at(field, 4);
    if (at === null) return { start: 0, count: 0 };
    const { buffer } = this.#file;
    const from = this.#file.check(buffer.__indirect(at), 4);
    const count = buffer.readUint32(from);
    return { start: this.#file.check(from + 4, count * size), count };
  }
}
