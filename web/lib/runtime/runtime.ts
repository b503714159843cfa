import { platform } from '#platform';
import { checkChoice, checkInteger, checkOptions, describe, refuse } from '../core/checks.js';
import { DeconvError, type DeconvErrorCode } from '../core/errors.js';
import { heapOwners } from '../core/tensor.js';
import { VERSION } from '../core/version.js';
import type { DeconvModule, GlueArguments, GlueFactory } from './glue.js';
import type { Owned } from './owned-operators.js';
import type { BinaryName, WasmSource } from './platform.js';
import { supportsRelaxedSimd, supportsSimd, supportsThreads } from './probes.js';

export type BuildName = 'simd' | 'relaxed';

export interface InitOptions {
  /** `'auto'` (default) takes relaxed SIMD where the engine has it. */
  readonly build?: 'auto' | BuildName;
  /**
   * Threads that compute, the calling one included; 1 by default. More than 1 needs Node or a
   * cross-origin isolated page, else 1 is used and `notes` says why.
   */
  readonly threads?: number;
  /**
   * Where the .wasm comes from instead of the package's own file: a URL, bytes or a compiled
   * module of the chosen build, or a function from the binary's name (`'simd'`, `'relaxed'`,
   * `'simd-threads'`, `'relaxed-threads'`) to one of these.
   */
  readonly wasm?: WasmSource | ((name: BinaryName) => WasmSource | Promise<WasmSource>);
}

export interface RuntimeInfo {
  readonly build: BuildName;
  readonly threads: number;
  /** What was asked for and could not be had, in words. */
  readonly notes: readonly string[];
}

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

let current: Runtime | undefined;
let starting: { readonly options: Settings; readonly promise: Promise<RuntimeInfo> } | undefined;

