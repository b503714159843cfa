// Every cure against the rule that proves it, in double precision and without wasm.

import { Conv2d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from 'deconv-wasm';
import {
  Bilinear,
  ConvTranspose2d as BrainstateConvTranspose2d,
  Icnr,
  Orthogonal,
} from 'deconv-wasm/brainstate';
import {
  addSpectralPenalty,
  analyze,
  initializeBilinear,
  initializeIcnr,
  type Kernels,
  kernelsPenalty,
  overlap,
  overlapCounts,
  phaseGains,
  type RepairPrecision,
  ResizeConv1d,
  ResizeConv2d,
  ResizeConv3d,
  repair,
  repairKernels,
  SmoothConvTranspose1d,
  SmoothConvTranspose2d,
  SmoothConvTranspose3d,
  smoothKernels,
  spectralPenalty,
  toConvTranspose,
  toResizeConv,
} from 'deconv-wasm/checkerboard';
import { toOnnx } from 'deconv-wasm/convert';
import { quantize } from 'deconv-wasm/quantize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boxFilter,
  filteredKernel,
  filterKernels,
  linearFilter,
  unfilterGradient,
} from '../../../web/lib/checkerboard/filters.js';
import { caught, expectError } from '../../support/errors.js';
import { mulberry32 } from '../../support/random.js';
import { runsOf } from '../../support/seed.js';
import { randomTensor, sizeOf } from '../../support/tensors.js';
import { type Axis, axis, convolve, dilated, ones } from './kernels.js';

/** Kernels of any rank with random taps, pairs and a geometry; every phase gets a tap if `filled`. */
function randomKernels(filled: boolean): fc.Arbitrary<{ kernels: Kernels; axes: readonly Axis[] }> {
  return fc
    .record({ axes: fc.array(axis, { minLength: 1, maxLength: 3 }), seed: fc.nat(), pairs: fc.nat(2) })
    .filter(({ axes }) => !filled || !overlap(axes).holes)
    .map(({ axes, seed, pairs }) => {
      const shape = [pairs + 1, 2, ...axes.map(({ kernelSize }) => kernelSize)];
      const random = mulberry32(seed);
      return {
        axes,
        kernels: {
          geometry: {
            stride: axes.map(({ stride }) => stride),
            dilation: axes.map(({ dilation }) => dilation),
          },
          weight: { data: Float64Array.from({ length: sizeOf(shape) }, () => 2 * random() - 1), shape },
        },
      };
    });
}
function doubles(count: number, seed: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => 2 * random() - 1);
}

/** Phase of each tap of one kernel, by the definition. */
function phasesOf(axes: readonly Axis[]): number[] {
  return axes.reduce<number[]>(
    (list, { kernelSize, stride, dilation }) =>
      list.flatMap((outer) =>
        Array.from({ length: kernelSize }, (_, tap) => outer * stride + ((tap * dilation) % stride)),
      ),
    [0],
  );
}

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

describe('filters', () => {
  it('h = q * box is nearest-neighbour resize followed by q, and for odd strides q * box * box / s linear', () => {
    fc.assert(
      fc.property(
        axis,
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        ({ kernelSize, stride, dilation }, n, seed) => {
          const q = doubles(kernelSize, seed);
          const x = doubles(n, seed + 1);
          const box = [...boxFilter(stride)];
          const filtering = { kernel: [kernelSize], dilation: [dilation], filters: [box] };
          const h = filterKernels(q, filtering);
          expect(h).toHaveLength(filteredKernel(filtering)[0] as number);
          const spread = x.flatMap((value) => [value, ...new Array<number>(stride - 1).fill(0)]);
          const stamped = convolve(spread.slice(0, (n - 1) * stride + 1), [...h]);
          const resized = x.flatMap((value) => new Array<number>(stride).fill(value));
          const plain = convolve(resized, dilated(q, dilation));
          expect(stamped).toHaveLength(plain.length);
          for (const [at, value] of plain.entries()) {
            expect(Math.abs((stamped[at] as number) - value)).toBeLessThanOrEqual(
              1e-15 * 4 * (kernelSize + 1),
            );
          }
          const two = convolve(box, box).map((value) => value / stride);
          const tent = stride % 2 === 1 ? two : convolve(two, [0.5, 0.5]);
          for (const [at, value] of linearFilter(stride).entries())
            expect(value).toBeCloseTo(tent[at] as number, 14);
        },
      ),
      runsOf(200, 'box'),
    );
  });

  it('the way back is the adjoint', () => {
    fc.assert(
      fc.property(fc.array(axis, { minLength: 1, maxLength: 3 }), fc.nat(), (axes, seed) => {
        const filtering = {
          kernel: axes.map(({ kernelSize }) => kernelSize),
          dilation: axes.map(({ dilation }) => dilation),
          filters: axes.map(({ stride }, index) => doubles(stride, seed + index)),
        };
        const q = doubles(2 * sizeOf(filtering.kernel), seed + 4);
        const g = doubles(2 * sizeOf(filteredKernel(filtering)), seed + 5);
        const dot = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
          Array.from(one).reduce((sum, value, at) => sum + value * (other[at] as number), 0);
        const forward = dot(filterKernels(q, filtering), g);
        expect(Math.abs(forward - dot(q, unfilterGradient(g, filtering)))).toBeLessThan(1e-10);
      }),
      runsOf(100, 'adjoint'),
    );
  });
});

