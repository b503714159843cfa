import { nodeModule } from '../core/node.js';

/**
 * In Node, a file of the package as it is installed where the program runs, for bundles that left the file
 * behind or know it by an address of the web; undefined where there is none. That it is of this version
 * the binary itself tells.
 */
export function installedFile(name: string): URL | undefined {
  const modules = nodeModule('node:module');
  const url = nodeModule('node:url');
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> };
  if (modules === undefined || url === undefined) return undefined;
  const { url: own } = import.meta as { readonly url?: string };
  const folder = url.pathToFileURL(`${process?.cwd?.() ?? ''}/`).href;
  for (const from of [own, folder]) {
    if (from === undefined || !from.startsWith('file:')) continue;
    try {
      return url.pathToFileURL(modules.createRequire(from).resolve(`deconv-wasm/wasm/${name}`));
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}
