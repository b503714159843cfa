// Sub-pixel convolutions and resize-convolutions as kernels, against code that convolves, shuffles and resizes
// one after the other.

import {
  analyze,
  analyzeStack,
  type Kernels,
  kernelsPenalty,
  repairKernels,
  toTransposedKernels,
} from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';
import { mulberry32 } from '../../support/random.js';
import { runsOf } from '../../support/seed.js';

/** `[C, ...spatial]`. */
interface Planes {
  readonly data: Float64Array;
  readonly shape: readonly number[];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

function placesOf(extents: readonly number[]): number[][] {
  return extents.reduce<number[][]>(
    (list, extent) => list.flatMap((outer) => Array.from({ length: extent }, (_, at) => [...outer, at])),
    [[]],
  );
}

function indexOf(place: readonly number[], extents: readonly number[]): number {
  return place.reduce((index, at, axis) => index * (extents[axis] as number) + at, 0);
}

const inside = (place: readonly number[], extents: readonly number[]): boolean =>
  place.every((at, axis) => at >= 0 && at < (extents[axis] as number));

interface Drawn {
  readonly kernel: readonly number[];
  readonly factor: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly number[];
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly mode: 'CRD' | 'DCR';
  readonly seed: number;
}

function convolved(
  x: Planes,
  weight: Planes,
  { dilation, padding, groups }: Drawn,
  bias?: ArrayLike<number>,
): Planes {
  const [inputs = 0, ...extents] = x.shape;
  const [outputs = 0, groupIn = 0, ...kernel] = weight.shape;
  const size = extents.map(
    (extent, axis) =>
      extent + 2 * (padding[axis] as number) - ((kernel[axis] as number) - 1) * (dilation[axis] as number),
  );
  const data = new Float64Array(outputs * sizeOf(size));
  expect(groupIn * groups).toBe(inputs);
  for (let out = 0; out < outputs; out += 1) {
    const first = Math.floor((out * groups) / outputs) * groupIn;
    for (const at of placesOf(size)) {
      let sum = bias?.[out] ?? 0;
      for (let from = 0; from < groupIn; from += 1) {
        for (const tap of placesOf(kernel)) {
          const place = at.map(
            (one, axis) =>
              one + (tap[axis] as number) * (dilation[axis] as number) - (padding[axis] as number),
          );
          if (!inside(place, extents)) continue;
          sum +=
            (x.data[(first + from) * sizeOf(extents) + indexOf(place, extents)] as number) *
            (weight.data[(out * groupIn + from) * sizeOf(kernel) + indexOf(tap, kernel)] as number);
        }
      }
      data[out * sizeOf(size) + indexOf(at, size)] = sum;
    }
  }
  return { data, shape: [outputs, ...size] };
}

function shuffled(x: Planes, factor: readonly number[], mode: 'CRD' | 'DCR'): Planes {
  const [channels = 0, ...extents] = x.shape;
  const phases = sizeOf(factor);
  const outputs = channels / phases;
  const size = extents.map((extent, axis) => extent * (factor[axis] as number));
  const data = new Float64Array(outputs * sizeOf(size));
  for (let out = 0; out < outputs; out += 1) {
    for (const at of placesOf(size)) {
      const phase = indexOf(
        at.map((one, axis) => one % (factor[axis] as number)),
        factor,
      );
      const source = mode === 'CRD' ? out * phases + phase : phase * outputs + out;
      const place = at.map((one, axis) => Math.floor(one / (factor[axis] as number)));
      data[out * sizeOf(size) + indexOf(at, size)] = x.data[
        source * sizeOf(extents) + indexOf(place, extents)
      ] as number;
    }
  }
  return { data, shape: [outputs, ...size] };
}

function nearest(x: Planes, factor: readonly number[]): Planes {
  const [channels = 0, ...extents] = x.shape;
  const phases = sizeOf(factor);
  // Every channel, once for each of its phases.
  const data = Float64Array.from({ length: x.data.length * phases }, (_, index) => {
    const channel = Math.floor(index / (phases * sizeOf(extents)));
    return x.data[channel * sizeOf(extents) + (index % sizeOf(extents))] as number;
  });
  return shuffled({ data, shape: [channels * phases, ...extents] }, factor, 'CRD');
}

function transposed(x: Planes, { geometry, weight }: Kernels): Planes {
  const {
    stride,
    padding,
    groups = 1,
  } = geometry as {
    stride: readonly number[];
    padding: readonly number[];
    groups?: number;
  };
  const [inputs = 0, ...extents] = x.shape;
  const [, groupOut = 0, ...kernel] = weight.shape;
  const size = extents.map(
    (extent, axis) =>
      (extent - 1) * (stride[axis] as number) + (kernel[axis] as number) - 2 * (padding[axis] as number),
  );
  const data = new Float64Array(groupOut * groups * sizeOf(size));
  for (let from = 0; from < inputs; from += 1) {
    const first = Math.floor((from * groups) / inputs) * groupOut;
    for (const at of placesOf(extents)) {
      const value = x.data[from * sizeOf(extents) + indexOf(at, extents)] as number;
      for (let out = 0; out < groupOut; out += 1) {
        for (const tap of placesOf(kernel)) {
          const place = at.map(
            (one, axis) => one * (stride[axis] as number) + (tap[axis] as number) - (padding[axis] as number),
          );
          if (!inside(place, size)) continue;
          const to = (first + out) * sizeOf(size) + indexOf(place, size);
          const factor = weight.data[
            (from * groupOut + out) * sizeOf(kernel) + indexOf(tap, kernel)
          ] as number;
          data[to] = (data[to] as number) + value * factor;
        }
      }
    }
  }
  return { data, shape: [groupOut * groups, ...size] };
}

const perAxis = (arbitrary: fc.Arbitrary<number>, rank: number) =>
  fc.array(arbitrary, { minLength: rank, maxLength: rank });

const geometries: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 2 }).chain((rank) =>
  fc
    .record({
      kernel: perAxis(fc.integer({ min: 1, max: 4 }), rank),
      factor: perAxis(fc.integer({ min: 1, max: 3 }), rank),
      dilation: perAxis(fc.integer({ min: 1, max: 2 }), rank),
      padding: perAxis(fc.integer({ min: 0, max: 3 }), rank),
      groups: fc.constantFrom(1, 1, 2),
      groupIn: fc.integer({ min: 1, max: 2 }),
      groupOut: fc.integer({ min: 1, max: 2 }),
      mode: fc.constantFrom('CRD' as const, 'DCR' as const),
      seed: fc.nat(),
    })
    .map(({ groupIn, groupOut, ...rest }) => ({
      ...rest,
      inputs: groupIn * rest.groups,
      outputs: groupOut * rest.groups,
    })),
);

