import { Conv2d, DeconvError, init } from 'deconv-wasm';
import { phases, seeds } from './phases';
import type {
  Answer,
  CallName,
  Calls,
  Failure,
  LabRequest,
  LabResult,
  Planes,
  Question,
  StampRequest,
  StampResult,
} from './protocol';
import { Run, transposed, workshop } from './workshop';

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
  start: ({ threads }) => init({ threads }),
  stamp,
  lab,
  phases,
  seeds,
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
