import { refuse } from './checks.js';
import { isAbortSignal } from './realms.js';

/** Throws the reason of a signal that is aborted; older jsdom has no `throwIfAborted`. */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}

/** What is to stop a call that takes its time, and what is told how far it is. */
export function checkProgress(
  where: string,
  { signal, onProgress }: { readonly signal?: unknown; readonly onProgress?: unknown },
): void {
  if (signal !== undefined && !isAbortSignal(signal)) {
    refuse('BAD_TYPE', where, 'signal to be an AbortSignal', signal);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    refuse('BAD_TYPE', where, 'onProgress to be a function', onProgress);
  }
}