describe('fixed smooth layer', () => {
  it.each([2, 3, 4])('stride %i: equal gains and growing order for any weights', (stride) => {
    for (let order = 0; order < 4; order += 1) {
      for (const kernelSize of [1, 3, 4, 5]) {
        const taps = doubles(kernelSize, 10 * order + kernelSize);
        const { data, kernelSize: sizes } = smoothKernels(taps, [{ kernelSize, stride }], order);
        expect(sizes).toEqual([kernelSize + (order + 1) * (stride - 1)]);
        const found = analyze({ geometry: { stride }, weight: { data, shape: [1, 1, ...sizes] } });
        expect(found.unevenness).toBeLessThan(1e-24);
        expect(found.order).toBeGreaterThanOrEqual(order + 1);
        const sum = taps.reduce((total, tap) => total + tap, 0);
        const gains = found.gains[0]?.[0] as readonly number[];
        for (const gain of gains) expect(gain).toBeCloseTo(sum / stride, 13);
      }
    }
  });

  it('in more axes, with dilation', () => {
    fc.assert(
      fc.property(randomKernels(false), fc.nat(2), ({ axes, kernels: { weight } }, order) => {
        const { data, kernelSize } = smoothKernels(weight.data, axes, order);
        const stride = axes.map((one) => one.stride);
        const shape = [...weight.shape.slice(0, 2), ...kernelSize];
        expect(analyze({ geometry: { stride }, weight: { data, shape } }).unevenness).toBeLessThan(1e-20);
      }),
      runsOf(100, 'smooth'),
    );
  });

  it('as a layer: free in float32, printed and sized as its ConvTranspose', () => {
    for (const [Smooth, Plain] of [
      [SmoothConvTranspose1d, ConvTranspose1d],
      [SmoothConvTranspose2d, ConvTranspose2d],
      [SmoothConvTranspose3d, ConvTranspose3d],
    ] as const) {
      const options = {
        inChannels: 2,
        outChannels: 4,
        groups: 2,
        kernelSize: 3,
        stride: 2,
        padding: 1,
        outputPadding: 1,
      };
      const smooth = new Smooth({ ...options, order: 1, seed: 1 });
      const plain = new Plain({ ...options, seed: 1 });
      expect(smooth.weight).toEqual(plain.weight);
      const rank = plain.kernelSize.length;
      const shape = [1, 2, ...[5, 6, 7].slice(0, rank)];
      expect(smooth.outputShape(shape)).toEqual(plain.outputShape(shape));
      expect(analyze(smooth)).toMatchObject({ verdict: 'free' });
      expect(analyze(smooth).unevenness).toBeLessThan(1e-12);
      expect(String(smooth)).toBe(`Smooth${String(plain).replace(/\)$/, ', order=1)')}`);
      expect(caught(() => repair(smooth)).detail).toMatchObject({ reason: 'a fixed filter' });
    }
    const bad = { inChannels: 1, outChannels: 1, kernelSize: 3, stride: 2 };
    expectError(
      caught(() => new SmoothConvTranspose1d({ ...bad, order: -1 })),
      'BAD_OPTION',
      'SmoothConvTranspose1d',
    );
    expectError(
      caught(() => new SmoothConvTranspose1d({ ...bad, outputPadding: 2 })),
      'BAD_OPTION',
      'SmoothConvTranspose1d',
    );
    expectError(
      caught(() => smoothKernels([1, 2], [{ kernelSize: 3, stride: 2 }])),
      'BAD_SHAPE',
      'smoothKernels',
    );
  });
});

