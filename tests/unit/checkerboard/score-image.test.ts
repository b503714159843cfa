// Images with a pattern of a known size, against the closed form, and noise without any.

import { type Image, scoreImage } from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';
import { mulberry32 } from '../../support/random.js';
import { runsOf } from '../../support/seed.js';

/** Normally distributed values plus what `pattern` says of a place. */
function picture(
  shape: readonly number[],
  noise: number,
  pattern: (place: readonly number[]) => number,
  seed = 1,
): Image {
  const random = mulberry32(seed);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const data = Float64Array.from({ length: count }, (_, index) => {
    const place = shape.map(() => 0);
    let rest = index;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      place[axis] = rest % (shape[axis] as number);
      rest = Math.floor(rest / (shape[axis] as number));
    }
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return noise * normal + pattern(place);
  });
  return { data, shape };
}

const sign = (place: number): number => (place % 2 === 0 ? 1 : -1);

describe('a pattern alone', () => {
  it('is all of the variance, with the phase means that it has', () => {
    const score = scoreImage(
      picture([1, 24, 24], 0, ([, h = 0, w = 0]) => 3 + ([0, 1, 5][h % 3] as number) * 2 + (w % 2)),
      [3, 2],
    );
    expect(score.phaseScore).toBeCloseTo(1, 12);
    const means = [3, 4, 5, 6, 13, 14];
    for (const [phase, mean] of means.entries()) expect(score.phaseMeans[0]?.[phase]).toBeCloseTo(mean, 10);
    // As far above the rounding of float32 as a pattern of this size is, however exact the doubles are.
    expect(score.spectralScoreDb).toBeGreaterThan(140);
    expect(score).toMatchObject({ contrast: expect.closeTo(11, 10), verdict: 'pattern' });
  });

  it('keeps its phases whatever the border is', () => {
    const image = picture([1, 40], 0, ([, at = 0]) => [1, 2, 6, 3][at % 4] as number);
    for (const border of [0, 1, 2, 3, 4, 5]) {
      const { phaseMeans, measured } = scoreImage(image, 4, { border });
      for (const [phase, mean] of [1, 2, 6, 3].entries())
        expect(phaseMeans[0]?.[phase]).toBeCloseTo(mean, 12);
      expect(measured).toEqual([Math.floor((40 - 2 * border) / 4) * 4]);
    }
  });

  it('in harmonics has the levels of its Fourier lines', () => {
    // Period 4: lines at 1/4 and 3/4 of amplitude 2, at 1/2 of amplitude 1, over a floor of noise.
    const image = picture([1, 4096], 0.5, ([, at = 0]) => 2 * Math.cos((Math.PI * at) / 2) + sign(at));
    const { harmonics } = scoreImage(image, 4);
    expect(harmonics.map(({ harmonic }) => harmonic)).toEqual([[1], [2], [3]]);
    const [first, second, third] = harmonics.map(({ levelDb }) => levelDb) as [number, number, number];
    expect(first).toBeCloseTo(third, 6);
    // Both lines have the same power: an amplitude of 2 is shared by two of them. The floors are noise.
    expect(Math.abs(first - second)).toBeLessThan(6);
  });
});

describe('a pattern in noise', () => {
  it.each([
    ['1-D', [1, 3000], [2]],
    ['2-D', [1, 120, 90], [2, 2]],
    ['2-D in a batch', [2, 3, 60, 60], [2, 2]],
    ['3-D', [1, 24, 24, 24], [2, 2, 2]],
    ['2-D along one axis', [1, 120, 90], [2, 1]],
  ] as const)('%s has the share of the variance that was put in', (_, shape, stride) => {
    for (const amplitude of [0.5, 1, 2]) {
      const image = picture(
        shape,
        1,
        (place) =>
          amplitude *
          stride.reduce<number>(
            (product, step, axis) =>
              step === 1 ? product : product * sign(place[place.length - stride.length + axis] as number),
            1,
          ),
        7,
      );
      const { phaseScore, spectralScoreDb, harmonics, measured } = scoreImage(image, stride);
      expect(Math.abs(phaseScore - amplitude ** 2 / (amplitude ** 2 + 1))).toBeLessThan(0.04);
      // Under a Hann window of N places a line has (a N / 2)^2 an axis, noise 3/8 N, its median ln 2 of that.
      const rank = stride.length;
      const count = measured.reduce((product, size) => product * size, 1);
      const line = (amplitude * count * 0.5 ** rank) ** 2;
      const floor = count * 0.375 ** rank * Math.LN2;
      // The largest of a few such medians is the floor, so the level is rather below.
      const difference = spectralScoreDb - 10 * Math.log10(line / floor);
      expect(difference).toBeGreaterThan(-5);
      expect(difference).toBeLessThan(2);
      // All of it is in the highest harmonic.
      const loudest = harmonics.reduce((one, other) => (other.levelDb > one.levelDb ? other : one));
      expect(loudest.harmonic).toEqual(stride.map((step) => (step === 1 ? 0 : 1)));
    }
  });
});

