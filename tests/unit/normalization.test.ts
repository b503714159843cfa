// Normalizations as PyTorch computes them (tests/fixtures/modules/make.py), and by the definition of a gradient.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConvTranspose2d, type DeconvErrorCode, init, shutdown, type Tensor } from 'deconv-wasm';
import { readModel, writeSafetensors } from 'deconv-wasm/models';
import {
  adam,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LeakyReLU,
  type Normalization,
  Sequential,
  sgd,
  Tanh,
} from 'deconv-wasm/training';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWith } from '../support/compare.js';
import { caught } from '../support/errors.js';
import { runsOf } from '../support/seed.js';
import { randomTensor, zeros } from '../support/tensors.js';

const CLASSES = {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
} as const;

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly op: keyof typeof CLASSES;
  readonly options: Readonly<Record<string, unknown>>;
  readonly repr: string;
  readonly start: Readonly<Record<string, Stored>>;
  readonly steps: readonly {
    readonly training: boolean;
    readonly input: Stored;
    readonly grad_output: Stored;
    readonly output: Stored;
    readonly input_gradient: Stored;
    readonly gradients: readonly Stored[];
    readonly state: Readonly<Record<string, Stored>>;
  }[];
}

const file = path.join(import.meta.dirname, '..', 'fixtures', 'modules', 'normalization.json');
const cases: readonly Golden[] = JSON.parse(readFileSync(file, 'utf8')).cases;

const tensor = ({ shape, data }: Stored): Tensor => ({ data: Float32Array.from(data), shape });

function tensors(state: Readonly<Record<string, Stored>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(state).map(([name, stored]) => [name, tensor(stored)]));
}

