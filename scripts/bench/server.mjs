// Serves the page of the benchmark and all that it loads from one origin, isolated as threads need it.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { folders } from './folders.mjs';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** First part of an address's path, and the folder it stands for. */
const MOUNTS = {
  bench: folders.here,
  peers: folders.peers,
  models: folders.models,
  vocoder: folders.vocoder,
  // One package under two names: a page loads one build per copy.
  relaxed: folders.dist,
  simd: folders.dist,
};

/** Resolves to `{ origin, requested, close }`; `requested` gets the file of every request. */
export async function serve() {
  const requested = [];
  const server = createServer(async (request, response) => {
    const file = fileOf(request.url);
    const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) {
      response.writeHead(404).end();
      return;
    }
    requested.push(file);
    response.writeHead(200, {
      'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream',
      'Content-Length': found.size,
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
      'Cross-Origin-Resource-Policy': 'same-origin',
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    requested,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function fileOf(url) {
  const [, mount, ...rest] = decodeURIComponent(new URL(url, 'http://local').pathname).split('/');
  const folder = Object.hasOwn(MOUNTS, mount) ? MOUNTS[mount] : undefined;
  if (folder === undefined) return undefined;
  const file = path.join(folder, ...rest);
  return file.startsWith(folder + path.sep) ? file : undefined;
}
