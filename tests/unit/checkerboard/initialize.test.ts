// First weights against the rule that proves them, in double precision and without wasm.

import { Conv2d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from 'deconv-wasm';
import {
  Bilinear,
  ConvTranspose2d as BrainstateConvTranspose2d,
  Icnr,
  Orthogonal,
} from 'deconv-wasm/brainstate';
import { analyze, initializeBilinear, initializeIcnr, overlapCounts, repair } from 'deconv-wasm/checkerboard';
import { toOnnx } from 'deconv-wasm/convert';
import { describe, expect, it } from 'vitest';
import { linearFilter } from '../../../web/lib/checkerboard/filters.js';
import { caught, expectError } from '../../support/errors.js';
import { sizeOf } from '../../support/tensors.js';
import { ones } from './kernels.js';

describe('a kernel of n * stride taps', () => {
  it.each([
    [4, 2],
    [6, 3],
    [8, 4],
    [12, 2],
  ])('k %i, stride %i: even overlap, which is no cure for random weights', (kernelSize, stride) => {
    expect(new Set(overlapCounts({ kernelSize, stride })).size).toBe(1);
    const data = ones(kernelSize ** 2);
    const even = analyze({
      geometry: { stride },
      weight: { data, shape: [1, 1, kernelSize, kernelSize] },
    });
    expect(even).toMatchObject({ unevenness: 0, verdict: 'free' });
    const seeds = 200;
    let mean = 0;
    for (let seed = 0; seed < seeds; seed += 1) {
      const layer = new ConvTranspose2d({ inChannels: 4, outChannels: 2, kernelSize, stride, seed });
      const found = analyze(layer);
      expect(found.verdict).toBe('weights-only');
      mean += found.unevenness / seeds;
    }
    const expected = (stride ** 2 - 1) / stride ** 2;
    // 8 pairs of stride² gains each: the share's deviation over 200 seeds is well below 0.01.
    expect(Math.abs(mean - expected)).toBeLessThan(0.02);
  });
});

describe('ICNR', () => {
  const KINDS = { 1: ConvTranspose1d, 2: ConvTranspose2d, 3: ConvTranspose3d } as const;
  it.each([
    [1, [6], [3], 1],
    [1, [7], [1], 1],
    [2, [4, 9], [2, 3], 1],
    [2, [8, 8], [4, 4], 4],
    [3, [2, 4, 3], [2, 2, 1], 2],
  ] as [1 | 2 | 3, number[], number[], number][])(
    'rank %i, kernel %j, stride %j, groups %i',
    (rank, kernelSize, stride, groups) => {
      const layer = new KINDS[rank]({ inChannels: 4, outChannels: 8, kernelSize, stride, groups, seed: 1 });
      const before = layer.weight.data;
      expect(initializeIcnr(layer, { seed: 5 })).toBe(layer);
      const { data, shape } = layer.weight;
      expect(data).not.toEqual(before);
      if (rank !== 1 || (stride[0] as number) > 1)
        expect(analyze(layer)).toMatchObject({ unevenness: 0, verdict: 'free' });
      const taps = sizeOf(kernelSize);
      // w[a * s + r] = q[a]: a tap equals the first of its block.
      for (let index = 0; index < data.length; index += 1) {
        let rest = index % taps;
        let first = index - rest;
        for (let at = kernelSize.length - 1, step = 1; at >= 0; at -= 1) {
          const [size, s] = [kernelSize[at] as number, stride[at] as number];
          first += Math.floor((rest % size) / s) * s * step;
          rest = Math.floor(rest / size);
          step *= size;
        }
        expect(data[index]).toBe(data[first]);
      }
      expect(new Set(data).size).toBe(data.length / sizeOf(stride));
      // PyTorch's bound of the small convolution.
      const bound = 1 / Math.sqrt((4 / groups) * (taps / sizeOf(stride)));
      expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(bound);
      expect(Math.max(...data.map(Math.abs))).toBeGreaterThan(bound / 2);
      const again = new KINDS[rank]({ inChannels: 4, outChannels: 8, kernelSize, stride, groups });
      expect(initializeIcnr(again, { seed: 5 }).weight).toEqual({ data, shape });
      expect(initializeIcnr(again, { seed: 6 }).weight.data).not.toEqual(data);
    },
  );

  it('takes values of its own, in brainstate as well', () => {
    const layer = new ConvTranspose2d({ inChannels: 2, outChannels: 1, kernelSize: 4, stride: 2 });
    const values = (shape: readonly number[]) => {
      expect(shape).toEqual([2, 1, 2, 2]);
      return Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    };
    initializeIcnr(layer, { values });
    const one = [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4];
    expect([...layer.weight.data]).toEqual([...one, ...one.map((value) => value + 4)]);
    // [kernelH, kernelW, out, in]
    using other = new BrainstateConvTranspose2d({
      inSize: [4, 4, 2],
      outChannels: 1,
      kernelSize: 4,
      stride: 2,
      wInit: Icnr({
        stride: 2,
        init: (shape) => {
          expect(shape).toEqual([2, 2, 1, 2]);
          return Float32Array.of(1, 5, 2, 6, 3, 7, 4, 8);
        },
      }),
    });
    expect(toOnnx(other).weight.data).toEqual(layer.weight.data);
    // A layer that exists, in another convention.
    expect(toOnnx(initializeIcnr(other, { values })).weight.data).toEqual(layer.weight.data);
  });

  it("draws from brainstate's layer, or its own seed", () => {
    const make = (seed: number, wInit = Icnr({ stride: [2, 1] })) =>
      new BrainstateConvTranspose2d({
        inSize: [4, 4, 4],
        outChannels: 6,
        groups: 2,
        kernelSize: [4, 3],
        stride: [2, 1],
        wInit,
        seed,
      });
    expect(make(1).weight).toEqual(make(1).weight);
    expect(make(1).weight).not.toEqual(make(2).weight);
    const fixed = Icnr({ stride: [2, 1], seed: 3, init: Orthogonal() });
    expect(make(1, fixed).weight).toEqual(make(2, fixed).weight);
    expect(analyze(make(1)).unevenness).toBe(0);
    expect(analyze(make(1, fixed)).unevenness).toBe(0);
  });

  it('refuses where its rule cannot hold', () => {
    const layer = (options: object) =>
      new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 4, stride: 2, ...options });
    for (const [options, code] of [
      [{ kernelSize: 3 }, 'UNSUPPORTED'],
      [{ kernelSize: [4, 5] }, 'UNSUPPORTED'],
      [{ dilation: 3 }, 'UNSUPPORTED'],
    ] as const) {
      const target = layer(options);
      const before = target.weight;
      expectError(
        caught(() => initializeIcnr(target)),
        code,
        'initializeIcnr',
      );
      expect(target.weight).toEqual(before);
    }
    const convolution = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2 });
    expectError(
      caught(() => initializeIcnr(convolution)),
      'UNSUPPORTED',
      'initializeIcnr',
    );
    expectError(
      caught(() => initializeIcnr(layer({}), { seed: -1 })),
      'BAD_OPTION',
      'initializeIcnr',
    );
    expectError(
      caught(() => initializeIcnr(layer({}), { values: () => new Float32Array(3) })),
      'BAD_SHAPE',
      'initializeIcnr',
    );
    expectError(
      caught(() => Icnr({ stride: 2 })([3, 4, 1, 1])),
      'UNSUPPORTED',
      'Icnr',
    );
    expectError(
      caught(() => Icnr({ stride: 2, init: () => new Float32Array(3) })([4, 4, 1, 1])),
      'BAD_SHAPE',
      'Icnr',
    );
    expectError(
      caught(() => Icnr({} as never)),
      'BAD_TYPE',
      'Icnr',
    );
    const masked = new BrainstateConvTranspose2d({
      inSize: [4, 4, 1],
      outChannels: 1,
      kernelSize: 4,
      stride: 2,
      wMask: 0.5,
    });
    for (const act of [() => initializeIcnr(masked), () => repair(masked)]) {
      expect(caught(act)).toMatchObject({ code: 'UNSUPPORTED', detail: { reason: 'a mask' } });
    }
  });
});