/** Whole numbers: every sum is exact. */
function wholes(shape: readonly number[], random: () => number): Planes {
  const data = Float64Array.from({ length: sizeOf(shape) }, () => Math.floor(19 * random()) - 9);
  return { data, shape };
}

function subPixel(drawn: Drawn, random: () => number): { kernels: Kernels; weight: Planes } {
  const { kernel, factor, dilation, padding, groups, mode, inputs, outputs } = drawn;
  const weight = wholes([outputs * sizeOf(factor), inputs / groups, ...kernel], random);
  const geometry = { dilation, padding, groups, pixelShuffle: { upscaleFactor: factor, mode } };
  return { kernels: { geometry, weight }, weight };
}

const extentsOf = ({ kernel, dilation }: Drawn): number[] =>
  kernel.map((taps, axis) => (taps - 1) * (dilation[axis] as number) + 3);

describe('a sub-pixel convolution', () => {
  it('is the transposed convolution that its kernels are turned into, to the last digit', () => {
    fc.assert(
      fc.property(geometries, (drawn) => {
        const random = mulberry32(drawn.seed);
        const { kernels, weight } = subPixel(drawn, random);
        const x = wholes([drawn.inputs, ...extentsOf(drawn)], random);
        expect(transposed(x, toTransposedKernels(kernels))).toEqual(
          shuffled(convolved(x, weight, drawn), drawn.factor, drawn.mode),
        );
      }),
      runsOf(200),
    );
  });

  it('has the numbers of that convolution, and one number for both', () => {
    fc.assert(
      fc.property(geometries, (drawn) => {
        const { kernels } = subPixel(drawn, mulberry32(drawn.seed));
        const { name, sentence, ...own } = analyze(kernels);
        const { name: _, sentence: __, ...other } = analyze(toTransposedKernels(kernels));
        expect(own).toEqual(other);
        expect(name).toMatch(/^sub-pixel convolution of weight/);
        expect(sentence).toContain(name);
        expect(own.overlap.even).toBe(true);
        expect(own.pass).toBe('forward');
        expect(analyzeStack([kernels]).unevenness).toBeCloseTo(own.unevenness, 12);
      }),
      runsOf(100),
    );
  });

  it('repaired, is flat on flats, bias and all; the change is the least that does it', () => {
    fc.assert(
      fc.property(geometries, (drawn) => {
        fc.pre(drawn.groups === 1 || drawn.mode === 'CRD');
        const random = mulberry32(drawn.seed);
        const { kernels, weight } = subPixel(drawn, random);
        const bias = wholes([weight.shape[0] as number], random).data;
        const { report, ...fixed } = repairKernels({ ...kernels, bias });
        expect(fixed.weight.shape).toEqual(weight.shape);
        const after = analyze({ ...kernels, ...fixed });
        expect(after.verdict).toBe('free');
        expect(report.unevennessAfter).toBeLessThan(1e-25);
        const flat = {
          data: new Float64Array(drawn.inputs * sizeOf(extentsOf(drawn))).fill(1),
          shape: [drawn.inputs, ...extentsOf(drawn)],
        };
        const unpadded = { ...drawn, padding: drawn.padding.map(() => 0) };
        const output = shuffled(
          convolved(
            flat,
            { data: Float64Array.from(fixed.weight.data), shape: weight.shape },
            unpadded,
            fixed.bias ?? [],
          ),
          drawn.factor,
          drawn.mode,
        );
        const area = sizeOf(output.shape.slice(1));
        for (const [index, value] of output.data.entries()) {
          expect(value).toBeCloseTo(output.data[index - (index % area)] as number, 9);
        }
        // Within a phase all taps move alike, and the taps of a channel keep their sum.
        const taps = sizeOf(drawn.kernel);
        for (let pair = 0; pair < weight.data.length; pair += taps) {
          const change = Array.from(
            { length: taps },
            (_, tap) => (fixed.weight.data[pair + tap] as number) - (weight.data[pair + tap] as number),
          );
          for (const one of change) expect(one).toBeCloseTo(change[0] as number, 9);
        }
        expect(repairKernels({ ...kernels, ...fixed }).report.largestChange).toBeLessThan(1e-12);
      }),
      runsOf(150),
    );
  });

  it('whose bias alone differs from phase to phase leaves a pattern', () => {
    const geometry = { pixelShuffle: { upscaleFactor: 2 } };
    const weight = { data: [1, 2, 1, 2], shape: [2, 1, 2] };
    expect(analyze({ geometry, weight, bias: [3, 3] })).toMatchObject({ verdict: 'free', inChannels: 1 });
    const found = analyze({ geometry, weight, bias: [3, 5] });
    // Gains 3, 3 of the weights, 3, 5 of the bias: deviations 1, 1 of an energy of 52.
    expect(found).toMatchObject({ verdict: 'weights-only', inChannels: 2 });
    expect(found.unevenness).toBeCloseTo(2 / 52, 12);
    const { bias } = repairKernels({ geometry, weight, bias: [3, 5] });
    expect([...(bias ?? [])]).toEqual([4, 4]);
  });

  it('has the penalty of its transposed convolution, value by value', () => {
    const random = mulberry32(3);
    for (const mode of ['CRD', 'DCR'] as const) {
      const geometry = { pixelShuffle: { upscaleFactor: [2, 3], mode }, dilation: 2 };
      const shape = [12, 2, 2, 2];
      const data = Array.from({ length: sizeOf(shape) }, () => random() - 0.5);
      const { loss, gradient } = kernelsPenalty({ geometry, weight: { data, shape } }, 0.7);
      for (const index of [0, 17, 50, 95]) {
        const moved = data.with(index, (data[index] as number) + 1e-6);
        const other = kernelsPenalty({ geometry, weight: { data: moved, shape } }, 0.7).loss;
        expect((other - loss) / 1e-6).toBeCloseTo(gradient[index] as number, 4);
      }
    }
  });

  it('random, leaves (S - 1) / S of the energy on flats in a pattern', () => {
    const random = mulberry32(5);
    const data = Array.from({ length: 4 * 64 * 32 * 9 }, () => random() - 0.5);
    const weight = { data, shape: [256, 32, 3, 3] };
    const found = analyze(
      { geometry: { pixelShuffle: { upscaleFactor: 2 }, padding: 1 }, weight },
      { gains: false },
    );
    expect(found.unevenness).toBeGreaterThan(0.73);
    expect(found.unevenness).toBeLessThan(0.77);
    expect(found.verdict).toBe('weights-only');
  });
});

