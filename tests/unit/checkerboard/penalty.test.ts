// The spectral penalty against the rule that proves it, in double precision and without wasm.

import { ConvTranspose2d } from 'deconv-wasm';
import { ConvTranspose2d as BrainstateConvTranspose2d } from 'deconv-wasm/brainstate';
import { addSpectralPenalty, analyze, kernelsPenalty, spectralPenalty } from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { revoked } from '../../support/bad-tensors.js';
import { caught, expectError } from '../../support/errors.js';
import { runsOf } from '../../support/seed.js';
import { randomTensor, sizeOf, zeros } from '../../support/tensors.js';
import { randomKernels } from './kernels.js';

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
    // What is added has the weight's shape: of a larger one the rest would be NaN.
    const { shape } = layer.weight;
    const other = [...shape.slice(0, -1), (shape.at(-1) as number) + 1];
    for (const [weight, code] of [
      [zeros(...other), 'BAD_SHAPE'],
      [zeros(1), 'BAD_SHAPE'],
      [revoked() as never, 'BAD_TYPE'],
    ] as const)
      expectError(
        caught(() => addSpectralPenalty([layer], [{ weight, bias: null }])),
        code,
        'addSpectralPenalty',
      );
    expectError(
      caught(() => addSpectralPenalty([layer], [revoked() as never])),
      'BAD_TYPE',
      'addSpectralPenalty',
    );
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
