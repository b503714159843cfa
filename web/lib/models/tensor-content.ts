import { refuse } from '../core/checks.js';
import type { Values } from './dtypes.js';
import { LIMITS } from './limits.js';
import type { ModelFile } from './source.js';

/** Bytes of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** `value = (stored - zeroPoint) * scale`, one pair for all or one for each index along `axis`. */
export interface StoredQuantization {
  readonly axis: number;
  readonly scale: Float32Array;
  readonly zeroPoint: Float32Array;
}

/** New bytes in the place of as many old ones. */
export interface FileEdit {
  /** The bytes follow the end of the file. */
  readonly appended?: boolean;
  /** Null for the model itself, else the path of a file with external data. */
  readonly location: string | null;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Where a tensor's bytes are. */
export interface TensorPlace {
  readonly file: ModelFile;
  /** In order; one of them but for files that split a list. */
  readonly ranges: readonly ByteRange[];
  /** `varints` are of the length that each value needs, `deflated` is an archive's compression. */
  readonly encoding: 'raw' | 'varints' | 'deflated';
  readonly bigEndian?: boolean;
  /** The first axis runs fastest, as Fortran has it. */
  readonly columnMajor?: boolean;
  /** Gives the bytes where the ranges themselves are not them. */
  readonly unpack?: () => Promise<Uint8Array>;
  /** Further bytes that must change with the data: checksums. */
  readonly seals?: (bytes: Uint8Array) => readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

/** Where a tensor's values come from. */
export interface TensorContent {
  /** Null for values that are computed. */
  readonly place: TensorPlace | null;
  readonly location: string | null;
  readonly ranges: readonly ByteRange[];
  readonly quantization: StoredQuantization | null;
  /** Whether values come from quantized ones, at some place on their way. */
  readonly quantizes: boolean;
  readonly patchObstacle: string | null;
  values(evaluation: Evaluation): Promise<Values>;
  /** The bit patterns of values of 16 bits, where they are stored so. */
  halves(): Promise<Uint16Array | null>;
  /** What must change for new values, and what is read then. */
  edits(values: Float32Array): Promise<{ readonly edits: FileEdit[]; readonly stored: Float32Array }>;
}

/**
 * One reading of a tensor: what several of its parts are made of is computed once, and all of it in
 * bounded work. A small file cannot have large values computed: what may be spent grows with what it stores.
 */
export class Evaluation {
  readonly #known = new Map<TensorContent, Promise<Values>>();
  #left: number = LIMITS.folded;

  valuesOf(content: TensorContent): Promise<Values> {
    let values = this.#known.get(content);
    if (values === undefined) {
      values = content.values(this);
      this.#known.set(content, values);
    }
    return values;
  }

  /** Values that a file stores have come. */
  earn(count: number): void {
    this.#left += LIMITS.foldedPerStored * count;
  }

  /** Values are about to be computed. */
  spend(count: number): void {
    this.#left -= count;
    if (this.#left >= 0) return;
    refuse(
      'TOO_LARGE',
      'readModel',
      `constants that are computed in at most ${LIMITS.folded} steps and ${LIMITS.foldedPerStored} for each stored value`,
      'more',
    );
  }
}
