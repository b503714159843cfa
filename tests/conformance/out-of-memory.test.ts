// Tensors that may be counted but not held: the heap ends at 2 GB. Nothing here touches the memory
// that it asks for, so the process stays small.

import {
  Conv2d,
  ConvTranspose2d,
  conv,
  convTranspose,
  type DeconvError,
  HeapTensor,
  init,
  memoryUsage,
  type Plan,
  Sequential,
  shutdown,
  Tanh,
  type Tensor,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { SmoothConvTranspose2d } from 'deconv-wasm/checkerboard';
import { expect, it, onTestFinished } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { withFreeMemory, withSmallArrays } from '../support/scarce-memory.js';
import { seed } from '../support/seed.js';
import { quarters, randomTensor, stack, zeros } from '../support/tensors.js';

// 1.2 GB for input and output each.
const WIDE = [1, 1, 15_000, 20_000];

describeEachBuild((build) => {
  it('a chain whose arena does not fit goes on with what fits', () => {
    using net = new Sequential(
      new Conv2d({ inChannels: 1, outChannels: 8, kernelSize: 3, padding: 1, seed: 1 }),
      new Tanh(),
      new Conv2d({ inChannels: 8, outChannels: 1, kernelSize: 3, padding: 1, seed: 2 }),
    );
    const small = quarters([1, 1, 8, 8], 1);
    const wanted = net.forward(small);
    const start = memoryUsage();
    for (let count = 0; count < 2; count += 1) {
      const error = caught(() => net.forward(zeros(...WIDE)));
      expectError(error, 'TOO_LARGE', 'Sequential.forward');
      const large = caught(() => net.forward(zeros(1, 1, 8000, 8000)));
      expectError(large, 'OUT_OF_MEMORY', 'Sequential.forward');
      expect(compareExactly(net.forward(small), wanted)).toBeUndefined();
    }
    expect(memoryUsage().liveLayers).toBe(start.liveLayers);
  });

  it('an input and an output that do not fit together', () => {
    const x = zeros(...WIDE);
    const small = quarters([1, 1, 8, 8], 1);
    using up = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, seed: 1 });
    using down = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, seed: 1 });
    using fresh = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, seed: 1 });
    const wanted = [up.forward(small), down.forward(small)];
    const { liveLayers, usedBytes } = memoryUsage();
    for (const layer of [up, down, fresh]) {
      const where = layer === up ? 'ConvTranspose2d.forward' : 'Conv2d.forward';
      const error = caught(() => layer.forward(x));
      expectError(error, 'OUT_OF_MEMORY', where);
      expect(memoryUsage().liveLayers).toBeLessThanOrEqual(liveLayers + 1);
      // Not what the input took.
      expect(memoryUsage().usedBytes).toBeLessThan(usedBytes + 10_000);
    }
    const one = { data: new Float32Array([1]), shape: [1, 1, 1, 1] };
    expectError(
      caught(() => conv(x, one)),
      'OUT_OF_MEMORY',
      'conv',
    );
    expectError(
      caught(() => convTranspose(x, one)),
      'OUT_OF_MEMORY',
      'convTranspose',
    );
    expect(compareExactly(up.forward(small), wanted[0] as never)).toBeUndefined();
    expect(compareExactly(down.forward(small), wanted[1] as never)).toBeUndefined();
    expect(fresh.forward(small).shape).toEqual(small.shape);
    expect(memoryUsage().heapBytes).toBeLessThanOrEqual(2 ** 31);
    console.log(
      `out of memory: ${build.name}, the heap grew to ${(memoryUsage().heapBytes / 2 ** 30).toFixed(2)} GB`,
    );
  });

  it('a small input that grows beyond the heap', () => {
    using layer = new ConvTranspose2d({
      inChannels: 1,
      outChannels: 1,
      kernelSize: 1,
      stride: 20_000,
      seed: 1,
    });
    const x = quarters([1, 1, 2, 2], 1);
    const rest = { data: x.data.subarray(0, 1), shape: [1, 1, 1, 1] };
    const wanted = layer.forward(rest);
    // 20,001 x 20,001 values are 1.6 GB, which fit alone, or not beside what the route needs.
    let message = '';
    try {
      using wide = new ConvTranspose2d({
        inChannels: 1,
        outChannels: 1,
        kernelSize: 1,
        stride: 23_000,
        seed: 1,
      });
      wide.forward(x);
    } catch (error) {
      message = String(error);
    }
    expect(message).toMatch(/^DeconvError: ConvTranspose2d\.forward: expected .*, got none/);
    expect(compareExactly(layer.forward(rest), wanted)).toBeUndefined();
  });
});

