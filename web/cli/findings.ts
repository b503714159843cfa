import { readFile } from 'node:fs/promises';
import { DeconvError } from 'deconv-wasm';
import {
  type Analysis,
  analyze,
  type Kernels,
  type Pass,
  toTransposedKernels,
} from 'deconv-wasm/checkerboard';
import {
  type LayerGeometry,
  type Model,
  type ModelLayer,
  type ReadModelOptions,
  readModel,
  type TensorGeometry,
} from 'deconv-wasm/models';
import { type Fix, fixFor } from './fixes.js';
import { systemReason } from './system-reasons.js';
import { printable, type Terminal } from './terminal.js';
import { UsageError } from './usage.js';

/** What is known of one layer of a model. */
export interface Finding {
  readonly layer: ModelLayer;
  readonly judged: Judgement | null;
  /** Why there is no judgement, a sentence; null if there is. */
  readonly problem: string | null;
}

export interface Judgement {
  readonly geometry: LayerGeometry;
  /** Without its lists over the phases where these are more than `LISTED`. */
  readonly analysis: Analysis;
  /** Fewest and most stamps that meet at a phase. */
  readonly stamps: { readonly least: number; readonly most: number };
  readonly fix: Fix;
  /** Taps of the pair of channels with the strongest pattern, for pictures. */
  readonly worstKernel: Float64Array;
}

/** Phases up to which their lists are kept: layers in use have a hundred, and a file may have many layers. */
const LISTED = 4096;

/** The direction in which a layer raises the resolution; forward where neither does. */
export function layerPass({ geometry, upsamples }: ModelLayer): Pass {
  return upsamples || geometry?.stride.every((step) => step === 1) === true ? 'forward' : 'backward';
}

/** Reads and judges one layer after the other, so that one weight is in memory at a time. */
export async function judge(
  layers: readonly ModelLayer[],
  title: string,
  terminal: Terminal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [index, layer] of layers.entries()) {
    terminal.progress(`${title}: layer ${index + 1} of ${layers.length}, ${printable(layer.name)}`);
    findings.push(await judgeLayer(layer));
  }
  terminal.progress('');
  return findings;
}

async function judgeLayer(layer: ModelLayer): Promise<Finding> {
  const { geometry, problem } = layer;
  if (problem !== null || geometry === null)
    return { layer, judged: null, problem: problem ?? 'no geometry' };
  try {
    const subject = await subjectOf(layer, geometry);
    const analysis = analyze(subject, { pass: layerPass(layer), gains: false });
    return {
      layer,
      judged: {
        geometry,
        analysis: withoutLongLists(analysis),
        stamps: stampsOf(analysis),
        fix: fixFor(analysis, layer),
        worstKernel: worstKernelOf(subject, analysis),
      },
      problem: null,
    };
  } catch (error) {
    // Of this layer alone: a weight with NaN, more phases than can be listed, data cut off.
    if (error instanceof DeconvError) return { layer, judged: null, problem: reasonOf(error) };
    throw error;
  }
}

function stampsOf({ overlap }: Analysis): Judgement['stamps'] {
  return overlap.counts.reduce(
    ({ least, most }, count) => ({ least: Math.min(least, count), most: Math.max(most, count) }),
    { least: Number.POSITIVE_INFINITY, most: 0 },
  );
}

function withoutLongLists(analysis: Analysis): Analysis {
  if (analysis.harmonics.length <= LISTED) return analysis;
  return { ...analysis, harmonics: [], overlap: { ...analysis.overlap, counts: [] } };
}

/** A file's layer as the analyzer takes it; paddings that depend on the input only turn the phases. */
export async function subjectOf(layer: ModelLayer, geometry: LayerGeometry): Promise<Kernels> {
  const { transposed, stride, dilation, groups, padBefore, pixelShuffle, upsample } = geometry;
  const weight = await layer.weight();
  return {
    geometry: {
      transposed,
      stride,
      dilation,
      groups,
      ...(padBefore !== null && { padding: padBefore }),
      ...(pixelShuffle !== null && { pixelShuffle }),
      ...(upsample !== null && { upsample }),
    },
    weight,
    bias: pixelShuffle === null ? null : ((await layer.bias())?.data ?? null),
  };
}

