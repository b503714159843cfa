import { fault } from './checks.js';
import { isDeconvError } from './errors.js';
import { memberOf, messageOf } from './realms.js';

/**
 * What is read of an object that is none of ours: its getters and methods may throw whatever they like.
 *
 * @throws {DeconvError} those of `read`; `BAD_BUFFER` for anything else, which is its cause
 */
export function readForeign<Read>(where: string, name: string, read: () => Read): Read {
  try {
    return read();
  } catch (cause) {
    if (isDeconvError(cause)) throw cause;
    throw fault(
      'BAD_BUFFER',
      where,
      `${name} that can be read`,
      `one that throws (${messageOf(cause).slice(0, 200)})`,
      'Look at its cause.',
      {},
      cause,
    );
  }
}

/** Whether a state is still to come: from a module, or from a file's stateDict() that was not awaited. */
export const givesState = (value: unknown): boolean =>
  typeof (memberOf(value, 'stateDict') ?? memberOf(value, 'then')) === 'function';
