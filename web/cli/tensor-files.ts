// Tensors from and to files: pictures, sound, arrays of numpy's.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Tensor, Upsample } from 'deconv-wasm';
import { fromImage, type PictureOptions, toImageData } from 'deconv-wasm/image';
import { readModel } from 'deconv-wasm/models';
import type { PortInfo } from 'deconv-wasm/network';
import { type Picture, readPng } from './png-file.js';
import { readWav, writeWav } from './sound-file.js';
import { givenText, printable } from './terminal.js';
import { UsageError } from './usage.js';
import { inOption } from './written-files.js';

export const KINDS = ['.png', '.npy', '.wav'] as const;
export type Kind = (typeof KINDS)[number];

/** What a file's name says that it is. */
export function kindOf(file: string): Kind {
  const extension = path.extname(file).toLowerCase();
  const kind = KINDS.find((one) => one === extension);
  if (kind !== undefined) return kind;
  throw new UsageError(`expected a file that ends with ${KINDS.join(', ')}, got ${givenText(file)}`);
}

/** How bytes of pictures stand for numbers, and how long a sound's second is. */
export interface Meaning {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly rate: number;
}

export interface ReadValues {
  readonly tensor: Tensor;
  /** What was done to make it fit, if anything. */
  readonly note: string | null;
}

/** Whether pictures become as large as the input that they are for, or stay as they are. */
export type PictureSize = 'fitted' | 'own';

/** The values of a file that an option names, in the form that an input wants them in. */
export async function readTensor(
  option: string,
  file: string,
  port: PortInfo,
  format: 'onnx' | 'tflite',
  meaning: Meaning,
  pictureSize: PictureSize = 'fitted',
): Promise<ReadValues> {
  try {
    return await readKind(option, file, port, format, meaning, pictureSize);
  } catch (error) {
    if (error instanceof UsageError && error.message.startsWith(printable(file))) {
      throw new UsageError(`${option} ${error.message}`);
    }
    throw inOption(option, file, error);
  }
}

async function readKind(
  option: string,
  file: string,
  port: PortInfo,
  format: 'onnx' | 'tflite',
  meaning: Meaning,
  pictureSize: PictureSize,
): Promise<ReadValues> {
  switch (kindOf(file)) {
    case '.npy': {
      await using model = await readModel(file, { format: 'npy' });
      const [values] = model.tensors;
      if (values === undefined) throw new UsageError(`${printable(file)} holds no numbers`);
      return { tensor: await values.read(), note: null };
    }
    case '.wav': {
      const { channels } = readWav(printable(file), await readFile(file));
      const [count, length] = [channels.length, channels[0]?.length ?? 0];
      if (length === 0 && option !== '--compare') {
        throw new UsageError(`${printable(file)} has a sound without samples`);
      }
      const rank = port.shape.length;
      const flat = rank === 1 || rank === 2;
      if (flat && count > 1) {
        throw new UsageError(`${printable(file)} has ${count} channels; ${printable(port.name)} takes one`);
      }
      const last = isSoundLast(port.shape, format);
      const data = new Float32Array(count * length);
      for (const [channel, samples] of channels.entries()) {
        if (!last) data.set(samples, channel * length);
        else for (const [index, sample] of samples.entries()) data[index * count + channel] = sample;
      }
      const axes = last ? [1, length, count] : [1, count, length];
      return { tensor: { data, shape: flat ? axes.slice(3 - rank) : axes }, note: null };
    }
    case '.png':
      return readPicture(option, file, port, format, meaning, pictureSize);
  }
}

async function readPicture(
  option: string,
  file: string,
  { name, shape }: PortInfo,
  format: 'onnx' | 'tflite',
  { mean, std }: Meaning,
  pictureSize: PictureSize,
): Promise<ReadValues> {
  const { layout, channels, tall, wide } = pictureOf(shape, format);
  // Of an output it may have no batch, as it is written; an input of three axes takes sound.
  const isCompared = option === '--compare';
  if (
    !(shape.length === 4 || (isCompared && shape.length === 3)) ||
    (channels !== 1 && channels !== 3 && channels !== 4)
  ) {
    throw new UsageError(
      `${printable(name)} of shape [${shape.join(', ')}] takes no picture: one of 1, 3 or 4 channels does`,
    );
  }
  const way = isCompared ? 'output-' : '';
  const options: PictureOptions = {
    layout,
    mean: perChannel(`${way}mean`, mean, channels),
    std: perChannel(`${way}std`, std, channels),
  };
  const picture = await readPng(printable(file), await readFile(file));
  const { data, width, height } = picture;
  const drawn =
    data instanceof Uint16Array
      ? fromWide(picture, channels, options)
      : fromImage({ data, width, height }, { ...options, channels });
  const size = [typeof tall === 'number' ? tall : height, typeof wide === 'number' ? wide : width];
  if (pictureSize === 'own' || (size[0] === height && size[1] === width)) {
    return { tensor: { ...drawn, shape: drawn.shape.slice(-shape.length) }, note: null };
  }
  const resize = new Upsample({ size, mode: 'bilinear', layout });
  return {
    tensor: resize.forward(drawn),
    note: `${width} x ${height} pixels resized to ${size[1]} x ${size[0]}, which the network takes`,
  };
}

