import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { folders } from './folders.mjs';

export function machine() {
  const processors = os.cpus();
  return {
    processor: processors[0]?.model.trim() || os.arch(),
    cores: processors.length,
    memory: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
  };
}

const PEERS = [
  'onnxruntime-web',
  '@litertjs/core',
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-backend-wasm',
  '@jax-js/jax',
];

/** Of ours and of every peer, as pinned. */
export async function versions() {
  const own = JSON.parse(await readFile(path.join(folders.root, 'package.json'), 'utf8'));
  const bench = JSON.parse(await readFile(path.join(folders.here, 'package.json'), 'utf8'));
  return {
    [own.name]: own.version,
    ...Object.fromEntries(PEERS.map((name) => [name, bench.dependencies[name]])),
  };
}
