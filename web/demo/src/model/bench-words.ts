import { milliseconds } from './numbers';

/** How another's time compares with ours, from the side of the other: losses of ours are said as plainly. */
export function comparison(other: number, ours: number): string {
  const ratio = other / ours;
  if (ratio > 0.95 && ratio < 1.05) return 'as fast';
  const times = (factor: number) => (factor < 10 ? factor.toFixed(1) : factor.toFixed(0));
  return ratio > 1 ? `▼ ${times(ratio)}× slower` : `▲ ${times(1 / ratio)}× faster`;
}

/** "1.2 to 1.4 ms" */
export function spread({ p10, p90 }: { readonly p10: number; readonly p90: number }): string {
  const [low, high] = [milliseconds(p10), milliseconds(p90)];
  return low === high ? high : `${low.replace(' ms', '')} to ${high}`;
}
