// HiFi-GAN's generator V2 (Kong, Kim and Bae, 2020) with seeded weights: frames of a mel spectrogram to samples, on tensors
// of the WebAssembly heap that are made once. A list of steps, so that none takes long: see processor.mjs.

import { Conv1d, ConvTranspose1d, HeapTensor, LeakyReLU, Tanh } from 'deconv-wasm';

export const MELS = 80;
/** Samples of a frame. */
export const HOP = 256;
/** Frames on either side that a sample depends on. */
export const CONTEXT = 14;

const CHANNELS = 128;
const UPSAMPLING = [
  { stride: 8, kernelSize: 16 },
  { stride: 8, kernelSize: 16 },
  { stride: 2, kernelSize: 4 },
  { stride: 2, kernelSize: 4 },
];
const KERNELS = [3, 7, 11];
const DILATIONS = [1, 3, 5];

/** Steps that compute `samples`, `[1, 1, 256 * frames]`, of `mel`, `[1, 80, frames]`. */
export function makeGenerator({ frames, seed }) {
  const steps = [];
  const owners = [];
  const room = (channels, length) => keep(new HeapTensor([1, channels, length]));
  // One for each place: a module remembers the shape of its last call, and looks at another one anew.
  const slope = () => new LeakyReLU({ negativeSlope: 0.1 });

  function keep(owner) {
    owners.push(owner);
    return owner;
  }
  /** `y = module(x)`; options are made once, as process() may allocate nothing. */
  function apply(module, x, y, cost = 4 * x.data.length) {
    const call = { out: y };
    steps.push({ cost, run: () => module.forward(x, call) });
    return y;
  }
  function convolve(x, y, kernelSize, dilation = 1) {
    const [[, inChannels], [, outChannels, length]] = [x.shape, y.shape];
    const options = {
      inChannels,
      outChannels,
      kernelSize,
      dilation,
      padding: 'same',
      seed: seed + steps.length,
    };
    return apply(keep(new Conv1d(options)), x, y, inChannels * outChannels * kernelSize * length);
  }
  /** `target = (one + other) * factor` */
  function sum(target, one, other, factor = 1) {
    const run = () => {
      const to = target.data;
      const from = one.data;
      const more = other.data;
      for (let index = 0; index < to.length; index += 1) to[index] = (from[index] + more[index]) * factor;
    };
    steps.push({ cost: 8 * target.data.length, run });
  }

  const mel = room(MELS, frames);
  let x = convolve(mel, room(CHANNELS, frames), 7);
  for (const [stage, { stride, kernelSize }] of UPSAMPLING.entries()) {
    const [, inChannels, length] = x.shape;
    const outChannels = CHANNELS / 2 ** (stage + 1);
    const options = { inChannels, outChannels, kernelSize, stride, padding: (kernelSize - stride) / 2 };
    const up = keep(new ConvTranspose1d({ ...options, seed: seed + steps.length }));
    apply(slope(), x, x);
    const rooms = Array.from({ length: 5 }, () => room(outChannels, stride * length));
    const [input, active, between, block, total] = rooms;
    apply(up, x, input, inChannels * outChannels * kernelSize * length);
    for (const [index, kernel] of KERNELS.entries()) {
      let residual = input;
      for (const dilation of DILATIONS) {
        convolve(apply(slope(), residual, active), between, kernel, dilation);
        convolve(apply(slope(), between, between), active, kernel);
        sum(block, residual, active);
        residual = block;
      }
      const [first, last] = [index === 0, index === KERNELS.length - 1];
      if (!first) sum(total, total, block, last ? 1 / KERNELS.length : 1);
      else apply({ forward: (from, { out }) => out.data.set(from.data) }, block, total);
    }
    x = total;
  }
  const samples = convolve(apply(new LeakyReLU(), x, x), room(1, HOP * frames), 7);
  apply(new Tanh(), samples, samples);
  const dispose = () => {
    for (const owner of owners) owner.dispose();
  };
  return { mel, samples, steps, dispose };
}