it('smooth layers and kernels of sizes that nobody can compute are refused before they are made', () => {
  const options = { inChannels: 1, outChannels: 1, kernelSize: 3 };
  for (const geometry of [
    { stride: 2 ** 17 },
    { stride: 2, dilation: 2 ** 27 },
    { stride: 2, dilation: 2 ** 29 },
    { stride: 2 ** 30, order: 15 },
  ]) {
    expectError(
      caught(() => new SmoothConvTranspose1d({ ...options, ...geometry })),
      'TOO_LARGE',
      'SmoothConvTranspose1d',
    );
  }
  expectError(
    caught(() => smoothKernels([1, 2, 3], [{ kernelSize: 3, stride: 2, dilation: 2 ** 26 }], 0)),
    'TOO_LARGE',
    'smoothKernels',
  );
  // Long boxes many times over: two additions a tap, where every tap of one by every tap of the other takes minutes.
  const { data } = smoothKernels([1], [{ kernelSize: 1, stride: 2 ** 14 }], 15);
  expect(data).toHaveLength(16 * (2 ** 14 - 1) + 1);
  expect(data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
});

describe('repair', () => {
  const line = (data: number[] | Float32Array, stride: number): Kernels => ({
    geometry: { stride },
    weight: { data, shape: [1, 1, data.length] },
  });

  it('[1, 2, 3, 4, 5] at stride 2', () => {
    for (const data of [[1, 2, 3, 4, 5], Float32Array.of(1, 2, 3, 4, 5)]) {
      const { weight, report } = repairKernels(line(data, 2));
      expect([...weight.data]).toEqual([0.5, 2.75, 2.5, 4.75, 4.5]);
      expect(report.unevennessBefore).toBeCloseTo((1.5 ** 2 * 2) / (81 + 36), 14);
      expect(report).toMatchObject({ unevennessAfter: 0, largestChange: 0.75 });
      expect(report.relativeChange).toBeCloseTo(Math.sqrt((3 * 0.25 + 2 * 0.5625) / 55), 14);
    }
  });

  it('is the orthogonal projection: equal gains, same sums, a change constant within a phase', () => {
    fc.assert(
      fc.property(randomKernels(true), ({ kernels, axes }) => {
        const { weight, report } = repairKernels(kernels);
        const after = { geometry: kernels.geometry, weight };
        expect(report.unevennessAfter).toBeLessThan(1e-24);
        expect(analyze(after).unevenness).toBe(report.unevennessAfter);
        expect(analyze(kernels).unevenness).toBe(report.unevennessBefore);
        const phases = phasesOf(axes);
        const taps = phases.length;
        for (let pair = 0; pair * taps < weight.data.length; pair += 1) {
          const change = phases.map(
            (_, tap) =>
              (weight.data[pair * taps + tap] as number) - (kernels.weight.data[pair * taps + tap] as number),
          );
          expect(Math.abs(change.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-12);
          const byPhase = new Map<number, number>();
          for (const [tap, value] of change.entries()) {
            const phase = phases[tap] as number;
            const first = byPhase.get(phase) ?? value;
            byPhase.set(phase, first);
            expect(Math.abs(value - first)).toBeLessThan(1e-14);
          }
        }
        const again = repairKernels(after);
        expect(again.report.largestChange).toBeLessThan(1e-14);
      }),
      runsOf(200, 'repair'),
    );
  });

  it.each([
    ['float32', 2 ** -21],
    ['float16', 2 ** -8],
    ['bfloat16', 2 ** -5],
  ] as const)('%s: gains equal exactly after rounding', (precision, roundoff) => {
    fc.assert(
      fc.property(randomKernels(true), fc.boolean(), ({ kernels, axes }, zeroMean) => {
        const data = Float32Array.from(kernels.weight.data);
        const taps = phasesOf(axes).length;
        if (zeroMean) {
          // Kernels without a DC gain: relative unevenness has nothing to be relative to.
          for (let at = 0; at < data.length; at += 1) {
            const first = at - (at % taps);
            const pair = kernels.weight.data.slice(first, first + taps);
            data[at] = (data[at] as number) - [...pair].reduce((sum, value) => sum + value, 0) / taps;
          }
        }
        const given = { geometry: kernels.geometry, weight: { data, shape: kernels.weight.shape } };
        const exact = repairKernels(given, { precision: 'float64' });
        const { weight, report } = repairKernels(given, { precision });
        expect(weight.data).toBeInstanceOf(Float32Array);
        expect(report.unevennessAfter).toBe(0);
        expect(analyze({ geometry: given.geometry, weight }).unevenness).toBe(0);
        if (sizeOf(axes.map(({ stride }) => stride)) > 1) {
          for (const value of weight.data) expect(representable(value, precision)).toBe(true);
          for (let at = 0; at < data.length; at += 1) {
            const size = Math.max(1, ...exact.weight.data.map(Math.abs));
            const off = Math.abs((weight.data[at] as number) - (exact.weight.data[at] as number));
            expect(off).toBeLessThanOrEqual(2 * roundoff * size);
          }
        }
        const again = repairKernels({ geometry: given.geometry, weight }, { precision });
        expect(again.report.largestChange).toBe(0);
        expect(again.weight.data).toEqual(weight.data);
      }),
      runsOf(150, precision),
    );
  });

  it('of layers in place, in the format that they keep', () => {
    for (const rank of [1, 2, 3] as const) {
      const Kind = { 1: ConvTranspose1d, 2: ConvTranspose2d, 3: ConvTranspose3d }[rank];
      const layer = new Kind({ inChannels: 4, outChannels: 2, groups: 2, kernelSize: 3, stride: 2, seed: 3 });
      const before = analyze(layer);
      const report = repair(layer);
      expect(before.verdict).toBe('overlap');
      expect(report.unevennessBefore).toBe(before.unevenness);
      expect(analyze(layer)).toMatchObject({ verdict: 'free', unevenness: 0 });
      expect(repair(layer)).toEqual({
        unevennessBefore: 0,
        unevennessAfter: 0,
        largestChange: 0,
        relativeChange: 0,
      });
    }
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 2, kernelSize: 4, stride: 2 });
      // Patterns of 1 and nearby values in either format.
      const start = dtype === 'float16' ? 0x3c00 : 0x3f80;
      const data = Uint16Array.from({ length: 32 }, (_, at) => start + ((at * 7) % 32));
      layer.setWeight({ data, shape: [1, 2, 4, 4], dtype });
      expect(repair(layer).unevennessBefore).toBeGreaterThan(1e-8);
      expect(layer.weightType).toBe(dtype);
      expect(analyze(layer).unevenness).toBe(0);
    }
    const brainstate = new BrainstateConvTranspose2d({
      inSize: [4, 4, 2],
      outChannels: 3,
      kernelSize: 5,
      stride: 2,
      seed: 1,
    });
    repair(brainstate);
    expect(analyze(brainstate).unevenness).toBe(0);
    const strided = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3, stride: 2, seed: 1 });
    repair(strided);
    expect(analyze(strided)).toMatchObject({ pass: 'backward', unevenness: 0 });
  });

  it('refuses holes, what is not finite, and what a format cannot hold', () => {
    const layer = new ConvTranspose2d({
      inChannels: 1,
      outChannels: 1,
      kernelSize: 4,
      stride: 2,
      dilation: 2,
    });
    const before = layer.weight;
    const error = caught(() => repair(layer));
    expectError(error, 'UNSUPPORTED', 'repair');
    expect(error.detail).toMatchObject({ verdict: 'holes' });
    expect(layer.weight).toEqual(before);
    expect(caught(() => repairKernels(line([1], 2))).detail).toMatchObject({ verdict: 'holes' });
    expectError(
      caught(() => repairKernels(line([1, Number.NaN, 2], 2))),
      'BAD_OPTION',
      'repairKernels',
    );
    expectError(
      caught(() => repairKernels(line([1e6, 1, 2], 2), { precision: 'float16' })),
      'BAD_OPTION',
      'repairKernels',
    );
    expectError(
      caught(() => repairKernels(line([1, 2], 2), { precision: 'int8' as never })),
      'BAD_OPTION',
      'repairKernels',
    );
    expectError(
      caught(() => repairKernels(layer as never)),
      'BAD_TYPE',
      'repairKernels',
    );
    expectError(
      caught(() => repair({} as never)),
      'BAD_TYPE',
      'repair',
    );
  });

  it.each(['float16', 'bfloat16', 'float32'] as const)(
    'rounds equal gains to equal ones in %s',
    (precision) => {
      const off = 0.4 * { float16: 2 ** -10, bfloat16: 2 ** -7, float32: 2 ** -23 }[precision];
      const { weight, report } = repairKernels(line([1 + off, 1, 1 - off, 1], 2), { precision });
      for (const value of weight.data) expect(representable(value, precision)).toBe(true);
      expect([...phaseGains(weight.data, [{ kernelSize: 4, stride: 2 }])]).toEqual([2, 2]);
      expect(report.largestChange).toBeGreaterThan(0);
      const kept = [1 + off / 0.4, 1, 1, 1 + off / 0.4];
      expect([...repairKernels(line(kept, 2), { precision }).weight.data]).toEqual(kept);
      if (precision !== 'float16') return;
      for (const data of [
        [1e6, 1e6],
        [65520, 65520],
      ]) {
        expectError(
          caught(() => repairKernels(line(data, 2), { precision })),
          'BAD_OPTION',
          'repairKernels',
        );
      }
      // Below half of the smallest value there is only 0.
      expect([...repairKernels(line([1e-9, 1e-9], 2), { precision }).weight.data]).toEqual([0, 0]);
    },
  );

  it('leaves stride 1 alone, and weights of zero', () => {
    const data = Float32Array.of(0.1, -0.2, 0.3);
    expect(repairKernels(line(data, 1)).weight.data).toEqual(data);
    expect(repairKernels(line(new Float32Array(3), 2)).report.relativeChange).toBe(0);
  });
});

