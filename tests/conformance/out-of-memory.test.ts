// Tensors that may be counted but not held: the heap ends at 2 GB. Nothing here touches the memory
// that it asks for, so the process stays small.

import { Conv2d, ConvTranspose2d, conv, convTranspose, init, memoryUsage, shutdown } from 'deconv-wasm';
import { expect, it, onTestFinished, vi } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { quarters, zeros } from '../support/tensors.js';

// 1.2 GB for input and output each.
const WIDE = [1, 1, 15_000, 20_000];

describeEachBuild((build) => {
  it('an input and an output that do not fit together', () => {
    const x = zeros(...WIDE);
    const small = quarters([1, 1, 8, 8], 1);
    using up = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, seed: 1 });
    using down = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, seed: 1 });
    using fresh = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, seed: 1 });
    const wanted = [up.forward(small), down.forward(small)];
    const { liveLayers } = memoryUsage();
    for (const layer of [up, down, fresh]) {
      const where = layer === up ? 'ConvTranspose2d.forward' : 'Conv2d.forward';
      const error = caught(() => layer.forward(x));
      expectError(error, 'OUT_OF_MEMORY', where);
      expect(memoryUsage().liveLayers).toBeLessThanOrEqual(liveLayers + 1);
    }
    const one = { data: new Float32Array([1]), shape: [1, 1, 1, 1] };
    expectError(
      caught(() => conv(x, one)),
      'OUT_OF_MEMORY',
      'conv',
    );
    expectError(
      caught(() => convTranspose(x, one)),
      'OUT_OF_MEMORY',
      'convTranspose',
    );
    expect(compareExactly(up.forward(small), wanted[0] as never)).toBeUndefined();
    expect(compareExactly(down.forward(small), wanted[1] as never)).toBeUndefined();
    expect(fresh.forward(small).shape).toEqual(small.shape);
    expect(memoryUsage().heapBytes).toBeLessThanOrEqual(2 ** 31);
    console.log(
      `out of memory: ${build.name}, the heap grew to ${(memoryUsage().heapBytes / 2 ** 30).toFixed(2)} GB`,
    );
  });

  it('a small input that grows beyond the heap', () => {
    using layer = new ConvTranspose2d({
      inChannels: 1,
      outChannels: 1,
      kernelSize: 1,
      stride: 20_000,
      seed: 1,
    });
    const x = quarters([1, 1, 2, 2], 1);
    const rest = { data: x.data.subarray(0, 1), shape: [1, 1, 1, 1] };
    const wanted = layer.forward(rest);
    // 20,001 x 20,001 values are 1.6 GB, which fit alone, or not beside what the route needs.
    let message = '';
    try {
      using wide = new ConvTranspose2d({
        inChannels: 1,
        outChannels: 1,
        kernelSize: 1,
        stride: 23_000,
        seed: 1,
      });
      wide.forward(x);
    } catch (error) {
      message = String(error);
    }
    expect(message).toMatch(/^DeconvError: ConvTranspose2d\.forward: expected .*, got none/);
    expect(compareExactly(layer.forward(rest), wanted)).toBeUndefined();
  });
});

// Engines end at different sizes; this one ends early.
it('JavaScript memory that is not to be had', async () => {
  onTestFinished(shutdown);
  await init();
  using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, stride: 1000, seed: 1 });
  const x = quarters([1, 1, 2, 2], 1);
  const wanted = layer.forward(x);
  const Engine = Float32Array;
  class Small extends Engine {
    constructor(from: number | Float32Array) {
      if ((typeof from === 'number' ? from : from.length) > 100_000)
        throw new RangeError('Array buffer allocation failed');
      // One signature of the engine's takes both; TypeScript picks a single one.
      super(from as number);
    }
  }
  vi.stubGlobal('Float32Array', Small);
  try {
    expectError(
      caught(() => layer.forward(x)),
      'OUT_OF_MEMORY',
      'ConvTranspose2d.forward',
    );
    const large = { inChannels: 400, outChannels: 400, kernelSize: 1 };
    expectError(
      caught(() => new ConvTranspose2d(large)),
      'OUT_OF_MEMORY',
      'ConvTranspose2d',
    );
    expectError(
      caught(() => new Conv2d(large)),
      'OUT_OF_MEMORY',
      'Conv2d',
    );
  } finally {
    vi.unstubAllGlobals();
  }
  expect(compareExactly(layer.forward(x), wanted)).toBeUndefined();
});
