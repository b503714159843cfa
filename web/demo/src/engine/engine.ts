import { Engine } from './client';

/** Another worker of the same code: what takes seconds there keeps nobody waiting here. */
export function anotherEngine(): Engine {
  return new Engine(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'deconv' }));
}

/** The worker of the page; layers live in there and numbers come out. */
export const engine = anotherEngine();

// One core is left to the page itself; more than four gain nothing at its sizes.
const spare = Math.min(Math.max(navigator.hardwareConcurrency - 1, 1), 4);

/** Asked for at once: this script is there before the one that draws the page. */
export const starting = engine.ask('start', { threads: crossOriginIsolated ? spare : 1 });
// Who draws the page tells of a failure, and may come after it.
starting.catch(() => {});