/** Whether a value survives a format: its significand fits. */
function representable(value: number, precision: RepairPrecision): boolean {
  const bits = { float64: 53, float32: 24, float16: 11, bfloat16: 8 }[precision];
  if (value === 0) return true;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - bits + 1);
  return Number.isInteger(value / unit);
}

describe('spectral penalty', () => {
  it('[1, 2, 3] at stride 2', () => {
    const penalty = kernelsPenalty({
      geometry: { stride: 2 },
      weight: { data: [1, 2, 3], shape: [1, 1, 3] },
    });
    expect(penalty.loss).toBe(2);
    expect([...penalty.gradient]).toEqual([2, -2, 2]);
  });

  it('its gradient is that of central differences, its value the power of the harmonics', () => {
    fc.assert(
      fc.property(randomKernels(false), ({ kernels, axes }) => {
        const { loss, gradient } = kernelsPenalty(kernels, 0.7);
        const phases = sizeOf(axes.map(({ stride }) => stride));
        const power = analyze(kernels)
          .harmonics.slice(1)
          .reduce((sum, value) => sum + value, 0);
        expect(loss).toBeCloseTo(0.7 * power * phases, 9);
        const step = 1e-3;
        const moved = (at: number, by: number): number => {
          const data = Float64Array.from(kernels.weight.data);
          data[at] = (data[at] as number) + by;
          return kernelsPenalty(
            { geometry: kernels.geometry, weight: { data, shape: kernels.weight.shape } },
            0.7,
          ).loss;
        };
        for (let at = 0; at < Math.min(gradient.length, 12); at += 1) {
          const slope = (moved(at, step) - moved(at, -step)) / (2 * step);
          expect(Math.abs(slope - (gradient[at] as number))).toBeLessThan(1e-8);
        }
      }),
      runsOf(60, 'penalty'),
    );
  });

  it('descent on it alone lowers U at every step', () => {
    const layer = new ConvTranspose2d({ inChannels: 3, outChannels: 2, kernelSize: 5, stride: 2, seed: 4 });
    let last = analyze(layer).unevenness;
    const first = last;
    for (let step = 0; step < 25; step += 1) {
      const { gradient } = spectralPenalty(layer, 1);
      expect(gradient.shape).toEqual(layer.weight.shape);
      layer.setWeight(layer.weight.data.map((value, at) => value - 0.02 * (gradient.data[at] as number)));
      const { unevenness } = analyze(layer);
      expect(unevenness).toBeLessThan(last);
      last = unevenness;
    }
    expect(last).toBeLessThan(first / 10);
    expectError(
      caught(() => spectralPenalty(layer, -1)),
      'BAD_OPTION',
      'spectralPenalty',
    );
    for (const gradients of [null as never, new Array(1)]) {
      expectError(
        caught(() => addSpectralPenalty([layer], gradients)),
        'BAD_TYPE',
        'addSpectralPenalty',
      );
    }
  });

  it('comes back in the order of the layer', () => {
    const layer = new BrainstateConvTranspose2d({
      inSize: [4, 4, 2],
      outChannels: 2,
      kernelSize: 3,
      stride: 2,
      wMask: randomTensor([3, 3, 2, 2], 1),
      seed: 2,
    });
    const { gradient, loss } = spectralPenalty(layer, 1);
    const { data, shape } = layer.weight;
    expect(gradient.shape).toEqual(shape);
    expect(loss).toBeGreaterThan(0);
    const step = 2 ** -6;
    for (let at = 0; at < data.length; at += 1) {
      const lossAt = (by: number): number => {
        const moved = data.slice();
        moved[at] = (moved[at] as number) + by;
        layer.setWeight(moved);
        return spectralPenalty(layer, 1).loss;
      };
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      expect(Math.abs(slope - (gradient.data[at] as number))).toBeLessThan(1e-4);
    }
  });
});

