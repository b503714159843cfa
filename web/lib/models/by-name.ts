import { refuse } from '../core/checks.js';

/** What an option has by names. It is looked at before the file, which may have no use for it and would never tell. */
export function checkByName(where: string, expected: string, value: unknown): void {
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))) return;
  refuse('BAD_TYPE', where, expected, value);
}

export const EXTERNAL = 'external to be files by the locations that the model names';
