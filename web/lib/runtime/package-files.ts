import type { BinaryName } from './options.js';

export { installedFile } from './installed-file.js';

/** The binaries that the package has. The single file has others: see embedded-files.ts. */
export const PACKAGED: readonly BinaryName[] = ['simd', 'relaxed', 'simd-threads', 'relaxed-threads'];

/** Spelled out four times: bundlers find files only in literal forms. */
export function packagedBinary(name: BinaryName): URL | Uint8Array<ArrayBuffer> {
  switch (name) {
    case 'simd':
      return new URL('../wasm/simd.wasm', import.meta.url);
    case 'relaxed':
      return new URL('../wasm/relaxed.wasm', import.meta.url);
    case 'simd-threads':
      return new URL('../wasm/simd-threads.wasm', import.meta.url);
    case 'relaxed-threads':
      return new URL('../wasm/relaxed-threads.wasm', import.meta.url);
  }
}

export const HAS_THREADS: boolean = true;

/**
 * The glue of the builds with threads. It is a file like the binaries, because it starts workers from
 * itself and has a name of Node's in it: bundlers copy it and do not look inside.
 */
export function threadGlue(): URL {
  return new URL('../wasm/threads.mjs', import.meta.url);
}
