export type LevelsMode = 'unit' | 'shared';

export interface Levels {
  readonly black: number;
  readonly white: number;
}

interface Planar {
  readonly channels: number;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export interface Summary {
  readonly lowest: number;
  readonly highest: number;
  /** Part of the values outside black to white, 0 to 1. */
  readonly clipped: number;
}

/** One rule for all panels, so that a difference seen is a difference in the numbers. */
export function levelsOf(mode: LevelsMode, pictures: readonly Planar[]): Levels {
  if (mode === 'unit') return { black: 0, white: 1 };
  const ranges = pictures.map((picture) => summary(picture, { black: 0, white: 1 }));
  const black = Math.min(...ranges.map((range) => range.lowest));
  const white = Math.max(...ranges.map((range) => range.highest));
  return { black, white: white > black ? white : black + 1 };
}

export function summary(picture: Planar, { black, white }: Levels): Summary {
  let [lowest, highest, outside] = [Infinity, -Infinity, 0];
  // Sums of a flat picture may miss the end of the scale by a rounding error; that is not clipping.
  const slack = (white - black) * 1e-4;
  for (const value of picture.data) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    if (value < black - slack || value > white + slack) outside++;
  }
  return { lowest, highest, clipped: outside / Math.max(picture.data.length, 1) };
}

/** Interleaved bytes for a canvas: black to white linear, values outside clipped. */
export function toBytes(picture: Planar, { black, white }: Levels): Uint8ClampedArray<ArrayBuffer> {
  const { data, channels, width, height } = picture;
  const area = width * height;
  const bytes = new Uint8ClampedArray(4 * area);
  const scale = 255 / (white - black);
  for (let i = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const plane = channels === 1 ? 0 : channel;
      bytes[4 * i + channel] = ((data[plane * area + i] ?? 0) - black) * scale;
    }
    bytes[4 * i + 3] = 255;
  }
  return bytes;
}
