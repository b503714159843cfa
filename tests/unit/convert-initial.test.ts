// Layers without weights: drawn as their system draws them, or refused where it draws none.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from 'deconv-wasm';
import {
  type ConvertedLayer,
  fromBrainstate,
  fromFlax,
  fromJax,
  fromKeras,
  fromOnnx,
  fromTensorFlow,
  fromTflite,
  fromTorch,
  fromWebnn,
} from 'deconv-wasm/convert';
import { describe, expect, it } from 'vitest';
import { caught } from '../support/errors.js';

const CLASSES = { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } as const;

function moments(values: Float32Array): { mean: number; std: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { mean, std: Math.sqrt(variance), largest };
}

/** Mean and deviation within five of their own deviations; the bound reached and not passed. */
function expectDrawn(values: Float32Array, std: number, bound: number): void {
  const found = moments(values);
  const unit = (5 / Math.sqrt(values.length)) * std;
  expect(Math.abs(found.mean)).toBeLessThanOrEqual(unit);
  expect(Math.abs(found.std - std)).toBeLessThanOrEqual(unit);
  expect(found.largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
  expect(found.largest).toBeGreaterThan(0.97 * bound);
}

/** A normal distribution of this variance, cut off at two of its deviations and widened. */
const cutAt = (variance: number): number => (2 * Math.sqrt(variance)) / 0.8796256610342398;

const many = (make: (seed: number) => ConvertedLayer): Float32Array =>
  Float32Array.from(Array.from({ length: 12 }, (_, seed) => [...make(seed).weight.data]).flat());

describe('flax: lecun_normal and zeros', () => {
  it.each([
    ['Conv', { features: 24, kernel_size: [3, 4] }, 16, [3, 4, 16, 24], 3 * 4 * 16],
    ['Conv', { features: 24, kernel_size: [5], feature_group_count: 4 }, 16, [5, 4, 24], 5 * 4],
    ['ConvTranspose', { features: 24, kernel_size: [2, 2, 2] }, 16, [2, 2, 2, 16, 24], 8 * 16],
    // The last axis but one of the transposed kernel counts the outputs, and flax does not mind.
    [
      'ConvTranspose',
      { features: 24, kernel_size: [3, 3], transpose_kernel: true },
      16,
      [3, 3, 24, 16],
      9 * 24,
    ],
    ['Conv', { features: 400, kernel_size: 3 }, 8, [3, 8, 400], 24],
  ] as const)('%s %o', (operator, attributes, inChannels, shape, fan) => {
    const make = (seed: number): ConvertedLayer =>
      fromFlax(operator as 'Conv', attributes as object, { inChannels, seed });
    const layer = make(1);
    expect(layer.weight.shape).toEqual(shape);
    expect([layer.inChannels, layer.outChannels]).toEqual([inChannels, attributes.features]);
    expect(layer.bias).toEqual({ data: new Float32Array(attributes.features), shape: [attributes.features] });
    expectDrawn(many(make), Math.sqrt(1 / fan), cutAt(1 / fan));
  });
});

describe('Keras: glorot_uniform and zeros', () => {
  it.each([
    ['Conv2D', { filters: 24, kernel_size: 3 }, 16, [3, 3, 16, 24], 9 * (16 + 24)],
    ['Conv1D', { filters: 24, kernel_size: [5], groups: 4 }, 16, [5, 4, 24], 5 * (4 + 24)],
    ['Conv2DTranspose', { filters: 24, kernel_size: [2, 3] }, 16, [2, 3, 24, 16], 6 * (16 + 24)],
    ['Conv3DTranspose', { filters: 8, kernel_size: 2 }, 4, [2, 2, 2, 8, 4], 8 * (8 + 4)],
  ] as const)('%s %o', (operator, attributes, inChannels, shape, fans) => {
    const make = (seed: number): ConvertedLayer =>
      fromKeras(operator as 'Conv2D', attributes as object, { inChannels, seed });
    expect(make(1).weight.shape).toEqual(shape);
    expect([...(make(1).bias?.data ?? [])]).toEqual(new Array<number>(attributes.filters).fill(0));
    expectDrawn(many(make), Math.sqrt(2 / fans), Math.sqrt(6 / fans));
  });
});

describe('PyTorch: uniform within 1 / sqrt(fan-in), weight and bias', () => {
  const file = path.join(import.meta.dirname, '..', 'fixtures', 'init.json');
  const cases: {
    readonly id: string;
    readonly convention: string;
    readonly op: 'Conv2d';
    readonly in_channels: number;
    readonly out_channels: number;
    readonly kernel_size: readonly [number, number];
    readonly groups: number;
    readonly weight_shape: readonly number[];
    readonly weight_std: number;
    readonly weight_bound: number;
  }[] = JSON.parse(readFileSync(file, 'utf8')).cases;

  it.each(
    cases.filter(({ convention }) => convention === 'torch').map((golden) => [golden.id, golden] as const),
  )('%s', (_id, golden) => {
    const { in_channels, out_channels, kernel_size, groups } = golden;
    const attributes = { in_channels, out_channels, kernel_size, groups };
    const layer = fromTorch(golden.op, attributes, { seed: 3 });
    expect(layer.weight.shape).toEqual(golden.weight_shape);
    // The very values of the root entry's layer of that seed.
    const own = new CLASSES[golden.op]({
      inChannels: in_channels,
      outChannels: out_channels,
      kernelSize: kernel_size,
      groups,
      seed: 3,
    });
    expect([layer.weight, layer.bias]).toEqual([own.weight, own.bias]);
    expect(moments(layer.weight.data).largest).toBeLessThanOrEqual(golden.weight_bound);
    expect(fromTorch(golden.op, { ...attributes, bias: false }, {}).bias).toBeNull();
  });
});

describe('a seed', () => {
  const attributes = { features: 2, kernel_size: [3] } as const;
  it('decides the values, and without one they differ', () => {
    const make = (more: object) => fromFlax('Conv', attributes, { inChannels: 2, ...more }).weight.data;
    expect(make({ seed: 5 })).toEqual(make({ seed: 5 }));
    expect(make({ seed: 5 })).not.toEqual(make({ seed: 6 }));
    expect(make({})).not.toEqual(make({}));
  });

  it('leaves the bias away where the attributes say so', () => {
    expect(fromFlax('Conv', { ...attributes, use_bias: false }, { inChannels: 2 }).bias).toBeNull();
    const keras = { filters: 2, kernel_size: 3, use_bias: false };
    expect(fromKeras('Conv2D', keras, { inChannels: 2 }).bias).toBeNull();
  });
});

describe('refused', () => {
  const shaped = { in_channels: 2, out_channels: 2, kernel_size: 3 };
  const cases: readonly [string, () => unknown, string, RegExp][] = [
    [
      'ONNX',
      () => fromOnnx('Conv', {}, {} as never),
      'BAD_TYPE',
      /^fromOnnx Conv: expected parameters with a weight, as ONNX has no initial values, got .*Draw them/,
    ],
    [
      'jax.lax',
      () => fromJax('conv_transpose', { strides: [1], padding: 'SAME' }, { seed: 1 } as never),
      'BAD_TYPE',
      /as jax\.lax has no initial values/,
    ],
    [
      'tf.nn',
      () => fromTensorFlow('conv2d', { strides: 1, padding: 'SAME' }, null as never),
      'BAD_TYPE',
      /as tf\.nn has/,
    ],
    [
      'TFLite',
      () => fromTflite('CONV_2D', { stride_h: 1, stride_w: 1 } as never, undefined as never),
      'BAD_TYPE',
      /as TFLite has/,
    ],
    ['WebNN', () => fromWebnn('conv2d', {}, {} as never), 'BAD_TYPE', /as WebNN has/],
    [
      'torch.nn.functional',
      () => fromTorch('conv2d', {}, { seed: 1 }),
      'BAD_TYPE',
      /as torch\.nn\.functional has/,
    ],
    [
      'no in_channels',
      () => fromTorch('Conv2d', { ...shaped, in_channels: undefined } as never, {}),
      'BAD_OPTION',
      /in_channels, or parameters whose weight says it/,
    ],
    [
      'no kernel_size',
      () => fromTorch('Conv2d', { in_channels: 2, out_channels: 2 }, {}),
      'BAD_OPTION',
      /kernel_size, or/,
    ],
    [
      'groups',
      () => fromTorch('Conv2d', { ...shaped, groups: 3 }, {}),
      'BAD_OPTION',
      /in_channels to be a multiple of groups \(3\)/,
    ],
    [
      'no inChannels',
      () => fromFlax('Conv', { features: 2, kernel_size: [3] }, {} as never),
      'BAD_OPTION',
      /inChannels, as the attributes/,
    ],
    [
      'no features',
      () => fromFlax('Conv', { kernel_size: [3] }, { inChannels: 2 }),
      'BAD_OPTION',
      /features, or/,
    ],
    [
      'no filters',
      () => fromKeras('Conv2D', { kernel_size: 3 }, { inChannels: 2 }),
      'BAD_OPTION',
      /filters, or/,
    ],
    [
      'kernel_size 0',
      () => fromKeras('Conv2D', { filters: 1, kernel_size: 0 }, { inChannels: 2 }),
      'BAD_OPTION',
      /kernel_size/,
    ],
    [
      'a seed of half',
      () => fromKeras('Conv2D', { filters: 1, kernel_size: 1 }, { inChannels: 2, seed: 0.5 }),
      'BAD_OPTION',
      /seed/,
    ],
    [
      'a word of another kind',
      () => fromTorch('Conv2d', shaped, { std: 1 } as never),
      'BAD_OPTION',
      /options among weight, bias, inChannels, seed, got "std"/,
    ],
    [
      'a weight where { weight } is meant',
      () => fromTorch('Conv2d', shaped, { data: new Float32Array(2), shape: [2, 1, 1, 1] } as never),
      'BAD_TYPE',
      /parameters \{ weight, bias \}.*Write \{ weight \}/,
    ],
    [
      'parameters that were not awaited',
      () => fromTorch('Conv2d', shaped, Promise.resolve({ weight: new Float32Array(2) }) as never),
      'BAD_TYPE',
      /parameters \{ weight, bias \}.*got a value of type Promise/,
    ],
    [
      'parameters in a Map',
      () => fromFlax('Conv', { features: 1, kernel_size: [1] }, new Map([['inChannels', 1]]) as never),
      'BAD_TYPE',
      /parameters \{ weight, bias \}.*got a value of type Map/,
    ],
    [
      'parameters of brainstate in a Map',
      () =>
        fromBrainstate('Conv1d', { in_size: [4, 1], out_channels: 1, kernel_size: 1 }, new Map() as never),
      'BAD_TYPE',
      /parameters \{ weight, bias \}.*got a value of type Map/,
    ],
    [
      'a slip in a name for brainstate',
      () =>
        fromBrainstate('Conv1d', { in_size: [4, 1], out_channels: 1, kernel_size: 1 }, {
          wieght: 1,
        } as never),
      'BAD_OPTION',
      /options among weight, bias, seed, got "wieght"/,
    ],
    [
      "Keras's list of both",
      () => fromKeras('Conv2D', {}, [new Float32Array(1), new Float32Array(1)] as never),
      'BAD_TYPE',
      /parameters \{ weight, bias \}/,
    ],
    [
      'a bias alone',
      () => fromTorch('Conv2d', shaped, { bias: new Float32Array(2) } as never),
      'BAD_TYPE',
      /weight to be/,
    ],
    [
      'too large',
      () => fromTorch('Conv2d', { in_channels: 2 ** 20, out_channels: 2 ** 20, kernel_size: 3 }, {}),
      'TOO_LARGE',
      /values/,
    ],
  ];
  it.each(cases)('%s', (_name, act, code, message) => {
    const error = caught(act);
    expect({ code: error.code, message: error.message }).toEqual({
      code,
      message: expect.stringMatching(message),
    });
  });
});
