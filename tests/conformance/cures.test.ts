// The cures through the layers: resize-convolution and smooth layers against plain double-precision code that
// resizes, pads and convolves one after the other, their gradients, and what cured layers do to images.

import {
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  createRuntime,
  HeapTensor,
  memoryUsage,
  type Tensor,
} from 'deconv-wasm';
import {
  addSpectralPenalty,
  analyze,
  initializeBilinear,
  initializeIcnr,
  ResizeConv1d,
  ResizeConv2d,
  ResizeConv3d,
  type ResizeConvOptions,
  type ResizeMode,
  repair,
  repairKernels,
  SmoothConvTranspose1d,
  SmoothConvTranspose2d,
  SmoothConvTranspose3d,
  toConvTranspose,
  toResizeConv,
  toTransposedKernels,
} from 'deconv-wasm/checkerboard';
import { quantize } from 'deconv-wasm/quantize';
import { adam, meanSquaredError, ReLU, Sequential } from 'deconv-wasm/training';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { runsOf } from '../support/seed.js';
import { quarters, randomTensor, sizeOf, zeros } from '../support/tensors.js';

const RUNS = 150;

const RESIZE = { 1: ResizeConv1d, 2: ResizeConv2d, 3: ResizeConv3d } as const;
const SMOOTH = { 1: SmoothConvTranspose1d, 2: SmoothConvTranspose2d, 3: SmoothConvTranspose3d } as const;
const TRANSPOSE = { 1: ConvTranspose1d, 2: ConvTranspose2d, 3: ConvTranspose3d } as const;
type Rank = 1 | 2 | 3;
const LINEAR: Readonly<Record<Rank, ResizeMode>> = { 1: 'linear', 2: 'bilinear', 3: 'trilinear' };

/** `[N, C, ...]` in double precision. */
interface Doubles {
  readonly data: Float64Array;
  readonly shape: readonly number[];
}

/** Every value of an axis is a sum of others: `terms(position)` lists index and factor of each. */
function alongAxis(
  x: Doubles,
  axis: number,
  extent: number,
  terms: (position: number) => readonly (readonly [number, number])[],
): Doubles {
  const shape = x.shape.with(axis, extent);
  const data = new Float64Array(sizeOf(shape));
  const inner = sizeOf(shape.slice(axis + 1));
  const from = x.shape[axis] as number;
  const termsOf = Array.from({ length: extent }, (_, position) => terms(position));
  for (let index = 0; index < data.length; index += 1) {
    const outer = Math.floor(index / (inner * extent));
    for (const [source, factor] of termsOf[Math.floor(index / inner) % extent] ?? []) {
      data[index] =
        (data[index] as number) +
        factor * (x.data[(outer * from + source) * inner + (index % inner)] as number);
    }
  }
  return { data, shape };
}

/** nn.Upsample: source coordinates are (n + 1/2) / s - 1/2, clamped below. */
function resize(x: Doubles, scale: readonly number[], mode: ResizeMode): Doubles {
  return scale.reduce((image, step, at) => {
    const n = image.shape[at + 2] as number;
    return alongAxis(image, at + 2, n * step, (position) => {
      if (mode === 'nearest') return [[Math.floor(position / step), 1]];
      const place = Math.max((position + 0.5) / step - 0.5, 0);
      const low = Math.floor(place);
      const high = Math.min(low + 1, n - 1);
      return [
        [low, 1 - (place - low)],
        [high, place - low],
      ];
    });
  }, x);
}

function pad(x: Doubles, ends: readonly (readonly [number, number])[], mode: 'zeros' | 'replicate'): Doubles {
  return ends.reduce((image, [before, after], at) => {
    const n = image.shape[at + 2] as number;
    return alongAxis(image, at + 2, n + before + after, (position) => {
      const place = position - before;
      if (place >= 0 && place < n) return [[place, 1]];
      return mode === 'zeros' ? [] : [[place < 0 ? 0 : n - 1, 1]];
    });
  }, x);
}

