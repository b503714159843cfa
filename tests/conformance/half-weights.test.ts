// Weights of 16 bits: what a layer computes with them is what it computes with their float32 values.

import { Conv1d, ConvTranspose2d, ConvTranspose3d, type HalfTensor, init, shutdown } from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { fromFlax, fromOnnx, fromTorch } from 'deconv-wasm/convert';
import { compareToFloat32, quantize, toFloat16, toFloat32 } from 'deconv-wasm/quantize';
import { adam } from 'deconv-wasm/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caught, expectError } from '../support/errors.js';
import { seed } from '../support/seed.js';
import { randomTensor, zeros } from '../support/tensors.js';

beforeAll(() => init());
afterAll(shutdown);

/** The upper halves of float32 values. */
function bfloat16(shape: readonly number[]): HalfTensor {
  const { data } = randomTensor(shape, seed);
  const data16 = Uint16Array.from(new Uint32Array(data.buffer), (word) => word >>> 16);
  return { data: data16, shape, dtype: 'bfloat16' };
}

const FLOAT16_ARRAY = (
  globalThis as {
    Float16Array?: new (
      source: ArrayLike<number>,
    ) => Extract<HalfTensor, { readonly dtype?: 'float16' }>['data'];
  }
).Float16Array;

describe('setWeight', () => {
  it.each([
    ['float16', (shape: readonly number[]) => toFloat16(randomTensor(shape, seed))],
    ['bfloat16', bfloat16],
  ] as const)('of %s, in layers of every convention', (type, make) => {
    const layers = [
      [new ConvTranspose2d({ inChannels: 4, outChannels: 6, kernelSize: 3, groups: 2, seed }), [1, 4, 5, 5]],
      [new ConvTranspose3d({ inChannels: 2, outChannels: 3, kernelSize: 2, seed }), [1, 2, 3, 3, 3]],
      [new Conv1d({ inChannels: 4, outChannels: 6, kernelSize: 3, seed }), [2, 4, 9]],
      [new brainstate.ConvTranspose2d({ inSize: [4, 4, 2], outChannels: 3, kernelSize: 3, seed }), [4, 4, 2]],
      [new brainstate.Conv1d({ inSize: [9, 2], outChannels: 3, kernelSize: 3, wMask: 2, seed }), [3, 9, 2]],
      [fromFlax('ConvTranspose', { strides: 2 }, { weight: randomTensor([3, 3, 2, 4], seed) }), [1, 5, 5, 2]],
    ] as const;
    for (const [layer, shape] of layers) {
      const x = randomTensor(shape, seed);
      const weight = make(layer.weight.shape);
      expect(layer.weightType).toBe('float32');
      layer.setWeight(toFloat32(weight));
      const wanted = layer.forward(x);
      const gradients = layer.backward(x, wanted);
      layer.setWeight(weight);
      expect(layer.weightType).toBe(type);
      expect(layer.weight).toEqual(toFloat32(weight));
      expect(layer.forward(x)).toEqual(wanted);
      expect(layer.backward(x, wanted)).toEqual(gradients);
      layer.setWeight(layer.weight);
      expect(layer.weightType).toBe('float32');
      expect(layer.forward(x)).toEqual(wanted);
      layer.dispose();
    }
  });

  it('keeps a copy of its own', () => {
    using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false });
    const weight = toFloat16({ data: Float32Array.of(0.5), shape: [1, 1, 1, 1] });
    layer.setWeight(weight);
    weight.data[0] = 0;
    expect(layer.weight.data).toEqual(Float32Array.of(0.5));
  });

  it("takes the engine's Float16Array, bare or in a tensor", ({ skip }) => {
    if (FLOAT16_ARRAY === undefined) return skip('the engine has no Float16Array');
    const shape = [2, 3, 3, 3];
    const values = randomTensor(shape, seed);
    const data = new FLOAT16_ARRAY(values.data);
    const wanted = toFloat32(toFloat16(values));
    using layer = new ConvTranspose2d({ inChannels: 2, outChannels: 3, kernelSize: 3 });
    expect(layer.setWeight(data).weight).toEqual(wanted);
    expect(layer.setWeight({ data, shape }).weight).toEqual(wanted);
    expect(layer.weightType).toBe('float16');
    expect(toFloat32({ data, shape, dtype: 'float16' })).toEqual(wanted);
    expectError(
      caught(() => layer.setWeight({ data, shape, dtype: 'bfloat16' } as never)),
      'BAD_OPTION',
      'ConvTranspose2d.setWeight',
    );
  });

  it('training goes on in float32', () => {
    using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, seed });
    layer.setWeight(toFloat16(layer.weight));
    const x = randomTensor([1, 1, 3, 3], seed);
    const step = adam([layer]);
    step([layer.backward(x, layer.forward(x))]);
    expect(layer.weightType).toBe('float32');
  });

  it('refuses what is not 16 bits of a weight, and keeps the old one', () => {
    using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 2, kernelSize: 2, seed });
    const before = layer.weight;
    const bits = new Uint16Array(8);
    const shape = [1, 2, 2, 2];
    for (const [weight, code] of [
      [{ data: bits, shape: [1, 2, 2, 1], dtype: 'float16' }, 'BAD_SHAPE'],
      [{ data: bits, shape: [2, 1, 2, 2], dtype: 'float16' }, 'BAD_SHAPE'],
      [{ data: bits.slice(1), shape, dtype: 'float16' }, 'BAD_SHAPE'],
      [{ data: bits, shape, dtype: 'float8' }, 'BAD_OPTION'],
      [{ data: bits, shape }, 'BAD_TYPE'],
      [bits, 'BAD_TYPE'],
      [{ data: new Uint16Array(new SharedArrayBuffer(16)), shape, dtype: 'float16' }, 'BAD_BUFFER'],
      [{ data: bits, shape: 'all', dtype: 'float16' }, 'BAD_TYPE'],
    ] as const) {
      expectError(
        caught(() => layer.setWeight(weight as never)),
        code,
        'ConvTranspose2d.setWeight',
      );
      expect(layer.weight).toEqual(before);
    }
    const gone = structuredClone(bits);
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(caught(() => layer.setWeight({ data: gone, shape, dtype: 'float16' })).code).toBe('BAD_BUFFER');
  });
});

