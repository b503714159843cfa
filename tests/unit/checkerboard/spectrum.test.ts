// Phase gains and the spectrum are two views of one thing; the statements that say "free" are one statement.

import type { DeconvErrorCode } from 'deconv-wasm';
import {
  amplitudeSpectrum,
  analyze,
  frequencyResponse,
  harmonicPower,
  overlapCounts,
  phaseGains,
} from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';
import { runsOf } from '../../support/seed.js';
import { type Axis, axis, convolve, dilated, outer, withTaps } from './kernels.js';

/** Powers |H|^2 / S^2 at the harmonics by the taps themselves. */
function directPower(kernel: readonly number[], axes: readonly Axis[]): number[] {
  const strides = axes.map(({ stride }) => stride);
  const phases = strides.reduce((product, stride) => product * stride, 1);
  return Array.from({ length: phases }, (_, index) => {
    let rest = index;
    const frequency = strides.map(() => 0);
    for (let at = strides.length - 1; at >= 0; at -= 1) {
      const stride = strides[at] as number;
      frequency[at] = (2 * Math.PI * (rest % stride)) / stride;
      rest = Math.floor(rest / stride);
    }
    const { re, im } = frequencyResponse(kernel, axes, frequency);
    return (re * re + im * im) / phases ** 2;
  });
}