describe('resize-convolution', () => {
  it('is free of patterns whatever its weight is', () => {
    for (const [mode, order] of [
      ['nearest', 1],
      ['linear', 2],
    ] as const) {
      for (const scaleFactor of [2, 3, 4]) {
        const layer = new ResizeConv1d({
          inChannels: 3,
          outChannels: 2,
          scaleFactor,
          mode,
          kernelSize: 5,
          padding: 2,
          seed: 1,
        });
        const found = analyze(layer);
        expect(found).toMatchObject({ verdict: 'free', stride: [scaleFactor] });
        expect(found.order).toBeGreaterThanOrEqual(order);
        expect(found.phaseShift).not.toBeNull();
      }
    }
    expect(
      analyze(
        new ResizeConv2d({
          inChannels: 1,
          outChannels: 1,
          scaleFactor: 2,
          mode: 'bilinear',
          kernelSize: 3,
          padding: 1,
        }),
        {
          inputShape: [1, 1, 4, 4],
        },
      ),
    ).toMatchObject({ verdict: 'free', stride: [2, 2] });
  });

  it('sizes and words are those of nn.Upsample and nn.Conv', () => {
    const layer = new ResizeConv2d({
      inChannels: 4,
      outChannels: 6,
      groups: 2,
      scaleFactor: [2, 3],
      kernelSize: [3, 4],
      padding: 'same',
      dilation: [1, 2],
      bias: false,
    });
    expect(layer.weight.shape).toEqual([6, 2, 3, 4]);
    expect(layer.outputShape([1, 4, 5, 5])).toEqual([1, 6, 10, 15]);
    expect(String(layer)).toBe(
      "ResizeConv2d(4, 6, kernel_size=(3, 4), scale_factor=(2, 3), mode='nearest', padding='same', dilation=(1, 2), groups=2, bias=False)",
    );
    const volume = new ResizeConv3d({
      inChannels: 1,
      outChannels: 1,
      scaleFactor: 2,
      mode: 'trilinear',
      kernelSize: 3,
      padding: [0, 1, 2],
    });
    expect(volume.outputShape([1, 2, 2, 2])).toEqual([1, 2, 4, 6]);
    // The draws of a Conv2d.
    const options = { inChannels: 4, outChannels: 6, kernelSize: 3, seed: 9 };
    const convolution = new Conv2d(options);
    expect(new ResizeConv2d({ ...options, scaleFactor: 2 }).weight).toEqual(convolution.weight);
    expect(new ResizeConv2d({ ...options, scaleFactor: 2 }).bias).toEqual(convolution.bias);
  });

  it('refuses what is none of its words', () => {
    const make = (options: object) => () =>
      new ResizeConv2d({ inChannels: 1, outChannels: 1, scaleFactor: 2, kernelSize: 3, ...options });
    for (const [options, code] of [
      [{ mode: 'linear' }, 'BAD_OPTION'],
      [{ mode: 'bicubic' }, 'BAD_OPTION'],
      [{ scaleFactor: 1.5 }, 'BAD_OPTION'],
      [{ scaleFactor: undefined }, 'BAD_TYPE'],
      [{ padding: -1 }, 'BAD_OPTION'],
      [{ paddingMode: 'reflect' }, 'BAD_OPTION'],
      [{ stride: 2 }, 'BAD_OPTION'],
      [{ scaleFactor: [2 ** 17, 1] }, 'TOO_LARGE'],
      [{ scaleFactor: [1, 2 ** 30], mode: 'bilinear' }, 'TOO_LARGE'],
      [{ dilation: 2 ** 14 }, 'TOO_LARGE'],
    ] as const) {
      expectError(caught(make(options)), code, 'ResizeConv2d');
    }
    const layer = make({ padding: 1 })();
    expectError(
      caught(() => layer.outputShape([1, 2, 3, 3])),
      'BAD_SHAPE',
      'ResizeConv2d.outputShape',
    );
    for (const options of [
      { mode: 'bilinear', padding: 1 },
      { paddingMode: 'replicate', padding: 1 },
    ]) {
      const prepared = make(options)();
      for (const [act, where] of [
        [() => quantize(prepared), 'quantize'],
        [() => toOnnx(prepared), 'toOnnx'],
        [() => toConvTranspose(prepared), 'toConvTranspose'],
      ] as const) {
        expectError(caught(act), 'UNSUPPORTED', where);
      }
    }
  });
});

