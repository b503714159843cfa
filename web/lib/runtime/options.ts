import { checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import { nodeModule } from '../core/node.js';
import { bytesOf, isUrl, isWasmModule } from '../core/realms.js';
import { checkAttached } from '../core/tensor.js';

/** Instructions of the module that runs: relaxed SIMD has a fused multiply-add, whose last bits differ. */
export type BuildName = 'simd' | 'relaxed';

/** The four binaries; each is a file of its name in the package's wasm folder. */
export type BinaryName = BuildName | `${BuildName}-threads`;

/** Where a binary can come from instead of the package's own file. */
export type WasmSource = string | URL | BufferSource | WebAssembly.Module;

/** What `init` and `createRuntime` take. */
export interface InitOptions {
  /** `'auto'` (default) takes relaxed SIMD where the engine has it. */
  readonly build?: 'auto' | BuildName;
  /**
   * Threads that compute, the calling one included; 1 by default. `'auto'` takes as many as
   * `navigator.hardwareConcurrency` says, or Node's `os.availableParallelism` where that is missing, at most 64. More than 1 needs Node or a cross-origin
   * isolated page, else 1 is used and `notes` says why.
   */
  readonly threads?: number | 'auto';
  /**
   * Where the .wasm comes from instead of the package's own file: a URL, bytes or a compiled
   * module of the chosen build, or a function from the binary's name (`'simd'`, `'relaxed'`,
   * `'simd-threads'`, `'relaxed-threads'`) to one of these.
   */
  readonly wasm?: WasmSource | ((name: BinaryName) => WasmSource | Promise<WasmSource>);
}

/** What `init` and `runtimeInfo` tell. */
export interface RuntimeInfo {
  readonly build: BuildName;
  readonly threads: number;
  /** What was asked for and could not be had, in words. */
  readonly notes: readonly string[];
}

/** The checked form of InitOptions. */
export interface Settings {
  /** Names the public function in errors. */
  readonly where: string;
  readonly build: 'auto' | BuildName;
  readonly threads: number;
  readonly wasm: InitOptions['wasm'] | undefined;
}

export function readSettings(where: string, options: InitOptions): Settings {
  const {
    build = 'auto',
    threads = 1,
    wasm,
  } = checkOptions<InitOptions>(where, options, ['build', 'threads', 'wasm']);
  return {
    where,
    build: checkChoice(where, 'build', build, ['auto', 'simd', 'relaxed']),
    threads:
      threads === 'auto'
        ? // Node has had a navigator since version 21, and some browsers hide what they run on.
          Math.min(
            (globalThis.navigator?.hardwareConcurrency ?? nodeModule('node:os')?.availableParallelism()) || 1,
            MAX_THREADS,
          )
        : checkInteger(where, "threads other than 'auto'", threads, 1, MAX_THREADS),
    wasm: wasm === undefined || typeof wasm === 'function' ? wasm : checkSource(where, wasm),
  };
}

export function checkSource(where: string, source: unknown): WasmSource {
  checkAttached(where, 'wasm', source);
  const known =
    typeof source === 'string' || isUrl(source) || isWasmModule(source) || bytesOf(source) !== undefined;
  if (!known) refuse('BAD_TYPE', where, 'wasm to be a URL, bytes or a WebAssembly.Module', source);
  return source as WasmSource;
}

// Far above any machine a page runs on; every thread costs a worker and a stack.
const MAX_THREADS = 64;
