import { refuse, shapeText } from '../core/checks.js';
import { product } from '../core/lists.js';
import { elementCount } from '../core/tensor.js';
import {
  allocateValues,
  bitsOf,
  byteLength,
  canEncode,
  decodeValues,
  encodeValues,
  type ModelDtype,
  type Values,
} from './dtypes.js';
import type {
  ByteRange,
  Evaluation,
  FileEdit,
  StoredQuantization,
  TensorContent,
  TensorPlace,
} from './tensor-content.js';
import { WireReader } from './wire-reader.js';

/** Values that stand in a file. */
export class StoredContent implements TensorContent {
  readonly place: TensorPlace;
  readonly quantization: StoredQuantization | null;
  readonly #name: string;
  readonly #shape: readonly number[];
  readonly #dtype: ModelDtype;

  constructor(
    name: string,
    shape: readonly number[],
    dtype: ModelDtype,
    place: TensorPlace,
    quantization: StoredQuantization | null = null,
  ) {
    this.#name = name;
    this.#shape = shape;
    this.#dtype = dtype;
    this.place = place;
    this.quantization = quantization;
  }

  get quantizes(): boolean {
    return this.quantization !== null;
  }

  get location(): string | null {
    return this.place.file.location;
  }

  get ranges(): readonly ByteRange[] {
    return this.place.ranges;
  }

