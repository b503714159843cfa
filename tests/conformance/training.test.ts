// Activations, loss, optimizers, Sequential, and a training run on real pictures.

import { host } from '@host';
import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  init,
  type LayerGradients,
  type NamedInputs,
  shutdown,
  type Tensor,
  type TensorLike,
} from 'deconv-wasm';
import {
  type AdamOptions,
  adam,
  LeakyReLU,
  type Module,
  meanSquaredError,
  type Optimizer,
  ReLU,
  Sequential,
  type SgdOptions,
  Sigmoid,
  sgd,
  Tanh,
  type Trainable,
} from 'deconv-wasm/training';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { samplePictures, trainUpsampler } from '../../examples/train-upsampler.mjs';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { seed } from '../support/seed.js';
import { quarters, randomTensor } from '../support/tensors.js';

function tensor(shape: readonly number[], ...values: number[]): Tensor {
  return { data: Float32Array.from(values), shape };
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

function expectClose(got: Tensor, wanted: ArrayLike<number>, share: number): void {
  const difference = compareWith(
    got,
    got.shape,
    wanted,
    (index) => share * Math.abs(wanted[index] as number),
  );
  expect(difference).toBeUndefined();
}

/** A weight and perhaps a bias, and what was done to them. */
function fakeLayer(
  values: readonly number[],
  bias: readonly number[] | null = null,
): Trainable & { writes: number } {
  let weights = Float32Array.from(values);
  let biases = bias === null ? null : Float32Array.from(bias);
  return {
    writes: 0,
    get weight() {
      return { data: weights.slice(), shape: [values.length] };
    },
    get bias() {
      return biases === null ? null : { data: biases.slice(), shape: [biases.length] };
    },
    setWeight(next) {
      weights = next.slice();
      this.writes += 1;
    },
    setBias(next) {
      biases = next.slice();
      this.writes += 1;
    },
  };
}

/** Gradients of 25 steps, the same every time; some are 0. */
function gradientsOf(count: number): readonly Float32Array[] {
  return Array.from({ length: 25 }, (_, step) =>
    randomTensor([count], seed + step).data.map((value) => (Math.abs(value) < 0.1 ? 0 : value)),
  );
}

/** The parameters after every step. */
function pathOf(step: Optimizer, layer: Trainable, gradients: readonly Float32Array[]): Tensor[] {
  return gradients.map((data) => {
    step([{ weight: { data, shape: [data.length] }, bias: null }]);
    return layer.weight;
  });
}

describe('activations', () => {
  beforeAll(() => init());
  afterAll(shutdown);

  const values = [-30, -3, -1, -0.5, 0, 0.25, 1, 2, 30];
  const x = tensor([3, 3], ...values);
  const g = tensor([3, 3], 1, -2, 3, 4, 5, -6, 7, 8, 9);

  it('ReLU and LeakyReLU, with PyTorch’s derivative at 0', () => {
    expectSame(new ReLU().forward(x), tensor([3, 3], 0, 0, 0, 0, 0, 0.25, 1, 2, 30));
    expectSame(new ReLU().backward(x, g).input, tensor([3, 3], 0, 0, 0, 0, 0, -6, 7, 8, 9));
    const leaky = new LeakyReLU({ negativeSlope: 0.25 });
    expectSame(leaky.forward(x), tensor([3, 3], -7.5, -0.75, -0.25, -0.125, 0, 0.25, 1, 2, 30));
    expectSame(leaky.backward(x, g).input, tensor([3, 3], 0.25, -0.5, 0.75, 1, 1.25, -6, 7, 8, 9));
    expect(new LeakyReLU().negativeSlope).toBe(0.01);
    expect(new ReLU().forward(tensor([1], Number.NaN)).data[0]).toBeNaN();
  });

  it('Tanh and Sigmoid and their derivatives, far out too', () => {
    expectClose(new Tanh().forward(x), values.map(Math.tanh), 5e-7);
    expectClose(
      new Sigmoid().forward(x),
      values.map((value) => 1 / (1 + Math.exp(-value))),
      5e-7,
    );
    // Of 1 / cosh² and of exp / (1 + exp)², which do not cancel at ±30 as 1 - tanh² does.
    const slopes = (share: (value: number) => number): number[] =>
      values.map((value, index) => share(value) * (g.data[index] as number));
    const tanh = new Tanh().backward(x, g).input;
    expectClose(
      tanh,
      slopes((value) => 4 / (Math.exp(value) + Math.exp(-value)) ** 2),
      1e-6,
    );
    const sigmoid = new Sigmoid().backward(x, g).input;
    expectClose(
      sigmoid,
      slopes((value) => 1 / (2 + Math.exp(value) + Math.exp(-value))),
      1e-6,
    );
    const extremes = tensor([2], -1e30, 1e30);
    expect([...new Sigmoid().forward(extremes).data]).toEqual([0, 1]);
    for (const activation of [new Tanh(), new Sigmoid()]) {
      expect([...activation.backward(extremes, tensor([2], 1, 1)).input.data]).toEqual([0, 0]);
    }
  });

  it('the derivative of each is its central difference', () => {
    const somewhere = randomTensor([40], seed);
    const ones = { data: new Float32Array(40).fill(1), shape: [40] };
    for (const activation of [new ReLU(), new LeakyReLU(), new Tanh(), new Sigmoid()]) {
      const moved = (by: number): Tensor =>
        activation.forward({ ...somewhere, data: somewhere.data.map((v) => v + by) });
      const [above, below] = [moved(1 / 256), moved(-1 / 256)];
      const slopes = above.data.map((value, index) => (value - (below.data[index] as number)) * 128);
      const got = activation.backward(somewhere, ones).input;
      const difference = compareWith(got, [40], slopes, (index) =>
        // Between the two points of a kink there is no one slope.
        Math.abs(somewhere.data[index] as number) < 1 / 256 ? 1 : 1e-4,
      );
      expect(difference, String(activation)).toBeUndefined();
    }
  });

  it('are printed as in PyTorch', () => {
    const all = [new ReLU(), new LeakyReLU({ negativeSlope: 0.2 }), new Tanh(), new Sigmoid()];
    expect(all.map(String)).toEqual(['ReLU()', 'LeakyReLU(negative_slope=0.2)', 'Tanh()', 'Sigmoid()']);
  });
});

describe('loss and optimizers', () => {
  it('meanSquaredError', () => {
    const { loss, gradient } = meanSquaredError(tensor([2, 2], 1, 2, 3, 4), tensor([2, 2], 1, 0, 4, 0));
    expect(loss).toBe((0 + 4 + 1 + 16) / 4);
    expectSame(gradient, tensor([2, 2], 0, 1, -0.5, 2));
  });

  // The formulas once more, in float64 and written as torch.optim documents them.
  it('sgd follows torch.optim.SGD', () => {
    const start = [0.5, -1, 2, 0];
    const variants: readonly SgdOptions[] = [
      {},
      { learningRate: 0.1 },
      { learningRate: 0.1, weightDecay: 0.05 },
      { learningRate: 0.05, momentum: 0.9 },
      { learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
    ];
    for (const options of variants) {
      const layer = fakeLayer(start);
      const path = pathOf(sgd([layer], options), layer, gradientsOf(4));
      const { learningRate = 0.001, momentum = 0, nesterov = false, weightDecay = 0 } = options;
      let theta = start;
      let buffer: number[] | null = null;
      for (const [t, gradient] of gradientsOf(4).entries()) {
        const g = theta.map((value, index) => (gradient[index] as number) + weightDecay * value);
        buffer = buffer === null ? g : buffer.map((b, index) => momentum * b + (g[index] as number));
        const used =
          momentum === 0 ? g : nesterov ? g.map((v, i) => v + momentum * (buffer?.[i] as number)) : buffer;
        theta = theta.map((value, index) => value - learningRate * (used[index] as number));
        const allowed = () => 1e-6 * (t + 1);
        expect(compareWith(path[t] as Tensor, [4], theta, allowed), JSON.stringify(options)).toBeUndefined();
      }
    }
  });

  it('adam follows torch.optim.Adam', () => {
    const start = [0.5, -1, 2, 0];
    const variants: readonly AdamOptions[] = [
      {},
      { learningRate: 0.1 },
      { learningRate: 0.05, beta1: 0.5, beta2: 0.9, epsilon: 1e-3 },
      { learningRate: 0.05, weightDecay: 0.1 },
      { learningRate: 0.02, beta1: 0 },
    ];
    for (const options of variants) {
      const layer = fakeLayer(start);
      const path = pathOf(adam([layer], options), layer, gradientsOf(4));
      const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
      let theta = start;
      let m = start.map(() => 0);
      let v = start.map(() => 0);
      for (const [t, gradient] of gradientsOf(4).entries()) {
        const g = theta.map((value, index) => (gradient[index] as number) + weightDecay * value);
        m = m.map((mean, index) => beta1 * mean + (1 - beta1) * (g[index] as number));
        v = v.map((square, index) => beta2 * square + (1 - beta2) * (g[index] as number) ** 2);
        theta = theta.map((value, index) => {
          const mHat = (m[index] as number) / (1 - beta1 ** (t + 1));
          const vHat = (v[index] as number) / (1 - beta2 ** (t + 1));
          return value - (learningRate * mHat) / (Math.sqrt(vHat) + epsilon);
        });
        const allowed = () => 2e-6 * (t + 1);
        expect(compareWith(path[t] as Tensor, [4], theta, allowed), JSON.stringify(options)).toBeUndefined();
      }
    }
  });

  it('the first step of adam goes by the learning rate, whatever the gradient’s size', () => {
    const layer = fakeLayer([1, 1], [0]);
    const step = adam([layer], { learningRate: 0.25 });
    step([{ weight: tensor([2], 1e-3, -1e3), bias: tensor([1], 0) }]);
    expectClose(layer.weight, [0.75, 1.25], 1e-4);
    expect([...(layer.bias?.data ?? [])]).toEqual([0]);
  });

  it('what is wrong is said with a code, and nothing has changed then', () => {
    const layer = fakeLayer([1, 2], [3]);
    const bare = fakeLayer([4]);
    const good = { weight: tensor([2], 1, 1), bias: tensor([1], 1) };
    const bareGood = { weight: tensor([1], 1), bias: null };
    const step = adam([layer, bare]);
    const one = tensor([1], 1);
    const refusals = [
      ['sgd', 'BAD_OPTION', () => sgd([])],
      ['sgd', 'BAD_TYPE', () => sgd(layer as unknown as Trainable[])],
      ['sgd', 'BAD_TYPE', () => sgd([{}] as unknown as Trainable[])],
      ['sgd', 'BAD_OPTION', () => sgd([layer, bare, layer])],
      ['sgd', 'BAD_OPTION', () => sgd([layer], { nesterov: true })],
      ['sgd', 'BAD_OPTION', () => sgd([layer], { learningRate: -1 })],
      ['sgd', 'BAD_TYPE', () => sgd([layer], { momentum: '0.9' } as object)],
      ['sgd', 'BAD_OPTION', () => sgd([layer], { lr: 1 } as object)],
      ['adam', 'BAD_OPTION', () => adam([layer], { beta1: 1 })],
      ['adam', 'BAD_OPTION', () => adam([layer], { epsilon: Number.NaN })],
      ['adam', 'BAD_OPTION', () => adam([layer], { learningRate: Number.POSITIVE_INFINITY })],
      ['adam step', 'BAD_OPTION', () => step([good])],
      ['adam step', 'BAD_TYPE', () => step(good as unknown as [])],
      ['adam step', 'BAD_SHAPE', () => step([good, { weight: tensor([2], 1, 1), bias: null }])],
      ['adam step', 'BAD_OPTION', () => step([good, { weight: one, bias: one }])],
      ['adam step', 'BAD_TYPE', () => step([{ weight: good.weight, bias: null }, bareGood])],
      ['adam step', 'BAD_TYPE', () => step([good, null as unknown as typeof good])],
      ['meanSquaredError', 'BAD_SHAPE', () => meanSquaredError(tensor([2], 1, 2), tensor([1, 2], 1, 2))],
      ['meanSquaredError', 'BAD_SHAPE', () => meanSquaredError(tensor([0, 2]), tensor([0, 2]))],
      ['LeakyReLU', 'BAD_TYPE', () => new LeakyReLU({ negativeSlope: 'x' } as object)],
      ['LeakyReLU', 'BAD_OPTION', () => new LeakyReLU({ negativeSlope: Number.NaN })],
      ['Tanh.forward', 'BAD_TYPE', () => new Tanh().forward([1] as unknown as Tensor)],
      ['Tanh.backward', 'BAD_SHAPE', () => new Tanh().backward(one, good.weight)],
      ['Sequential', 'BAD_OPTION', () => new Sequential()],
      ['Sequential', 'BAD_TYPE', () => new Sequential({} as Module)],
      ['Sequential', 'BAD_TYPE', () => new Sequential([new ReLU()] as unknown as Module)],
    ] as const;
    for (const [where, code, act] of refusals) expectError(caught(act), code, where);
    expect(caught(() => sgd([layer, bare, layer])).message).toBe(
      'sgd: expected every layer once, got layers[2], which is layers[0] again.',
    );
    expect([layer.writes, bare.writes]).toEqual([0, 0]);
    // No history of the refused steps: the first good one is a first step.
    step([good, bareGood]);
    expectClose(layer.weight, [0.999, 1.999], 1e-6);
  });
});

/** A decoder of every activation; odd sizes and groups, so that nothing is square. */
function decoder(): Sequential {
  return new Sequential(
    new ConvTranspose2d({
      inChannels: 6,
      outChannels: 4,
      kernelSize: [4, 3],
      stride: 2,
      padding: 1,
      groups: 2,
      seed: 1,
    }),
    new LeakyReLU({ negativeSlope: 0.2 }),
    new Conv2d({ inChannels: 4, outChannels: 5, kernelSize: 3, padding: 1, seed: 2 }),
    new ReLU(),
    new ConvTranspose2d({ inChannels: 5, outChannels: 3, kernelSize: 2, stride: 2, bias: false, seed: 3 }),
    new Tanh(),
    new Conv2d({ inChannels: 3, outChannels: 2, kernelSize: 1, seed: 4 }),
    new Sigmoid(),
  );
}

describeEachBuild((build) => {
  it('a Sequential is its modules one behind the other', () => {
    using net = decoder();
    const x = randomTensor([2, 6, 3, 5], seed);
    const inputs = [x];
    for (const module of net.modules) inputs.push(module.forward(inputs.at(-1) as Tensor));
    const y = inputs.at(-1) as Tensor;
    expect(y.shape).toEqual([2, 2, 12, 18]);
    // The ReLU alone and the one that the layer computes give the same values.
    expectSame(net.forward(x), y);
    const pass = net.trace(x);
    expectSame(pass.output, y);

    const g = randomTensor(y.shape, seed + 1);
    let gradient = g;
    const wanted: { weight: Tensor; bias: Tensor | null }[] = [];
    for (const [index, module] of [...net.modules.entries()].reverse()) {
      const gradients = module.backward(inputs[index] as Tensor, gradient) as ReturnType<Conv2d['backward']>;
      if (gradients.weight !== undefined) wanted.unshift(gradients);
      gradient = gradients.input;
    }
    expect(wanted.length).toBe(4);
    for (const got of [pass.backward(g), net.backward(x, g), pass.backward(g)]) {
      expectSame(got.input, gradient);
      expect(got.layers.length).toBe(4);
      for (const [index, { weight, bias }] of got.layers.entries()) {
        expectSame(weight, (wanted[index] as (typeof wanted)[number]).weight);
        if (bias === null) expect(net.layers[index]?.bias).toBeNull();
        else expectSame(bias, wanted[index]?.bias as Tensor);
      }
    }
  });

  it('gradients through a Sequential are central differences', () => {
    // Smooth activations only, and steps that float32 can tell apart.
    using net = new Sequential(
      new ConvTranspose1d({ inChannels: 2, outChannels: 3, kernelSize: 4, stride: 2, padding: 1, seed: 5 }),
      new Tanh(),
      new Conv1d({ inChannels: 3, outChannels: 2, kernelSize: 3, seed: 6 }),
      new Sigmoid(),
    );
    const x = randomTensor([2, 2, 5], seed);
    const target = randomTensor([2, 2, 8], seed + 1);
    const lossOf = (input: Tensor): number => meanSquaredError(net.forward(input), target).loss;
    const pass = net.trace(x);
    const gradients = pass.backward(meanSquaredError(pass.output, target).gradient);
    const check = (values: Float32Array, gradient: Tensor, loss: (moved: Float32Array) => number): void => {
      const slopes = values.map((value, index) => {
        const [low, high] = [Math.fround(value - 1e-2), Math.fround(value + 1e-2)];
        return (loss(values.with(index, high)) - loss(values.with(index, low))) / (high - low);
      });
      expect(compareWith(gradient, gradient.shape, slopes, () => 2e-4)).toBeUndefined();
    };
    check(x.data, gradients.input, (data) => lossOf({ data, shape: x.shape }));
    for (const [index, layer] of net.layers.entries()) {
      const { weight, bias } = layer;
      const got = gradients.layers[index] as (typeof gradients.layers)[number];
      check(weight.data, got.weight, (moved) => {
        layer.setWeight(moved);
        return lossOf(x);
      });
      layer.setWeight(weight.data);
      check(bias?.data as Float32Array, got.bias as Tensor, (moved) => {
        layer.setBias(moved);
        return lossOf(x);
      });
      layer.setBias((bias as Tensor).data);
    }
  });

  it('a ReLU behind a layer is computed by the layer, and only that one', () => {
    const options = { inChannels: 1, outChannels: 1, kernelSize: 1 };
    using net = new Sequential(
      new ReLU(),
      new Conv2d(options),
      new ReLU(),
      new ReLU(),
      new Conv2d(options),
      new Tanh(),
      new ReLU(),
    );
    const x = quarters([1, 1, 4, 4], seed);
    const { steps } = net.summary(x.shape);
    expect(steps.map(({ within }) => within)).toEqual([null, null, '1', '1', null, '4', null]);
    let ours: object = Conv2d.prototype;
    while (!Object.hasOwn(ours, 'forward')) ours = Object.getPrototypeOf(ours) as object;
    const forward = vi.spyOn(ours as Conv2d, 'forward');
    try {
      net.backward(x, net.forward(x));
      expect(forward.mock.calls.map(([, asked]) => asked?.activation)).toEqual(['relu', undefined]);
    } finally {
      forward.mockRestore();
    }
  });

  it('what a class of the user’s makes of a pass is not passed over', () => {
    const twice = (tensor: Tensor): Tensor => ({ ...tensor, data: tensor.data.map((value) => 2 * value) });
    class Conv extends Conv2d {
      override forward<Out extends Tensor = Tensor<ArrayBuffer>>(x: Tensor): Out {
        return twice(super.forward(x)) as Out;
      }
      override backward(x: Tensor, gradOutput: Tensor): LayerGradients {
        return super.backward(x, twice(gradOutput));
      }
    }
    class Clipped extends Conv2d {
      override backward(x: Tensor, gradOutput: Tensor): LayerGradients {
        return super.backward(x, gradOutput);
      }
    }
    class Twice extends ReLU {
      override forward<Out extends Tensor = Tensor<ArrayBuffer>>(x: Tensor): Out {
        return twice(super.forward(x)) as Out;
      }
    }
    class Guided extends ReLU {
      override backward(x: Tensor, gradOutput: Tensor) {
        return { input: twice(super.backward(x, gradOutput).input) as Tensor<ArrayBuffer> };
      }
    }
    class Block extends Sequential {
      override forward(x: TensorLike | NamedInputs): never {
        return twice(super.forward(x as Tensor)) as never;
      }
      override backward(x: TensorLike | NamedInputs, gradOutput: TensorLike | NamedInputs): never {
        return super.backward(x as Tensor, twice(gradOutput as Tensor)) as never;
      }
    }
    const options = { inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1, seed: 3 };
    const conv = () => new Conv2d(options);
    const chains: readonly (readonly [string, number, number, readonly Module[]])[] = [
      ['none', 1, 1, [conv(), new ReLU()]],
      ['a layer', 2, 2, [new Conv(options), new ReLU()]],
      ['a layer’s backward', 1, 1, [new Clipped(options), new ReLU()]],
      ['a ReLU', 2, 1, [conv(), new Twice()]],
      ['a ReLU’s backward', 1, 2, [conv(), new Guided()]],
      ['a chain', 2, 2, [new Block(conv(), new ReLU())]],
    ];
    const x = quarters([2, 2, 5, 4], seed);
    const gradOutput = quarters([2, 2, 5, 4], seed + 1);
    const plain = conv();
    const clamped = plain.forward(x, { activation: 'relu' });
    const gradients = plain.backward(x, gradOutput, { activation: 'relu' });
    for (const [name, forward, backward, modules] of chains) {
      using net = new Sequential(...modules);
      const pass = net.trace(x);
      const wanted = clamped.data.map((value) => forward * value);
      expect(net.forward(x).data, name).toEqual(wanted);
      expect(pass.output.data, name).toEqual(wanted);
      const { input } = pass.backward(gradOutput);
      expect(input.data, name).toEqual(gradients.input.data.map((value) => backward * value));
    }
    plain.dispose();
  });

  it('prints as in PyTorch, takes in another one, and disposes its modules', () => {
    const inner = new Sequential(new Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 3 }), new ReLU());
    const up = new ConvTranspose2d({ inChannels: 2, outChannels: 1, kernelSize: 4, stride: 2, padding: 1 });
    const net = new Sequential(inner, up);
    expect(String(net)).toBe(
      [
        'Sequential(',
        '  (0): Sequential(',
        '    (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))',
        '    (1): ReLU()',
        '  )',
        '  (1): ConvTranspose2d(2, 1, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))',
        ')',
      ].join('\n'),
    );
    expect(net.layers).toEqual([inner.modules[0], up]);
    const x = quarters([1, 5, 5], seed);
    expect(net.forward(x).shape).toEqual([1, 6, 6]);
    net.dispose();
    net.dispose();
    expect(up.disposed).toBe(true);
    expectError(
      caught(() => net.forward(x)),
      'DISPOSED',
      'Sequential.forward',
    );
    expectError(
      caught(() => net.trace(x)),
      'DISPOSED',
      'Sequential.trace',
    );
  });

  it('an optimizer moves the layers, and the next pass uses what it wrote', () => {
    using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, seed: 1 });
    const [before, bias] = [layer.weight, layer.bias as Tensor];
    const x = quarters([1, 1, 3, 3], seed);
    const y = layer.forward(x);
    const gradients = layer.backward(x, y);
    sgd([layer], { learningRate: 1 })([gradients]);
    const expected = before.data.map((value, index) => value - (gradients.weight.data[index] as number));
    expectSame(layer.weight, { data: expected, shape: before.shape });
    using fresh = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2 });
    fresh.setWeight(expected);
    fresh.setBias(bias.data.map((value) => value - (gradients.bias?.data[0] as number)));
    expectSame(layer.forward(x), fresh.forward(x));
    const disposed = adam([layer]);
    layer.dispose();
    expectError(
      caught(() => disposed([gradients])),
      'DISPOSED',
      'ConvTranspose2d.weight',
    );
  });

  it('the example learns: a tenth of the loss, the same twice, gradients that central differences confirm', async () => {
    const pictures = await samplePictures();
    expect(pictures.shape).toEqual([16, 1, 28, 28]);
    const first = trainUpsampler({ pictures, seed: 1, steps: 300 });
    const [start, end] = [first.losses[0] as number, first.losses.at(-1) as number];
    const { gradientErrors } = first;
    console.log(
      `training: loss ${start.toFixed(5)} to ${end.toFixed(5)} in 300 steps, gradients off by ${gradientErrors.start.toExponential(1)} and ${gradientErrors.end.toExponential(1)}, ${build.name} in ${host.name}`,
    );
    expect(first.losses.length).toBe(301);
    expect(end).toBeLessThanOrEqual(start / 10);
    expect(gradientErrors.start).toBeLessThan(1e-4);
    // The gradient is small there, and the differences have float32's noise.
    expect(gradientErrors.end).toBeLessThan(1e-2);
    const second = trainUpsampler({ pictures, seed: 1, steps: 300 });
    expect(second.losses).toEqual(first.losses);
    expect(second.parameters).toEqual(first.parameters);
    const other = trainUpsampler({ pictures, seed: 2, steps: 1 });
    expect(other.losses[0]).not.toBe(start);
  });
}, SOME_BUILDS);
