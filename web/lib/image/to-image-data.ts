import { checkInteger, checkOptions, fault, refuse } from '../core/checks.js';
import { readForeign } from '../core/foreign.js';
import { checkTensor, roomFor, type TensorLike } from '../core/tensor.js';
import { checkRuntime } from '../runtime/execution.js';
import { locate } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { floatsToPixels } from '../runtime/pixels.js';
import {
  checkLayout,
  checkPicture,
  factors,
  PICTURE_OPTION_NAMES,
  type PictureOptions,
  readPictureShape,
} from './picture.js';
import { checkPixels, type PixelData } from './pixel-data.js';

/** Options of {@link toImageData}. */
export interface ToImageDataOptions extends PictureOptions {
  /** Receives the pixels instead of a new ImageData; of the tensor's height and width. */
  readonly out?: PixelData;
  /**
   * For a tensor without an alpha channel: the byte of all pixels (default 255, opaque), or `'keep'` for what `out` has.
   * Of four channels the fourth is alpha.
   */
  readonly alpha?: number | 'keep';
}

/**
 * A tensor of one picture, `[1, C, H, W]` or `[C, H, W]` (with layout `'channels-last'` `[1, H, W, C]` or `[H, W, C]`) of
 * 1, 3 or 4 channels, as pixels; where there is no ImageData (Node) as a plain `{ data, width, height }`.
 *
 * Each byte is `(value * std + mean) * 255`, rounded as an ImageData rounds what is stored in it: to the nearest whole
 * number, ties to the even one, clamped to 0 and 255; NaN is 0. From a HeapTensor nothing is copied but the bytes.
 *
 * @throws {DeconvError} `BAD_SHAPE` (a batch, other channels, an `out` of another size), `BAD_TYPE`, `BAD_BUFFER`,
 * `BAD_OPTION`, `NOT_INITIALIZED`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * await init();
 * // In a page: context.putImageData(toImageData(y), 0, 0).
 * const out = { data: new Uint8ClampedArray(8), width: 2, height: 1 };
 * toImageData({ data: [1, 0, 0.5, 0.25, 0, 1], shape: [1, 3, 1, 2] }, { out });
 * console.log(out.data.join(' ')); // 255 128 0 255 0 64 255 255
 */
export function toImageData<Out extends PixelData = ImageData>(
  tensor: TensorLike,
  options: ToImageDataOptions & { readonly out?: Out } = {},
): Out {
  const where = 'toImageData';
  const checked = checkOptions<ToImageDataOptions>(where, options, [...PICTURE_OPTION_NAMES, 'out', 'alpha']);
  const { data, shape } = checkTensor(where, 'the tensor', tensor);
  const { channels, height, width } = readPictureShape(where, checkLayout(where, checked), shape);
  const picture = checkPicture(where, checked, channels);
  const alpha = checkAlpha(where, checked, channels);
  const runtime = requireRuntime(where, checkRuntime(where, checked.runtime));
  const { out = newPixels(where, width, height) } = checked;
  const pixels = readForeign(where, 'out', () => checkPixels(where, 'out', out));
  if (pixels.width !== width || pixels.height !== height) {
    throw fault(
      'BAD_SHAPE',
      where,
      `out of ${width} x ${height} pixels`,
      `${pixels.width} x ${pixels.height}`,
      'It has the width and height of the tensor.',
      { expected: [width, height], got: [pixels.width, pixels.height] },
    );
  }
  const conversion = {
    where,
    pixels: width * height,
    channels,
    layout: picture.layout,
    factors: factors(where, picture, (mean, std) => [255 * std, 255 * mean]),
  };
  floatsToPixels(runtime, conversion, locate(data, runtime), alpha, pixels.bytes);
  return out as Out;
}

/** The byte of all pixels, or null where they keep theirs. */
function checkAlpha(where: string, { alpha, out }: ToImageDataOptions, channels: number): number | null {
  if (alpha === undefined) return 255;
  if (channels === 4) {
    refuse('BAD_OPTION', where, 'no alpha for a tensor whose fourth channel is alpha', alpha);
  }
  if (alpha !== 'keep') return checkInteger(where, 'alpha', alpha, 0, 255);
  if (out === undefined) refuse('BAD_OPTION', where, "an out for alpha 'keep'", out);
  return null;
}

function newPixels(where: string, width: number, height: number): PixelData {
  return roomFor(where, [height, width], () =>
    typeof ImageData === 'function'
      ? new ImageData(width, height)
      : { data: new Uint8ClampedArray(4 * width * height), width, height },
  );
}
