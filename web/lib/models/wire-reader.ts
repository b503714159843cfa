/** How protobuf writes a field's value. */
export const WIRE = { varint: 0, bits64: 1, bytes: 2, bits32: 5 } as const;

/** Reads the values of protobuf's encoding one after the other; throws a RangeError for what is none. */
export class WireReader {
  position = 0;
  /** The two halves of the last varint. */
  low = 0;
  high = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.position >= this.#bytes.length;
  }

  /** The number of a field and how its value is written. */
  tag(): readonly [field: number, wire: number] {
    const tag = this.unsigned();
    if (tag < 8) throw new RangeError('a field without a number');
    return [tag >>> 3, tag & 7];
  }

  /** A length or a tag. */
  unsigned(): number {
    this.varint();
    if (this.high !== 0) throw new RangeError('a length beyond 32 bits');
    return this.low;
  }

  /** A number with a sign; beyond 2^53 the nearest one. */
  integer(): number {
    this.varint();
    return (this.high | 0) * 2 ** 32 + this.low;
  }

  varint(): void {
    let [low, high] = [0, 0];
    for (let index = 0; index < 10; index += 1) {
      const byte = this.#bytes[this.position];
      if (byte === undefined) break;
      this.position += 1;
      if (index < 4) low |= (byte & 127) << (7 * index);
      else if (index > 4) high |= (byte & 127) << (7 * index - 32);
      else {
        low |= byte << 28;
        high = (byte & 127) >>> 4;
      }
      if (byte > 127) continue;
      this.low = low >>> 0;
      this.high = high >>> 0;
      return;
    }
    throw new RangeError('a number without end');
  }

  float(): number {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    const value = new DataView(buffer, byteOffset, byteLength).getFloat32(this.position, true);
    this.position += 4;
    return value;
  }

  /** The bytes of a text, a message or a list. */
  bytes(): Uint8Array {
    const length = this.unsigned();
    const start = this.position;
    this.position += length;
    this.#check();
    return this.#bytes.subarray(start, this.position);
  }

  /** Passes over the value of a field. */
  skip(wire: number): void {
    if (wire === WIRE.varint) this.varint();
    else if (wire === WIRE.bits64) this.position += 8;
    else if (wire === WIRE.bytes) this.bytes();
    else if (wire === WIRE.bits32) this.position += 4;
    else throw new RangeError('a value of no kind that there is');
    this.#check();
  }

  #check(): void {
    if (this.position > this.#bytes.length) throw new RangeError('a value beyond its message');
  }
}

// An AudioWorklet has none.
const decoder = globalThis.TextDecoder && new TextDecoder();

/** The text of these bytes; what is no UTF-8 is replaced, or an error where there is no TextDecoder. */
export function utf8(bytes: Uint8Array): string {
  if (decoder) return decoder.decode(bytes);
  return decodeURIComponent(escape(bytes.reduce((text, byte) => text + String.fromCharCode(byte), '')));
}
