// onnxruntime-web's WebAssembly provider: one ConvTranspose, channels first. It has one build, without
// relaxed SIMD.

export const onnxruntime = {
  name: 'onnxruntime-web',
  peer: true,
  build: 'simd',

  async prepare({ geometry, input }, { host, threads }) {
    const ort = await host.onnxruntime();
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = 'error';
    const session = await ort.InferenceSession.create(await host.model(`${geometry.name}.onnx`), {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
    });
    const dims = [geometry.batch, geometry.inChannels, ...geometry.input];
    return {
      layout: 'channels-first',
      async run() {
        const x = new ort.Tensor('float32', input, dims);
        const { y } = await session.run({ x });
        const result = y.data;
        y.dispose();
        return result;
      },
      dispose: () => session.release(),
    };
  },
};
