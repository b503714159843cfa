// What is known of sizes of before.

import { ConvTranspose2d, init, shutdown } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { bytesOf, type NetworkCase } from '../support/network-onnx-cases/index.js';
import { Writer } from '../support/networks.js';
import { zeros } from '../support/tensors.js';

beforeEach(async () => {
  await init({ build: 'simd' });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await shutdown();
});

const CHANNELS = 32;

function dividing(place: 'in front of' | 'behind'): NetworkCase {
  const net = new Writer();
  const width = net.node('Cast', [net.node('Gather', [net.node('Shape', ['x']), net.list(3)])], { to: 1 });
  const divided = (x: string) => net.node('Div', [x, width]);
  const conv = (x: string) => net.conv(x, CHANNELS, CHANNELS, [3, 3], { pads: [0, 0, 0, 0] });
  const y = place === 'behind' ? divided(conv('x')) : conv(divided('x'));
  return net.done(y, { x: [1, CHANNELS, 4, 4] }, { x: [1, CHANNELS, 4, 'width'] });
}

/** Bytes of arrays, and of all other objects, that are still in use. */
async function bytesInUse(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 5; round += 1) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return process.memoryUsage();
}

// Factors that are others for each size, which convolutions take into their weights.
it.each(['in front of', 'behind'] as const)('a division by the size %s a convolution', async (place) => {
  const net = await loadNetwork(bytesOf(dividing(place)));
  const run = (from: number, to: number): void => {
    for (let width = from; width < to; width += 1) net.forward(zeros(1, CHANNELS, 4, width));
  };
  run(4, 24);
  const { arrayBuffers: warm } = await bytesInUse();
  run(24, 424);
  // Each size has 512 bytes of factors and summands, and 36 KB of a weight.
  expect((await bytesInUse()).arrayBuffers - warm).toBeLessThan(64 * 1024);
  net.dispose();
});

it('measurements of thousands of sizes', async () => {
  // A clock of its own: nothing is repeated to be measured.
  let now = 0;
  vi.stubGlobal('performance', {
    now: () => {
      now += 1;
      return now;
    },
  });
  using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, planning: 'measure' });
  const run = (from: number, to: number): void => {
    for (let size = from; size < to; size += 1) {
      layer.forward(zeros(1, 1, 1 + (size % 64), 1 + Math.floor(size / 64)));
    }
  };
  run(0, 1100);
  expect(layer.plan?.reason).toContain('measured');
  const { heapUsed: warm } = await bytesInUse();
  run(1100, 4000);
  // Some 2 KB are known of each.
  expect((await bytesInUse()).heapUsed - warm).toBeLessThan(2 * 2 ** 20);
});
