// The analyzer's numbers: the table of known kernels, what random weights come to, and every kind of layer.

import { Conv2d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, ReLU, Sequential } from 'deconv-wasm';
import {
  Conv2d as BrainstateConv2d,
  ConvTranspose2d as BrainstateConvTranspose2d,
} from 'deconv-wasm/brainstate';
import {
  type Analysis,
  analyze,
  analyzeStack,
  type Kernels,
  repairKernels,
  toTransposedKernels,
  unevenness,
} from 'deconv-wasm/checkerboard';
import { fromOnnx } from 'deconv-wasm/convert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';
import { mulberry32 } from '../../support/random.js';
import { runsOf } from '../../support/seed.js';
import { randomTensor, sizeOf } from '../../support/tensors.js';
import { convolve, ones, outer } from './kernels.js';

function analyzeTaps(
  taps: readonly number[],
  shape: readonly number[],
  stride: number,
  dilation = 1,
): Analysis {
  return analyze({
    geometry: { stride, dilation },
    weight: { data: taps, shape: [1, 1, ...shape] },
  });
}

describe('kernels of ones', () => {
  it.each([
    [3, 2, 1, 0.1, 0.19, 'overlap'],
    [5, 2, 1, 1 / 26, 0.075444, 'overlap'],
    [9, 2, 1, 1 / 82, 0.024242, 'overlap'],
    [5, 3, 1, 2 / 27, null, 'overlap'],
    [9, 4, 1, 1 / 28, 0.070153, 'overlap'],
    [16, 10, 1, 0.085714, null, 'overlap'],
    [4, 2, 2, 0.5, 0.75, 'holes'],
    [3, 2, 2, 0.5, 0.75, 'holes'],
    [6, 3, 3, 2 / 3, null, 'holes'],
    [1, 2, 1, 0.5, 0.75, 'holes'],
    [2, 3, 1, 1 / 3, null, 'holes'],
    [4, 2, 3, 0, 0, 'free'],
    [3, 3, 2, 0, 0, 'free'],
    [6, 3, 2, 0, 0, 'free'],
  ] as const)('k %i, s %i, d %i', (k, s, d, line, square, verdict) => {
    const one = analyzeTaps(ones(k), [k], s, d);
    expect(one.unevenness).toBeCloseTo(line, line > 0.01 && square === null ? 6 : 12);
    expect(one.verdict).toBe(verdict);
    const two = analyzeTaps(ones(k * k), [k, k], s, d);
    if (square !== null) expect(two.unevenness).toBeCloseTo(square, 6);
    // Separable: what is even multiplies.
    expect(1 - two.unevenness).toBeCloseTo((1 - one.unevenness) ** 2, 12);
    const three = analyzeTaps(ones(k ** 3), [k, k, k], s, d);
    expect(1 - three.unevenness).toBeCloseTo((1 - one.unevenness) ** 3, 12);
    for (const { harmonics, unevenness: u, levelDbc, verdict: own } of [one, two, three]) {
      expect(own).toBe(verdict);
      const total = harmonics.reduce((sum, power) => sum + power, 0);
      expect((total - (harmonics[0] as number)) / total).toBeCloseTo(u, 12);
      expect(levelDbc).toBeCloseTo(u === 0 ? -320 : 10 * Math.log10(u / (1 - u)), 9);
    }
  });

  it('[1, 2, 3] at stride 2 has gains 4 and 2', () => {
    const { gains, worstPair, harmonics } = analyzeTaps([1, 2, 3], [3], 2);
    expect(gains).toEqual([[[4, 2]]]);
    expect(worstPair).toEqual({ inChannel: 0, outChannel: 0, deviation: 1 });
    expect(harmonics).toEqual([9, expect.closeTo(1, 12)]);
  });
});

describe('independent weights of mean 0', () => {
  it.each([
    [2, 3, 0.75],
    [2, 4, 0.75],
    [2, 5, 0.75],
    [3, 3, 8 / 9],
    [3, 6, 8 / 9],
    [4, 4, 0.9375],
    [4, 8, 0.9375],
  ])('at stride %i and kernel %i have U of (S - 1) / S on average', (stride, kernelSize, expected) => {
    let sum = 0;
    for (let seed = 0; seed < 200; seed += 1) {
      const layer = new ConvTranspose2d({ inChannels: 6, outChannels: 6, kernelSize, stride, seed });
      const { unevenness: u, verdict } = analyze(layer);
      // An even overlap is no cure.
      expect(verdict).toBe(kernelSize % stride === 0 ? 'weights-only' : 'overlap');
      sum += u;
    }
    expect(Math.abs(sum / 200 - expected)).toBeLessThan(0.01);
  });
});

