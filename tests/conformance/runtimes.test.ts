// Runtimes side by side: what is bound to one knows nothing of the others, and nobody ends another's.

import {
  Conv2d,
  ConvTranspose2d,
  conv,
  convTranspose,
  createRuntime,
  HeapTensor,
  init,
  memoryUsage,
  type Runtime,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import { ConvTranspose2d as ChannelsLast } from 'deconv-wasm/brainstate';
import { ResizeConv2d, SmoothConvTranspose2d, toConvTranspose, toResizeConv } from 'deconv-wasm/checkerboard';
import { fromOnnx } from 'deconv-wasm/convert';
import { readModel } from 'deconv-wasm/models';
import { loadQuantized, quantize, saveQuantized } from 'deconv-wasm/quantize';
import { ReLU, Sequential } from 'deconv-wasm/training';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BEST, BUILDS_HERE } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { caught, expectError, rejection } from '../support/errors.js';
import { seed } from '../support/seed.js';
import { quarters, sizeOf, zeros } from '../support/tensors.js';

beforeEach(shutdown);

const running: Runtime[] = [];
async function start(...[options]: Parameters<typeof createRuntime>): Promise<Runtime> {
  const runtime = await createRuntime(options);
  running.push(runtime);
  return runtime;
}
afterEach(async () => {
  for (const runtime of running.splice(0)) await runtime.shutdown();
  await shutdown();
});

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

function onHeap(tensor: Tensor, runtime: Runtime): HeapTensor {
  const copy = new HeapTensor(tensor.shape, { runtime });
  copy.data.set(tensor.data);
  return copy;
}

const UP = { inChannels: 2, outChannels: 2, kernelSize: 4, stride: 2, padding: 1, bias: false } as const;
const X = quarters([1, 2, 5, 6], seed);
const WEIGHT = quarters([2, 2, 4, 4], seed + 1);
const Y = [1, 2, 10, 12];

