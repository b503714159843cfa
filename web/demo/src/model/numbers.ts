/** A value as people read it: at most `decimals` places, no trailing zeros, a real minus sign. */
export function plain(value: number, decimals = 2): string {
  // Adding 0 turns -0, which rounding a small negative number gives, into 0.
  const rounded = Number(value.toFixed(decimals)) + 0;
  return String(rounded).replace('-', '\u2212');
}

/** Characters that fit a cell. */
const CELL_FITS = 5;

/** A value in a cell: with as many digits as fit, because a number that is cut off reads as another. */
export function inCell(value: number): string {
  const fitting = (write: (value: number, decimals: number) => string) =>
    [2, 1, 0].map((decimals) => write(value, decimals)).find((text) => text.length <= CELL_FITS);
  return fitting(plain) ?? fitting(powerOfTen) ?? powerOfTen(value, 0);
}

function powerOfTen(value: number, decimals: number): string {
  const [digits, power] = value.toExponential(decimals).split('e');
  return `${plain(Number(digits), decimals)}e${Number(power)}`;
}

/** What a person typed into a cell, or null if it is no finite number; a comma counts as a point. */
export function parsed(text: string): number | null {
  const cleaned = text.trim().replace('\u2212', '-').replace(',', '.');
  if (cleaned === '') return null;
  const value = Number(cleaned);
  // Larger numbers do not fit a cell, and float32 sums of them would not be exact.
  return Number.isFinite(value) && Math.abs(value) <= 9999 ? value : null;
}

export function milliseconds(value: number): string {
  if (value < 0.01) return '< 0.01 ms';
  return `${value < 1 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** "1, 2 or 4" */
export function listed(values: readonly (number | string)[], word: string): string {
  if (values.length < 2) return values.join('');
  return `${values.slice(0, -1).join(', ')} ${word} ${values.at(-1)}`;
}

/** Always two decimals, so that numbers which change do not jump about. */
export function fixed(value: number): string {
  return (Math.round(value * 100) / 100 + 0).toFixed(2).replace('-', '\u2212');
}

export function percent(part: number): string {
  return part > 0 && part < 0.01 ? 'under 1 %' : `${Math.round(part * 100)} %`;
}
