// LiteRT.js on the CPU: one TRANSPOSE_CONV, channels last. It picks its relaxed-SIMD build by itself; the
// other one is measured as the like of our build without relaxed SIMD. Threads exist with relaxed SIMD only.

import { toChannelsLast } from '../layouts.mjs';
import { mirrored } from '../mirror.mjs';
import { tfliteLayer } from '../models/tflite-layer.mjs';

export function litert(build) {
  return {
    name: build === 'relaxed' ? 'LiteRT.js' : 'LiteRT.js simd',
    peer: true,
    build,
    ...(build === 'relaxed' ? {} : { threads: [1] }),

    async prepare({ geometry: source, input }, { host, threads }) {
      const layer = tfliteLayer(source);
      const { geometry } = layer;
      const bytes = await host.model(`${geometry.name}.tflite`);
      const { loadAndCompile, Tensor } = await host.litert(build, threads);
      const model = await loadAndCompile(bytes, { accelerator: 'wasm', cpuOptions: { numThreads: threads } });
      const { batch, inChannels, input: extents } = geometry;
      const ordered = toChannelsLast(input, batch, inChannels, extents);
      const values = layer.mirrored ? mirrored(ordered, batch, extents, inChannels) : ordered;
      const dims = [batch, ...extents, inChannels];
      return {
        layout: 'channels-last',
        mirrored: layer.mirrored,
        note: () =>
          [
            geometry.groups > 1 ? `split into ${geometry.groups}` : '',
            layer.mirrored ? 'mirrored' : '',
            layer.cropped ? 'full size, then SLICE' : '',
          ]
            .filter((word) => word !== '')
            .join(', '),
        async run() {
          const x = new Tensor(values, dims);
          const [y] = await model.run(x);
          const result = y.toTypedArray();
          x.delete();
          y.delete();
          return result;
        },
        dispose: () => model.delete(),
      };
    },
  };
}