/** Of one value per line of a safetensors file: a header of JSON and the bytes. */
function safetensors(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const entry = { dtype: 'F32', shape: tensor.shape, data_offsets: [0, 4 * tensor.data.length] };
  const json = new TextEncoder().encode(JSON.stringify({ 'up.weight': entry }));
  const bytes = new Uint8Array(8 + json.length + 4 * tensor.data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(new Uint8Array(tensor.data.slice().buffer), 8 + json.length);
  return bytes;
}

describe.each(BUILDS_HERE)('$name', ({ options }) => {
  it('every kind of layer and call runs where it is told, without init', async () => {
    const runtime = await start(options);
    expect(runtime.info).toEqual({ ...options, notes: [] });
    const other = await start({ build: 'simd' });
    const onnx = (on: Runtime) =>
      fromOnnx('ConvTranspose', { strides: [2, 2] }, { weight: WEIGHT }, { runtime: on });
    const up = (on: Runtime) => new ConvTranspose2d({ ...UP, runtime: on }).setWeight(WEIGHT);
    const resize = (on: Runtime, mode: 'nearest' | 'bilinear' = 'nearest') =>
      new ResizeConv2d({
        inChannels: 2,
        outChannels: 2,
        scaleFactor: 2,
        kernelSize: 3,
        padding: 1,
        mode,
        bias: false,
        seed: 1,
        runtime: on,
      });
    const calls: Record<string, (on: Runtime) => Tensor> = {
      ConvTranspose2d: (on) => up(on).forward(X),
      Conv2d: (on) =>
        new Conv2d({ inChannels: 2, outChannels: 2, kernelSize: 4, runtime: on })
          .setWeight(WEIGHT)
          .setBias(new Float32Array(2))
          .forward(X),
      brainstate: (on) =>
        new ChannelsLast({ inSize: [5, 6, 2], outChannels: 3, kernelSize: 4, seed: 1, runtime: on })
          .setWeight(quarters([4, 4, 3, 2], seed))
          .forward({ data: X.data, shape: [5, 6, 2] }),
      fromOnnx: (on) => onnx(on).forward(X),
      backward: (on) => up(on).backward(X, quarters(Y, seed)).input,
      'backward, weight': (on) => up(on).backward(X, quarters(Y, seed)).weight,
      conv: (on) => conv(X, WEIGHT, { runtime: on }),
      convTranspose: (on) => convTranspose(X, WEIGHT, { stride: 2, runtime: on }),
      ResizeConv2d: (on) =>
        resize(on)
          .setWeight(quarters([2, 2, 3, 3], seed))
          .forward(X),
      'ResizeConv2d, in two steps': (on) => {
        const layer = resize(on, 'bilinear').setWeight(quarters([2, 2, 3, 3], seed));
        return layer.backward(X, quarters(layer.outputShape(X.shape), seed)).input;
      },
      toConvTranspose: (on) => toConvTranspose(resize(on)).setWeight(WEIGHT).forward(X),
      toResizeConv: (on) => {
        const layer = toResizeConv(toConvTranspose(resize(on)));
        return layer.setWeight(quarters(layer.weight.shape, seed)).forward(X);
      },
      SmoothConvTranspose2d: (on) =>
        new SmoothConvTranspose2d({ ...UP, kernelSize: 3, runtime: on })
          .setWeight(quarters([2, 2, 3, 3], seed))
          .forward(X),
      Sequential: (on) => new Sequential(up(on), new ReLU(), up(on)).forward(X),
      quantize: (on) => quantize(up(on)).forward(X),
      loadQuantized: (on) => loadQuantized(up(on), saveQuantized(quantize(up(on)))).forward(X),
    };
    for (const [name, call] of Object.entries(calls)) {
      expectSame(call(runtime), call(other));
      expect([name, memoryUsage().heapBytes]).toEqual([name, 0]);
    }
    const model = await readModel(safetensors(WEIGHT));
    const [file] = model.layers;
    if (file !== undefined) {
      expectSame(
        (await file.toLayer({ runtime })).forward(X),
        (await file.toLayer({ runtime: other })).forward(X),
      );
    }
    const layer = up(runtime);
    layer.forward(X);
    // What nobody holds any more may have been collected.
    expect(runtime.memoryUsage().liveLayers).toBeGreaterThan(0);
    expect(layer.plan).toMatchObject(options);
  });

  it('a tensor of another heap is a tensor like any other, wherever one is taken', async () => {
    const here = await start(options);
    const there = await start({ build: 'simd' });
    await init({ build: 'simd', threads: 2 });
    const layer = new ConvTranspose2d({ ...UP, runtime: here });
    layer.setWeight(onHeap(WEIGHT, there));
    const wanted = layer.forward(X);
    const grad = quarters(Y, seed + 3);
    const gradients = layer.backward(X, grad);
    const standard = new HeapTensor(X.shape);
    standard.data.set(X.data);
    for (const x of [onHeap(X, here), onHeap(X, there), standard]) {
      for (const out of [onHeap(zeros(...Y), here), onHeap(zeros(...Y), there), new HeapTensor(Y)]) {
        expectSame(layer.forward(x, { out }), wanted);
        expectSame(out, wanted);
        out.data.set(grad.data);
        expect(layer.backward(x, out)).toEqual(gradients);
      }
      expectSame(
        convTranspose(x, onHeap(WEIGHT, there), { stride: 2, padBefore: 1, padAfter: 1, runtime: here }),
        wanted,
      );
    }
    // A part of it, whose heap grows meanwhile only by what is done there.
    const part = onHeap({ data: new Float32Array(100), shape: [100] }, there);
    part.data.set(X.data, 7);
    const data = part.data.subarray(7, 7 + X.data.length);
    const before = there.memoryUsage();
    expectSame(layer.forward({ data, shape: X.shape }), wanted);
    expect(there.memoryUsage()).toEqual(before);
  });

  it('a heap that grows under tensors of another', async () => {
    const here = await start(options);
    const there = await start({ build: 'simd' });
    const size = here.memoryUsage().heapBytes / 4;
    const shape = [1, 1, 16, Math.ceil(size / 16)];
    const x = onHeap(quarters(shape, seed), there);
    const layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false, runtime: here });
    layer.setWeight(Float32Array.of(2));
    const out = new HeapTensor(shape, { runtime: there });
    const { data } = x;
    const { heapBytes } = here.memoryUsage();
    layer.forward({ data, shape }, { out });
    expect(here.memoryUsage().heapBytes).toBeGreaterThan(heapBytes);
    expectSame(out, { data: x.data.map((value) => 2 * value), shape });
  });

  it('nobody ends another: shutdown of the default, of one, of all', async () => {
    const mine = await start(options);
    const yours = await start(options);
    await init(options);
    const layers = [mine, yours, undefined].map((runtime) =>
      new ConvTranspose2d({ ...UP, runtime }).setWeight(WEIGHT),
    );
    const [own, foreign, standard] = layers as [ConvTranspose2d, ConvTranspose2d, ConvTranspose2d];
    const tensor = onHeap(X, mine);
    const wanted = own.forward(tensor);
    for (const layer of layers) expectSame(layer.forward(X), wanted);
    expect(memoryUsage()).toMatchObject({ liveLayers: 1, liveTensors: 0 });
    expect(mine.memoryUsage()).toMatchObject({ liveLayers: 1, liveTensors: 1 });

    await shutdown();
    expectError(
      caught(() => standard.forward(X)),
      'NOT_INITIALIZED',
      'ConvTranspose2d.forward',
    );
    expectSame(own.forward(tensor), wanted);
    expectSame(foreign.forward(X), wanted);

    await yours.shutdown();
    await yours.shutdown();
    expect([mine.ended, yours.ended]).toEqual([false, true]);
    const ended = caught(() => foreign.forward(X));
    expectError(ended, 'NOT_INITIALIZED', 'ConvTranspose2d.forward');
    // Another init would not help what is bound to this one.
    expect(ended.message).toContain('make it anew, on a runtime that runs');
    expect(ended.message).not.toContain('init');
    expectError(
      caught(() => foreign.backward(X, zeros(...Y))),
      'NOT_INITIALIZED',
      'ConvTranspose2d.backward',
    );
    expectError(
      caught(() => new HeapTensor([1], { runtime: yours })),
      'NOT_INITIALIZED',
      'HeapTensor',
    );
    expectError(
      caught(() => conv(X, WEIGHT, { runtime: yours })),
      'NOT_INITIALIZED',
      'conv',
    );
    expect(yours.memoryUsage()).toEqual({ liveLayers: 0, liveTensors: 0, heapBytes: 0, usedBytes: 0 });
    expect(yours.info.build).toBe(options.build);
    foreign.dispose();
    expectSame(own.forward(tensor), wanted);

    // A layer that is bound to none goes with the default one, whichever that is.
    await init({ build: 'simd' });
    expectSame(standard.forward(X), wanted);
    await mine.shutdown();
    expectError(
      caught(() => own.forward(X)),
      'NOT_INITIALIZED',
      'ConvTranspose2d.forward',
    );
    expectError(
      caught(() => standard.forward(tensor)),
      'NOT_INITIALIZED',
      'HeapTensor.data',
    );
    expectSame(standard.forward(X), wanted);
  });
});

