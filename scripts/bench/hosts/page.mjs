// Where a page loads the candidates from.

import { NotSupported } from '../candidates/not-supported.mjs';

export const pageHost = {
  /** A file of dist/, under an address that is this build's own. */
  ours: (build, file) => import(`/${build}/${file}`),

  async model(file) {
    const response = await fetch(`/models/${file}`);
    if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  },

  async onnxruntime() {
    const ort = await import('onnxruntime-web');
    ort.env.wasm.wasmPaths = '/peers/onnxruntime-web/dist/';
    return ort;
  },

  async onnxruntimeNative() {
    throw new NotSupported('not in a page');
  },

  async jax() {
    const [jax, { ONNXModel }] = await Promise.all([import('@jax-js/jax'), import('@jax-js/onnx')]);
    return { ...jax, ONNXModel };
  },

  /** As for a page without a bundler: two scripts that make the global `tf`. */
  async tfjs(threads) {
    const folder = '/peers/@tensorflow/tfjs-backend-wasm/dist/';
    await script('/peers/@tensorflow/tfjs-core/dist/tf-core.min.js');
    await script(`${folder}tf-backend-wasm.min.js`);
    const { tf } = globalThis;
    tf.wasm.setWasmPaths(folder);
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
    tf.wasm.setThreadsCount(threads);
    await tf.setBackend('wasm');
    await tf.ready();
    return tf;
  },

  async litert(build, threads) {
    // Another address makes another copy of the module, which keeps one runtime only.
    const module = await import(`/peers/@litertjs/core/dist/index.js?${build}`);
    const folder = '/peers/@litertjs/core/wasm/';
    // The directory lets it choose; the build without relaxed SIMD has to be named.
    if (build === 'relaxed') await module.loadLiteRt(folder, { threads: threads > 1 });
    else await module.loadLiteRt(`${folder}litert_wasm_compat_internal.js`);
    return module;
  },
};

function script(src) {
  return new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = src;
    element.addEventListener('load', resolve);
    element.addEventListener('error', () => reject(new Error(`${src} could not be loaded`)));
    document.head.append(element);
  });
}
