import { init, type Tensor } from 'deconv-wasm';
import { type Attribution, attribute, compareImages, repairKernels } from 'deconv-wasm/checkerboard';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import { type Picture, type Planes, shrunk } from '../model/picture';
import { uniform } from '../model/random';
import { testImage } from '../model/test-images';
import { SAMPLE_RATE, voice } from '../model/voice';
import { madeNetwork } from './made-networks';
import type { Progress, TracedInput, TracedStep, TraceRequest, TraceResult } from './protocol';
import { toneLevel } from './sound';

/** Largest side of a step's picture, and of an output's. */
const [STEP_SIDE, OUTPUT_SIDE] = [64, 384];
/** Steps before anything raises the resolution that get a picture. */
const MOST_EARLY = 24;
/** Lengths that a file leaves open. */
const [OPEN_SIDE, OPEN_SAMPLES] = [48, 2000];

interface Kept {
  readonly key: string;
  readonly file: Uint8Array<ArrayBuffer> | null;
  readonly network: Network;
  readonly inputs: Record<string, Tensor>;
  readonly told: readonly TracedInput[];
  readonly attribution: Attribution;
  readonly steps: readonly TracedStep[];
  readonly before: Tensor;
}

let kept: Kept | null = null;

/** Runs a network, finds out which layer draws the pattern of its output, and runs it repaired. */
export async function trace(request: TraceRequest, tell: (progress: Progress) => void): Promise<TraceResult> {
  await init({ threads: request.threads });
  const key = keyOf(request);
  if (kept?.key !== key) {
    kept?.network.dispose();
    kept = null;
    kept = await traced(key, request, tell);
  }
  const { file, network, inputs, attribution, before, steps, told } = kept;
  const repair = await repairedRun(network, inputs, attribution, request.repaired);
  const { stride } = attribution;
  return {
    file,
    sentence: attribution.sentence,
    culprit: attribution.culprit,
    steps,
    layers: attribution.layers.map(({ name, unevenness, verdict, share, repaired, problem }) => ({
      name,
      unevenness,
      verdict,
      share,
      fall: repaired?.fallDb ?? null,
      problem,
    })),
    inputs: told,
    before: planesOf(before, OUTPUT_SIDE),
    level: attribution.before?.levelDb ?? null,
    repair: repair && {
      ...compareImages(before, repair.after),
      after: planesOf(repair.after, OUTPUT_SIDE),
      level: repair.level,
    },
    sound: before.shape.length === 3 ? heard(before, repair?.after ?? null, stride[0] ?? 1) : null,
  };
}

function keyOf({ network, picture: given }: TraceRequest): string {
  const picture =
    typeof given === 'string'
      ? given
      : [given.name, given.width, given.height, given.data.reduce((a, b) => a + b, 0)];
  if ('made' in network) return JSON.stringify([network, picture]);
  return JSON.stringify([
    network.files.map(({ name, size, lastModified }) => [name, size, lastModified]),
    picture,
  ]);
}

async function traced(
  key: string,
  { network: source, picture }: TraceRequest,
  tell: (progress: Progress) => void,
): Promise<Kept> {
  const file = 'made' in source ? madeNetwork(source.made, source.seed) : null;
  const network = await ('files' in source ? ofFiles(source.files) : loadNetwork(file as Uint8Array));
  const given = inputsOf(network, picture);
  const attribution = await attribute(network, given.inputs, {
    pictures: STEP_SIDE,
    onProgress: ({ loaded, total }) => tell({ done: loaded, of: total ?? loaded }),
  });
  const output = network.outputs[0]?.name ?? '';
  const before = copied(network.run(given.inputs, { outputs: [output] })[output] as Tensor);
  const steps = stepsOf(network, given.inputs, attribution);
  return { key, file, network, ...given, attribution, steps, before };
}

function ofFiles([file, ...beside]: readonly File[]): Promise<Network> {
  const external = Object.fromEntries(beside.map((one) => [one.name, one]));
  return loadNetwork(file as File, beside.length > 0 ? { external } : {});
}

