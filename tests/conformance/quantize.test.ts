// int8 against integer arithmetic written from its definition: equality, not tolerance.

import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  HeapTensor,
  init,
  Linear,
  memoryUsage,
  Sequential,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { fromKeras, fromOnnx, fromTflite, toKeras, toTflite } from 'deconv-wasm/convert';
import {
  calibrate,
  compareToFloat32,
  loadQuantized,
  type QuantizedLayer,
  quantize,
  saveQuantized,
  type TensorQuantization,
} from 'deconv-wasm/quantize';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { BUILDS, describeEachBuild } from '../support/builds.js';
import { caught, expectError } from '../support/errors.js';
import { type RandomProblem, randomProblem, tensorsOf } from '../support/geometries.js';
import { growHeap } from '../support/grow-heap.js';
import { dynamicReference, round, staticReference, steps } from '../support/int8-reference.js';
import { mulberry32 } from '../support/random.js';
import type { Geometry } from '../support/reference.js';
import { runsOf, seed } from '../support/seed.js';
import { randomTensor, toChannelsFirst, toChannelsLast, zeros } from '../support/tensors.js';

const { fround } = Math;

/** A layer that has exactly this geometry, or null where ONNX has no words for it. */
function onnxLayer({ geometry }: RandomProblem, weight: Tensor, bias: Float32Array | null) {
  const pads = [...geometry.padBefore, ...geometry.padAfter];
  if (pads.some((pad) => pad < 0)) return null;
  if (geometry.inputDilation.some((step) => step !== 1)) return null;
  const attributes = {
    strides: [...geometry.stride],
    dilations: [...geometry.dilation],
    group: geometry.groups,
    pads,
  };
  const parameters = { weight, bias };
  return geometry.transposed
    ? fromOnnx('ConvTranspose', { ...attributes, output_padding: [...geometry.outputPadding] }, parameters)
    : fromOnnx('Conv', attributes, parameters);
}

/** Extreme values overflow dot products that add pairs in 16 bits. */
function extreme(values: Float32Array): Float32Array {
  return values.map((value) => (value < 0 ? -1 : 1));
}

