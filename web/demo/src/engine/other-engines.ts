import type { Engine } from './client';
import { anotherEngine } from './engine';

/** The same as long as it can be asked: one that did not load, as in a moment without a network, is made anew. */
export function lasting(engine: Engine | undefined): Engine {
  return engine && !engine.broken ? engine : anotherEngine();
}

let patient: Engine | undefined;

/** One for questions that would keep a slider waiting: the Lab's scores, the spectrogram of its voice. */
export function patientEngine(): Engine {
  patient = lasting(patient);
  return patient;
}
