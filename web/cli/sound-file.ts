// WAV files: what RIFF's chunks say, PCM of 8 to 32 bits and floats in; floats out.

import { UsageError } from './usage.js';

const [PCM, FLOAT, EXTENSIBLE] = [1, 3, 0xfffe];

/** Samples in a second of what is written: beyond any sound's, and within what its header can say. */
export const MAX_RATE = 10_000_000;

/** Lengths from here on are those of streams: none is that of a file that can be read, and programs differ in which they take. */
const OPEN = 0x7f000000;

/** Samples of all channels that a tensor can hold. */
const MOST_SAMPLES = 2 ** 29;

export interface Sound {
  /** A list for each channel. */
  readonly channels: readonly Float32Array[];
  readonly rate: number;
}

interface Format {
  readonly code: number;
  readonly count: number;
  readonly rate: number;
  /** Bytes of one sample of all channels. */
  readonly frame: number;
  readonly bits: number;
}

export function readWav(file: string, bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number) =>
    at + 4 <= bytes.length ? String.fromCharCode(...bytes.subarray(at, at + 4)) : '';
  // Beyond what 32 bits count, lengths stand in a chunk of their own.
  const isLong = word(0) === 'RF64';
  if ((word(0) !== 'RIFF' && !isLong) || word(8) !== 'WAVE') throw new UsageError(`${file} is no WAV file`);
  const whole = 8 + view.getUint32(4, true);
  let format: Format | null = null;
  let long: number | null = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [start, length] = [at + 8, view.getUint32(at + 4, true)];
    const end = Math.min(bytes.length, start + length);
    if (word(at) === 'fmt ' && end - start >= 16) {
      const code = view.getUint16(start, true);
      format = {
        // The long form has the code where its identifier begins.
        code: code === EXTENSIBLE && end - start >= 26 ? view.getUint16(start + 24, true) : code,
        count: view.getUint16(start + 2, true),
        rate: view.getUint32(start + 4, true),
        frame: view.getUint16(start + 12, true),
        bits: view.getUint16(start + 14, true),
      };
    }
    if (word(at) === 'ds64' && isLong && end - start >= 16) long = Number(view.getBigUint64(start + 8, true));
    if (word(at) === 'data' && format !== null) {
      const said = length === 0xffffffff && long !== null ? long : length;
      const rest = bytes.length - start;
      // Who writes to a pipe cannot go back to say how much it was: nothing, or as much as there may be.
      const isOpen = said === 0 ? whole <= start || whole > bytes.length : said >= OPEN && said > rest;
      if (said > rest && !isOpen) {
        throw new UsageError(`${file} is cut off: expected ${said} bytes of sound, got ${rest}`);
      }
      // Bytes behind the last sample are an odd length's padding.
      const stop = start + (isOpen ? rest - (rest % Math.max(1, format.frame)) : said);
      return { channels: channelsOf(file, view, start, stop, format), rate: format.rate };
    }
    at = start + length + (length % 2);
  }
  if (whole > bytes.length && whole < OPEN) {
    throw new UsageError(`${file} is cut off before its sound: expected ${whole} bytes, got ${bytes.length}`);
  }
  throw new UsageError(`${file} has no sound in it`);
}

function channelsOf(
  file: string,
  view: DataView,
  start: number,
  end: number,
  { code, count, frame: frameSize, bits }: Format,
): readonly Float32Array[] {
  const size = Math.ceil(bits / 8);
  // Samples of 12 or 20 bits stand in whole bytes, at their upper end.
  const read = sampleReader(view, code, code === PCM ? 8 * size : bits);
  if (read === null || count < 1)
    throw new UsageError(`${file} has sound of a kind that is not read: PCM or floats are`);
  if (frameSize !== size * count) {
    // Cool Edit's floats say so of themselves, ALSA has samples at the lower end, others at the upper one.
    throw new UsageError(
      `${file} has sound of a kind that is not read: expected samples of ${bits} bits to take ${size * count} bytes for ${count} channels, got ${frameSize}. Programs differ in what such bytes mean: save it with ${8 * Math.floor(frameSize / count)} bits, or packed`,
    );
  }
  if ((end - start) % frameSize !== 0) {
    throw new UsageError(`${file} is cut off: its sound ends within its last ${frameSize} bytes`);
  }
  const frames = (end - start) / frameSize;
  if (frames * count > MOST_SAMPLES) {
    throw new UsageError(`${file}: expected at most ${MOST_SAMPLES} samples, got ${frames * count}`);
  }
  return Array.from({ length: count }, (_, channel) =>
    Float32Array.from({ length: frames }, (_, frame) => read(start + size * (frame * count + channel))),
  );
}

function sampleReader(view: DataView, code: number, bits: number): ((at: number) => number) | null {
  if (code === FLOAT && bits === 32) return (at) => view.getFloat32(at, true);
  if (code === FLOAT && bits === 64) return (at) => view.getFloat64(at, true);
  if (code !== PCM) return null;
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 2 ** 15;
  if (bits === 24) return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23;
  return bits === 32 ? (at) => view.getInt32(at, true) / 2 ** 31 : null;
}

/** Of chunks before the samples: what is no PCM says that its format has no more to it, and how many samples there are. */
const HEADER = 58;

/** 32-bit floats, so that nothing is rounded or cut off. */
export function writeWav({ channels, rate }: Sound): Uint8Array {
  const count = channels.length;
  const frames = channels[0]?.length ?? 0;
  const view = new DataView(new ArrayBuffer(HEADER + 4 * frames * count));
  const text = (at: number, word: string) => {
    for (const [index, letter] of [...word].entries()) view.setUint8(at + index, letter.charCodeAt(0));
  };
  text(0, 'RIFF');
  view.setUint32(4, view.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 18, true);
  view.setUint16(20, FLOAT, true);
  view.setUint16(22, count, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 4 * rate * count, true);
  view.setUint16(32, 4 * count, true);
  view.setUint16(34, 32, true);
  text(38, 'fact');
  view.setUint32(42, 4, true);
  view.setUint32(46, frames, true);
  text(50, 'data');
  view.setUint32(54, 4 * frames * count, true);
  for (const [channel, samples] of channels.entries()) {
    for (const [frame, sample] of samples.entries()) {
      view.setFloat32(HEADER + 4 * (frame * count + channel), sample, true);
    }
  }
  return new Uint8Array(view.buffer);
}