/** nn.Conv with stride 1: correlation by `[out, in/groups, ...kernel]`. */
function correlate(
  x: Doubles,
  weight: Tensor,
  bias: ArrayLike<number> | null,
  dilation: readonly number[],
  groups: number,
): Doubles {
  const [batch = 0, inChannels = 0, ...extents] = x.shape;
  const [outChannels = 0, groupIn = 0, ...kernel] = weight.shape;
  const out = extents.map((n, at) => n - (dilation[at] as number) * ((kernel[at] as number) - 1));
  const shape = [batch, outChannels, ...out];
  const data = new Float64Array(sizeOf(shape));
  const points = sizeOf(out);
  const taps = sizeOf(kernel);
  const plane = sizeOf(extents);
  const offsets = Array.from({ length: taps }, (_, tap) =>
    flat(
      placeOf(tap, kernel).map((j, at) => j * (dilation[at] as number)),
      extents,
    ),
  );
  for (let index = 0; index < data.length; index += 1) {
    const point = flat(placeOf(index % points, out), extents);
    const channel = Math.floor(index / points) % outChannels;
    const image = Math.floor(index / (points * outChannels));
    const group = Math.floor(channel / (outChannels / groups));
    let sum = bias?.[channel] ?? 0;
    for (let i = 0; i < groupIn; i += 1) {
      const base = (image * inChannels + group * groupIn + i) * plane + point;
      const row = (channel * groupIn + i) * taps;
      for (let tap = 0; tap < taps; tap += 1) {
        sum += (x.data[base + (offsets[tap] as number)] as number) * (weight.data[row + tap] as number);
      }
    }
    data[index] = sum;
  }
  return { data, shape };
}

function placeOf(index: number, extents: readonly number[]): number[] {
  let rest = index;
  return extents
    .map((_, at) => extents.length - 1 - at)
    .map((axis) => {
      const extent = extents[axis] as number;
      const place = rest % extent;
      rest = Math.floor(rest / extent);
      return place;
    })
    .reverse();
}

function flat(place: readonly number[], extents: readonly number[]): number {
  return place.reduce((index, at, axis) => index * (extents[axis] as number) + at, 0);
}

function doubled({ data, shape }: Tensor): Doubles {
  return { data: Float64Array.from(data), shape };
}

/** Of float32 sums of a few hundred terms of size 1. */
function expectNear(got: Tensor, wanted: Doubles, limit = 2e-5): void {
  expect(compareWith(got, wanted.shape, wanted.data, () => limit)).toBeUndefined();
}

interface Case {
  readonly rank: Rank;
  readonly options: ResizeConvOptions & {
    readonly mode: ResizeMode;
    readonly paddingMode: 'zeros' | 'replicate';
  };
  readonly batch: number;
  readonly extents: readonly number[];
  readonly seed: number;
}

const resizeCase: fc.Arbitrary<Case> = fc.constantFrom<Rank>(1, 2, 2, 3).chain((rank) => {
  const perAxis = (min: number, max: number) =>
    fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
  return fc
    .record({
      groups: fc.integer({ min: 1, max: 2 }),
      groupIn: fc.integer({ min: 1, max: 3 }),
      groupOut: fc.integer({ min: 1, max: 3 }),
      bias: fc.boolean(),
      mode: fc.constantFrom<ResizeMode>('nearest', LINEAR[rank]),
      paddingMode: fc.constantFrom('zeros' as const, 'replicate' as const),
      scaleFactor: perAxis(1, 4),
      kernelSize: perAxis(1, 4),
      dilation: perAxis(1, 2),
      // Beyond the kernel's reach now and then: then whole rows are padding alone.
      padding: fc.oneof(perAxis(0, 4), fc.constant('same' as const), fc.constant('valid' as const)),
      extents: perAxis(1, rank === 3 ? 3 : 5),
      batch: fc.integer({ min: 0, max: 2 }),
      seed: fc.nat(1e6),
    })
    .map(({ groups, groupIn, groupOut, extents, batch, seed, ...rest }) => ({
      rank,
      extents,
      batch,
      seed,
      options: { ...rest, groups, inChannels: groups * groupIn, outChannels: groups * groupOut, seed },
    }))
    .filter(({ options, extents: n }) =>
      n.every((extent, at) => {
        const pads = Array.isArray(options.padding) ? 2 * (options.padding[at] as number) : 0;
        const reach = (options.dilation[at] as number) * ((options.kernelSize[at] as number) - 1);
        const kept = options.padding === 'same' ? reach : 0;
        return extent * (options.scaleFactor[at] as number) + pads + kept - reach >= 1;
      }),
    );
});

