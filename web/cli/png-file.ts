// PNG files: what their header says is checked before pixels are made of them, which pngjs does not do.

import { inflateSync } from 'node:zlib';
import { UsageError } from './usage.js';

/** Pixels of a picture of four channels that a tensor can hold. */
const MOST_PIXELS = 2 ** 27;
/** Samples of a pixel, by the type of colour. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Where the passes of an interlaced file begin, and their steps: x, y, across, down. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Red, green, blue and alpha of every pixel, from 0 to 255; of files with 16 bits a sample to 65535. */
export interface Picture {
  readonly data: Uint8Array | Uint16Array;
  readonly width: number;
  readonly height: number;
}

export async function readPng(file: string, bytes: Buffer): Promise<Picture> {
  const { PNG } = await import('pngjs');
  try {
    const chunks = chunksOf(bytes);
    checkLength(chunks);
    // Half of 16 bits would be lost; fewer than 8 have to be spread.
    const options = { skipRescale: headerOf(chunks).bits === 16 };
    // Programs append what is theirs, which pngjs takes for damage.
    const picture: Picture = PNG.sync.read(bytes.subarray(0, chunks.at(-1)?.end), options);
    restoreKey(picture, chunks);
    return picture;
  } catch (error) {
    throw new UsageError(`${file} is no PNG that can be read: ${(error as Error).message}`);
  }
}

/** The one colour of a file without alpha that is transparent: it keeps itself, and pngjs makes it black. */
function restoreKey({ data }: Picture, chunks: readonly Chunk[]): void {
  const { bits, type } = headerOf(chunks);
  const key = chunks.find((chunk) => chunk.type === 'tRNS')?.data;
  if (key === undefined || (type !== 0 && type !== 2)) return;
  const most = data instanceof Uint16Array ? 65535 : 255;
  const colour = [0, 2, 4].map((at) =>
    Math.round((most * key.readUInt16BE(type === 0 ? 0 : at)) / (2 ** bits - 1)),
  );
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 0) data.set(colour, at);
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
  /** Behind its checksum. */
  readonly end: number;
}

/** All up to the last one of a picture. */
function chunksOf(bytes: Buffer): Chunk[] {
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n' || bytes.toString('latin1', 12, 16) !== 'IHDR') {
    throw new Error('it does not begin as one');
  }
  if (bytes.length < 33) throw new Error('it ends within its header');
  const chunks: Chunk[] = [];
  for (let at = 8; at + 8 <= bytes.length && chunks.at(-1)?.type !== 'IEND'; ) {
    const [start, type] = [at + 8, bytes.toString('latin1', at + 4, at + 8)];
    const length = bytes.readUInt32BE(at);
    at = start + length + 4;
    if (at > bytes.length) throw new Error(`it ends within its chunk ${type}`);
    chunks.push({ type, data: bytes.subarray(start, start + length), end: at });
  }
  return chunks;
}

function headerOf(chunks: readonly Chunk[]) {
  const { data } = chunks[0] as Chunk;
  if (data.length < 13) throw new Error('its header is too short');
  return {
    width: data.readUInt32BE(0),
    height: data.readUInt32BE(4),
    bits: data.readUInt8(8),
    type: data.readUInt8(9),
    interlaced: data.readUInt8(12),
  };
}

/** Throws where the pixels are not as many as the header says, or more than are taken. */
function checkLength(chunks: readonly Chunk[]): void {
  const { width, height, bits, type, interlaced } = headerOf(chunks);
  const samples = SAMPLES[type];
  if (samples === undefined || ![1, 2, 4, 8, 16].includes(bits))
    throw new Error('its colours are of no known kind');
  if (width * height === 0 || width * height > MOST_PIXELS) {
    throw new Error(`expected 1 to ${MOST_PIXELS} pixels, got ${width} x ${height}`);
  }
  let wanted = 0;
  for (const [x, y, across, down] of interlaced === 0 ? [[0, 0, 1, 1] as const] : PASSES) {
    const [columns, rows] = [Math.ceil((width - x) / across), Math.ceil((height - y) / down)];
    // A row begins with a byte for its filter; a pass without columns has no rows.
    if (columns > 0 && rows > 0) wanted += rows * (1 + Math.ceil((columns * bits * samples) / 8));
  }
  const pixels = Buffer.concat(chunks.filter((chunk) => chunk.type === 'IDAT').map(({ data }) => data));
  const got = inflatedLength(pixels, wanted);
  if (got !== wanted) {
    throw new Error(
      `its ${width} x ${height} pixels take ${wanted} bytes, and it has ${got > wanted ? 'more' : got}`,
    );
  }
}

/** Bytes that data are inflated to, which is not gone on with beyond `most`: then one more. */
function inflatedLength(data: Buffer, most: number): number {
  try {
    return inflateSync(data, { maxOutputLength: most }).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return most + 1;
    throw new Error('its pixels are damaged or cut off');
  }
}
