import { diverging, type Rgb, type Theme } from './colour';

/** Sequential map for amplitudes, 0 to 1: from the page's tone to the strongest of the positive ones. */
function sequential(part: number, theme: Theme): Rgb {
  return diverging(Math.max(part, 0), 1, theme);
}

const palettes = new Map<Theme, readonly Rgb[]>();

/** Paints one pixel of a map, from a palette of 256: maps have many pixels. */
export function paintSequential(bytes: Uint8ClampedArray, pixel: number, part: number, theme: Theme): void {
  let palette = palettes.get(theme);
  if (!palette) {
    palette = Array.from({ length: 256 }, (_, i) => sequential(i / 255, theme));
    palettes.set(theme, palette);
  }
  const colour = palette[Math.round(Math.min(Math.max(part, 0), 1) * 255)];
  if (!colour) return;
  const at = 4 * pixel;
  bytes[at] = colour[0];
  bytes[at + 1] = colour[1];
  bytes[at + 2] = colour[2];
  bytes[at + 3] = 255;
}
