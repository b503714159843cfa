// A DCGAN (Radford, Metz and Chintala, 2015) that learns to draw discs of 16 x 16 pixels from 8 normal numbers.
//
//   node examples/train/dcgan.mjs [--seed 1] [--steps 60]
//
// Seed 1: discriminator 1.319 to 0.3252, generator 0.7853 to 2.521.

import { BatchNorm2d, Conv2d, ConvTranspose2d, LeakyReLU, ReLU, Sequential, Tanh } from 'deconv-wasm';
import { adam, binaryCrossEntropyWithLogits } from 'deconv-wasm/training';
import { constant, covered, drawShapes, normalTensor, runAlone, uniformNumbers } from './data.mjs';

const LATENT = 8;
const TWICE = { kernelSize: 4, stride: 2, padding: 1 };

const makeGenerator = (seed) =>
  new Sequential(
    new ConvTranspose2d({ inChannels: LATENT, outChannels: 16, kernelSize: 4, bias: false, seed }),
    new BatchNorm2d({ numFeatures: 16 }),
    new ReLU(),
    new ConvTranspose2d({ inChannels: 16, outChannels: 8, ...TWICE, bias: false, seed: seed + 1 }),
    new BatchNorm2d({ numFeatures: 8 }),
    new ReLU(),
    new ConvTranspose2d({ inChannels: 8, outChannels: 1, ...TWICE, seed: seed + 2 }),
    new Tanh(),
  );

const makeDiscriminator = (seed) =>
  new Sequential(
    new Conv2d({ inChannels: 1, outChannels: 8, ...TWICE, seed }),
    new LeakyReLU({ negativeSlope: 0.2 }),
    new Conv2d({ inChannels: 8, outChannels: 16, ...TWICE, bias: false, seed: seed + 1 }),
    new BatchNorm2d({ numFeatures: 16 }),
    new LeakyReLU({ negativeSlope: 0.2 }),
    new Conv2d({ inChannels: 16, outChannels: 1, kernelSize: 4, seed: seed + 2 }),
  );

export function train({ seed = 1, steps = 60 }) {
  const count = 16;
  const pictures = drawShapes({ count, size: 16, seed }, (disc) => 2 * covered(disc) - 1);
  const networks = { generator: makeGenerator(seed), discriminator: makeDiscriminator(seed + 3) };
  const options = { learningRate: 0.002, beta1: 0.5 };
  const stepGenerator = adam(networks.generator.layers, options);
  const stepDiscriminator = adam(networks.discriminator.layers, options);
  const random = uniformNumbers(seed);
  const [yes, no] = [1, 0].map((answer) => constant([count, 1, 1, 1], answer));
  const losses = { discriminator: [], generator: [] };
  for (let index = 0; index < steps; index += 1) {
    const drawn = networks.generator.trace(normalTensor(random, [count, LATENT, 1, 1]));
    // The discriminator's step: pictures are real, what was drawn is not.
    let sum = 0;
    const gradients = [
      [pictures, yes],
      [drawn.output, no],
    ].map(([x, answer]) => {
      const pass = networks.discriminator.trace(x);
      const { loss, gradient } = binaryCrossEntropyWithLogits(pass.output, answer);
      sum += loss;
      return pass.backward(gradient).layers;
    });
    losses.discriminator.push(sum);
    for (const layer of gradients) stepDiscriminator(layer);
    // The generator's: what was drawn shall pass for real.
    const judged = networks.discriminator.trace(drawn.output);
    const { loss, gradient } = binaryCrossEntropyWithLogits(judged.output, yes);
    losses.generator.push(loss);
    stepGenerator(drawn.backward(judged.backward(gradient).input).layers);
  }
  for (const network of Object.values(networks)) network.dispose();
  return losses;
}

await runAlone(import.meta.url, train);