describe('the order', () => {
  it.each([1, 2, 3, 4, 5])('of %i boxes is their number, in one axis and in two', (boxes) => {
    for (const stride of [2, 3, 4]) {
      let taps = [1];
      for (let box = 0; box < boxes; box += 1) taps = convolve(taps, ones(stride));
      expect(analyzeTaps(taps, [taps.length], stride).order).toBe(boxes);
      expect(analyzeTaps(outer(taps, taps), [taps.length, taps.length], stride).order).toBe(boxes);
      const mixed = outer(taps, ones(stride));
      expect(analyzeTaps(mixed, [taps.length, stride], stride).order).toBe(1);
      // As float32 has them, with something that is no box behind.
      const rough = Float32Array.from(convolve(taps, [0.3, -0.7, 1.1]), (tap) => tap / 7);
      expect(analyzeTaps([...rough], [rough.length], stride).order).toBe(boxes);
    }
  });

  it('is 0 with a pattern, and null where there is no grid or no weight', () => {
    expect(analyzeTaps([1, 2, 3], [3], 2).order).toBe(0);
    expect(analyzeTaps([1, 2, 3], [3], 1).order).toBeNull();
    expect(analyzeTaps([0, 0, 0], [3], 2).order).toBeNull();
    // Sums that cancel but for rounding: nothing on flats, ramps are another matter.
    const silent = analyzeTaps([0.1, 0.1, 0.2, 0.3, -0.3, -0.4], [6], 2);
    expect(silent).toMatchObject({ unevenness: 0, verdict: 'free', order: 1 });
  });

  it('is that of the moments in whole numbers, with axes without a stride and gains of zero', () => {
    const along = (kernel: number[][], axis: number, taps: readonly number[]): number[][] =>
      axis === 1 ? kernel.map((row) => convolve(row, taps)) : transposed(along(transposed(kernel), 1, taps));
    const transposed = (kernel: number[][]): number[][] =>
      (kernel[0] as number[]).map((_, column) => kernel.map((row) => row[column] as number));
    const found = new Set<number>();
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 2 }), {
          minLength: 1,
          maxLength: 2,
        }),
        fc.constantFrom([1, 2], [2, 1], [1, 3], [2, 2], [3, 2]),
        fc.array(fc.tuple(fc.nat(1), fc.boolean()), { maxLength: 5 }),
        (start, stride, factors) => {
          let kernel: number[][] = start;
          for (const [axis, box] of factors)
            kernel = along(kernel, axis, box ? ones(stride[axis] as number) : [1, -1]);
          fc.pre(kernel.flat().some((tap) => tap !== 0));
          const differs = (degrees: readonly [number, number]): boolean => {
            const moments = new Array<number>((stride[0] as number) * (stride[1] as number)).fill(0);
            for (const [h, row] of kernel.entries()) {
              for (const [w, tap] of row.entries()) {
                const phase =
                  (h % (stride[0] as number)) * (stride[1] as number) + (w % (stride[1] as number));
                moments[phase] = (moments[phase] as number) + tap * h ** degrees[0] * w ** degrees[1];
              }
            }
            return moments.some((moment) => moment !== moments[0]);
          };
          let order = 0;
          while (!Array.from({ length: order + 1 }, (_, h) => differs([h, order - h])).includes(true))
            order += 1;
          const shape = [1, 1, kernel.length, (kernel[0] as number[]).length];
          expect(analyze({ geometry: { stride }, weight: { data: kernel.flat(), shape } }).order).toBe(order);
          found.add(order);
        },
      ),
      runsOf(500, 'order'),
    );
    expect(found.size).toBeGreaterThan(3);
  });

  it('takes what rounding to float32 leaves of equal sums for none, and a thousandth of it in doubles for some', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(0, 1e-6, 1), (seed, flat) => {
        const random = mulberry32(seed);
        // Pairs whose two phases sum to `flat`, most of whose taps cancel.
        const taps = Array.from({ length: 32 }, () => {
          const own = Array.from({ length: 6 }, () => random() - 0.5);
          for (const phase of [0, 1]) {
            own[4 + phase] = flat - (own[phase] as number) - (own[2 + phase] as number);
          }
          return own;
        }).flat();
        const geometry = { stride: 2 };
        const shape = [8, 4, 6];
        const rounded = analyze({ geometry, weight: { data: Float32Array.from(taps), shape } });
        expect(rounded).toMatchObject({ unevenness: 0, levelDbc: -320, verdict: 'free' });
        const uneven = taps.map((tap, at) => tap + (at % 2 === 0 ? 1e-10 : 0));
        expect(analyze({ geometry, weight: { data: uneven, shape } }).unevenness).toBeGreaterThan(0);
        // A ten thousandth of the taps is no rounding.
        const found = analyze({
          geometry,
          weight: { data: Float32Array.from(taps, (tap, at) => tap + (at % 2 === 0 ? 1e-4 : 0)), shape },
        });
        expect(found.verdict).toBe('weights-only');
        // What is rounding in a layer is rounding in a stack of it, whatever cancels between the two.
        const mix = { data: Float32Array.from({ length: 8 * 8 }, () => random() - 0.5), shape: [8, 8, 1] };
        const stack = analyzeStack([
          { geometry: { transposed: false }, weight: mix },
          { geometry, weight: { data: Float32Array.from(taps), shape } },
        ]);
        expect(stack).toMatchObject({ unevenness: 0, verdict: 'free' });
      }),
      runsOf(100),
    );
  });

  it('sees a mixed moment that no axis shows alone', () => {
    // A linear kernel in both axes, plus a change that leaves sums over rows and over columns alone.
    const line = [1, 2, 1];
    const taps = outer(line, line);
    for (const [index, change] of [
      [0, 1],
      [2, -1],
      [6, -1],
      [8, 1],
    ] as const) {
      taps[index] = (taps[index] as number) + change;
    }
    expect(analyzeTaps(taps, [3, 3], 2).order).toBe(2);
    const quadratic = convolve(line, [1, 1]);
    const smooth = outer(quadratic, quadratic);
    expect(analyzeTaps(smooth, [4, 4], 2).order).toBe(3);
    for (const [row, column, change] of [
      [0, 0, 1],
      [0, 2, -1],
      [2, 0, -1],
      [2, 2, 1],
    ] as const) {
      smooth[row * 4 + column] = (smooth[row * 4 + column] as number) + change;
    }
    expect(analyzeTaps(smooth, [4, 4], 2).order).toBe(2);
  });
});

