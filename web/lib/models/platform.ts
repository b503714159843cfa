import type { ModelSource } from './source.js';

/** What differs between a page and Node; #models-platform in package.json chooses the file. */
export interface ModelsPlatform {
  openPath(path: string | URL): Promise<ModelSource>;
  /** Writes the files of a patched model: `path` for the model, others beside it. */
  writeFiles(path: string | URL, files: readonly OutputFile[], signal?: AbortSignal): Promise<void>;
}

export interface OutputFile {
  /** Null for the model itself, else its path relative to the model. */
  readonly location: string | null;
  readonly size: number;
  stream(): AsyncIterable<Uint8Array>;
}
