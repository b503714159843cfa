import type { Platform } from './platform.js';

// Spelled out four times: bundlers find files only in literal forms.
export const platform: Platform = {
  async loadGlue(name) {
    switch (name) {
      case 'simd':
        return (await import('../wasm/simd/web.mjs')).default;
      case 'relaxed':
        return (await import('../wasm/relaxed/web.mjs')).default;
      case 'simd-threads':
        return (await import('../wasm/simd-threads/web.mjs')).default;
      case 'relaxed-threads':
        return (await import('../wasm/relaxed-threads/web.mjs')).default;
    }
  },

  async compile(name, location) {
    const response = await fetch(location ?? binaryUrl(name));
    if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
    // Servers of single-page apps answer with their page where a file is missing.
    if (response.headers.get('Content-Type')?.startsWith('text/html') === true) {
      throw new Error(
        `${response.url} is a web page, not WebAssembly (in the dev server of Vite 7 and older set optimizeDeps: { exclude: ['deconv-wasm'] })`,
      );
    }
    // A server that sends another type than application/wasm cannot be streamed from.
    if (response.headers.get('Content-Type')?.startsWith('application/wasm') !== true) {
      return WebAssembly.compile(await response.arrayBuffer());
    }
    return WebAssembly.compileStreaming(response);
  },

  threadScript(name) {
    switch (name) {
      case 'simd-threads':
        return new URL('../wasm/simd-threads/web.mjs', import.meta.url).href;
      case 'relaxed-threads':
        return new URL('../wasm/relaxed-threads/web.mjs', import.meta.url).href;
      default:
        return undefined;
    }
  },

  threadObstacle() {
    return globalThis.crossOriginIsolated === true
      ? undefined
      : 'the page is not cross-origin isolated (headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)';
  },
};

function binaryUrl(name: Parameters<Platform['compile']>[0]): URL {
  switch (name) {
    case 'simd':
      return new URL('../wasm/simd/deconv.wasm', import.meta.url);
    case 'relaxed':
      return new URL('../wasm/relaxed/deconv.wasm', import.meta.url);
    case 'simd-threads':
      return new URL('../wasm/simd-threads/deconv.wasm', import.meta.url);
    case 'relaxed-threads':
      return new URL('../wasm/relaxed-threads/deconv.wasm', import.meta.url);
  }
}
