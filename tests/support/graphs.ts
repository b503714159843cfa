// Layers and a net that tests of chains share.

import {
  Conv2d,
  ConvTranspose2d,
  Graph,
  type GraphValue,
  LeakyReLU,
  ReLU,
  Sequential,
  SiLU,
  Tanh,
} from 'deconv-wasm';

export const conv = (inChannels: number, outChannels: number, kernelSize = 3, more = {}): Conv2d =>
  new Conv2d({
    inChannels,
    outChannels,
    kernelSize,
    padding: (kernelSize - 1) / 2,
    seed: inChannels,
    ...more,
  });

export const up = (inChannels: number, outChannels: number, more = {}): ConvTranspose2d =>
  new ConvTranspose2d({ inChannels, outChannels, kernelSize: 4, stride: 2, padding: 1, seed: 7, ...more });

/** PyTorch's of tests/fixtures/modules/make_graph.py. */
export function unet(): Graph {
  const net = new Graph();
  const x = net.input('x');
  const skip = net.apply(new LeakyReLU({ negativeSlope: 0.1 }), net.apply(conv(2, 4), x, 'enter'));
  const half = { kernelSize: 2, stride: 2, padding: 0 };
  const inner = net.apply(new ReLU(), net.apply(conv(4, 6, 2, half), skip, 'down'));
  const middle = new Sequential(conv(6, 6, 3, { groups: 2 }), new ReLU(), conv(6, 6, 1));
  const sum = net.add(inner, net.apply(middle, inner, 'middle'));
  const mix = conv(4, 4, 1);
  const upper = net.apply(mix, net.apply(up(6, 4, half), sum, 'up'), 'mix');
  const mixed = net.apply(mix, net.apply(new SiLU(), upper), 'again');
  const [one, other] = net.split(mixed, [1, 3]) as [GraphValue, GraphValue];
  const exit = net.apply(conv(8, 3, 3, { bias: false }), net.concat([other, skip, one]), 'exit');
  return net.output(net.apply(new Tanh(), exit), 'y');
}
