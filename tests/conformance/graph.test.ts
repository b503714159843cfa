// Sequential and Graph on one arena, against the same modules one by one and against PyTorch
// (tests/fixtures/modules/make_graph.py).

import { readFileSync } from 'node:fs';
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  BatchNorm3d,
  createRuntime,
  Dropout,
  ELU,
  Flatten,
  GELU,
  Graph,
  type GraphValue,
  GroupNorm,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  HeapTensor,
  InstanceNorm2d,
  LayerNorm,
  LeakyReLU,
  Linear,
  MaxPool2d,
  type Module,
  memoryUsage,
  PixelShuffle,
  PixelUnshuffle,
  PReLU,
  ReflectionPad2d,
  ReLU,
  ReLU6,
  ReplicationPad2d,
  Sequential,
  Sigmoid,
  SiLU,
  Snake,
  Softmax,
  Softplus,
  shutdown,
  Tanh,
  type Tensor,
  Unflatten,
  Upsample,
  ZeroPad2d,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { ResizeConv2d } from 'deconv-wasm/checkerboard';
import { quantize } from 'deconv-wasm/quantize';
import { meanSquaredError } from 'deconv-wasm/training';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeEachBuild, start } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { conv, unet, up } from '../support/graphs.js';
import { expectNothingLeft } from '../support/memory.js';
import { mulberry32 } from '../support/random.js';
import { runsOf, seed } from '../support/seed.js';
import { randomTensor, toChannelsLast, zeros } from '../support/tensors.js';

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly state: Readonly<Record<string, Stored>>;
  readonly x: Stored;
  readonly y: Stored;
  readonly grad_output: Stored;
  readonly input_gradient: Stored;
  readonly gradients: Readonly<Record<string, Stored>>;
}

