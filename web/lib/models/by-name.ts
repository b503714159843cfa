import { refuse } from '../core/checks.js';
import { isRecord } from '../core/realms.js';

/** What options have by names. They are looked at before the file, which may have no use for them and would never tell. */
export function checkByName(
  where: string,
  given: { readonly external?: unknown; readonly geometry?: unknown },
): void {
  for (const name of ['external', 'geometry'] as const) {
    const value = given[name];
    if (value !== undefined && !isRecord(value)) {
      refuse('BAD_TYPE', where, `${name} to be an object`, value);
    }
  }
}
