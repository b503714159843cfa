// TensorFlow.js with its WebAssembly backend: conv2dTranspose and conv3dTranspose, channels last.

import { product, raised } from '../geometry.mjs';
import { toChannelsLast, transposed } from '../layouts.mjs';
import { NotSupported } from './not-supported.mjs';

export const tfjs = {
  name: 'tfjs-wasm',
  peer: true,
  build: 'simd',

  async prepare({ geometry: source, input, weight }, { host, threads }) {
    const geometry = raised(source, 2);
    const { rank, batch, groups, inChannels, outChannels, kernel, stride, padding, outputPadding } = geometry;
    if (groups > 1) throw new NotSupported('no groups');
    if (geometry.dilation.some((step) => step !== 1)) throw new NotSupported('no dilation');
    const tf = await host.tfjs(threads);
    // [in, out, taps] to [taps, out, in].
    const ordered = transposed(weight, [inChannels, outChannels, product(kernel)], [2, 1, 0]);
    const filter = tf.tensor(ordered, [...kernel, outChannels, inChannels]);
    const values = toChannelsLast(input, batch, inChannels, geometry.input);
    const dims = [batch, ...geometry.input, inChannels];
    const outDims = [batch, ...geometry.output, outChannels];
    const pads = padding.map((pad, axis) => [pad, pad - outputPadding[axis]]);
    const compute =
      rank === 3
        ? (x) => tf.conv3dTranspose(x, filter, outDims, stride, volumePadding(pads))
        : (x) => tf.conv2dTranspose(x, filter, outDims, stride, [[0, 0], ...pads, [0, 0]]);
    return {
      layout: 'channels-last',
      async run() {
        const x = tf.tensor(values, dims);
        const y = compute(x);
        const result = await y.data();
        x.dispose();
        y.dispose();
        return result;
      },
      dispose: () => filter.dispose(),
    };
  },
};

/** In 3-D it takes words only. */
function volumePadding(pads) {
  return pads.every(([front, back]) => front === 0 && back === 0) ? 'valid' : 'same';
}