describeEachBuild((build) => {
  it('dynamic and static layers are the integer definition, on random problems', () => {
    let [ran, refused] = [0, 0];
    const problems = fc.tuple(randomProblem, fc.boolean(), fc.integer({ min: -128, max: 127 }));
    fc.assert(
      fc.property(problems, ([problem, atEnds, zeroPoint]) => {
        const tensors = tensorsOf(problem);
        const weight = atEnds ? { ...tensors.weight, data: extreme(tensors.weight.data) } : tensors.weight;
        const x = atEnds ? { ...tensors.x, data: extreme(tensors.x.data) } : tensors.x;
        using layer = onnxLayer(problem, weight, tensors.bias);
        if (layer === null) return;
        using dynamic = quantize(layer);
        const output = { scale: 0.05, zeroPoint: -zeroPoint === 128 ? 127 : -zeroPoint };
        using fixed = quantize(layer, { input: { scale: 0.011, zeroPoint }, output });
        let y: Tensor;
        try {
          y = dynamic.forward(x);
        } catch (error) {
          expectError(
            caught(() => dynamic.forward(x)),
            'UNSUPPORTED',
            (error as Error).message.split(':')[0] ?? '',
          );
          refused += 1;
          return;
        }
        ran += 1;
        expect(y.shape).toEqual(layer.outputShape(x.shape));
        expect(y.data).toEqual(dynamicReference(problem.geometry, x, dynamic));
        const wanted = staticReference(problem.geometry, x, fixed);
        const { data, shape } = fixed.forwardInt8(x);
        expect(shape).toEqual(y.shape);
        expect(data).toEqual(wanted);
        const input = fixed.input as TensorQuantization;
        const whole = { data: Int8Array.from(x.data, (value) => steps(value, input)), shape: x.shape };
        expect(fixed.forwardInt8(whole).data).toEqual(wanted);
        const scale = (fixed.output as TensorQuantization).scale;
        const floats = Float32Array.from(wanted, (value) => fround((value - output.zeroPoint) * scale));
        expect(fixed.forward(x).data.map((value) => value + 0)).toEqual(floats.map((value) => value + 0));
      }),
      runsOf(400, `int8 ${build.name}`),
    );
    console.log(`int8 on random problems: ${ran} run, ${refused} refused, ${build.name}`);
    expect(ran).toBeGreaterThan(80);
  });

  it('takes three axes and dilated input, and a saved layer of them comes back', () => {
    const options = { inChannels: 6, outChannels: 5, kernelSize: 3, stride: 2, padding: 1, seed };
    using cube = new ConvTranspose3d(options);
    using dilated = new brainstate.Conv2d({
      ...{
        inSize: [7, 6, 5],
        outChannels: 4,
        kernelSize: 3,
        padding: [
          [1, 1],
          [1, 1],
        ],
      },
      lhsDilation: 2,
    });
    for (const [layer, x] of [
      [cube, randomTensor([2, 6, 3, 4, 5], seed)],
      [dilated, randomTensor([2, 7, 6, 5], seed)],
    ] as const) {
      const settings = calibrate(layer, [x]);
      for (using quantized of [quantize(layer), quantize(layer, settings)]) {
        const y = quantized.forward(x);
        const { snr } = compareToFloat32(layer, quantized, [x]);
        expect(snr).toBeGreaterThan(25);
        using loaded = loadQuantized(layer, saveQuantized(quantized));
        expect(loaded.forward(x)).toEqual(y);
      }
    }
  });

  it('extreme values stay exact when the engine has optimised the kernels', () => {
    const geometry: Geometry = {
      transposed: true,
      groups: 1,
      stride: [2, 2],
      dilation: [1, 1],
      padBefore: [1, 1],
      padAfter: [1, 1],
      outputPadding: [0, 0],
      inputDilation: [1, 1],
    };
    const options = { inChannels: 64, outChannels: 24, kernelSize: 4, stride: 2, padding: 1, seed };
    using layer = new ConvTranspose2d(options);
    layer.setWeight(extreme(layer.weight.data));
    const random = randomTensor([1, 64, 12, 12], seed);
    const x = { data: extreme(random.data), shape: random.shape };
    using dynamic = quantize(layer);
    using fixed = quantize(layer, calibrate(layer, [x]));
    const wanted = dynamicReference(geometry, x, dynamic);
    const wantedBytes = staticReference(geometry, x, fixed);
    for (let round = 0; round < 300; round += 1) {
      const y = dynamic.forward(x);
      const bytes = fixed.forwardInt8(x);
      if (round % 20 === 0 || round > 290) {
        expect(y.data).toEqual(wanted);
        expect(bytes.data).toEqual(wantedBytes);
      }
    }
  });

  it('every convention keeps its layout and its padding', () => {
    const iohw = randomTensor([6, 5, 3, 3], seed);
    const x = randomTensor([2, 6, 7, 5], seed + 1);
    using torch = new ConvTranspose2d({
      inChannels: 6,
      outChannels: 5,
      kernelSize: 3,
      stride: 2,
      padding: 1,
      outputPadding: 1,
      bias: false,
    }).setWeight(iohw);
    using small = quantize(torch);
    const wanted = small.forward(x);
    const last = toChannelsLast(x);
    const bshape = [7, 5, 6];
    const wInit = toKeras(torch).weight;
    // SAME of an odd kernel crops 0 and 1, PyTorch's padding with output padding 1 and 0.
    const same = new ConvTranspose2d({
      inChannels: 6,
      outChannels: 5,
      kernelSize: 3,
      stride: 2,
      bias: false,
    }).setWeight(iohw);
    using natural = quantize(same);
    const full = natural.forward(x);
    for (const layer of [
      new brainstate.ConvTranspose2d({ inSize: bshape, outChannels: 5, kernelSize: 3, stride: 2, wInit }),
      fromKeras('Conv2DTranspose', { strides: 2, padding: 'same' }, { weight: wInit }),
      fromTflite(
        'TRANSPOSE_CONV',
        { output_shape: [2, 14, 10, 5], stride_h: 2, stride_w: 2, padding: 'SAME' },
        { weight: toTflite(torch).weight },
      ),
    ]) {
      using quantized = quantize(layer);
      layer.dispose();
      const y = toChannelsFirst(quantized.forward(last));
      expect(quantized.outputShape(last.shape)).toEqual([2, 14, 10, 5]);
      expect(y.shape).toEqual(wanted.shape);
      // The head is not cropped: the natural output without its last row and column.
      for (const [n, c, h, w] of [
        [0, 0, 0, 0],
        [1, 4, 13, 9],
        [1, 2, 6, 3],
      ] as const) {
        expect(y.data[((n * 5 + c) * 14 + h) * 10 + w]).toBe(full.data[((n * 5 + c) * 15 + h) * 11 + w]);
      }
    }
    same.dispose();
  });

  it('one-dimensional layers, unbatched input, outputSize and relu', () => {
    using up = new ConvTranspose1d({
      inChannels: 8,
      outChannels: 4,
      kernelSize: 16,
      stride: 8,
      padding: 4,
      seed,
    });
    using down = new Conv1d({ inChannels: 4, outChannels: 3, kernelSize: 3, stride: 2, seed });
    using smallUp = quantize(up);
    using smallDown = quantize(down);
    const x = randomTensor([8, 30], seed);
    const y = smallUp.forward(x, { outputSize: [243], activation: 'relu' });
    expect(y.shape).toEqual([4, 243]);
    expect(smallUp.outputShape([8, 30], { outputSize: [243] })).toEqual([4, 243]);
    expect(y.data.every((value) => value >= 0)).toBe(true);
    const linear = smallUp.forward(x, { outputSize: [243] });
    expect(y.data).toEqual(linear.data.map((value) => Math.max(value, 0)));
    expect(compareToFloat32(down, smallDown, [y]).snr).toBeGreaterThan(30);
  });

  it('survives shutdown and init, and counts in memoryUsage', async () => {
    using layer = new Conv2d({ inChannels: 3, outChannels: 4, kernelSize: 3, seed });
    const small = quantize(layer);
    const x = randomTensor([1, 3, 9, 9], seed);
    const before = memoryUsage();
    const y = small.forward(x);
    expect(memoryUsage().liveLayers).toBe(before.liveLayers + 1);
    await shutdown();
    expectError(
      caught(() => small.forward(x)),
      'NOT_INITIALIZED',
      'QuantizedConv2d.forward',
    );
    await init(build.options);
    expect(small.forward(x)).toEqual(y);
    expect(memoryUsage().liveLayers).toBe(1);
    small.dispose();
    small.dispose();
    expect(memoryUsage().liveLayers).toBe(0);
    expectError(
      caught(() => small.forward(x)),
      'DISPOSED',
      'QuantizedConv2d.forward',
    );
    expect(String(small)).toBe('QuantizedConv2d(3, 4, int8 dynamic, 108 weights)');
  });

  it('a Linear takes rows of any number of axes, as a convolution of one tap takes places', () => {
    using linear = new Linear({ inFeatures: 5, outFeatures: 3, seed });
    using conv = new Conv1d({ inChannels: 5, outChannels: 3, kernelSize: 1 });
    conv.setWeight(linear.weight.data).setBias((linear.bias as Tensor).data);
    const rows = randomTensor([2, 4, 5], seed);
    const places = { data: toChannelsFirst({ ...rows, shape: [1, 8, 5] }).data, shape: [1, 5, 8] };
    const samples = { linear: [rows], conv: [places] };
    for (const [one, other] of [
      [quantize(linear), quantize(conv)],
      [quantize(linear, calibrate(linear, samples.linear)), quantize(conv, calibrate(conv, samples.conv))],
    ] as const) {
      const wanted = toChannelsLast(other.forward(places)).data;
      expect(one.outputShape([2, 4, 5])).toEqual([2, 4, 3]);
      expect(one.forward(rows)).toEqual({ data: wanted, shape: [2, 4, 3] });
      expect(new Sequential(one).forward({ ...rows, shape: [8, 5] })).toEqual({
        data: wanted,
        shape: [8, 3],
      });
      expect(loadQuantized(linear, saveQuantized(one)).forward(rows).data).toEqual(wanted);
      const single = one.forward({ data: rows.data.subarray(0, 5), shape: [5] });
      expect(single.shape).toEqual([3]);
      const error = caught(() => one.forward(zeros(2, 4)));
      expectError(error, 'BAD_SHAPE', 'QuantizedLinear.forward');
      one.dispose();
      other.dispose();
    }
  });

  it('a batch of none is a batch of none', () => {
    using layer = new Conv2d({ inChannels: 3, outChannels: 4, kernelSize: 3, seed });
    using small = quantize(layer);
    expect(small.forward(zeros(0, 3, 5, 5))).toEqual(zeros(0, 4, 3, 3));
  });
});

