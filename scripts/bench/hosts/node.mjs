// Where Node loads the candidates from.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { NotSupported } from '../candidates/not-supported.mjs';
import { folders } from '../folders.mjs';

const require = createRequire(import.meta.url);

export const nodeHost = {
  /** A file of dist/, of a copy of the package that is this build's own. */
  ours: (build, file) => import(pathToFileURL(path.join(folders.package(build), 'dist', file)).href),

  model: (file) => readFile(path.join(folders.models, file)),

  onnxruntime: () => import('onnxruntime-web'),

  /** 300 MB for one column: whoever wants it has it somewhere, and says where. */
  async onnxruntimeNative() {
    const folder = process.env.ONNXRUNTIME_NODE;
    if (folder === undefined) throw new NotSupported('ONNXRUNTIME_NODE names no onnxruntime-node');
    return require(path.resolve(folder));
  },

  async jax() {
    const [jax, { ONNXModel }] = await Promise.all([import('@jax-js/jax'), import('@jax-js/onnx')]);
    return { ...jax, ONNXModel };
  },

  async tfjs(threads) {
    if (threads > 1) throw new NotSupported('no threads in Node');
    const tf = require('@tensorflow/tfjs-core');
    require('@tensorflow/tfjs-backend-wasm');
    await tf.setBackend('wasm');
    return tf;
  },

  /**
   * Made for pages, but its scripts know Node: they only have to be fetched as a worker would. They come from
   * the copy that copies.mjs makes.
   */
  async litert(build, threads) {
    const module = await import(`${pathToFileURL(require.resolve('@litertjs/core')).href}?${build}`);
    globalThis.self = globalThis;
    globalThis.importScripts = (file) => {
      globalThis.ModuleFactory = require(file);
    };
    try {
      await module.loadLiteRt(...litertFiles(folders.litert, build, threads));
    } finally {
      delete globalThis.importScripts;
    }
    return module;
  },
};

/** The directory lets it choose; the build without relaxed SIMD has to be named. */
function litertFiles(directory, build, threads) {
  return build === 'relaxed'
    ? [`${directory}/`, { threads: threads > 1 }]
    : [`${directory}/litert_wasm_compat_internal.js`];
}
