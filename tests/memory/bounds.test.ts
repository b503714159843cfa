// What a layer holds has a bound, whatever sizes, pads, activations, routes and directions it has seen: as much
// as four layers that are always called the same way.

import {
  Conv2d,
  ConvTranspose2d,
  HeapTensor,
  init,
  type Layer,
  memoryUsage,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import { fromOnnx } from 'deconv-wasm/convert';
import { calibrate, quantize } from 'deconv-wasm/quantize';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTE_CHOICES, SOME_BUILDS } from '../support/builds.js';
import { unlessRefused } from '../support/run.js';
import { randomTensor } from '../support/tensors.js';

const CHANNELS = 64;
const WEIGHT = randomTensor([CHANNELS, CHANNELS, 3, 3], 1);
const WEIGHT_BYTES = 4 * WEIGHT.data.length;
const KEPT_COPIES = 4;
// Indices of XNNPACK and tables of ours, which depend on the size: small for sizes as small as these.
const SMALL = 64 * 1024;

const SIZES = Array.from({ length: 24 }, (_, index) => [1 + (index % 6), 1 + ((index * 5) % 11)] as const);

interface Subject {
  /** That one call needs: two with gradients, whose operator is the adjoint one. */
  readonly copies: number;
  readonly layer: Pick<Layer, 'dispose'>;
  /** One call, with the index of its size. */
  call(index: number, place: (values: Tensor) => Tensor): Tensor;
}

const input = (index: number): Tensor => {
  const [height, width] = SIZES[index % SIZES.length] as readonly [number, number];
  return randomTensor([1, CHANNELS, height, width], index);
};

/** The output, and in training the gradients as well. */
function around(layer: Layer, index: number, x: Tensor, backward: boolean): Tensor {
  const y = layer.forward(x, index % 3 === 0 ? { activation: 'relu' } : {});
  return backward ? layer.backward(x, y).input : y;
}

const OPTIONS = { inChannels: CHANNELS, outChannels: CHANNELS, kernelSize: 3, seed: 1 } as const;

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  'transposed, forward and backward': () => {
    const layer = new ConvTranspose2d({ ...OPTIONS, stride: 2, padding: 1 });
    return { layer, copies: 2, call: (index, place) => around(layer, index, place(input(index)), true) };
  },
  'plain, forward and backward': () => {
    const layer = new Conv2d({ ...OPTIONS, padding: 1 });
    return { layer, copies: 2, call: (index, place) => around(layer, index, place(input(index)), true) };
  },
  'an outputSize for every call': () => {
    const layer = new ConvTranspose2d({ ...OPTIONS, stride: 4 });
    return {
      layer,
      copies: 1,
      call: (index, place) => {
        const x = place(input(index));
        const outputSize = [0, 1].map((axis) => 4 * ((x.shape[2 + axis] as number) - 1) + 3 + (index % 4));
        return layer.forward(x, { outputSize });
      },
    };
  },
  measured: () => {
    const layer = new ConvTranspose2d({ ...OPTIONS, stride: 1, padding: 1, planning: 'measure' });
    return { layer, copies: 1, call: (index, place) => around(layer, index, place(input(index)), false) };
  },
  'an ONNX output_shape': () => {
    const layer = fromOnnx('ConvTranspose', { strides: [2, 2], output_shape: [12, 12] }, { weight: WEIGHT });
    return {
      layer,
      copies: 1,
      call: (index, place) =>
        layer.forward(place(randomTensor([1, CHANNELS, 6 + (index % 4), 6 + ((index >> 2) % 4)], index))),
    };
  },
  'padding SAME': () => {
    const attributes = { auto_pad: 'SAME_UPPER', strides: [2, 2] } as const;
    const layer = fromOnnx('Conv', attributes, { weight: WEIGHT });
    return { layer, copies: 1, call: (index, place) => layer.forward(place(input(index))) };
  },
  'int8, dynamic': () => {
    using layer = new ConvTranspose2d({ ...OPTIONS, stride: 4 });
    const small = quantize(layer);
    return {
      layer: small,
      copies: 1,
      call: (index, place) => {
        const x = place(input(index));
        const outputSize = [0, 1].map((axis) => 4 * ((x.shape[2 + axis] as number) - 1) + 3 + (index % 4));
        return small.forward(x, { outputSize, ...(index % 3 === 0 ? { activation: 'relu' } : {}) });
      },
    };
  },
  'int8, static': () => {
    using layer = new Conv2d({ ...OPTIONS, padding: 1 });
    const small = quantize(layer, calibrate(layer, [input(3)]));
    return { layer: small, copies: 1, call: (index, place) => small.forward(place(input(index))) };
  },
};

