import { amplitudeSpectrum, analyze, frequencyResponse, harmonicPower } from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fourier, MOST_BY_DEFINITION } from '../../../web/lib/checkerboard/fourier';
import { nearHarmonics } from '../../../web/lib/checkerboard/near-harmonics';
import { caught, expectError } from '../../support/errors';
import { mulberry32 } from '../../support/random';
import { runsOf } from '../../support/seed';

type Line = { readonly re: Float64Array; readonly im: Float64Array };

function randomValues(count: number, own: number): Float64Array {
  const random = mulberry32(own);
  return Float64Array.from({ length: count }, () => random() - 0.5);
}

/** One of the sums by the definition, with the turns as whole numbers. */
function directSum({ re, im }: Line, bin: number): [number, number] {
  const length = re.length;
  let [a, b] = [0, 0];
  for (let x = 0; x < length; x += 1) {
    const angle = (2 * Math.PI * ((bin * x) % length)) / length;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    a += (re[x] as number) * c + (im[x] as number) * s;
    b += (im[x] as number) * c - (re[x] as number) * s;
  }
  return [a, b];
}

const PRIMES = [2, 3, 61, 67, 127, 131, 257, 509, 521];
const PRIME_POWERS = [1, 4, 64, 128, 256, 512, 81, 243, 125, 343, 361];
const COMPOSITES = [6, 63, 65, 66, 91, 100, 210, 221, 391, 500];

describe('transforms of any length', () => {
  it('are the Fourier sums by their definition: primes, their powers and composite lengths', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PRIMES, ...PRIME_POWERS, ...COMPOSITES),
        fc.integer({ min: 0, max: 1000 }),
        (length, own) => {
          const line = { re: randomValues(length, own), im: randomValues(length, own + 1) };
          const values = { re: line.re.slice(), im: line.im.slice() };
          const transform = fourier(length);
          // What one line leaves must not be in the next.
          transform({ re: randomValues(length, own + 2), im: randomValues(length, own + 3) });
          transform(line);
          const size = Math.sqrt(
            values.re.reduce((sum, one, at) => sum + one ** 2 + (values.im[at] ?? 0) ** 2, 0),
          );
          for (let bin = 0; bin < length; bin += 1) {
            const [a, b] = directSum(values, bin);
            const off = Math.hypot((line.re[bin] as number) - a, (line.im[bin] as number) - b);
            expect(off, `bin ${bin} of ${length}`).toBeLessThan(4e-14 * size);
          }
        },
      ),
      runsOf(60),
    );
  });

  it.each([MOST_BY_DEFINITION, MOST_BY_DEFINITION + 1, 8191])(
    'of %i equal values are their sum, and nothing else',
    (length) => {
      const line = { re: new Float64Array(length).fill(1), im: new Float64Array(length) };
      fourier(length)(line);
      expect(line.re[0]).toBeCloseTo(length, 8);
      const rest = line.re.reduce(
        (most, one, bin) => (bin === 0 ? 0 : Math.max(most, Math.hypot(one, line.im[bin] ?? 0))),
        0,
      );
      expect(rest).toBeLessThan(1e-14 * length);
    },
  );
});

describe('what stands on them', () => {
  it('harmonics of strides above and below, of two axes and several pairs, are the frequency response of the gains', () => {
    const strides = [67, 5];
    const axes = strides.map((stride) => ({ kernelSize: stride, stride }));
    const pairs = [1, 2, 3].map((own) => randomValues(67 * 5, own));
    const power = harmonicPower(Float64Array.from(pairs.flatMap((pair) => [...pair])), strides);
    for (const harmonic of [0, 1, 4, 5, 171, 333, 334]) {
      const frequency = [Math.floor(harmonic / 5) / 67, (harmonic % 5) / 5].map(
        (turns) => 2 * Math.PI * turns,
      );
      const sum = pairs.reduce((all, pair) => {
        const { re, im } = frequencyResponse(pair, axes, frequency);
        return all + re * re + im * im;
      }, 0);
      expect(power[harmonic]).toBeCloseTo(sum / (67 * 5) ** 2, 12);
    }
  });

  it.each([
    // Fewer frequencies than taps, more of them, and a dilation that brings taps onto the same turns.
    [300, 128, 7],
    [100, 1009, 3],
    [70, 100, 50],
    [65, 64 * 65, 2 ** 31 - 1],
  ])('the amplitude spectrum of %i taps at %i frequencies with dilation %i', (kernelSize, size, dilation) => {
    const kernel = randomValues(kernelSize, size);
    const spectrum = amplitudeSpectrum(kernel, [{ kernelSize, dilation }], size);
    expect(spectrum).toHaveLength(size);
    for (let bin = 0; bin < size; bin += Math.ceil(size / 50)) {
      const frequency = (2 * Math.PI * Number((BigInt(bin) * BigInt(dilation)) % BigInt(size))) / size;
      const { re, im } = frequencyResponse(kernel, [{ kernelSize }], [frequency]);
      expect(spectrum[bin]).toBeCloseTo(Math.hypot(re, im), 10);
    }
  });

  it('sums around the harmonics of a long period', () => {
    const [step, reach] = [101, 2];
    const extent = 4 * step;
    const values = randomValues(extent, 5);
    const { re, im } = nearHarmonics(values, [{ extent, step, reach }]);
    const line = { re: values, im: new Float64Array(extent) };
    for (let harmonic = 0; harmonic < step; harmonic += 1) {
      for (let shift = -reach; shift <= reach; shift += 1) {
        const [a, b] = directSum(line, (4 * harmonic + shift + extent) % extent);
        const place = harmonic * (2 * reach + 1) + shift + reach;
        expect(Math.hypot((re[place] as number) - a, (im[place] as number) - b)).toBeLessThan(1e-12);
      }
    }
  });

  it('analyze of the largest prime stride, for which sums by the definition were too many', () => {
    const stride = 65521;
    const data = randomValues(stride, 9);
    const { harmonics, unevenness } = analyze({
      geometry: { stride },
      weight: { data, shape: [1, 1, stride] },
    });
    const energy = data.reduce((sum, gain) => sum + gain * gain, 0);
    const pattern = harmonics.reduce((sum, power, index) => sum + (index === 0 ? 0 : power), 0);
    expect((pattern * stride) / energy / unevenness).toBeCloseTo(1, 12);
    for (const harmonic of [0, 1, 255, 32760, 65520]) {
      const [a, b] = directSum({ re: data, im: new Float64Array(stride) }, harmonic);
      expect(Math.sqrt(harmonics[harmonic] as number)).toBeCloseTo(Math.hypot(a, b) / stride, 13);
    }
  });

  it('gains of too many pairs for a long stride are refused before they are made', () => {
    const weight = { data: new Float64Array(33 * 32).fill(1), shape: [33, 32, 1] };
    expectError(
      caught(() => analyze({ geometry: { stride: 2 ** 15 }, weight })),
      'TOO_LARGE',
      'analyze',
    );
  });
});