describeEachBuild((build) => {
  it('a route that finds no room gives way to the next, and the plan tells so', () => {
    const x = randomTensor([1, 32, 48, 48], seed);
    using input = new HeapTensor(x.shape);
    input.data.set(x.data);
    using output = new HeapTensor(x.shape);
    const make = () => new Conv2d({ inChannels: 32, outChannels: 32, kernelSize: 3, padding: 1, seed: 1 });
    // Disposed before memory is short, because the last layer takes the workspace with it.
    const free = make();
    const wanted = free.forward(x);
    const first = free.plan as Plan;
    const twice = free.forward(stack([x, x]));
    const twicePlan = free.plan as Plan;
    const weight = free.weight.data.byteLength;
    free.dispose();
    const taken = new Set<string>();
    let refused = 0;
    for (let room = 4 * 2 ** 20; room > weight; room = Math.floor((room * 0.8) / 64) * 64) {
      using layer = make();
      withFreeMemory(room, () => {
        try {
          layer.forward(input, { out: output });
        } catch (error) {
          expectError(error as DeconvError, 'OUT_OF_MEMORY', 'Conv2d.forward');
          refused += 1;
          return;
        }
        const difference = compareWith(
          { data: output.data, shape: wanted.shape },
          wanted.shape,
          wanted.data,
          () => 1e-4,
        );
        expect(difference, `${room} bytes, ${layer.plan?.route}`).toBeUndefined();
        const plan = layer.plan as Plan;
        taken.add(plan.route);
        if (plan.route === first.route) {
          expect(plan.reason).not.toContain('no room');
          return;
        }
        expect(plan.reason).toContain(`${first.route} found no room on the heap`);
        for (const { route, estimate, refusal } of plan.candidates) {
          const now = plan.candidates.find((candidate) => candidate.route === plan.route);
          const cheaper = estimate !== null && estimate < (now?.estimate as number);
          if (cheaper) expect(refusal, route).toBe('found no room on the heap');
        }
        // It keeps to what it found, without another try.
        layer.forward(input, { out: output });
        expect(layer.plan).toBe(plan);
      });
      // With memory again: a new size is planned as if nothing had been.
      expect(compareExactly(layer.forward(stack([x, x])), twice)).toBeUndefined();
      expect(layer.plan?.route).toBe(twicePlan.route);
    }
    console.log(`no room: ${[...taken].join(', then ')}, then refused; ${build.name}`);
    expect([...taken][0]).toBe(first.route);
    expect(taken.size).toBeGreaterThan(1);
    expect(refused).toBeGreaterThan(0);
  });

  it('a forced route does not give way', () => {
    const x = randomTensor([1, 32, 48, 48], seed);
    using input = new HeapTensor(x.shape);
    input.data.set(x.data);
    const route = 'implicit-gemm';
    using layer = new Conv2d({ inChannels: 32, outChannels: 32, kernelSize: 3, padding: 1, seed: 1, route });
    using output = new HeapTensor(layer.outputShape(x.shape) as number[]);
    withFreeMemory(2 ** 18, () => {
      expectError(
        caught(() => layer.forward(input, { out: output })),
        'OUT_OF_MEMORY',
        'Conv2d.forward',
      );
    });
    expect(layer.forward(input, { out: output }).shape).toEqual(x.shape);
    expect(layer.plan?.route).toBe(route);
  });
});

// Engines end at different sizes; this one ends early.
it('JavaScript memory that is not to be had', async () => {
  onTestFinished(shutdown);
  await init();
  using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, stride: 1000, seed: 1 });
  const x = quarters([1, 1, 2, 2], 1);
  const wanted = layer.forward(x);
  withSmallArrays(100_000, () => {
    expectError(
      caught(() => layer.forward(x)),
      'OUT_OF_MEMORY',
      'ConvTranspose2d.forward',
    );
    const large = { inChannels: 400, outChannels: 400, kernelSize: 1 };
    expectError(
      caught(() => new ConvTranspose2d(large)),
      'OUT_OF_MEMORY',
      'ConvTranspose2d',
    );
    expectError(
      caught(() => new Conv2d(large)),
      'OUT_OF_MEMORY',
      'Conv2d',
    );
  });
  expect(compareExactly(layer.forward(x), wanted)).toBeUndefined();
});

it('arrays that JavaScript has no room for on the way of a backward', async () => {
  onTestFinished(shutdown);
  await init();
  // The longest arrays are those of the weights.
  const own = { inChannels: 9, outChannels: 8, kernelSize: 3, stride: 2, padding: 1, seed: 1 } as const;
  using plain = new ConvTranspose2d(own);
  using smooth = new SmoothConvTranspose2d(own);
  using last = new brainstate.ConvTranspose2d({
    inSize: [2, 2, 9],
    outChannels: 8,
    kernelSize: 3,
    stride: 2,
  });
  for (const layer of [plain, smooth, last]) {
    const x = randomTensor(layer === last ? [1, 2, 2, 9] : [1, 9, 2, 2], 5);
    const g = randomTensor(layer.forward(x).shape, 6);
    const wanted = layer.backward(x, g).input;
    for (let most = 1; most < 2000; most += 13) {
      let given: Tensor | undefined;
      const act = () => withSmallArrays(most, () => layer.backward(x, g));
      try {
        given = act().input;
      } catch (error) {
        const message = expect.stringMatching(/^\w+\.backward: expected room for .*\.$/);
        expect(error).toMatchObject({ name: 'DeconvError', code: 'OUT_OF_MEMORY', message });
      }
      if (given !== undefined) expect(compareExactly(given, wanted)).toBeUndefined();
      if (most === 1) expect(given).toBeUndefined();
    }
    expect(compareExactly(layer.backward(x, g).input, wanted)).toBeUndefined();
  }
});

it('a copy of parameters that JavaScript has no room for', () => {
  using layer = new SmoothConvTranspose2d({
    inChannels: 9,
    outChannels: 8,
    kernelSize: 3,
    stride: 2,
    seed: 1,
  });
  const { weight } = layer;
  const message = expect.stringMatching(/^\w+\.setWeight: expected room for .*\.$/);
  const error = caught(() => withSmallArrays(10, () => layer.setWeight(weight)));
  expect(error).toMatchObject({ code: 'OUT_OF_MEMORY', message });
  expect(compareExactly(layer.weight, weight)).toBeUndefined();
});
