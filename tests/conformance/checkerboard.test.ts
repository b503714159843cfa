// What the analyzer says of layers, against what the layers do.

import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  init,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import {
  Conv2d as BrainstateConv2d,
  ConvTranspose2d as BrainstateConvTranspose2d,
} from 'deconv-wasm/brainstate';
import {
  type Analysis,
  analyze,
  analyzeStack,
  overlapMap,
  type Subject,
  scoreImage,
} from 'deconv-wasm/checkerboard';
import { fromOnnx } from 'deconv-wasm/convert';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caught, expectError } from '../support/errors.js';
import { runsOf } from '../support/seed.js';
import { quarters, randomTensor, sizeOf } from '../support/tensors.js';

beforeAll(() => init());
afterAll(shutdown);

const TRANSPOSE = { 1: ConvTranspose1d, 2: ConvTranspose2d, 3: ConvTranspose3d } as const;
type Rank = keyof typeof TRANSPOSE;

function filled(shape: readonly number[], value: number): Tensor {
  return { data: new Float32Array(sizeOf(shape)).fill(value), shape };
}

/** Channels of different constants, so that pairs cannot be mistaken for each other. */
function flat(shape: readonly number[]): { x: Tensor; constants: number[] } {
  const [channels = 0, ...extents] = shape;
  const constants = Array.from({ length: channels }, (_, channel) => 1 + channel / 2);
  return {
    x: {
      data: Float32Array.from(constants.flatMap((c) => new Array<number>(sizeOf(extents)).fill(c))),
      shape,
    },
    constants,
  };
}

function placeOf(index: number, extents: readonly number[]): number[] {
  const place = extents.map(() => 0);
  let rest = index;
  for (let axis = extents.length - 1; axis >= 0; axis -= 1) {
    place[axis] = rest % (extents[axis] as number);
    rest = Math.floor(rest / (extents[axis] as number));
  }
  return place;
}

/** Checks every place away from the borders of `y` [C, ...]; says how many there were. */
function expectGains(
  found: Analysis,
  constants: readonly number[],
  y: Tensor,
  bias: Float32Array | null,
  margin: number,
): number {
  const [channels = 0, ...extents] = y.shape;
  const area = sizeOf(extents);
  const groupOut = found.outChannels / found.groups;
  const groupIn = found.inChannels / found.groups;
  let seen = 0;
  for (let index = 0; index < area; index += 1) {
    const place = placeOf(index, extents);
    if (place.some((at, axis) => at < margin || at >= (extents[axis] as number) - margin)) continue;
    const phase = place.reduce((outer, at, axis) => {
      const stride = found.stride[axis] as number;
      return outer * stride + ((at + ((found.phaseShift as readonly number[])[axis] as number)) % stride);
    }, 0);
    for (let out = 0; out < channels; out += 1) {
      const first = Math.floor(out / groupOut) * groupIn;
      const wanted = (found.gains[out] as readonly (readonly number[])[]).reduce(
        (sum, gains, i) => sum + (constants[first + i] as number) * (gains[phase] as number),
        bias?.[out] ?? 0,
      );
      expect(Math.abs((y.data[out * area + index] as number) - wanted)).toBeLessThan(1e-4);
    }
    seen += 1;
  }
  return seen;
}

const axis = fc.record({
  inputSize: fc.integer({ min: 1, max: 5 }),
  kernelSize: fc.integer({ min: 1, max: 5 }),
  stride: fc.integer({ min: 1, max: 4 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  padding: fc.integer({ min: 0, max: 3 }),
});

it('the overlap map is a layer of ones on ones', () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.array(axis, { minLength: 1, maxLength: 3 }), (axes) => {
      const of = (name: keyof (typeof axes)[number]): number[] => axes.map((one) => one[name]);
      const layer = new TRANSPOSE[axes.length as Rank]({
        inChannels: 1,
        outChannels: 1,
        kernelSize: of('kernelSize'),
        stride: of('stride'),
        dilation: of('dilation'),
        padding: of('padding'),
        bias: false,
      });
      layer.setWeight(filled(layer.weight.shape, 1));
      const shape = [1, ...of('inputSize')];
      const natural = axes.map(
        (one) => (one.inputSize - 1) * one.stride + (one.kernelSize - 1) * one.dilation + 1 - 2 * one.padding,
      );
      if (natural.some((size) => size < 1)) {
        expectError(
          caught(() => overlapMap(axes)),
          'BAD_OPTION',
          'overlapMap',
        );
      } else {
        const map = overlapMap(axes);
        const y = layer.forward(filled(shape, 1));
        expect(y.shape).toEqual([1, ...map.shape]);
        expect(Array.from(y.data)).toEqual(map.counts);
        compared += 1;
      }
      layer.dispose();
    }),
    runsOf(400),
  );
  expect(compared).toBeGreaterThan(100);
});

