import type { BinaryName } from 'deconv-wasm';
import type { WorkerLike } from 'deconv-wasm/worker';

/** What the conformance tests need of the environment they run in; `@host` is the one at hand. */
export interface Host {
  readonly name: 'Node' | 'Chromium' | 'Firefox' | 'WebKit';
  /** A file of tests/fixtures. */
  readFixture(name: string): Promise<Uint8Array<ArrayBuffer>>;
  readBinary(name: BinaryName): Promise<Uint8Array<ArrayBuffer>>;
  /** Every form of address of one binary, and as many that lead nowhere. */
  binaryAddresses(name: BinaryName): Promise<BinaryAddresses>;
  /** The value of an expression in a realm of its own: a vm context, a frame. */
  evaluateElsewhere(expression: string): unknown;
  /**
   * A worker that runs this module; in it `entry` is the address of the package's root, `workerEntry` that of its entry
   * for workers.
   */
  startWorker(code: string): WorkerLike;
  /** What such a worker posts first. */
  firstMessage(code: string): Promise<unknown>;
}

/**
 * Evaluates to a function that copies plain values (lists, records, buffers, views) with the classes of the
 * realm where it is evaluated.
 */
export const CLONER = `(function clone(value) {
  if (typeof value !== 'object' || value === null) return value;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (Array.isArray(value)) return Array.from(value, clone);
  if (tag === 'ArrayBuffer') {
    const copy = new ArrayBuffer(value.byteLength);
    new Uint8Array(copy).set(new Uint8Array(value));
    return copy;
  }
  if (ArrayBuffer.isView(value)) {
    const whole = clone(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
    return new globalThis[tag](whole);
  }
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, clone(entry)]));
})`;

export interface BinaryAddresses {
  readonly good: readonly (string | URL)[];
  readonly bad: readonly (string | URL)[];
  close(): void;
}
