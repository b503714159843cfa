// What one writes without a library: a loop over typed arrays that scatters, its innermost pass along
// the rows of input and output so that the engine can keep everything in registers.

import { product, raised } from '../geometry.mjs';

export const naive = {
  name: 'naive JS',
  threads: [1],

  prepare({ geometry, input, weight }) {
    const raisedGeometry = raised(geometry, 3);
    return {
      layout: 'channels-first',
      run: () => scatter(raisedGeometry, input, weight),
    };
  },
};

function scatter(geometry, x, w) {
  const { batch, groups, inChannels, outChannels, kernel, stride, padding, dilation } = geometry;
  const [depth, height, width] = geometry.input;
  const [outDepth, outHeight, outWidth] = geometry.output;
  const outGroup = outChannels / groups;
  const inGroup = inChannels / groups;
  const y = new Float32Array(batch * outChannels * product(geometry.output));
  for (let image = 0; image < batch; image += 1) {
    for (let channel = 0; channel < inChannels; channel += 1) {
      const group = Math.floor(channel / inGroup);
      const plane = (image * inChannels + channel) * depth * height * width;
      for (let out = 0; out < outGroup; out += 1) {
        const outPlane = (image * outChannels + group * outGroup + out) * outDepth * outHeight * outWidth;
        let tap = (channel * outGroup + out) * product(kernel);
        for (let kz = 0; kz < kernel[0]; kz += 1) {
          for (let ky = 0; ky < kernel[1]; ky += 1) {
            for (let kx = 0; kx < kernel[2]; kx += 1, tap += 1) {
              const factor = w[tap];
              const shift = kx * dilation[2] - padding[2];
              const first = Math.max(0, Math.ceil(-shift / stride[2]));
              const last = Math.min(width - 1, Math.floor((outWidth - 1 - shift) / stride[2]));
              for (let z = 0; z < depth; z += 1) {
                const outZ = z * stride[0] + kz * dilation[0] - padding[0];
                if (outZ < 0 || outZ >= outDepth) continue;
                for (let row = 0; row < height; row += 1) {
                  const outRow = row * stride[1] + ky * dilation[1] - padding[1];
                  if (outRow < 0 || outRow >= outHeight) continue;
                  const from = plane + (z * height + row) * width;
                  const step = stride[2];
                  let to = outPlane + (outZ * outHeight + outRow) * outWidth + first * step + shift;
                  for (let column = first; column <= last; column += 1, to += step) {
                    y[to] += x[from + column] * factor;
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  return y;
}