describe('layers', () => {
  it('of 1, 2 and 3 axes have the gains that their weights sum to, group by group', () => {
    for (const [layer, rank] of [
      [
        new ConvTranspose1d({
          inChannels: 4,
          outChannels: 6,
          kernelSize: 5,
          stride: 3,
          padding: 4,
          groups: 2,
        }),
        1,
      ],
      [
        new ConvTranspose2d({
          inChannels: 4,
          outChannels: 6,
          kernelSize: 3,
          stride: 2,
          padding: 1,
          groups: 2,
        }),
        2,
      ],
      [
        new ConvTranspose3d({
          inChannels: 4,
          outChannels: 6,
          kernelSize: 2,
          stride: 2,
          dilation: 3,
          groups: 2,
        }),
        3,
      ],
    ] as const) {
      const found = analyze(layer);
      const { data } = layer.weight;
      const taps = data.length / 12;
      expect(found).toMatchObject({
        pass: 'forward',
        inChannels: 4,
        outChannels: 6,
        groups: 2,
        name: String(layer),
      });
      expect(found.gains).toHaveLength(6);
      let worst = 0;
      for (let out = 0; out < 6; out += 1) {
        expect(found.gains[out]).toHaveLength(2);
        for (let index = 0; index < 2; index += 1) {
          const from = (Math.floor(out / 3) * 2 + index) * 3 + (out % 3);
          const gains = found.gains[out]?.[index] as readonly number[];
          const sum = data.subarray(from * taps, (from + 1) * taps).reduce((total, tap) => total + tap, 0);
          expect(gains).toHaveLength(layer.stride.reduce((product, step) => product * step, 1));
          expect(gains.reduce((total, gain) => total + gain, 0)).toBeCloseTo(sum, 5);
          const mean = gains.reduce((total, gain) => total + gain, 0) / gains.length;
          const deviation = Math.max(...gains.map((gain) => Math.abs(gain - mean)));
          if (deviation > worst) worst = deviation;
          if (
            out === found.worstPair.outChannel &&
            Math.floor(out / 3) * 2 + index === found.worstPair.inChannel
          ) {
            expect(deviation).toBeCloseTo(found.worstPair.deviation, 12);
          }
        }
      }
      expect(found.worstPair.deviation).toBeCloseTo(worst, 12);
      expect(found.phaseShift).toEqual(
        layer.padding.map((pad, axis) => pad % (layer.stride[axis] as number)),
      );
      expect(found.kernelSize).toHaveLength(rank);
    }
  });

  it('agree whether they come as a layer or as geometry and weight', () => {
    const layer = new ConvTranspose2d({
      inChannels: 4,
      outChannels: 6,
      kernelSize: [3, 4],
      stride: [2, 3],
      padding: 1,
      groups: 2,
    });
    const { name: _, sentence: __, ...own } = analyze(layer);
    const {
      name: ___,
      sentence: ____,
      ...same
    } = analyze({
      geometry: { stride: [2, 3], padding: 1, groups: 2 },
      weight: layer.weight,
    });
    expect(same).toEqual(own);
    const conv = new Conv2d({
      inChannels: 4,
      outChannels: 6,
      kernelSize: 3,
      stride: 2,
      padding: 1,
      groups: 2,
    });
    const given = analyze({
      geometry: { stride: 2, padding: 1, groups: 2, transposed: false },
      weight: conv.weight,
    });
    expect(given.gains).toEqual(analyze(conv).gains);
    expect(given.pass).toBe('backward');
  });

  it('of brainstate and of ONNX have the gains of their kernels in our order', () => {
    const up = new BrainstateConvTranspose2d({
      inSize: [5, 5, 3],
      outChannels: 2,
      kernelSize: 3,
      stride: 2,
      seed: 1,
    });
    const found = analyze(up);
    // (*K, out, in): the same numbers for ONNX, which has [in, out, *K].
    const weight = { data: new Float32Array(54), shape: [3, 2, 3, 3] };
    for (let tap = 0; tap < 9; tap += 1) {
      for (let pair = 0; pair < 6; pair += 1) {
        const [out, from] = [Math.floor(pair / 3), pair % 3];
        weight.data[(from * 2 + out) * 9 + tap] = up.weight.data[tap * 6 + pair] as number;
      }
    }
    const onnx = fromOnnx('ConvTranspose', { strides: [2, 2], pads: [1, 1, 0, 0] }, { weight });
    expect(analyze(onnx).gains).toEqual(found.gains);
    // Its pads may depend on the input, so the phase is known with an input only.
    expect(analyze(onnx).phaseShift).toBeNull();
    expect(analyze(onnx, { inputShape: [1, 3, 4, 4] }).phaseShift).toEqual([1, 1]);
    expect(found.phaseShift).not.toBeNull();
  });

  it('with strided convolutions are described backward, in and out exchanged', () => {
    const down = new Conv2d({ inChannels: 3, outChannels: 8, kernelSize: 3, stride: 2, padding: 1 });
    const found = analyze(down);
    expect(found).toMatchObject({
      pass: 'backward',
      inChannels: 8,
      outChannels: 3,
      phaseShift: [1, 1],
      verdict: 'overlap',
    });
    expect(found.sentence).toContain('input gradient');
    // The same weight means the transposed layer.
    const up = new ConvTranspose2d({ inChannels: 8, outChannels: 3, kernelSize: 3, stride: 2, padding: 1 });
    up.setWeight(down.weight.data);
    expect(analyze(up).gains).toEqual(found.gains);
    expectError(
      caught(() => analyze(down, { pass: 'forward' })),
      'UNSUPPORTED',
      'analyze',
    );
    expectError(
      caught(() => analyze(up, { pass: 'backward' })),
      'UNSUPPORTED',
      'analyze',
    );
  });

  it('with dilated input are described forward', () => {
    const up = new BrainstateConv2d({
      inSize: [5, 5, 2],
      outChannels: 3,
      kernelSize: 3,
      stride: 1,
      padding: [
        [1, 1],
        [1, 1],
      ],
      lhsDilation: 2,
      seed: 3,
    });
    expect(analyze(up)).toMatchObject({
      pass: 'forward',
      stride: [2, 2],
      inChannels: 2,
      outChannels: 3,
      verdict: 'overlap',
    });
    expectError(
      caught(() => analyze(up, { pass: 'backward' })),
      'UNSUPPORTED',
      'analyze',
    );
  });
});

