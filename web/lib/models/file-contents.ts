import type { ModelLayer } from './layer.js';
import type { ModelTensor } from './tensor.js';

/** What the reader of a format gives. */
export interface FileContents {
  readonly layers: readonly ModelLayer[];
  readonly tensors: readonly ModelTensor[];
  /** Who wrote the file, by its own words; may be empty. */
  readonly producer: string;
}
