import { platform } from '#platform';
import { describe } from '../core/checks.js';
import { DeconvError, isDeconvError } from '../core/errors.js';
import { bytesOf, isUrl, messageOf } from '../core/realms.js';
import { VERSION } from '../core/version.js';
import type { DeconvModule, GlueArguments, GlueFactory } from './glue.js';
import { type BuildName, checkSource, type InitOptions, type Settings } from './options.js';
import type { BinaryName } from './platform.js';
import { supportsRelaxedSimd, supportsSimd, supportsThreads } from './probes.js';
import { Runtime } from './runtime.js';

/** Loads the build that the settings and the engine allow, and starts it. */
export async function loadRuntime(settings: Settings): Promise<Runtime> {
  const { where, wasm } = settings;
  const notes: string[] = [];
  if (!supportsSimd()) {
    throw new DeconvError(
      'LOAD_FAILED',
      `${where}: expected an engine with WebAssembly SIMD, got one without. Use Chrome 91, Edge 91, Firefox 89, Safari 16.4, Node 20.19 or newer.`,
    );
  }
  const build = chooseBuild(settings.build, notes);
  const threads = chooseThreads(settings.threads, notes);
  if (threads > 1) {
    try {
      return Runtime.of(await load(where, `${build}-threads`, threads, wasm), { build, threads, notes });
    } catch (cause) {
      // A file of the caller's for the threaded build cannot serve the other one.
      if (!isThreadStartError(cause) || isSingleFile(wasm)) throw asLoadError(where, build, cause);
      notes.push(`threads: ${cause.message}, running on 1`);
    }
  }
  try {
    return Runtime.of(await load(where, build, 1, wasm), { build, threads: 1, notes });
  } catch (cause) {
    throw asLoadError(where, build, cause);
  }
}

/** The binary is there, but its threads or their shared memory are not to be had. */
class ThreadStartError extends Error {
  readonly threads = true;
}

function isThreadStartError(cause: unknown): cause is ThreadStartError {
  return (cause as Partial<ThreadStartError> | null)?.threads === true;
}

function asLoadError(where: string, build: BuildName, cause: unknown): DeconvError {
  if (isDeconvError(cause)) return cause;
  return new DeconvError(
    'LOAD_FAILED',
    `${where}: expected to load the ${build} build, got: ${messageOf(cause)}. Check that its .wasm file is served, or pass it with init({ wasm }).`,
    { build },
    cause,
  );
}

function isSingleFile(wasm: InitOptions['wasm']): boolean {
  return wasm !== undefined && typeof wasm !== 'function';
}

async function load(
  where: string,
  name: BinaryName,
  threads: number,
  wasm: InitOptions['wasm'],
): Promise<DeconvModule> {
  const [factory, binary] = await Promise.all([platform.loadGlue(name), compile(where, name, wasm)]);
  checkIdentity(where, binary, name);
  return instantiate(where, factory, binary, name, threads);
}

/** A glue works with its own binary only: scripts/build.mjs writes its name into each. */
function checkIdentity(where: string, binary: WebAssembly.Module, name: BinaryName): void {
  const [section] = WebAssembly.Module.customSections(binary, 'deconv-wasm');
  const got = section === undefined ? 'a module of another package' : new TextDecoder().decode(section);
  const expected = `${name} ${VERSION}`;
  if (got === expected) return;
  throw new DeconvError(
    'LOAD_FAILED',
    `${where}: expected the .wasm file ${expected}, got ${got}. Pass the file of that name and version, with build: 'simd' or 'relaxed' if you choose it yourself.`,
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

async function compile(
  where: string,
  name: BinaryName,
  wasm: InitOptions['wasm'],
): Promise<WebAssembly.Module> {
  const source = typeof wasm === 'function' ? checkSource(where, await wasm(name)) : wasm;
  if (source === undefined || typeof source === 'string' || isUrl(source)) {
    return platform.compile(name, source);
  }
  // V8 takes no DataView here, although it is a BufferSource.
  const bytes = bytesOf(source);
  return bytes === undefined ? (source as WebAssembly.Module) : WebAssembly.compile(bytes);
}

async function instantiate(
  where: string,
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
  let starting: Promise<DeconvModule> | undefined;
  try {
    starting = createModule(factory, threads, options);
    const module = await Promise.race([starting, failure]);
    const status = module.startRuntime(threads);
    if (status === 0) return module;
    throw new DeconvError(
      'LOAD_FAILED',
      `${where}: expected the core to start, got status ${describe(status)}.`,
    );
  } catch (error) {
    // Some of the workers may have started, and others may still.
    const endThreads = (): void => options.PThread?.terminateAllThreads();
    endThreads();
    starting?.then(endThreads, endThreads);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