describe('the result', () => {
  it('goes through JSON unchanged', () => {
    for (const found of [
      analyze(new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, stride: 2 })),
      analyzeTaps([0, 0], [2], 3),
      analyzeTaps([1, -1], [2], 2),
      analyzeTaps([1, 1], [2], 2),
    ]) {
      expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    }
  });

  it('of weights of zero is no pattern, and of a pure pattern nothing else', () => {
    expect(analyzeTaps([0, 0, 0], [3], 2)).toMatchObject({ unevenness: 0, levelDbc: -320, verdict: 'free' });
    expect(analyzeTaps([1, -1], [2], 2)).toMatchObject({
      unevenness: 1,
      levelDbc: 320,
      verdict: 'weights-only',
    });
  });

  it('of the largest weights is that of small ones: their sums may be beyond float32', () => {
    const large = analyzeTaps([3e38, 1e38, 3e38, 1e38, 2e38], [5], 2);
    const small = analyzeTaps([3, 1, 3, 1, 2], [5], 2);
    expect(large.gains[0]?.[0]?.map((gain) => gain / 1e38)).toEqual([8, 2]);
    expect(large.unevenness).toBeCloseTo(small.unevenness, 12);
    expect((large.harmonics[1] as number) / 1e76).toBeCloseTo(small.harmonics[1] as number, 9);
    const weight = { data: [3e38, 1e38, 3e38, 1e38, 2e38], shape: [1, 1, 5] };
    const { report } = repairKernels({ geometry: { stride: 2 }, weight });
    expect(report.unevennessBefore).toBe(large.unevenness);
    expect(report.unevennessAfter).toBeLessThan(1e-25);
  });

  it('says in words what the verdict is and what it does not promise', () => {
    const sentences = [
      analyzeTaps([1, 1], [2], 2),
      analyzeTaps([1, 2], [2], 2),
      analyzeTaps([1, 1, 1], [3], 2),
      analyzeTaps([1], [1], 2),
    ].map(({ verdict, sentence }) => [verdict, sentence] as const);
    expect(sentences.map(([verdict]) => verdict)).toEqual(['free', 'weights-only', 'overlap', 'holes']);
    for (const [, sentence] of sentences) {
      expect(sentence).toMatch(/flat/);
      expect(sentence).toMatch(/sharpness.*border.*loss or a discriminator.*\.$/);
    }
    expect(analyzeTaps([1, 1, 1], [3], 2).sentence).toContain('10.0 %');
    expect(analyzeTaps([1, 1, 1], [3], 2).sentence).toContain('-9.5 dBc');
  });

  it('leaves the gains out when asked', () => {
    const layer = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, stride: 2 });
    const { gains, ...rest } = analyze(layer);
    expect(analyze(layer, { gains: false })).toEqual({ ...rest, gains: [] });
    expect(gains).toHaveLength(2);
  });

  it('of a large layer takes seconds at most', () => {
    const random = mulberry32(1);
    const shape = [512, 512, 4, 4];
    const data = Float32Array.from({ length: sizeOf(shape) }, () => random() - 0.5);
    const found = analyze({ geometry: { stride: 2 }, weight: { data, shape } }, { gains: false });
    expect(found.unevenness).toBeCloseTo(0.75, 2);
  });
});