describe('quantize', () => {
  it('gives each output channel its own scale, and a channel of zeros 1', () => {
    using layer = new ConvTranspose2d({
      inChannels: 4,
      outChannels: 6,
      kernelSize: 2,
      groups: 2,
      seed,
      bias: false,
    });
    const { data, shape } = layer.weight;
    // Output channel 4 is group 1, the second of three.
    const ofChannel = (channel: number): number[] =>
      [0, 1].flatMap((row) =>
        [0, 1, 2, 3].map((tap) => ((Math.floor(channel / 3) * 2 + row) * 3 + (channel % 3)) * 4 + tap),
      );
    for (const index of ofChannel(4)) data[index] = 0;
    layer.setWeight({ data, shape });
    using small = quantize(layer);
    const { weightScale, weight } = small;
    for (let channel = 0; channel < 6; channel += 1) {
      const values = ofChannel(channel).map((index) => data[index] as number);
      const greatest = Math.max(...values.map(Math.abs));
      const scale = channel === 4 ? 1 : fround(greatest / 127);
      expect(weightScale[channel]).toBe(scale);
      for (const [at, index] of ofChannel(channel).entries()) {
        expect(weight.data[index]).toBe(round((values[at] as number) / scale) + 0);
      }
    }
    expect(weight.shape).toEqual([4, 3, 2, 2]);
  });

  const layer = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed });
  const good = { scale: 0.1, zeroPoint: 0 };
  it.each<readonly [string, unknown, 'BAD_OPTION' | 'BAD_TYPE']>([
    ['input alone', { input: good }, 'BAD_OPTION'],
    ['output alone', { output: good }, 'BAD_OPTION'],
    ['a scale of 0', { input: { ...good, scale: 0 }, output: good }, 'BAD_OPTION'],
    ['a negative scale', { input: { ...good, scale: -1 }, output: good }, 'BAD_OPTION'],
    ['a scale of NaN', { input: good, output: { ...good, scale: Number.NaN } }, 'BAD_OPTION'],
    [
      'an infinite scale',
      { input: good, output: { ...good, scale: Number.POSITIVE_INFINITY } },
      'BAD_OPTION',
    ],
    ['a subnormal scale', { input: good, output: { ...good, scale: 1e-40 } }, 'BAD_OPTION'],
    ['a scale of text', { input: good, output: { ...good, scale: '1' } }, 'BAD_TYPE'],
    ['a zero point of 128', { input: { ...good, zeroPoint: 128 }, output: good }, 'BAD_OPTION'],
    ['a zero point of -129', { input: { ...good, zeroPoint: -129 }, output: good }, 'BAD_OPTION'],
    ['half a zero point', { input: { ...good, zeroPoint: 0.5 }, output: good }, 'BAD_OPTION'],
    ['no zero point', { input: { scale: 1 }, output: good }, 'BAD_TYPE'],
    ['a list', { input: [1, 0], output: good }, 'BAD_TYPE'],
    ['another name', { inputs: good }, 'BAD_OPTION'],
    [
      'an output scale that is too small',
      { input: good, output: { scale: 1e-7, zeroPoint: 0 } },
      'BAD_OPTION',
    ],
  ])('refuses %s', (_, options, code) => {
    const error = caught(() => quantize(layer, options as never));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^quantize.*expected .*, got /);
  });

  it('refuses what int8 cannot hold or take', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      using broken = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed });
      const { data, shape } = broken.weight;
      data[17] = value;
      broken.setWeight({ data, shape });
      expectError(
        caught(() => quantize(broken)),
        'BAD_OPTION',
        'quantize',
      );
      using biased = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed });
      biased.setBias(Float32Array.of(1, value));
      expectError(
        caught(() => quantize(biased)),
        'BAD_OPTION',
        'quantize',
      );
    }
    expectError(
      caught(() => quantize({} as never)),
      'BAD_TYPE',
      'quantize',
    );
    using gone = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 2 });
    gone.dispose();
    expectError(
      caught(() => quantize(gone)),
      'DISPOSED',
      'Conv2d.quantize',
    );
  });

  it('refuses what a mode cannot do, before it computes', async () => {
    await init(BUILDS[0]?.options);
    using dynamic = quantize(layer);
    using fixed = quantize(layer, { input: good, output: good });
    const bytes = { data: new Int8Array(2 * 16), shape: [1, 2, 4, 4] };
    expectError(
      caught(() => dynamic.forwardInt8(zeros(1, 2, 4, 4))),
      'UNSUPPORTED',
      'QuantizedConvTranspose2d.forwardInt8',
    );
    expectError(
      caught(() => dynamic.forward(bytes)),
      'UNSUPPORTED',
      'QuantizedConvTranspose2d.forward',
    );
    expect(fixed.forward(bytes).shape).toEqual([1, 2, 6, 6]);
    for (const [x, code] of [
      [{ ...bytes, shape: [1, 2, 4, 5] }, 'BAD_SHAPE'],
      [{ ...bytes, shape: [1, 3, 4, 4] }, 'BAD_SHAPE'],
      [zeros(1, 3, 4, 4), 'BAD_SHAPE'],
      [{ data: new Uint16Array(32), shape: [1, 2, 4, 4] }, 'BAD_TYPE'],
      [null, 'BAD_TYPE'],
    ] as const) {
      expectError(
        caught(() => fixed.forward(x as never)),
        code,
        'QuantizedConvTranspose2d.forward',
      );
    }
    expectError(
      caught(() => fixed.outputShape([1, 3, 4, 4])),
      'BAD_SHAPE',
      'QuantizedConvTranspose2d.outputShape',
    );
    expectError(
      caught(() => fixed.forward(bytes, { outputSize: [99, 99] })),
      'BAD_OPTION',
      'QuantizedConvTranspose2d.forward',
    );
    expectError(
      caught(() => fixed.forward(bytes, { activation: 'tanh' as 'relu' })),
      'BAD_OPTION',
      'QuantizedConvTranspose2d.forward',
    );
    expectError(
      caught(() => fixed.forward(bytes, { output: bytes } as never)),
      'BAD_OPTION',
      'QuantizedConvTranspose2d.forward',
    );
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const x = zeros(1, 2, 4, 4);
      x.data[31] = value;
      const error = caught(() => dynamic.forward(x));
      expect(error.code).toBe('BAD_OPTION');
      expect(error.message).toContain('finite');
      // Static: infinity is the greatest value, NaN is 0.
      const y = fixed.forward(x);
      expect(y.data.every(Number.isFinite)).toBe(true);
    }
    await shutdown();
  });
});

