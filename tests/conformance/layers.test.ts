// The layers' own behaviour: parameters, sizes, plans, ownership. The numbers are in cases.test.ts.

import { fixtures } from 'virtual:case-files';
import {
  Conv2d,
  type ConvOptions,
  ConvTranspose2d,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  init,
  memoryUsage,
  type RouteName,
  runtimeInfo,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeEachBuild, ROUTE_CHOICES } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { expectNothingLeft } from '../support/memory.js';
import { unlessRefused } from '../support/run.js';
import { runsOf, seed } from '../support/seed.js';
import { quarters, stack, zeros } from '../support/tensors.js';

const UP: ConvTransposeOptions<2> = {
  inChannels: 3,
  outChannels: 5,
  kernelSize: [3, 4],
  stride: 2,
  padding: 1,
  seed: 7,
};
const DOWN: ConvOptions<2> = {
  inChannels: 3,
  outChannels: 5,
  kernelSize: [3, 4],
  stride: 2,
  padding: 1,
  seed: 7,
};

/** What PyTorch's output_size argument gives: more of the tail, with a padding of the layer's own. */
function upByHand(layer: ConvTranspose2d, x: Tensor, outputPadding: readonly number[] = [0, 0]): Tensor {
  const { stride, dilation, groups, padding, bias } = layer;
  return convTranspose(x, layer.weight, {
    stride,
    dilation,
    groups,
    padBefore: padding,
    padAfter: padding,
    outputPadding,
    bias,
  });
}

