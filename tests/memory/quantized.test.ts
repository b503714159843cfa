// int8 and 16-bit layers made and freed, many times over.

import { Conv2d, ConvTranspose2d, DeconvError, init, memoryUsage, shutdown } from 'deconv-wasm';
import { calibrate, loadQuantized, quantize, saveQuantized, toFloat16 } from 'deconv-wasm/quantize';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SOME_BUILDS } from '../support/builds.js';
import { expectLoopLeavesNothing } from '../support/memory.js';
import { randomTensor, zeros } from '../support/tensors.js';
import { expectUsedBytes } from '../support/used-bytes.js';

function optionsOf(round: number) {
  return {
    inChannels: 1 + (round % 5),
    outChannels: 1 + (round % 9),
    kernelSize: 2 + (round % 3),
    stride: 1 + (round % 2),
    bias: round % 2 === 0,
    seed: round,
  };
}

describe.each(SOME_BUILDS)('$name', ({ options, name }) => {
  beforeAll(() => init(options));
  afterAll(shutdown);

  const loops: Readonly<Record<string, (round: number) => void>> = {
    'quantized layers made, run and disposed': (round) => {
      const settings = optionsOf(round);
      const side = 4 + (round % 7);
      const x = randomTensor([round % 3, settings.inChannels, side, side + 3], round);
      using layer = round % 4 < 2 ? new ConvTranspose2d(settings) : new Conv2d(settings);
      // A batch of none says nothing of ranges.
      const seen = randomTensor([1, settings.inChannels, side, side + 3], round);
      using small = quantize(layer, round % 3 === 0 ? calibrate(layer, [x, seen]) : {});
      small.forward(x);
      small.forward(x, { activation: 'relu' });
      if (round % 3 === 0) small.forwardInt8(x);
      if (round % 10 !== 0) return;
      using loaded = loadQuantized(layer, saveQuantized(small));
      loaded.forward(x);
    },
    'layers with float16 weights': (round) => {
      using layer = new ConvTranspose2d(optionsOf(round));
      layer.setWeight(toFloat16(layer.weight));
      layer.forward(zeros(1, layer.inChannels, 4, 4));
    },
    'int8 calls that fail': (round) => {
      const settings = optionsOf(round);
      using layer = new ConvTranspose2d(settings);
      using small = quantize(layer);
      const infinite = zeros(1, settings.inChannels, 4, 4);
      infinite.data[7] = Number.POSITIVE_INFINITY;
      for (const act of [
        () => small.forward(infinite),
        () => small.forward(zeros(1, 99, 4, 4)),
        () => small.forwardInt8(infinite),
        () => quantize(layer, { input: { scale: 0, zeroPoint: 0 }, output: { scale: 1, zeroPoint: 0 } }),
      ]) {
        expect(act).toThrow(DeconvError);
      }
    },
  };

  it.each(Object.entries(loops))('%s leave nothing behind', (what, step) => {
    expectLoopLeavesNothing(`${name}: ${what}`, step);
  });

  it('a quantized layer that lives long does not grow with the sizes and batches it has seen', () => {
    using layer = new ConvTranspose2d({
      inChannels: 4,
      outChannels: 4,
      kernelSize: 4,
      stride: 2,
      padding: 1,
    });
    using dynamic = quantize(layer);
    using fixed = quantize(layer, calibrate(layer, [randomTensor([1, 4, 6, 6], 1)]));
    const shapes = Array.from({ length: 12 }, (_, index) => [1 + (index % 4), 4, 3 + index, 14 - index]);
    const run = (): void => {
      for (const small of [dynamic, fixed]) for (const shape of shapes) small.forward(zeros(...shape));
    };
    run();
    run();
    const { usedBytes, heapBytes } = memoryUsage();
    for (let round = 0; round < 200; round += 1) run();
    expect(memoryUsage().heapBytes).toBe(heapBytes);
    expectUsedBytes(usedBytes);
  });
});

describe('the garbage collector', () => {
  const collect = (globalThis as { gc?: () => void }).gc as () => void;
  beforeEach(async () => {
    await init({ build: 'simd' });
  });
  afterEach(shutdown);

  it('frees forgotten quantized layers, and no other', async () => {
    const start = memoryUsage();
    using layer = new Conv2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed: 1 });
    using kept = quantize(layer);
    const x = randomTensor([1, 2, 5, 5], 1);
    const wanted = kept.forward(x);
    (() => {
      for (let index = 0; index < 300; index += 1) quantize(layer).forward(x);
    })();
    expect(memoryUsage().liveLayers).toBeGreaterThan(1);
    for (let attempt = 0; attempt < 100 && memoryUsage().liveLayers > 1; attempt += 1) {
      collect();
      // Finalizers run as tasks of their own.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(memoryUsage().liveLayers).toBe(1);
    expect(kept.forward(x)).toEqual(wanted);
    kept.dispose();
    expect(memoryUsage().liveLayers).toBe(0);
    expectUsedBytes(start.usedBytes);
  });
});
