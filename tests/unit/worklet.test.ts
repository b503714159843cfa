// What an AudioWorklet lacks: files are read, and names in them, without TextDecoder.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeSafetensors } from 'deconv-wasm/models';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { input, node, onnx, output } from '../support/onnx-writer.js';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(path.join(import.meta.dirname, '..', 'fixtures', 'models', name)));

/** An npy file of one value: version 1 has its header in Latin-1, version 3 in UTF-8. */
function npy(version: number): Uint8Array {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
  const length = version === 1 ? [header.length, 0] : [header.length, 0, 0, 0];
  return new Uint8Array([
    0x93,
    ...Buffer.from('NUMPY'),
    version,
    0,
    ...length,
    ...Buffer.from(header),
    0,
    0,
    0,
    0,
  ]);
}

const WORDS = ['', 'conv1.weight', 'größe', '入力', 'a😀b', '\u0000\u007f\u0080\u07ff\u0800\uffff'];
const [, plain = '', large = '', entry = '', face = ''] = WORDS;

// Made where there is all that the writers want.
const LONG = 'größe '.repeat(50_000);
const texts = [...WORDS, LONG].map((text) => ({ text, bytes: new Uint8Array(Buffer.from(text)) }));
const network = onnx([input(entry, [large]), node('Relu', [entry], [face]), output(face)]);
const broken = network.with(Buffer.from(network).indexOf(large) + 2, 0xff);
const saved = writeSafetensors(
  Object.fromEntries(
    [plain, large, entry, face].map((name) => [name, { data: Float32Array.of(1), shape: [1] }]),
  ),
);

// Modules look for it when they are loaded.
beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal('TextDecoder', undefined);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('texts are decoded, and what is none is an error', async () => {
  const { utf8 } = await import('../../web/lib/models/wire-reader.js');
  for (const { text, bytes } of texts) expect(utf8(bytes)).toBe(text);
  for (const bad of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    expect(() => utf8(Uint8Array.from(bad))).toThrow(URIError);
  }
});

it('arrays and weights are read', async () => {
  const { bytesSource, ModelFile } = await import('../../web/lib/models/source.js');
  const file = (bytes: Uint8Array) => new ModelFile(bytesSource(bytes), null);
  const { readSafetensors } = await import('../../web/lib/models/safetensors.js');
  const { tensors } = await readSafetensors(file(saved));
  expect(tensors.map(({ name }) => name).sort()).toEqual([plain, large, entry, face].sort());
  const damaged = saved.with(Buffer.from(saved).indexOf(large) + 2, 0xff);
  await expect(readSafetensors(file(damaged))).rejects.toMatchObject({ code: 'BAD_MODEL' });
  const { readNpy } = await import('../../web/lib/models/npy.js');
  for (const version of [1, 3]) {
    const [array] = (await readNpy(file(npy(version)), 'array')).tensors;
    expect(array?.shape).toEqual([1]);
  }
  const { readNpz } = await import('../../web/lib/models/npz.js');
  for (const name of ['stored.npz', 'compressed.npz']) {
    expect(
      (await readNpz(file(fixture(name)), () => Promise.reject(new Error(name)))).tensors.length,
      name,
    ).toBeGreaterThan(0);
  }
});

it('networks have the names of the file; bytes that are no text are refused in words', async () => {
  const { bytesSource, ModelFile } = await import('../../web/lib/models/source.js');
  const file = (bytes: Uint8Array) => new ModelFile(bytesSource(bytes), null);
  const { readOnnxNetwork } = await import('../../web/lib/network/onnx/read.js');
  const external = () => Promise.reject(new Error('none'));
  const { inputs, outputs } = await readOnnxNetwork(file(network), external);
  expect(inputs.map(({ name, shape }) => [name, shape])).toEqual([[entry, [large]]]);
  expect(outputs.map(({ name }) => name)).toEqual([face]);
  await expect(readOnnxNetwork(file(broken), external)).rejects.toMatchObject({ code: 'BAD_MODEL' });
  const { readTfliteNetwork } = await import('../../web/lib/network/tflite/read.js');
  await expect(readTfliteNetwork(file(fixture('layers.tflite')))).resolves.toMatchObject({
    format: 'tflite',
  });
});
