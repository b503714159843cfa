// A network that divides by a size has other factors for each, and convolutions take them into their weights.

import { init, shutdown } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bytesOf, type NetworkCase } from '../support/network-onnx-cases/index.js';
import { Writer } from '../support/networks.js';
import { zeros } from '../support/tensors.js';

beforeEach(async () => {
  await init({ build: 'simd' });
});
afterEach(shutdown);

const CHANNELS = 32;

function dividing(place: 'in front of' | 'behind'): NetworkCase {
  const net = new Writer();
  const width = net.node('Cast', [net.node('Gather', [net.node('Shape', ['x']), net.list(3)])], { to: 1 });
  const divided = (x: string) => net.node('Div', [x, width]);
  const conv = (x: string) => net.conv(x, CHANNELS, CHANNELS, [3, 3], { pads: [0, 0, 0, 0] });
  const y = place === 'behind' ? divided(conv('x')) : conv(divided('x'));
  return net.done(y, { x: [1, CHANNELS, 4, 4] }, { x: [1, CHANNELS, 4, 'width'] });
}

/** Bytes of arrays that are still in use. */
async function arrayBytes(): Promise<number> {
  for (let round = 0; round < 5; round += 1) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return process.memoryUsage().arrayBuffers;
}

it.each(['in front of', 'behind'] as const)('a division by the size %s a convolution', async (place) => {
  const net = await loadNetwork(bytesOf(dividing(place)));
  const run = (from: number, to: number): void => {
    for (let width = from; width < to; width += 1) net.forward(zeros(1, CHANNELS, 4, width));
  };
  run(4, 24);
  const warm = await arrayBytes();
  run(24, 424);
  // Each size has 512 bytes of factors and summands, and 36 KB of a weight.
  expect((await arrayBytes()) - warm).toBeLessThan(64 * 1024);
  net.dispose();
});