describe('without a pattern', () => {
  it('noise scores as noise', () => {
    let sum = 0;
    let expected = 0;
    for (let seed = 0; seed < 100; seed += 1) {
      const score = scoreImage(
        picture([2, 32, 32], 1, () => 5, 100 + seed),
        2,
      );
      expect(score.spectralScoreDb).toBeLessThan(13);
      sum += score.phaseScore;
      expected += score.noiseScore;
    }
    // (S - 1) / (N - 1) is the mean of a distribution with 6 degrees of freedom an image.
    expect(sum / expected).toBeGreaterThan(0.8);
    expect(sum / expected).toBeLessThan(1.2);
  });

  it('edges and slopes of the picture are none', () => {
    // A ramp jumps at its wrap-around, which without a window is a cross through the whole spectrum.
    const image = picture([1, 64, 64], 0.001, ([, h = 0, w = 0]) => h * 0.7 + (w > 30 ? 10 : 0));
    const { spectralScoreDb, phaseScore } = scoreImage(image, 2);
    expect(spectralScoreDb).toBeLessThan(15);
    expect(phaseScore).toBeLessThan(0.001);
  });

  it('a constant is nothing at all', () => {
    const score = scoreImage(
      picture([3, 16, 16], 0, () => 0.1),
      2,
    );
    expect(score).toMatchObject({ phaseScore: 0, spectralScoreDb: -320, contrast: 0, verdict: 'none' });
    expect(JSON.parse(JSON.stringify(score))).toEqual(score);
  });
});

describe('what rounding can make', () => {
  const geometries: readonly (readonly [shape: readonly number[], stride: readonly number[]])[] = [
    [[1, 200], [2]],
    [[2, 300], [5]],
    [
      [3, 32, 40],
      [2, 2],
    ],
    [
      [1, 30, 36],
      [3, 2],
    ],
    [
      [2, 1, 16, 16, 16],
      [2, 2, 2],
    ],
  ];
  /** A flat, a slope or a slow wave, about `level`; `height` of 0 is a flat. */
  const pictures = fc.record({
    geometry: fc.constantFrom(...geometries),
    level: fc.double({ min: -300, max: 300, noNaN: true }).filter((level) => Math.abs(level) > 1e-3),
    height: fc.constantFrom<number>(0, 0.01, 1),
    waves: fc.double({ min: 0.3, max: 1.5, noNaN: true }),
    slanted: fc.boolean(),
    seed: fc.nat(),
  });
  type Drawn = typeof pictures extends fc.Arbitrary<infer Value> ? Value : never;

  /** The picture, then what `add` gives for a value, its phase and a random number from -1 to 1. */
  function drawn(
    { geometry: [shape, stride], level, height, waves, slanted, seed }: Drawn,
    add: (value: number, phase: number, random: number) => number,
  ): Image {
    const random = mulberry32(seed);
    const image = picture(shape, 0, (place) => {
      const spatial = place.slice(-stride.length);
      const along = spatial.reduce((sum, at, axis) => sum + at / (shape.at(axis - stride.length) ?? 1), 0);
      const wave = slanted ? along : Math.sin(2 * Math.PI * waves * along);
      const phase = spatial.reduce(
        (outer, at, axis) => outer * (stride[axis] ?? 1) + (at % (stride[axis] ?? 1)),
        0,
      );
      return add(level * (1 + height * wave), phase, 2 * random() - 1);
    });
    return image;
  }

  it('is none: phases that are off by some last digits of float32, on flats, slopes and waves', () => {
    fc.assert(
      fc.property(
        pictures,
        fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 8, maxLength: 8 }),
        (of, digits) => {
          const unit = Math.abs(of.level) * 2 ** -24;
          const image = drawn(of, (value, phase, random) =>
            Math.fround(value + unit * ((digits[phase % 8] ?? 0) + 4 * random)),
          );
          const { verdict, spectralScoreDb, phaseScore } = scoreImage(image, of.geometry[1]);
          expect(verdict).not.toBe('pattern');
          expect(spectralScoreDb).toBeLessThan(20);
          if (of.height === 0) {
            expect(verdict).toBe('none');
            expect(spectralScoreDb).toBe(-320);
            expect(phaseScore).toBe(0);
          }
        },
      ),
      runsOf(300),
    );
  });

  it('is none: the steps of 8 bits, whose ramps repeat with the period', () => {
    for (const [slope, stride] of [
      [1 / 2, 2],
      [1 / 3, 3],
      [1 / 4, 2],
      [1 / 4, 4],
      [3 / 4, 4],
    ] as const) {
      for (const scale of [1, 1 / 255, 2 / 255]) {
        const image = picture([1, 256], 0, ([, at = 0]) =>
          Math.fround(scale * Math.round(20.1 + slope * at)),
        );
        const { verdict, spectralScoreDb } = scoreImage(image, stride);
        expect([slope, stride, verdict, spectralScoreDb]).toEqual([slope, stride, 'none', -320]);
      }
    }
  });

  it('hides no pattern of a ten thousandth of the values, nor of two steps of 8 bits', () => {
    fc.assert(
      fc.property(pictures, (of) => {
        const flat = { ...of, height: of.height === 1 ? 0.01 : of.height };
        const even = drawn(flat, (value, phase) => Math.fround(value * (1 + (phase % 2 === 0 ? 1e-4 : 0))));
        const found = scoreImage(even, of.geometry[1]);
        expect(found.phaseScore).toBeGreaterThan(0);
        // A volume of 16 rows has few frequencies beside those of its own waves.
        if (flat.height === 0 || of.geometry[1].length < 3) expect(found.verdict).toBe('pattern');
        else expect(found.verdict).not.toBe('none');
        const steps = drawn({ ...flat, level: 100, height: 0.3 }, (value, phase) =>
          Math.fround((Math.round(value) + (phase % 2 === 0 ? 2 : 0)) / 255),
        );
        expect(scoreImage(steps, of.geometry[1]).verdict).not.toBe('none');
      }),
      runsOf(100),
    );
  });

  it('is measured where the pattern is: by what most values are, not by a highlight or a border', () => {
    const bright = (place: readonly number[]) => place[1] === 30 && place[2] === 30;
    const image = (peak: number, border: number) =>
      picture([1, 64, 64], 0, (place) => {
        const [, h = 0, w = 0] = place;
        if (h < 2) return border;
        return Math.fround(bright(place) ? peak : 0.5 + 1e-4 * (w % 2));
      });
    expect(scoreImage(image(0.5, 1e6), 2).verdict).toBe('pattern');
    expect(scoreImage(image(20, 0.5), 2).phaseScore).toBeGreaterThan(0);
  });

  it('of one rounding on a flat picture is said to be none', () => {
    const image = picture([3, 64, 64], 0, ([, h = 0, w = 0]) => Math.fround(0.7 + 6e-8 * ((h + w) % 2)));
    const score = scoreImage(image, 2);
    expect(score).toMatchObject({ phaseScore: 0, spectralScoreDb: -320, verdict: 'none' });
    expect(score.contrast).toBeGreaterThan(0);
    expect(score.contrast).toBeLessThan(score.resolution);
    expect(score.sentence).toMatch(/^No pattern of period 2 x 2: /);
  });
});

