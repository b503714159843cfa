import { MODEL } from '../core/brands.js';
import { checkChoice, checkOptions, refuse } from '../core/checks.js';
import { releaseBy } from '../core/disposable.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { checkProgress, stopIfAborted } from '../core/progress.js';
import { guardReceivers } from '../core/receivers.js';
import type { Tensor } from '../core/tensor.js';
import type { StateDict } from '../layers/state-dict.js';
import { checkByName } from './by-name.js';
import { detect, FORMATS, type ModelFormat } from './detect.js';
import type { ModelLayer } from './layer.js';
import type { NormalizedWeight } from './normalized-weights.js';
import { type OpenedModel, openModel } from './open.js';
import { readers } from './readers.js';
import type { ModelFile, ModelInput } from './source.js';
import { ModelTensor, type TensorFile, type UnreadTensor } from './tensor.js';
import type { TensorGeometry } from './tensor-layers.js';

/** Options of {@link readModel}. */
export interface ReadModelOptions {
  /** Default: what the first bytes say. */
  readonly format?: ModelFormat;
  /** `'resampling'` (default): transposed and strided convolutions; `'all'`: those of stride 1 as well. */
  readonly layers?: 'resampling' | 'all';
  /** For safetensors, npy and npz: what layers there are, by the names of their weights. The array of an .npy is `'array'`. */
  readonly geometry?: Readonly<Record<string, TensorGeometry>>;
  /**
   * Files with the weights of an ONNX model, by the location that it names. In Node those beside a model
   * that was read from a path or an address are found without.
   */
  readonly external?: Readonly<Record<string, ModelInput>>;
  /** Stops the reading, that of weights later too: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a file holds, read without its weights; `close` it when their values are no longer needed.
 *
 * @example
 * const model = await readModel('generator.onnx');
 * console.log(model.format, model.layers.length); // onnx 4
 * await model.close();
 */
export class Model {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  readonly format: ModelFormat;
  /** Who wrote the file, by its own words; may be empty. */
  readonly producer: string;
  /** In the file's order; some may have a `problem`. */
  readonly layers: readonly ModelLayer[];
  /** safetensors, npy, npz: all tensors of numbers. Otherwise: those that the layers use. */
  readonly tensors: readonly ModelTensor[];
  /** Tensors of a file without geometry that could be a convolution's weight and were not described. */
  readonly candidates: readonly ModelTensor[];
  /** safetensors, npz: what is left out of `tensors`, because it is no numbers, or of a type that is not read. */
  readonly unread: readonly UnreadTensor[];
  /** @internal */
  readonly opened: OpenedModel;
  /** The tensors, with weights in the place of the parts that a normalisation makes them of. */
  readonly #whole: readonly ModelTensor[];