describe('a nearest-neighbour resize and a convolution', () => {
  it('is the transposed convolution that its kernels are turned into, and free whatever they are', () => {
    fc.assert(
      fc.property(geometries, (drawn) => {
        const random = mulberry32(drawn.seed);
        const { kernel, factor, dilation, padding, groups, inputs, outputs } = drawn;
        const weight = wholes([outputs, inputs / groups, ...kernel], random);
        const geometry = { dilation, padding, groups, upsample: { scaleFactor: factor } };
        const x = wholes([inputs, ...extentsOf(drawn)], random);
        expect(transposed(x, toTransposedKernels({ geometry, weight }))).toEqual(
          convolved(nearest(x, factor), weight, drawn),
        );
        for (const data of [weight.data, Float32Array.from(weight.data, (value) => value / 7)]) {
          const found = analyze({ geometry, weight: { data, shape: weight.shape } });
          expect(found).toMatchObject({ unevenness: 0, verdict: 'free', levelDbc: -320 });
        }
        const fixed = repairKernels({ geometry, weight });
        expect(fixed.weight.data).toEqual(weight.data);
        expect(fixed.report).toMatchObject({ largestChange: 0, relativeChange: 0 });
        expect(kernelsPenalty({ geometry, weight })).toEqual({
          loss: 0,
          gradient: new Float64Array(weight.data.length),
        });
      }),
      runsOf(200),
    );
  });

  it('is of a higher order with a linear resize', () => {
    const weight = { data: [0.3, -0.2, 0.9], shape: [1, 1, 3] };
    const orderOf = (mode: 'nearest' | 'linear') =>
      analyze({ geometry: { upsample: { scaleFactor: 3, mode } }, weight }).order;
    expect([orderOf('nearest'), orderOf('linear')]).toEqual([1, 2]);
  });
});

