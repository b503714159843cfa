import { init, type Tensor } from 'deconv-wasm';
import { type Attribution, attribute, compareImages, repairKernels } from 'deconv-wasm/checkerboard';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import type { Excerpt, Planes } from '../model/picture';
import { SAMPLE_RATE } from '../model/voice';
import { learnedNetwork, madeNetwork } from './made-networks';
import { inputsOf } from './network-inputs';
import type {
  CompareRequest,
  ComparisonResult,
  Progress,
  StepPicturesRequest,
  TracedInput,
  TracedStep,
  TraceRequest,
  TraceResult,
} from './protocol';
import { toneLevel } from './sound';
import { type DrawnValue, stepPictures } from './step-pictures';
import { layoutOf, planesOf, reduced, spatialAxesOf } from './value-planes';

/** Largest side of a step's picture, and of an output's. */
const [STEP_SIDE, OUTPUT_SIDE] = [64, 384];

interface Kept {
  readonly key: string;
  readonly file: Uint8Array<ArrayBuffer> | null;
  readonly network: Network;
  readonly inputs: Record<string, Tensor>;
  readonly told: readonly TracedInput[];
  readonly attribution: Attribution;
  readonly steps: readonly TracedStep[];
  readonly drawn: readonly DrawnValue[];
  readonly before: Output;
}

/** What a network gives, of a value with so many axes. */
interface Output extends Planes {
  readonly rank: number;
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
    format: network.format,
    file,
    sentence: attribution.sentence,
    culprit: attribution.culprit,
    steps,
    layers: attribution.layers.map(({ name, kind, unevenness, verdict, share, repaired, problem }) => ({
      name,
      kind,
      unevenness,
      verdict,
      share,
      fall: repaired?.fallDb ?? null,
      problem,
    })),
    inputs: told,
    before: reduced(before, OUTPUT_SIDE),
    level: attribution.before?.levelDb ?? null,
    repair: repair && {
      ...compareImages(asTensor(before), asTensor(repair.after)),
      after: reduced(repair.after, OUTPUT_SIDE),
      level: repair.level,
    },
    sound: before.rank === 3 ? heard(before, repair?.after ?? null, stride[0] ?? 1) : null,
  };
}

/** What each step of the network gives, that ran last; null where another one did. */
export function picturesOf({ of, channel }: StepPicturesRequest): (Excerpt | null)[] | null {
  if (kept?.key !== keyOf(of)) return null;
  return stepPictures(kept.network, kept.inputs, kept.drawn, channel, STEP_SIDE);
}

/** What ran last, in onnxruntime-web as well; null where another network did. */
export async function compared({ of, onnxruntime }: CompareRequest): Promise<ComparisonResult | null> {
  if (kept?.key !== keyOf(of)) return null;
  const { network, inputs, file } = kept;
  const [model, ...beside] = 'files' in of.network ? of.network.files : [];
  const files = {
    model: file ?? (await bytesOf(model as File)),
    beside: await Promise.all(beside.map(async (one) => ({ path: one.name, data: await bytesOf(one) }))),
  };
  const { compareRuns } = await import('./compare-runs');
  return compareRuns(network, inputs, files, { folder: onnxruntime, threads: of.threads });
}

const bytesOf = async (file: File) => new Uint8Array(await file.arrayBuffer());

function keyOf({ network, picture, own }: TraceRequest): string {
  const given = own === null ? picture : [own.kind, own.name, sumOf(own)];
  if ('made' in network) return JSON.stringify([network, given]);
  if ('learned' in network) return JSON.stringify([network.learned, given]);
  return JSON.stringify([
    network.files.map(({ name, size, lastModified }) => [name, size, lastModified]),
    given,
  ]);
}

function sumOf(own: NonNullable<TraceRequest['own']>): number {
  const values = own.kind === 'picture' ? own.picture.data : own.samples;
  return values.reduce((sum, value) => sum + value, values.length);
}