const anyRank = withTaps(
  fc.array(
    fc.record({
      kernelSize: fc.integer({ min: 1, max: 5 }),
      stride: fc.integer({ min: 1, max: 4 }),
      dilation: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
);

it('Parseval: what the gains vary by is the power in the harmonics, in 1-D to 3-D', () => {
  fc.assert(
    fc.property(anyRank, ({ axes, kernel }) => {
      const gains = phaseGains(kernel, axes);
      const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
      const varies = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / gains.length;
      const power = directPower(kernel, axes);
      const harmonics = power.slice(1).reduce((sum, one) => sum + one, 0);
      expect(harmonics).toBeCloseTo(varies, 7);
      expect(power[0]).toBeCloseTo(mean ** 2, 7);
      const fromGains = harmonicPower(
        gains,
        axes.map(({ stride }) => stride),
      );
      for (const [index, one] of power.entries()) expect(fromGains[index]).toBeCloseTo(one, 7);
    }),
    runsOf(500),
  );
});

it('harmonics of many pairs are the sums of the pairs', () => {
  // More pairs than are transformed at once.
  const pairs = 5000;
  const gains = Float64Array.from({ length: pairs * 6 }, (_, index) => ((index * 7919) % 13) - 6);
  const sums = new Array<number>(6).fill(0);
  for (let pair = 0; pair < pairs; pair += 1) {
    const own = harmonicPower(gains.subarray(pair * 6, pair * 6 + 6), [2, 3]);
    for (const [index, one] of own.entries()) sums[index] = (sums[index] as number) + one;
  }
  const all = harmonicPower(gains, [2, 3]);
  for (const [index, one] of all.entries()) expect(one / (sums[index] as number)).toBeCloseTo(1, 10);
});

it('the amplitude spectrum holds the harmonics and the constant', () => {
  fc.assert(
    fc.property(anyRank, ({ axes, kernel }) => {
      const size = 12;
      const spectrum = amplitudeSpectrum(kernel, axes, size);
      expect(spectrum).toHaveLength(size ** axes.length);
      const steps = axes.map(({ stride }) => size / stride);
      const last = axes.map(({ stride }) => stride - 1);
      const index = last.reduce((sum, harmonic, at) => sum * size + harmonic * (steps[at] as number), 0);
      const { re, im } = frequencyResponse(
        kernel,
        axes,
        last.map((harmonic, at) => (2 * Math.PI * harmonic) / (axes[at] as Axis).stride),
      );
      expect(spectrum[index]).toBeCloseTo(Math.hypot(re, im), 8);
      expect(spectrum[0]).toBeCloseTo(Math.abs(kernel.reduce((sum, tap) => sum + tap, 0)), 8);
    }),
    runsOf(300),
  );
});

/** Random taps, half of them with the last tap of every phase set so that all gains are the first's. */
const maybeFree = fc
  .tuple(withTaps(axis.map((one) => [one])), fc.boolean())
  .map(([{ axes, kernel }, mend]) => {
    const { stride, dilation, kernelSize } = axes[0] as Axis;
    const counts = overlapCounts({ kernelSize, stride, dilation });
    const taps = [...kernel];
    if (mend && !counts.includes(0)) {
      const gains = phaseGains(taps, axes);
      for (let phase = 1; phase < stride; phase += 1) {
        const last = taps.findLastIndex((_, tap) => (tap * dilation) % stride === phase);
        taps[last] = (taps[last] as number) + (gains[0] as number) - (gains[phase] as number);
      }
    }
    return { axes, kernel: taps };
  });

it('equal gains, zeros at the harmonics, divisibility by the box and nearest-neighbour resize are one', () => {
  let free = 0;
  let pattern = 0;
  fc.assert(
    fc.property(
      maybeFree,
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 6 }),
      ({ axes, kernel }, x) => {
        const { stride, dilation } = axes[0] as Axis;
        const h = dilated(kernel, dilation);
        const gains = phaseGains(kernel, axes);
        const equal = gains.every((gain) => gain === gains[0]);
        const zeros = Array.from({ length: stride - 1 }, (_, index) => {
          const { re, im } = frequencyResponse(kernel, axes, [(2 * Math.PI * (index + 1)) / stride]);
          return Math.hypot(re, im);
        }).every((amplitude) => amplitude < 1e-9);
        const { quotient, remainder } = divideByBox(h, stride);
        const divisible = remainder.every((value) => value === 0);
        expect({ zeros, divisible }).toEqual({ zeros: equal, divisible: equal });
        const resized = convolve(
          x.flatMap((value) => new Array<number>(stride).fill(value)),
          quotient,
        );
        const stamped = stamp(x, h, stride);
        const same = stamped.every((value, place) => value === (resized[place] ?? 0));
        // One impulse tells any two layers apart.
        const impulse = stamp([1], h, stride);
        const one = convolve(new Array<number>(stride).fill(1), quotient);
        const sameLayer = impulse.every((value, place) => value === (one[place] ?? 0));
        expect(sameLayer).toBe(equal);
        if (equal) expect(same).toBe(true);
        const { verdict } = analyze({
          geometry: { stride, dilation },
          weight: { data: kernel, shape: [1, 1, kernel.length] },
        });
        expect(verdict === 'free').toBe(equal);
        if (stride > 1 && equal) free += 1;
        if (!equal) pattern += 1;
      },
    ),
    runsOf(2000),
  );
  expect(free).toBeGreaterThan(200);
  expect(pattern).toBeGreaterThan(200);
});

it('in 2-D equal gains and zeros at the harmonics are one; a kernel divisible by the box has both', () => {
  const square = withTaps(fc.tuple(axis, axis).map((axes) => [...axes]));
  let free = 0;
  fc.assert(
    fc.property(square, fc.boolean(), ({ axes, kernel }, spread) => {
      const [rows, columns] = axes as [Axis, Axis];
      // Without dilation, so that the product with the boxes stays on the grid.
      const plain = axes.map((one) => ({ ...one, dilation: 1 }));
      const taps = spread ? withBoxes(kernel, rows, columns) : kernel;
      const used = spread
        ? plain.map((one) => ({ ...one, kernelSize: one.kernelSize + one.stride - 1 }))
        : axes;
      const gains = phaseGains(taps, used);
      const equal = gains.every((gain) => gain === gains[0]);
      const power = directPower(taps, used);
      expect(power.slice(1).every((one) => one < 1e-18)).toBe(equal);
      if (spread) expect(equal).toBe(true);
      if (equal) free += 1;
    }),
    runsOf(500),
  );
  expect(free).toBeGreaterThan(100);
});

it('in 2-D a kernel may be free without being divisible by the box', () => {
  const kernel = [
    [1, 0, 0],
    [1, 1, 0],
    [0, 1, 0],
  ].flat();
  const axes = [
    { kernelSize: 3, stride: 2, dilation: 1 },
    { kernelSize: 3, stride: 2, dilation: 1 },
  ];
  expect([...phaseGains(kernel, axes)].every((gain) => gain === 1)).toBe(true);
  // A multiple of (1 + a)(1 + b) vanishes wherever b = -1, so at every frequency of the rows.
  const { re, im } = frequencyResponse(kernel, axes, [Math.PI / 2, Math.PI]);
  expect(Math.hypot(re, im)).toBeGreaterThan(0.5);
});

it('separable kernels have products as gains', () => {
  fc.assert(
    fc.property(withTaps(axis.map((one) => [one])), withTaps(axis.map((one) => [one])), (one, other) => {
      const gains = phaseGains(outer(one.kernel, other.kernel), [...one.axes, ...other.axes]);
      const product = outer([...phaseGains(one.kernel, one.axes)], [...phaseGains(other.kernel, other.axes)]);
      expect([...gains].map((gain) => gain + 0)).toEqual(product.map((gain) => gain + 0));
    }),
    runsOf(500),
  );
});

it('refuses kernels of another length, and values that no layer can hold', () => {
  const axes = [{ kernelSize: 3, stride: 2 }];
  expectError(
    caught(() => phaseGains([1, 2], axes)),
    'BAD_SHAPE',
    'phaseGains',
  );
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e39]) {
    expectError(
      caught(() => phaseGains([1, 2, value], axes)),
      'BAD_OPTION',
      'phaseGains',
    );
  }
  expectError(
    caught(() => phaseGains(new Int8Array(3), axes)),
    'BAD_TYPE',
    'phaseGains',
  );
  expectError(
    caught(() => frequencyResponse([1, 2, 3], axes, [])),
    'BAD_OPTION',
    'frequencyResponse',
  );
  expectError(
    caught(() => frequencyResponse([1, 2, 3], axes, [Number.NaN])),
    'BAD_OPTION',
    'frequencyResponse',
  );
  expectError(
    caught(() => frequencyResponse([1, 2, 3], axes, new Array(1))),
    'BAD_OPTION',
    'frequencyResponse',
  );
  expectError(
    caught(() => amplitudeSpectrum([1, 2, 3], axes, 0)),
    'BAD_OPTION',
    'amplitudeSpectrum',
  );
  expectError(
    caught(() => amplitudeSpectrum([1, 2, 3], axes, 2 ** 30)),
    'TOO_LARGE',
    'amplitudeSpectrum',
  );
  // Few enough values to be listed, but sums over more taps than minutes are enough for.
  expectError(
    caught(() => amplitudeSpectrum(new Float64Array(2 ** 14), [{ kernelSize: 2 ** 14 }], 2 ** 22)),
    'TOO_LARGE',
    'amplitudeSpectrum',
  );
  const cases: readonly [unknown, unknown, DeconvErrorCode][] = [
    [[1, 2, 3], [2], 'BAD_SHAPE'],
    [[1, Number.NaN], [2], 'BAD_OPTION'],
    [[1, 2], [0.5], 'BAD_OPTION'],
    [[1, 2], [], 'BAD_OPTION'],
    [[1, 2], 2, 'BAD_TYPE'],
    ['12', [2], 'BAD_TYPE'],
    [[1, 2], [2 ** 10, 2 ** 10], 'TOO_LARGE'],
  ];
  for (const [gains, phases, code] of cases) {
    expectError(
      caught(() => harmonicPower(gains as number[], phases as number[])),
      code,
      'harmonicPower',
    );
  }
});