/** The kernels that stamp: those of the transposed convolution where the layer is one by another name. */
export function stampingKernels(subject: Kernels): Kernels['weight'] {
  const { pixelShuffle, upsample } = subject.geometry;
  return pixelShuffle === undefined && upsample === undefined
    ? subject.weight
    : toTransposedKernels(subject).weight;
}

function worstKernelOf(subject: Kernels, analysis: Analysis): Float64Array {
  const { data, shape } = stampingKernels(subject);
  const taps = analysis.kernelSize.reduce((product, size) => product * size, 1);
  const { inChannel, outChannel } = analysis.worstPair;
  const groupOut = shape[1] as number;
  // The input behind the last one is the bias.
  if (inChannel === shape[0]) return biasKernel(subject, analysis);
  const from = (inChannel * groupOut + (outChannel % groupOut)) * taps;
  return Float64Array.from({ length: taps }, (_, tap) => data[from + tap] as number);
}

/** A bias that differs from phase to phase, as the taps of one stamp. */
function biasKernel({ geometry, bias }: Kernels, { kernelSize, stride, worstPair }: Analysis): Float64Array {
  const values = bias ?? [];
  const single = { data: values, shape: [values.length, 1, ...stride.map(() => 1)] };
  const { pixelShuffle } = geometry as Required<Kernels['geometry']>;
  const { weight } = toTransposedKernels({ geometry: { pixelShuffle }, weight: single });
  const phases = stride.reduce((product, step) => product * step, 1);
  const kernel = new Float64Array(kernelSize.reduce((product, size) => product * size, 1));
  for (let phase = 0; phase < phases; phase += 1) {
    let [rest, place, step] = [phase, 0, 1];
    for (let axis = stride.length - 1; axis >= 0; axis -= 1) {
      place += (rest % (stride[axis] as number)) * step;
      rest = Math.floor(rest / (stride[axis] as number));
      step *= kernelSize[axis] as number;
    }
    kernel[place] = weight.data[worstPair.outChannel * phases + phase] as number;
  }
  return kernel;
}

export type Geometries = Readonly<Record<string, TensorGeometry>>;

/** The file of --geometry; its entries are checked where they are used. */
export async function readGeometries(file: string | null): Promise<Geometries | null> {
  if (file === null) return null;
  let value: unknown;
  try {
    // Editors of Windows begin with a mark that JSON has not.
    value = JSON.parse((await readFile(file, 'utf8')).replace(/^\ufeff/, ''));
  } catch (error) {
    throw new UsageError(`--geometry ${fileProblem(file, error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(
      `--geometry: expected an object from names of weights to their geometry in ${printable(file)}`,
    );
  }
  return value as Geometries;
}

/** Opens a model; geometry goes to the formats that lack it. */
export async function openModel(
  file: string,
  layers: NonNullable<ReadModelOptions['layers']>,
  geometries: Geometries | null,
): Promise<Model> {
  const model = await readModel(file, { layers });
  if (geometries === null || hasGeometry(model)) return model;
  await model.close();
  return readModel(file, { geometry: geometries });
}

/** Whether the format says itself which layers there are. */
export function hasGeometry({ format }: Model): boolean {
  return format === 'onnx' || format === 'tflite';
}

/** One line about a file that cannot be read or written. */
export function fileProblem(file: string, error: unknown): string {
  const reason =
    error instanceof DeconvError ? reasonOf(error) : systemReason(error as NodeJS.ErrnoException);
  return `${printable(file)}: ${printable(reason, 2000)}`;
}

/**
 * What an error says, without the function that it begins with: a command line has no functions. The tensor or layer
 * of which it speaks stays, as one of many in the file.
 */
export function reasonOf({ message, detail }: DeconvError): string {
  const head = `${detail.where}: `;
  if (!message.startsWith(head)) return message;
  const name = head.indexOf('"');
  return message.slice(name < 0 ? head.length : name);
}

/** Whether an error is about files and what is in them, rather than a mistake of this program. */
export function isFileError(error: unknown): boolean {
  if (error instanceof DeconvError) return error.code !== 'INTERNAL';
  return isSystemError(error);
}

/** Of a file that Node reads no more of than one call can, the system says nothing. */
export function isSystemError(error: unknown): boolean {
  const { syscall, code } = (error ?? {}) as NodeJS.ErrnoException;
  return typeof syscall === 'string' || code === 'ERR_FS_FILE_TOO_LARGE';
}
