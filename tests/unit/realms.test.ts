import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  blobBytes,
  bytesOf,
  isAbortSignal,
  isArrayBuffer,
  isBlob,
  isError,
  isResponse,
  isSharedArrayBuffer,
  isUrl,
  isWasmModule,
  messageOf,
  typedArrayKind,
} from '../../web/lib/core/realms.js';

const EMPTY_MODULE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** `code`'s value in a realm of its own. */
function foreign(code: string): unknown {
  return runInNewContext(code, { EMPTY_MODULE });
}

// jsdom's classes: of no realm's own, told by their tags.
class Url {
  href = 'https://example.org/';
  get [Symbol.toStringTag]() {
    return 'URL';
  }
}

const file = new File(['abc'], 'model.onnx');
const values = {
  arrayBuffer: [new ArrayBuffer(4), foreign('new ArrayBuffer(4)')],
  shared: [new SharedArrayBuffer(4), foreign('new SharedArrayBuffer(4)')],
  view: [new Uint8Array(4), Buffer.alloc(4), foreign('new DataView(new ArrayBuffer(4))')],
  url: [new URL('https://example.org/'), new Url()],
  blob: [new Blob(['abc']), file],
  response: [new Response('abc')],
  signal: [AbortSignal.abort(), AbortSignal.timeout(1000)],
  module: [
    new WebAssembly.Module(Uint8Array.from(EMPTY_MODULE)),
    foreign('new WebAssembly.Module(Uint8Array.from(EMPTY_MODULE))'),
  ],
  error: [new RangeError('no'), foreign('new TypeError("no")'), new DOMException('no')],
  imitation: [
    ...[
      'ArrayBuffer',
      'SharedArrayBuffer',
      'URL',
      'Blob',
      'Response',
      'AbortSignal',
      'WebAssembly.Module',
    ].map((tag) => ({ [Symbol.toStringTag]: tag })),
    Object.create(ArrayBuffer.prototype),
  ],
  other: [{}, [], null, undefined, 3, 'text', () => 1, new Proxy({}, {}), Object.create(null)],
};

describe.each([
  ['isArrayBuffer', isArrayBuffer, 'arrayBuffer'],
  ['isUrl', isUrl, 'url'],
  ['isBlob', isBlob, 'blob'],
  ['isResponse', isResponse, 'response'],
  ['isAbortSignal', isAbortSignal, 'signal'],
  ['isWasmModule', isWasmModule, 'module'],
  ['isError', isError, 'error'],
] as const)('%s', (_, test, kind) => {
  it.each(Object.keys(values) as (keyof typeof values)[])('of %s', (given) => {
    for (const value of values[given]) expect(test(value)).toBe(given === kind);
  });
});

describe('isSharedArrayBuffer', () => {
  it('knows those of every realm', () => {
    for (const value of values.shared) expect(isSharedArrayBuffer(value)).toBe(true);
    for (const value of [...values.arrayBuffer, ...values.view, ...values.other]) {
      expect(isSharedArrayBuffer(value)).toBe(false);
    }
  });
});

describe('bytesOf', () => {
  it.each([
    'Uint8Array.of(1, 2, 3).buffer',
    'Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 4)',
    'new DataView(Uint8Array.of(0, 1, 2, 3).buffer, 1)',
  ])('reads %s of another realm, in place', (code) => {
    const value = foreign(code) as ArrayBuffer | ArrayBufferView;
    const bytes = bytesOf(value) as Uint8Array;
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(bytes.buffer).toBe(ArrayBuffer.isView(value) ? value.buffer : value);
  });

  it('is undefined for what has none', () => {
    for (const value of [...values.other, ...values.imitation]) expect(bytesOf(value)).toBeUndefined();
  });
});

it('typedArrayKind asks the array itself', () => {
  expect(typedArrayKind(foreign('new Float32Array(1)'))).toBe('Float32Array');
  expect(typedArrayKind({ [Symbol.toStringTag]: 'Float32Array' })).toBeUndefined();
});

it('blobBytes', async () => {
  expect([...(await blobBytes(file))]).toEqual([97, 98, 99]);
});

it('messageOf', () => {
  expect([...values.error, 'text', null].map(messageOf)).toEqual(['no', 'no', 'no', 'text', 'null']);
});