describe('conversions', () => {
  it('a repaired 1-D layer is a resize-convolution, and the way back gives its weight', () => {
    for (const options of [
      { kernelSize: 4, stride: 2, padding: 1 },
      { kernelSize: 5, stride: 2, padding: 2, outputPadding: 1 },
      { kernelSize: 3, stride: 3, padding: 2 },
      { kernelSize: 4, stride: 3, dilation: 2, padding: 3 },
      { kernelSize: 16, stride: 10, padding: 3 },
    ]) {
      const layer = new ConvTranspose1d({ inChannels: 4, outChannels: 6, groups: 2, seed: 3, ...options });
      expect(caught(() => toResizeConv(layer)).detail).toMatchObject({ axis: 0 });
      repair(layer);
      const resize = toResizeConv(layer);
      expect(resize.outputShape([4, 9])).toEqual(layer.outputShape([4, 9]));
      const back = toConvTranspose(resize);
      expect(back.outputShape([4, 9])).toEqual(layer.outputShape([4, 9]));
      expect(back.bias).toEqual(layer.bias);
      if (back.kernelSize[0] !== layer.kernelSize[0]) continue;
      for (const [at, value] of back.weight.data.entries()) {
        expect(Math.abs(value - (layer.weight.data[at] as number))).toBeLessThan(1e-6);
      }
    }
  });

  it('says why there is no equal layer', () => {
    // In 2-D equal gains do not make a kernel divisible.
    const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 4, stride: 2, seed: 3 });
    repair(layer);
    expect(analyze(layer).verdict).toBe('free');
    const error = caught(() => toResizeConv(layer));
    expectError(error, 'UNSUPPORTED', 'toResizeConv');
    expect(error.detail.remainder).toBeGreaterThan(1e-3);
    const holes = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, stride: 2 });
    expect(caught(() => toResizeConv(holes)).detail).toMatchObject({ verdict: 'holes' });
    expectError(
      caught(() => toConvTranspose(layer as never)),
      'BAD_TYPE',
      'toConvTranspose',
    );
    expectError(
      caught(() => toResizeConv(new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 }) as never)),
      'BAD_TYPE',
      'toResizeConv',
    );
  });
});
