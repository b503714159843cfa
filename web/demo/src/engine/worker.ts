import { DeconvError, init } from 'deconv-wasm';
import type {
  Answer,
  CallName,
  Calls,
  Failure,
  Question,
  StampRequest,
  StampResult,
  StartResult,
} from './protocol';
import { lanes, Run, transposed } from './workshop';

async function start({ threads }: Calls['start']['request']): Promise<StartResult> {
  const info = await init({ threads });
  return { ...info, files: performance.getEntriesByType('resource').map(({ name }) => name) };
}

/** All states of the film in one batch: sample t has the first t input cells and zeros after them. */
function stamp(request: StampRequest): StampResult {
  const { spec, input, weights } = request;
  if (spec.axes === 1) return stampLanes(request);
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

/** The same for one axis: every lane is a channel in a group of its own. */
function stampLanes({ spec, input, weights }: StampRequest): StampResult {
  const { groups, size, kernel, stride, padding, outputPadding, dilation } = spec;
  const kernelWeights = Float32Array.from(weights);
  const layer = lanes('lanes', 1, groups, {
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
  const y = run.forward(layer, partial, [cells + 1, groups, size]);

  // Place by place, one input cell of every lane at a time.
  const columns = Float32Array.from(
    input,
    (_, i) => input[(i % groups) * size + Math.floor(i / groups)] ?? 0,
  );
  const single = lanes('single lane stamp', 1, groups, { kernelSize: kernel, dilation }).setWeight(
    kernelWeights,
  );
  const places = split(single.forward({ data: columns, shape: [size, groups, 1] }).data, cells);
  return {
    shape: [groups, y.shape[2] ?? 0],
    states: split(y.data, cells + 1),
    stamps: input.map((_, i) => places[(i % size) * groups + Math.floor(i / size)] ?? new Float32Array()),
    report: run.report,
  };
}

function split(data: Float32Array, parts: number): Float32Array[] {
  const length = data.length / parts;
  return Array.from({ length: parts }, (_, i) => data.slice(i * length, (i + 1) * length));
}

// What the first step of the page does not need comes with the first question for it.
const handlers: { [K in CallName]: (request: Calls[K]['request']) => unknown } = {
  start,
  stamp,
  convention: async (request) => (await import('./conventions')).convention(request),
  // Stations further down: their code comes when they are first asked for.
  learn: async (request) => (await import('./learn')).learn(request),
  model: async (request) => (await import('./model')).readLayers(request),
  bench: async (request) => (await import('./bench')).bench(request),
  gradient: async (request) => (await import('./learn')).gradient(request),
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
