// A variational autoencoder (Kingma and Welling, 2013) of pictures of a disc: 16 x 16 pixels to 4 numbers and back.
//
//   node examples/train/vae.mjs [--seed 1] [--steps 200]
//
// Seed 1: loss 162.9 to 28.65.

import { Conv2d, ConvTranspose2d, Flatten, Linear, ReLU, Sequential, Unflatten } from 'deconv-wasm';
import { adam, binaryCrossEntropyWithLogits } from 'deconv-wasm/training';
import { covered, drawShapes, normalTensor, runAlone, uniformNumbers } from './data.mjs';

const LATENT = 4;
const HALVE = { kernelSize: 4, stride: 2, padding: 1 };

export function train({ seed = 1, steps = 200 }) {
  const pictures = drawShapes({ count: 32, size: 16, seed }, covered);
  const encoder = new Sequential(
    new Conv2d({ inChannels: 1, outChannels: 8, ...HALVE, seed }),
    new ReLU(),
    new Conv2d({ inChannels: 8, outChannels: 16, ...HALVE, seed: seed + 1 }),
    new ReLU(),
    new Flatten(),
    new Linear({ inFeatures: 256, outFeatures: 2 * LATENT, seed: seed + 2 }),
  );
  const decoder = new Sequential(
    new Linear({ inFeatures: LATENT, outFeatures: 256, seed: seed + 3 }),
    new ReLU(),
    new Unflatten({ dim: 1, unflattenedSize: [16, 4, 4] }),
    new ConvTranspose2d({ inChannels: 16, outChannels: 8, ...HALVE, seed: seed + 4 }),
    new ReLU(),
    new ConvTranspose2d({ inChannels: 8, outChannels: 1, ...HALVE, seed: seed + 5 }),
  );
  const step = adam([...encoder.layers, ...decoder.layers], { learningRate: 0.01 });
  const random = uniformNumbers(seed);
  const [count] = pictures.shape;
  const loss = [];
  for (let index = 0; index < steps; index += 1) {
    const encoded = encoder.trace(pictures);
    const noise = normalTensor(random, [count, LATENT]);
    const { code, divergence, backward } = sample(encoded.output, noise);
    const decoded = decoder.trace(code);
    const fit = binaryCrossEntropyWithLogits(decoded.output, pictures, { reduction: 'sum' });
    const toDecoder = decoded.backward(fit.gradient);
    const toEncoder = encoded.backward(backward(toDecoder.input));
    loss.push((fit.loss + divergence) / count);
    step([...toEncoder.layers, ...toDecoder.layers]);
  }
  for (const network of [encoder, decoder]) network.dispose();
  return { loss };
}

/** `mean + exp(logVariance / 2) * noise`, and the divergence of that normal distribution from the standard one. */
function sample({ data }, noise) {
  const code = { data: new Float32Array(noise.data.length), shape: noise.shape };
  const places = Array.from(noise.data, (value, index) => {
    const row = Math.floor(index / LATENT) * LATENT;
    const [mean, logVariance] = [data[index + row], data[index + row + LATENT]];
    return { index, at: index + row, mean, logVariance, spread: value * Math.exp(logVariance / 2) };
  });
  let divergence = 0;
  for (const { index, mean, logVariance, spread } of places) {
    code.data[index] = mean + spread;
    divergence += (mean * mean + Math.exp(logVariance) - 1 - logVariance) / 2;
  }
  const backward = (gradient) => {
    const result = new Float32Array(data.length);
    for (const { index, at, mean, logVariance, spread } of places) {
      result[at] = gradient.data[index] + mean;
      result[at + LATENT] = (gradient.data[index] * spread + Math.exp(logVariance) - 1) / 2;
    }
    return { data: result, shape: [noise.shape[0], 2 * LATENT] };
  };
  return { code, divergence, backward };
}

await runAlone(import.meta.url, train);