/** Parameters whose sums are exact, so that results can be compared with ===. */
function settle<Layer extends Conv2d | ConvTranspose2d>(layer: Layer, salt = 0): Layer {
  layer.setWeight(quarters(layer.weight.shape, seed + salt));
  if (layer.bias !== null) layer.setBias(quarters(layer.bias.shape, seed + salt + 1));
  return layer;
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

describeEachBuild((build) => {
  it('outputSize chooses among the sizes that a stride allows', () => {
    using layer = settle(new ConvTranspose2d({ ...UP, stride: [3, 2], outputPadding: [2, 1] }));
    const x = quarters([2, 3, 4, 5], seed);
    // (n - 1) * s - 2p + k: 10 and 10 without output padding.
    for (const height of [10, 11, 12]) {
      for (const width of [10, 11]) {
        const wanted = upByHand(layer, x, [height - 10, width - 10]);
        expect(wanted.shape).toEqual([2, 5, height, width]);
        for (const outputSize of [
          [height, width],
          [2, 5, height, width],
        ]) {
          expect(layer.outputShape(x.shape, { outputSize })).toEqual(wanted.shape);
          expectSame(layer.forward(x, { outputSize }), wanted);
        }
      }
    }
    // Without it the layer's own output padding holds again.
    expectSame(layer.forward(x), upByHand(layer, x, [2, 1]));
  });

  it('an unbatched input gives an unbatched output, with outputSize as well', () => {
    using up = settle(new ConvTranspose2d(UP));
    using down = settle(new Conv2d(DOWN));
    const x = quarters([3, 6, 7], seed);
    const batched = { data: x.data, shape: [1, ...x.shape] };
    for (const layer of [up, down]) {
      const y = layer.forward(x);
      const wanted = layer.forward(batched);
      expect(y.shape).toEqual(layer.outputShape(x.shape));
      expectSame(y, { data: wanted.data, shape: wanted.shape.slice(1) });
    }
    const outputSize = up.outputShape(x.shape).with(1, 12);
    expect(outputSize).toEqual([5, 12, 14]);
    const y = up.forward(x, { outputSize });
    expectSame(y, { data: upByHand(up, batched, [1, 0]).data, shape: outputSize });
    expect(up.forward(x, { outputSize: [12, 14] }).shape).toEqual(outputSize);
  });

  it('a batch of none gives an output of none', () => {
    using up = new ConvTranspose2d(UP);
    using down = new Conv2d(DOWN);
    expect(up.forward(zeros(0, 3, 4, 4))).toEqual(zeros(0, 5, 7, 8));
    expect(down.forward(zeros(0, 3, 4, 4))).toEqual(zeros(0, 5, 2, 2));
    // And nothing of it is left for the next.
    settle(up);
    const x = quarters([1, 3, 4, 4], seed);
    expectSame(up.forward(x), upByHand(up, x));
  });

  it('out receives the result, also when it is a part of a larger buffer or the input itself', () => {
    using layer = settle(new ConvTranspose2d({ ...UP, outChannels: 3, kernelSize: 3, stride: 1 }));
    const x = quarters([1, 3, 4, 4], seed);
    const wanted = layer.forward(x);
    const larger = new Float32Array(wanted.data.length + 6).fill(9);
    const out = { data: larger.subarray(3, -3), shape: [...wanted.shape] };
    const y = layer.forward(x, { out });
    expect(y.data).toBe(out.data);
    expectSame(y, wanted);
    expect([...larger.subarray(0, 3), ...larger.subarray(-3)]).toEqual([9, 9, 9, 9, 9, 9]);
    expectSame(layer.forward(x, { out: x }), wanted);
    expectSame(x, wanted);
  });

  it('new parameters take effect on the next forward, on every route', () => {
    const x = quarters([1, 3, 4, 4], seed);
    for (const route of ROUTE_CHOICES) {
      using layer = new ConvTranspose2d({ ...UP, route });
      for (let round = 0; round < 3; round += 1) {
        settle(layer, 10 * round);
        const y = unlessRefused(() => layer.forward(x));
        if (y !== null) expectSame(y, upByHand(layer, x));
        layer.setBias(new Float32Array(5).fill(round));
        const other = unlessRefused(() => layer.forward(x));
        if (other !== null) expectSame(other, upByHand(layer, x));
      }
    }
  });

  it('parameters are copied on their way in and out', () => {
    using layer = settle(new ConvTranspose2d(UP));
    const x = quarters([1, 3, 4, 4], seed);
    const wanted = layer.forward(x);
    const weight = layer.weight;
    weight.data.fill(100);
    layer.bias?.data.fill(100);
    expectSame(layer.forward(x), wanted);
    expect(layer.weight.data.includes(100)).toBe(false);
    const given = quarters(weight.shape, seed + 1);
    layer.setWeight(given);
    const before = layer.weight;
    given.data.fill(100);
    expectSame(layer.weight, before);
    expectSame(layer.forward(x), upByHand(layer, x));
    // Bare values in the weight's order are as good as a tensor of its shape.
    layer.setWeight(before.data).setBias(new Float32Array(5));
    expectSame(layer.weight, before);
    expect(layer.weight.shape).toEqual([3, 5, 3, 4]);
  });

  it('a layer without a bias adds none', () => {
    using up = settle(new ConvTranspose2d({ ...UP, bias: false }));
    using down = settle(new Conv2d({ ...DOWN, bias: false }));
    expect(up.bias).toBeNull();
    expect(down.bias).toBeNull();
    const x = quarters([1, 3, 4, 4], seed);
    expectSame(up.forward(x), upByHand(up, x));
    expectSame(down.forward(x), conv(x, down.weight, { stride: 2, padBefore: 1, padAfter: 1 }));
  });

  it("'same' keeps the size, with the odd zero at the end; 'valid' adds none", () => {
    const x = quarters([1, 3, 7, 9], seed);
    using same = settle(
      new Conv2d({ ...DOWN, stride: 1, kernelSize: [4, 3], dilation: [1, 3], padding: 'same' }),
    );
    expect(same.outputShape(x.shape)).toEqual([1, 5, 7, 9]);
    const options = { dilation: [1, 3], bias: same.bias };
    expectSame(same.forward(x), conv(x, same.weight, { ...options, padBefore: [1, 3], padAfter: [2, 3] }));
    using valid = settle(new Conv2d({ ...DOWN, padding: 'valid' }));
    expectSame(valid.forward(x), conv(x, valid.weight, { stride: 2, bias: valid.bias }));
  });

  it('any sequence of sizes, batches and new parameters gives what fresh calls give', () => {
    const step = fc.record({
      batch: fc.integer({ min: 0, max: 3 }),
      height: fc.integer({ min: 1, max: 9 }),
      width: fc.integer({ min: 1, max: 9 }),
      extra: fc.integer({ min: 0, max: 1 }),
      renew: fc.constantFrom('none', 'none', 'weight', 'bias'),
      salt: fc.nat(1000),
    });
    const route = fc.constantFrom('auto', 'scalar', 'xnnpack-deconvolution' as const);
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), route, (steps, chosen) => {
        using layer = settle(new ConvTranspose2d({ ...UP, kernelSize: 4, padding: 1, route: chosen }));
        for (const { batch, height, width, extra, renew, salt } of steps) {
          if (renew === 'weight') layer.setWeight(quarters(layer.weight.shape, salt));
          if (renew === 'bias') layer.setBias(quarters([5], salt).data);
          const x = quarters([batch, 3, height, width], salt);
          const y = layer.forward(x, { outputSize: [2 * height + extra, 2 * width] });
          expectSame(y, upByHand(layer, x, [extra, 0]));
        }
      }),
      runsOf(60, build.name),
    );
  });

  it('two layers at once do not disturb each other', () => {
    using one = settle(new ConvTranspose2d(UP), 1);
    using two = settle(new ConvTranspose2d({ ...UP, kernelSize: 2, padding: 0 }), 2);
    const x = quarters([2, 3, 5, 5], seed);
    const images = [x, quarters([1, 3, 5, 5], seed + 1)];
    for (const image of [...images, stack(images)]) {
      expectSame(one.forward(image), upByHand(one, image));
      expectSame(two.forward(image), upByHand(two, image));
    }
  });

  it('the plan says which route runs on what, and why', () => {
    const { build: binary, threads } = runtimeInfo();
    expect(binary).toBe(build.options.build);
    expect(threads).toBe(build.options.threads);
    for (const precision of ['fast', 'exact'] as const) {
      using layer = new ConvTranspose2d({
        inChannels: 32,
        outChannels: 32,
        kernelSize: 4,
        stride: 2,
        padding: 1,
        precision,
      });
      expect(layer.plan).toBeNull();
      layer.forward(zeros(1, 32, 16, 16));
      const { plan } = layer;
      expect(plan).toMatchObject({ build: binary, threads });
      expect(plan?.reason).toMatch(/^estimated [\d.e-]+ ms; .*scalar [\d.e-]+ ms/);
      const estimates = new Map(
        (plan?.candidates ?? []).flatMap(({ route, estimate }) =>
          estimate === null ? [] : [[route, estimate] as const],
        ),
      );
      // Dense products of plain sums go to one of these; Winograd's may be cheaper still.
      expect(estimates.has('winograd-f43')).toBe(precision === 'fast');
      if (precision === 'exact') expect(['polyphase', 'implicit-gemm']).toContain(plan?.route);
      expect(estimates.get(plan?.route as RouteName)).toBe(Math.min(...estimates.values()));
    }
    // A layer that has to do without XNNPACK says why.
    using extended = new ConvTranspose2d({ ...UP, stride: 1, padding: 0, dilation: 4, outputPadding: 3 });
    extended.forward(zeros(1, 3, 8, 8));
    expect(extended.plan?.route).not.toBe('xnnpack-deconvolution');
    expect(extended.plan?.reason).toMatch(/xnnpack-deconvolution cannot extend the tail/);
  });

  it('a forced route runs, and says that it was forced', () => {
    const x = quarters([1, 3, 4, 4], seed);
    for (const route of ['scalar', 'xnnpack-deconvolution'] as const) {
      using layer = settle(new ConvTranspose2d({ ...UP, route }));
      expectSame(layer.forward(x), upByHand(layer, x));
      expect(layer.plan).toMatchObject({ route, reason: expect.stringMatching(/^forced/) });
    }
    for (const route of ['scalar', 'implicit-gemm'] as const) {
      using layer = settle(new Conv2d({ ...DOWN, route }));
      layer.forward(x);
      expect(layer.plan).toMatchObject({ route, reason: expect.stringMatching(/^forced/) });
    }
  });

  // XNNPACK counts the outputs of one phase of the stride without a sign.
  it('an output shorter than the stride is computed like any other', () => {
    for (const [stride, kernel, before, after] of [
      [3, 3, 0, 2],
      [3, 4, 1, 2],
      [4, 8, 3, 3],
      [8, 16, 7, 7],
    ] as const) {
      const x = quarters([1, 2, 1], seed);
      const w = quarters([2, 3, kernel], seed + 1);
      const options = { stride, padBefore: before, padAfter: after };
      const wanted = convTranspose(x, w, { ...options, route: 'scalar' });
      expectSame(convTranspose(x, w, options), wanted);
      const forced = unlessRefused(() => convTranspose(x, w, { ...options, route: 'xnnpack-deconvolution' }));
      if (forced !== null) expectSame(forced, wanted);
    }
  });

  it('a layer outlives the module it ran on', async () => {
    using up = settle(new ConvTranspose2d(UP));
    using down = settle(new Conv2d(DOWN));
    const x = quarters([1, 3, 4, 4], seed);
    const wanted = [up.forward(x), down.forward(x)];
    for (let round = 0; round < 2; round += 1) {
      await shutdown();
      expect(memoryUsage()).toEqual({ liveLayers: 0, liveTensors: 0, heapBytes: 0, usedBytes: 0 });
      expect(up.outputShape(x.shape)).toEqual([1, 5, 7, 8]);
      up.setWeight(up.weight);
      await init(build.options);
      expectSame(up.forward(x), wanted[0] as Tensor);
      expectSame(down.forward(x), wanted[1] as Tensor);
      expect(memoryUsage().liveLayers).toBe(2);
    }
    // Its handle belongs to a module that is gone: nothing must be freed twice.
    const orphan = settle(new ConvTranspose2d(UP));
    orphan.forward(x);
    await shutdown();
    orphan.dispose();
    await init(build.options);
    expect(memoryUsage().liveLayers).toBe(0);
  });

  it('memoryUsage counts a layer from its first forward to its dispose', () => {
    const before = memoryUsage();
    const layer = new ConvTranspose2d(UP);
    expect(memoryUsage()).toEqual(before);
    layer.forward(zeros(1, 3, 8, 8));
    const during = memoryUsage();
    expect(during.liveLayers).toBe(before.liveLayers + 1);
    expect(during.usedBytes).toBeGreaterThan(before.usedBytes);
    expect(during.usedBytes).toBeLessThan(during.heapBytes);
    // Another tail crop of the same layer is still the same layer.
    layer.forward(zeros(1, 3, 8, 8), { outputSize: [16, 17] });
    expect(memoryUsage().liveLayers).toBe(before.liveLayers + 1);
    layer.dispose();
    expect(layer.disposed).toBe(true);
    expectNothingLeft(before);
    layer.dispose();
    layer[Symbol.dispose]();
    expectNothingLeft(before);
  });

  it('the weight is held once on the heap, packed', () => {
    const { usedBytes } = memoryUsage();
    using layer = new ConvTranspose2d({ inChannels: 256, outChannels: 256, kernelSize: 3, seed: 1 });
    layer.forward(zeros(1, 256, 2, 2));
    const weightBytes = layer.weight.data.byteLength;
    expect(memoryUsage().usedBytes - usedBytes).toBeGreaterThan(weightBytes);
    expect(memoryUsage().usedBytes - usedBytes).toBeLessThan(1.25 * weightBytes);
  });

  it('a seed gives the same parameters on every build', () => {
    using up = new ConvTranspose2d(UP);
    using again = new ConvTranspose2d(UP);
    using other = new ConvTranspose2d({ ...UP, seed: 8 });
    expectSame(again.weight, up.weight);
    expect(other.weight.data).not.toEqual(up.weight.data);
    // Fixed numbers, so that an accidental change of the generator, on any machine, is seen.
    expect([...up.weight.data.subarray(0, 3)]).toEqual([
      0.0965886190533638, 0.04081680253148079, 0.0837177038192749,
    ]);
    const { seed: _, ...unseededOptions } = UP;
    using unseeded = new ConvTranspose2d(unseededOptions);
    using unseededToo = new ConvTranspose2d(unseededOptions);
    expect(unseeded.weight.data).not.toEqual(unseededToo.weight.data);
  });
});

