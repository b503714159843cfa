import { DeconvError, init } from 'deconv-wasm';
import type { Answer, CallName, Calls, Failure, Question, StampRequest, StampResult } from './protocol';
import { Run, transposed } from './workshop';

/** All states of the film in one batch: sample t has the first t input cells and zeros after them. */
function stamp({ spec, input, weights }: StampRequest): StampResult {
  const { size, kernel, stride, padding, outputPadding, dilation } = spec;
  const kernelWeights = Float32Array.from(weights);

  const layer = transposed('stamp', {
    kernelSize: kernel,
    stride,
    padding,
    outputPadding,
    dilation,
  }).setWeight(kernelWeights);
  const cells = input.length;
  const partial = new Float32Array((cells + 1) * cells);
  for (let t = 0; t <= cells; t++) partial.set(input.slice(0, t), t * cells);
  const run = new Run();
  const y = run.forward(layer, partial, [cells + 1, 1, size, size]);

  // One input cell on its own, uncropped: the stamp as it leaves the input.
  const single = transposed('single stamp', { kernelSize: kernel, dilation });
  const stamps = single
    .setWeight(kernelWeights)
    .forward({ data: Float32Array.from(input), shape: [cells, 1, 1, 1] });

  return {
    shape: [y.shape[2] ?? 0, y.shape[3] ?? 0],
    states: split(y.data, cells + 1),
    stamps: split(stamps.data, cells),
    report: run.report,
  };
}

function split(data: Float32Array, parts: number): Float32Array[] {
  const length = data.length / parts;
  return Array.from({ length: parts }, (_, i) => data.slice(i * length, (i + 1) * length));
}

// What the first step of the page does not need comes with the first question for it.
const handlers: { [K in CallName]: (request: Calls[K]['request']) => unknown } = {
  start: ({ threads }) => init({ threads }),
  stamp,
  lab: async (request) => (await import('./lab')).lab(request),
  labScore: async (request) => (await import('./lab')).labScore(request),
  sound: async (request) => (await import('./sound')).sound(request),
  phases: async (request) => (await import('./phases')).phases(request),
  seeds: async (request) => (await import('./phases')).seeds(request),
};

function failure(error: unknown): Failure {
  if (error instanceof DeconvError) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}

async function answer({ id, name, request }: Question): Promise<Answer> {
  try {
    const handler = handlers[name] as (request: unknown) => unknown;
    const result = (await handler(request)) as Calls[CallName]['result'];
    return { id, ok: true, result };
  } catch (error) {
    return { id, ok: false, failure: failure(error) };
  }
}

self.onmessage = async (event: MessageEvent<Question>) => {
  self.postMessage(await answer(event.data));
};
