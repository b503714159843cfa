import { Conv2d, ConvTranspose1d, ConvTranspose2d, DeconvError, init, type Plan } from 'deconv-wasm';
import type {
  Answer,
  CallName,
  Calls,
  Failure,
  LabRequest,
  LabResult,
  Planes,
  Question,
  Report,
  StampRequest,
  StampResult,
  StartResult,
} from './protocol';

type Layer = ConvTranspose1d | ConvTranspose2d | Conv2d;

/**
 * One layer for each job of the page, kept while its geometry stays the same,
 * so that dragging a tap costs new weights and not a new layer.
 */
class Workshop {
  readonly #layers = new Map<string, { geometry: string; layer: Layer }>();

  get<L extends Layer, O>(job: string, options: O, make: (options: O) => L): L {
    const geometry = JSON.stringify(options);
    const kept = this.#layers.get(job);
    if (kept?.geometry === geometry) return kept.layer as L;
    kept?.layer.dispose();
    this.#layers.delete(job);
    const layer = make(options);
    this.#layers.set(job, { geometry, layer });
    return layer;
  }
}

const workshop = new Workshop();

const transposed = (job: string, options: { kernelSize: number } & TransposedOptions) =>
  workshop.get(
    job,
    options,
    (o) => new ConvTranspose2d({ ...o, inChannels: 1, outChannels: 1, bias: false }),
  );

interface TransposedOptions {
  stride?: number;
  padding?: number;
  outputPadding?: number;
  dilation?: number;
}

/** Runs forward calls and notes what ran. */
class Run {
  readonly #layers: string[] = [];
  readonly #plans: Plan[] = [];
  #milliseconds = 0;

  forward(layer: Layer, data: Float32Array, shape: readonly number[]) {
    const begin = performance.now();
    const y = layer.forward({ data, shape });
    this.#milliseconds += performance.now() - begin;
    this.#layers.push(String(layer));
    if (layer.plan) this.#plans.push(layer.plan);
    return y;
  }

  get report(): Report {
    return { layers: this.#layers, plans: this.#plans, milliseconds: this.#milliseconds };
  }
}

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
  const channels = { inChannels: groups, outChannels: groups, groups, bias: false };
  const kernelWeights = Float32Array.from(weights);
  const layer = workshop
    .get(
      'lanes',
      { ...channels, kernelSize: kernel, stride, padding, outputPadding, dilation },
      (options) => new ConvTranspose1d(options),
    )
    .setWeight(kernelWeights);
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
  const single = workshop
    .get('single lane stamp', { ...channels, kernelSize: kernel, dilation }, (o) => new ConvTranspose1d(o))
    .setWeight(kernelWeights);
  const places = split(single.forward({ data: columns, shape: [size, groups, 1] }).data, cells);
  return {
    shape: [groups, y.shape[2] ?? 0],
    states: split(y.data, cells + 1),
    stamps: input.map((_, i) => places[(i % size) * groups + Math.floor(i / size)] ?? new Float32Array()),
    report: run.report,
  };
}

/**
 * The same taps in both orders: transposed convolution, and resize first, then convolution.
 * Each colour channel is one sample of the batch, so every channel meets the same single-channel layer.
 * Nearest-neighbour resizing by the stride is itself a transposed convolution: a stride-wide kernel of ones.
 */
function lab(request: LabRequest): LabResult {
  const { picture, kernel, stride, padding, outputPadding } = request;
  const shape = [picture.channels, 1, picture.height, picture.width];

  const raw = new Run();
  const direct = transposed('lab raw', { kernelSize: kernel, stride, padding, outputPadding });
  const rawOutput = raw.forward(direct.setWeight(request.rawWeights), picture.data, shape);

  const resized = new Run();
  const nearest = transposed('lab resize', { kernelSize: stride, stride });
  nearest.setWeight(new Float32Array(stride * stride).fill(1));
  const large = resized.forward(nearest, picture.data, shape);
  const smooth = workshop.get(
    'lab convolution',
    { kernelSize: kernel, padding: 'same' as const },
    (o) => new Conv2d({ ...o, inChannels: 1, outChannels: 1, bias: false }),
  );
  smooth.setWeight(request.resizeWeights);
  const resizedOutput = resized.forward(smooth, large.data, large.shape);

  return {
    raw: planes(rawOutput.data, rawOutput.shape),
    rawReport: raw.report,
    resized: planes(resizedOutput.data, resizedOutput.shape),
    resizedReport: resized.report,
  };
}

function split(data: Float32Array, parts: number): Float32Array[] {
  const length = data.length / parts;
  return Array.from({ length: parts }, (_, i) => data.slice(i * length, (i + 1) * length));
}

function planes(data: Float32Array, [channels = 0, , height = 0, width = 0]: readonly number[]): Planes {
  return { data, channels, height, width };
}

const handlers: { [K in CallName]: (request: Calls[K]['request']) => unknown } = {
  start,
  stamp,
  convention: async (request) => (await import('./conventions')).convention(request),
  lab,
  // Stations further down: their code comes when they are first asked for.
  learn: async (request) => (await import('./learn')).learn(request),
  model: async (request) => (await import('./model')).readLayers(request),
  bench: async (request) => (await import('./bench')).bench(request),
  gradient: async (request) => (await import('./learn')).gradient(request),
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