const golden = JSON.parse(
  readFileSync(new URL('../fixtures/modules/graph.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Golden[] };

function tensorOf({ shape, data }: Stored): Tensor {
  return { data: Float32Array.from(data), shape };
}

function onHeap({ data, shape }: Tensor): HeapTensor {
  const tensor = new HeapTensor(shape);
  tensor.data.set(data);
  return tensor;
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

function expectClose(got: Tensor, wanted: Stored | Tensor, allowed = 2e-5): void {
  expect(compareWith(got, wanted.shape, wanted.data, () => allowed)).toBeUndefined();
}

function stateOf({ state }: Golden): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(state).map(([name, stored]) => [name, tensorOf(stored)]));
}

/** Draws a graph whose values all have one size but for their channels; `last` has these as the last axis. */
function randomGraph(random: () => number, channels: number, size: number, last: boolean): Graph {
  const below = (count: number): number => Math.floor(random() * count);
  const net = new Graph();
  const axis = last ? -1 : 1;
  const values: { readonly value: GraphValue; readonly channels: number }[] = [
    { value: net.input('x'), channels },
  ];
  const any = () => values[below(values.length)] as (typeof values)[number];
  const layer = (from: number, to: number): Module =>
    last
      ? new brainstate.Conv2d({
          inSize: [size, size, from],
          outChannels: to,
          kernelSize: 3,
          padding: 'SAME',
          seed: from,
        })
      : conv(from, to, random() < 0.5 ? 1 : 3);
  const layout = last ? 'channels-last' : 'channels-first';
  const activations: readonly ((count: number) => Module)[] = [
    () => new ReLU(),
    () => new Tanh(),
    () => new LeakyReLU(),
    () => new PReLU(),
    (count) => new PReLU({ numParameters: count, layout }),
    (count) => new Snake({ channels: count, layout }),
  ];
  for (let count = 3 + below(10); count > 0; count -= 1) {
    const one = any();
    const kind = below(6);
    if (kind <= 1) {
      const to = 1 + below(6);
      values.push({ value: net.apply(layer(one.channels, to), one.value), channels: to });
    } else if (kind === 2) {
      const make = activations[below(activations.length)] as (typeof activations)[number];
      values.push({ value: net.apply(make(one.channels), one.value), channels: one.channels });
    } else if (kind === 3) {
      const other = values.filter((value) => value.channels === one.channels);
      const term = other[below(other.length)] as (typeof values)[number];
      values.push({ value: net.add(one.value, term.value), channels: one.channels });
    } else if (kind === 4) {
      const parts = Array.from({ length: 1 + below(3) }, any);
      const value = net.concat(
        parts.map((part) => part.value),
        { axis },
      );
      values.push({ value, channels: parts.reduce((sum, part) => sum + part.channels, 0) });
    } else if (one.channels > 1) {
      const first = 1 + below(one.channels - 1);
      const sizes = [first, one.channels - first];
      const parts = net.split(one.value, sizes, { axis });
      for (const [index, value] of parts.entries()) values.push({ value, channels: sizes[index] as number });
    }
  }
  // Any value may go out, inputs and twice the same among them.
  for (let index = 1 + below(3); index > 0; index -= 1) net.output(any().value, `y${index}`);
  return net.output((values.at(-1) as (typeof values)[number]).value, 'last');
}

describeEachBuild((build) => {
  it('any graph computes what its nodes compute one by one, wherever its tensors lie', () => {
    fc.assert(
      fc.property(
        fc.record({ seed: fc.nat(), batch: fc.integer({ min: 1, max: 2 }), last: fc.boolean() }),
        ({ seed: drawn, batch, last }) => {
          const random = mulberry32(drawn);
          const [channels, size] = [1 + Math.floor(random() * 5), 1 + Math.floor(random() * 5)];
          using net = randomGraph(random, channels, size, last);
          const first = randomTensor([batch, channels, size, size], drawn);
          const x = last ? toChannelsLast(first) : first;
          const wanted = net.trace({ x }).outputs;
          const got = net.forward({ x });
          expect(Object.keys(got)).toEqual(Object.keys(wanted));
          for (const [name, y] of Object.entries(wanted)) expectSame(got[name] as Tensor, y);
          // On the heap, and then on plain tensors once more: nobody's input is written to.
          using heapX = onHeap(x);
          const out = Object.fromEntries(
            Object.entries(wanted).map(([name, { shape }]) => [name, new HeapTensor(shape)]),
          );
          expect(net.forward({ x: heapX }, { out })).toBe(out);
          for (const [name, y] of Object.entries(wanted)) expectSame(out[name] as Tensor, y);
          expectSame(heapX, x);
          for (const tensor of Object.values(out)) tensor.dispose();
        },
      ),
      runsOf(60, build.name),
    );
  });

  it('a U-Net of PyTorch: values and all gradients', () => {
    for (const one of golden.cases) {
      using net = unet();
      net.loadStateDict(stateOf(one));
      expect(net.stateDict()).toEqual(stateOf(one));
      const x = tensorOf(one.x);
      expectClose(net.forward(x), one.y);
      const pass = net.trace(x);
      expectClose(pass.output, one.y);
      const grad = tensorOf(one.grad_output);
      for (const { input, layers } of [pass.backward(grad), net.backward(x, grad)]) {
        expectClose(input, one.input_gradient, 5e-5);
        const names = ['enter', 'down', 'middle.0', 'middle.2', 'up', 'mix', 'exit'];
        expect(layers.length).toBe(names.length);
        for (const [index, { weight, bias }] of layers.entries()) {
          const name = names[index] as string;
          expectClose(weight, one.gradients[`${name}.weight`] as Stored, 2e-4);
          if (bias !== null) expectClose(bias, one.gradients[`${name}.bias`] as Stored, 2e-4);
        }
      }
    }
  });

  it('gradients of several inputs and outputs are central differences', () => {
    using net = new Graph();
    const [a, b] = [net.input('a'), net.input('b')];
    const both = net.apply(conv(3, 4), net.concat([a, b]));
    const [left, right] = net.split(net.apply(new Tanh(), both), [3, 1]) as [GraphValue, GraphValue];
    net.output(net.apply(new Sigmoid(), net.add(left, net.apply(conv(1, 3, 1), b))), 'sum');
    net.output(right, 'rest');
    const inputs = { a: randomTensor([2, 2, 3, 4], seed), b: randomTensor([2, 1, 3, 4], seed + 1) };
    const targets = { sum: randomTensor([2, 3, 3, 4], seed + 2), rest: randomTensor([2, 1, 3, 4], seed + 3) };
    const lossOf = (given: typeof inputs): number => {
      const y = net.forward(given) as typeof targets;
      return meanSquaredError(y.sum, targets.sum).loss + meanSquaredError(y.rest, targets.rest).loss;
    };
    const pass = net.trace(inputs);
    const { sum, rest } = pass.outputs as typeof targets;
    const gradients = pass.backward({
      sum: meanSquaredError(sum, targets.sum).gradient,
      rest: meanSquaredError(rest, targets.rest).gradient,
    });
    for (const name of ['a', 'b'] as const) {
      const { data, shape } = inputs[name];
      const slopes = data.map((value, index) => {
        const [low, high] = [Math.fround(value - 1e-2), Math.fround(value + 1e-2)];
        const at = (moved: number) => lossOf({ ...inputs, [name]: { data: data.with(index, moved), shape } });
        return (at(high) - at(low)) / (high - low);
      });
      expectClose(gradients.inputs[name] as Tensor, { data: slopes, shape }, 2e-4);
    }
    // Of one output alone, the other's gradient is 0.
    const alone = pass.backward({ rest: { data: new Float32Array(24).fill(1), shape: rest.shape } });
    expect(alone.layers[1]?.weight.data.every((value) => value === 0)).toBe(true);
    expect(alone.layers[0]?.weight.data.some((value) => value !== 0)).toBe(true);
  });

  it('sizes that change from call to call give the same each time, in bounded memory', () => {
    using net = unet();
    const sizes = [
      [4, 4],
      [8, 6],
      [2, 12],
      [6, 6],
      [10, 2],
      [4, 8],
    ] as const;
    const inputs = sizes.map(([height, width], index) =>
      randomTensor([1 + (index % 2), 2, height, width], index),
    );
    const wanted = inputs.map((x) => net.trace(x).output);
    const round = (): void => {
      for (const [index, x] of inputs.entries()) expectSame(net.forward(x), wanted[index] as Tensor);
    };
    round();
    round();
    const before = memoryUsage();
    for (let count = 0; count < 4; count += 1) round();
    expect(memoryUsage()).toEqual(before);
    // A large one leaves what its layers need beside their weight, but not its arena.
    const large = [1, 2, 384, 384];
    net.forward(randomTensor(large, 1));
    round();
    const more = memoryUsage().usedBytes - before.usedBytes;
    expect(more).toBeLessThan(net.summary(large).arenaBytes / 4);
  });

  it('writes where the caller wants it, whatever overlaps', () => {
    using net = new Sequential(conv(2, 4), new Tanh(), conv(4, 2), new LeakyReLU());
    const x = randomTensor([1, 2, 6, 6], seed);
    const y = net.trace(x).output;
    const own = zeros(...y.shape);
    expect(net.forward(x, { out: own })).toBe(own);
    expectSame(own, y);
    using place = onHeap(x);
    expect(net.forward(place, { out: place })).toBe(place);
    expectSame(place, y);
    // Parts of one tensor, of which one begins at no multiple of 16 bytes.
    using large = new HeapTensor([200]);
    for (const [from, to] of [
      [0, 72],
      [72, 0],
      [10, 50],
      [101, 33],
      [1, 2],
    ] as const) {
      const part = (begin: number): Tensor => ({
        data: large.data.subarray(begin, begin + 72),
        shape: x.shape,
      });
      part(from).data.set(x.data);
      net.forward(part(from), { out: part(to) });
      expectSame(part(to), y);
    }
    // A copy of the input is an output too.
    using both = new Graph();
    const input = both.input('x');
    both
      .output(input, 'same')
      .output(both.apply(net, input), 'y')
      .output(both.apply(new ReLU(), input), 'relu');
    using same = new HeapTensor(x.shape);
    const out = { same, y: zeros(...y.shape), relu: zeros(...x.shape) };
    both.forward({ x }, { out });
    expectSame(same, x);
    expectSame(out.y, y);
    expectSame(out.relu, new ReLU().forward(x));
    // Two outputs, one of them the input's copy, on both halves of where the input lies.
    using halves = new HeapTensor([144]);
    halves.data.set(x.data, 36);
    const half = (begin: number): Tensor => ({
      data: halves.data.subarray(begin, begin + 72),
      shape: x.shape,
    });
    both.forward({ x: half(36) }, { out: { ...out, same: half(0), y: half(72) } });
    expectSame(half(0), x);
    expectSame(half(72), y);
  });

  it('how its layers are to be computed holds in a chain', () => {
    const x = randomTensor([2, 4, 5, 5], seed);
    x.data.fill(1e-40, 0, 20);
    for (const more of [
      { planning: 'measure' },
      { denormals: 'flush' },
      { route: 'scalar' },
      { precision: 'exact' },
    ] as const) {
      using net = new Sequential(up(4, 4, more), new LeakyReLU(), up(4, 4, more), new Tanh());
      expectSame(net.forward(x), net.trace(x).output);
      if ('route' in more) expect(net.summary(x.shape).steps.map(({ route }) => route)[2]).toBe('scalar');
    }
    // Nothing, an image without a batch, and a part of the caller's own that growth detaches.
    using small = new Sequential(conv(1, 2, 1), new Tanh());
    expect(small.forward(zeros(0, 1, 3, 3)).shape).toEqual([0, 2, 3, 3]);
    expectSame(small.forward(zeros(1, 3, 3)), small.trace(zeros(1, 3, 3)).output);
  });

  it('modules of every kind: parameters of channels, composites, int8, and objects of the user’s', () => {
    const own = {
      calls: 0,
      forward({ data, shape }: Tensor) {
        own.calls += 1;
        return { data: data.map((value) => 2 * value), shape };
      },
      backward: (_x: Tensor, { data, shape }: Tensor) => ({
        input: { data: data.map((value) => 2 * value), shape },
      }),
      outputShape: (shape: readonly number[]) => shape,
      toString: () => 'Double()',
    };
    const resize = {
      inChannels: 3,
      outChannels: 3,
      kernelSize: 3,
      scaleFactor: 2,
      padding: 1,
      seed: 1,
    } as const;
    using net = new Sequential(
      conv(2, 3),
      new PReLU({ numParameters: 3 }),
      new ResizeConv2d(resize),
      own,
      new ResizeConv2d({ ...resize, mode: 'bilinear' }),
      new ReLU(),
      quantize(conv(3, 3)),
      new ReLU(),
      conv(3, 1, 1),
    );
    const x = randomTensor([2, 2, 5, 4], seed);
    let y = x;
    for (const [index, module] of net.modules.entries()) {
      if (index !== 5 && index !== 7) y = module.forward(y);
      else y = new ReLU().forward(y);
    }
    expectSame(net.forward(x), y);
    expect(own.calls).toBe(2);
    // Without a shape that is told before they run, modules are computed one by one.
    const { outputShape, ...strange } = own;
    using slow = new Sequential(conv(2, 3), strange, new Tanh());
    const out = zeros(2, 3, 5, 4);
    expect(slow.forward(x, { out })).toBe(out);
    expectSame(out, slow.forward(x));
    expectError(
      caught(() => slow.summary(x.shape)),
      'UNSUPPORTED',
      'Sequential.summary',
    );
    // One that tells a wrong shape is found out.
    using wrong = new Sequential(conv(2, 3), { ...own, outputShape: () => [1] });
    expectError(
      caught(() => wrong.forward(x)),
      'BAD_SHAPE',
      'Sequential.forward',
    );
  });

  it('stands on the runtime that its modules name, and on several one by one', async () => {
    const runtime = await createRuntime({ build: build.options.build });
    const x = randomTensor([1, 2, 4, 4], seed);
    using net = new Sequential(conv(2, 2, 3, { runtime }), new Tanh(), conv(2, 2));
    const y = net.forward(x);
    expect(runtime.memoryUsage().liveLayers).toBe(3);
    using heapX = new HeapTensor(x.shape, { runtime });
    heapX.data.set(x.data);
    expectSame(net.forward(heapX), y);
    using mixed = new Sequential(net, new Tanh({ runtime: await createRuntime() }));
    expectSame(mixed.forward(x), new Tanh().forward(y));
    await runtime.shutdown();
    expectError(
      caught(() => net.forward(x)),
      'NOT_INITIALIZED',
      'Sequential.forward',
    );
  });

  it('computes gradients there too, without a default runtime and beside another one', async () => {
    const runtime = await createRuntime({ build: build.options.build });
    const x = randomTensor([2, 2, 4, 4], seed);
    const norm = () => new BatchNorm2d({ numFeatures: 2, runtime });
    const make = (...behind: Module[]) =>
      new Sequential(norm(), conv(2, 2, 3, { runtime }), new Tanh(), ...behind);
    // Without an outputShape everything is computed one by one.
    const own: Module = { forward: (value) => value, backward: (_, input) => ({ input }) };
    const all = (net: Sequential) => {
      const pass = net.trace(x);
      return [pass.output, pass.backward(x), net.backward(x, x)];
    };
    const used = memoryUsage();
    const wanted = all(make());
    expect(all(make(own))).toEqual(wanted);
    expect(memoryUsage()).toEqual(used);
    await shutdown();
    try {
      for (const net of [make(), make(own)]) {
        expect(all(net)).toEqual(wanted);
        expect(net.forward(x).shape).toEqual(x.shape);
      }
      expect(caught(() => new Tanh().forward(x)).code).toBe('NOT_INITIALIZED');
    } finally {
      await start(build);
    }
    await runtime.shutdown();
  });

  it('every module of the root computes in a chain what it computes alone', () => {
    const padding = [1, 2, 0, 1] as const;
    const modules = (): readonly Module[] => [
      ...[
        new ELU(),
        new SiLU(),
        new GELU(),
        new GELU({ approximate: 'tanh' }),
        new Hardswish(),
        new Hardsigmoid(),
      ],
      ...[new Hardtanh(), new ReLU6(), new Softplus(), new Sigmoid(), new Tanh(), new Softmax({ dim: 1 })],
      ...[new MaxPool2d({ kernelSize: 3, stride: 2, padding: 1 }), new AvgPool2d({ kernelSize: 2 })],
      ...[
        new AdaptiveAvgPool2d({ outputSize: 1 }),
        new ReflectionPad2d({ padding }),
        new ZeroPad2d({ padding }),
      ],
      ...[new ReplicationPad2d({ padding }), new PixelShuffle({ upscaleFactor: 2 })],
      ...[new PixelUnshuffle({ downscaleFactor: 2 }), new Upsample({ scaleFactor: 2, mode: 'bilinear' })],
      ...[new GroupNorm({ numGroups: 2, numChannels: 4 }), new InstanceNorm2d({ numFeatures: 4 })],
      new LayerNorm({ normalizedShape: 4, layout: 'channels-first' }),
      new Sequential(new Flatten(), new Linear({ inFeatures: 144, outFeatures: 6, seed: 1 }), new ReLU()),
      new Sequential(new Flatten(), new Unflatten({ dim: 1, unflattenedSize: [6, 24] })),
      new Dropout({ seed: 1 }),
    ];
    for (const batch of [1, 3]) {
      const x = randomTensor([batch, 4, 6, 6], seed);
      for (const module of modules()) {
        using net = new Graph();
        const input = net.input('x');
        const before = net.apply(conv(4, 4), input);
        const after = net.apply(module, before);
        net.output(net.apply(new Tanh(), after)).output(after, 'after');
        net.eval();
        const pass = net.trace({ x });
        const y = net.forward({ x });
        for (const name of ['output', 'after']) {
          const difference = compareExactly(y[name] as Tensor, pass.outputs[name] as Tensor);
          expect(difference, `${module}`).toBeUndefined();
        }
        const { inputs } = pass.backward({ after: pass.outputs.after as Tensor });
        expect(inputs.x?.shape).toEqual(x.shape);
        expect(net.summary({ x: x.shape }).steps.at(-1)?.outputShapes).toEqual([y.output?.shape]);
      }
    }
  });

  it('parameters and modes that change between calls are those of the next call', () => {
    const layer = conv(2, 3);
    const norm = new BatchNorm2d({ numFeatures: 3 });
    using net = new Sequential(layer, norm, new ReLU(), conv(3, 2));
    const x = randomTensor([2, 2, 4, 4], seed);
    const oneByOne = (): Tensor => {
      let y = x;
      for (const module of net.modules) y = module.forward(y);
      return y;
    };
    for (let count = 0; count < 3; count += 1) net.forward(randomTensor([2, 2, 4, 4], seed + count));
    const within = () => net.summary(x.shape).steps.map((step) => step.within);
    expect(within()).toEqual([null, null, null, null]);
    net.eval();
    expect(within()).toEqual([null, '0', '0', null]);
    const check = (): Tensor => {
      const y = net.forward(x);
      expectClose(y, oneByOne(), 1e-5);
      return y;
    };
    const first = check();
    layer.setWeight(randomTensor(layer.weight.shape, 5));
    norm.setWeight(randomTensor([3], 6));
    const second = check();
    expect(compareExactly(second, first)).toBeDefined();
    norm.setBias(randomTensor([3], 7));
    layer.setBias(randomTensor([3], 8));
    check();
    net.loadStateDict({ '1.running_mean': randomTensor([3], 9) }, { strict: false });
    check();
    // Back in training nothing is left of what was folded: bit by bit as if it had never been.
    const state = net.stateDict();
    net.train();
    const trained = net.forward(x);
    net.loadStateDict(state);
    expectSame(trained, oneByOne());
    expect(net.stateDict()['1.num_batches_tracked']?.data).toEqual(Float32Array.of(4));
    net.eval();
    check();
  });

  it('a norm is folded into layers of every kind, and not where it must not be', () => {
    const shape = [2, 4, 5, 6];
    const grouped = { groups: 2, bias: false } as const;
    const last = new brainstate.Conv2d({
      inSize: [5, 6, 4],
      outChannels: 6,
      kernelSize: 3,
      groups: 2,
    });
    const resize = {
      inChannels: 4,
      outChannels: 6,
      kernelSize: 3,
      scaleFactor: 2,
      padding: 1,
      seed: 1,
    } as const;
    const kinds: readonly (readonly [Module, boolean, ('channels-first' | 'channels-last')?])[] = [
      [conv(4, 6, 3, grouped), true],
      [up(4, 6, grouped), true],
      [new ResizeConv2d(resize), true],
      [last, true, 'channels-last'],
      [new ResizeConv2d({ ...resize, mode: 'bilinear' }), false],
      [conv(4, 6, 3, { precision: 'exact' }), false],
      [quantize(conv(4, 6)), false],
    ];
    for (const [module, folded, layout = 'channels-first'] of kinds) {
      const norm = new BatchNorm2d({ numFeatures: 6, layout });
      norm.loadStateDict({
        weight: randomTensor([6], 1),
        bias: randomTensor([6], 2),
        running_mean: randomTensor([6], 3),
        running_var: { data: randomTensor([6], 4).data.map((value) => value + 1.5), shape: [6] },
        num_batches_tracked: { data: Float32Array.of(1), shape: [] },
      });
      using net = new Sequential(module, norm, new LeakyReLU()).eval();
      const first = randomTensor(shape, seed);
      const x = layout === 'channels-last' ? toChannelsLast(first) : first;
      const within = net.summary(x.shape).steps.map((step) => step.within);
      expect([String(module), within[1]]).toEqual([String(module), folded ? '0' : null]);
      expectClose(net.forward(x), net.trace(x).output, 1e-5);
    }
    // Of another rank the norm would refuse what the layer gives, and so it does.
    using wrong = new Sequential(conv(4, 6), new BatchNorm3d({ numFeatures: 6 })).eval();
    expect(caught(() => wrong.forward(randomTensor(shape, 1))).detail.node).toBe('1');
  });

  it('a norm is folded into the layer before it alone, whatever the names are', () => {
    const norm = (mean: number) => {
      const made = new BatchNorm2d({ numFeatures: 1 });
      made.loadStateDict({ running_mean: { data: Float32Array.of(mean), shape: [1] } }, { strict: false });
      return made;
    };
    const named = { a: conv(1, 1), 'b,c': norm(1), 'a,b': conv(1, 1), c: norm(10) };
    using net = new Sequential(named).eval();
    const x = randomTensor([1, 1, 3, 3], seed);
    expectClose(net.forward(x), net.trace(x).output, 1e-5);
  });

  it('a norm that is put into training while it is folded is refused, and the runtime goes on', () => {
    const norm = new BatchNorm2d({ numFeatures: 2 });
    let mode = true;
    const mover: Module = {
      forward: ({ data, shape }) => {
        norm.train(mode);
        return { data: data.slice(), shape };
      },
      backward: (_, gradOutput) => ({ input: gradOutput }),
      outputShape: (shape) => shape,
    };
    using net = new Sequential(mover, conv(2, 2), norm).eval();
    const x = randomTensor([1, 2, 4, 4], seed);
    const error = caught(() => net.forward(x));
    expectError(error, 'UNSUPPORTED', 'Sequential.forward');
    expect(error.detail.node).toBe('1');
    mode = false;
    net.eval();
    expectClose(net.forward(x), net.trace(x).output, 1e-5);
  });

  it('layers compute norms, sums and activations behind them, and what these are now', () => {
    const [first, second] = [conv(3, 3), up(3, 2)];
    const [slopes, snake] = [new PReLU({ numParameters: 3 }), new Snake({ channels: 2 })];
    const net = new Graph();
    const x = net.input('x');
    // A residual block, as in ResNet, and one whose sum comes before its other term is there.
    const sum = net.add(x, net.apply(first, x, 'first'), 'sum');
    const block = net.apply(slopes, sum, 'slopes');
    const early = net.apply(second, block, 'second');
    const late = net.apply(up(3, 2), x, 'late');
    net.output(net.apply(snake, net.add(early, late, 'both'), 'snake'));
    const input = randomTensor([2, 3, 4, 5], seed);
    const check = (): void => expectSame(net.forward(input), net.trace(input).output);
    check();
    const within = () => net.summary(input.shape).steps.map((step) => step.within);
    expect(within()).toEqual([null, 'first', 'first', null, null, 'late', 'late']);
    slopes.setWeight(randomTensor([3], 5));
    check();
    snake.setWeight(Float32Array.of(0.5, 2));
    first.setWeight(randomTensor(first.weight.shape, 6));
    second.setBias(randomTensor([2], 7));
    check();
    expect(caught(() => net.forward(randomTensor([1, 2, 4, 4], 1))).detail.node).toBe('first');
    const start = memoryUsage();
    net.dispose();
    expect(memoryUsage().liveLayers).toBeLessThan(start.liveLayers);

    const wrong = new Graph();
    const y = wrong.input('y');
    const half = wrong.apply(conv(3, 3, 2, { stride: 2, padding: 0 }), y, 'half');
    wrong.output(wrong.add(half, y, 'both'));
    const error = caught(() => wrong.forward(input));
    expectError(error, 'BAD_SHAPE', 'Graph.forward');
    expect(error.message).toMatch(/^Graph\.forward: at "both", add: expected values of one shape, got/);
    const other = new Sequential(conv(3, 3), new PReLU({ numParameters: 2 }));
    expect(caught(() => other.forward(input)).detail.node).toBe('1');
    for (const chain of [wrong, other]) chain.dispose();
  });

  it('gives back what it took', () => {
    const start = memoryUsage();
    const net = unet();
    net.forward(randomTensor([1, 2, 8, 8], 1));
    net.forward(randomTensor([1, 2, 4, 4], 1));
    net.summary([1, 2, 6, 6]);
    expect(memoryUsage().liveLayers).toBeGreaterThan(start.liveLayers);
    net.dispose();
    net.dispose();
    expectNothingLeft(start);
    for (const act of [() => net.forward(zeros(1, 2, 4, 4)), () => net.trace(zeros(1, 2, 4, 4))]) {
      expectError(caught(act), 'DISPOSED', 'Graph.(forward|trace)');
    }
    const layer = conv(1, 1);
    using chain = new Sequential(layer, new Tanh());
    chain.forward(zeros(1, 1, 2, 2));
    layer.dispose();
    expectError(
      caught(() => chain.forward(zeros(1, 1, 2, 2))),
      'DISPOSED',
      'Sequential.forward',
    );
  });

  it('summary tells of a graph of joins alone, and of none, as of any other', () => {
    const graph = new Graph();
    const [a, b] = [graph.input('a'), graph.input('b')];
    const joined = graph.concat([a, b], { name: 'both' });
    graph.output(joined, 'y');
    graph.output(graph.split(joined, [1, 3], { name: 'parts' })[1] as typeof a, 'z');
    const { steps, parameters, multiplyAdds, tensorBytes } = graph.summary({ a: [1, 2, 3], b: [1, 2, 3] });
    expect(steps.map(({ name, module, outputShapes }) => [name, module, outputShapes])).toEqual([
      ['both', 'concat', [[1, 4, 3]]],
      [
        'parts',
        'split',
        [
          [1, 1, 3],
          [1, 3, 3],
        ],
      ],
    ]);
    expect([parameters, multiplyAdds, tensorBytes]).toEqual([0, 0, 4 * (6 + 6 + 12 + 12)]);
    const none = new Graph();
    none.output(none.input('x'), 'y');
    expect(none.summary([1, 2]).steps).toEqual([]);
    const error = caught(() => graph.summary({ a: [1, 2, 3], b: [1, 2, 4] }));
    expectError(error, 'BAD_SHAPE', 'Graph.summary');
  });

  it('summary tells shapes, parameters, products, routes and memory', () => {
    using net = unet();
    const summary = net.summary([2, 2, 8, 8]);
    expect(summary.steps.map(({ name }) => name)).toEqual([
      ...[
        'enter',
        '1',
        'down',
        '3',
        'middle.0',
        'middle.1',
        'middle.2',
        '5',
        'up',
        'mix',
        '8',
        'again',
        '10',
        '11',
      ],
      ...['exit', '13'],
    ]);
    const step = (name: string) => summary.steps.find((one) => one.name === name);
    expect(step('enter')).toMatchObject({
      module: 'Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))',
      inputShapes: [[2, 2, 8, 8]],
      outputShapes: [[2, 4, 8, 8]],
      parameters: 2 * 4 * 9 + 4,
      multiplyAdds: 2 * 4 * 64 * 2 * 9,
      within: null,
    });
    expect(step('up')).toMatchObject({ multiplyAdds: 2 * 6 * 16 * 4 * 4, outputShapes: [[2, 4, 8, 8]] });
    expect(step('middle.0')).toMatchObject({ multiplyAdds: (2 * 6 * 16 * 6 * 9) / 2 });
    expect(step('middle.1')).toMatchObject({ within: 'middle.0', route: null, multiplyAdds: 0 });
    expect(step('10')).toMatchObject({
      module: 'split',
      outputShapes: [
        [2, 1, 8, 8],
        [2, 3, 8, 8],
      ],
    });
    expect(step('enter')?.route).toBeTypeOf('string');
    expect(summary.arenaBytes).toBeLessThan(summary.tensorBytes);
    expect(summary.parameters).toBe(summary.steps.reduce((sum, { parameters }) => sum + parameters, 0));
    const text = String(summary);
    expect(text).toMatch(/^ +Graph +output +parameters +multiply-adds +route\n/);
    expect(text).toMatch(/\nmiddle\.1 +ReLU +\[2, 6, 4, 4\] +0 +0 +in middle\.0\n/);
    expect(text).toMatch(/\narena [\d,]+ bytes, all tensors [\d,]+ bytes$/);
  });
});
