// deconv-wasm as a user calls it: a Float32Array of JavaScript's in, a Float32Array of JavaScript's out; a new
// one each time as the peers give, or with `reuse` always the same, `forward(x, { out })`.

import { product } from '../geometry.mjs';
import { toChannelsLast, transposed } from '../layouts.mjs';

export function ours(build, layout, { reuse = false } = {}) {
  return {
    name: `ours ${build}${layout === 'channels-last' ? ' NHWC' : ''}${reuse ? ' out' : ''}`,
    ours: true,
    build,
    layout,
    reuse,

    async prepare(problem, { host, threads }) {
      const first = layout === 'channels-first';
      const api = await host.ours(build, first ? 'index.js' : 'brainstate/index.js');
      const info = await api.init({ build, threads });
      if (info.build !== build || info.threads !== threads) throw new Error(info.notes.join('; '));
      const layer = first ? channelsFirst(api, problem) : channelsLast(api, problem);
      const options = reuse ? { out: layer.forward() } : undefined;
      return {
        layout,
        run: () => layer.forward(options).data,
        note: () => layer.plan().route,
        dispose: () => layer.dispose(),
      };
    },
  };
}

function channelsFirst(api, { geometry, input, weight }) {
  const { rank, batch, inChannels, outChannels, groups, kernel, stride, padding, outputPadding, dilation } =
    geometry;
  const layer = new api[`ConvTranspose${rank}d`]({
    ...{ inChannels, outChannels, groups, stride, padding, outputPadding, dilation },
    kernelSize: kernel,
    bias: false,
  });
  layer.setWeight(weight);
  const x = { data: input, shape: [batch, inChannels, ...geometry.input] };
  return {
    forward: (options) => layer.forward(x, options),
    plan: () => layer.plan,
    dispose: () => layer.dispose(),
  };
}

function channelsLast(api, { geometry, input, weight }) {
  const { rank, batch, inChannels, outChannels, groups, kernel, stride, padding, outputPadding, dilation } =
    geometry;
  // Its padding counts zeros around the spread input, which a crop takes away from the full size.
  const pads = kernel.map((size, axis) => {
    const reach = dilation[axis] * (size - 1);
    return [reach - padding[axis], reach - padding[axis] + outputPadding[axis]];
  });
  // [group, in, out, taps] to [taps, group, out, in].
  const shape = [groups, inChannels / groups, outChannels / groups, product(kernel)];
  const layer = new api[`ConvTranspose${rank}d`]({
    inSize: [...geometry.input, inChannels],
    ...{ outChannels, groups, stride },
    kernelSize: kernel,
    rhsDilation: dilation,
    padding: pads,
    wInit: transposed(weight, shape, [3, 0, 2, 1]),
  });
  const x = {
    data: toChannelsLast(input, batch, inChannels, geometry.input),
    shape: [batch, ...geometry.input, inChannels],
  };
  return {
    forward: (options) => layer.forward(x, options),
    plan: () => layer.plan,
    dispose: () => layer.dispose(),
  };
}