it('`await using` ends one at the end of its block', async () => {
  let runtime: Runtime;
  {
    await using own = await createRuntime();
    runtime = own;
    const layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, runtime });
    expect(layer.forward(zeros(1, 1, 2, 2)).shape).toEqual([1, 1, 2, 2]);
    expect(runtime.memoryUsage().liveLayers).toBe(1);
  }
  expect(runtime.ended).toBe(true);
});

it('runtimes that start at the same time, and that end while others work', async () => {
  const [one, two, standard, three] = await Promise.all([
    start({ build: 'simd', threads: 2 }),
    start({ build: BEST, threads: 2 }),
    init({ threads: 2 }),
    start(),
  ]);
  expect([one.info.threads, two.info.threads, standard.threads, three.info.threads]).toEqual([2, 2, 2, 1]);
  const layers = [one, two, undefined, three].map((runtime) =>
    new ConvTranspose2d({ ...UP, runtime }).setWeight(WEIGHT),
  );
  const wanted = layers[0]?.forward(X) as Tensor;
  for (const runtime of [three, one]) {
    for (const layer of layers) if (!isEnded(layer)) expectSame(layer.forward(X), wanted);
    await runtime.shutdown();
  }
  expect(layers.map(isEnded)).toEqual([true, false, false, true]);
});