interface Settings {
  readonly build: 'auto' | BuildName;
  readonly threads: number;
  readonly wasm: InitOptions['wasm'] | undefined;
}

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
  const promise = start(settings).then(
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

function readSettings(options: InitOptions): Settings {
  const { build, threads, wasm } = checkOptions<InitOptions>('init', options, ['build', 'threads', 'wasm']);
  return {
    build: build === undefined ? 'auto' : checkChoice('init', 'build', build, ['auto', 'simd', 'relaxed']),
    threads: threads === undefined ? 1 : checkInteger('init', 'threads', threads, 1, MAX_THREADS),
    wasm: wasm === undefined || typeof wasm === 'function' ? wasm : checkSource(wasm),
  };
}

function checkSource(source: unknown): WasmSource {
  const known =
    typeof source === 'string' ||
    source instanceof URL ||
    source instanceof WebAssembly.Module ||
    source instanceof ArrayBuffer ||
    ArrayBuffer.isView(source);
  if (!known) refuse('BAD_TYPE', 'init', 'wasm to be a URL, bytes or a WebAssembly.Module', source);
  return source as WasmSource;
}

// Far above any machine a page runs on; every thread costs a worker and a stack.
const MAX_THREADS = 64;

function sameSettings(one: Settings, other: Settings): boolean {
  return one.build === other.build && one.threads === other.threads && one.wasm === other.wasm;
}

async function start(settings: Settings): Promise<Runtime> {
  const notes: string[] = [];
  if (!supportsSimd()) {
    throw new DeconvError(
      'LOAD_FAILED',
      'init: expected an engine with WebAssembly SIMD, got one without. Use Chrome 91, Edge 91, Firefox 89, Safari 16.4, Node 20.19 or newer.',
    );
  }
  const build = chooseBuild(settings.build, notes);
  const threads = chooseThreads(settings.threads, notes);
  if (threads > 1) {
    try {
      return new Runtime(await load(`${build}-threads`, threads, settings.wasm), { build, threads, notes });
    } catch (cause) {
      // A file of the caller's for the threaded build cannot serve the other one.
      if (!(cause instanceof ThreadStartError) || isSingleFile(settings.wasm))
        throw asLoadError(build, cause);
      notes.push(`threads: ${cause.message}, running on 1`);
    }
  }
  try {
    return new Runtime(await load(build, 1, settings.wasm), { build, threads: 1, notes });
  } catch (cause) {
    throw asLoadError(build, cause);
  }
}

/** The binary is there, but its threads or their shared memory are not to be had. */
class ThreadStartError extends Error {}

function asLoadError(build: BuildName, cause: unknown): DeconvError {
  if (cause instanceof DeconvError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new DeconvError(
    'LOAD_FAILED',
    `init: expected to load the ${build} build, got: ${text}. Check that its .wasm file is served, or pass it with init({ wasm }).`,
    { build },
    cause,
  );
}

function isSingleFile(wasm: InitOptions['wasm']): boolean {
  return wasm !== undefined && typeof wasm !== 'function';
}

async function load(name: BinaryName, threads: number, wasm: InitOptions['wasm']): Promise<DeconvModule> {
  const [factory, binary] = await Promise.all([platform.loadGlue(name), compile(name, wasm)]);
  checkIdentity(binary, name);
  return instantiate(factory, binary, name, threads);
}

/** A glue works with its own binary only: scripts/build.mjs writes its name into each. */
function checkIdentity(binary: WebAssembly.Module, name: BinaryName): void {
  const [section] = WebAssembly.Module.customSections(binary, 'deconv-wasm');
  const got = section === undefined ? 'a module of another package' : new TextDecoder().decode(section);
  const expected = `${name} ${VERSION}`;
  if (got === expected) return;
  throw new DeconvError(
    'LOAD_FAILED',
    `init: expected the .wasm file ${expected}, got ${got}. Pass the file of that name and version, with build: 'simd' or 'relaxed' if you choose it yourself.`,
    { expected, got },
  );
}

function chooseBuild(asked: Settings['build'], notes: string[]): BuildName {
  if (asked === 'simd') return 'simd';
  if (supportsRelaxedSimd()) return 'relaxed';
  if (asked === 'relaxed') notes.push('relaxed SIMD: this engine has none, running the simd build');
  return 'simd';
}

function chooseThreads(asked: number, notes: string[]): number {
  if (asked === 1) return 1;
  const obstacle =
    platform.threadObstacle() ??
    (supportsThreads() ? undefined : 'this engine has no shared WebAssembly memory');
  if (obstacle === undefined) return asked;
  notes.push(`threads: ${obstacle}, running on 1`);
  return 1;
}

const THREAD_START_SECONDS = 20;

/** Calls the glue; it throws at once where shared memory or a worker is refused. */
function createModule(factory: GlueFactory, threads: number, options: GlueArguments): Promise<DeconvModule> {
  try {
    return factory(options);
  } catch (cause) {
    if (threads > 1) throw new ThreadStartError(String(cause));
    throw cause;
  }
}

async function compile(name: BinaryName, wasm: InitOptions['wasm']): Promise<WebAssembly.Module> {
  const source = typeof wasm === 'function' ? checkSource(await wasm(name)) : wasm;
  if (source === undefined || typeof source === 'string' || source instanceof URL) {
    return platform.compile(name, source);
  }
  if (source instanceof ArrayBuffer) return WebAssembly.compile(source);
  // V8 takes no DataView here, although it is a BufferSource.
  return ArrayBuffer.isView(source)
    ? WebAssembly.compile(new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength))
    : source;
}

async function instantiate(
  factory: GlueFactory,
  binary: WebAssembly.Module,
  name: BinaryName,
  threads: number,
): Promise<DeconvModule> {
  const script = platform.threadScript(name);
  let fail = (_error: unknown): void => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // The glue makes its module of this very object.
  const options: GlueArguments = {
    // The glue would report a failure on the console and wait for ever: we take it here.
    instantiateWasm: (imports, done) => {
      WebAssembly.instantiate(binary, imports)
        .then((instance) => done(instance, binary))
        .catch(fail);
      return {};
    },
    pthreadPoolSize: threads - 1,
    ...(script === undefined ? {} : { mainScriptUrlOrBlob: script }),
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (threads > 1) {
    // A worker that a content security policy forbids never answers, and the glue waits for it.
    const message = `no answer from the workers in ${THREAD_START_SECONDS} s (does the Content-Security-Policy allow worker-src 'self'?)`;
    timer = setTimeout(() => fail(new ThreadStartError(message)), THREAD_START_SECONDS * 1000);
  }
  try {
    const module = await Promise.race([createModule(factory, threads, options), failure]);
    const status = module.startRuntime(threads);
    if (status === 0) return module;
    throw new DeconvError('LOAD_FAILED', `init: expected the core to start, got status ${describe(status)}.`);
  } catch (error) {
    // Some of the workers may have started.
    options.PThread?.terminateAllThreads();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