  get patchObstacle(): string | null {
    if (this.quantization !== null || !canEncode(this.#dtype)) {
      return `its values are ${this.#dtype}, which cannot hold new ones exactly enough`;
    }
    if (this.place.encoding === 'varints') return 'its values are stored as numbers of varying length';
    if (this.place.encoding === 'deflated') return 'the archive compresses it';
    return null;
  }

  async values(evaluation: Evaluation): Promise<Values> {
    const count = this.#count();
    const values = decodeValues(await this.#bytes(), this.#dtype, count);
    evaluation.earn(count);
    const { quantization, place } = this;
    const ordered = place.columnMajor === true ? reorder(values, this.#shape, 'rows') : values;
    return quantization === null ? ordered : dequantize(ordered, this.#shape, quantization);
  }

  async halves(): Promise<Uint16Array | null> {
    const half = this.#dtype === 'float16' || this.#dtype === 'bfloat16';
    if (!half || this.place.columnMajor === true) return null;
    const bytes = await this.#bytes();
    const { buffer, byteOffset } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
    return new Uint16Array(buffer, byteOffset, this.#count());
  }

  async edits(values: Float32Array) {
    const { location, place } = this;
    const encoded = encodeValues(values, this.#dtype);
    const stored = Float32Array.from(decodeValues(encoded, this.#dtype, values.length));
    const ordered = place.columnMajor === true ? reorder(values, this.#shape, 'columns') : values;
    let bytes = place.columnMajor === true ? encodeValues(ordered, this.#dtype) : encoded;
    if (place.bigEndian === true) bytes = swapped(bytes, bitsOf(this.#dtype) / 8);
    const edits: FileEdit[] = [];
    let at = 0;
    for (const { offset, length } of place.ranges) {
      edits.push({ location, offset, bytes: bytes.subarray(at, at + length) });
      at += length;
    }
    for (const seal of place.seals?.(bytes) ?? []) edits.push({ location, ...seal });
    return { edits, stored };
  }

  #count(): number {
    return elementCount('readModel', `the tensor ${JSON.stringify(this.#name)}`, this.#shape);
  }

  /** In the dtype's little-endian form. */
  async #bytes(): Promise<Uint8Array> {
    const { file, ranges, unpack, encoding, bigEndian } = this.place;
    const what = `the tensor ${JSON.stringify(this.#name)}`;
    let bytes: Uint8Array;
    if (unpack !== undefined) {
      bytes = await unpack();
    } else if (ranges.length === 1) {
      const { offset, length } = ranges[0] as ByteRange;
      bytes = await file.read(what, offset, length);
    } else {
      bytes = new Uint8Array(ranges.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const { offset, length } of ranges) {
        bytes.set(await file.read(what, offset, length), at);
        at += length;
      }
    }
    if (encoding === 'varints') return readVarints(bytes, this.#dtype, this.#count(), this.#name);
    return bigEndian === true ? swapped(bytes, bitsOf(this.#dtype) / 8) : bytes;
  }
}

/** Checks what a file says of a tensor against the bytes that it has. */
export function checkExtent(
  name: string,
  shape: readonly number[],
  dtype: ModelDtype,
  place: Pick<TensorPlace, 'file' | 'ranges' | 'encoding'>,
  length = place.ranges.reduce((sum, range) => sum + range.length, 0),
): void {
  const where = 'readModel';
  const shown = `the tensor ${JSON.stringify(name.slice(0, 100))} of shape ${shapeText(shape.slice(0, 8))}`;
  let count = 1;
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0) {
      refuse('BAD_MODEL', where, `${shown} to have whole axes from 0 on`, extent);
    }
    count *= extent;
  }
  const wanted = byteLength(dtype, count);
  const entries = varintCount(dtype, count);
  // A varint takes one to ten bytes.
  const fits = place.encoding === 'varints' ? length >= entries && length <= 10 * entries : length === wanted;
  if (!fits) refuse('BAD_MODEL', where, `${wanted} bytes of ${dtype} for ${shown}`, `${length} bytes`);
  for (const range of place.ranges) place.file.checkRange(shown, range.offset, range.length);
}

/** Entries of a protobuf list: values that share a byte share an entry. */
function varintCount(dtype: ModelDtype, count: number): number {
  return bitsOf(dtype) < 8 ? byteLength(dtype, count) : count;
}

/** Numbers of a protobuf list in the bytes of the dtype; small floats are there by their bit patterns. */
function readVarints(bytes: Uint8Array, dtype: ModelDtype, count: number, name: string): Uint8Array {
  const size = Math.max(1, bitsOf(dtype) / 8);
  const entries = varintCount(dtype, count);
  const result = new Uint8Array(entries * size);
  const view = new DataView(result.buffer);
  const reader = new WireReader(bytes);
  let index = 0;
  try {
    for (; index < entries; index += 1) {
      reader.varint();
      if (size === 1) view.setUint8(index, reader.low);
      else if (size === 2) view.setUint16(2 * index, reader.low, true);
      else view.setUint32(size * index, reader.low, true);
      if (size === 8) view.setUint32(8 * index + 4, reader.high, true);
    }
  } catch {
    index = -1;
  }
  if (index !== entries || !reader.ended) {
    refuse(
      'BAD_MODEL',
      'readModel',
      `${entries} numbers in the tensor ${JSON.stringify(name)}`,
      'another count',
    );
  }
  return result;
}

function swapped(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes);
  for (let at = 0; at + size <= result.length; at += size) result.subarray(at, at + size).reverse();
  return result;
}

/** Between rows first and columns first. */
function reorder<Array extends Values | Float32Array>(
  values: Array,
  shape: readonly number[],
  to: 'rows' | 'columns',
): Array {
  const result = values.slice() as Array;
  // Distance between neighbours along each axis where the first axis runs fastest.
  let step = 1;
  const steps = shape.map((extent) => {
    step *= extent;
    return step / extent;
  });
  const index = shape.map(() => 0);
  let column = 0;
  for (let row = 0; row < values.length; row += 1) {
    if (to === 'rows') result[row] = values[column] as number;
    else result[column] = values[row] as number;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      column += steps[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      column -= (steps[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}

function dequantize(
  values: Values,
  shape: readonly number[],
  { axis, scale, zeroPoint }: StoredQuantization,
): Values {
  const inner = product(shape.slice(axis + 1));
  const channels = scale.length === 1 ? 1 : (shape[axis] as number);
  const result = allocateValues('float32', values.length);
  for (let index = 0; index < values.length; index += 1) {
    const channel = channels === 1 ? 0 : Math.floor(index / inner) % channels;
    const zero = zeroPoint.length === 1 ? zeroPoint[0] : zeroPoint[channel];
    result[index] = ((values[index] as number) - (zero as number)) * (scale[channel] as number);
  }
  return result;
}
