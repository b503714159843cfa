// What a call has no room for is refused before anything is copied: the process stays as small as it was, and nobody
// waits for a gigabyte that is of no use.

import { Conv2d, ConvTranspose2d, init, shutdown, Tanh } from 'deconv-wasm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SOME_BUILDS } from '../support/builds.js';
import { caught, expectError } from '../support/errors.js';
import { zeros } from '../support/tensors.js';

// 1.2 GB each for the input, which nothing has written to, and the output, for which the heap's 2 GB are too few.
const WIDE = [1, 1, 15_000, 20_000];

describe.each(SOME_BUILDS)('$name', ({ options }) => {
  beforeAll(() => init(options));
  afterAll(() => shutdown());

  it.each([
    [
      'a convolution',
      () => new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, seed: 1 }),
    ],
    [
      'a transposed convolution',
      () => new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, seed: 1 }),
    ],
    ['a module', () => new Tanh()],
  ])('%s copies no input whose output has no room', (_, make) => {
    const layer = make();
    onTestFinished(() => (layer instanceof Tanh ? undefined : layer.dispose()));
    const x = zeros(...WIDE);
    const before = process.memoryUsage.rss();
    expectError(
      caught(() => layer.forward(x)),
      'OUT_OF_MEMORY',
      `${layer.constructor.name}.forward`,
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(0.3e9);
  });

  it('gradients copy nothing where one of them has no room', () => {
    using layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, seed: 1 });
    const x = zeros(...WIDE);
    const before = process.memoryUsage.rss();
    expectError(
      caught(() => layer.backward(x, x)),
      'OUT_OF_MEMORY',
      'Conv2d.backward',
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(0.3e9);
  });
});