describe('linear weights', () => {
  it.each([
    [4, 2, [1 / 4, 3 / 4, 3 / 4, 1 / 4]],
    [5, 3, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]],
    [3, 2, [1 / 2, 1, 1 / 2]],
    [8, 4, [1 / 8, 3 / 8, 5 / 8, 7 / 8, 7 / 8, 5 / 8, 3 / 8, 1 / 8]],
    [1, 1, [1]],
  ])('k %i, stride %i', (kernelSize, stride, taps) => {
    const line = initializeBilinear(
      new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize, stride }),
    );
    for (const [tap, value] of line.weight.data.entries()) expect(value).toBeCloseTo(taps[tap] as number, 7);
    const image = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize, stride, groups: 2 });
    initializeBilinear(image);
    const found = analyze(image);
    expect(found.unevenness).toBeLessThan(1e-10);
    for (const out of found.gains) {
      for (const gain of out[0] as readonly number[]) expect(gain).toBeCloseTo(1, 6);
    }
    // [1, 3, 3, 1] / 4 is three boxes of two.
    if (stride > 1) expect(analyze(line).order).toBe(kernelSize === 4 ? 3 : 2);
    expect(linearFilter(stride)).toHaveLength(2 * stride - (stride % 2));
  });

  it('connects channels one to one, or to the mean', () => {
    const gainsOf = (channels: 'identity' | 'mean') =>
      analyze(
        initializeBilinear(
          new ConvTranspose2d({ inChannels: 4, outChannels: 8, groups: 2, kernelSize: 4, stride: 2 }),
          { channels },
        ),
      ).gains.map((pairs) => pairs.map(([gain]) => gain));
    expect(gainsOf('identity')).toEqual([1, 2, 1, 2, 1, 2, 1, 2].map((to) => [+(to === 1), +(to === 2)]));
    expect(gainsOf('mean')).toEqual(new Array(8).fill([0.5, 0.5]));
    for (const channels of ['identity', 'mean'] as const) {
      const options = { inChannels: 4, outChannels: 8, groups: 2, kernelSize: 4, stride: 2 };
      const wanted = initializeBilinear(new ConvTranspose2d(options), { channels });
      using layer = new BrainstateConvTranspose2d({
        inSize: [4, 4, 4],
        outChannels: 8,
        groups: 2,
        kernelSize: 4,
        stride: 2,
        wInit: Bilinear({ stride: 2, channels }),
      });
      expect(toOnnx(layer).weight.data).toEqual(wanted.weight.data);
    }
  });

  it('refuses kernels that do not interpolate', () => {
    for (const options of [{ kernelSize: 5 }, { kernelSize: 2 }, { kernelSize: 4, dilation: 2 }]) {
      const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, stride: 2, ...options });
      expectError(
        caught(() => initializeBilinear(layer)),
        'UNSUPPORTED',
        'initializeBilinear',
      );
    }
    expectError(
      caught(() => Bilinear({ stride: 2 })([5, 5, 1, 1])),
      'UNSUPPORTED',
      'Bilinear',
    );
    expectError(
      caught(() => Bilinear({ stride: 2 })([4, 4])),
      'BAD_SHAPE',
      'Bilinear',
    );
  });
});