it('what is neither a layer nor kernels is told what is', () => {
  for (const wrong of [undefined, null, new Sequential(new ReLU()), [], { weights: [] }]) {
    const error = caught(() => analyze(wrong as never));
    expectError(error, 'BAD_TYPE', 'analyze');
    expect(error.message).toMatch(/a layer of this package, or \{ geometry, weight \}, got .*analyzeStack/);
    // These two take no layer.
    for (const act of [repairKernels, toTransposedKernels]) {
      const other = caught(() => act(wrong as never));
      expectError(other, 'BAD_TYPE', act.name);
      expect(other.message).toContain('expected kernels { geometry, weight }, got ');
    }
  }
  // What is no list of numbers is told how to become one.
  const shape = [1, 1, 2];
  for (const [data, advice] of [
    [new Uint16Array(2), 'Of 16-bit floats toFloat32 of deconv-wasm/quantize makes one.'],
    [new Uint8Array(2), 'Float32Array.from(…) makes one.'],
    [{ data: [1, 2], shape }, 'Pass its data.'],
  ] as const) {
    const { message } = caught(() => analyze({ geometry: {}, weight: { data: data as never, shape } }));
    expect(message).toMatch(/^analyze: expected weight\.data to be a Float32Array, .*, got a value of type/);
    expect(message.endsWith(advice)).toBe(true);
  }
  const late = caught(() => analyze({ geometry: {}, weight: Promise.resolve() as never }));
  expectError(late, 'BAD_TYPE', 'analyze');
  expect(late.message).toContain('expected weight to be { data, shape }, got a value of type Promise.');
});