function make(op: keyof typeof CLASSES, options: Readonly<Record<string, unknown>>): Normalization {
  const words = Object.entries(options).map(([name, value]) => [
    name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return new CLASSES[op](Object.fromEntries(words) as never);
}

function expectClose(got: Tensor | null | undefined, wanted: Stored, what: string): void {
  const difference = compareWith(got as Tensor, wanted.shape, tensor(wanted).data, (index) => {
    return 2e-6 + 1e-5 * Math.abs(wanted.data[index] as number);
  });
  expect(difference, what).toBeUndefined();
}

describe('golden cases', () => {
  it.each(cases.map((golden) => [golden.repr, golden] as const))('%s', (repr, golden) => {
    const module = make(golden.op, golden.options);
    expect(String(module)).toBe(repr);
    expect(Object.keys(module.stateDict())).toEqual(Object.keys(golden.start));
    module.loadStateDict(tensors(golden.start));
    for (const [index, step] of golden.steps.entries()) {
      module.train(step.training);
      expect(module.training).toBe(step.training);
      const x = tensor(step.input);
      // Gradients are pure: they come before the statistics move, and behind.
      const gradients = module.backward(x, tensor(step.grad_output));
      expectClose(module.forward(x), step.output, `output of step ${index}`);
      if (step.training) expect(module.backward(x, tensor(step.grad_output))).toEqual(gradients);
      expectClose(gradients.input, step.input_gradient, `input gradient of step ${index}`);
      for (const [at, wanted] of step.gradients.entries()) {
        expectClose(at === 0 ? gradients.weight : gradients.bias, wanted, `gradient ${at} of step ${index}`);
      }
      if (step.gradients.length === 0) expect([gradients.weight, gradients.bias]).toEqual([null, null]);
      const state = module.stateDict();
      for (const [name, wanted] of Object.entries(step.state)) {
        expectClose(state[name] as Tensor, wanted, `${name} after step ${index}`);
      }
    }
  });

  it('are of every class, both affine and not, and of each way to gather', () => {
    expect(new Set(cases.map(({ op }) => op)).size).toBe(7);
    expect(new Set(cases.map(({ start }) => 'weight' in start)).size).toBe(2);
    expect(new Set(cases.map(({ start }) => 'running_mean' in start)).size).toBe(2);
  });
});

/** The gradient of sum(forward * direction) along `step`, by differences of the values at both sides. */
function slope(valueAt: (distance: number) => number): number {
  const h = 1e-2;
  return (valueAt(h) - valueAt(-h)) / (2 * h);
}

describe('gradients', () => {
  const modules = fc.constantFrom<() => readonly [Normalization, readonly number[]]>(
    () => [new BatchNorm1d({ numFeatures: 3, eps: 0.1 }), [4, 3]],
    () => [new BatchNorm2d({ numFeatures: 2, eps: 0.1 }), [2, 2, 3, 2]],
    () => [new BatchNorm2d({ numFeatures: 2, eps: 0.1 }).eval(), [2, 2, 3, 2]],
    () => [new InstanceNorm1d({ numFeatures: 2, eps: 0.1, affine: true }), [2, 2, 5]],
    () => [new InstanceNorm2d({ numFeatures: 2, eps: 0.1, affine: true }), [2, 3, 3]],
    () => [new GroupNorm({ numGroups: 2, numChannels: 4, eps: 0.1 }), [2, 4, 3]],
    () => [new GroupNorm({ numGroups: 1, numChannels: 4, eps: 0.1 }), [3, 4]],
  );

  it('are the slopes of the values', () => {
    fc.assert(
      fc.property(modules, fc.integer({ min: 1, max: 2 ** 30 }), (made, seed) => {
        const [module, shape] = made();
        const channels = module.weight?.shape ?? [];
        module.setWeight(randomTensor(channels, seed)).setBias(randomTensor(channels, seed + 1));
        const x = randomTensor(shape, seed + 2);
        const direction = randomTensor(shape, seed + 3);
        const loss = (at: Tensor): number =>
          module
            .forward(at)
            .data.reduce((sum, value, index) => sum + value * (direction.data[index] as number), 0);
        const gradients = module.backward(x, direction);
        const along = (start: Tensor, set: (moved: Tensor) => number, gradient: Tensor): void => {
          const step = randomTensor(start.shape, seed + 4).data;
          const moved = (distance: number): Tensor => ({
            data: start.data.map((value, index) => value + distance * (step[index] as number)),
            shape: start.shape,
          });
          const expected = gradient.data.reduce(
            (sum, value, index) => sum + value * (step[index] as number),
            0,
          );
          const size = gradient.data.reduce((sum, value) => sum + Math.abs(value), 0);
          // Float32 values 1e-2 apart, and the third derivative of the inverse deviation.
          expect(Math.abs(slope((distance) => set(moved(distance))) - expected)).toBeLessThan(
            0.02 * (1 + size),
          );
          set(start);
        };
        const withWeight = (moved: Tensor): number => {
          module.setWeight(moved);
          return loss(x);
        };
        const withBias = (moved: Tensor): number => {
          module.setBias(moved);
          return loss(x);
        };
        along(x, loss, gradients.input);
        along(module.weight as Tensor, withWeight, gradients.weight as Tensor);
        along(module.bias as Tensor, withBias, gradients.bias as Tensor);
      }),
      runsOf(60),
    );
  });
});

describe('the modes', () => {
  it('a module is made in training, and running statistics move there only', () => {
    const norm = new BatchNorm2d({ numFeatures: 2 });
    const x = randomTensor([2, 2, 3, 3], 1);
    expect(norm.training).toBe(true);
    expect([norm.runningMean?.data, norm.runningVar?.data]).toEqual([
      Float32Array.of(0, 0),
      Float32Array.of(1, 1),
    ]);
    norm.eval().forward(x);
    norm.train().backward(x, x);
    expect(norm.runningMean?.data).toEqual(Float32Array.of(0, 0));
    norm.forward(x);
    expect(norm.runningMean?.data[0]).not.toBe(0);
    expect(norm.stateDict().num_batches_tracked).toEqual({ data: Float32Array.of(1), shape: [] });
  });

  it('an empty batch leaves them alone', () => {
    const norm = new BatchNorm2d({ numFeatures: 2 });
    expect(norm.forward(zeros(0, 2, 3, 3))).toEqual(zeros(0, 2, 3, 3));
    expect(norm.stateDict().num_batches_tracked?.data).toEqual(Float32Array.of(0));
    expect(norm.runningMean?.data).toEqual(Float32Array.of(0, 0));
  });

  it('of a channel far from zero, the deviation is not lost', () => {
    const data = Float32Array.from({ length: 64 }, (_, index) => 1e4 + (index % 2));
    const y = new BatchNorm1d({ numFeatures: 1 }).forward({ data, shape: [64, 1] });
    expect(Math.abs((y.data[0] as number) + 1)).toBeLessThan(1e-3);
  });
});

describe('in a Sequential', () => {
  // For the activations.
  beforeAll(() => init());
  afterAll(shutdown);

  const chain = (): Sequential =>
    new Sequential(
      new BatchNorm2d({ numFeatures: 2 }),
      new LeakyReLU(),
      new GroupNorm({ numGroups: 1, numChannels: 2 }),
      new InstanceNorm2d({ numFeatures: 2 }),
      new Tanh(),
    );

  it("has PyTorch's words and names", () => {
    const made = chain();
    expect(String(made)).toContain(
      '  (0): BatchNorm2d(2, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n',
    );
    expect(Object.keys(made.stateDict())).toEqual([
      '0.weight',
      '0.bias',
      '0.running_mean',
      '0.running_var',
      '0.num_batches_tracked',
      '2.weight',
      '2.bias',
    ]);
    expect(made.layers.length).toBe(2);
  });

  it('computes the modules one by one, and moves running statistics once a pass', () => {
    const made = chain();
    const x = randomTensor([3, 2, 4, 4], 5);
    const gradient = randomTensor([3, 2, 4, 4], 6);
    const alone = chain().modules;
    const inputs = [x];
    for (const module of alone) inputs.push(module.forward(inputs.at(-1) as Tensor));
    const pass = made.trace(x);
    expect(pass.output).toEqual(inputs.at(-1));
    const state = made.stateDict();
    expect(state['0.num_batches_tracked']?.data).toEqual(Float32Array.of(1));
    const gradients = pass.backward(gradient);
    expect(made.backward(x, gradient)).toEqual(gradients);
    expect(made.stateDict()).toEqual(state);
    expect(gradients.layers.map(({ weight, bias }) => [weight?.shape, bias?.shape])).toEqual([
      [[2], [2]],
      [[2], [2]],
    ]);
    expect(
      made
        .eval()
        .modules.slice(0, 1)
        .map((module) => (module as Normalization).training),
    ).toEqual([false]);
    made.forward(x);
    expect(made.stateDict()).toEqual(state);
    expect((made.train().modules[0] as Normalization).training).toBe(true);
    expect(caught(() => made.train('no' as never)).code).toBe('BAD_TYPE');
  });

  it('learns by either optimizer, and passes over what has no parameters', () => {
    for (const optimizer of [sgd, adam]) {
      const norm = new BatchNorm1d({ numFeatures: 2 });
      const plain = new BatchNorm1d({ numFeatures: 2, affine: false });
      const step = optimizer([norm, plain], { learningRate: 0.1 });
      const x = randomTensor([8, 2], 3);
      const gradients = [norm.backward(x, x), plain.backward(x, x)];
      step(gradients);
      expect(norm.weight?.data[0]).not.toBe(1);
      expect(plain.weight).toBeNull();
      const wrong = [gradients[0], gradients[0]] as never;
      expect(caught(() => step(wrong)).code).toBe('BAD_OPTION');
    }
  });

  it('carries its statistics through a file', async () => {
    const made = chain();
    made.forward(randomTensor([3, 2, 4, 4], 5));
    const model = await readModel(writeSafetensors(made.stateDict()), { format: 'safetensors' });
    const other = chain();
    other.loadStateDict(await model.stateDict());
    expect(other.stateDict()).toEqual(made.stateDict());
  });

  it('stands behind a layer', () => {
    const up = new ConvTranspose2d({ inChannels: 2, outChannels: 4, kernelSize: 2, stride: 2, bias: false });
    const made = new Sequential(up, new BatchNorm2d({ numFeatures: 4 }));
    expect(Object.keys(made.stateDict())).toEqual([
      '0.weight',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '1.num_batches_tracked',
    ]);
  });
});

describe('refused', () => {
  const norm = (): BatchNorm2d => new BatchNorm2d({ numFeatures: 2 });
  const rows: readonly [string, () => unknown, DeconvErrorCode, RegExp][] = [
    ['no channels', () => new BatchNorm2d({} as never), 'BAD_TYPE', /^BatchNorm2d: expected numFeatures/],
    ['channels 0', () => new InstanceNorm1d({ numFeatures: 0 }), 'BAD_OPTION', /numFeatures/],
    [
      'PyTorch’s spelling',
      () => new BatchNorm1d({ num_features: 2 } as never),
      'BAD_OPTION',
      /options among numFeatures/,
    ],
    ['eps below 0', () => new BatchNorm1d({ numFeatures: 2, eps: -1 }), 'BAD_OPTION', /eps/],
    ['eps as text', () => new BatchNorm1d({ numFeatures: 2, eps: '0' as never }), 'BAD_TYPE', /eps/],
    [
      'momentum 2',
      () => new BatchNorm1d({ numFeatures: 2, momentum: 2 }),
      'BAD_OPTION',
      /momentum from 0 to 1/,
    ],
    [
      'affine as a number',
      () => new BatchNorm1d({ numFeatures: 2, affine: 1 as never }),
      'BAD_TYPE',
      /affine/,
    ],
    [
      'groups that do not divide',
      () => new GroupNorm({ numGroups: 2, numChannels: 3 }),
      'BAD_OPTION',
      /numChannels to be a multiple of groups/,
    ],
    [
      'a device',
      () => new GroupNorm({ numGroups: 1, numChannels: 3, device: 'cuda' as never }),
      'UNSUPPORTED',
      /device/,
    ],
    [
      'too few axes',
      () => norm().forward(zeros(2, 3, 3)),
      'BAD_SHAPE',
      /^BatchNorm2d\.forward: expected input of shape \[N, 2, H, W\], got \[2, 3, 3\]/,
    ],
    ['other channels', () => norm().forward(zeros(1, 3, 3, 3)), 'BAD_SHAPE', /Channel axis 1 must have 2/],
    [
      'other channels of a group',
      () => new GroupNorm({ numGroups: 1, numChannels: 3 }).forward(zeros(3)),
      'BAD_SHAPE',
      /\[N, 3, \.\.\.\]/,
    ],
    [
      'one value',
      () => norm().forward(zeros(1, 2, 1, 1)),
      'BAD_SHAPE',
      /more than 1 value for each channel .* eval\(\)/,
    ],
    [
      'one value backwards',
      () => norm().backward(zeros(1, 2, 1, 1), zeros(1, 2, 1, 1)),
      'BAD_SHAPE',
      /more than 1/,
    ],
    [
      'one spatial value',
      () => new InstanceNorm1d({ numFeatures: 2 }).forward(zeros(4, 2, 1)),
      'BAD_SHAPE',
      /spatial value/,
    ],
    [
      'one value in a group',
      () => new GroupNorm({ numGroups: 2, numChannels: 2 }).forward(zeros(1, 2)),
      'BAD_SHAPE',
      /group/,
    ],
    [
      'a gradient of another shape',
      () => norm().backward(zeros(1, 2, 2, 2), zeros(1, 2, 2, 1)),
      'BAD_SHAPE',
      /gradOutput/,
    ],
    [
      'a weight of another count',
      () => norm().setWeight(new Float32Array(3)),
      'BAD_SHAPE',
      /a weight of 2 values/,
    ],
    [
      'a weight without affine',
      () => new InstanceNorm1d({ numFeatures: 2 }).setWeight(new Float32Array(2)),
      'BAD_OPTION',
      /Make it with affine/,
    ],
    [
      'a state without statistics',
      () => norm().loadStateDict({ weight: zeros(2), bias: zeros(2) }),
      'BAD_OPTION',
      /"running_mean" is missing/,
    ],
    ['no tensor', () => norm().forward(null as never), 'BAD_TYPE', /the input/],
    ['a mode that is none', () => norm().train(1 as never), 'BAD_TYPE', /mode/],
  ];
  it.each(rows)('%s', (_name, act, code, message) => {
    const error = caught(act);
    expect({ code: error.code, message: error.message }).toEqual({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('one value passes with running statistics', () => {
    expect(
      norm()
        .eval()
        .forward(zeros(1, 2, 1, 1)).data.length,
    ).toBe(2);
  });
});