it('refuses what is neither', () => {
  const weight = { data: new Float32Array(24), shape: [4, 2, 3] };
  const shuffle = { upscaleFactor: 2 };
  const wrong: readonly (readonly [unknown, 'BAD_OPTION' | 'BAD_SHAPE' | 'BAD_TYPE'])[] = [
    [{ pixelShuffle: shuffle, upsample: { scaleFactor: 2 } }, 'BAD_OPTION'],
    [{ pixelShuffle: shuffle, stride: 2 }, 'BAD_OPTION'],
    [{ pixelShuffle: shuffle, transposed: true }, 'BAD_OPTION'],
    [{ pixelShuffle: { upscaleFactor: 3 } }, 'BAD_SHAPE'],
    [{ pixelShuffle: { upscaleFactor: [2, 2] } }, 'BAD_OPTION'],
    [{ pixelShuffle: { upscaleFactor: 2, mode: 'NHWC' } }, 'BAD_OPTION'],
    [{ pixelShuffle: 2 }, 'BAD_TYPE'],
    [{ upsample: { scaleFactor: 1.5 } }, 'BAD_OPTION'],
    [{ upsample: { scaleFactor: 2, mode: 'cubic' } }, 'BAD_OPTION'],
    [{ upsample: {} }, 'BAD_TYPE'],
  ];
  for (const [geometry, code] of wrong) {
    expectError(
      caught(() => analyze({ geometry, weight } as Kernels)),
      code,
      'analyze',
    );
  }
  const bias = [1, 2];
  expectError(
    caught(() => analyze({ geometry: { pixelShuffle: shuffle }, weight, bias })),
    'BAD_SHAPE',
    'analyze',
  );
  expectError(
    caught(() => toTransposedKernels({ geometry: {}, weight })),
    'BAD_OPTION',
    'toTransposedKernels',
  );
  const apart = { geometry: { pixelShuffle: { ...shuffle, mode: 'DCR' as const }, groups: 2 }, weight };
  expectError(
    caught(() => repairKernels(apart)),
    'UNSUPPORTED',
    'repairKernels',
  );
});

describe('sizes that a file can name and nobody can compute', () => {
  const row = { data: new Float32Array(12).fill(1), shape: [4, 1, 3] };
  const square = { data: new Float32Array(36).fill(1), shape: [4, 1, 3, 3] };
  it.each<[string, Kernels]>([
    [
      'a factor with more phases than can be listed',
      { geometry: { upsample: { scaleFactor: 2 ** 17 } }, weight: row },
    ],
    ['the same, linear', { geometry: { upsample: { scaleFactor: 2 ** 17, mode: 'linear' } }, weight: row }],
    ['holes between taps', { geometry: { upsample: { scaleFactor: 2 }, dilation: 4100 }, weight: square }],
    [
      'holes between the taps of a sub-pixel convolution',
      { geometry: { pixelShuffle: { upscaleFactor: [2, 2] }, dilation: 4100 }, weight: square },
    ],
    [
      'a long kernel and a large factor',
      {
        geometry: { upsample: { scaleFactor: 2 ** 16 } },
        weight: { data: new Float32Array(2 ** 20), shape: [1, 1, 2 ** 20] },
      },
    ],
    // What killed the program: the last of all, for it never got beyond.
    ['a factor of a billion', { geometry: { upsample: { scaleFactor: 2 ** 30 } }, weight: square }],
  ])('%s', (_, kernels) => {
    expectError(
      caught(() => toTransposedKernels(kernels)),
      'TOO_LARGE',
      'toTransposedKernels',
    );
    expectError(
      caught(() => analyze(kernels)),
      'TOO_LARGE',
      'analyze',
    );
  });
});
