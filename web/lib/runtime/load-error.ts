import { DeconvError } from '../core/errors.js';

/** A failure to load, with the advice that helps against this one. */
export function loadError(
  where: string,
  expected: string,
  got: string,
  advice: string,
  cause?: unknown,
): DeconvError {
  return new DeconvError(
    'LOAD_FAILED',
    `${where}: expected ${expected}, got ${got}. ${advice}`,
    { where, expected, got },
    cause,
  );
}