it('refuses what cannot be measured', () => {
  const image = picture([1, 16, 16], 1, () => 0);
  const wrong: readonly (readonly [
    unknown,
    unknown,
    unknown,
    'BAD_SHAPE' | 'BAD_OPTION' | 'BAD_TYPE' | 'TOO_LARGE',
  ])[] = [
    [image, 0, {}, 'BAD_OPTION'],
    [image, 1, {}, 'BAD_OPTION'],
    [image, [2, 2, 2, 2], {}, 'BAD_OPTION'],
    [image, [2, 2, 2], {}, 'BAD_SHAPE'],
    [image, 'two', {}, 'BAD_TYPE'],
    [image, 5, {}, 'BAD_SHAPE'],
    [image, 2, { border: 5 }, 'BAD_SHAPE'],
    [image, 2, { border: -1 }, 'BAD_OPTION'],
    [image, 2, { edge: 1 }, 'BAD_OPTION'],
    [image, [2 ** 20, 2 ** 20], {}, 'TOO_LARGE'],
    [{ data: [1, 2], shape: [1, 16, 16] }, 2, {}, 'BAD_SHAPE'],
    [{ data: image.data.map(() => Number.NaN), shape: image.shape }, 2, {}, 'BAD_OPTION'],
    [{ data: image.data, shape: [1, 1, 16, 16] }, 2, {}, 'BAD_SHAPE'],
    [{ data: [], shape: [0, 16, 16] }, 2, {}, 'BAD_SHAPE'],
    [null, 2, {}, 'BAD_TYPE'],
  ];
  for (const [value, stride, options, code] of wrong) {
    expectError(
      caught(() => scoreImage(value as Image, stride as number, options as object)),
      code,
      'scoreImage',
    );
  }
  // What has no shape is no image at all: pixels of a canvas, a tensor that was not awaited.
  for (const other of [Promise.resolve(image), { data: new Uint8ClampedArray(4), width: 1, height: 1 }]) {
    const { message } = caught(() => scoreImage(other as never, 2));
    expect(message).toMatch(/^scoreImage: expected the image to be \{ data, shape \}, got a value of type/);
  }
});
