import { DeconvError } from '../core/errors.js';
import { loadRuntime } from './loading.js';
import { type InitOptions, type RuntimeInfo, readSettings, type Settings } from './options.js';
import type { Runtime } from './runtime.js';

export interface MemoryUsage {
  /** Layers that hold memory on the WebAssembly heap (from their first forward to dispose). */
  readonly liveLayers: number;
  /** HeapTensors that were not disposed. */
  readonly liveTensors: number;
  /** Size of the heap in bytes; it grows and never shrinks. */
  readonly heapBytes: number;
  /** Bytes of the heap that are in use. */
  readonly usedBytes: number;
}

let current: Runtime | undefined;
let starting: { readonly options: Settings; readonly promise: Promise<RuntimeInfo> } | undefined;

/**
 * Loads and starts the WebAssembly module. Must have resolved before any `forward`.
 *
 * Repeatable: a call without options, or with the options in force, gives the same module. After a
 * failure the next call starts afresh.
 *
 * @throws {DeconvError} `LOAD_FAILED` if the engine lacks WebAssembly SIMD or the file cannot be
 * loaded; `ALREADY_INITIALIZED` if other options are in force (call `shutdown` first);
 * `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * const { build, threads, notes } = await init({ threads: 4 });
 */
export async function init(options: InitOptions = {}): Promise<RuntimeInfo> {
  const settings = readSettings(options);
  if (starting !== undefined) {
    const asked = Object.values(options).some((value) => value !== undefined);
    if (asked && !sameSettings(settings, starting.options)) {
      throw new DeconvError(
        'ALREADY_INITIALIZED',
        `init: expected the options in force (build: ${starting.options.build}, threads: ${starting.options.threads}), got others. Call shutdown() first, or init() without options to share the module.`,
        { inForce: { ...starting.options } },
      );
    }
    return starting.promise;
  }
  const promise = loadRuntime(settings).then(
    (runtime) => {
      // A shutdown while loading wins.
      if (starting?.promise !== promise) {
        runtime.close();
        throw new DeconvError(
          'NOT_INITIALIZED',
          'init: expected the module to finish loading, got shutdown() meanwhile. Call init() again.',
        );
      }
      current = runtime;
      return runtime.info;
    },
    (error: unknown) => {
      if (starting?.promise === promise) starting = undefined;
      throw error;
    },
  );
  starting = { options: settings, promise };
  return promise;
}

/**
 * Ends the module: its memory is freed and its threads end. Layers keep their weights and work
 * again after the next `init`. Does nothing when nothing is loaded.
 */
export async function shutdown(): Promise<void> {
  starting = undefined;
  current?.close();
  current = undefined;
}

/** What runs now; throws `NOT_INITIALIZED` before `init` has resolved. */
export function runtimeInfo(): RuntimeInfo {
  return requireRuntime('runtimeInfo').info;
}

/** Heap size, bytes in use, live layers and tensors; zeros when nothing is loaded. */
export function memoryUsage(): MemoryUsage {
  if (current === undefined) return { liveLayers: 0, liveTensors: 0, heapBytes: 0, usedBytes: 0 };
  const { module, owned, blocks } = current;
  return {
    liveLayers: owned.size,
    liveTensors: blocks.size,
    heapBytes: module.wasmMemory.buffer.byteLength,
    usedBytes: module.allocatedBytes(),
  };
}

/** The started module, or an error in the name of the caller's method. */
export function requireRuntime(where: string): Runtime {
  if (current === undefined) {
    throw new DeconvError(
      'NOT_INITIALIZED',
      `${where}: expected a loaded module, got a call before init. Write \`await init()\` once before the first forward.`,
      { where },
    );
  }
  return current;
}

function sameSettings(one: Settings, other: Settings): boolean {
  return one.build === other.build && one.threads === other.threads && one.wasm === other.wasm;
}