const copied = ({ data, shape }: Tensor) => ({ data: Float32Array.from(data), shape: [...shape] });

/** A picture, a voice or latents, by what each input has room for. */
function inputsOf(
  network: Network,
  given: TraceRequest['picture'],
): { readonly inputs: Record<string, Tensor>; readonly told: readonly TracedInput[] } {
  const draw = uniform(1);
  const made = network.inputs.map(({ name, shape: declared }) => {
    const open = declared.length === 3 ? OPEN_SAMPLES : OPEN_SIDE;
    const shape = declared.map((extent, axis) =>
      typeof extent === 'number' ? extent : axis === 0 ? 1 : open,
    );
    return { name, shape, ...inputOf(shape, given, draw) };
  });
  return {
    inputs: Object.fromEntries(made.map(({ name, shape, data }) => [name, { data, shape }])),
    told: made.map(({ name, shape, takes, data }) => ({
      name,
      shape,
      takes,
      picture: planesOf({ data, shape }, STEP_SIDE),
    })),
  };
}

function inputOf(
  shape: readonly number[],
  given: TraceRequest['picture'],
  draw: () => number,
): { readonly takes: TracedInput['takes']; readonly data: Float32Array } {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const [, channels = 1, height = 1, width = 1] = shape;
  if (shape.length === 4 && (channels === 1 || channels === 3) && height * width > 1) {
    const { data } = sampled(typeof given === 'string' ? testImage(given) : given, channels, width, height);
    return { takes: 'picture', data };
  }
  if (shape.length === 3 && height > 1) {
    // As slow as the network is fast: what comes out sounds at the page's rate.
    const sound = voice((height / voice(SAMPLE_RATE).length) * SAMPLE_RATE);
    return { takes: 'sound', data: Float32Array.from({ length: count }, (_, n) => sound[n % height] ?? 0.5) };
  }
  const isLatent = shape.slice(2).every((extent) => extent === 1);
  const data = Float32Array.from({ length: count }, () => (isLatent ? 3.4 * (draw() - 0.5) : draw()));
  return { takes: 'numbers', data };
}

/** A test image in another size, every pixel of it the mean of what lies under it; grey where one channel is wanted. */
function sampled(image: Picture, channels: number, width: number, height: number): Planes {
  const area = image.width * image.height;
  const data = new Float32Array(channels * width * height);
  const edge = (index: number, from: number, to: number) => Math.floor((index * from) / to);
  for (let index = 0; index < data.length; index++) {
    const channel = Math.floor(index / (width * height));
    const [row, column] = [Math.floor(index / width) % height, index % width];
    const [top, left] = [edge(row, image.height, height), edge(column, image.width, width)];
    const bottom = Math.max(edge(row + 1, image.height, height), top + 1);
    const right = Math.max(edge(column + 1, image.width, width), left + 1);
    let sum = 0;
    for (let plane = 0; plane < 3; plane++) {
      if (channels === 3 && plane !== channel) continue;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) sum += image.data[plane * area + y * image.width + x] ?? 0;
      }
    }
    data[index] = sum / ((bottom - top) * (right - left) * (channels === 3 ? 1 : 3));
  }
  return { channels, width, height, data };
}

async function repairedRun(
  network: Network,
  inputs: Record<string, Tensor>,
  { layers: known, output, all }: Attribution,
  places: readonly number[],
): Promise<{ readonly after: Tensor; readonly level: number | null } | null> {
  if (places.length === 0) return null;
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const { layers } = await network.upsampling(shapes);
  const changes = places.flatMap((place) => {
    const layer = layers[place];
    if (!layer?.kernels || known[place]?.repaired == null) return [];
    const { weight, bias } = repairKernels(layer.kernels, { precision: 'float32' });
    return { layer, weight: Float32Array.from(weight.data), bias: bias && Float32Array.from(bias) };
  });
  if (changes.length === 0) return null;
  const changed = network.withWeights(changes);
  try {
    const after = copied(changed.run(inputs, { outputs: [output] })[output] as Tensor);
    // The attribution knows what all repairs leave, and each alone; of others it is measured.
    const repairable = known.filter(({ repaired }) => repaired !== null).length;
    const measured =
      changes.length === repairable
        ? all?.after
        : changes.length === 1
          ? known[places[0] ?? 0]?.repaired?.after
          : (await attribute(changed, inputs, { pictures: 0 })).before;
    return { after, level: measured?.levelDb ?? null };
  } finally {
    changed.dispose();
  }
}

