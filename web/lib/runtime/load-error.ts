import { fault } from '../core/checks.js';
import type { DeconvError } from '../core/errors.js';

/** A failure to load, with the advice that helps against this one. */
export function loadError(
  where: string,
  expected: string,
  got: string,
  advice: string,
  cause?: unknown,
): DeconvError {
  return fault('LOAD_FAILED', where, expected, got, advice, { expected, got }, cause);
}
