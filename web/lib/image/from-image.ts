import { checkAxes, checkOptions, refuse } from '../core/checks.js';
import { readForeign } from '../core/foreign.js';
import type { AxisList } from '../core/lists.js';
import { FreshTensor, shapeOf, type Tensor } from '../core/tensor.js';
import { checkRuntime } from '../runtime/execution.js';
import { sinkOf } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { pixelsToFloats } from '../runtime/pixels.js';
import {
  type Channels,
  checkPicture,
  factors,
  PICTURE_OPTION_NAMES,
  type PictureOptions,
  pictureShape,
} from './picture.js';
import { type ImageSource, readSource } from './source.js';

/** Options of {@link fromImage}. */
export interface FromImageOptions extends PictureOptions {
  /**
   * 3 for red, green and blue (default), 4 with alpha, 1 for grey: 0.299 red + 0.587 green + 0.114 blue. 1 and 3 leave
   * alpha out: a transparent pixel counts with its colour.
   */
  readonly channels?: Channels;
  /** Draws the picture to this size, `[height, width]` or one number for both, smoothly and without regard to its proportions. */
  readonly size?: number | AxisList<2>;
  /** Receives the values instead of a new tensor: `[1, C, H, W]`, or without the batch; by `layout`. */
  readonly out?: Tensor;
}

/**
 * A picture as a tensor of one batch, `[1, C, H, W]` or, with layout `'channels-last'`, `[1, H, W, C]`.
 *
 * Each value is `(byte / 255 - mean) / std`, in one multiplication and one addition. Bytes are what an ImageData has:
 * gamma-encoded sRGB, colours not multiplied by alpha. What has to be drawn (everything but pixels) goes through a
 * canvas, which keeps colours exactly where alpha is 255. With a HeapTensor for `out` nothing is copied but the bytes.
 *
 * @throws {DeconvError} `BAD_BUFFER` (a picture of another origin, one that is closed or has not loaded), `BAD_SHAPE`
 * (no pixels, another `out`), `BAD_TYPE`, `BAD_OPTION`, `UNSUPPORTED` (a `size` where there is no canvas),
 * `NOT_INITIALIZED`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * await init();
 * // Two pixels, orange and blue; in a page a canvas, an image, a video, ImageData.
 * const picture = { data: Uint8ClampedArray.of(255, 128, 0, 255, 0, 64, 255, 255), width: 2, height: 1 };
 * const x = fromImage(picture);
 * console.log(x.shape.join('x')); // 1x3x1x2
 * console.log(Array.from(x.data, (value) => value.toFixed(2)).join(' ')); // 1.00 0.00 0.50 0.25 0.00 1.00
 */
export function fromImage<Out extends Tensor = Tensor<ArrayBuffer>>(
  source: ImageSource,
  options: FromImageOptions & { readonly out?: Out } = {},
): Out {
  const where = 'fromImage';
  const checked = checkOptions<FromImageOptions>(where, options, [
    ...PICTURE_OPTION_NAMES,
    'channels',
    'size',
    'out',
  ]);
  const { channels = 3, size, out } = checked;
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    refuse('BAD_OPTION', where, 'channels to be 1, 3 or 4', channels);
  }
  const picture = checkPicture(where, checked, channels);
  const drawnSize =
    size === undefined ? undefined : (checkAxes(where, 'size', size, 2, 1) as [number, number]);
  const runtime = requireRuntime(where, checkRuntime(where, checked.runtime));
  const { bytes, width, height } = readForeign(where, 'source', () => readSource(where, source, drawnSize));
  const single = pictureShape(where, picture.layout, channels, height, width);
  const conversion = {
    where,
    pixels: width * height,
    channels,
    layout: picture.layout,
    factors: factors(where, picture, (mean, std) => [1 / (255 * std), -mean / std]),
  };
  if (out === undefined) {
    const fresh = new FreshTensor(where, [1, ...single]);
    pixelsToFloats(runtime, conversion, bytes, fresh);
    return fresh.tensor as Tensor as Out;
  }
  const shape =
    (shapeOf(out) as Partial<Tensor['shape']> | undefined)?.length === 3 ? single : [1, ...single];
  const sink = sinkOf(where, out, shape, channels * width * height, runtime);
  pixelsToFloats(runtime, conversion, bytes, sink);
  return out as Out;
}
