import { BinaryReader } from '@bufbuild/protobuf/wire';
import { refuse, shapeText } from '../core/checks.js';
import { narrow, widen } from '../core/float16.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { allocateTensor, elementCount, type Tensor } from '../core/tensor.js';
import type { ModelFile } from './source.js';

/** Bits of one value. */
const BITS = {
  float64: 64,
  float32: 32,
  float16: 16,
  bfloat16: 16,
  int64: 64,
  uint64: 64,
  int32: 32,
  uint32: 32,
  int16: 16,
  uint16: 16,
  int8: 8,
  uint8: 8,
  int4: 4,
  uint4: 4,
  bool: 8,
} as const;

/** How a file stores a value; two 4-bit values share a byte, the first in its lower half. */
export type ModelDtype = keyof typeof BITS;

/** Bytes of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** `value = (stored - zeroPoint) * scale`, one pair for all or one for each index along `axis`. */
export interface TensorQuantization {
  readonly axis: number;
  readonly scale: Float32Array;
  readonly zeroPoint: Float32Array;
}

/** Where a tensor's bytes are. */
export interface TensorPlace {
  readonly file: ModelFile;
  /** In order; one of them but for files that split a list. */
  readonly ranges: readonly ByteRange[];
  /** `varints` are of the length that each value needs, `deflated` is an archive's compression. */
  readonly encoding: 'raw' | 'varints' | 'deflated';
  readonly bigEndian?: boolean;
  /** The first axis runs fastest, as Fortran has it. */
  readonly columnMajor?: boolean;
  /** Gives the bytes where the ranges themselves are not them. */
  readonly unpack?: () => Promise<Uint8Array>;
  /** Further bytes that must change with the data: checksums. */
  readonly seals?: (bytes: Uint8Array) => readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

/** Values that a file holds: their description now, the values when asked for. */
export class ModelTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: ModelDtype;
  readonly quantization: TensorQuantization | null;
  /** @internal */
  readonly place: TensorPlace;

  /** @internal */
  constructor(
    name: string,
    shape: readonly number[],
    dtype: ModelDtype,
    place: TensorPlace,
    quantization: TensorQuantization | null = null,
  ) {
    this.name = name;
    this.shape = shape;
    this.dtype = dtype;
    this.place = place;
    this.quantization = quantization;
  }

  /** Path of the file that holds the bytes, relative to the model; null for the model itself. */
  get file(): string | null {
    return this.place.file.location;
  }

  /** Where in that file. */
  get ranges(): readonly ByteRange[] {
    return this.place.ranges;
  }

  /** Why `patchModel` cannot change the values; null if it can. */
  get patchObstacle(): string | null {
    if (this.quantization !== null || !/float/.test(this.dtype)) {
      return `its values are ${this.dtype}, which cannot hold new ones exactly enough`;
    }
    if (this.place.encoding === 'varints') return 'its values are stored as numbers of varying length';
    if (this.place.encoding === 'deflated') return 'the archive compresses it';
    return null;
  }