describe('a constant input comes out as the gains, phase by phase', () => {
  it('of transposed layers of any geometry', () => {
    let seen = 0;
    const options = fc.record({
      kernelSize: fc.integer({ min: 1, max: 5 }),
      stride: fc.integer({ min: 1, max: 4 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      padding: fc.integer({ min: 0, max: 3 }),
      groups: fc.constantFrom(1, 2),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(options, fc.constantFrom<Rank>(1, 2, 3), (geometry, rank) => {
        const layer = new TRANSPOSE[rank]({ inChannels: 4, outChannels: 2, ...geometry });
        const { x, constants } = flat([4, ...new Array<number>(rank).fill(rank === 3 ? 8 : 12)]);
        const reach = (geometry.kernelSize - 1) * geometry.dilation + 1;
        const y = layer.forward(x);
        seen += expectGains(analyze(layer), constants, y, layer.bias?.data ?? null, reach);
        layer.dispose();
      }),
      runsOf(150),
    );
    expect(seen).toBeGreaterThan(10_000);
  });

  it('of layers in other conventions', () => {
    using brainstate = new BrainstateConvTranspose2d({
      inSize: [2, 12, 12],
      channelFirst: true,
      outChannels: 3,
      kernelSize: 3,
      stride: 2,
      seed: 5,
    });
    using masked = new BrainstateConvTranspose2d({
      inSize: [2, 12, 12],
      channelFirst: true,
      outChannels: 3,
      kernelSize: 4,
      stride: 3,
      seed: 5,
      wMask: { data: Float32Array.from({ length: 96 }, (_, index) => index % 3), shape: [4, 4, 3, 2] },
    });
    using spread = new BrainstateConv2d({
      inSize: [2, 12, 12],
      channelFirst: true,
      outChannels: 3,
      kernelSize: [3, 4],
      stride: 1,
      lhsDilation: [2, 3],
      padding: [
        [1, 2],
        [2, 1],
      ],
      seed: 5,
    });
    const { x, constants } = flat([2, 12, 12]);
    for (const layer of [brainstate, masked, spread]) {
      const seen = expectGains(analyze(layer), constants, layer.forward(x), null, 6);
      expect(seen).toBeGreaterThan(50);
    }
    using onnx = fromOnnx(
      'ConvTranspose',
      { strides: [3, 3], auto_pad: 'SAME_UPPER' },
      { weight: randomTensor([2, 3, 4, 4], 3) },
    );
    const batch = { data: x.data, shape: [1, 2, 12, 12] };
    const found = analyze(onnx, { inputShape: batch.shape });
    const y = onnx.forward(batch);
    expect(expectGains(found, constants, { data: y.data, shape: y.shape.slice(1) }, null, 6)).toBeGreaterThan(
      50,
    );
  });

  it('of gradients through strided convolutions, and of passes with the taps reversed', () => {
    const options = fc.record({
      kernelSize: fc.integer({ min: 1, max: 5 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      padding: fc.integer({ min: 0, max: 2 }),
      groups: fc.constantFrom(1, 2),
      seed: fc.nat(),
    });
    let seen = 0;
    fc.assert(
      fc.property(options, (geometry) => {
        const reach = (geometry.kernelSize - 1) * geometry.dilation + 1;
        const down = new Conv2d({ inChannels: 4, outChannels: 2, ...geometry });
        const x = randomTensor([4, 30, 30], 1);
        const { x: gradient, constants } = flat(down.outputShape(x.shape));
        seen += expectGains(analyze(down), constants, down.backward(x, gradient).input, null, reach + 3);
        down.dispose();
        const plain = { ...geometry, stride: 1 };
        const smooth = new Conv2d({ inChannels: 4, outChannels: 2, ...plain });
        const input = flat([4, 16, 16]);
        const bias = smooth.bias?.data ?? null;
        const forward = analyze(smooth, { pass: 'forward' });
        seen += expectGains(forward, input.constants, smooth.forward(input.x), bias, reach + 2);
        smooth.dispose();
        const up = new ConvTranspose2d({ inChannels: 4, outChannels: 2, ...plain });
        const around = randomTensor([4, 16, 16], 2);
        const last = flat(up.outputShape(around.shape));
        const backward = analyze(up, { pass: 'backward' });
        seen += expectGains(backward, last.constants, up.backward(around, last.x).input, null, reach + 2);
        up.dispose();
      }),
      runsOf(60),
    );
    expect(seen).toBeGreaterThan(10_000);
  });
});

describe('a stack', () => {
  /** The kernel that an impulse shows, as a subject of its own: `[in, out, ...]`. */
  function impulses(
    inChannels: number,
    size: readonly number[],
    run: (x: Tensor) => Tensor,
  ): { weight: Tensor } {
    const rows: Tensor[] = Array.from({ length: inChannels }, (_, channel) => {
      const x = filled([inChannels, ...size], 0);
      x.data[channel * sizeOf(size)] = 1;
      return run(x);
    });
    const shape = (rows[0] as Tensor).shape;
    return {
      weight: {
        data: Float32Array.from(rows.flatMap(({ data }) => [...data])),
        shape: [inChannels, ...shape],
      },
    };
  }

  function expectSame(found: Analysis, stride: readonly number[], weight: Tensor): void {
    const whole = analyze({ geometry: { stride }, weight });
    expect(found.stride).toEqual(stride);
    expect(found.kernelSize).toEqual(weight.shape.slice(2));
    expect(found.gains.length).toBe(whole.gains.length);
    for (const [out, pairs] of whole.gains.entries()) {
      for (const [i, gains] of pairs.entries()) {
        for (const [phase, gain] of gains.entries()) {
          expect(Math.abs((found.gains[out]?.[i]?.[phase] as number) - gain)).toBeLessThan(1e-5);
        }
      }
    }
    expect(found.unevenness).toBeCloseTo(whole.unevenness, 5);
  }

  it.each([1, 2, 3] as const)(
    'of layers with %i axes is the layers one after another on an impulse',
    (rank) => {
      const Up = TRANSPOSE[rank];
      using first = new Up({
        inChannels: 2,
        outChannels: 4,
        kernelSize: 3,
        stride: 2,
        groups: 2,
        bias: false,
        seed: 1,
      });
      using second = new Up({
        inChannels: 4,
        outChannels: 6,
        kernelSize: 2,
        stride: 3,
        dilation: 2,
        bias: false,
        seed: 2,
      });
      using third = new Up({
        inChannels: 6,
        outChannels: 2,
        kernelSize: 3,
        stride: 1,
        groups: 2,
        bias: false,
        seed: 3,
      });
      const one = new Array<number>(rank).fill(1);
      const { weight } = impulses(2, one, (x) => third.forward(second.forward(first.forward(x))));
      const found = analyzeStack([first, second, third]);
      expectSame(found, new Array<number>(rank).fill(6), weight);
      expect(found.layers).toEqual([String(first), String(second), String(third)]);
      // Many channels in the middle and at the start: composed from the end.
      using wide = new Up({ inChannels: 9, outChannels: 2, kernelSize: 2, stride: 2, bias: false, seed: 4 });
      const { weight: other } = impulses(9, one, (x) => first.forward(wide.forward(x)));
      expectSame(analyzeStack([wide, first]), new Array<number>(rank).fill(4), other);
    },
  );

  it('with a smoothing convolution behind is that, too', () => {
    using up = new ConvTranspose1d({
      inChannels: 2,
      outChannels: 3,
      kernelSize: 3,
      stride: 3,
      bias: false,
      seed: 1,
    });
    using smooth = new Conv1d({
      inChannels: 3,
      outChannels: 2,
      kernelSize: 4,
      padding: 3,
      bias: false,
      seed: 2,
    });
    const { weight } = impulses(2, [1], (x) => smooth.forward(up.forward(x)));
    const found = analyzeStack([up, smooth]);
    expectSame(found, [3], weight);
    expect(found.phaseShift).toEqual([0]);
    // A kernel of one tap leaves holes that what follows can fill.
    using sparse = new ConvTranspose1d({
      inChannels: 2,
      outChannels: 3,
      kernelSize: 1,
      stride: 2,
      bias: false,
    });
    expect(analyze(sparse).overlap).toMatchObject({ counts: [1, 0], holes: true });
    expect(analyzeStack([sparse, smooth]).overlap).toMatchObject({
      counts: [2, 2],
      even: true,
      holes: false,
    });
  });

  it('counts how the stamps of ones overlap', () => {
    using first = new ConvTranspose1d({
      inChannels: 1,
      outChannels: 1,
      kernelSize: 3,
      stride: 2,
      bias: false,
    });
    using second = new ConvTranspose1d({
      inChannels: 1,
      outChannels: 1,
      kernelSize: 5,
      stride: 3,
      dilation: 2,
      bias: false,
    });
    for (const layer of [first, second]) layer.setWeight(filled(layer.weight.shape, 1));
    const y = second.forward(first.forward(filled([1, 20], 1)));
    const { overlap } = analyzeStack([first, second]);
    expect(overlap.counts).toHaveLength(6);
    for (let m = 30; m < 90; m += 1) expect(y.data[m]).toBe(overlap.counts[m % 6]);
  });

  it('keeps its phase through crops in the middle', () => {
    using first = new ConvTranspose1d({
      inChannels: 1,
      outChannels: 2,
      kernelSize: 4,
      stride: 2,
      padding: 1,
      bias: false,
      seed: 7,
    });
    using second = new ConvTranspose1d({
      inChannels: 2,
      outChannels: 1,
      kernelSize: 5,
      stride: 3,
      padding: 2,
      bias: false,
      seed: 8,
    });
    const { x, constants } = flat([1, 40]);
    const found = analyzeStack([first, second]);
    expect(found.phaseShift).toEqual([5]);
    expect(expectGains(found, constants, second.forward(first.forward(x)), null, 24)).toBeGreaterThan(100);
  });

  it('of strided convolutions is their gradients from the last to the first', () => {
    using first = new Conv2d({
      inChannels: 2,
      outChannels: 4,
      kernelSize: 3,
      stride: 2,
      groups: 2,
      bias: false,
      seed: 1,
    });
    using smooth = new Conv2d({ inChannels: 4, outChannels: 3, kernelSize: 2, bias: false, seed: 2 });
    using last = new Conv2d({
      inChannels: 3,
      outChannels: 2,
      kernelSize: 5,
      stride: 3,
      bias: false,
      seed: 3,
    });
    const found = analyzeStack([first, smooth, last]);
    expect(found).toMatchObject({ pass: 'backward', inChannels: 2, outChannels: 2 });
    const sizeBefore = 2 * (5 + 1 - 1) + 3;
    const x = quarters([2, sizeBefore, sizeBefore], 1);
    const middle = first.forward(x);
    const late = smooth.forward(middle);
    const { weight } = impulses(2, [1, 1], (gradient) => {
      const atLast = last.backward(late, gradient).input;
      return first.backward(x, smooth.backward(middle, atLast).input).input;
    });
    expectSame(found, [6, 6], weight);
  });

  it('refuses what does not fit together', () => {
    using up = new ConvTranspose1d({ inChannels: 2, outChannels: 3, kernelSize: 3, stride: 2 });
    using down = new Conv1d({ inChannels: 3, outChannels: 2, kernelSize: 3, stride: 2 });
    using flatUp = new ConvTranspose2d({ inChannels: 3, outChannels: 2, kernelSize: 3, stride: 2 });
    using wide = new ConvTranspose2d({ inChannels: 2, outChannels: 3, kernelSize: 2, stride: 2 ** 7 });
    expectError(
      caught(() => analyzeStack([])),
      'BAD_OPTION',
      'analyzeStack',
    );
    expectError(
      caught(() => analyzeStack(up as unknown as Subject[])),
      'BAD_TYPE',
      'analyzeStack',
    );
    expectError(
      caught(() => analyzeStack([up, up])),
      'BAD_SHAPE',
      'analyzeStack',
    );
    expectError(
      caught(() => analyzeStack([up, flatUp])),
      'BAD_SHAPE',
      'analyzeStack',
    );
    expectError(
      caught(() => analyzeStack([up, down])),
      'UNSUPPORTED',
      'analyzeStack',
    );
    expectError(
      caught(() => analyzeStack([flatUp, wide, flatUp])),
      'TOO_LARGE',
      'analyzeStack',
    );
    expectError(
      caught(() => analyzeStack([up], { passes: 'forward' } as object)),
      'BAD_OPTION',
      'analyzeStack',
    );
  });
});

it('the score of an output is what the analysis foretells', () => {
  using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 3, stride: 2, bias: false });
  layer.setWeight(filled([1, 1, 3, 3], 1));
  const { phaseMeans, phaseScore } = scoreImage(layer.forward(filled([1, 20, 20], 1)), 2);
  expect(phaseMeans[0]?.map((mean) => Math.round(mean * 1e6) / 1e6)).toEqual(analyze(layer).gains[0]?.[0]);
  expect(phaseScore).toBeCloseTo(1, 12);
  // On noise: a random kernel shows, a cured one does not.
  const noise = quarters([1, 64, 64], 3);
  const shifted = { data: noise.data.map((value) => value + 2), shape: noise.shape };
  const uneven = scoreImage(layer.forward(shifted), [2, 2]);
  using even = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 4, stride: 2, bias: false });
  even.setWeight(filled([1, 1, 4, 4], 1));
  const clean = scoreImage(even.forward(shifted), [2, 2]);
  expect(uneven.spectralScoreDb).toBeGreaterThan(20);
  expect(clean.spectralScoreDb).toBeLessThan(13);
  expect(uneven.phaseScore).toBeGreaterThan(10 * clean.phaseScore);
});