it('initial parameters have the bound and the spread that init.json states', () => {
  interface InitCase {
    readonly id: string;
    readonly op: string;
    readonly convention: string;
    readonly in_channels: number;
    readonly out_channels: number;
    readonly kernel_size: number[];
    readonly groups: number;
    readonly weight_shape: number[];
    readonly weight_bound: number;
    readonly weight_std: number;
    readonly bias_bound: number;
    readonly bias_shape: number[];
  }
  const cases = (fixtures.init?.cases ?? []) as unknown as readonly InitCase[];
  const mine = cases.filter(({ op, convention }) => convention === 'torch' && op.endsWith('2d'));
  console.log(`init: ${mine.length} cases of torch`);
  expect(mine.length).toBeGreaterThan(0);
  for (const golden of mine) {
    const weights: number[] = [];
    const biases: number[] = [];
    for (let draw = 0; draw < 60; draw += 1) {
      const options = {
        inChannels: golden.in_channels,
        outChannels: golden.out_channels,
        kernelSize: golden.kernel_size,
        groups: golden.groups,
        seed: seed + draw,
      };
      using layer = golden.op === 'ConvTranspose2d' ? new ConvTranspose2d(options) : new Conv2d(options);
      expect(layer.weight.shape, golden.id).toEqual(golden.weight_shape);
      expect(layer.bias?.shape, golden.id).toEqual(golden.bias_shape);
      weights.push(...layer.weight.data);
      biases.push(...(layer.bias?.data ?? []));
    }
    expectUniform(weights, golden.weight_bound, golden.id);
    expectUniform(biases, golden.bias_bound, golden.id);
    expect(golden.weight_bound / Math.sqrt(3)).toBeCloseTo(golden.weight_std, 12);
  }
});

