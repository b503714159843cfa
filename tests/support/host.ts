import type { BinaryName } from 'deconv-wasm';

/** What the conformance tests need of the environment they run in; `@host` is the one at hand. */
export interface Host {
  readonly name: 'Node' | 'Chromium';
  /** A file of tests/fixtures. */
  readFixture(name: string): Promise<Uint8Array<ArrayBuffer>>;
  readBinary(name: BinaryName): Promise<Uint8Array<ArrayBuffer>>;
  /** Every form of address of one binary, and as many that lead nowhere. */
  binaryAddresses(name: BinaryName): Promise<BinaryAddresses>;
}

export interface BinaryAddresses {
  readonly good: readonly (string | URL)[];
  readonly bad: readonly (string | URL)[];
  close(): void;
}