  static {
    guardReceivers(Model.prototype, 'Model', (value) => #whole in value);
    guardReceivers(ModelTensor.prototype, 'ModelTensor', (value) => 'content' in value);
  }

  /** @internal */
  constructor(
    format: ModelFormat,
    producer: string,
    layers: readonly ModelLayer[],
    tensors: readonly ModelTensor[],
    opened: OpenedModel,
    normalized: readonly NormalizedWeight[] = [],
    unread: readonly UnreadTensor[] = [],
  ) {
    releaseBy(Model.prototype, 'close', 'asyncDispose');
    this.format = format;
    this.producer = producer;
    this.layers = layers;
    this.tensors = tensors;
    this.unread = unread;
    this.opened = opened;
    // A weight stands where its direction does.
    const weights = new Map(normalized.map(({ direction, weight }) => [direction, weight]));
    const parts = new Set(normalized.flatMap((found) => found.parts));
    this.#whole = tensors.flatMap((tensor) => (parts.has(tensor) ? (weights.get(tensor) ?? []) : [tensor]));
    const used = new Set(layers.map(({ weightTensor }) => weightTensor));
    this.candidates =
      format === 'onnx' || format === 'tflite'
        ? []
        : this.#whole.filter((tensor) => couldBeWeight(tensor) && !used.has(tensor));
  }

  /** @internal */
  get [MODEL](): true {
    return true;
  }

  /**
   * The values of all `tensors` by name, as a layer's or a Sequential's `loadStateDict` takes them. Those of 16 bits
   * stay so, all others are float32. Weights that a normalisation makes of parts come in their place.
   *
   * @throws {DeconvError} `TOO_LARGE`, `OUT_OF_MEMORY`, `BAD_MODEL`, `LOAD_FAILED`
   *
   * @example
   * const up = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4, stride: 2, seed: 1 });
   * const model = await readModel(writeSafetensors(up.stateDict()));
   * const { weight, bias } = await model.stateDict();
   * console.log(weight.shape.join('x'), bias.shape.join('x')); // 3x8x4x4 8
   */
  async stateDict(): Promise<StateDict> {
    const state: [string, Tensor | HalfTensor][] = [];
    for (const tensor of this.#whole) state.push([tensor.name, await tensor.readNarrow()]);
    return Object.fromEntries(state);
  }

  /** Closes the files; values cannot be read afterwards. */
  async close(): Promise<void> {
    await this.opened.close();
  }
}

/**
 * Reads the convolutions of a model file: ONNX, TFLite, safetensors, npy or npz.
 *
 * Only the structure is read; weights when they are asked for, piece by piece from where they lie (a
 * .tflite file is read whole). The file may come from anyone: what is damaged or hostile in it ends in an
 * error, soon and in little memory, and nothing is opened but what is below the model's folder or address.
 *
 * @throws {DeconvError} `BAD_MODEL` for a file that is not what it says; `LOAD_FAILED` if a file cannot be
 *   opened or an address not be fetched; the reason of `signal`; `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE` for options; `TOO_LARGE`, `UNSUPPORTED`
 *
 * @example
 * const model = await readModel('generator.onnx');
 * console.log(model.layers.map(({ geometry }) => geometry.stride.join('x')).join(', ')); // 1x1, 2x2, 2x2, 2x2
 * await model.close();
 */
export async function readModel(input: ModelInput, options: ReadModelOptions = {}): Promise<Model> {
  const where = 'readModel';
  const given = checkOptions<ReadModelOptions>(where, options, [
    'format',
    'layers',
    'geometry',
    'external',
    'signal',
  ]);
  const { signal } = given;
  checkProgress(where, given);
  checkByName(where, given);
  stopIfAborted(signal);
  if (given.format !== undefined) checkChoice(where, 'format', given.format, FORMATS);
  const wanted = checkChoice(where, 'layers', given.layers ?? 'resampling', ['resampling', 'all']);
  const all = wanted === 'all';
  const opened = await openModel(input, given);
  const { file } = opened;
  try {
    const format = given.format ?? (await detect(file));
    if (format === 'onnx' || format === 'tflite') {
      if (given.geometry !== undefined) {
        refuse('BAD_OPTION', where, `no geometry beside a format that has it (${format})`, given.geometry);
      }
      const contents =
        format === 'onnx'
          ? await (await readers.onnx())(file, opened.external, all, readers)
          : await (await readers.tflite())(file, all);
      return new Model(format, contents.producer, contents.layers, contents.tensors, opened);
    }
    const { tensors, unread } = await readTensors(file, format);
    const normalized = format === 'npy' ? [] : (await readers.normalized())(tensors);
    const layers = (await readers.described())(tensors, normalized, given.geometry ?? {});
    return new Model(format, '', layers, tensors, opened, normalized, unread);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function readTensors(file: ModelFile, format: 'safetensors' | 'npy' | 'npz'): Promise<TensorFile> {
  if (format === 'safetensors') return (await readers.safetensors())(file);
  if (format === 'npy') return (await readers.npy())(file, 'array');
  return (await readers.npz())(file, async (names) => (await readers.foreign()).refuseArchive(names));
}

/** A convolution's weight has two axes of channels and one to three of taps, and real numbers. */
function couldBeWeight({ shape, dtype }: ModelTensor): boolean {
  return shape.length >= 3 && shape.length <= 5 && dtype.includes('float') && !shape.includes(0);
}
