import { EngineError } from './client';

/** What fails for other reasons than the layer that was asked about. */
const OTHERS = new Set(['LOAD_FAILED', 'INTERNAL']);

/**
 * What a station has to say of a question without an answer: null for a layer that is refused, which is said beside
 * its sliders.
 */
export function unanswered(error: unknown): string | null {
  if (!(error instanceof EngineError)) throw error;
  return OTHERS.has(error.code) ? error.message : null;
}