describe('calibrate and compareToFloat32', () => {
  it('span the values of all samples, with 0 exact', async () => {
    await init(BUILDS[0]?.options);
    using layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false });
    layer.setWeight(Float32Array.of(2));
    const samples = [
      { data: Float32Array.of(0, 1, 2, 3), shape: [1, 2, 2] },
      { data: Float32Array.of(-1, 1, 1, 2), shape: [1, 2, 2] },
    ];
    const { input, output } = calibrate(layer, samples);
    expect(input).toEqual({ scale: fround(4 / 255), zeroPoint: -64 });
    expect(output).toEqual({ scale: fround(8 / 255), zeroPoint: -64 });
    expect(calibrate(layer, samples, { activation: 'relu' }).output).toEqual({
      scale: fround(6 / 255),
      zeroPoint: -128,
    });
    expectError(
      caught(() => calibrate(layer, [])),
      'BAD_OPTION',
      'calibrate',
    );
    expectError(
      caught(() => calibrate(layer, zeros(1, 2, 2) as never)),
      'BAD_TYPE',
      'calibrate',
    );
    const infinite = { data: Float32Array.of(Number.POSITIVE_INFINITY), shape: [1, 1, 1] };
    expectError(
      caught(() => calibrate(layer, [infinite])),
      'BAD_OPTION',
      'calibrate',
    );
    // Neither zeros nor no values have a scale; beside others they change nothing.
    for (const nothing of [[zeros(1, 2, 2)], [zeros(1, 2, 2), zeros(0, 1, 2, 2)]]) {
      const error = caught(() => calibrate(layer, nothing));
      expectError(error, 'BAD_OPTION', 'calibrate');
      expect(error.message).toContain('zeros alone');
    }
    expect(calibrate(layer, [zeros(1, 2, 2), ...samples])).toEqual({ input, output });
    // An output of zeros has any scale.
    layer.setWeight([0]);
    expect(calibrate(layer, samples).output).toEqual({ scale: 1, zeroPoint: -128 });
    await shutdown();
  });

  it('report the documented formulas', () => {
    const make = (values: readonly number[]) => ({
      forward: (x: Tensor) => ({ data: Float32Array.from(values), shape: x.shape }),
    });
    const x = zeros(4);
    const report = compareToFloat32(make([3, -4, 0, 1]), make([3, -4.5, 0, 1.25]), [x, x]);
    expect(report.maxAbsolute).toBe(0.5);
    expect(report.rms).toBeCloseTo(Math.sqrt(0.3125 / 4), 12);
    expect(report.snr).toBeCloseTo(10 * Math.log10(26 / 0.3125), 12);
    expect(report.count).toBe(8);
    expect(compareToFloat32(make([1, 2, 3, 4]), make([1, 2, 3, 4]), [x]).snr).toBe(Number.POSITIVE_INFINITY);
  });

  it('what the first gives may lie on a heap that the second grows', async () => {
    await init();
    using made = new HeapTensor([4]);
    made.data.set([1, 2, 3, 4]);
    const second = {
      forward: (x: Tensor) => {
        growHeap();
        return { data: Float32Array.of(1, 2, 3, 4.5), shape: x.shape };
      },
    };
    expect(compareToFloat32({ forward: () => made }, second, [zeros(4)]).maxAbsolute).toBe(0.5);
    await shutdown();
  });

  it('both may write into one array, or into what they are given', () => {
    const out = zeros(2);
    const filling = (value: number) => ({
      forward: (x: Tensor) => {
        out.data.set([value, (x.data[0] as number) + value]);
        x.data.fill(100);
        return out;
      },
    });
    const sample = { data: Float32Array.of(1, 2), shape: [2] };
    const { maxAbsolute, rms } = compareToFloat32(filling(3), filling(5), [sample]);
    expect([maxAbsolute, rms]).toEqual([2, 2]);
    expect([...sample.data]).toEqual([1, 2]);
  });

  it('need something to compare', () => {
    const same = { forward: (x: Tensor) => x };
    expectError(
      caught(() => compareToFloat32(same, {} as never, [zeros(4)])),
      'BAD_TYPE',
      'compareToFloat32',
    );
    expectError(
      caught(() => compareToFloat32(same, same, [])),
      'BAD_OPTION',
      'compareToFloat32',
    );
    // Shapes of more axes than a message shows.
    const other = { forward: () => zeros(1, 1, 1, 1, 1, 1, 1, 1, 3) };
    expectError(
      caught(() => compareToFloat32(same, other, [zeros(1, 1, 1, 1, 1, 1, 1, 1, 2)])),
      'BAD_SHAPE',
      'compareToFloat32',
    );
  });
});

