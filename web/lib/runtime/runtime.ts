/// <reference lib="esnext.disposable" preserve="true" />

import { RUNTIME } from '../core/brands.js';
import { fault, isNoRoom, noRoom } from '../core/checks.js';
import { releaseBy } from '../core/disposable.js';
import { DeconvError, type DeconvErrorCode, isDeconvError } from '../core/errors.js';
import { frozen } from '../core/lists.js';
import { guardReceivers, strangeReceiver } from '../core/receivers.js';
import { type Heap, heaps } from '../core/tensor.js';
import type { DeconvModule } from './glue.js';
import type { RuntimeInfo } from './options.js';
import type { Candidate } from './planning.js';

/** What `memoryUsage` tells. */
export interface MemoryUsage {
  /** Layers, and chains with an arena, that hold memory on the WebAssembly heap (from their first forward to dispose). */
  readonly liveLayers: number;
  /** HeapTensors that were not disposed. */
  readonly liveTensors: number;
  /** Size of the heap in bytes; it grows and never shrinks. */
  readonly heapBytes: number;
  /** Bytes of the heap that are in use. */
  readonly usedBytes: number;
}

/** What a layer has on a runtime's heap. */
export interface Holding {
  /** Drops the addresses: the heap that they lie on is gone. */
  forget(): void;
}

/**
 * The tensor of every view that was given out; a view that lives keeps its tensor alive. Threads hold the heap's buffer,
 * and by it this, which must not hold the runtime: nobody could forget it.
 */
class Views extends WeakMap<ArrayBufferView, { readonly disposed: boolean }> implements Heap {
  ended = false;

  holds(view: ArrayBufferView): boolean {
    return !this.ended && this.get(view)?.disposed === false;
  }
}

/**
 * A running module with a heap and threads of its own, made by `createRuntime`. Layers, HeapTensors and
 * calls take it as the option `runtime`; runtimes that stand side by side share nothing.
 *
 * @example
 * const runtime = await createRuntime();
 * const up = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, runtime });
 * const y = up.forward({ data: new Float32Array(8 * 256), shape: [1, 8, 16, 16] });
 * console.log(y.shape.join('x'), runtime.memoryUsage().liveLayers); // 1x4x34x34 1
 * await runtime.shutdown();
 */
export class Runtime {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  /** What runs, and what was asked for and could not be had. */
  readonly info: RuntimeInfo;
  /** @internal */
  readonly routeNames: readonly string[];
  /** @internal One for each layer that holds memory. */
  readonly holdings = new Set<Holding>();
  /** @internal What was measured, by geometry. */
  readonly measurements = new Map<string, readonly Candidate[]>();
  /** @internal Addresses of live HeapTensors. */
  readonly blocks = new Set<number>();
  /** @internal */
  readonly views = new Views();
  readonly #statusNames: readonly string[];
  readonly #replanned: number;
  // Whoever keeps a runtime that ended, or a layer bound to it, must not keep its heap.
  #module: DeconvModule | undefined;
  #failure: { readonly message: string; readonly cause: unknown } | undefined;
  #heap: Float32Array = NO_HEAP;
  #lastView: Float32Array = NO_HEAP;
  #heapBytes: Int8Array = NO_BYTES;
  #lastBytes: Int8Array = NO_BYTES;

  static {
    guardReceivers(Runtime.prototype, 'Runtime', Runtime.isOwn, [RUNTIME, 'ended', 'memoryUsage']);
  }

  private constructor(module: DeconvModule, info: RuntimeInfo) {
    releaseBy(Runtime.prototype, 'shutdown', 'asyncDispose');
    this.#module = module;
    forgotten.register(this, module.PThread, this);
    this.info = frozen({ ...info, notes: [...info.notes] });
    Object.defineProperty(this, 'info', { writable: false });
    this.routeNames = this.#texts((route) => module.routeName(route));
    this.#statusNames = this.#texts((status) => module.statusName(status));
    this.#replanned = this.#statusNames.indexOf('replanned');
  }

  /** @internal */
  get [RUNTIME](): true {
    return true;
  }

