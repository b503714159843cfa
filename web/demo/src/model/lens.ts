import { fixed } from './numbers';

/** A place in a picture, 0 to 1 on both axes; the same in every panel. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/**
 * How large a picture is shown: `scale` screen pixels a picture pixel, and whether it must be smoothed.
 * Only whole device pixels keep a pixel-sized pattern free of a moiré of our own making, so a picture
 * that would waste much of its place that way, or that does not fit, is smoothed instead.
 */
export function shownSize(
  width: number,
  available: number,
  density: number,
): { scale: number; smoothed: boolean } {
  const fit = (available * density) / width;
  const whole = Math.floor(fit);
  if (whole >= 0.7 * fit) return { scale: whole / density, smoothed: false };
  return { scale: available / width, smoothed: true };
}

/** Side of the lens on a panel this wide: large enough to count pixels in, small enough to leave the picture. */
export function lensSideFor(panelWidth: number): number {
  return Math.round(Math.min(Math.max(panelWidth * 0.36, 88), 126));
}

/** The part of a picture under the lens, in its own pixels; may reach over the border. */
export function lensWindow(
  place: Place,
  width: number,
  height: number,
  lensSide: number,
  zoom: number,
): { left: number; top: number; side: number } {
  const side = lensSide / zoom;
  return {
    left: Math.min(Math.floor(place.x * width), width - 1) + 0.5 - side / 2,
    top: Math.min(Math.floor(place.y * height), height - 1) + 0.5 - side / 2,
    side,
  };
}

/** Screen pixels a pixel: a multiple of the stride for the input, so that all lenses show the same area. */
export function lensZooms(stride: number, wanted: number): { input: number; output: number } {
  const output = Math.max(Math.round(wanted / stride), 2);
  return { input: output * stride, output };
}

/** The pixel under a place. */
export function pixelAt(place: Place, width: number, height: number): { x: number; y: number } {
  return {
    x: Math.min(Math.floor(place.x * width), width - 1),
    y: Math.min(Math.floor(place.y * height), height - 1),
  };
}

/** Where a key takes the lens, by whole pixels of the input; null if the key does not move it. */
export function lensMoved(
  place: Place,
  key: string,
  large: boolean,
  width: number,
  height: number,
): Place | null {
  const step = large ? 8 : 1;
  const by: Record<string, readonly [number, number]> = {
    ArrowLeft: [-step, 0],
    ArrowRight: [step, 0],
    ArrowUp: [0, -step],
    ArrowDown: [0, step],
  };
  const move = by[key];
  if (!move) return null;
  const pixel = pixelAt(place, width, height);
  return {
    x: (Math.min(Math.max(pixel.x + move[0], 0), width - 1) + 0.5) / width,
    y: (Math.min(Math.max(pixel.y + move[1], 0), height - 1) + 0.5) / height,
  };
}

export function placeAt(x: number, y: number, width: number, height: number): Place {
  const within = (value: number) => Math.min(Math.max(value, 0), 0.9999);
  return { x: within(x / width), y: within(y / height) };
}

/** Corner of a lens that stays inside the panel; lifted, it sits above the place instead of on it. */
export function lensCorner(
  place: Place,
  width: number,
  height: number,
  side: number,
  lifted: boolean,
): { x: number; y: number } {
  const inside = (corner: number, length: number) =>
    Math.min(Math.max(corner, 0), Math.max(length - side, 0));
  return {
    x: inside(place.x * width - side / 2, width),
    y: inside(place.y * height - side * (lifted ? 1.3 : 0.5), height),
  };
}

/** The values of one pixel, channel after channel. */
export function pixelText(
  picture: {
    readonly channels: number;
    readonly width: number;
    readonly height: number;
    readonly data: Float32Array;
  },
  x: number,
  y: number,
): string {
  const area = picture.width * picture.height;
  return Array.from({ length: picture.channels }, (_, channel) =>
    fixed(picture.data[channel * area + y * picture.width + x] ?? 0),
  ).join(' ');
}