describe('refuses', () => {
  const weight = randomTensor([2, 2, 3, 3], 1);
  it.each<[string, unknown, 'BAD_OPTION' | 'BAD_TYPE' | 'BAD_SHAPE' | 'TOO_LARGE']>([
    ['no subject', undefined, 'BAD_TYPE'],
    ['a number', 3, 'BAD_TYPE'],
    ['no geometry', { weight }, 'BAD_TYPE'],
    ['no weight', { geometry: {} }, 'BAD_TYPE'],
    ['a stride of 0', { geometry: { stride: 0 }, weight }, 'BAD_OPTION'],
    ['three strides for two axes', { geometry: { stride: [2, 2, 2] }, weight }, 'BAD_OPTION'],
    ['a stride that is not finite', { geometry: { stride: Number.POSITIVE_INFINITY }, weight }, 'BAD_OPTION'],
    ['a dilation of 0', { geometry: { dilation: 0 }, weight }, 'BAD_OPTION'],
    ['groups that do not divide', { geometry: { groups: 3 }, weight }, 'BAD_OPTION'],
    ['a word of no option', { geometry: { strides: 2 }, weight }, 'BAD_OPTION'],
    ['strides of a billion phases', { geometry: { stride: 2 ** 15 }, weight }, 'TOO_LARGE'],
    ['NaN', { geometry: {}, weight: { data: [1, Number.NaN], shape: [1, 1, 2] } }, 'BAD_OPTION'],
    [
      'infinity',
      { geometry: {}, weight: { data: [1, Number.NEGATIVE_INFINITY], shape: [1, 1, 2] } },
      'BAD_OPTION',
    ],
    ['too few values', { geometry: {}, weight: { data: [1], shape: [1, 1, 2] } }, 'BAD_SHAPE'],
    ['a weight of two axes', { geometry: {}, weight: { data: [1], shape: [1, 1] } }, 'BAD_SHAPE'],
    ['an empty axis', { geometry: {}, weight: { data: [], shape: [1, 0, 3] } }, 'BAD_SHAPE'],
    ['text for data', { geometry: {}, weight: { data: 'ones', shape: [1, 1, 2] } }, 'BAD_TYPE'],
  ])('%s', (_, subject, code) => {
    expectError(
      caught(() => analyze(subject as Kernels)),
      code,
      'analyze',
    );
  });

  it('wrong options, weights that are not finite in a layer, and layers after dispose', () => {
    const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2 });
    expectError(
      caught(() => analyze(layer, { pass: 'sideways' as 'forward' })),
      'BAD_OPTION',
      'analyze',
    );
    expectError(
      caught(() => analyze(layer, { gains: 1 as unknown as boolean })),
      'BAD_TYPE',
      'analyze',
    );
    expectError(
      caught(() => analyze({ geometry: {}, weight }, { inputShape: [1, 2, 3, 3] })),
      'BAD_OPTION',
      'analyze',
    );
    layer.setWeight(Float32Array.of(1, 2, Number.NaN, 4));
    expectError(
      caught(() => analyze(layer)),
      'BAD_OPTION',
      'analyze',
    );
    layer.dispose();
    expect(caught(() => analyze(layer)).code).toBe('DISPOSED');
  });

  it('gains that no pairs have', () => {
    expectError(
      caught(() => unevenness([1, 2, 3], 2)),
      'BAD_SHAPE',
      'unevenness',
    );
    expectError(
      caught(() => unevenness([], 2)),
      'BAD_SHAPE',
      'unevenness',
    );
    expectError(
      caught(() => unevenness([1, Number.NaN], 2)),
      'BAD_OPTION',
      'unevenness',
    );
    expectError(
      caught(() => unevenness([1, 2], 0)),
      'BAD_OPTION',
      'unevenness',
    );
  });
});
