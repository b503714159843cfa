import type { BinaryName } from 'deconv-wasm';
import type { Host } from './host.js';

function urlOf(name: BinaryName): URL {
  return new URL(`/dist/wasm/${name}.wasm`, location.origin);
}

export const host: Host = {
  name: 'Chromium',

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
