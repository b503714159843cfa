import { fixed } from './numbers';

/** The part of a layer that its phases depend on. */
export interface PhaseGeometry {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

/** Side of the flat picture that is shown: whole periods of every stride up to 4. */
export const FLAT_SIDE = 24;

/** Taps are moved in steps of a tenth, within what a cell can show. */
export const TAP_LIMIT = 9.9;
export const TAP_STEP = 0.1;

/** The phase of a tap on one axis: the rows of the output that it ever lands on. */
export function phaseOfTap({ stride, dilation }: PhaseGeometry, tap: number): number {
  return (tap * dilation) % stride;
}

/** The taps of phase (row, column), as indices into the kernel, row by row. */
export function tapsOfPhase(geometry: PhaseGeometry, row: number, column: number): number[] {
  const line = (phase: number) =>
    Array.from({ length: geometry.kernel }, (_, tap) => tap).filter(
      (tap) => phaseOfTap(geometry, tap) === phase,
    );
  return line(row).flatMap((tapRow) => line(column).map((tapColumn) => tapRow * geometry.kernel + tapColumn));
}

/** A letter for each phase, A to I, so that none is told by its colour alone. */
export function phaseName(stride: number, row: number, column: number): string {
  return String.fromCharCode(65 + row * stride + column);
}

/** Input size and first row of a window of FLAT_SIDE that no border reaches and that begins with phase 0. */
export function flatWindow({ kernel, stride, dilation }: PhaseGeometry): { from: number; size: number } {
  const reach = dilation * (kernel - 1) + 1;
  const from = Math.ceil((reach - 1) / stride) * stride;
  return { from, size: Math.ceil((from + FLAT_SIDE) / stride) };
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

/** "0.50 + 1.00 \u2212 0.20" */
export function sumText(values: readonly number[]): string {
  if (values.length === 0) return 'no tap';
  return values
    .map((value, i) =>
      i === 0 ? fixed(value) : value < 0 ? ` \u2212 ${fixed(-value)}` : ` + ${fixed(value)}`,
    )
    .join('');
}

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

/** |H| from frequency 0 to 1 across, down and on the diagonal of the map. */
export function cuts(spectrum: Float64Array, size: number): Line[] {
  const along = (label: string, rowStep: number, columnStep: number): Line => ({
    label,
    points: Array.from({ length: size + 1 }, (_, v) => ({
      at: v / size,
      value: spectrum[((v * rowStep) % size) * size + ((v * columnStep) % size)] ?? 0,
    })),
  });
  return [along('across', 0, 1), along('down', 1, 0), along('diagonal', 1, 1)];
}

export interface Harmonic {
  readonly row: number;
  readonly column: number;
  /** Amplitude of the line over the constant's stride x stride. */
  readonly amplitude: number;
}

/** The harmonics of the stride, where a flat picture's pattern lies, without the constant. */
export function harmonicsOf(spectrum: Float64Array, size: number, stride: number): Harmonic[] {
  const found: Harmonic[] = [];
  for (let row = 0; row < stride; row++) {
    for (let column = 0; column < stride; column++) {
      if (row === 0 && column === 0) continue;
      const place = ((row * size) / stride) * size + (column * size) / stride;
      found.push({ row, column, amplitude: spectrum[place] ?? 0 });
    }
  }
  return found;
}
