import { DeconvError, type Tensor } from 'deconv-wasm';
import { analyze, type Kernels, toTransposedKernels } from 'deconv-wasm/checkerboard';
import { type LayerGeometry, type Model, type ModelLayer, readModel } from 'deconv-wasm/models';
import type { KernelPicture, ModelLayerInfo, ModelRequest, ModelResult } from './protocol';

/** Layers that are looked into; of the others the page tells the number. */
const MOST_LAYERS = 60;
const MOST_CANDIDATES = 60;
/** Values of one weight: 64 MB of them. */
const MOST_VALUES = 1 << 24;
const MOST_KERNELS = 12;
const MOST_TAPS = 4096;

/** Everything about a file that the station shows; the file is closed afterwards. */
export async function readLayers({ files, geometry }: ModelRequest): Promise<ModelResult> {
  const [file, ...beside] = files;
  const model = await readModel(file as File, {
    ...(geometry && { geometry }),
    ...(beside.length > 0 && { external: Object.fromEntries(beside.map((one) => [one.name, one])) }),
  });
  try {
    return await describe(model);
  } finally {
    await model.close();
  }
}

async function describe(model: Model): Promise<ModelResult> {
  const layers = [...model.layers].sort((a, b) => Number(b.upsamples) - Number(a.upsamples));
  const looked: ModelLayerInfo[] = [];
  for (const layer of layers.slice(0, MOST_LAYERS)) looked.push(await describeLayer(layer));
  return {
    format: model.format,
    producer: model.producer,
    layers: looked,
    leftOut: Math.max(0, layers.length - MOST_LAYERS),
    candidates: model.candidates
      .slice(0, MOST_CANDIDATES)
      .map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype })),
    moreCandidates: Math.max(0, model.candidates.length - MOST_CANDIDATES),
  };
}

async function describeLayer(layer: ModelLayer): Promise<ModelLayerInfo> {
  const { name, operator, problem, geometry } = layer;
  const known = { name, operator, transposed: layer.upsamples, geometry };
  const nothing = { ...known, found: null, kernels: [], pairs: 0 };
  if (problem !== null || geometry === null) {
    return { ...nothing, problem: problem ?? 'it has no geometry' };
  }
  const count = layer.weightShape.reduce((product, extent) => product * extent, 1);
  if (count > MOST_VALUES) {
    return { ...nothing, problem: `its weight of ${count} values is more than this page looks at` };
  }
  try {
    const subject = await subjectOf(layer, geometry);
    const found = analyze(subject, { gains: false });
    const { geometry: stamping, weight } = asTransposed(subject, geometry);
    const pairs = weight.shape.slice(0, 2).reduce((a, b) => a * b, 1);
    return {
      ...known,
      geometry: stamping,
      problem: null,
      found: {
        unevenness: found.unevenness,
        levelDbc: found.levelDbc,
        verdict: found.verdict,
        sentence: found.sentence,
        overlap: found.overlap.perAxis.map((axis) => [...axis]),
      },
      pairs,
      kernels: pictures(weight, stamping, worstIndex(found.worstPair, weight.shape, stamping)),
    };
  } catch (error) {
    if (!(error instanceof DeconvError)) throw error;
    return { ...nothing, problem: error.message };
  }
}

async function subjectOf(layer: ModelLayer, geometry: LayerGeometry): Promise<Kernels> {
  const { transposed, stride, dilation, groups, padBefore, pixelShuffle, upsample } = geometry;
  return {
    geometry: {
      stride,
      dilation,
      groups,
      transposed,
      ...(padBefore && { padding: padBefore }),
      ...(pixelShuffle && { pixelShuffle }),
      ...(upsample && { upsample }),
    },
    weight: await layer.weight(),
    bias: pixelShuffle ? ((await layer.bias())?.data ?? null) : null,
  };
}

/** A sub-pixel or resize-convolution as the transposed convolution that it is; others as they are. */
function asTransposed(
  subject: Kernels,
  geometry: LayerGeometry,
): { readonly geometry: LayerGeometry; readonly weight: Tensor } {
  const { data, shape } = subject.weight;
  if (!geometry.pixelShuffle && !geometry.upsample) {
    return { geometry, weight: { data: data as Tensor['data'], shape: [...shape] } };
  }
  const { geometry: made, weight } = toTransposedKernels(subject);
  const { padAfter } = geometry;
  const behind =
    padAfter && toTransposedKernels({ ...subject, geometry: { ...subject.geometry, padding: padAfter } });
  const [inChannels = 1, groupOut = 1, ...kernelSize] = weight.shape;
  const groups = made.groups ?? 1;
  return {
    geometry: {
      transposed: true,
      inChannels,
      outChannels: groupOut * groups,
      groups,
      kernelSize,
      stride: made.stride as number[],
      dilation: kernelSize.map(() => 1),
      padBefore: geometry.padBefore && (made.padding as number[]),
      padAfter: behind && (behind.geometry.padding as number[]),
      pixelShuffle: null,
      upsample: null,
    },
    weight: { data: Float32Array.from(weight.data), shape: [...weight.shape] },
  };
}

/** Place in the weight, `[first][second]`, of the pair with the largest deviation. */
function worstIndex(
  { inChannel, outChannel }: { readonly inChannel: number; readonly outChannel: number },
  [, second = 1]: readonly number[],
  { groups, outChannels, inChannels, transposed }: LayerGeometry,
): number {
  // What stamps is the first axis, forward of a transposed layer and backward of another.
  const stamped = (transposed ? outChannels : inChannels) / groups;
  // The input behind the last one is a bias by phase, which has no kernel here.
  const input = transposed ? Math.min(inChannel, inChannels - 1) : inChannel;
  return input * second + (outChannel % stamped);
}

function pictures(
  { data, shape: [, second = 1] }: Tensor,
  { kernelSize, stride, dilation }: LayerGeometry,
  worst: number,
): KernelPicture[] {
  const alone = { stride, dilation, groups: 1, transposed: true };
  const taps = kernelSize.reduce((product, size) => product * size, 1);
  if (taps > MOST_TAPS) return [];
  const pairs = data.length / taps;
  const shown = [worst];
  for (let pair = 0; pair < pairs && shown.length < MOST_KERNELS; pair += 1) {
    if (pair !== worst) shown.push(pair);
  }
  return shown.map((pair) => {
    const kernel = data.slice(pair * taps, (pair + 1) * taps);
    const weight = { data: kernel, shape: [1, 1, ...kernelSize] };
    const { unevenness } = analyze({ geometry: alone, weight }, { gains: false });
    return { first: Math.floor(pair / second), second: pair % second, taps: kernel, unevenness };
  });
}
