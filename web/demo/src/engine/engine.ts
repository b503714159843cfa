import { Engine } from './client';

/** Another worker of the same code: what takes seconds there keeps nobody waiting here. */
export function anotherEngine(): Engine {
  return new Engine(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'deconv' }));
}

/** The worker of the page; layers live in there and numbers come out. */
export const engine = anotherEngine();

let patient: Engine | undefined;

/** One for questions that would keep a slider waiting: the Lab's scores, the spectrogram of its voice. */
export function patientEngine(): Engine {
  patient ??= anotherEngine();
  return patient;
}
