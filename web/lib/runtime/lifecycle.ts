import { fault } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { frozen } from '../core/lists.js';
import { loadRuntime } from './loading.js';
import { type InitOptions, type RuntimeInfo, readSettings, type Settings } from './options.js';
import { type MemoryUsage, NOTHING_USED, type Runtime } from './runtime.js';

/** The default runtime, which all share that name none. */
interface Default {
  readonly asked: Settings;
  readonly promise: Promise<Runtime>;
  /** Undefined while it loads. */
  runtime: Runtime | undefined;
}

let standard: Default | undefined;

/**
 * Loads and starts the default runtime. Must have resolved before any `forward` without a `runtime`.
 *
 * Repeatable: whoever calls it again gets the same module, whatever was asked for first, as long as what
 * runs can serve. Less than asked for (fewer threads, no relaxed SIMD) is a note in the result. Where its
 * `.wasm` came from is no matter then: all of one name and version are the same. After a failure to load,
 * and after a failure of the module, the next call starts afresh.
 *
 * @throws {DeconvError} `LOAD_FAILED` if the engine lacks WebAssembly SIMD or the file cannot be
 * loaded; `ALREADY_INITIALIZED` for `build: 'simd'` while relaxed SIMD runs, whose last bits depend on
 * the processor (use `createRuntime`, or call `shutdown` first); `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * const { build, threads, notes } = await init({ threads: 1 });
 * console.log(['simd', 'relaxed'].includes(build), threads, notes); // true 1 []
 */
export async function init(options: InitOptions = {}): Promise<RuntimeInfo> {
  const settings = readSettings('init', options);
  for (;;) {
    if (standard === undefined || standard.runtime?.ended) standard = start(settings);
    const { asked, promise } = standard;
    const runtime = await promise.catch((error: unknown) => {
      // What somebody else asked for did not load: that is no answer to this call. A shutdown is.
      const ended = isDeconvError(error) && error.code === 'NOT_INITIALIZED';
      if (ended || sameSettings(asked, settings)) throw error;
    });
    if (runtime !== undefined) return infoFor(runtime, asked, settings);
  }
}

function start(asked: Settings): Default {
  const started: Default = {
    asked,
    runtime: undefined,
    promise: loadRuntime(asked).then(
      (runtime) => {
        // A shutdown while loading wins.
        if (standard !== started) {
          runtime.end();
          throw fault(
            'NOT_INITIALIZED',
            'init',
            'the module to finish loading',
            'shutdown() meanwhile',
            'Call init() again.',
          );
        }
        started.runtime = runtime;
        return runtime;
      },
      (error: unknown) => {
        if (standard === started) standard = undefined;
        throw error;
      },
    ),
  };
  return started;
}

/** What runs, as an answer to who asked for `wanted` when `asked` had been started already. */
function infoFor({ info }: Runtime, asked: Settings, wanted: Settings): RuntimeInfo {
  if (wanted.build === 'simd' && info.build !== 'simd') {
    throw fault(
      'ALREADY_INITIALIZED',
      'init',
      "a build 'simd' that nobody else shares",
      'relaxed SIMD running already',
      "Use createRuntime({ build: 'simd' }), or call shutdown() first.",
      { inForce: info },
    );
  }
  const notes: string[] = [];
  if (wanted.build === 'relaxed' && info.build !== 'relaxed' && asked.build !== 'relaxed') {
    const why = asked.build === 'simd' ? 'an earlier init asked for simd' : 'this engine has none';
    notes.push(`relaxed SIMD: ${why}, running the simd build`);
  }
  if (wanted.threads > Math.max(info.threads, asked.threads)) {
    notes.push(
      `threads: expected ${wanted.threads}, but an earlier init asked for ${asked.threads}: running on ${info.threads}`,
    );
  }
  if (notes.length === 0) return info;
  return frozen({ ...info, notes: [...info.notes, ...notes] });
}

/**
 * A runtime of your own beside the default one and all others: with its own heap, threads and build. What a
 * library should use, because whatever anybody does to the default one does nothing to it.
 *
 * @throws {DeconvError} as `init`, but for `ALREADY_INITIALIZED`
 *
 * @example
 * const runtime = await createRuntime({ build: 'simd' });
 * const x = new HeapTensor([1, 8, 16, 16], { runtime });
 * console.log(runtime.info.build, runtime.memoryUsage().liveTensors, memoryUsage().liveTensors); // simd 1 0
 * await runtime.shutdown();
 */
export async function createRuntime(options: InitOptions = {}): Promise<Runtime> {
  return loadRuntime(readSettings('createRuntime', options));
}

/**
 * Ends the default runtime for all who share it: its memory is freed and its threads end. Layers keep their
 * weights and work again after the next `init`. Does nothing when nothing is loaded. It belongs to who owns
 * the page or the process; a library ends the runtime that it made.
 *
 * @example
 * await init();
 * const up = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, seed: 1 });
 * await shutdown();
 * await init();
 * console.log(up.forward({ data: [1], shape: [1, 1, 1, 1] }).shape.join('x')); // 1x1x2x2
 */
export async function shutdown(): Promise<void> {
  const ending = standard;
  standard = undefined;
  ending?.runtime?.end();
}

/**
 * What the default runtime is; throws `NOT_INITIALIZED` before `init` has resolved, `RUNTIME_FAILED`.
 *
 * @example
 * await init({ build: 'simd' });
 * console.log(runtimeInfo().build, runtimeInfo().threads); // simd 1
 */
export function runtimeInfo(): RuntimeInfo {
  return requireRuntime('runtimeInfo').info;
}

/**
 * Heap size, bytes in use, live layers and tensors of the default runtime; zeros when nothing is loaded.
 *
 * @example
 * console.log(memoryUsage().heapBytes); // 0
 * await init();
 * const x = new HeapTensor([1, 8, 16, 16]);
 * console.log(memoryUsage().liveTensors, memoryUsage().heapBytes > 0); // 1 true
 * x.dispose();
 */
export function memoryUsage(): MemoryUsage {
  return standard?.runtime?.memoryUsage() ?? NOTHING_USED;
}

let stand: Runtime | undefined;

/** Does something in which calls that name no runtime take this one, and not the default one. */
export function runningOn<Result>(runtime: Runtime, act: () => Result): Result {
  const before = stand;
  stand = runtime;
  try {
    return act();
  } finally {
    stand = before;
  }
}

/** The runtime that a call names, or the default one; an error in the name of the caller's method if it does not run. */
export function requireRuntime(where: string, runtime = stand ?? standard?.runtime): Runtime {
  if (runtime !== undefined) return runtime.requireRunning(where);
  throw fault(
    'NOT_INITIALIZED',
    where,
    'a loaded module',
    'a call before init',
    `Write \`await init()\` once before the first forward, or name a runtime of createRuntime.`,
  );
}

function sameSettings(one: Settings, other: Settings): boolean {
  return one.build === other.build && one.threads === other.threads && one.wasm === other.wasm;
}