/** Bounds and the first two moments of a uniform distribution, with five standard errors of room. */
function expectUniform(values: readonly number[], bound: number, name: string): void {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const square = values.reduce((sum, value) => sum + value * value, 0) / count;
  const variance = bound ** 2 / 3;
  expect(Math.max(...values.map(Math.abs)), name).toBeLessThanOrEqual(Math.fround(bound));
  expect(Math.max(...values), name).toBeGreaterThan(0.9 * bound);
  expect(Math.min(...values), name).toBeLessThan(-0.9 * bound);
  expect(Math.abs(mean), name).toBeLessThan(5 * Math.sqrt(variance / count));
  // Var(u^2) of a uniform variable is 4/45 bound^4.
  expect(Math.abs(square - variance), name).toBeLessThan(5 * bound ** 2 * Math.sqrt(4 / 45 / count));
}

it.each([
  [UP, 'ConvTranspose2d(3, 5, kernel_size=(3, 4), stride=(2, 2), padding=(1, 1))'],
  [
    { ...UP, padding: 0, bias: false },
    'ConvTranspose2d(3, 5, kernel_size=(3, 4), stride=(2, 2), bias=False)',
  ],
  [
    { inChannels: 4, outChannels: 6, kernelSize: 3, groups: 2, dilation: [2, 1], outputPadding: [1, 0] },
    'ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(1, 1), dilation=(2, 1), output_padding=(1, 0), groups=2)',
  ],
])('a transposed layer prints as in PyTorch: %#', (options, text) => {
  const layer = new ConvTranspose2d(options);
  expect(String(layer)).toBe(text);
  expect(`ConvTranspose2d(${layer.extraRepr()})`).toBe(text);
  layer.dispose();
  expect(String(layer)).toBe(text);
});