async function traced(key: string, request: TraceRequest, tell: (progress: Progress) => void): Promise<Kept> {
  const { network: source } = request;
  const file = 'files' in source ? null : madeFile(source);
  const network = await ('files' in source ? ofFiles(source.files) : loadNetwork(file as Uint8Array));
  const given = inputsOf(network, request, STEP_SIDE);
  const attribution = await attribute(network, given.inputs, {
    // Drawn in the channel that a person chooses.
    pictures: 0,
    onProgress: ({ loaded, total }) => tell({ done: loaded, of: total ?? loaded }),
  });
  const before = outputOf(network, given.inputs, attribution.output);
  return {
    key,
    file,
    network,
    ...given,
    attribution,
    ...(await stepsOf(network, given.inputs, attribution)),
    before,
  };
}

const madeFile = (source: Exclude<TraceRequest['network'], { readonly files: unknown }>) =>
  'made' in source ? madeNetwork(source.made, source.seed) : learnedNetwork(source.layers);

function ofFiles([file, ...beside]: readonly File[]): Promise<Network> {
  const external = Object.fromEntries(beside.map((one) => [one.name, one]));
  return loadNetwork(file as File, beside.length > 0 ? { external } : {});
}

function outputOf(network: Network, inputs: Record<string, Tensor>, name: string): Output {
  const { data, shape } = network.run(inputs, { outputs: [name] })[name] as Tensor;
  const layout = layoutOf(shape, spatialAxesOf(network.format, shape.length));
  return { ...planesOf(data, layout), rank: shape.length };
}

const asTensor = ({ data, channels, width, height, rank }: Output): Tensor => ({
  data,
  shape: rank !== 3 ? [1, channels, height, width] : [1, channels, width],
});

const shapesOf = (inputs: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));

async function repairedRun(
  network: Network,
  inputs: Record<string, Tensor>,
  { layers: known, output, all }: Attribution,
  places: readonly number[],
): Promise<{ readonly after: Output; readonly level: number | null } | null> {
  if (places.length === 0) return null;
  const { layers } = await network.upsampling(shapesOf(inputs), [output]);
  const changes = places.flatMap((place) => {
    const layer = layers[place];
    if (!layer?.kernels || known[place]?.repaired == null) return [];
    const { weight, bias } = repairKernels(layer.kernels, { precision: 'float32' });
    return { layer, weight: Float32Array.from(weight.data), bias: bias && Float32Array.from(bias) };
  });
  if (changes.length === 0) return null;
  const changed = network.withWeights(changes);
  try {
    const after = outputOf(changed, inputs, output);
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
async function stepsOf(
  network: Network,
  inputs: Record<string, Tensor>,
  attribution: Attribution,
): Promise<Pick<Kept, 'steps' | 'drawn'>> {
  const known = new Map(attribution.steps.map((step) => [step.name, step]));
  const { values } = await network.upsampling(shapesOf(inputs));
  const axes = new Map(values.map(({ name, spatialAxes }) => [name, spatialAxes]));
  const inputNames = network.inputs.map(({ name }) => name);
  const told = network.profile(inputs, { repeats: 3 }).map((step): readonly [TracedStep, DrawnValue] => {
    const { names, types, milliseconds, outputShapes, outputNames, inputSources } = step;
    const [name = null] = outputNames;
    const [shape = []] = outputShapes;
    const found = known.get(name ?? '');
    const takes = inputSources.flatMap((source) => {
      if (source === null) return [];
      return typeof source === 'string' ? inputNames.indexOf(source) : inputNames.length + source;
    });
    const spatialAxes = axes.get(name ?? '') ?? spatialAxesOf(network.format, shape.length);
    const layers = attribution.layers.flatMap((layer, place) => (names.includes(layer.name) ? place : []));
    return [
      {
        names,
        types,
        shape,
        channels: layoutOf(shape, spatialAxes).channels,
        milliseconds,
        takes: [...new Set(takes)],
        layers,
        stride: found?.stride ?? [],
        level: found?.strength?.levelDb ?? null,
      },
      { name, shape, spatialAxes, isPatterned: found !== undefined },
    ];
  });
  return { steps: told.map(([step]) => step), drawn: told.map(([, value]) => value) };
}

function heard(before: Planes, after: Planes | null, stride: number): TraceResult['sound'] {
  const samples = ({ data, width }: Planes) => data.slice(0, width);
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
