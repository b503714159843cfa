/** Planes of values, channel after channel, rows from the top. */
export interface Planes {
  readonly channels: number;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Planes that may be cut out of larger ones. */
export interface Excerpt extends Planes {
  /** Of what they are a part, and which; null for all there is. */
  readonly cutFrom: {
    readonly width: number;
    readonly height: number;
    readonly part: 'middle' | 'beginning';
  } | null;
}

/** Planes of values from 0 to 1. */
export interface Picture extends Planes {
  readonly name: string;
}

/** Builds a colour picture from a function of the place; x and y are pixel centres. */
export function painted(
  name: string,
  width: number,
  height: number,
  colourAt: (x: number, y: number) => readonly [number, number, number],
): Picture {
  const area = width * height;
  const data = new Float32Array(3 * area);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const colour = colourAt(column + 0.5, row + 0.5);
      for (let channel = 0; channel < 3; channel++) {
        data[channel * area + row * width + column] = Math.min(Math.max(colour[channel] ?? 0, 0), 1);
      }
    }
  }
  return { name, channels: 3, width, height, data };
}

/** Planes from the interleaved bytes of an image; alpha is laid over white. */
export function fromBytes(name: string, width: number, height: number, bytes: Uint8ClampedArray): Picture {
  const area = width * height;
  const data = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    const alpha = (bytes[4 * i + 3] ?? 255) / 255;
    for (let channel = 0; channel < 3; channel++) {
      const value = (bytes[4 * i + channel] ?? 0) / 255;
      data[channel * area + i] = value * alpha + 1 - alpha;
    }
  }
  return { name, channels: 3, width, height, data };
}

/** The largest size of the same shape with neither side above `longest`; never larger than the original. */
export function fitted(width: number, height: number, longest: number): { width: number; height: number } {
  const scale = Math.min(1, longest / Math.max(width, height));
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
}

/** A picture whose longest side is at most `longest`, every pixel the mean of a whole block. */
export function shrunk(picture: Picture, longest: number): Picture {
  const block = Math.ceil(Math.max(picture.width, picture.height) / longest);
  if (block <= 1) return picture;
  const width = Math.max(Math.floor(picture.width / block), 1);
  const height = Math.max(Math.floor(picture.height / block), 1);
  const data = new Float32Array(picture.channels * width * height);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const plane = Math.floor(i / (width * height)) * picture.width * picture.height;
    let sum = 0;
    for (let row = 0; row < block; row++) {
      const begin = plane + (y * block + row) * picture.width + x * block;
      for (let column = 0; column < block; column++) sum += picture.data[begin + column] ?? 0;
    }
    data[i] = sum / block ** 2;
  }
  return { name: picture.name, channels: picture.channels, width, height, data };
}

/** The middle of a picture, whole periods and at most `longest` on a side. */
export function middle(picture: Planes, longest: number, period: number): Planes {
  const whole = (side: number) => Math.floor(Math.min(side, longest) / period) * period;
  const [width, height] = [whole(picture.width), whole(picture.height)];
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  const data = new Float32Array(picture.channels * width * height);
  for (let line = 0; line < picture.channels * height; line++) {
    const plane = Math.floor(line / height) * picture.height;
    const begin = (plane + top + (line % height)) * picture.width + left;
    data.set(picture.data.subarray(begin, begin + width), line * width);
  }
  return { channels: picture.channels, width, height, data };
}
