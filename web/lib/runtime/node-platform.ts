import { readFile } from 'node:fs/promises';
import type { Platform } from './platform.js';

export const platform: Platform = {
  async loadGlue(name) {
    const { default: factory } = await import(`../wasm/${name}/node.mjs`);
    return factory;
  },

  async compile(name, location) {
    const source = location ?? new URL(`../wasm/${name}/deconv.wasm`, import.meta.url);
    return WebAssembly.compile(await readBytes(source));
  },

  // The Node glue finds itself.
  threadScript: () => undefined,
  threadObstacle: () => undefined,
};

async function readBytes(source: string | URL): Promise<BufferSource> {
  const text = String(source);
  if (/^https?:/.test(text)) {
    const response = await fetch(source);
    if (!response.ok) throw new Error(`${text} answered ${response.status}`);
    return response.arrayBuffer();
  }
  const bytes = await readFile(text.startsWith('file:') ? new URL(text) : source);
  return bytes as Uint8Array<ArrayBuffer>;
}
