/** The part of a layer that its phases depend on. On one axis the rows of the kernel are lanes. */
export interface PhaseGeometry {
  readonly axes: 1 | 2;
  readonly groups: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

/** Taps are moved in steps of a tenth, within what a cell can show. */
export const TAP_LIMIT = 9.9;
export const TAP_STEP = 0.1;

/** One of the kernel's parts that never meet on an output cell. */
export interface Phase {
  /** A letter, with the number of the lane where there are several. */
  readonly name: string;
  readonly lane: number;
  readonly row: number;
  readonly column: number;
}

/** Phases of one lane. */
export function phaseCount({ axes, stride }: PhaseGeometry): number {
  return stride ** axes;
}

/** All phases, lane by lane and row by row. */
export function phasesOf(geometry: PhaseGeometry): Phase[] {
  const { axes, groups, stride } = geometry;
  const count = phaseCount(geometry);
  return Array.from({ length: groups * count }, (_, index) => {
    const lane = Math.floor(index / count);
    const phase = index % count;
    const [row, column] = axes === 1 ? [0, phase] : [Math.floor(phase / stride), phase % stride];
    const letter = String.fromCharCode(65 + phase);
    return { name: groups > 1 ? `${lane + 1}${letter}` : letter, lane, row, column };
  });
}

/** Index of the phase that a tap belongs to, in the order of `phasesOf`. */
export function phaseOfTap(geometry: PhaseGeometry, row: number, column: number): number {
  const { axes, stride, dilation } = geometry;
  const across = (column * dilation) % stride;
  return axes === 1 ? row * stride + across : ((row * dilation) % stride) * stride + across;
}

/** Rows of the kernel: lanes, or its first axis. */
export function kernelRows({ axes, groups, kernel }: PhaseGeometry): number {
  return axes === 1 ? groups : kernel;
}

/** The taps of a phase, as indices into the kernel. */
export function tapsOfPhase(geometry: PhaseGeometry, phase: number): number[] {
  const { kernel } = geometry;
  return Array.from({ length: kernelRows(geometry) * kernel }, (_, tap) => tap).filter(
    (tap) => phaseOfTap(geometry, Math.floor(tap / kernel), tap % kernel) === phase,
  );
}

/** Whole periods of about two dozen rows. */
const wholePeriods = (stride: number, least: number) => Math.ceil(least / stride) * stride;
export const flatSide = ({ stride }: PhaseGeometry) => wholePeriods(stride, 24);
/** Frequencies of a spectrum on each axis, the harmonics among them. */
export const spectrumSize = ({ stride }: PhaseGeometry) => wholePeriods(stride, 96);

/** Input size and first row of a window of `flatSide` that no border reaches and that begins with phase 0. */
export function flatWindow(geometry: PhaseGeometry): { from: number; size: number } {
  const { kernel, stride, dilation } = geometry;
  const reach = dilation * (kernel - 1) + 1;
  const from = Math.ceil((reach - 1) / stride) * stride;
  return { from, size: (from + flatSide(geometry)) / stride };
}

/** A tap moved by some steps, on the grid of tenths. */
export function nudged(value: number, steps: number): number {
  const moved = Math.round(value / TAP_STEP + steps) * TAP_STEP;
  return Math.min(Math.max(Number(moved.toFixed(1)), -TAP_LIMIT), TAP_LIMIT) + 0;
}

/** Steps that a key moves a tap by, or null; with Shift ten at a time. */
export function nudgeOf(key: string, large: boolean): number | null {
  const step = large ? 10 : 1;
  if (key === 'ArrowUp' || key === 'ArrowRight' || key === '+' || key === '=') return step;
  if (key === 'ArrowDown' || key === 'ArrowLeft' || key === '-' || key === '\u2212') return -step;
  if (key === 'PageUp') return 10;
  if (key === 'PageDown') return -10;
  return null;
}

/** U as people read it: three decimals, or the power of ten once it is small. */
export function unevennessText(value: number): string {
  if (value === 0) return '0';
  if (value >= 0.0005) return value.toFixed(3);
  const [digits = '', power = ''] = value.toExponential(1).split('e');
  return `${digits} \u00d7 10${superscript(Number(power))}`;
}

/** Float32 sums of weights that are equal on paper differ in the last digit; the package calls that free. */
export function patternText({ unevenness, verdict }: { unevenness: number; verdict: string }): string {
  return verdict === 'free' ? 'below 10\u207b\u00b9\u2070: no pattern' : unevennessText(unevenness);
}

function superscript(power: number): string {
  const digits = '\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079';
  const text = [...String(Math.abs(power))].map((digit) => digits[Number(digit)]).join('');
  return power < 0 ? `\u207b${text}` : text;
}

/** A level in dB over the constant; the package's ends of the scale are none and nothing else. */
export function levelText(dbc: number): string {
  if (dbc <= -320) return 'none';
  if (dbc >= 320) return 'all pattern';
  return `${dbc.toFixed(1).replace('-', '\u2212')} dBc`;
}

/** "0.50 + 1.00 \u2212 0.20", with decimals enough that who adds them up gets the sum, of which three are shown. */
export function sumText(values: readonly number[]): string {
  if (values.length === 0) return 'no tap';
  const short = values.length > LONGEST_SUM;
  const digits = short ? 2 : (DIGITS.find((one) => Math.abs(rest(values, one)) < 0.0005) ?? MOST_DIGITS);
  const written = (value: number) => rounded(value, digits).toFixed(digits).replace('-', '\u2212');
  const text = values
    .slice(0, short ? 4 : LONGEST_SUM)
    .map((value, i) =>
      i === 0 ? written(value) : value < 0 ? ` \u2212 ${written(-value)}` : ` + ${written(value)}`,
    )
    .join('');
  return short ? `${text} \u2026 (${values.length} taps)` : text;
}

const DIGITS = [2, 3];
const MOST_DIGITS = 4;

/** Adding 0 turns -0 into 0. */
const rounded = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits + 0;

/** What rounding takes from a sum. */
const rest = (values: readonly number[], digits: number) =>
  values.reduce((sum, value) => sum + value - rounded(value, digits), 0);

/** Sums of more numbers than these are words to skip, and the taps stand in the kernel. */
const LONGEST_SUM = 9;

/** Part of the way from one kernel to another, eased at both ends. */
export function between(from: readonly number[], to: readonly number[], part: number): number[] {
  const eased = part * part * (3 - 2 * part);
  return to.map((value, i) => {
    const start = from[i] ?? value;
    return part >= 1 ? value : start + (value - start) * eased;
  });
}

/** How many different greys the bytes of a grey picture have. */
export function greyLevels(bytes: ArrayLike<number>): number {
  const seen = new Set<number>();
  for (let i = 0; i < bytes.length; i += 4) seen.add(bytes[i] ?? 0);
  return seen.size;
}

export interface Line {
  readonly label: string;
  /** Position on the cut, in cycles per output row from 0 to 1, with |H| there. */
  readonly points: readonly { readonly at: number; readonly value: number }[];
}

/** |H| from frequency 0 to 1: across, down and on the diagonal of the map, or of each lane. */
export function cuts(spectra: readonly Float64Array[], size: number, axes: 1 | 2): Line[] {
  const along = (label: string, spectrum: Float64Array, step: (v: number) => number): Line => ({
    label,
    points: Array.from({ length: size + 1 }, (_, v) => ({
      at: v / size,
      value: spectrum[step(v % size)] ?? 0,
    })),
  });
  const [first] = spectra;
  if (axes === 1 || !first) {
    return spectra.map((spectrum, lane) =>
      along(spectra.length > 1 ? `lane ${lane + 1}` : 'the kernel', spectrum, (v) => v),
    );
  }
  return [
    along('across', first, (v) => v),
    along('down', first, (v) => v * size),
    along('diagonal', first, (v) => v * size + v),
  ];
}

export interface Harmonic {
  readonly lane: number;
  readonly row: number;
  readonly column: number;
  readonly amplitude: number;
}

/** |H| at the harmonics of the stride, where a flat picture's pattern lies; the constant's first in each lane. */
export function harmonicsOf(
  geometry: PhaseGeometry,
  spectra: readonly Float64Array[],
  size: number,
): Harmonic[] {
  const step = size / geometry.stride;
  return phasesOf(geometry).map(({ lane, row, column }) => ({
    lane,
    row,
    column,
    amplitude: spectra[lane]?.[row * step * size + column * step] ?? 0,
  }));
}
