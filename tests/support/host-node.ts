import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import type { BinaryName } from 'deconv-wasm';
import type { Host } from './host.js';

function fileOf(name: BinaryName): URL {
  return new URL(import.meta.resolve(`deconv-wasm/wasm/${name}.wasm`));
}

function startWorker(code: string): Worker {
  const prelude = `import { parentPort } from 'node:worker_threads';
    const postMessage = (value) => parentPort.postMessage(value);
    const entry = ${JSON.stringify(import.meta.resolve('deconv-wasm'))};
    const workerEntry = ${JSON.stringify(import.meta.resolve('deconv-wasm/worker'))};`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(prelude + code)}`));
}

export const host: Host = {
  name: 'Node',

  startWorker,

  evaluateElsewhere: (expression) => runInNewContext(expression),

  async firstMessage(code) {
    const worker = startWorker(code);
    try {
      return await new Promise((resolve, reject) => {
        worker.once('message', resolve).once('error', reject);
      });
    } finally {
      await worker.terminate();
    }
  },

  async readFixture(name) {
    return new Uint8Array(await readFile(new URL(`../fixtures/${name}`, import.meta.url)));
  },

  async readBinary(name) {
    return new Uint8Array(await readFile(fileOf(name)));
  },

  async binaryAddresses(name) {
    const bytes = await readFile(fileOf(name));
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/deconv.wasm' ? 200 : 404, { 'Content-Type': 'application/wasm' });
      response.end(request.url === '/deconv.wasm' ? bytes : undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = fileOf(name);
    return {
      good: [file, file.href, fileURLToPath(file), `${origin}/deconv.wasm`],
      bad: [new URL('missing.wasm', file), '/nowhere/missing.wasm', `${origin}/missing.wasm`],
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  },
};