/** A route that is packed again computes what it computed before. */
function sameValues(one: Float32Array, other: Float32Array | undefined): boolean {
  return one.length === other?.length && one.every((value, index) => Object.is(value, other[index]));
}

const PLACES: Readonly<Record<string, (values: Tensor) => Tensor>> = {
  plain: (values) => values,
  heap: (values) => {
    const tensor = new HeapTensor(values.shape);
    tensor.data.set(values.data);
    return tensor;
  },
};

describe.each(SOME_BUILDS)('$name', ({ options, name }) => {
  let largestCopy = 0;
  // It lives on, and with it the room that all operators share, as large as any of them needs.
  const keeper = new ConvTranspose2d({ ...OPTIONS, stride: 2, padding: 1 });

  beforeAll(async () => {
    await init(options);
    keeper.forward(input(0));
    for (const route of ROUTE_CHOICES) {
      using layer = new ConvTranspose2d({ ...OPTIONS, inChannels: 128, outChannels: 128, padding: 1, route });
      unlessRefused(() => layer.forward(randomTensor([4, 128, 20, 20], 1)));
    }
    for (const route of ROUTE_CHOICES) {
      for (const stride of [1, 2]) {
        for (const Kind of [ConvTranspose2d, Conv2d]) {
          const before = memoryUsage().usedBytes;
          using layer = new Kind({ ...OPTIONS, stride, padding: 1, route });
          if (unlessRefused(() => layer.forward(input(11))) === null) continue;
          largestCopy = Math.max(largestCopy, memoryUsage().usedBytes - before);
        }
      }
    }
    const times = (largestCopy / WEIGHT_BYTES).toFixed(2);
    console.log(
      `${name}: the largest packed copy of a weight of ${WEIGHT_BYTES} bytes is ${times} times as large`,
    );
  });
  afterAll(shutdown);

  it.each(Object.keys(SUBJECTS))('%s', async (subject) => {
    const fresh = SUBJECTS[subject] as () => Subject;
    for (const [where, place] of Object.entries(PLACES)) {
      // The same seed, the same weight: what single calls compute, and what they keep.
      let once = 0;
      const wanted = SIZES.map((_, index) => {
        const before = memoryUsage().usedBytes;
        const { layer, call } = fresh();
        const { data } = call(index, (values) => values);
        once = Math.max(once, memoryUsage().usedBytes - before);
        layer.dispose();
        return data;
      });
      const start = memoryUsage();
      const again = fresh();
      let most = 0;
      for (let round = 0; round < 3 * SIZES.length; round += 1) {
        const index = (round * 7) % SIZES.length;
        const tensors: HeapTensor[] = [];
        const y = again.call(index, (values) => {
          const placed = place(values);
          if (placed instanceof HeapTensor) tensors.push(placed);
          return placed;
        });
        expect(subject === 'measured' || sameValues(y.data, wanted[index])).toBe(true);
        for (const tensor of tensors) tensor.dispose();
        most = Math.max(most, memoryUsage().usedBytes - start.usedBytes);
      }
      console.log(
        `${name}, ${subject}, ${where}: at most ${(most / WEIGHT_BYTES).toFixed(2)} times the weight`,
      );
      // Measuring may find another route the best each time.
      const copy = subject === 'measured' ? largestCopy : once / again.copies;
      expect(most).toBeLessThan(KEPT_COPIES * copy + SMALL);
      expect(memoryUsage().liveLayers).toBe(start.liveLayers + 1);
      again.layer.dispose();
      expect(Math.abs(memoryUsage().usedBytes - start.usedBytes)).toBeLessThan(64);
    }
  });
});
