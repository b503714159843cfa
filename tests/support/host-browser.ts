import type { BinaryName } from 'deconv-wasm';
import type { Host } from './host.js';

function urlOf(name: BinaryName): URL {
  return new URL(`/dist/wasm/${name}.wasm`, location.origin);
}

function engineName(): Host['name'] {
  if (navigator.userAgent.includes('Firefox/')) return 'Firefox';
  return navigator.userAgent.includes('Chrome/') ? 'Chromium' : 'WebKit';
}

function startWorker(code: string): Worker {
  // A blob has no address from which Vite's modules could find the binaries.
  return new Worker(`/tests/support/browser-worker.mjs#${encodeURIComponent(code)}`, { type: 'module' });
}

export const host: Host = {
  name: engineName(),

  startWorker,

  evaluateElsewhere(expression) {
    const frame = document.createElement('iframe');
    document.body.append(frame);
    return (frame.contentWindow as unknown as { eval(code: string): unknown }).eval(expression);
  },

  async firstMessage(code) {
    const worker = startWorker(code);
    try {
      return await new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });
    } finally {
      worker.terminate();
    }
  },

  async readFixture(name) {
    const response = await fetch(`/tests/fixtures/${name}`);
    return new Uint8Array(await response.arrayBuffer());
  },

  async readBinary(name) {
    const response = await fetch(urlOf(name));
    return new Uint8Array(await response.arrayBuffer());
  },

  async binaryAddresses(name) {
    const url = urlOf(name);
    return {
      good: [url, url.href, url.pathname],
      bad: [new URL('/dist/wasm/missing.wasm', url), 'http://127.0.0.1:1/deconv.wasm'],
      close: () => {},
    };
  },
};
