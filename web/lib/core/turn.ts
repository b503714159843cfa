/** Resolves when what else waits has had its turn, a signal too: at once in an AudioWorklet, which has no timers. */
export function nextTurn(): Promise<unknown> {
  return new Promise((resolve) => (typeof setTimeout === 'function' ? setTimeout(resolve) : resolve(null)));
}