describe('saveQuantized and loadQuantized', () => {
  const options = { inChannels: 4, outChannels: 6, kernelSize: 3, stride: 2, groups: 2 };
  const fixed = { input: { scale: 0.1, zeroPoint: 3 }, output: { scale: 0.2, zeroPoint: -4 } };

  it('keep the layer to the last bit, in a quarter of the bytes', async () => {
    await init(BUILDS[0]?.options);
    using layer = new ConvTranspose2d({ ...options, seed });
    using other = new ConvTranspose2d({ ...options, seed: seed + 1 });
    const x = randomTensor([2, 4, 5, 5], seed);
    for (const settings of [{}, fixed]) {
      using small = quantize(layer, settings);
      const bytes = saveQuantized(small);
      // Anywhere in a larger buffer.
      const shifted = new Uint8Array(bytes.length + 3);
      shifted.set(bytes, 3);
      // The `slice` of Node's Buffer does not copy.
      const nodeBuffer = typeof Buffer === 'function' ? [Buffer.from(shifted).subarray(3)] : [];
      // What a response gives.
      const downloaded = bytes.slice().buffer;
      for (const each of [bytes, ...nodeBuffer, downloaded]) {
        using same = loadQuantized(other, each);
        expect(same.weight).toEqual(small.weight);
      }
      using loaded = loadQuantized(other, shifted.subarray(3));
      expect(loaded.mode).toBe(small.mode);
      expect(loaded.input).toEqual(small.input);
      expect(loaded.output).toEqual(small.output);
      expect(loaded.weight).toEqual(small.weight);
      expect(loaded.weightScale).toEqual(small.weightScale);
      expect(loaded.bias).toEqual(small.bias);
      expect(loaded.forward(x)).toEqual(small.forward(x));
      expect(saveQuantized(loaded)).toEqual(bytes);
    }
    using wide = new ConvTranspose2d({ inChannels: 64, outChannels: 64, kernelSize: 4 });
    using small = quantize(wide);
    expect(saveQuantized(small).length).toBeLessThan(0.26 * 4 * 64 * 64 * 16);
    await shutdown();
  });

  it('need nothing that an AudioWorklet lacks, where layers for sound are loaded', () => {
    using layer = new ConvTranspose2d({ ...options, seed });
    using small = quantize(layer, fixed);
    const bytes = saveQuantized(small);
    try {
      vi.stubGlobal('TextEncoder', undefined);
      vi.stubGlobal('TextDecoder', undefined);
      expect(saveQuantized(loadQuantized(layer, bytes))).toEqual(bytes);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('refuse other layers and other bytes', () => {
    using layer = new ConvTranspose2d({ ...options, seed });
    using small = quantize(layer, fixed);
    const bytes = saveQuantized(small);
    for (const changes of [{ outChannels: 8 }, { kernelSize: 2 }, { groups: 1 }, { bias: false }]) {
      using other = new ConvTranspose2d({ ...options, ...changes });
      expectError(
        caught(() => loadQuantized(other, bytes)),
        'BAD_SHAPE',
        'loadQuantized',
      );
    }
    using plain = new Conv2d({ ...options, inChannels: 4, outChannels: 4 });
    expectError(
      caught(() => loadQuantized(plain, bytes)),
      'BAD_SHAPE',
      'loadQuantized',
    );
    for (let length = 0; length < bytes.length; length += 1) {
      expect(caught(() => loadQuantized(layer, bytes.subarray(0, length))).code).toBe('BAD_BUFFER');
    }
    const gone = bytes.slice().buffer;
    structuredClone(gone, { transfer: [gone] });
    expectError(
      caught(() => loadQuantized(layer, gone)),
      'BAD_BUFFER',
      'loadQuantized',
    );
    expectError(
      caught(() => loadQuantized(layer, new Int8Array(9) as never)),
      'BAD_TYPE',
      'loadQuantized',
    );
    expectError(
      caught(() => saveQuantized(layer as never)),
      'BAD_TYPE',
      'saveQuantized',
    );
    small.dispose();
    expectError(
      caught(() => saveQuantized(small)),
      'DISPOSED',
      'QuantizedConvTranspose2d.saveQuantized',
    );
  });

  it('any byte changed gives a layer or a DeconvError', () => {
    using layer = new ConvTranspose2d({ ...options, seed });
    using small = quantize(layer, fixed);
    const bytes = saveQuantized(small);
    const random = mulberry32(seed);
    for (let round = 0; round < 3000; round += 1) {
      const broken = bytes.slice();
      broken[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      let loaded: QuantizedLayer | undefined;
      try {
        loaded = loadQuantized(layer, broken);
      } catch {
        expect(['BAD_BUFFER', 'BAD_SHAPE', 'BAD_OPTION', 'BAD_TYPE']).toContain(
          caught(() => loadQuantized(layer, broken)).code,
        );
      }
      loaded?.dispose();
    }
  });
});