/** As `fromImage`, which takes bytes, of samples of 16 bits. */
function fromWide(
  { data, width, height }: Picture,
  channels: 1 | 3 | 4,
  { layout, mean = 0, std = 1 }: PictureOptions,
): Tensor {
  const pixels = width * height;
  const values = new Float32Array(channels * pixels);
  const of = (list: number | readonly number[], channel: number) =>
    typeof list === 'number' ? list : (list[channel] as number);
  const last = layout === 'channels-last';
  for (let channel = 0; channel < channels; channel += 1) {
    const [offset, divisor] = [of(mean, channel), of(std, channel)];
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const sample = (index: number) => data[4 * pixel + index] as number;
      const value =
        channels === 1 ? 0.299 * sample(0) + 0.587 * sample(1) + 0.114 * sample(2) : sample(channel);
      values[last ? pixel * channels + channel : channel * pixels + pixel] =
        (value / 65535 - offset) / divisor;
    }
  }
  return { data: values, shape: last ? [1, height, width, channels] : [1, channels, height, width] };
}

/** The file that holds an output's values; what does not fit into one of its kind says why. */
export async function encodeTensor(
  file: string,
  tensor: Tensor,
  format: 'onnx' | 'tflite',
  meaning: Meaning,
): Promise<Uint8Array> {
  try {
    return await encodeKind(file, tensor, format, meaning);
  } catch (error) {
    throw inOption('--output', file, error);
  }
}

async function encodeKind(
  file: string,
  tensor: Tensor,
  format: 'onnx' | 'tflite',
  { mean, std, rate }: Meaning,
): Promise<Uint8Array> {
  const { data, shape } = tensor;
  switch (kindOf(file)) {
    case '.npy':
      return npy(tensor);
    case '.wav': {
      const last = isSoundLast(shape, format);
      const [inner = 0, next = 1, ...outer] = shape.toReversed();
      const [length, channels] = last ? [next, inner] : [inner, next];
      if (shape.length === 0 || shape.length > 3 || outer.some((extent) => extent !== 1)) {
        throw new UsageError(
          `--output ${printable(file)}: a sound has the shape ${format === 'onnx' ? '[1, channels, samples]' : '[1, samples, channels]'}, not [${shape.join(', ')}]`,
        );
      }
      if (4 * channels >= 2 ** 16 || 4 * channels * rate >= 2 ** 32) {
        throw new UsageError(
          `--output ${printable(file)}: a sound of ${channels} channels at --rate ${rate} is more than the header of a .wav can say`,
        );
      }
      const parts = Array.from({ length: channels }, (_, channel) =>
        last
          ? Float32Array.from({ length }, (__, index) => data[index * channels + channel] as number)
          : data.subarray(channel * length, (channel + 1) * length),
      );
      return writeWav({ channels: parts, rate });
    }
    case '.png': {
      const { PNG } = await import('pngjs');
      const { layout, channels = 1 } = pictureOf(shape, format);
      const options: PictureOptions = {
        layout,
        mean: perChannel('output-mean', mean, channels),
        std: perChannel('output-std', std, channels),
      };
      const pixels = toImageData(tensor, options);
      const picture = new PNG({ width: pixels.width, height: pixels.height });
      picture.data.set(pixels.data);
      return PNG.sync.write(picture);
    }
  }
}

/**
 * The axes of a picture, with a batch before them or without: the channels are where there are as many as a picture has,
 * and else where the format has them.
 */
function pictureOf<Extent extends number | string>(shape: readonly Extent[], format: 'onnx' | 'tflite') {
  const [one, other, third] = shape.slice(-3);
  const isChannels = (extent: Extent | undefined) => [1, 3, 4].includes(extent as number);
  const [first, last] = [isChannels(one), isChannels(third)];
  return (first === last ? format === 'onnx' : first)
    ? ({ layout: 'channels-first', channels: one, tall: other, wide: third } as const)
    : ({ layout: 'channels-last', channels: third, tall: one, wide: other } as const);
}

/** Whether a sound's channels lie behind its samples: as TFLite has them, but where they can only be the axis before. */
function isSoundLast(shape: readonly (number | string)[], format: 'onnx' | 'tflite'): boolean {
  const [before, last] = shape.slice(-2);
  const areChannels = (extent: number | string | undefined) => extent === 1 || extent === 2;
  return format === 'tflite' && shape.length > 1 && (areChannels(last) || !areChannels(before));
}

function perChannel(option: string, values: readonly number[], channels: number): number | readonly number[] {
  if (values.length === 1) return values[0] as number;
  if (values.length === channels) return values;
  const wanted = channels === 1 ? 'one number' : `1 or ${channels} numbers`;
  throw new UsageError(`expected --${option} to be ${wanted}, got ${values.length}`);
}

/** Version 1.0 of numpy's format. */
export function npy({ data, shape }: Tensor): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${axes}), }`;
  // Data begin at a multiple of 64; the header ends with a line feed.
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length + 4 * data.length);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, length & 255, length >> 8]);
  bytes.set(new TextEncoder().encode(`${header.padEnd(length - 1)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + length);
  return bytes;
}
