import { MODEL } from '../core/brands.js';
import { checkChoice, checkOptions, describe, refuse } from '../core/checks.js';
import type { HalfTensor } from '../core/half-tensor.js';
import type { Tensor } from '../core/tensor.js';
import type { StateDict } from '../layers/state-dict.js';
import { openPath } from './files.js';
import type { ModelLayer } from './layer.js';
import { LIMITS } from './limits.js';
import { isNpy } from './npy.js';
import { readNpy, readNpz } from './npz.js';
import { readOnnx } from './onnx/read.js';
import { headerLength, readSafetensors } from './safetensors.js';
import { checkLocation, ModelFile, type ModelInput, type ModelSource, sourceOf } from './source.js';
import type { ModelTensor } from './tensor.js';
import { couldBeWeight, describedLayers, type TensorGeometry } from './tensor-layers.js';
import { readTflite } from './tflite.js';

export type ModelFormat = 'onnx' | 'tflite' | 'safetensors' | 'npy' | 'npz';

export interface ReadModelOptions {
  /** Default: what the first bytes say. */
  readonly format?: ModelFormat;
  /** `'resampling'` (default): transposed and strided convolutions; `'all'`: those of stride 1 as well. */
  readonly layers?: 'resampling' | 'all';
  /** For safetensors, npy and npz: what layers there are, by the names of their weights. The array of an .npy is `'array'`. */
  readonly geometry?: Readonly<Record<string, TensorGeometry>>;
  /**
   * Files with the weights of an ONNX model, by the location that it names. In Node those beside a model
   * that was read from a path are found without.
   */
  readonly external?: Readonly<Record<string, ModelInput>>;
}

/** What a file holds, read without its weights; `close` it when their values are no longer needed. */
export class Model {
  readonly format: ModelFormat;
  /** Who wrote the file, by its own words; may be empty. */
  readonly producer: string;
  /** In the file's order; some may have a `problem`. */
  readonly layers: readonly ModelLayer[];
  /** safetensors, npy, npz: all tensors of numbers. Otherwise: those that the layers use. */
  readonly tensors: readonly ModelTensor[];
  /** Tensors of a file without geometry that could be a convolution's weight and were not described. */
  readonly candidates: readonly ModelTensor[];
  /** @internal */
  readonly files: readonly ModelFile[];

  /** @internal */
  constructor(
    format: ModelFormat,
    producer: string,
    layers: readonly ModelLayer[],
    tensors: readonly ModelTensor[],
    files: readonly ModelFile[],
  ) {
    this.format = format;
    this.producer = producer;
    this.layers = layers;
    this.tensors = tensors;
    this.files = files;
    const used = new Set(layers.map(({ weightTensor }) => weightTensor));
    this.candidates =
      format === 'onnx' || format === 'tflite'
        ? []
        : tensors.filter((tensor) => couldBeWeight(tensor) && !used.has(tensor));
  }

  /** @internal */
  get [MODEL](): true {
    return true;
  }

  /**
   * The values of all `tensors` by name, as a layer's or a Sequential's `loadStateDict` takes them. Those of 16 bits
   * stay so, all others are float32.
   *
   * @throws {DeconvError} `TOO_LARGE`, `OUT_OF_MEMORY`, `BAD_MODEL`, `LOAD_FAILED`
   *
   * @example
   * const model = await readModel('decoder.safetensors');
   * decoder.loadStateDict(await model.stateDict());
   */
  async stateDict(): Promise<StateDict> {
    const state: [string, Tensor | HalfTensor][] = [];
    for (const tensor of this.tensors) state.push([tensor.name, await tensor.readNarrow()]);
    return Object.fromEntries(state);
  }

