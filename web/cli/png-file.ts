// PNG files: what their header says is checked before pixels are made of them, which pngjs does not do.

import { inflateSync } from 'node:zlib';
import type { PNG } from 'pngjs';
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

export async function readPng(file: string, bytes: Buffer): Promise<PNG> {
  const { PNG } = await import('pngjs');
  try {
    checkLength(bytes);
    return PNG.sync.read(bytes);
  } catch (error) {
    throw new UsageError(`${file} is no PNG that can be read: ${(error as Error).message}`);
  }
}

/** Throws where the pixels are not as many as the header says, or more than are taken. */
function checkLength(bytes: Buffer): void {
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n' || bytes.toString('latin1', 12, 16) !== 'IHDR') {
    throw new Error('it does not begin as one');
  }
  if (bytes.length < 33) throw new Error('it ends within its header');
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const [bits, samples, interlaced] = [
    bytes.readUInt8(24),
    SAMPLES[bytes.readUInt8(25)],
    bytes.readUInt8(28),
  ];
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
  const got = inflatedLength(dataOf(bytes), wanted);
  if (got !== wanted) {
    throw new Error(
      `its ${width} x ${height} pixels take ${wanted} bytes, and it has ${got > wanted ? 'more' : got}`,
    );
  }
}

/** The compressed pixels: all chunks of them. */
function dataOf(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 8; at + 8 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (end + 4 > bytes.length) throw new Error(`it ends within its chunk ${type}`);
    if (type === 'IEND') break;
    if (type === 'IDAT') parts.push(bytes.subarray(at + 8, end));
    at = end + 4;
  }
  return Buffer.concat(parts);
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