  /** @internal Whether it is one of this copy of the package, which knows its heap. */
  static isOwn(value: unknown): value is Runtime {
    return typeof value === 'object' && value !== null && #module in value;
  }

  /** @internal */
  static of(module: DeconvModule, info: RuntimeInfo): Runtime {
    return new Runtime(module, info);
  }

  /** Whether it was shut down, or failed: then it computes nothing any more. */
  get ended(): boolean {
    return this.#module === undefined;
  }

  /** Heap size, bytes in use, live layers and tensors of this runtime; zeros once it has ended. */
  memoryUsage(): MemoryUsage {
    if (this.ended) return NOTHING_USED;
    return this.guard('memoryUsage', ({ wasmMemory }) => ({
      liveLayers: this.holdings.size,
      liveTensors: this.blocks.size,
      heapBytes: wasmMemory.buffer.byteLength,
      usedBytes: this.module.allocatedBytes(),
    }));
  }

  /**
   * Ends it, whatever state it is in: its memory is freed, its threads end, and what is bound to it throws
   * `NOT_INITIALIZED` from now on. May be called again.
   */
  async shutdown(): Promise<void> {
    if (!Runtime.isOwn(this)) throw strangeReceiver('Runtime.shutdown');
    this.end();
  }

  /** @internal */
  end(): void {
    const module = this.#module;
    this.#module = undefined;
    this.#heap = NO_HEAP;
    this.#lastView = NO_HEAP;
    this.#heapBytes = NO_BYTES;
    this.#lastBytes = NO_BYTES;
    for (const holding of this.holdings) holding.forget();
    this.holdings.clear();
    this.blocks.clear();
    this.views.ended = true;
    // The module itself is asked for nothing: what has failed would not answer, or fail once more.
    forgotten.unregister(this);
    module?.PThread?.terminateAllThreads();
  }

  /** @internal Ends what has trapped: its memory may be in any state. Every later call says so. */
  fail(cause: unknown): void {
    if (this.ended) return;
    // Until somebody reads its stack, V8's error holds the functions and receivers in it, and so the heap and the layer
    // that failed, which the registries of both would keep for ever then.
    void (cause as Partial<Error> | null)?.stack;
    this.#failure = { message: String(cause), cause };
    this.end();
  }

  /** @internal Calls the module; what it throws but errors of ours ends the runtime. */
  guard<Result>(where: string, call: (module: DeconvModule) => Result): Result {
    try {
      return call(this.module);
    } catch (error) {
      throw this.asError(where, error);
    }
  }

