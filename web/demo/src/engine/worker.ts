import { DeconvError, init, type RuntimeInfo } from 'deconv-wasm';
import type { Answer, CallName, Calls, Failure, Progress, Question, StartResult } from './protocol';
import { stamp } from './stamp';

/** What the first questions, which come before it runs, wait for. */
let running: Promise<RuntimeInfo> | undefined;

async function start({ threads }: Calls['start']['request']): Promise<StartResult> {
  running = init({ threads });
  const info = await running;
  return { ...info, files: performance.getEntriesByType('resource').map(({ name }) => name) };
}

// What the first step of the page does not need comes with the first question for it.
const handlers: {
  [K in CallName]: (request: Calls[K]['request'], tell: (progress: Progress) => void) => unknown;
} = {
  start,
  stamp: async (request) => {
    await running;
    return stamp(request);
  },
  convention: async (request) => (await import('./conventions')).convention(request),
  learn: async (request) => (await import('./learn')).learn(request),
  model: async (request) => (await import('./model')).readLayers(request),
  trace: async (request, tell) => (await import('./trace')).trace(request, tell),
  stepPictures: async (request) => (await import('./trace')).picturesOf(request),
  compareRuns: async (request) => (await import('./trace')).compared(request),
  bench: async (request) => (await import('./bench')).bench(request),
  gradient: async (request) => (await import('./learn')).gradient(request),
  lab: async (request) => (await import('./lab')).lab(request),
  labScore: async (request) => (await import('./lab-score')).labScore(request),
  sound: async (request) => (await import('./sound')).sound(request),
  phases: async (request) => (await import('./phases')).phases(request),
  predictions: async (request) => (await import('./predictions')).predictions(request),
  seeds: async (request) => (await import('./phases')).seeds(request),
};

function failure(error: unknown): Failure {
  if (error instanceof DeconvError) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  // Chromium and Firefox speak of an imported module, WebKit of importing one; there is no code for it.
  return /import(ed|ing).* module/i.test(message)
    ? { code: 'LOAD_FAILED', message: 'This part did not load. Load the page again to have it.' }
    : { code: 'INTERNAL', message };
}

async function answer({ id, name, request }: Question): Promise<Answer> {
  try {
    const handler = handlers[name] as (request: unknown, tell: (progress: Progress) => void) => unknown;
    const tell = (progress: Progress) => self.postMessage({ id, progress } satisfies Answer);
    const result = (await handler(request, tell)) as Calls[CallName]['result'];
    return { id, ok: true, result };
  } catch (error) {
    return { id, ok: false, failure: failure(error) };
  }
}

self.onmessage = async (event: MessageEvent<Question>) => {
  self.postMessage(await answer(event.data));
};
