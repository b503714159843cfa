import { fault, refuse } from '../core/checks.js';
import type { DeconvError } from '../core/errors.js';
import { isError, messageOf } from '../core/realms.js';
import { type CheckedPixels, checkPixels, type PixelData } from './pixel-data.js';

/**
 * What holds a picture: pixels (an ImageData, or their like), or what a canvas draws. Files and Blobs come through
 * `await createImageBitmap(blob)`.
 */
export type ImageSource =
  | PixelData
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageBitmap
  | VideoFrame
  | HTMLImageElement
  | HTMLVideoElement;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** How large those are that a canvas draws, by what they call themselves. */
const DRAWN: Readonly<Record<string, (source: never) => Size>> = {
  HTMLCanvasElement: (canvas: HTMLCanvasElement) => canvas,
  OffscreenCanvas: (canvas: OffscreenCanvas) => canvas,
  ImageBitmap: (bitmap: ImageBitmap) => bitmap,
  VideoFrame: (frame: VideoFrame) => ({ width: frame.displayWidth, height: frame.displayHeight }),
  HTMLImageElement: (image: HTMLImageElement) => ({ width: image.naturalWidth, height: image.naturalHeight }),
  HTMLVideoElement: (video: HTMLVideoElement) => ({ width: video.videoWidth, height: video.videoHeight }),
};

/** The pixels of a source, of its own size or drawn to [height, width]. */
export function readSource(
  where: string,
  source: unknown,
  size: readonly [height: number, width: number] | undefined,
): CheckedPixels {
  const tag = Object.prototype.toString.call(source).slice(8, -1);
  const sizeOf = Object.hasOwn(DRAWN, tag) ? DRAWN[tag] : undefined;
  if (sizeOf !== undefined) {
    const own = sizeOf(source as never);
    if (!(own.width > 0 && own.height > 0) || isUnloaded(tag, source)) throw emptyFault(where, tag);
    return drawn(where, tag, source as CanvasImageSource, size ?? [own.height, own.width]);
  }
  if (typeof source !== 'object' || source === null || !('data' in source)) {
    refuse(
      'BAD_TYPE',
      where,
      'source to be an ImageData, { data, width, height }, a canvas, an ImageBitmap, a VideoFrame, an image or a video',
      source,
      tag === 'Blob' || tag === 'File' ? 'Pass await createImageBitmap(blob).' : '',
    );
  }
  const pixels = checkPixels(where, 'source', source);
  if (size === undefined || (size[0] === pixels.height && size[1] === pixels.width)) return pixels;
  const canvas = newCanvas(where, pixels.width, pixels.height);
  const data = new ImageData(new Uint8ClampedArray(pixels.bytes), pixels.width, pixels.height);
  const context = contextOf(canvas);
  context.putImageData(data, 0, 0);
  if (isLost(context)) throw lostFault(where, canvas);
  return drawn(where, tag, canvas, size);
}

/** A video without a frame yet, an image that still loads or never will. */
function isUnloaded(tag: string, source: unknown): boolean {
  if (tag === 'HTMLVideoElement') return (source as HTMLVideoElement).readyState < 2;
  return tag === 'HTMLImageElement' && !(source as HTMLImageElement).complete;
}

function emptyFault(where: string, tag: string): DeconvError {
  if (tag.endsWith('Canvas') || tag === 'HTMLCanvasElement') {
    return fault('BAD_SHAPE', where, 'a picture of at least one pixel', `an empty ${tag}`);
  }
  const [state, advice] = tag.startsWith('HTML')
    ? ['that has not loaded', 'Wait for its load event, or for loadeddata of a video.']
    : ['that is closed', 'Read it before close().'];
  return fault('BAD_BUFFER', where, 'a source with a picture', `an ${tag} ${state}`, advice);
}

type Canvas = OffscreenCanvas | HTMLCanvasElement;
type Context = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

// The engine may take it back between two calls.
let scratch: WeakRef<Canvas> | undefined;

/** Draws into a canvas of our own: a source's own context might not exist yet, or be another kind. */
function drawn(
  where: string,
  tag: string,
  source: CanvasImageSource,
  [height, width]: readonly [number, number],
): CheckedPixels {
  let canvas = scratch?.deref();
  if (canvas === undefined) {
    canvas = newCanvas(where, width, height);
    scratch = new WeakRef(canvas);
  } else if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = contextOf(canvas);
  context.globalCompositeOperation = 'copy';
  context.imageSmoothingQuality = 'high';
  try {
    context.drawImage(source, 0, 0, width, height);
    const pixels = checkPixels(where, 'source', context.getImageData(0, 0, width, height));
    if (!isLost(context)) return pixels;
    scratch = undefined;
  } catch (cause) {
    // What is tainted stays so.
    scratch = undefined;
    const tainted = isError(cause) && cause.name === 'SecurityError';
    throw fault(
      'BAD_BUFFER',
      where,
      'a source whose pixels may be read',
      tainted
        ? `a ${tag} with a picture of another origin`
        : `a ${tag} that gives none (${messageOf(cause)})`,
      tainted ? "Set crossOrigin = 'anonymous' before src; its server must allow it (CORS)." : '',
      {},
      cause,
    );
  }
  throw lostFault(where, canvas);
}

/** Whether nothing is drawn: Chromium's, beyond 65535 pixels a side, reads as transparent black, and goes on to. */
function isLost(context: Context): boolean {
  return (context as Partial<Context>).isContextLost?.() === true;
}

function lostFault(where: string, { width, height }: Canvas): DeconvError {
  const got = `one of ${width} x ${height} pixels that draws nothing`;
  return fault('BAD_BUFFER', where, 'a canvas that draws the picture', got, 'Draw it smaller, or try again.');
}

function contextOf(canvas: Canvas): Context {
  return canvas.getContext('2d', { willReadFrequently: true }) as Context;
}

function newCanvas(where: string, width: number, height: number): Canvas {
  if (typeof OffscreenCanvas === 'function') return new OffscreenCanvas(width, height);
  if (typeof document === 'object') {
    return Object.assign(document.createElement('canvas'), { width, height });
  }
  throw fault(
    'UNSUPPORTED',
    where,
    'a canvas to resize pixels with',
    'none where this runs',
    'Leave size out, and resize them before.',
  );
}
