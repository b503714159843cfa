import type { GlueFactory } from './glue.js';

/** The four binaries; each has a folder of its name in the package's wasm folder. */
export type BinaryName = 'simd' | 'relaxed' | 'simd-threads' | 'relaxed-threads';

/** Where a binary can come from instead of the package's own file. */
export type WasmSource = string | URL | BufferSource | WebAssembly.Module;

/**
 * What differs between a page and Node. The package's import map (#platform in package.json)
 * chooses the file, so that no bundler for the web ever meets Node's modules.
 */
export interface Platform {
  loadGlue(name: BinaryName): Promise<GlueFactory>;
  /** Compiles the package's own file, or the one at `location`. */
  compile(name: BinaryName, location: string | URL | undefined): Promise<WebAssembly.Module>;
  /** The script that a thread starts with, where the glue cannot know it itself. */
  threadScript(name: BinaryName): string | undefined;
  /** Why threads cannot run here; undefined when they can. */
  threadObstacle(): string | undefined;
}
