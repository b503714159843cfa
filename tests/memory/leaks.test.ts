// What is made and freed leaves nothing behind, many times over.

import {
  Conv2d,
  ConvTranspose2d,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  DeconvError,
  init,
  memoryUsage,
  shutdown,
} from 'deconv-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SOME_BUILDS } from '../support/builds.js';
import { expectLoopLeavesNothing } from '../support/memory.js';
import { randomTensor, zeros } from '../support/tensors.js';

/** A small layer, another one each time, on every route in turn. */
function optionsOf(round: number): ConvTransposeOptions<2> {
  return {
    inChannels: 1 + (round % 5),
    outChannels: 1 + (round % 9),
    kernelSize: [1 + (round % 4), 3],
    stride: 1 + (round % 3),
    bias: round % 2 === 0,
    seed: round,
    route: round % 4 === 0 ? 'scalar' : 'auto',
  };
}

function useOne(round: number): void {
  const options = optionsOf(round);
  const side = 4 + (round % 7);
  const x = randomTensor([round % 3, options.inChannels, side, side + 3], round);
  using layer = round % 2 === 0 ? new ConvTranspose2d(options) : new Conv2d(options);
  layer.forward(x);
  if (round % 5 !== 0) return;
  layer.setWeight(layer.weight);
  layer.forward(x);
}

describe.each(SOME_BUILDS)('$name', ({ options, name }) => {
  beforeAll(() => init(options));
  afterAll(shutdown);

  const loops: Readonly<Record<string, (round: number) => void>> = {
    'layers made, run and disposed': useOne,
    'calls of conv and convTranspose': (round) => {
      const channels = 1 + (round % 6);
      const x = randomTensor([1, channels, 3 + (round % 5)], round);
      convTranspose(x, zeros(channels, 2, 3), { stride: 1 + (round % 3), bias: new Float32Array(2) });
      conv(x, zeros(2, channels, 3), { bias: new Float32Array(2), layout: 'channels-first' });
    },
    'calls that fail': (round) => {
      using layer = new ConvTranspose2d({ ...optionsOf(round), route: 'winograd-f45' });
      const x = zeros(1, layer.inChannels, 4, 4);
      for (const act of [
        () => layer.forward(x),
        () => layer.forward(zeros(1, 99, 4, 4)),
        () => layer.forward(x, { outputSize: [1, 1] }),
        () => convTranspose(x, zeros(layer.inChannels, 2, 2, 2), { route: 'winograd-f45' }),
        () => conv(x, zeros(1, layer.inChannels, 9, 9)),
      ]) {
        expect(act).toThrow(DeconvError);
      }
    },
  };

  it.each(Object.entries(loops))('%s leave nothing behind', (what, step) => {
    expectLoopLeavesNothing(`${name}: ${what}`, step);
  });

  it('many layers that live at once are freed in any order', () => {
    const start = memoryUsage();
    const layers = Array.from({ length: 300 }, (_, index) => {
      const layer = new ConvTranspose2d(optionsOf(index));
      layer.forward(zeros(1, layer.inChannels, 4, 4));
      return layer;
    });
    const peak = memoryUsage();
    expect(peak.liveLayers).toBe(start.liveLayers + 300);
    for (let round = 0; round < 3; round += 1) {
      for (const [index, layer] of layers.entries()) if (index % 3 === round) layer.dispose();
    }
    expect(memoryUsage()).toEqual({ ...peak, liveLayers: start.liveLayers, usedBytes: start.usedBytes });
  });

  it('a layer that lives long does not grow with the sizes it has seen', () => {
    using layer = new ConvTranspose2d({
      inChannels: 4,
      outChannels: 4,
      kernelSize: 4,
      stride: 2,
      padding: 1,
    });
    const shapes = Array.from({ length: 12 }, (_, index) => [1 + (index % 2), 4, 3 + index, 14 - index]);
    const run = (): void => {
      for (const shape of shapes) layer.forward(zeros(...shape));
      layer.setWeight(layer.weight);
    };
    run();
    run();
    const { usedBytes, heapBytes } = memoryUsage();
    for (let round = 0; round < 200; round += 1) run();
    expect(memoryUsage()).toMatchObject({ usedBytes, heapBytes });
  });
});
