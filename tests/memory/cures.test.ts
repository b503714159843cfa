// Layers of deconv-wasm/checkerboard made and freed, many times over: those in several steps hold layers of
// their own.

import { init, shutdown } from 'deconv-wasm';
import {
  ResizeConv1d,
  ResizeConv2d,
  SmoothConvTranspose1d,
  SmoothConvTranspose2d,
  toConvTranspose,
  toResizeConv,
} from 'deconv-wasm/checkerboard';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { SOME_BUILDS } from '../support/builds.js';
import { expectLoopLeavesNothing } from '../support/memory.js';
import { randomTensor } from '../support/tensors.js';

const MODES = ['nearest', 'bilinear'] as const;
const PADS = [0, 1, 'same'] as const;
const EDGES = ['zeros', 'replicate'] as const;

/** Another geometry each time; every combination of mode, padding and padding mode is among twelve in a row. */
function resizeOptions(round: number) {
  return {
    inChannels: 1 + (round % 5),
    outChannels: 1 + (round % 7),
    scaleFactor: 2 + (round % 2),
    kernelSize: 2 + (round % 4),
    padding: PADS[round % 3] as (typeof PADS)[number],
    paddingMode: EDGES[Math.floor(round / 3) % 2] as (typeof EDGES)[number],
    bias: round % 2 === 0,
    seed: round,
  };
}

function smoothOptions(round: number) {
  return {
    inChannels: 1 + (round % 5),
    outChannels: 1 + (round % 7),
    kernelSize: 2 + (round % 4),
    stride: 1 + (round % 3),
    padding: round % 2,
    order: round % 4,
    bias: round % 2 === 0,
    seed: round,
  };
}

const LOOPS: Readonly<Record<string, (round: number) => void>> = {
  'resize-convolutions made, run and disposed': (round) => {
    const options = resizeOptions(round);
    const x = randomTensor([round % 3, options.inChannels, 4 + (round % 3), 5], round);
    using layer = new ResizeConv2d({
      ...options,
      mode: MODES[Math.floor(round / 6) % 2] as (typeof MODES)[number],
    });
    const y = layer.forward(x);
    if (round % 4 === 0) layer.backward(x, y);
    if (round % 5 !== 0) return;
    layer.setWeight(layer.weight);
    layer.forward(x);
  },
  'smooth layers made, run and disposed': (round) => {
    const options = smoothOptions(round);
    const x = randomTensor([round % 3, options.inChannels, 4 + (round % 3), 5], round);
    using layer = new SmoothConvTranspose2d(options);
    const y = layer.forward(x);
    if (round % 4 === 0) layer.backward(x, y);
    if (round % 5 !== 0) return;
    layer.setWeight(layer.weight);
    layer.forward(x);
  },
  'conversions to the equal layer and back': (round) => {
    const { inChannels, ...options } = resizeOptions(round);
    const x = randomTensor([1, inChannels, 6], round);
    using resize = new ResizeConv1d({ ...options, inChannels, paddingMode: 'zeros' });
    using plain = toConvTranspose(resize);
    using again = toResizeConv(plain);
    using smooth = new SmoothConvTranspose1d({ ...smoothOptions(round), inChannels });
    using equal = toConvTranspose(smooth);
    for (const layer of [resize, plain, again, smooth, equal]) layer.forward(x);
  },
};

describe.each(SOME_BUILDS)('$name', ({ options, name }) => {
  beforeAll(() => init(options));
  afterAll(shutdown);

  it.each(Object.entries(LOOPS))('%s leave nothing behind', (what, step) => {
    expectLoopLeavesNothing(`${name}: ${what}`, step);
  });
});