  /** @internal Cleans up, if there is still anything to clean: that throws nothing, whatever happens. */
  release(call: (module: DeconvModule) => void): void {
    if (this.#module === undefined) return;
    try {
      call(this.#module);
    } catch (error) {
      this.fail(error);
    }
  }

  /** @internal The error for what a call threw. What is none of ours came out of the module, and ends it. */
  asError(where: string, cause: unknown): DeconvError {
    if (isDeconvError(cause)) return cause;
    if (isNoRoom(cause)) return noRoom(where, cause);
    this.fail(cause);
    return fault(
      'INTERNAL',
      where,
      'the WebAssembly module to work',
      `its failure: ${String(cause)}`,
      `Its runtime has ended; ${AFRESH}. Please report this.`,
      {},
      cause,
    );
  }

  /** @internal Throws unless it runs; `where` names the caller's method. */
  requireRunning(where: string): this {
    if (this.#module !== undefined) return this;
    const failure = this.#failure;
    if (failure === undefined) {
      throw fault(
        'NOT_INITIALIZED',
        where,
        'a running module',
        'a call after its shutdown()',
        'What was bound to it stays so: make it anew, on a runtime that runs.',
      );
    }
    throw fault(
      'RUNTIME_FAILED',
      where,
      'a running module',
      `one that failed before: ${failure.message}`,
      `To go on ${AFRESH}; what is bound to the one that failed must be made anew.`,
      {},
      failure.cause,
    );
  }

  /** @internal */
  get module(): DeconvModule {
    return this.#module ?? this.#endedModule();
  }

  #endedModule(): never {
    this.requireRunning('Runtime');
    throw new Error('unreachable');
  }

  /** @internal Whether a run found no memory for its route, and another one is planned. */
  isReplanned(status: number): boolean {
    return status === this.#replanned;
  }

  /** @internal Throws what a call's status means; `where` names the caller's method. */
  check(where: string, status: number): void {
    if (status === 0) return;
    const name = this.#statusNames[status] ?? `status ${status}`;
    const [code, sentence] = STATUS_ERRORS[name] ?? ['INTERNAL', 'an unknown status'];
    throw new DeconvError(code, `${where}: ${sentence} (core status ${name}).`, { where, status: name });
  }

  /** @internal A text of the core's, which has characters of one byte and ends with a zero; null at 0. */
  text(address: number): string | null {
    if (address === 0) return null;
    const { heapBytes } = this;
    return String.fromCharCode(...heapBytes.subarray(address, heapBytes.indexOf(0, address)));
  }

  #texts(addressOf: (index: number) => number): string[] {
    const texts: string[] = [];
    for (;;) {
      const text = this.text(addressOf(texts.length));
      if (text === null) return texts;
      texts.push(text);
    }
  }

  /** @internal The whole heap in bytes; as `heap`. */
  get heapBytes(): Int8Array {
    const { buffer } = this.module.wasmMemory;
    if (this.#heapBytes.buffer !== buffer) this.#heapBytes = new Int8Array(buffer);
    return this.#heapBytes;
  }

  /** @internal A part of it; as `floats`. */
  bytes(address: number, length: number): Int8Array {
    const { buffer } = this.heapBytes;
    const last = this.#lastBytes;
    if (last.buffer !== buffer || last.byteOffset !== address || last.length !== length) {
      this.#lastBytes = new Int8Array(buffer, address, length);
    }
    return this.#lastBytes;
  }

  /** @internal The whole heap, valid until the next call into the module: growth detaches it. */
  get heap(): Float32Array {
    const { buffer } = this.module.wasmMemory;
    if (this.#heap.buffer !== buffer) {
      this.#heap = new Float32Array(buffer);
      heaps.set(buffer, this.views);
    }
    return this.#heap;
  }

  /** @internal A part of it. The last one is remembered: a loop asks for the same again and again. */
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
  return fault(
    'OUT_OF_MEMORY',
    where,
    `room for ${what} (${megabytes} MB) on the WebAssembly heap`,
    'none: it holds 2 GB at most',
    'Dispose layers, use smaller tensors or a smaller batch.',
    { bytes: elements * 4 },
  );
}

/** What a runtime that has ended, or none, uses. */
export const NOTHING_USED: MemoryUsage = Object.freeze({
  liveLayers: 0,
  liveTensors: 0,
  heapBytes: 0,
  usedBytes: 0,
});

// Nothing else ends the threads of a runtime that nobody has any more, and they hold its memory.
const forgotten = new FinalizationRegistry<DeconvModule['PThread']>((threads) =>
  threads?.terminateAllThreads(),
);

const NO_HEAP = new Float32Array(0);
const NO_BYTES = new Int8Array(0);

const AFRESH = 'call init(), or createRuntime() for a runtime of your own, to start afresh';

/** The status beside it says why. */
const REFUSED = 'expected a call that the core takes, got one that it refuses';

// All but out_of_memory are caught by our own checks first; seeing one means a bug of ours.
const STATUS_ERRORS: Readonly<Record<string, readonly [DeconvErrorCode, string]>> = {
  bad_spec: ['BAD_OPTION', REFUSED],
  bad_shape: ['BAD_SHAPE', REFUSED],
  too_large: ['TOO_LARGE', 'expected tensors that fit a 32-bit heap, got larger ones'],
  unsupported: ['UNSUPPORTED', REFUSED],
  missing_parameters: ['INTERNAL', REFUSED],
  out_of_memory: [
    'OUT_OF_MEMORY',
    'expected room on the WebAssembly heap, got none. Dispose layers, use smaller tensors or a smaller batch',
  ],
  internal: ['INTERNAL', REFUSED],
  not_finite: [
    'BAD_OPTION',
    'expected finite values, whose range int8 can span, got infinity or NaN. Mend the input, or quantize with fixed scales, which saturate',
  ],
};