  /**
   * The values as float32, in the tensor's shape. They may be a view on the bytes that the model was read
   * from: copy before writing to them.
   *
   * @throws {DeconvError} `TOO_LARGE`, `OUT_OF_MEMORY`, `BAD_MODEL`, `LOAD_FAILED`
   */
  async read(): Promise<Tensor> {
    const values = decode(await this.#bytes(), this.dtype, this.#count());
    const { quantization, shape } = this;
    const ordered = this.place.columnMajor === true ? reorder(values, shape, 'rows') : values;
    return { data: quantization === null ? ordered : dequantize(ordered, shape, quantization), shape };
  }

  /** The same, but values of 16 bits stay so. */
  async readNarrow(): Promise<Tensor | HalfTensor> {
    const { dtype, shape, place } = this;
    if ((dtype !== 'float16' && dtype !== 'bfloat16') || place.columnMajor === true) return this.read();
    const bytes = await this.#bytes();
    const { buffer, byteOffset } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
    return { data: new Uint16Array(buffer, byteOffset, this.#count()), shape, dtype };
  }

  /** @internal New values as the bytes that the file would hold. */
  encode(where: string, values: Float32Array): Uint8Array {
    const obstacle = this.patchObstacle;
    if (obstacle !== null) {
      refuse(
        'UNSUPPORTED',
        where,
        `${JSON.stringify(this.name)} to be stored so that it can be changed in place`,
        obstacle,
        'Save the model with float32 weights and without compression first.',
      );
    }
    const { bigEndian, columnMajor } = this.place;
    const ordered = columnMajor === true ? reorder(values, this.shape, 'columns') : values;
    const bytes = encode(ordered, this.dtype);
    return bigEndian === true ? swapped(bytes, BITS[this.dtype] / 8) : bytes;
  }

  #count(): number {
    return elementCount('readModel', `the tensor ${JSON.stringify(this.name)}`, this.shape);
  }

  /** In the dtype's little-endian form. */
  async #bytes(): Promise<Uint8Array> {
    const { file, ranges, unpack, encoding, bigEndian } = this.place;
    const count = this.#count();
    // Asks for the memory before the bytes are read; the engine's own failure is not ours.
    let bytes: Uint8Array;
    if (unpack !== undefined) {
      bytes = await unpack();
    } else if (ranges.length === 1) {
      const { offset, length } = ranges[0] as ByteRange;
      bytes = await file.read('readModel', `the tensor ${JSON.stringify(this.name)}`, offset, length);
    } else {
      bytes = new Uint8Array(ranges.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const { offset, length } of ranges) {
        bytes.set(
          await file.read('readModel', `the tensor ${JSON.stringify(this.name)}`, offset, length),
          at,
        );
        at += length;
      }
    }
    if (encoding === 'varints') return readVarints(bytes, this.dtype, count, this.name);
    return bigEndian === true ? swapped(bytes, BITS[this.dtype] / 8) : bytes;
  }
}

/** Bytes of so many values; a tensor's shape must agree with them. */
export function byteLength(dtype: ModelDtype, count: number): number {
  return Math.ceil((count * BITS[dtype]) / 8);
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
  // A varint takes one to ten bytes.
  const fits = place.encoding === 'varints' ? length >= count && length <= 10 * count : length === wanted;
  if (!fits) refuse('BAD_MODEL', where, `${wanted} bytes of ${dtype} for ${shown}`, `${length} bytes`);
  for (const range of place.ranges) place.file.checkRange(where, shown, range.offset, range.length);
}

function decode(bytes: Uint8Array, dtype: ModelDtype, count: number): Float32Array {
  const bits = BITS[dtype];
  const aligned = bytes.byteOffset % Math.max(1, bits / 8) === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer as ArrayBuffer, byteOffset, count);
    case 'float16':
    case 'bfloat16':
      return widen(new Uint16Array(buffer as ArrayBuffer, byteOffset, count), dtype);
    case 'float64':
      return floats(new Float64Array(buffer, byteOffset, count));
    case 'int32':
      return floats(new Int32Array(buffer, byteOffset, count));
    case 'uint32':
      return floats(new Uint32Array(buffer, byteOffset, count));
    case 'int16':
      return floats(new Int16Array(buffer, byteOffset, count));
    case 'uint16':
      return floats(new Uint16Array(buffer, byteOffset, count));
    case 'int8':
      return floats(new Int8Array(buffer, byteOffset, count));
    case 'uint8':
    case 'bool':
      return floats(aligned.subarray(0, count));
    case 'int64':
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
    case 'uint64':
      return Float32Array.from(new BigUint64Array(buffer, byteOffset, count), Number);
    case 'int4':
    case 'uint4': {
      const values = allocateTensor('readModel', [count]).data;
      for (let index = 0; index < count; index += 1) {
        const nibble = ((aligned[index >> 1] as number) >> (4 * (index & 1))) & 15;
        values[index] = dtype === 'int4' && nibble > 7 ? nibble - 16 : nibble;
      }
      return values;
    }
  }
}

function floats(values: ArrayLike<number>): Float32Array {
  const { data } = allocateTensor('readModel', [values.length]);
  data.set(values);
  return data;
}

function encode(values: Float32Array, dtype: ModelDtype): Uint8Array {
  if (dtype === 'float64') return new Uint8Array(Float64Array.from(values).buffer);
  if (dtype === 'float16') return new Uint8Array(narrow(values).buffer);
  if (dtype === 'bfloat16') return new Uint8Array(narrowToBfloat16(values).buffer);
  return new Uint8Array(values.slice().buffer);
}

/** @internal What a tensor would read back after `encode`. */
export function rounded(values: Float32Array, dtype: ModelDtype): Float32Array {
  return decode(encode(values, dtype), dtype, values.length);
}

/** Nearest, ties to even; NaN stays NaN. */
function narrowToBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.slice().buffer);
  return Uint16Array.from(words, (word) =>
    (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16,
  );
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const result = bytes.slice();
  for (let at = 0; at + size <= result.length; at += size) result.subarray(at, at + size).reverse();
  return result;
}

/** Between rows first and columns first. */
function reorder(values: Float32Array, shape: readonly number[], to: 'rows' | 'columns'): Float32Array {
  const result = new Float32Array(values.length);
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

/** Numbers of a protobuf list in the bytes of the dtype; halves are there by their bit patterns. */
function readVarints(bytes: Uint8Array, dtype: ModelDtype, count: number, name: string): Uint8Array {
  const size = BITS[dtype] / 8;
  const result = new Uint8Array(count * size);
  const view = new DataView(result.buffer);
  const reader = new BinaryReader(bytes);
  let index = 0;
  try {
    for (; index < count; index += 1) {
      if (size === 8) view.setBigInt64(8 * index, BigInt(reader.int64()), true);
      else {
        const value = reader.int32();
        if (size === 1) view.setInt8(index, value);
        else if (size === 2) view.setInt16(2 * index, value, true);
        else view.setInt32(4 * index, value, true);
      }
    }
  } catch {
    index = -1;
  }
  if (index !== count || reader.pos !== bytes.length) {
    refuse(
      'BAD_MODEL',
      'readModel',
      `${count} numbers in the tensor ${JSON.stringify(name)}`,
      'another count',
    );
  }
  return result;
}

function dequantize(
  values: Float32Array,
  shape: readonly number[],
  { axis, scale, zeroPoint }: TensorQuantization,
): Float32Array {
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const channels = scale.length === 1 ? 1 : (shape[axis] as number);
  return values.map((value, index) => {
    const channel = channels === 1 ? 0 : Math.floor(index / inner) % channels;
    const zero = zeroPoint.length === 1 ? zeroPoint[0] : zeroPoint[channel];
    return (value - (zero as number)) * (scale[channel] as number);
  });
}
