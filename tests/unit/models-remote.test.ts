// Models at an address: piece by piece where the server gives ranges, and whole where it does not.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Model, type ModelLayer, readModel, writeModel } from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectError, rejection } from '../support/errors.js';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';

const FIXTURES = path.join(import.meta.dirname, '..', 'fixtures', 'models');
const up = node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] });
const LARGE = onnx([
  floats('filler', [500_000], new Float32Array(500_000)),
  floats('w', [1, 1, 2, 2], [1, 2, 3, 4]),
  up,
  input('x', [1, 1, 3, 3]),
  output('y'),
]);

let server: Server;
let origin: string;
/** Bytes sent since the last request for the address of a test. */
let sent = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://here');
    const [, mode, ...rest] = pathname.split('/');
    const name = decodeURIComponent(rest.join('/'));
    const external = name === 'external.onnx' || name === 'external.bin';
    const bytes =
      name === 'large.onnx' ? LARGE : external ? readFileSync(path.join(FIXTURES, name)) : undefined;
    if (mode === 'moved') {
      response.writeHead(302, { location: `/ranges/${name}` });
      response.end();
    } else if (bytes === undefined) {
      response.writeHead(404);
      response.end();
    } else {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (mode === 'whole' || from === undefined) {
        sent += bytes.length;
        response.writeHead(200);
        response.end(bytes);
        return;
      }
      const end = Math.min(Number(to) + 1, bytes.length);
      sent += end - Number(from);
      // One that changes has another version at every request.
      const etag = mode === 'changing' ? `"${sent}"` : '"1"';
      response.writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${bytes.length}`, etag });
      response.end(bytes.subarray(Number(from), end));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function weightOf(model: Model): Promise<Float32Array> {
  return (await (model.layers[0] as ModelLayer).weight()).data;
}

describe('over HTTP', () => {
  it.each(['ranges', 'moved'])('%s: only what is needed is fetched', async (mode) => {
    sent = 0;
    const model = await readModel(new URL(`${origin}/${mode}/large.onnx`));
    expect(await weightOf(model)).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(sent).toBeLessThan(300_000);
  });

  it('a server without ranges sends it whole, once', async () => {
    sent = 0;
    const model = await readModel(`${origin}/whole/large.onnx`);
    expect(await weightOf(model)).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(sent).toBe(LARGE.length);
  });

  it('what lies in memory: blob: and data:', async () => {
    const blob = URL.createObjectURL(new Blob([LARGE]));
    expect(await weightOf(await readModel(blob))).toEqual(Float32Array.of(1, 2, 3, 4));
    URL.revokeObjectURL(blob);
    const data = `data:application/octet-stream;base64,${Buffer.from(LARGE).toString('base64')}`;
    expect(await weightOf(await readModel(data))).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('external data lie beside the model', async () => {
    const model = await readModel(`${origin}/ranges/external.onnx?token=1`);
    const here = await readModel(path.join(FIXTURES, 'external.onnx'));
    expect(await weightOf(model)).toEqual(await weightOf(here));
    await here.close();
  });

  it('a file that changes meanwhile, and one that is not there', async () => {
    for (const mode of ['changing', 'ranges/missing']) {
      const error = await rejection(async () => weightOf(await readModel(`${origin}/${mode}/large.onnx`)));
      expectError(error, 'LOAD_FAILED', 'readModel');
    }
  });
});

describe('on the disk', () => {
  it('addresses of files, as text and as URL, for reading and writing', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'deconv-models-'));
    try {
      const address = pathToFileURL(path.join(folder, 'a model.onnx'));
      await writeFile(address, LARGE);
      for (const given of [address, address.href, path.join(folder, 'a model.onnx')]) {
        const model = await readModel(given);
        expect(await weightOf(model)).toEqual(Float32Array.of(1, 2, 3, 4));
        const copy = new URL('copy.onnx', address);
        await writeModel(model, [], given === address.href ? copy.href : copy);
        const written = await readModel(copy);
        expect(await weightOf(written)).toEqual(Float32Array.of(1, 2, 3, 4));
        await written.close();
        await model.close();
      }
      const model = await readModel(address);
      const elsewhere = await rejection(() => writeModel(model, [], new URL('https://example.org/a.onnx')));
      expectError(elsewhere, 'BAD_OPTION', 'writeModel');
      await model.close();
    } finally {
      await rm(folder, { recursive: true });
    }
    for (const [given, code] of [
      ['file:///nowhere/model.onnx', 'LOAD_FAILED'],
      ['file://host/model.onnx', 'BAD_OPTION'],
      [new URL('ftp://host/model.onnx'), 'BAD_OPTION'],
    ] as const) {
      expectError(await rejection(() => readModel(given)), code, 'readModel');
    }
  });
});