/** What the program computes, each step with its time, and what is known of its pattern. */
function stepsOf(network: Network, inputs: Record<string, Tensor>, attribution: Attribution): TracedStep[] {
  const known = new Map(attribution.steps.map((step) => [step.name, step]));
  const inputNames = network.inputs.map(({ name }) => name);
  let early = 0;
  return network.profile(inputs, { repeats: 3 }).map((step) => {
    const { names, types, milliseconds, outputShapes, outputNames, inputSources } = step;
    const [name = null] = outputNames;
    const found = name === null ? undefined : known.get(name);
    const picture = found
      ? found.picture && planesOf(found.picture, STEP_SIDE)
      : name !== null && early++ < MOST_EARLY
        ? pictureOf(network, inputs, name)
        : null;
    const takes = inputSources.flatMap((source) => {
      if (source === null) return [];
      return typeof source === 'string' ? inputNames.indexOf(source) : inputNames.length + source;
    });
    return {
      names,
      types,
      shape: outputShapes[0] ?? [],
      milliseconds,
      takes: [...new Set(takes)],
      layers: attribution.layers.flatMap((layer, place) => (names.includes(layer.name) ? place : [])),
      stride: found?.stride ?? [],
      level: found?.strength?.levelDb ?? null,
      picture,
    };
  });
}

/** The mean over the channels of what a step gives. */
function pictureOf(network: Network, inputs: Record<string, Tensor>, name: string): Planes {
  const value = network.run(inputs, { outputs: [name] })[name] as Tensor;
  const { channels, width, height, data } = planesOf(value, Number.POSITIVE_INFINITY);
  const area = width * height;
  const mean = new Float32Array(area);
  for (let index = 0; index < data.length; index++) {
    mean[index % area] = (mean[index % area] ?? 0) + (data[index] ?? 0) / channels;
  }
  return small({ channels: 1, width, height, data: mean }, STEP_SIDE);
}

/** Channels first as planes; a row is drawn as one line. */
function planesOf({ data, shape }: Tensor, side: number): Planes {
  const [width = 1, height = 1] =
    shape.length >= 4 || shape.length === 2 ? shape.slice(-2).reverse() : shape.slice(-1);
  const channels = data.length / (width * height);
  return small({ channels, width, height, data: Float32Array.from(data) }, side);
}

/** A line keeps its beginning, a picture its whole. */
function small(planes: Planes, side: number): Planes {
  if (planes.height > 1) return shrunk({ ...planes, name: '' }, side);
  const width = Math.min(planes.width, side);
  const data = Float32Array.from({ length: planes.channels * width }, (_, index) => {
    const channel = Math.floor(index / width);
    return planes.data[channel * planes.width + (index % width)] ?? 0;
  });
  return { channels: planes.channels, width, height: 1, data };
}

function heard(before: Tensor, after: Tensor | null, stride: number): TraceResult['sound'] {
  const samples = ({ data, shape }: Tensor) => Float32Array.from(data.subarray(0, shape.at(-1)));
  const [own, made] = [samples(before), after && samples(after)];
  return {
    before: own,
    after: made,
    tones: Array.from({ length: Math.floor(stride / 2) }, (_, index) => {
      const frequency = ((index + 1) * SAMPLE_RATE) / stride;
      return {
        frequency,
        before: toneLevel(own, frequency),
        after: made && toneLevel(made, frequency),
      };
    }),
  };
}
