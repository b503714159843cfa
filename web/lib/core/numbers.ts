import { refuse } from './checks.js';

/** A number of at least 0, finite or below a limit. */
export function checkNumber(
  where: string,
  name: string,
  value: unknown,
  below = Number.POSITIVE_INFINITY,
): number {
  if (typeof value !== 'number') refuse('BAD_TYPE', where, `${name} to be a number`, value);
  if (!(value >= 0 && value < below)) {
    const limit = below === Number.POSITIVE_INFINITY ? 'finite' : `below ${below}`;
    refuse('BAD_OPTION', where, `${name} at least 0 and ${limit}`, value);
  }
  return value;
}
