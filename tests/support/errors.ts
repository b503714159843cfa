import { DeconvError, type DeconvErrorCode } from 'deconv-wasm';
import { expect } from 'vitest';

/** The DeconvError that `act` throws; anything else fails the test. */
export function caught(act: () => unknown): DeconvError {
  try {
    act();
  } catch (error) {
    return asDeconvError(error);
  }
  throw new Error('expected a DeconvError, got no error');
}

export async function rejection(act: () => Promise<unknown>): Promise<DeconvError> {
  try {
    await act();
  } catch (error) {
    return asDeconvError(error);
  }
  throw new Error('expected a DeconvError, got no error');
}

/** What every message of the package promises: where, what was expected, what came. */
export function expectError(error: DeconvError, code: DeconvErrorCode, where: string): void {
  expect({ code: error.code, message: error.message }).toEqual({
    code,
    message: expect.stringMatching(new RegExp(`^${where.replace('.', '\\.')}: .*expected .*, got\\b`, 's')),
  });
  // For people: a sentence that ends, and of a length that a console shows.
  expect(error.message).toMatch(/\.$/);
  expect(error.message.length).toBeLessThan(600);
}

function asDeconvError(error: unknown): DeconvError {
  if (error instanceof DeconvError) return error;
  throw new Error(`expected a DeconvError, got ${String(error)}`, { cause: error });
}
