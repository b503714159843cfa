// Stands for package-files.ts in the single file, deconv-wasm/standalone: scripts/standalone.mjs puts the
// text of the binary in the place of this import.
import base64 from '../wasm/simd.wasm';
import type { BinaryName } from './options.js';

export const PACKAGED: readonly BinaryName[] = ['simd'];

export function packagedBinary(): URL | Uint8Array<ArrayBuffer> {
  // Not atob: an AudioWorklet has none.
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const values = new Uint8Array(128);
  for (let value = 0; value < 64; value += 1) values[digits.charCodeAt(value)] = value;
  const text = base64.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let pending = 0;
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    pending = (pending << 6) | (values[text.charCodeAt(index)] as number);
    // Three of four digits complete a byte.
    const unused = 6 - 2 * (index % 4);
    if (unused < 6) bytes[length++] = pending >> unused;
  }
  return bytes;
}

export const HAS_THREADS: boolean = false;

export function threadGlue(): URL {
  throw new Error('the single file holds none');
}

export function installedFile(_name: string): URL | undefined {
  return undefined;
}
