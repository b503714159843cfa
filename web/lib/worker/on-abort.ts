/** Of each signal what waits for it. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Does something once when a signal aborts. All that wait for a signal share one listener: any number of calls may be
 * under way with one, and of more than ten Node warns as of a leak.
 *
 * @returns what ends the wait
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  const acts = waiting.get(signal) ?? listenTo(signal);
  acts.add(act);
  return () => {
    acts.delete(act);
  };
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const acts = new Set<() => void>();
  waiting.set(signal, acts);
  const all = (): void => {
    for (const act of acts) act();
    acts.clear();
  };
  signal.addEventListener('abort', all, { once: true });
  return acts;
}