it.each([
  [DOWN, 'Conv2d(3, 5, kernel_size=(3, 4), stride=(2, 2), padding=(1, 1))'],
  [
    { ...DOWN, stride: 1, padding: 'same', bias: false },
    'Conv2d(3, 5, kernel_size=(3, 4), stride=(1, 1), padding=same, bias=False)',
  ],
  [{ ...DOWN, padding: 'valid' }, 'Conv2d(3, 5, kernel_size=(3, 4), stride=(2, 2), padding=valid)'],
  [
    { inChannels: 4, outChannels: 4, kernelSize: 3, groups: 4, dilation: 2, padding: [0, 2] },
    'Conv2d(4, 4, kernel_size=(3, 3), stride=(1, 1), padding=(0, 2), dilation=(2, 2), groups=4)',
  ],
] as const)('a convolution layer prints as in PyTorch: %#', (options, text) => {
  using layer = new Conv2d(options);
  expect(String(layer)).toBe(text);
});

it('a layer shows its settings, one entry an axis', () => {
  using up = new ConvTranspose2d({ ...UP, outputPadding: 1 });
  expect(up).toMatchObject({
    inChannels: 3,
    outChannels: 5,
    groups: 1,
    kernelSize: [3, 4],
    stride: [2, 2],
    padding: [1, 1],
    outputPadding: [1, 1],
    dilation: [1, 1],
    disposed: false,
  });
  using down = new Conv2d({ ...DOWN, stride: [1], padding: 'same' });
  expect(down).toMatchObject({ kernelSize: [3, 4], stride: [1, 1], padding: 'same', dilation: [1, 1] });
});
