import { describe, fault } from '../core/checks.js';
import { nodeModule } from '../core/node.js';
import { messageOf } from '../core/realms.js';
import createDeconvModule from '../wasm/deconv.mjs';
import { compileBinary } from './binary.js';
import type { DeconvModule, GlueArguments, GlueFactory } from './glue.js';
import { loadError } from './load-error.js';
import type { BinaryName, BuildName, Settings } from './options.js';
import { HAS_THREADS, installedFile, PACKAGED, threadGlue } from './package-files.js';
import { supportsRelaxedSimd, supportsSimd, supportsThreads } from './probes.js';
import { Runtime } from './runtime.js';

/** Loads the build that the settings and the engine allow, and starts it. */
export async function loadRuntime(settings: Settings): Promise<Runtime> {
  const { where, wasm } = settings;
  const notes: string[] = [];
  if (!supportsSimd()) {
    throw loadError(
      where,
      'an engine with WebAssembly SIMD',
      'one without',
      'Use Chrome or Edge 94, Firefox 93, Safari 16.4, Node 20.19 or newer; browsers in high security lack WebAssembly.',
    );
  }
  const build = chooseBuild(settings, notes);
  const threads = chooseThreads(settings.threads, notes);
  if (threads > 1) {
    try {
      return Runtime.of(await load(where, `${build}-threads`, threads, wasm), { build, threads, notes });
    } catch (cause) {
      if (!isThreadStartError(cause)) throw cause;
      if (wasm !== undefined && typeof wasm !== 'function') {
        throw loadError(
          where,
          `to start ${threads} threads`,
          cause.message,
          'The one binary given is that of the build with threads: pass a function, or threads: 1.',
          cause,
        );
      }
      notes.push(`threads: ${cause.message}, running on 1`);
    }
  }
  return Runtime.of(await load(where, build, 1, wasm), { build, threads: 1, notes });
}

function chooseBuild({ build, wasm }: Settings, notes: string[]): BuildName {
  if (build === 'simd') return 'simd';
  const packaged = wasm !== undefined || PACKAGED.includes('relaxed');
  if (packaged && supportsRelaxedSimd()) return 'relaxed';
  if (build === 'relaxed') {
    const reason = packaged ? 'this engine has none' : 'the single file holds none';
    notes.push(`relaxed SIMD: ${reason}, running the simd build`);
  }
  return 'simd';
}

function chooseThreads(asked: number, notes: string[]): number {
  const obstacle = asked === 1 ? undefined : threadObstacle();
  if (obstacle === undefined) return asked;
  notes.push(`threads: ${obstacle}, running on 1`);
  return 1;
}

/** Why threads cannot run here; undefined when they may. */
function threadObstacle(): string | undefined {
  if (nodeModule('node:worker_threads') === undefined) {
    if (typeof Worker !== 'function') return 'no worker can be started from here';
    if (globalThis.crossOriginIsolated !== true) {
      return 'the page is not cross-origin isolated (headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)';
    }
  }
  if (!supportsThreads()) return 'this engine has no shared WebAssembly memory';
  return HAS_THREADS ? undefined : 'the single file holds none';
}

/** The binary is there, but its threads or their shared memory are not to be had. */
class ThreadStartError extends Error {
  readonly threads = true;
}

function isThreadStartError(cause: unknown): cause is ThreadStartError {
  return (cause as Partial<ThreadStartError> | null)?.threads === true;
}

async function load(
  where: string,
  name: BinaryName,
  threads: number,
  wasm: Settings['wasm'],
): Promise<DeconvModule> {
  const [factory, binary] = await Promise.all([
    threads > 1 ? loadThreadGlue() : createDeconvModule,
    compileBinary(where, name, wasm),
  ]);
  const module = await instantiate(where, factory, binary, threads);
  try {
    const status = module.startRuntime(threads);
    if (status === 0) return module;
    throw fault('LOAD_FAILED', where, 'the core to start', `status ${describe(status)}`);
  } catch (error) {
    module.PThread?.terminateAllThreads();
    throw error;
  }
}

async function loadThreadGlue(): Promise<GlueFactory> {
  try {
    return await importGlue(threadGlue().href);
  } catch (cause) {
    const installed = installedFile('threads.mjs');
    if (installed !== undefined) return importGlue(installed.href);
    throw new ThreadStartError(`their script cannot be loaded (${messageOf(cause)})`, { cause });
  }
}

/** By its address: a bundler copies the file and must not look for a module here. */
async function importGlue(address: string): Promise<GlueFactory> {
  const glue: unknown = await import(
    /* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ address
  );
  return (glue as { readonly default: GlueFactory }).default;
}

const THREAD_START_SECONDS = 20;

async function instantiate(
  where: string,
  factory: GlueFactory,
  binary: WebAssembly.Module,
  threads: number,
): Promise<DeconvModule> {
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
        .catch((cause) =>
          fail(
            loadError(
              where,
              'to instantiate the binary',
              messageOf(cause),
              'Free memory: shutdown() what is not needed.',
              cause,
            ),
          ),
        );
      return {};
    },
    pthreadPoolSize: threads - 1,
  };
  if (threads === 1) return Promise.race([factory(options), failure]);
  // A worker that a content security policy forbids never answers, and the glue waits for it.
  const message = `no answer from the workers in ${THREAD_START_SECONDS} s (does the Content-Security-Policy allow worker-src 'self'?)`;
  const timer = setTimeout(() => fail(new ThreadStartError(message)), THREAD_START_SECONDS * 1000);
  const starting = startWithThreads(factory, options);
  try {
    return await Promise.race([starting, failure]);
  } catch (error) {
    // Some of the workers may have started, and others may still.
    const endThreads = (): void => options.PThread?.terminateAllThreads();
    endThreads();
    starting.then(endThreads, endThreads);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The glue throws where shared memory or a worker is refused. */
async function startWithThreads(factory: GlueFactory, options: GlueArguments): Promise<DeconvModule> {
  try {
    return await factory(options);
  } catch (cause) {
    throw new ThreadStartError(messageOf(cause), { cause });
  }
}
