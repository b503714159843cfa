// Filters and smooth layers against the rule that proves them, in double precision and without wasm.

import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from 'deconv-wasm';
import {
  analyze,
  repair,
  SmoothConvTranspose1d,
  SmoothConvTranspose2d,
  SmoothConvTranspose3d,
  smoothKernels,
} from 'deconv-wasm/checkerboard';
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
import { runsOf } from '../../support/seed.js';
import { sizeOf } from '../../support/tensors.js';
import { axis, convolve, dilated, doubles, randomKernels } from './kernels.js';

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
