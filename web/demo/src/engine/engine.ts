import { Engine } from './client';

/** The page's only worker; layers live in there and numbers come out. */
export const engine = new Engine(
  new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'deconv' }),
);
