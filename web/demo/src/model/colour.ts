export type Theme = 'light' | 'dark';
export type Rgb = readonly [number, number, number];

export interface Swatch {
  readonly paint: string;
  /** Black or white, whichever reads better on the paint. */
  readonly ink: string;
}

/**
 * Diverging map, blue for positive and ochre for negative: the pair stays apart under every common
 * colour blindness, and the magnitude is also the distance in lightness from the page.
 */
const stops: Record<Theme, { zero: Rgb; positive: readonly Rgb[]; negative: readonly Rgb[] }> = {
  light: {
    zero: [243, 241, 236],
    positive: [
      [206, 221, 236],
      [128, 168, 212],
      [52, 108, 176],
      [14, 52, 106],
    ],
    negative: [
      [240, 224, 186],
      [220, 178, 96],
      [168, 118, 28],
      [100, 64, 0],
    ],
  },
  dark: {
    zero: [36, 40, 47],
    positive: [
      [38, 62, 94],
      [52, 104, 166],
      [110, 168, 228],
      [208, 230, 255],
    ],
    negative: [
      [72, 56, 28],
      [132, 98, 28],
      [208, 162, 66],
      [255, 228, 168],
    ],
  },
};

/** Colour of a value on a scale that is full at `limit`; zero is always the neutral tone. */
export function diverging(value: number, limit: number, theme: Theme): Rgb {
  const { zero, positive, negative } = stops[theme];
  const ramp = [zero, ...(value < 0 ? negative : positive)];
  const place = limit > 0 ? Math.min(Math.abs(value) / limit, 1) * (ramp.length - 1) : 0;
  const below = Math.min(Math.floor(place), ramp.length - 2);
  const [from, to] = [ramp[below] ?? zero, ramp[below + 1] ?? zero];
  const part = place - below;
  return [mix(from[0], to[0], part), mix(from[1], to[1], part), mix(from[2], to[2], part)];
}

export function swatch(value: number, limit: number, theme: Theme): Swatch {
  const paint = diverging(value, limit, theme);
  const darkInk = contrast(paint, [0, 0, 0]) >= contrast(paint, [255, 255, 255]);
  return { paint: `rgb(${paint.join(' ')})`, ink: darkInk ? '#000' : '#fff' };
}

export function largestMagnitude(lists: Iterable<ArrayLike<number>>): number {
  let largest = 0;
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) largest = Math.max(largest, Math.abs(list[i] ?? 0));
  }
  return largest;
}

/** Contrast ratio as WCAG 2 defines it. */
export function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mix(from: number, to: number, part: number): number {
  return Math.round(from + (to - from) * part);
}
