import { hasBrand, MODEL } from '../core/brands.js';
import { checkChoice, checkOptions, refuse } from '../core/checks.js';
import { DeconvError, isDeconvError } from '../core/errors.js';
import { checkProgress, stopIfAborted } from '../core/progress.js';
import { checkByName } from '../models/by-name.js';
import { detect, type ModelFormat } from '../models/detect.js';
import type { Model } from '../models/model.js';
import { type OpenedModel, openModel } from '../models/open.js';
import { ModelFile, type ModelInput, type ModelSource, READER } from '../models/source.js';
import { EXECUTION_OPTION_NAMES, type ExecutionOptions, readExecution } from '../runtime/execution.js';
import { init } from '../runtime/lifecycle.js';
import type { FrontEnd } from './front-end.js';
import { Network } from './network.js';
import type { NetworkGraph } from './operations.js';
import { declaredShapes } from './ports.js';
import { checkNames } from './value-names.js';

/**
 * How far the reading of a network is.
 *
 * @example
 * const shares = [];
 * const net = await loadNetwork('unet.onnx', { onProgress: ({ loaded, total }) => shares.push(loaded / total) });
 * console.log(shares.at(-1)); // 1
 * net.dispose();
 */
export interface LoadProgress {
  /** Bytes that have been read, and bytes of the files that are known so far. */
  readonly loaded: number;
  readonly total: number;
}

