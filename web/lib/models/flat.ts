import { refuse } from '../core/checks.js';
import { LIMITS } from './limits.js';
import type { ByteRange } from './tensor-content.js';
import { utf8 } from './wire-reader.js';

/** The bytes of a flatbuffer: every place is checked before it is read. */
class FlatFile {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  #tables = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  check(position: number, length: number): number {
    if (position >= 0 && length >= 0 && position + length <= this.bytes.length) return position;
    return refuse(
      'BAD_MODEL',
      'readModel',
      'offsets within the flatbuffer',
      `${length} bytes at ${position}`,
    );
  }

  /** Where the offset at a position leads. */
  follow(position: number): number {
    return position + this.view.getUint32(position, true);
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
    this.#vtable = file.check(position - file.view.getInt32(position, true), 4);
    this.#vtableSize = file.view.getUint16(this.#vtable, true);
    file.check(this.#vtable, this.#vtableSize);
  }

  static root(bytes: Uint8Array): FlatTable {
    const file = new FlatFile(bytes);
    file.check(0, 8);
    return new FlatTable(file, file.follow(0));
  }

  byte(field: number, otherwise: number): number {
    const at = this.#at(field, 1);
    return at === null ? otherwise : this.#file.view.getInt8(at);
  }

  integer(field: number, otherwise: number): number {
    const at = this.#at(field, 4);
    return at === null ? otherwise : this.#file.view.getInt32(at, true);
  }

  float(field: number, otherwise: number): number {
    const at = this.#at(field, 4);
    return at === null ? otherwise : this.#file.view.getFloat32(at, true);
  }

  unsigned64(field: number): number {
    const at = this.#at(field, 8);
    return at === null ? 0 : Number(this.#file.view.getBigUint64(at, true));
  }

  table(field: number): FlatTable | null {
    const at = this.#at(field, 4);
    return at === null ? null : new FlatTable(this.#file, this.#file.follow(at));
  }

  tables(field: number): FlatTable[] {
    const { start, count } = this.#vector(field, 4);
    this.#file.count(count);
    return Array.from(
      { length: count },
      (_, index) => new FlatTable(this.#file, this.#file.follow(start + 4 * index)),
    );
  }

  text(field: number): string {
    const { start, count } = this.#vector(field, 1);
    if (count > LIMITS.text) return '';
    return utf8(this.#file.bytes.subarray(start, start + count));
  }

  integers(field: number): number[] {
    const { start, count } = this.#vector(field, 4);
    this.#file.count(count);
    return Array.from({ length: count }, (_, index) => this.#file.view.getInt32(start + 4 * index, true));
  }

  floats(field: number): Float32Array {
    const { start, count } = this.#vector(field, 4);
    this.#file.count(count);
    return Float32Array.from({ length: count }, (_, index) =>
      this.#file.view.getFloat32(start + 4 * index, true),
    );
  }

  integers64(field: number): Float32Array {
    const { start, count } = this.#vector(field, 8);
    this.#file.count(count);
    return Float32Array.from({ length: count }, (_, index) =>
      Number(this.#file.view.getBigInt64(start + 8 * index, true)),
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
    const offset = this.#file.view.getUint16(this.#vtable + slot, true);
    return offset === 0 ? null : this.#file.check(this.#position + offset, size);
  }

  #vector(field: number, size: number): { readonly start: number; readonly count: number } {
    const at = this.#at(field, 4);
    if (at === null) return { start: 0, count: 0 };
    const from = this.#file.check(this.#file.follow(at), 4);
    const count = this.#file.view.getUint32(from, true);
    return { start: this.#file.check(from + 4, count * size), count };
  }
}