function padsOf({ padding, kernelSize, dilation }: Case['options']): [number, number][] {
  return (kernelSize as number[]).map((taps, at) => {
    const total = ((dilation as number[])[at] as number) * (taps - 1);
    if (padding === 'same') return [Math.floor(total / 2), Math.ceil(total / 2)];
    const pads = padding === 'valid' ? 0 : ((padding as number[])[at] as number);
    return [pads, pads];
  });
}

function plainly(x: Doubles, weight: Tensor, bias: Tensor | null, options: Case['options']): Doubles {
  const padded = pad(
    resize(x, options.scaleFactor as number[], options.mode),
    padsOf(options),
    options.paddingMode,
  );
  return correlate(padded, weight, bias?.data ?? null, options.dilation as number[], options.groups ?? 1);
}

/** The derivative of `sum(f(values) * g)` by each value: f is linear in them, so a step of 1 is exact. */
function slopes(
  values: Float64Array,
  f: (values: Float64Array) => Float64Array,
  g: Float32Array,
): Float64Array {
  const dot = (moved: Float64Array): number =>
    f(moved).reduce((sum, value, at) => sum + value * (g[at] as number), 0);
  const before = dot(values);
  return values.map((value, at) => dot(values.with(at, value + 1)) - before);
}

describeEachBuild(({ name }) => {
  it('ResizeConv is resize, pad and convolve, borders included', () => {
    fc.assert(
      fc.property(resizeCase, ({ rank, options, batch, extents, seed }) => {
        using layer = new RESIZE[rank](options);
        const x = randomTensor([batch, layer.inChannels, ...extents], seed + 1);
        const wanted = plainly(doubled(x), layer.weight, layer.bias, options);
        expect(layer.outputShape(x.shape)).toEqual(wanted.shape);
        expectNear(layer.forward(x), wanted);
        if (batch === 1) {
          const single = layer.forward({ data: x.data, shape: x.shape.slice(1) });
          expectNear(single, { data: wanted.data, shape: wanted.shape.slice(1) });
        }
        const relu = layer.forward(x, { activation: 'relu' });
        expectNear(relu, { ...wanted, data: wanted.data.map((value) => Math.max(value, 0)) });
      }),
      runsOf(RUNS, `resize ${name}`),
    );
  });

  it('gradients of ResizeConv are those of differences', () => {
    fc.assert(
      fc.property(resizeCase, ({ rank, options, batch, extents, seed }) => {
        using layer = new RESIZE[rank](options);
        const x = randomTensor([Math.max(batch, 1), layer.inChannels, ...extents], seed + 1);
        const { weight, bias } = layer;
        const gradOutput = randomTensor(layer.outputShape(x.shape), seed + 2);
        fc.pre(weight.data.length * gradOutput.data.length < 2e5);
        const gradients = layer.backward(x, gradOutput);
        const byInput = slopes(
          Float64Array.from(x.data),
          (data) => plainly({ data, shape: x.shape }, weight, bias, options).data,
          gradOutput.data,
        );
        expectNear(gradients.input, { data: byInput, shape: x.shape }, 1e-4);
        const byWeight = slopes(
          Float64Array.from(weight.data),
          (data) => plainly(doubled(x), { ...weight, data: data as never }, bias, options).data,
          gradOutput.data,
        );
        expectNear(gradients.weight, { data: byWeight, shape: weight.shape }, 2e-4);
        expect(gradients.bias === null).toBe(bias === null);
        if (bias === null) return;
        const byBias = slopes(
          Float64Array.from(bias.data),
          (data) => plainly(doubled(x), weight, { ...bias, data: data as never }, options).data,
          gradOutput.data,
        );
        expectNear(gradients.bias as Tensor, { data: byBias, shape: bias.shape }, 2e-4);
      }),
      runsOf(40, `gradients ${name}`),
    );
  });

  it.each([1, 2, 3] as const)('rank %i: a smooth layer is the transposed layer followed by boxes', (rank) => {
    for (const order of [0, 1, 2]) {
      for (const stride of [2, 3]) {
        const options = {
          inChannels: 4,
          outChannels: 2,
          groups: 2,
          kernelSize: 3,
          stride,
          padding: 1,
          outputPadding: order % 2,
          dilation: order === 2 ? 2 : 1,
          seed: 3,
        };
        using smooth = new SMOOTH[rank]({ ...options, order });
        using whole = new TRANSPOSE[rank]({ ...options, padding: 0, outputPadding: 0, bias: false });
        whole.setWeight(smooth.weight);
        const x = randomTensor([2, 4, ...[4, 3, 2].slice(0, rank)], 7 + order);
        let wanted = doubled(whole.forward(x));
        const added = (order + 1) * (stride - 1);
        for (let axis = 2; axis < rank + 2; axis += 1) {
          for (let box = 0; box <= order; box += 1) {
            const n = wanted.shape[axis] as number;
            wanted = alongAxis(wanted, axis, n + stride - 1, (position) =>
              Array.from({ length: stride }, (_, shift) => [position - shift, 1 / stride] as const).filter(
                ([source]) => source >= 0 && source < n,
              ),
            );
          }
          const from = 1 + Math.floor(added / 2);
          const size = (wanted.shape[axis] as number) - added - 2 + (order % 2);
          const n = wanted.shape[axis] as number;
          wanted = alongAxis(wanted, axis, size, (position) =>
            position + from < n ? [[position + from, 1]] : [],
          );
        }
        const bias = smooth.bias as Tensor;
        const points = sizeOf(wanted.shape.slice(2));
        const data = wanted.data.map(
          (value, at) => value + (bias.data[Math.floor(at / points) % 2] as number),
        );
        const y = smooth.forward(x);
        expect(y.shape).toEqual(smooth.outputShape(x.shape));
        expectNear(y, { data, shape: wanted.shape });
        // The same function without a filter.
        using plain = toConvTranspose(smooth);
        expect(plain.outputShape(x.shape)).toEqual(y.shape);
        expectNear(plain.forward(x), doubled(y));
        expectFlat(smooth, rank, 2e-6);
        const gradOutput = randomTensor(y.shape, 8);
        const gradients = smooth.backward(x, gradOutput);
        const loss = (weight: Float32Array): number => {
          using moved = new SMOOTH[rank]({ ...options, order });
          moved.setWeight(weight);
          const { data: values } = moved.forward(x);
          return values.reduce((sum, value, at) => sum + value * (gradOutput.data[at] as number), 0);
        };
        const { data: weight } = smooth.weight;
        for (const at of [0, 2, weight.length - 1]) {
          const slope =
            (loss(weight.with(at, (weight[at] as number) + 1)) -
              loss(weight.with(at, (weight[at] as number) - 1))) /
            2;
          expect(Math.abs(slope - (gradients.weight.data[at] as number))).toBeLessThan(1e-3);
        }
      }
    }
  });

  it.each([1, 2, 3] as const)(
    'rank %i: ICNR is convolution, then nearest-neighbour resize, exactly',
    (rank) => {
      const stride = [2, 3, 2].slice(0, rank);
      const small = [3, 2, 2].slice(0, rank);
      const options = { inChannels: 2, outChannels: 4, groups: 2, bias: false, seed: 1 };
      using layer = new TRANSPOSE[rank]({
        ...options,
        kernelSize: small.map((taps, at) => taps * (stride[at] as number)),
        stride,
      });
      // Quarters: sums are exact in float32.
      const q = quarters([2, 2, ...small], 5);
      initializeIcnr(layer, { values: () => q });
      using convolution = new TRANSPOSE[rank]({ ...options, kernelSize: small });
      convolution.setWeight(q);
      const x = quarters([1, 2, 4, 3, 2].slice(0, rank + 2), 6);
      const { data, shape } = resize(doubled(convolution.forward(x)), stride, 'nearest');
      expect(compareExactly(layer.forward(x), { data: Float32Array.from(data), shape })).toBeUndefined();
      expectFlat(layer, rank, 0);
    },
  );

  it('bilinear weights carry a ramp to a ramp', () => {
    for (const [kernelSize, stride] of [
      [4, 2],
      [5, 3],
      [8, 4],
    ] as const) {
      const padding = Math.ceil((stride - 1) / 2);
      using layer = new ConvTranspose2d({
        inChannels: 2,
        outChannels: 2,
        bias: false,
        kernelSize,
        stride,
        padding,
      });
      initializeBilinear(layer);
      const n = 8;
      const x = Float32Array.from({ length: 2 * n * n }, (_, at) =>
        at < n * n ? at % n : 3 * Math.floor((at % (n * n)) / n),
      );
      const y = layer.forward({ data: x, shape: [1, 2, n, n] });
      const side = n * stride;
      expect(y.shape).toEqual([1, 2, side, side]);
      for (let row = stride; row < side - stride; row += 1) {
        for (let column = stride; column < side - stride; column += 1) {
          const [u, v] = [row, column].map((at) => (at + 0.5) / stride - 0.5) as [number, number];
          expect(y.data[row * side + column]).toBeCloseTo(v, 5);
          expect(y.data[side * side + row * side + column]).toBeCloseTo(3 * u, 4);
        }
      }
    }
  });

  it.each([1, 2, 3] as const)('rank %i: a flat image stays flat through a repaired layer', (rank) => {
    for (const kernelSize of [3, 4, 5]) {
      using layer = new TRANSPOSE[rank]({ inChannels: 3, outChannels: 2, kernelSize, stride: 2, seed: 2 });
      expect(() => expectFlat(layer, rank, 1e-2)).toThrow();
      const before = analyze(layer);
      expect(repair(layer).unevennessBefore).toBe(before.unevenness);
      expect(analyze(layer).unevenness).toBe(0);
      // No more than the rounding of sums.
      expectFlat(layer, rank, 2e-6);
      const sums = (found: typeof before): number[] =>
        found.gains.flat().map((gains) => gains.reduce((sum, gain) => sum + gain, 0));
      for (const [pair, sum] of sums(analyze(layer)).entries()) {
        expect(Math.abs(sum - (sums(before)[pair] as number))).toBeLessThan(1e-5);
      }
    }
  });

  it('conversions compute the same', () => {
    for (const options of [
      { scaleFactor: 2, kernelSize: 3, padding: 1 },
      { scaleFactor: 3, kernelSize: 4, padding: 'same' },
      { scaleFactor: [2, 4], kernelSize: [1, 3], padding: [3, 0], dilation: [1, 2] },
      { scaleFactor: [1, 2], kernelSize: 2, padding: 4, groups: 2 },
    ] as const) {
      using layer = new ResizeConv2d({ inChannels: 2, outChannels: 4, seed: 5, ...options });
      using plain = toConvTranspose(layer);
      using back = toResizeConv(plain);
      const x = randomTensor([1, 2, 4, 5], 6);
      const y = doubled(layer.forward(x));
      expectNear(plain.forward(x), y);
      expectNear(back.forward(x), y);
    }
    for (const options of [
      { kernelSize: 5, stride: 2, padding: 2, outputPadding: 1 },
      { kernelSize: 3, stride: 3, padding: 2, outputPadding: 1 },
      { kernelSize: 4, stride: 3, dilation: 2 },
      { kernelSize: 16, stride: 10, padding: 5 },
    ]) {
      using layer = new ConvTranspose1d({ inChannels: 2, outChannels: 2, seed: 1, ...options });
      repair(layer);
      using resized = toResizeConv(layer);
      const x = randomTensor([2, 2, 6], 2);
      expectNear(resized.forward(x), doubled(layer.forward(x)));
    }
  });

  it('the other members of a layer work on the new ones', () => {
    const options = { inChannels: 2, outChannels: 3, scaleFactor: 2, kernelSize: 3, padding: 1, seed: 1 };
    const x = randomTensor([2, 2, 4, 4], 3);
    for (const mode of ['nearest', 'bilinear'] as const) {
      const { liveLayers } = memoryUsage();
      const layer = new ResizeConv2d({ ...options, mode });
      const y = layer.forward(x);
      const out = zeros(...y.shape);
      expect(layer.forward(x, { out })).toBe(out);
      expect(compareExactly(out, y)).toBeUndefined();
      using source = new HeapTensor(x.shape);
      source.data.set(x.data);
      expect(compareExactly(layer.forward(source), y)).toBeUndefined();
      layer.setWeight(layer.weight.data.map((value) => 2 * value)).setBias(new Float32Array(3));
      layer.forward(x);
      expect(layer.plan).not.toBeNull();
      const where = 'ResizeConv2d.forward';
      expectError(
        caught(() => layer.forward(zeros(1, 3, 4, 4))),
        'BAD_SHAPE',
        where,
      );
      expectError(
        caught(() => layer.forward({} as never)),
        'BAD_TYPE',
        where,
      );
      expectError(
        caught(() => layer.forward(x, { out: zeros(1) })),
        'BAD_SHAPE',
        where,
      );
      expectError(
        caught(() => layer.backward(x, zeros(1))),
        'BAD_SHAPE',
        'ResizeConv2d.backward',
      );
      layer.backward(x, y);
      expect(memoryUsage().liveLayers).toBe(liveLayers + 1);
      layer.dispose();
      layer.dispose();
      expect(memoryUsage().liveLayers).toBe(liveLayers);
      expectError(
        caught(() => layer.forward(x)),
        'DISPOSED',
        where,
      );
      expectError(
        caught(() => layer.backward(x, y)),
        'DISPOSED',
        'ResizeConv2d.backward',
      );
      expect(layer.outputShape(x.shape)).toEqual(y.shape);
    }
    using layer = new ResizeConv2d(options);
    using small = quantize(layer);
    const [exact, rough] = [layer.forward(x), small.forward(x)];
    const largest = Math.max(...exact.data.map(Math.abs));
    expect(compareWith(rough, exact.shape, exact.data, () => 0.05 * largest)).toBeUndefined();
  });

  it('a resize-convolution whose runtime has ended says so itself, whatever its steps', async () => {
    const runtime = await createRuntime();
    const options = { inChannels: 2, outChannels: 3, scaleFactor: 2, kernelSize: 3, padding: 1, runtime };
    const layers = [
      new ResizeConv2d(options),
      new ResizeConv2d({ ...options, mode: 'bilinear' }),
      new ResizeConv2d({ ...options, paddingMode: 'replicate' }),
    ];
    await runtime.shutdown();
    for (const layer of layers) {
      expectError(
        caught(() => layer.forward(zeros(1, 2, 4, 4))),
        'NOT_INITIALIZED',
        'ResizeConv2d.forward',
      );
    }
  });

  it('trains: resize-convolution learns, and the penalty lowers U while the loss is learned', () => {
    const x = randomTensor([4, 2, 6, 6], 1);
    using teacher = new ResizeConv2d({
      inChannels: 2,
      outChannels: 1,
      scaleFactor: 2,
      mode: 'bilinear',
      kernelSize: 3,
      padding: 1,
      seed: 9,
    });
    const target = teacher.forward(x);
    using student = new Sequential(
      new ResizeConv2d({ inChannels: 2, outChannels: 4, scaleFactor: 2, kernelSize: 3, padding: 1, seed: 1 }),
      new ReLU(),
      new SmoothConvTranspose2d({
        inChannels: 4,
        outChannels: 1,
        kernelSize: 3,
        stride: 1,
        padding: 1,
        seed: 2,
      }),
    );
    const step = adam(student.layers, { learningRate: 0.02 });
    const losses: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      const pass = student.trace(x);
      const { loss, gradient } = meanSquaredError(pass.output, target);
      losses.push(loss);
      step(pass.backward(gradient).layers);
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 5);

    using up = new Sequential(
      new ConvTranspose2d({ inChannels: 2, outChannels: 1, kernelSize: 4, stride: 2, padding: 1, seed: 3 }),
    );
    const [layer] = up.layers as unknown as [ConvTranspose2d];
    const descend = (strength: number, rate: number): { loss: number; penalty: number } => {
      const pass = up.trace(x);
      const { loss, gradient } = meanSquaredError(pass.output, target);
      const { layers } = pass.backward(gradient);
      const { loss: penalty, gradients } = addSpectralPenalty(up.layers, layers, strength);
      for (const [at, { weight }] of gradients.entries()) {
        expect(weight.shape).toEqual(layers[at]?.weight.shape);
        layer.setWeight(layer.weight.data.map((value, i) => value - rate * (weight.data[i] as number)));
      }
      return { loss, penalty };
    };
    let last = analyze(layer).unevenness;
    const [firstU, first] = [last, descend(0, 0)];
    for (let round = 0; round < 40; round += 1) {
      descend(2, 0.02);
      const { unevenness } = analyze(layer);
      expect(unevenness).toBeLessThan(last);
      last = unevenness;
    }
    expect(last).toBeLessThan(firstU / 20);
    expect(descend(0, 0).loss).toBeLessThan(first.loss);
  });

  it.each(['CRD', 'DCR'] as const)(
    'sub-pixel convolution (%s) runs as one transposed convolution, and repaired keeps flats flat',
    (mode) => {
      const [r, channels] = [2, 3];
      const conv = new Conv2d({
        inChannels: 5,
        outChannels: channels * r * r,
        kernelSize: 3,
        padding: 1,
        seed: 4,
      });
      const geometry = { padding: 1, pixelShuffle: { upscaleFactor: r, mode } };
      const kernels = { geometry, weight: conv.weight, bias: conv.bias?.data ?? null };
      const made = toTransposedKernels(kernels);
      const up = new ConvTranspose2d({
        inChannels: 5,
        outChannels: channels,
        kernelSize: made.weight.shape.slice(2),
        stride: r,
        padding: made.geometry.padding as number[],
        bias: false,
      });
      up.setWeight(Float32Array.from(made.weight.data));
      const x = randomTensor([2, 5, 7, 6], 5);
      const biasOnly = conv.bias?.data ?? new Float32Array(channels * r * r);
      conv.setBias(new Float32Array(biasOnly.length));
      const y = up.forward(x);
      const shuffled = pixelShuffle(conv.forward(x), r, mode);
      expect(y.shape).toEqual(shuffled.shape);
      const largest = y.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (const [index, value] of y.data.entries()) {
        expect(Math.abs(value - (shuffled.data[index] as number))).toBeLessThan(1e-5 * largest);
      }

      const fixed = repairKernels(kernels);
      conv.setWeight(Float32Array.from(fixed.weight.data));
      conv.setBias(Float32Array.from(fixed.bias ?? []));
      const inside = {
        inChannels: 5,
        forward: (input: Tensor) => pixelShuffle(conv.forward(input), r, mode),
      };
      expectFlat(inside, 2, 1e-6);
      conv.setBias(biasOnly);
      expect(() => expectFlat(inside, 2, 1e-3)).toThrow();
      up.dispose();
      conv.dispose();
    },
  );
}, SOME_BUILDS);