/** Whether what the layer runs on has been shut down. */
function isEnded(layer: ConvTranspose2d): boolean {
  try {
    layer.forward(X);
    return false;
  } catch (error) {
    expectError(error as never, 'NOT_INITIALIZED', 'ConvTranspose2d.forward');
    return true;
  }
}

it('what was measured on one runtime holds there alone', async () => {
  const [one, other] = [await start({ build: 'simd' }), await start({ build: 'simd', threads: 2 })];
  const plans = [one, one, other].map((runtime) => {
    const layer = new ConvTranspose2d({ ...UP, planning: 'measure', runtime });
    layer.forward(X);
    return layer.plan;
  });
  const times = plans.map((plan) => plan?.candidates.map(({ measured }) => measured));
  expect(times[1]).toEqual(times[0]);
  expect(times[2]).not.toEqual(times[0]);
  expect(plans.map((plan) => plan?.threads)).toEqual([1, 1, 2]);
});

it.each([[null], [true], [{}], ['simd'], [{ info: {}, ended: false }]])(
  'a runtime that is none: %o',
  (runtime) => {
    for (const [where, make] of [
      ['ConvTranspose2d', () => new ConvTranspose2d({ ...UP, runtime } as never)],
      ['HeapTensor', () => new HeapTensor([1], { runtime } as never)],
      ['conv', () => conv(X, WEIGHT, { runtime } as never)],
    ] as const) {
      expectError(caught(make), 'BAD_TYPE', where);
    }
    expectError(
      caught(() => new HeapTensor([1], { other: 1 } as never)),
      'BAD_OPTION',
      'HeapTensor',
    );
  },
);

it('a runtime that does not load leaves the others alone, in its own name', async () => {
  const mine = await start({ build: 'simd' });
  await init();
  const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  expectError(await rejection(() => createRuntime({ wasm: bytes })), 'LOAD_FAILED', 'createRuntime');
  expectError(await rejection(() => createRuntime({ threads: 0 })), 'BAD_OPTION', 'createRuntime');
  const text = await rejection(() => createRuntime({ threads: '2' as never }));
  expectError(text, 'BAD_TYPE', 'createRuntime');
  expect(text.message).toContain('threads other than \'auto\' to be an integer, got "2"');
  expectError(await rejection(() => createRuntime({ wasm: 3 } as never)), 'BAD_TYPE', 'createRuntime');
  expectSame(
    new ConvTranspose2d({ ...UP, runtime: mine }).setWeight(WEIGHT).forward(X),
    new ConvTranspose2d(UP).setWeight(WEIGHT).forward(X),
  );
});

