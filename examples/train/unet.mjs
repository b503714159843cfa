// A U-Net (Ronneberger, Fischer and Brox, 2015) with two skips: marks the disc, and not the square, in noisy pictures.
//
//   node examples/train/unet.mjs [--seed 1] [--steps 60]
//
// Seed 1: loss 0.6331 to 0.05903.

import { BatchNorm2d, Conv2d, ConvTranspose2d, Graph, MaxPool2d, ReLU, Sequential } from 'deconv-wasm';
import { adam, binaryCrossEntropyWithLogits } from 'deconv-wasm/training';
import { drawShapes, runAlone, uniformNumbers } from './data.mjs';

function makeUnet(seed) {
  let number = seed;
  const block = (inChannels, outChannels) =>
    new Sequential(
      new Conv2d({ inChannels, outChannels, kernelSize: 3, padding: 1, bias: false, seed: number++ }),
      new BatchNorm2d({ numFeatures: outChannels }),
      new ReLU(),
    );
  const up = (inChannels, outChannels) =>
    new ConvTranspose2d({ inChannels, outChannels, kernelSize: 2, stride: 2, seed: number++ });
  const pool = () => new MaxPool2d({ kernelSize: 2 });

  const net = new Graph();
  const picture = net.input('picture');
  const first = net.apply(block(1, 8), picture, 'down1');
  const second = net.apply(block(8, 16), net.apply(pool(), first, 'pool1'), 'down2');
  const bottom = net.apply(block(16, 32), net.apply(pool(), second, 'pool2'), 'bottom');
  const third = net.concat([net.apply(up(32, 16), bottom, 'up2'), second]);
  const fourth = net.concat([net.apply(up(16, 8), net.apply(block(32, 16), third, 'merge2'), 'up1'), first]);
  const last = new Conv2d({ inChannels: 8, outChannels: 1, kernelSize: 1, seed: number++ });
  net.output(net.apply(last, net.apply(block(16, 8), fourth, 'merge1'), 'mask'));
  return net;
}

export function train({ seed = 1, steps = 60 }) {
  const data = { count: 8, size: 24, seed };
  const noise = uniformNumbers(seed);
  const pictures = drawShapes(data, (disc, square) => (Math.min(disc, square) < 0 ? 0.7 : 0) + 0.3 * noise());
  const masks = drawShapes(data, (disc) => (disc < 0 ? 1 : 0));
  const net = makeUnet(seed);
  const step = adam(net.layers, { learningRate: 0.01 });
  const loss = [];
  for (let index = 0; index < steps; index += 1) {
    const pass = net.trace(pictures);
    const result = binaryCrossEntropyWithLogits(pass.output, masks);
    loss.push(result.loss);
    step(pass.backward(result.gradient).layers);
  }
  net.dispose();
  return { loss };
}

await runAlone(import.meta.url, train);
