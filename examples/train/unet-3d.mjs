// One level of a 3-D U-Net (Çiçek and others, 2016): marks the ball, and not the cube, in noisy volumes.
//
//   node examples/train/unet-3d.mjs [--seed 1] [--steps 60]
//
// Seed 1: loss 0.7887 to 0.04602.

import { BatchNorm3d, Conv3d, ConvTranspose3d, Graph, MaxPool3d, ReLU, Sequential } from 'deconv-wasm';
import { adam, binaryCrossEntropyWithLogits } from 'deconv-wasm/training';
import { drawShapes, runAlone, uniformNumbers } from './data.mjs';

function makeNet(seed) {
  const block = (inChannels, outChannels, own) =>
    new Sequential(
      new Conv3d({ inChannels, outChannels, kernelSize: 3, padding: 1, bias: false, seed: own }),
      new BatchNorm3d({ numFeatures: outChannels }),
      new ReLU(),
    );
  const net = new Graph();
  const volume = net.input('volume');
  const skip = net.apply(block(1, 6, seed), volume, 'down');
  const pooled = net.apply(new MaxPool3d({ kernelSize: 2 }), skip, 'pool');
  const bottom = net.apply(block(6, 12, seed + 1), pooled, 'bottom');
  const up = new ConvTranspose3d({
    inChannels: 12,
    outChannels: 6,
    kernelSize: 2,
    stride: 2,
    seed: seed + 2,
  });
  const merged = net.apply(block(12, 6, seed + 3), net.concat([net.apply(up, bottom, 'up'), skip]), 'merge');
  const last = new Conv3d({ inChannels: 6, outChannels: 1, kernelSize: 1, seed: seed + 4 });
  net.output(net.apply(last, merged, 'mask'));
  return net;
}

export function train({ seed = 1, steps = 60 }) {
  const data = { count: 4, size: 12, rank: 3, seed };
  const noise = uniformNumbers(seed);
  const volumes = drawShapes(data, (ball, cube) => (Math.min(ball, cube) < 0 ? 0.7 : 0) + 0.3 * noise());
  const masks = drawShapes(data, (ball) => (ball < 0 ? 1 : 0));
  const net = makeNet(seed);
  const step = adam(net.layers, { learningRate: 0.02 });
  const loss = [];
  for (let index = 0; index < steps; index += 1) {
    const pass = net.trace(volumes);
    const result = binaryCrossEntropyWithLogits(pass.output, masks);
    loss.push(result.loss);
    step(pass.backward(result.gradient).layers);
  }
  net.dispose();
  return { loss };
}

await runAlone(import.meta.url, train);