/** Long division of h, lowest power first, by 1 + z + ... + z^(length - 1). */
function divideByBox(h: readonly number[], length: number): { quotient: number[]; remainder: number[] } {
  const rest = [...h];
  const quotient: number[] = [];
  for (let at = 0; at + length <= h.length; at += 1) {
    const factor = rest[at] as number;
    quotient.push(factor);
    for (let place = 0; place < length; place += 1) rest[at + place] = (rest[at + place] as number) - factor;
  }
  return { quotient: quotient.length === 0 ? [0] : quotient, remainder: rest };
}

function stamp(x: readonly number[], h: readonly number[], stride: number): number[] {
  const y = new Array<number>((x.length - 1) * stride + h.length).fill(0);
  for (const [i, value] of x.entries()) {
    for (const [n, tap] of h.entries()) y[i * stride + n] = (y[i * stride + n] as number) + value * tap;
  }
  return y;
}

/** The kernel convolved with a box of the stride's length along both axes. */
function withBoxes(kernel: readonly number[], rows: Axis, columns: Axis): number[] {
  const width = columns.kernelSize + columns.stride - 1;
  const result = new Array<number>((rows.kernelSize + rows.stride - 1) * width).fill(0);
  for (const [tap, value] of kernel.entries()) {
    const row = Math.floor(tap / columns.kernelSize);
    const column = tap % columns.kernelSize;
    for (let a = 0; a < rows.stride; a += 1) {
      for (let b = 0; b < columns.stride; b += 1) {
        const index = (row + a) * width + column + b;
        result[index] = (result[index] as number) + value;
      }
    }
  }
  return result;
}
