import { checkChoice, fault, refuse, shapeText } from '../core/checks.js';
import { isList } from '../core/realms.js';
import { elementCount } from '../core/tensor.js';
import type { Runtime } from '../runtime/runtime.js';

/** How the values of a tensor stand for bytes: `value = (byte / 255 - mean) / std`. */
export interface PictureOptions {
  /** Axes of the tensor: N C H W or N H W C. Default `'channels-first'`. */
  readonly layout?: 'channels-first' | 'channels-last';
  /** Of all channels, or a list with one for each. Default 0: values from 0 to 1. */
  readonly mean?: number | readonly number[];
  /** The same; not 0, also as a float32. Default 1. With mean 0.5 and std 0.5 values go from -1 to 1, with std 1 / 255 from 0 to 255. */
  readonly std?: number | readonly number[];
  /** On whose heap it is computed: a runtime of `createRuntime`. Default: the default one. */
  readonly runtime?: Runtime | undefined;
}

export const PICTURE_OPTION_NAMES = [
  'layout',
  'mean',
  'std',
  'runtime',
] as const satisfies readonly (keyof PictureOptions)[];

/** Channels of a picture as a tensor: grey, colour, or colour and alpha. */
export type Channels = 1 | 3 | 4;

export interface CheckedPicture {
  readonly layout: 'channels-first' | 'channels-last';
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export function checkPicture(where: string, options: PictureOptions, channels: number): CheckedPicture {
  const std = checkPerChannel(where, 'std', options.std ?? 1, channels);
  if (std.some((value) => Math.fround(value) === 0)) {
    refuse('BAD_OPTION', where, 'std other than 0 in float32', options.std);
  }
  return {
    layout: checkLayout(where, options),
    mean: checkPerChannel(where, 'mean', options.mean ?? 0, channels),
    std,
  };
}

export function checkLayout(where: string, { layout }: PictureOptions): CheckedPicture['layout'] {
  return checkChoice(where, 'layout', layout ?? 'channels-first', ['channels-first', 'channels-last']);
}

/** One finite number for each channel. */
function checkPerChannel(where: string, name: string, value: unknown, channels: number): readonly number[] {
  if (typeof value !== 'number' && !isList(value)) {
    refuse('BAD_TYPE', where, `${name} to be a number or a list of ${channels}`, value);
  }
  const list: readonly unknown[] = typeof value === 'number' ? new Array(channels).fill(value) : value;
  if (list.length !== channels) {
    refuse('BAD_OPTION', where, `${name} to have an entry for each of ${channels} channels`, value);
  }
  return Array.from(list, (entry, channel) => {
    if (typeof entry !== 'number') refuse('BAD_TYPE', where, `${name}[${channel}] to be a number`, entry);
    if (!Number.isFinite(entry)) refuse('BAD_OPTION', where, `${name}[${channel}] to be finite`, entry);
    return entry;
  });
}

/** Four scales and four offsets; a channel that is not there has zeros. */
export function factors(
  where: string,
  { mean, std }: CheckedPicture,
  scaleOf: (mean: number, std: number) => readonly [scale: number, offset: number],
): readonly number[] {
  const four = [0, 1, 2, 3].map((channel) =>
    channel < mean.length ? scaleOf(mean[channel] as number, std[channel] as number) : ([0, 0] as const),
  );
  const beyond = four.findIndex((pair) => !pair.map(Math.fround).every(Number.isFinite));
  if (beyond >= 0) {
    const got = { mean: mean[beyond], std: std[beyond] };
    throw fault(
      'BAD_OPTION',
      where,
      'mean and std whose quotients and products float32 holds',
      `mean ${got.mean} and std ${got.std} of channel ${beyond}`,
      '',
      { got },
    );
  }
  return [...four.map(([scale]) => scale), ...four.map(([, offset]) => offset)];
}

/** The axes of a picture, without a batch. */
export function pictureShape(
  where: string,
  layout: CheckedPicture['layout'],
  channels: number,
  height: number,
  width: number,
): number[] {
  const shape = layout === 'channels-first' ? [channels, height, width] : [height, width, channels];
  elementCount(where, 'a picture', shape);
  return shape;
}

/** Channels, height and width of a tensor that is one picture. */
export function readPictureShape(
  where: string,
  layout: CheckedPicture['layout'],
  shape: readonly number[],
): { readonly channels: Channels; readonly height: number; readonly width: number } {
  const complain = (advice: string): never => {
    const axes = layout === 'channels-first' ? 'C, H, W' : 'H, W, C';
    throw fault(
      'BAD_SHAPE',
      where,
      `a tensor of shape [1, ${axes}] or [${axes}] with 1, 3 or 4 channels (layout '${layout}')`,
      shapeText(shape),
      advice,
      { layout, got: shape },
    );
  };
  const batched = shape.length === 4;
  if (batched && shape[0] !== 1) complain('Pass one picture of the batch: a subarray of its data.');
  const single = batched ? shape.slice(1) : shape;
  if (single.length !== 3) complain('Add or drop axes.');
  const [channels, height, width] = (
    layout === 'channels-first' ? single : [single[2], single[0], single[1]]
  ) as [number, number, number];
  if (channels !== 1 && channels !== 3 && channels !== 4) complain('Choose the channels to show.');
  if (height < 1 || width < 1) complain('A picture has at least one pixel.');
  return { channels: channels as Channels, height, width };
}
