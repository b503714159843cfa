// Activations as PyTorch computes them (tests/fixtures/modules/make_activations.py), wherever their tensors lie.

import { host } from '@host';
import * as root from 'deconv-wasm';
import {
  createRuntime,
  type DeconvErrorCode,
  ELU,
  GELU,
  Hardtanh,
  HeapTensor,
  LeakyReLU,
  memoryUsage,
  PReLU,
  type ReLU,
  ReLU6,
  Snake,
  Softplus,
  Tanh,
  type Tensor,
} from 'deconv-wasm';
import { adam, meanSquaredError, Sequential } from 'deconv-wasm/training';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { runsOf, seed } from '../support/seed.js';
import { randomTensor, zeros } from '../support/tensors.js';

interface Golden {
  readonly op: keyof typeof CLASSES;
  readonly options: Readonly<Record<string, number | string>>;
  readonly repr: string;
  /** Of the file's inputs. */
  readonly input: number;
  readonly layout?: 'channels-last';
  readonly output: readonly number[];
  readonly input_gradient: readonly number[];
  readonly parameter?: {
    readonly name: string;
    readonly data: readonly number[];
    readonly gradient: readonly number[];
  };
}

interface Fixture {
  readonly inputs: readonly {
    readonly shape: readonly number[];
    readonly x: readonly number[];
    readonly grad_output: readonly number[];
  }[];
  readonly cases: readonly Golden[];
}

const CLASSES = {
  ReLU: root.ReLU,
  LeakyReLU: root.LeakyReLU,
  PReLU: root.PReLU,
  ELU: root.ELU,
  SiLU: root.SiLU,
  GELU: root.GELU,
  Hardswish: root.Hardswish,
  Hardsigmoid: root.Hardsigmoid,
  Hardtanh: root.Hardtanh,
  ReLU6: root.ReLU6,
  Softplus: root.Softplus,
  Sigmoid: root.Sigmoid,
  Tanh: root.Tanh,
  Snake: root.Snake,
} as const;

type Activation = ReLU | PReLU;

/** Some geometries of a class that is made by its name. */
const SHAPES: readonly (readonly number[])[] = [
  [1, 3],
  [2, 3, 5],
  [1, 3, 4, 4],
  [2, 3, 1, 2, 3],
];

let fixture: Fixture;
beforeAll(async () => {
  const bytes = await host.readFixture('modules/activations.json');
  fixture = JSON.parse(new TextDecoder().decode(bytes)) as Fixture;
});