  /** Closes the files; values cannot be read afterwards. */
  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const FORMATS = ['onnx', 'tflite', 'safetensors', 'npy', 'npz'] as const;

/**
 * Reads the convolutions of a model file: ONNX, TFLite, safetensors, npy or npz.
 *
 * Only the structure is read; weights when they are asked for, piece by piece from where they lie (a
 * .tflite file is read whole). The file may come from anyone: what is damaged or hostile in it ends in an
 * error, soon and in little memory, and no file is opened but those below the model's folder.
 *
 * @throws {DeconvError} `BAD_MODEL` for a file that is not what it says; `LOAD_FAILED` if a file cannot be
 *   opened; `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE` for options; `TOO_LARGE`, `UNSUPPORTED`
 *
 * @example
 * const model = await readModel('generator.onnx');
 * for (const layer of model.layers) console.log(layer.name, layer.geometry?.stride);
 */
export async function readModel(input: ModelInput, options: ReadModelOptions = {}): Promise<Model> {
  const where = 'readModel';
  const given = checkOptions<ReadModelOptions>(where, options, ['format', 'layers', 'geometry', 'external']);
  if (given.format !== undefined) checkChoice(where, 'format', given.format, FORMATS);
  const wanted = checkChoice(where, 'layers', given.layers ?? 'resampling', ['resampling', 'all']);
  const all = wanted === 'all';
  const source = await openInput(input);
  const file = new ModelFile(source, null);
  const files = [file];
  try {
    const format = given.format ?? (await detect(file));
    if (format === 'onnx' || format === 'tflite') {
      if (given.geometry !== undefined) {
        refuse('BAD_OPTION', where, `no geometry beside a format that has it (${format})`, given.geometry);
      }
      const contents =
        format === 'onnx'
          ? await readOnnx(file, externalFiles(source, given.external ?? {}, files), all)
          : await readTflite(file, all);
      return new Model(format, contents.producer, contents.layers, contents.tensors, files);
    }
    const tensors = await readTensors(file, format);
    return new Model(format, '', describedLayers(tensors, given.geometry ?? {}), tensors, files);
  } catch (error) {
    for (const opened of files) await opened.close();
    throw error;
  }
}

function readTensors(file: ModelFile, format: 'safetensors' | 'npy' | 'npz'): Promise<ModelTensor[]> {
  if (format === 'safetensors') return readSafetensors(file);
  return format === 'npy' ? readNpy(file, 'array') : readNpz(file);
}

async function openInput(input: ModelInput): Promise<ModelSource> {
  return sourceOf(input) ?? openPath(input as string | URL);
}

async function detect(file: ModelFile): Promise<ModelFormat> {
  const head = await file.read('readModel', 'the file', 0, Math.min(file.size, 16));
  const text = String.fromCharCode(...head);
  if (text.slice(4, 8) === 'TFL3') return 'tflite';
  if (isNpy(head)) return 'npy';
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return 'npz';
  if ((await headerLength(file)) !== null) return 'safetensors';
  // The first field of an ONNX model is one of its few, and most begin with the version.
  const [tag = 0] = head;
  if (tag !== 0 && (tag & 7) <= 2 && tag >> 3 <= 25) return 'onnx';
  return refuse(
    'BAD_MODEL',
    'readModel',
    'a model file (ONNX, TFLite, safetensors, npy or npz)',
    head.length === 0 ? 'an empty file' : 'bytes of none of them',
    'Formats of checkpoints (.pt, .h5, SavedModel) have to be exported first.',
  );
}

/** Opens every file that the model names once. */
function externalFiles(
  source: ModelSource,
  given: Readonly<Record<string, ModelInput>>,
  files: ModelFile[],
): (location: string) => Promise<ModelFile> {
  const opened = new Map<string, ModelFile>();
  return async (raw) => {
    const location = checkLocation('readModel', raw);
    const known = opened.get(location);
    if (known !== undefined) return known;
    if (opened.size >= LIMITS.externalFiles) {
      refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.externalFiles} files of external data`, 'more');
    }
    const file = new ModelFile(await openBeside(source, given, raw, location), location);
    opened.set(location, file);
    files.push(file);
    return file;
  };
}

async function openBeside(
  source: ModelSource,
  given: Readonly<Record<string, ModelInput>>,
  raw: string,
  location: string,
): Promise<ModelSource> {
  for (const name of [raw, location]) {
    if (Object.hasOwn(given, name)) return openInput(given[name] as ModelInput);
  }
  if (source.beside !== undefined) return source.beside(location);
  return refuse(
    'LOAD_FAILED',
    'readModel',
    `the file ${describe(location)} with weights of the model`,
    'none',
    `Pass it: external: { ${JSON.stringify(location)}: … }.`,
  );
}
