// A loop over one geometry with `out`: nothing is allocated on either heap.
// Needs --expose-gc.

import {
  AvgPool2d,
  BatchNorm2d,
  ConvTranspose2d,
  Dropout,
  Flatten,
  Graph,
  GroupNorm,
  HeapTensor,
  InstanceNorm2d,
  init,
  LayerNorm,
  LeakyReLU,
  MaxPool2d,
  memoryUsage,
  PixelShuffle,
  PReLU,
  ReflectionPad2d,
  ReLU,
  Sequential,
  Softmax,
  shutdown,
  type Tensor,
  Upsample,
} from 'deconv-wasm';
import { ConvTranspose2d as ChannelsLast } from 'deconv-wasm/brainstate';
import { fromOnnx } from 'deconv-wasm/convert';
import { calibrate, quantize } from 'deconv-wasm/quantize';
import { BlockStream } from 'deconv-wasm/sound';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGenerator } from '../../examples/vocoder/generator.mjs';
import {
  expectBytesPerCall,
  expectSteadyHeap,
  GLUES,
  LITTLE,
  MANY_KINDS,
  NOTHING,
  ROUNDS,
} from '../support/steady.js';
import { randomTensor, zeros } from '../support/tensors.js';

const SHAPE = [1, 8, 8, 8];
const OPTIONS = { inChannels: 8, outChannels: 8, kernelSize: 4, stride: 2, padding: 1, seed: 1 };
const WEIGHT = randomTensor([8, 8, 4, 4], 1);

const LAYERS = {
  ConvTranspose2d: () => new ConvTranspose2d(OPTIONS),
  'brainstate, channels last': () =>
    new ChannelsLast({ inSize: SHAPE.slice(1), outChannels: 8, kernelSize: 4, stride: 2, seed: 1 }),
  'ConvTranspose2d, measured': () => new ConvTranspose2d({ ...OPTIONS, planning: 'measure' }),
  'from ONNX': () => fromOnnx('ConvTranspose', { strides: [2, 2], pads: [1, 1, 1, 1] }, { weight: WEIGHT }),
  'ConvTranspose2d, denormals flushed': () => new ConvTranspose2d({ ...OPTIONS, denormals: 'flush' }),
  'int8, dynamic': () => quantize(new ConvTranspose2d(OPTIONS)),
  'int8, static': () => calibrated(),
} as const;

const makeModules = () => [
  new BatchNorm2d({ numFeatures: 8 }).eval(),
  new InstanceNorm2d({ numFeatures: 8, affine: true }),
  new GroupNorm({ numGroups: 2, numChannels: 8 }),
  new LayerNorm({ normalizedShape: 8 }),
  new Softmax({ dim: 1 }),
  new PReLU({ numParameters: 8 }),
  new Dropout().eval(),
  new Flatten(),
  new PixelShuffle({ upscaleFactor: 2 }),
  new Upsample({ scaleFactor: 2 }),
  new Upsample({ scaleFactor: 2, mode: 'bilinear' }),
  new MaxPool2d({ kernelSize: 2 }),
  new AvgPool2d({ kernelSize: 2 }),
  new ReflectionPad2d({ padding: 1 }),
];

function calibrated() {
  const layer = new ConvTranspose2d(OPTIONS);
  const small = quantize(layer, calibrate(layer, [randomTensor(SHAPE, 1)]));
  layer.dispose();
  return small;
}