function make(op: string, options: Readonly<Record<string, unknown>>): Activation {
  const camel = Object.entries(options).map(([name, value]) => [
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const Class = CLASSES[op as keyof typeof CLASSES] as new (options: object) => Activation;
  return new Class(Object.fromEntries(camel) as object);
}

/** One of each, with parameters for three channels. */
function oneOfEach(more: Readonly<Record<string, unknown>> = {}): Activation[] {
  return Object.keys(CLASSES).map((op) =>
    make(op, { ...(op === 'Snake' ? { channels: 3 } : op === 'PReLU' ? { numParameters: 3 } : {}), ...more }),
  );
}

function tensor(shape: readonly number[], values: readonly number[]): Tensor {
  return { data: Float32Array.from(values), shape };
}

function onHeap({ data, shape }: Tensor): HeapTensor {
  const copy = new HeapTensor(shape);
  copy.data.set(data);
  return copy;
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

describeEachBuild(({ name }) => {
  it('every golden case: values, gradients, repr and state', () => {
    const geometries = new Map<string, number>();
    for (const golden of fixture.cases) {
      const { op, options, repr, layout, parameter } = golden;
      const { shape, x, grad_output: g } = fixture.inputs[golden.input] as Fixture['inputs'][number];
      const about = `${repr} ${layout ?? ''} [${shape}]`;
      geometries.set(op, (geometries.get(op) ?? 0) + 1);
      const module = make(op, { ...options, ...(layout === undefined ? {} : { layout }) });
      expect(String(module)).toBe(repr);
      if (parameter !== undefined) {
        const { name: key, data } = parameter;
        (module as PReLU).loadStateDict({ [key]: tensor([data.length], data) });
        expect(Object.keys((module as PReLU).stateDict())).toEqual([key]);
      }
      const input = tensor(shape, x);
      const gradOutput = tensor(shape, g);
      const output = compareWith(
        module.forward(input),
        shape,
        golden.output,
        (index) =>
          // Some roundings of the result, and of an angle or what is added up to it.
          5e-7 * (Math.abs(golden.output[index] as number) + 0.25 * Math.abs(x[index] as number)),
      );
      expect(output, about).toBeUndefined();
      const gradients = module.backward(input, gradOutput);
      const allowed = (index: number): number =>
        1e-6 * Math.abs(g[index] as number) * (1 + Math.abs(x[index] as number));
      expect(
        compareWith(gradients.input, shape, golden.input_gradient, allowed),
        `${about} gradient`,
      ).toBeUndefined();
      if (parameter === undefined) continue;
      const most = x.reduce(
        (sum, value, index) => sum + (1 + Math.abs(value)) * Math.abs(g[index] as number),
        0,
      );
      const { weight, bias } = (module as PReLU).backward(input, gradOutput);
      const { gradient } = parameter;
      expect(
        compareWith(weight, [gradient.length], gradient, () => 3e-6 * most),
        about,
      ).toBeUndefined();
      expect(bias).toBeNull();
    }
    for (const op of Object.keys(CLASSES)) expect(geometries.get(op), op).toBeGreaterThanOrEqual(30);
  });

  it('heap tensors, out and in place: the values of plain tensors, in all layouts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Object.keys(CLASSES).length - 1 }),
        fc.constantFrom('channels-first', 'channels-last'),
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 0, maxLength: 3 }),
        fc.integer({ min: 0, max: 1000 }),
        (kind, layout, sizes, own) => {
          const channels = layout === 'channels-first' ? [2, 3, ...sizes] : [2, ...sizes, 3];
          const op = Object.keys(CLASSES)[kind] as string;
          const module = make(op, {
            ...(op === 'Snake' ? { channels: 3, layout } : {}),
            ...(op === 'PReLU' ? { numParameters: 3, layout } : {}),
          });
          const x = randomTensor(channels, seed + own);
          const g = randomTensor(channels, seed + own + 1);
          const wanted = module.forward(x);
          const gradients = module.backward(x, g);
          using heap = onHeap(x);
          using out = new HeapTensor(channels);
          using grad = onHeap(g);
          expectSame(module.forward(heap), wanted);
          expect(module.forward(heap, { out })).toBe(out);
          expectSame(out, wanted);
          expectSame(heap, x);
          const { input } = module.backward(heap, grad);
          expectSame(input, gradients.input);
          expectSame(grad, g);
          expectSame(heap, x);
          expect(module.forward(heap, { out: heap })).toBe(heap);
          expectSame(heap, wanted);
          const plain = { data: x.data.slice(), shape: x.shape };
          expect(module.forward(plain, { out: plain })).toBe(plain);
          expectSame(plain, wanted);
        },
      ),
      runsOf(150, `activations ${name}`),
    );
  });

  it('an output that overlaps its input by a part, anywhere on the heap, has the right values', () => {
    using block = new HeapTensor([40]);
    for (const module of [new Tanh(), new PReLU({ numParameters: 2 })]) {
      for (const [from, to] of [
        [0, 4],
        [4, 0],
        [1, 3],
        [3, 1],
        [5, 5],
      ] as const) {
        const x = randomTensor([4, 2, 4], seed);
        const wanted = module.forward(x);
        block.data.set(x.data, from);
        const out = { data: block.data.subarray(to, to + 32), shape: x.shape };
        module.forward({ data: block.data.subarray(from, from + 32), shape: x.shape }, { out });
        expectSame({ data: block.data.slice(to, to + 32), shape: x.shape }, wanted);
      }
    }
  });

  it('large tensors are cut into pieces that fit', () => {
    const x = randomTensor([1, 3, 200, 123], seed);
    for (const module of oneOfEach()) {
      const whole = module.forward(x);
      const row = { data: x.data.slice(-123), shape: [1, 1, 1, 123] };
      if (module instanceof PReLU || module instanceof Snake) continue;
      expectSame({ data: whole.data.slice(-123), shape: row.shape }, module.forward(row));
    }
  });

  it('what is wrong is said with its code', () => {
    const bad = (code: DeconvErrorCode, where: string, act: () => unknown): void =>
      expectError(caught(act), code, where);
    const x = zeros(2, 3, 4);
    for (const module of oneOfEach()) {
      const kind = module.constructor.name;
      const any = module as unknown as {
        forward(x?: unknown, o?: unknown): unknown;
        backward: ReLU['backward'];
      };
      bad('BAD_TYPE', `${kind}.forward`, () => any.forward());
      bad('BAD_TYPE', `${kind}.forward`, () => any.forward({ data: 'one', shape: [1] }));
      bad('BAD_SHAPE', `${kind}.forward`, () => any.forward({ data: new Float32Array(5), shape: [2, 3] }));
      bad('BAD_TYPE', `${kind}.forward`, () => any.forward(x, null));
      bad('BAD_OPTION', `${kind}.forward`, () => any.forward(x, { inplace: true }));
      bad('BAD_SHAPE', `${kind}.forward`, () => any.forward(x, { out: zeros(2, 3) }));
      bad('BAD_TYPE', `${kind}.forward`, () => any.forward(x, { out: null }));
      bad('BAD_SHAPE', `${kind}.backward`, () => any.backward(x, zeros(2, 3)));
      expect(module.forward(x).shape).toEqual([2, 3, 4]);
      // The call before it is remembered.
      bad('BAD_SHAPE', `${kind}.forward`, () => any.forward({ data: new Float32Array(5), shape: [2, 3, 4] }));
      bad('BAD_OPTION', `${kind}.forward`, () => any.forward(x, { activation: 'relu' }));
      expect(() => make(kind, { channels: 3, slope: 1 })).toThrow(/options among/);
      bad('BAD_TYPE', kind, () => make(kind, { ...(kind === 'Snake' ? { channels: 3 } : {}), runtime: {} }));
    }
    bad('BAD_OPTION', 'LeakyReLU', () => new LeakyReLU({ negativeSlope: Number.NaN }));
    bad('BAD_TYPE', 'ELU', () => new ELU({ alpha: '1' as unknown as number }));
    bad('BAD_OPTION', 'GELU', () => new GELU({ approximate: 'erf' as 'none' }));
    bad('BAD_OPTION', 'Hardtanh', () => new Hardtanh({ minVal: 1, maxVal: 1 }));
    bad('BAD_OPTION', 'Softplus', () => new Softplus({ beta: Number.POSITIVE_INFINITY }));
    bad('BAD_OPTION', 'PReLU', () => new PReLU({ numParameters: 0 }));
    bad('TOO_LARGE', 'PReLU', () => new PReLU({ numParameters: 2 ** 29 + 1 }));
    bad('BAD_TYPE', 'Snake', () => new Snake({} as { channels: number }));
    bad('BAD_OPTION', 'Snake', () => new Snake({ channels: 2, layout: 'NCHW' as 'channels-last' }));
    bad('UNSUPPORTED', 'PReLU', () => new PReLU({ device: 'cuda' as 'cpu' }));
    const snake = new Snake({ channels: 2 });
    bad('BAD_SHAPE', 'Snake.forward', () => snake.forward(zeros(2)));
    bad('BAD_SHAPE', 'Snake.forward', () => snake.forward(zeros(1, 3, 2)));
    bad('BAD_SHAPE', 'Snake.setWeight', () => snake.setWeight(new Float32Array(3)));
    bad('BAD_OPTION', 'Snake.setBias', () => snake.setBias(new Float32Array(2)));
    bad('BAD_OPTION', 'Snake.loadStateDict', () => snake.loadStateDict({ weight: zeros(2) }));
    bad('BAD_SHAPE', 'Snake.loadStateDict', () => snake.loadStateDict({ alpha: zeros(1, 2) }));
  });

  it('states come and go by PyTorch’s names', () => {
    const prelu = new PReLU({ numParameters: 2, init: 0.5 });
    expectSame(prelu.stateDict().weight as Tensor, tensor([2], [0.5, 0.5]));
    const snake = new Snake({ channels: 2 });
    expectSame(snake.weight, tensor([2], [1, 1]));
    snake.loadStateDict({ alpha: tensor([1, 2, 1], [3, 4]) });
    expectSame(snake.weight, tensor([2], [3, 4]));
    const chain = new Sequential(prelu, snake);
    expect(Object.keys(chain.stateDict())).toEqual(['0.weight', '1.alpha']);
    chain.loadStateDict({ '0.weight': tensor([2], [1, 2]), '1.alpha': tensor([2], [5, 6]) });
    expectSame(prelu.weight, tensor([2], [1, 2]));
    expectSame(snake.weight, tensor([2], [5, 6]));
  });

  it('parameters are trained in a chain as a layer’s are', () => {
    const chain = new Sequential(new PReLU({ numParameters: 2 }), new Snake({ channels: 2 }));
    const x = randomTensor([8, 2, 5], seed);
    const target = randomTensor([8, 2, 5], seed + 1);
    const step = adam(chain.layers, { learningRate: 0.05 });
    const losses = Array.from({ length: 20 }, () => {
      const pass = chain.trace(x);
      const { loss, gradient } = meanSquaredError(pass.output, target);
      step(pass.backward(gradient).layers);
      return loss;
    });
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  });

  it('a call leaves nothing on the heap, and a steady loop on it needs nothing more', () => {
    const modules = oneOfEach();
    for (const shape of SHAPES) {
      const x = randomTensor(shape, seed);
      for (const module of modules) {
        module.forward(x);
        const before = memoryUsage().usedBytes;
        module.backward(x, module.forward(x));
        expect(memoryUsage().usedBytes).toBe(before);
      }
    }
    using x = onHeap(randomTensor([2, 3, 50], seed));
    using out = new HeapTensor([2, 3, 50]);
    const loop = (): unknown => {
      for (const module of modules) for (let round = 0; round < 50; round += 1) module.forward(x, { out });
      return memoryUsage();
    };
    const before = loop();
    expect(loop()).toEqual(before);
  });

  it('a runtime of its own computes what it is asked to', async () => {
    const runtime = await createRuntime();
    const x = randomTensor([2, 3, 4], seed);
    using theirs = new HeapTensor(x.shape, { runtime });
    theirs.data.set(x.data);
    const own = new ReLU6({ runtime });
    expectSame(own.forward(theirs), new ReLU6().forward(x));
    await runtime.shutdown();
    expectError(
      caught(() => own.forward(x)),
      'NOT_INITIALIZED',
      'ReLU6.forward',
    );
  });
});