// The heap belongs to the program too: what it scribbles over ends in a trap.
describe.each(BUILDS_HERE.filter(({ options }) => options.threads === 1))(
  '$name: a module that fails',
  ({ options }) => {
    const scribble = (tensor: HeapTensor): void => {
      new Uint8Array(tensor.data.buffer).fill(255);
    };

    it('says so in every later call, and init starts afresh', async () => {
      await init(options);
      const mine = await start(options);
      const up = new ConvTranspose2d(UP).setWeight(WEIGHT);
      const small = quantize(up);
      const own = new ConvTranspose2d({ ...UP, runtime: mine }).setWeight(WEIGHT);
      const wanted = up.forward(X);
      small.forward(X);
      expectSame(own.forward(X), wanted);
      const x = new HeapTensor(X.shape);
      scribble(x);

      const first = caught(() => up.forward(X));
      expectError(first, 'INTERNAL', 'ConvTranspose2d.forward');
      expect(first.cause).toBeInstanceOf(WebAssembly.RuntimeError);
      for (const [where, call] of [
        ['ConvTranspose2d.forward', () => up.forward(X)],
        ['QuantizedConvTranspose2d.forward', () => small.forward(X)],
        ['ConvTranspose2d.backward', () => up.backward(X, wanted)],
        ['HeapTensor', () => new HeapTensor([1])],
        ['HeapTensor.data', () => x.data],
        ['conv', () => conv(X, WEIGHT)],
      ] as const) {
        const error = caught(call);
        expectError(error, 'RUNTIME_FAILED', where);
        expect(error.cause).toBe(first.cause);
      }
      expect(memoryUsage()).toEqual({ liveLayers: 0, liveTensors: 0, heapBytes: 0, usedBytes: 0 });
      // Neither cleaning up nor new parameters need what has failed.
      x.dispose();
      small.dispose();
      up.setWeight(WEIGHT);
      expectSame(own.forward(X), wanted);

      await init(options);
      expectSame(up.forward(X), wanted);
      expect(memoryUsage()).toMatchObject({ liveLayers: 1, liveTensors: 0 });
      up.dispose();
      expect(memoryUsage().liveLayers).toBe(0);
    });

    it.each([
      ['a heap tensor', (_: ConvTranspose2d, x: HeapTensor) => x.dispose()],
      ['a layer', (up: ConvTranspose2d) => up.dispose()],
      ['new parameters', (up: ConvTranspose2d) => up.setWeight(WEIGHT)],
    ] as const)('cleaning up throws nothing: %s', async (_, act) => {
      const runtime = await start(options);
      const up = new ConvTranspose2d({ ...UP, runtime });
      up.forward(X);
      const x = new HeapTensor([sizeOf(X.shape)], { runtime });
      scribble(x);
      act(up, x);
      await runtime.shutdown();
      expect(runtime.ended).toBe(true);
      await start(options);
    });

    it('shutdown ends it, whatever state it is in', async () => {
      await init(options);
      const up = new ConvTranspose2d(UP).setWeight(WEIGHT);
      const wanted = up.forward(X);
      scribble(new HeapTensor([1]));
      await shutdown();
      expectError(
        caught(() => up.forward(X)),
        'NOT_INITIALIZED',
        'ConvTranspose2d.forward',
      );
      await init(options);
      expectSame(up.forward(X), wanted);
    });
  },
);

it('an array that the engine has no room for is no failure of the module', async () => {
  const runtime = await start({ build: 'simd' });
  const layer = new ChannelsLast({
    inSize: [5, 6, 2],
    outChannels: 3,
    kernelSize: 4,
    wMask: 0.5,
    seed: 1,
    runtime,
  });
  const x = { data: X.data, shape: [5, 6, 2] };
  // The mask is multiplied in while the module's parameters are made.
  const map = vi.spyOn(Object.getPrototypeOf(Float32Array.prototype), 'map').mockImplementation(() => {
    throw new RangeError('Array buffer allocation failed');
  });
  const error = caught(() => layer.forward(x));
  map.mockRestore();
  expectError(error, 'OUT_OF_MEMORY', 'ConvTranspose2d.forward');
  expect(runtime.ended).toBe(false);
  expect(runtime.memoryUsage().liveLayers).toBe(0);
  expect(layer.forward(x).shape).toEqual([5, 6, 3]);
});

it('gradients that find no room give back what they had staged', async () => {
  const runtime = await start({ build: 'simd' });
  const layer = new ConvTranspose2d({ ...UP, runtime }).setWeight(WEIGHT);
  const y = layer.forward(X);
  const wanted = layer.backward(X, y);
  const slice = vi.spyOn(Object.getPrototypeOf(Float32Array.prototype), 'slice').mockImplementation(() => {
    throw new RangeError('Array buffer allocation failed');
  });
  const error = caught(() => layer.backward(X, y));
  // Blocks that moved may be some bytes longer, once.
  const before = runtime.memoryUsage();
  for (let again = 0; again < 9; again += 1) caught(() => layer.backward(X, y));
  slice.mockRestore();
  expectError(error, 'OUT_OF_MEMORY', 'ConvTranspose2d.backward');
  expect(runtime.memoryUsage()).toEqual(before);
  expect(layer.backward(X, y)).toEqual(wanted);
});
