import { DeconvError, type DeconvErrorCode } from '../core/errors.js';
import { heapOwners } from '../core/tensor.js';
import type { DeconvModule } from './glue.js';
import type { RuntimeInfo } from './options.js';
import type { Owned } from './owned-operators.js';

/** Memory of one HeapTensor. */
export interface HeapBlock {
  /** Undefined once the block was freed or the module shut down. */
  runtime: Runtime | undefined;
  readonly address: number;
  readonly count: number;
}

/** A started module. Operators and tensors made on it die with it. */
export class Runtime {
  readonly module: DeconvModule;
  readonly info: RuntimeInfo;
  readonly routeNames: readonly string[];
  /** What each live layer holds of this module. */
  readonly owned = new Set<Owned>();
  /** Memory of live HeapTensors, by address. */
  readonly blocks = new Map<number, HeapBlock>();
  readonly #statusNames: readonly string[];
  #heap: Float32Array = new Float32Array(0);
  #lastView = this.#heap;

  constructor(module: DeconvModule, info: RuntimeInfo) {
    this.module = module;
    this.info = info;
    this.routeNames = module.routeNames().trimEnd().split('\n');
    this.#statusNames = module.statusNames().trimEnd().split('\n');
  }

  close(): void {
    // A layer that lives on must not keep the module's memory alive.
    for (const owned of this.owned) {
      owned.operators.clear();
      owned.runtime = undefined;
    }
    this.owned.clear();
    for (const block of this.blocks.values()) block.runtime = undefined;
    this.blocks.clear();
    this.module.stopRuntime();
    this.module.PThread?.terminateAllThreads();
  }

  /** Throws what a call's status means; `where` names the caller's method. */
  check(where: string, status: number): void {
    if (status === 0) return;
    const name = this.#statusNames[status] ?? `status ${status}`;
    const [code, sentence] = STATUS_ERRORS[name] ?? ['INTERNAL', 'an unknown status'];
    throw new DeconvError(code, `${where}: ${sentence} (core status ${name}).`, { where, status: name });
  }

  /** A part of the heap as bytes. */
  bytes(address: number, length: number): Int8Array {
    return new Int8Array(this.module.wasmMemory.buffer, address, length);
  }

  /** The whole heap, valid until the next call into the module: growth detaches it. */
  get heap(): Float32Array {
    const { buffer } = this.module.wasmMemory;
    if (this.#heap.buffer !== buffer) {
      this.#heap = new Float32Array(buffer);
      heapOwners.set(buffer, this);
    }
    return this.#heap;
  }

  /** A part of it. The last one is remembered: a loop asks for the same again and again. */
  floats(address: number, length: number): Float32Array {
    const { buffer } = this.heap;
    const last = this.#lastView;
    if (last.buffer !== buffer || last.byteOffset !== address || last.length !== length) {
      this.#lastView = new Float32Array(buffer, address, length);
    }
    return this.#lastView;
  }
}

/** No room for `elements` floats. */
export function outOfMemory(where: string, what: string, elements: number): DeconvError {
  const megabytes = Math.ceil((elements * 4) / 2 ** 20);
  return new DeconvError(
    'OUT_OF_MEMORY',
    `${where}: expected room for ${what} (${megabytes} MB) on the WebAssembly heap, got none: it holds 2 GB at most. Dispose layers, use smaller tensors or a smaller batch.`,
    { where, bytes: elements * 4 },
  );
}

// All but out_of_memory are caught by our own checks first; seeing one means a bug of ours.
const STATUS_ERRORS: Readonly<Record<string, readonly [DeconvErrorCode, string]>> = {
  bad_spec: ['BAD_OPTION', 'expected parameters that the core accepts, got a spec that it refuses'],
  bad_shape: ['BAD_SHAPE', 'expected an input size that the core accepts, got one that it refuses'],
  too_large: ['TOO_LARGE', 'expected tensors that fit a 32-bit heap, got larger ones'],
  unsupported: ['UNSUPPORTED', 'expected a geometry that the chosen route takes'],
  missing_parameters: ['INTERNAL', 'expected packed parameters, got none'],
  out_of_memory: [
    'OUT_OF_MEMORY',
    'expected room on the WebAssembly heap, got none. Dispose layers, use smaller tensors or a smaller batch',
  ],
  internal: ['INTERNAL', 'XNNPACK refused an operator that the planner had accepted'],
  not_finite: [
    'BAD_OPTION',
    'expected finite values, whose range int8 can span, got infinity or NaN. Mend the input, or quantize with fixed scales, which saturate',
  ],
};
