// The files of a model: the one that was given, and those that it names.

import { describe, refuse } from '../core/checks.js';
import { isResponse, isUrl } from '../core/realms.js';
import { LIMITS } from './limits.js';
import { readers } from './readers.js';
import { checkLocation, ModelFile, type ModelInput, type ModelSource, sourceOf } from './source.js';

export interface OpenOptions {
  /** Files by the locations that the model names. */
  readonly external?: Readonly<Record<string, ModelInput>>;
  readonly signal?: AbortSignal | undefined;
}

/** Opens a model; `watch` sees every source before it is read. */
export async function openModel(
  input: ModelInput,
  options: OpenOptions,
  watch: (source: ModelSource) => ModelSource = (source) => source,
): Promise<OpenedModel> {
  return new OpenedModel(watch(await openInput(input, options.signal)), options, watch);
}

/** A model's files. */
export class OpenedModel {
  readonly file: ModelFile;
  readonly #source: ModelSource;
  readonly #options: OpenOptions;
  readonly #watch: (source: ModelSource) => ModelSource;
  readonly #beside = new Map<string, ModelFile>();

  constructor(source: ModelSource, options: OpenOptions, watch: (source: ModelSource) => ModelSource) {
    this.#source = source;
    this.#options = options;
    this.#watch = watch;
    this.file = new ModelFile(source, null, options.signal);
  }

  /** The file at a location that the model names, opened once. */
  readonly external = async (raw: string): Promise<ModelFile> => {
    const location = checkLocation('readModel', raw);
    const known = this.#beside.get(location);
    if (known !== undefined) return known;
    if (this.#beside.size >= LIMITS.externalFiles) {
      refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.externalFiles} files of external data`, 'more');
    }
    const source = await openBeside(this.#source, this.#options, raw, location);
    const file = new ModelFile(this.#watch(source), location, this.#options.signal);
    this.#beside.set(location, file);
    return file;
  };

  get files(): readonly ModelFile[] {
    return [this.file, ...this.#beside.values()];
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }
}

async function openInput(input: ModelInput, signal: AbortSignal | undefined): Promise<ModelSource> {
  const source = sourceOf(input);
  if (source !== null) return source;
  if (isResponse(input)) return (await readers.remote()).responseSource(input, signal);
  const address = isUrl(input) ? input.href : (input as string);
  if (isAddress(address)) return (await readers.remote()).openAddress(address, signal);
  return (await readers.files()).openPath(isUrl(input) ? input : address);
}

/** Whether a text is the address of a file and no path. */
function isAddress(text: string): boolean {
  return /^(https?:\/\/|blob:|data:)/i.test(text);
}

async function openBeside(
  source: ModelSource,
  { external = {}, signal }: OpenOptions,
  raw: string,
  location: string,
): Promise<ModelSource> {
  for (const name of [raw, location]) {
    if (Object.hasOwn(external, name)) return openInput(external[name] as ModelInput, signal);
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
