import { DeconvError } from 'deconv-wasm';
import { expect } from 'vitest';

/** What calls with garbage end in, counted, so that a test can say that it saw results and errors. */
export function countOutcomes() {
  const seen = { results: 0, errors: new Map<string, number>() };

  function attempt<Result>(act: () => Result): Result | undefined {
    try {
      const result = act();
      seen.results += 1;
      return result;
    } catch (error) {
      if (!(error instanceof DeconvError)) throw error;
      expect(error.code).not.toBe('INTERNAL');
      // The core checks again what was checked before it; its words are for nobody.
      expect(error.message).not.toContain('core status');
      expect(error.message.length).toBeLessThan(800);
      seen.errors.set(error.code, (seen.errors.get(error.code) ?? 0) + 1);
      return undefined;
    }
  }

  return { seen, attempt };
}
