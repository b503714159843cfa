/** Places of a curve in a drawing, and the words for its numbers. */
export interface Scale {
  readonly low: number;
  readonly high: number;
}

/** From `floor`, a power of ten, up to the first one above all values, and to 1 at least: it does not jump about. */
export function decadesAbove(floor: number, values: readonly number[]): Scale {
  const largest = Math.max(1, ...values.filter(Number.isFinite));
  return { low: floor, high: Math.max(0, Math.ceil(Math.log10(largest) - 1e-9)) };
}

/** How far below the top of a drawing a value lies. */
export function depthOf(value: number, { low, high }: Scale, height: number): number {
  const level = value > 0 ? Math.max(Math.log10(value), low) : low;
  return ((high - level) / (high - low)) * height;
}

/** The `points` of an SVG polyline in a drawing of `width` by `height`; step 0 is on the left. */
export function polyline(
  values: readonly number[],
  lastStep: number,
  scale: Scale,
  width: number,
  height: number,
): string {
  return values
    .map((value, step) => {
      const x = (step / lastStep) * width;
      return `${x.toFixed(1)},${depthOf(value, scale, height).toFixed(1)}`;
    })
    .join(' ');
}

/** Three digits, with a power of ten where a plain number would be all zeros: "0.226", "3.1e−5", "0". */
export function short(value: number): string {
  if (value === 0) return '0';
  const text = Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replaceAll('-', '\u2212');
}

/** Steps that a table of a run lists: the first ones close together, then every fiftieth, and the last. */
export function listedSteps(last: number): number[] {
  return [0, 5, 10, 25, 50, 100, 150, 200, 250, 300].filter((step) => step < last).concat(last);
}