/** Options of {@link loadNetwork}. */
export interface LoadNetworkOptions extends ExecutionOptions {
  /** Of a file. Default: what its first bytes say. */
  readonly format?: 'onnx' | 'tflite';
  /**
   * Names of any values of the file, in place of its outputs: only what they need must be of operators that are known
   * here.
   */
  readonly outputs?: readonly string[];
  /** Files with the weights of an ONNX file, by the location that it names, as of `readModel`. */
  readonly external?: Readonly<Record<string, ModelInput>>;
  /** Hears how far the reading is. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Stops the reading: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const WHERE = 'loadNetwork';

/**
 * Reads a whole network from an ONNX or TFLite file, or from a model of `readModel`, which stays open. Its weights are
 * read once; the file is closed then. Without a `runtime` it waits for the default one, and starts it if nobody has.
 *
 * @throws {DeconvError} `UNSUPPORTED` for operators that are not known here, all of them in `detail.nodes`; `BAD_MODEL` for a
 * file that is not what it says; `BAD_SHAPE` with the node for what does not go together at the sizes that a file fixes;
 * `LOAD_FAILED`, `TOO_LARGE`, `BAD_OPTION`, `BAD_TYPE`; the reason of `signal`
 *
 * @example
 * const net = await loadNetwork('unet.onnx');
 * console.log(String(net)); // Network(x [1, 1, 12, 8] -> y [1, 1, 12, 8])
 * const { y } = net.run({ x: { data: new Float32Array(96), shape: [1, 1, 12, 8] } });
 * console.log(y.shape.join('x')); // 1x1x12x8
 */
export async function loadNetwork(
  source: ModelInput | Model,
  options: LoadNetworkOptions = {},
): Promise<Network> {
  const given = checkOptions<LoadNetworkOptions>(WHERE, options, [
    'format',
    'outputs',
    'external',
    'onProgress',
    'signal',
    ...EXECUTION_OPTION_NAMES,
  ]);
  const { signal } = given;
  checkProgress(WHERE, given);
  checkByName(WHERE, given);
  if (given.format !== undefined) checkChoice(WHERE, 'format', given.format, ['onnx', 'tflite']);
  const outputs = given.outputs === undefined ? undefined : checkNames(WHERE, given.outputs);
  const execution = readExecution(WHERE, given);
  stopIfAborted(signal);
  // The module loads while the file is read.
  const started = Promise.resolve(execution.runtime ?? init());
  started.catch(() => {});
  const frontEnd = await readFrontEnd(source, { ...given, outputs } as LoadNetworkOptions);
  const lowered = lowerFixed(frontEnd, outputs);
  await started;
  stopIfAborted(signal);
  return new Network(frontEnd, execution, { outputs, lowered });
}

/** The network at the one size that a file has: what does not go together is told before anybody calls. */
function lowerFixed(
  frontEnd: FrontEnd,
  outputs: readonly string[] = frontEnd.outputs.map(({ name }) => name),
): NetworkGraph | undefined {
  const shapes = declaredShapes(frontEnd.inputs);
  // Of an input without axes a file may mean that they are open.
  const known = frontEnd.inputs.every(({ shape }) => shape.length > 0);
  return shapes !== null && known ? frontEnd.lower(shapes, outputs) : undefined;
}

async function readFrontEnd(source: ModelInput | Model, options: LoadNetworkOptions): Promise<FrontEnd> {
  if (hasBrand(source, MODEL)) {
    const { opened, format } = source as Model;
    for (const name of ['format', 'external'] as const) {
      const given = options[name];
      if (given !== undefined) refuse('BAD_OPTION', WHERE, `no ${name} beside a model that is read`, given);
    }
    const stopped = (file: ModelFile): ModelFile => {
      const read: ModelSource['read'] = (offset, length) => file.read('a range', offset, length, WHERE);
      return new ModelFile({ size: file.size, read }, file.location, options.signal);
    };
    const external = async (location: string) => stopped(await opened.external(location));
    return readOpened({ file: stopped(opened.file), external }, format, options);
  }
  const progress = options.onProgress && new ReadProgress(options.onProgress);
  try {
    const opened = await openModel(source as ModelInput, options, progress?.counting);
    try {
      return await readOpened(opened, options.format ?? (await detect(opened.file)), options);
    } finally {
      await opened.close();
    }
  } catch (error) {
    throw progress?.failed ? progress.failure : ofThisCall(error);
  }
}

/** What reads files for `readModel` names that; people have called another function. */
function ofThisCall(error: unknown): unknown {
  if (!isDeconvError(error)) return error;
  const { where } = error.detail;
  if (where !== READER) return error;
  const message = error.message.replace(READER, WHERE);
  return new DeconvError(error.code, message, { ...error.detail, where: WHERE }, error.cause);
}

async function readOpened(
  { file, external }: Pick<OpenedModel, 'file' | 'external'>,
  format: ModelFormat,
  { outputs }: LoadNetworkOptions,
): Promise<FrontEnd> {
  if (format === 'onnx') {
    return (await import('./onnx/read.js')).readOnnxNetwork(file, external, outputs);
  }
  if (format === 'tflite') return (await import('./tflite/read.js')).readTfliteNetwork(file, outputs);
  return refuse('UNSUPPORTED', WHERE, 'a file of a network (ONNX or TFLite)', format, WEIGHTS_ONLY);
}

const WEIGHTS_ONLY = 'It has no operators. readModel gives its stateDict for a Sequential or Graph.';

/** Counts what is read of all sources, each byte once at most, and keeps what its listener throws: no file has failed. */
class ReadProgress {
  readonly #tell: (progress: LoadProgress) => void;
  #before = 0;
  #total = 0;
  failed = false;
  failure: unknown;

  constructor(tell: (progress: LoadProgress) => void) {
    this.#tell = tell;
  }

  readonly counting = (source: ModelSource): ModelSource => {
    let loaded = 0;
    this.#total += source.size;
    return {
      size: source.size,
      read: async (offset, length) => {
        const bytes = await source.read(offset, length);
        const now = Math.min(length, source.size - loaded);
        loaded += now;
        this.#add(now);
        return bytes;
      },
      ...(source.beside && { beside: source.beside.bind(source) }),
      close: async () => source.close?.(),
    };
  };

  #add(bytes: number): void {
    this.#before += bytes;
    try {
      this.#tell({ loaded: this.#before, total: this.#total });
    } catch (error) {
      this.failed = true;
      this.failure = error;
      throw error;
    }
  }
}
