// Repaired weights against the rule that proves them, in double precision and without wasm.

import { Conv2d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from 'deconv-wasm';
import { ConvTranspose2d as BrainstateConvTranspose2d } from 'deconv-wasm/brainstate';
import {
  analyze,
  type Kernels,
  phaseGains,
  type RepairPrecision,
  repair,
  repairKernels,
} from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';
import { runsOf } from '../../support/seed.js';
import { sizeOf } from '../../support/tensors.js';
import { phasesOf, randomKernels } from './kernels.js';

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