it('from… keep a weight of 16 bits', () => {
  const weight = toFloat16(randomTensor([4, 2, 3, 3], seed));
  const x = randomTensor([1, 4, 6, 6], seed);
  for (const make of [
    (given: typeof weight | ReturnType<typeof toFloat32>) =>
      fromOnnx('ConvTranspose', { group: 2, strides: [2, 2] }, { weight: given }),
    (given: typeof weight | ReturnType<typeof toFloat32>) =>
      fromTorch('ConvTranspose2d', { groups: 2, stride: 2 }, { weight: given }),
  ]) {
    using half = make(weight);
    using full = make(toFloat32(weight));
    expect(half.weightType).toBe('float16');
    expect(full.weightType).toBe('float32');
    expect(half.forward(x)).toEqual(full.forward(x));
  }
});

it('float16 loses what its rounding says, and int8 of it nothing more', () => {
  using layer = new ConvTranspose2d({ inChannels: 16, outChannels: 16, kernelSize: 4, stride: 2, seed });
  using half = new ConvTranspose2d({ inChannels: 16, outChannels: 16, kernelSize: 4, stride: 2, seed });
  half.setWeight(toFloat16(half.weight));
  const x = randomTensor([1, 16, 8, 8], seed);
  const { snr, maxAbsolute } = compareToFloat32(layer, half, [x]);
  // 11 bits of significand: about 6 dB each, and the rounding of values within a binade.
  expect(snr).toBeGreaterThan(66);
  expect(snr).toBeLessThan(84);
  expect(maxAbsolute).toBeGreaterThan(0);
  using small = quantize(layer);
  using smallOfHalf = quantize(half);
  const plain = compareToFloat32(layer, small, [x]).snr;
  expect(Math.abs(compareToFloat32(layer, smallOfHalf, [x]).snr - plain)).toBeLessThan(1);
});

it('toFloat16 and toFloat32 refuse other tensors', () => {
  expectError(
    caught(() => toFloat16(new Float32Array(3) as never)),
    'BAD_TYPE',
    'toFloat16',
  );
  expectError(
    caught(() => toFloat16({ ...zeros(3), shape: [4] })),
    'BAD_SHAPE',
    'toFloat16',
  );
  for (const value of [zeros(3), new Uint16Array(3), null, { data: new Uint16Array(3), shape: [3] }]) {
    expectError(
      caught(() => toFloat32(value as never)),
      'BAD_TYPE',
      'toFloat32',
    );
  }
});