describe.each(GLUES)('$name', ({ options, name }) => {
  beforeAll(() => init(options));
  afterAll(shutdown);

  const nothing = options.threads === 1 ? NOTHING : LITTLE;
  const onHeap = (...shape: number[]): HeapTensor => new HeapTensor(shape);
  const places: Readonly<Record<string, (...shape: number[]) => Tensor>> = { heap: onHeap, plain: zeros };
  const cases = Object.keys(LAYERS).flatMap((layer) =>
    Object.keys(places).map((place) => [layer as keyof typeof LAYERS, place] as const),
  );

  it.each(cases)(`${ROUNDS} forwards of %s, %s tensors`, (layerName, place) => {
    using layer = LAYERS[layerName]();
    const make = places[place] as (...shape: number[]) => Tensor;
    const x = make(...SHAPE);
    const out = make(...layer.outputShape(SHAPE));
    x.data.set(randomTensor(SHAPE, 1).data);
    const call = { out };
    const forward = (): void => {
      layer.forward(x, call);
    };
    forward();
    const wanted = out.data.slice();
    expectSteadyHeap(forward);
    expect(out.data).toEqual(wanted);

    const repeated = expectBytesPerCall(forward, nothing);
    const literal = expectBytesPerCall(() => layer.forward(x, { out, activation: 'relu' }), LITTLE);
    console.log(
      `${name}, ${layerName}, ${place}: ${repeated.toFixed(1)} bytes of JavaScript a call (${literal.toFixed(1)} with options written anew)`,
    );
    for (const tensor of [x, out]) if (tensor instanceof HeapTensor) tensor.dispose();
  });

  it('a graph on the heap', () => {
    using net = new Graph();
    const x = net.input('x');
    const skip = net.apply(new ConvTranspose2d(OPTIONS), x);
    const act = net.apply(new LeakyReLU(), skip);
    const inner = new Sequential(new ConvTranspose2d({ ...OPTIONS, stride: 1, kernelSize: 3 }), new ReLU());
    const [one, other] = net.split(net.apply(inner, act), [4, 4]) as [typeof x, typeof x];
    net.output(net.add(net.concat([other, one]), skip));
    const { arenaBytes, tensorBytes } = net.summary(SHAPE);
    for (const make of [onHeap, zeros]) {
      const input = make(...SHAPE);
      input.data.set(randomTensor(SHAPE, 1).data);
      const call = { out: make(1, 8, 16, 16) };
      const forward = (): void => {
        net.forward(input, call);
      };
      forward();
      const wanted = net.trace(input).output.data;
      expect(call.out.data).toEqual(wanted);
      expectSteadyHeap(forward, 10_000);
      expect(call.out.data).toEqual(wanted);
      const repeated = expectBytesPerCall(forward, make === onHeap ? nothing : LITTLE);
      for (const tensor of [input, call.out]) if (tensor instanceof HeapTensor) tensor.dispose();
      console.log(
        `${name}, a graph: ${repeated.toFixed(1)} bytes a call; arena ${arenaBytes} of ${tensorBytes}`,
      );
    }
  });

  it('modules', () => {
    for (const module of makeModules()) {
      using x = onHeap(...SHAPE);
      x.data.set(randomTensor(SHAPE, 1).data);
      using out = onHeap(...module.forward(x).shape);
      const call = { out };
      const forward = (): void => {
        module.forward(x, call);
      };
      expectSteadyHeap(forward);
      const bytes = expectBytesPerCall(forward, MANY_KINDS);
      console.log(`${name}, ${module}: ${bytes.toFixed(1)} bytes of JavaScript a call`);
    }
  });

  it('int8 in and out', () => {
    using layer = calibrated();
    const x = layer.forwardInt8(randomTensor(SHAPE, 1));
    using next = new ConvTranspose2d(OPTIONS);
    using small = quantize(next, { input: layer.output as never, output: layer.output as never });
    const call = { out: small.forwardInt8(x) };
    const wanted = call.out.data.slice();
    const forward = (): void => {
      small.forwardInt8(x, call);
    };
    expectSteadyHeap(forward);
    expect(call.out.data).toEqual(wanted);
    expectBytesPerCall(forward, nothing);
  });

  it('two layers one behind the other', () => {
    using first = new ConvTranspose2d(OPTIONS);
    using second = new ConvTranspose2d(OPTIONS);
    for (const make of [onHeap, zeros]) {
      const x = make(...SHAPE);
      const between = make(...first.outputShape(SHAPE));
      const out = make(...second.outputShape(between.shape));
      const calls = [{ out: between }, { out }] as const;
      const forward = (): void => {
        second.forward(first.forward(x, calls[0]), calls[1]);
      };
      expectSteadyHeap(forward);
      expectBytesPerCall(forward, make === onHeap ? 2 * nothing : 2 * LITTLE);
      for (const tensor of [x, between, out]) if (tensor instanceof HeapTensor) tensor.dispose();
    }
  });
});

describe('a stream of blocks', () => {
  beforeAll(() => init({ build: 'simd' }));
  afterAll(shutdown);

  it('reads what an AudioWorklet asks for', () => {
    const { steps, samples } = makeGenerator({ frames: 2, seed: 1 });
    const stream = new BlockStream({ steps, block: samples });
    const output = [new Float32Array(128)];
    const read = (): void => stream.read(output);
    const rounds = 200;
    for (let round = 0; round < rounds; round += 1) read();
    const before = memoryUsage();
    for (let round = 0; round < rounds; round += 1) read();
    expect(memoryUsage()).toEqual(before);
    expectBytesPerCall(read, NOTHING);
  });
});
