// Who runs whole networks of files. `load` imports a library, `open` has a file in hand and ends when it can run.

import { NotSupported } from '../candidates/not-supported.mjs';
import { channelsFirst, channelsLast, lastOf } from './layouts.mjs';

const ours = (build) => ({
  name: `ours ${build}`,
  ours: true,
  build,
  kinds: ['onnx', 'tflite'],
  async load(host) {
    const [api, network] = await Promise.all([
      host.ours(build, 'index.js'),
      host.ours(build, 'network/index.js'),
    ]);
    return { ...api, ...network };
  },
  async open({ init, loadNetwork }, { bytes, inputs, threads }) {
    // The module compiles while the file is read.
    const [info, network] = await Promise.all([init({ build, threads }), loadNetwork(bytes)]);
    if (info.build !== build || info.threads !== threads) throw new Error(info.notes.join('; '));
    return {
      run: () => values(network.run(inputs)),
      dispose: () => network.dispose(),
    };
  },
});

const onnxruntime = {
  name: 'onnxruntime-web',
  peer: true,
  kinds: ['onnx'],
  load: (host) => host.onnxruntime(),
  open(ort, options) {
    ort.env.wasm.numThreads = options.threads;
    ort.env.logLevel = 'error';
    return session(ort, options, { executionProviders: ['wasm'] });
  },
};

/** No peer of the web: how fast this machine's own instructions are. */
const native = {
  name: 'onnxruntime native',
  yardstick: true,
  kinds: ['onnx'],
  load: (host) => host.onnxruntimeNative(),
  open: (ort, options) =>
    session(ort, options, {
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      executionProviders: ['cpu'],
    }),
};

async function session(ort, { bytes, inputs }, options) {
  const opened = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...options,
  });
  return {
    async run() {
      const feeds = Object.entries(inputs).map(([name, { data, shape }]) => [
        name,
        new ort.Tensor('float32', data, shape),
      ]);
      const outputs = await opened.run(Object.fromEntries(feeds));
      const results = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
      for (const output of Object.values(outputs)) output.dispose();
      return results;
    },
    dispose: () => opened.release(),
  };
}

/** It has one input and one output to a call here, which it may call otherwise than the file. */
const litert = {
  name: 'LiteRT.js',
  peer: true,
  kinds: ['tflite', 'onnx'],
  load: async (host) => host,
  async open(host, { network, bytes: given, inputs, threads }) {
    if (network.tflite?.problem !== undefined) throw new NotSupported(network.tflite.problem);
    const rewritten = network.tflite !== undefined;
    const bytes = rewritten ? await host.model(`${network.name}.tflite`) : given;
    const ordered = Object.values(inputs).map(({ data, shape }) =>
      rewritten ? { data: channelsLast(data, shape), shape: lastOf(shape) } : { data, shape },
    );
    const { loadAndCompile, Tensor } = await host.litert('relaxed', threads);
    const model = await loadAndCompile(bytes, { accelerator: 'wasm', cpuOptions: { numThreads: threads } });
    return {
      async run() {
        const tensors = ordered.map(({ data, shape }) => new Tensor(data, shape));
        const outputs = await model.run(tensors);
        const results = Object.fromEntries(outputs.map((output, index) => [index, output.toTypedArray()]));
        for (const tensor of [...tensors, ...outputs]) tensor.delete();
        return results;
      },
      /** Outputs as the ONNX file has them. */
      settle: (outputs) =>
        rewritten
          ? outputs.map((data, index) => channelsFirst(data, network.tflite.outputs[index]))
          : outputs,
      dispose: () => model.delete(),
    };
  },
};

const tfjs = {
  name: 'tfjs-wasm',
  peer: true,
  kinds: [],
  load: async () => {
    throw new NotSupported('reads neither ONNX nor TFLite');
  },
};

const jax = {
  name: 'jax-js',
  peer: true,
  kinds: ['onnx'],
  load: (host) => host.jax(),
  async open({ init, defaultDevice, jit, numpy, ONNXModel }, { bytes, inputs, threads }) {
    if (threads > 1) throw new NotSupported('no threads');
    await init('wasm');
    defaultDevice('wasm');
    const model = new ONNXModel(bytes);
    const compiled = jit(model.run);
    return {
      async run() {
        const given = Object.entries(inputs).map(([name, { data, shape }]) => [
          name,
          numpy.array(data).reshape(shape),
        ]);
        let outputs;
        try {
          outputs = compiled(Object.fromEntries(given));
        } catch (error) {
          if (/not supported|unsupported/i.test(error.message)) throw new NotSupported(error.message);
          throw error;
        }
        const results = {};
        for (const [name, output] of Object.entries(outputs)) results[name] = await output.data();
        return results;
      },
      dispose: () => model.dispose(),
    };
  },
};

function values(tensors) {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}

/** Those that the others are held against come first. LiteRT.js's loader changes global names. */
export const NETWORK_CANDIDATES = [onnxruntime, litert, ours('relaxed'), ours('simd'), jax, tfjs, native];