/** Channels of `[N, C, H, W]` to positions. */
function pixelShuffle({ data, shape }: Tensor, r: number, mode: 'CRD' | 'DCR'): Tensor {
  const [batch = 0, channels = 0, height = 0, width = 0] = shape;
  const outputs = channels / (r * r);
  const result = new Float32Array(data.length);
  for (let at = 0; at < result.length; at += 1) {
    const [column, row] = [at % (width * r), Math.floor(at / (width * r)) % (height * r)];
    const plane = Math.floor(at / (width * r * height * r));
    const [image, out] = [Math.floor(plane / outputs), plane % outputs];
    const phase = (row % r) * r + (column % r);
    const channel = mode === 'CRD' ? out * r * r + phase : phase * outputs + out;
    const place = Math.floor(row / r) * width + Math.floor(column / r);
    result[at] = data[(image * channels + channel) * height * width + place] as number;
  }
  return { data: result, shape: [batch, outputs, height * r, width * r] };
}

/** Constants in, constants out, away from the borders, up to `limit` of the largest value. */
function expectFlat(
  layer: { forward(x: Tensor): Tensor; readonly inChannels: number },
  rank: Rank,
  limit: number,
): void {
  const n = rank === 3 ? 9 : 12;
  const shape = [1, layer.inChannels, ...new Array<number>(rank).fill(n)];
  const points = n ** rank;
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, at) => 1 + Math.floor(at / points));
  const y = layer.forward({ data, shape });
  const [, channels = 0, ...extents] = y.shape;
  const inside = (index: number): boolean =>
    placeOf(index, extents).every((at, axis) => {
      const extent = extents[axis] as number;
      return at >= extent * 0.35 && at < extent * 0.65;
    });
  for (let channel = 0; channel < channels; channel += 1) {
    const values = y.data
      .subarray(channel * sizeOf(extents), (channel + 1) * sizeOf(extents))
      .filter((_, index) => inside(index));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    expect(values.length).toBeGreaterThanOrEqual(6);
    expect(high - low).toBeLessThanOrEqual(limit * Math.max(1, Math.abs(low), Math.abs(high)));
  }
}
