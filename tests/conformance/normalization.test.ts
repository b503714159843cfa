// Normalizations as PyTorch computes them (tests/fixtures/modules/make_normalization.py), wherever their tensors lie,
// in both layouts, and by the definition of a gradient.

import { host } from '@host';
import {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  type DeconvErrorCode,
  GroupNorm,
  HeapTensor,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LayerNorm,
  LeakyReLU,
  type Module,
  memoryUsage,
  type Normalization,
  Tanh,
  type Tensor,
} from 'deconv-wasm';
import { readModel, writeSafetensors } from 'deconv-wasm/models';
import { adam, ReLU, Sequential, sgd } from 'deconv-wasm/training';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught } from '../support/errors.js';
import { runsOf } from '../support/seed.js';
import { randomTensor, sizeOf, toChannelsFirst, toChannelsLast, zeros } from '../support/tensors.js';

const CLASSES = {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  GroupNorm,
  LayerNorm,
} as const;

interface Golden {
  readonly op: keyof typeof CLASSES;
  readonly options: Readonly<Record<string, unknown>>;
  readonly shape: readonly number[];
  readonly repr: string;
  /** Two in training and one in eval, or one alone where nothing differs. */
  readonly steps: readonly {
    readonly output?: readonly number[];
    readonly input_gradient?: readonly number[];
    readonly gradients?: readonly (readonly number[])[];
    readonly state?: Readonly<Record<string, readonly number[]>>;
  }[];
}

let cases: readonly Golden[];
beforeAll(async () => {
  const bytes = await host.readFixture('modules/normalization.json');
  cases = (JSON.parse(new TextDecoder().decode(bytes)) as { readonly cases: readonly Golden[] }).cases;
});

/** As the script that wrote the cases makes its inputs. */
function numbers(seed: number, shape: readonly number[], scale = 1, mean = 0): Tensor {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (((state >>> 16) % 257) / 64 - 2) * scale + mean;
  };
  return { data: Float32Array.from({ length: sizeOf(shape) }, next), shape };
}

function make(
  op: keyof typeof CLASSES,
  options: Readonly<Record<string, unknown>>,
  more: object = {},
): Normalization {
  const words = Object.entries(options).map(([name, value]) => [
    name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return new CLASSES[op]({ ...Object.fromEntries(words), ...more } as never);
}

function expectClose(got: Tensor | null, shape: readonly number[], wanted: readonly number[], what: string) {
  const size = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const allowed = (index: number): number => 3e-6 * size + 1e-5 * Math.abs(wanted[index] as number);
  expect(compareWith(got as Tensor, shape, wanted, allowed), what).toBeUndefined();
}

function expectSame(got: Tensor | null, wanted: Tensor | null): void {
  expect(compareExactly(got as Tensor, wanted as Tensor)).toBeUndefined();
}

function onHeap({ data, shape }: Tensor): HeapTensor {
  const copy = new HeapTensor(shape);
  copy.data.set(data);
  return copy;
}

/** The gradient of sum(forward * direction) along `step`, by differences of the values at both sides. */
function slope(valueAt: (distance: number) => number): number {
  const h = 1e-2;
  return (valueAt(h) - valueAt(-h)) / (2 * h);
}

describeEachBuild(({ name: build }) => {
  describe('golden cases', () => {
    /** One case in a layout; `toLayout` and `back` carry its tensors there and back. */
    const runCase = (
      golden: Golden,
      number: number,
      module: Normalization,
      toLayout: (x: Tensor) => Tensor,
      back: (x: Tensor) => Tensor,
    ): void => {
      const { shape, repr } = golden;
      const seed = 10 * number;
      const own = module.weight?.shape ?? [];
      if (module.weight !== null) module.setWeight(numbers(seed, own)).setBias(numbers(seed + 1, own));
      for (const [index, step] of golden.steps.entries()) {
        const about = `case ${number}, ${repr} of [${shape}], step ${index}`;
        module.train(index < 2);
        const x = toLayout(numbers(seed + 2 + index, shape, 1 + index, 3));
        const g = toLayout(numbers(seed + 5 + index, shape));
        // Gradients are pure: they come before the statistics move.
        const gradients = module.backward(x, g);
        const output = module.forward(x);
        if (step.output !== undefined) expectClose(back(output), shape, step.output, about);
        if (step.input_gradient !== undefined) {
          expectClose(back(gradients.input), shape, step.input_gradient, `${about}: input gradient`);
        }
        for (const [at, wanted] of (step.gradients ?? []).entries()) {
          const got = at === 0 ? gradients.weight : gradients.bias;
          expectClose(got, own, wanted, `${about}: gradient ${at}`);
        }
        if (module.weight === null) expect([gradients.weight, gradients.bias]).toEqual([null, null]);
        const state = module.stateDict();
        for (const [name, wanted] of Object.entries(step.state ?? {})) {
          const one =
            name === 'num_batches_tracked' ? [] : [(module.runningMean as Tensor).shape[0] as number];
          expectClose(state[name] as Tensor, one, wanted, `${about}: ${name}`);
        }
        expect(Object.keys(state)).toEqual([
          ...(module.affine ? ['weight', 'bias'] : []),
          ...Object.keys(golden.steps[0]?.state ?? {}),
        ]);
      }
    };
    const same = (x: Tensor): Tensor => x;

    it('every class over 30 geometries and more: values, gradients, statistics, repr and state', () => {
      const geometries = new Map<string, Set<string>>();
      for (const [number, golden] of cases.entries()) {
        const { op, options, shape, repr } = golden;
        geometries.set(op, (geometries.get(op) ?? new Set()).add(JSON.stringify([options, shape])));
        const module = make(op, options);
        expect(String(module)).toBe(repr);
        runCase(golden, number, module, same, same);
      }
      for (const op of Object.keys(CLASSES)) expect(geometries.get(op)?.size, op).toBeGreaterThanOrEqual(30);
      expect(new Set(cases.map(({ options }) => options.momentum)).size).toBeGreaterThanOrEqual(4);
    });

    it('the same with channels last', () => {
      for (const [number, golden] of cases.entries()) {
        const { op, options, shape } = golden;
        if (op === 'LayerNorm') continue;
        const unbatched = op.startsWith('Instance') && shape.length === Number(op.at(-2)) + 1;
        const toLayout = (x: Tensor): Tensor => {
          const [channels = 0, ...spatial] = x.shape;
          if (!unbatched) return toChannelsLast(x);
          return {
            ...toChannelsLast({ ...x, shape: [1, channels, ...spatial] }),
            shape: [...spatial, channels],
          };
        };
        const back = (x: Tensor): Tensor =>
          unbatched ? { ...toChannelsFirst({ ...x, shape: [1, ...x.shape] }), shape } : toChannelsFirst(x);
        runCase(golden, number, make(op, options, { layout: 'channels-last' }), toLayout, back);
      }
    });

    it('LayerNorm over the channels of points is that of the last axis, moved', () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 0, maxLength: 3 }),
          fc.integer({ min: 1, max: 20 }),
          fc.integer({ min: 1, max: 2 ** 30 }),
          (sizes, channels, seed) => {
            const [first, last] = (['channels-first', 'channels-last'] as const).map((layout) =>
              new LayerNorm({ normalizedShape: channels, layout })
                .setWeight(randomTensor([channels], seed))
                .setBias(randomTensor([channels], seed + 1)),
            ) as [LayerNorm, LayerNorm];
            const x = randomTensor([2, channels, ...sizes], seed + 2);
            const g = randomTensor([2, channels, ...sizes], seed + 3);
            const wanted = last.forward(toChannelsLast(x));
            expectClose(toChannelsLast(first.forward(x)), wanted.shape, Array.from(wanted.data), 'output');
            const gradients = last.backward(toChannelsLast(x), toChannelsLast(g));
            const got = first.backward(x, g);
            const { input } = gradients;
            expectClose(toChannelsLast(got.input), input.shape, Array.from(input.data), 'input gradient');
            for (const key of ['weight', 'bias'] as const) {
              const { data, shape } = gradients[key] as Tensor;
              expectClose(got[key], shape, Array.from(data), key);
            }
          },
        ),
        runsOf(60, `layer norm ${build}`),
      );
    });
  });

  it('heap tensors, out and in place: the values of plain tensors, and nothing left behind', () => {
    const makers = [
      () => new BatchNorm2d({ numFeatures: 3 }),
      () => new BatchNorm2d({ numFeatures: 3 }).eval(),
      () => new InstanceNorm2d({ numFeatures: 3, affine: true, trackRunningStats: true }),
      () => new GroupNorm({ numGroups: 1, numChannels: 3 }),
      () => new LayerNorm({ normalizedShape: 3, layout: 'channels-first' }),
      () => new LayerNorm({ normalizedShape: [3, 5, 7], elementwiseAffine: false }),
    ];
    for (const make of makers) {
      const x = randomTensor([2, 3, 5, 7], 1);
      const g = randomTensor([2, 3, 5, 7], 2);
      const wanted = make().forward(x);
      const gradients = make().backward(x, g);
      using heap = onHeap(x);
      using out = new HeapTensor(x.shape);
      using grad = onHeap(g);
      expectSame(make().forward(heap), wanted);
      const module = make();
      expect(module.forward(heap, { out })).toBe(out);
      expectSame(out, wanted);
      expectSame(heap, x);
      expect(make().backward(heap, grad)).toEqual(gradients);
      expectSame(grad, g);
      expect(make().forward(heap, { out: heap })).toBe(heap);
      expectSame(heap, wanted);
      const plain = { data: x.data.slice(), shape: x.shape };
      expect(make().forward(plain, { out: plain })).toBe(plain);
      expectSame(plain, wanted);
      const call = { out };
      const loop = (): unknown => {
        for (let round = 0; round < 50; round += 1) module.forward(heap, call);
        return memoryUsage();
      };
      const before = loop();
      expect(loop()).toEqual(before);
    }
  });

  describe('gradients', () => {
    const modules = fc.constantFrom<() => readonly [Normalization, readonly number[]]>(
      () => [new BatchNorm1d({ numFeatures: 3, eps: 0.1 }), [4, 3]],
      () => [new BatchNorm2d({ numFeatures: 2, eps: 0.1 }), [2, 2, 3, 2]],
      () => [new BatchNorm2d({ numFeatures: 2, eps: 0.1 }).eval(), [2, 2, 3, 2]],
      () => [new InstanceNorm1d({ numFeatures: 2, eps: 0.1, affine: true }), [2, 2, 5]],
      () => [new InstanceNorm2d({ numFeatures: 2, eps: 0.1, affine: true }), [2, 3, 3]],
      () => [new GroupNorm({ numGroups: 2, numChannels: 4, eps: 0.1 }), [2, 4, 3]],
      () => [new GroupNorm({ numGroups: 1, numChannels: 4, eps: 0.1 }), [3, 4]],
      () => [new LayerNorm({ normalizedShape: [3, 2], eps: 0.1 }), [2, 3, 2]],
      () => [new LayerNorm({ normalizedShape: 3, eps: 0.1, layout: 'channels-first' }), [2, 3, 2]],
      () => [new BatchNorm2d({ numFeatures: 2, eps: 0.1, layout: 'channels-last' }), [2, 3, 3, 2]],
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
        runsOf(60, `norms ${build}`),
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
      const norm = new BatchNorm1d({ numFeatures: 1, momentum: 1 });
      const y = norm.forward({ data, shape: [64, 1] });
      expect(Math.abs((y.data[0] as number) + 1)).toBeLessThan(1e-4);
      const fixed = norm.eval().forward({ data, shape: [64, 1] });
      const inverse = 1 / Math.sqrt(0.25 * (64 / 63) + 1e-5);
      expect(Math.abs((fixed.data[1] as number) - 0.5 * inverse)).toBeLessThan(1e-4);
    });

    it('a shape that eval takes is refused in training, though it was the last one', () => {
      const norm = new BatchNorm2d({ numFeatures: 2 }).eval();
      const x = zeros(1, 2, 1, 1);
      norm.forward(x);
      expect(caught(() => norm.train().forward(x)).code).toBe('BAD_SHAPE');
    });

    it('scale and shift are those of eval, and the version tells when they may have changed', () => {
      const norm = new BatchNorm2d({ numFeatures: 2 }) as BatchNorm2d & {
        readonly version: number;
        scaleAndShift(): { readonly scale: Float64Array; readonly shift: Float64Array } | null;
      };
      const versions = [norm.version];
      const grown = (act: () => unknown): void => {
        act();
        expect(norm.version).toBeGreaterThan(versions.at(-1) as number);
        versions.push(norm.version);
      };
      const x = randomTensor([3, 2, 4, 4], 9);
      grown(() => norm.forward(x));
      grown(() => norm.setWeight(Float32Array.of(2, -3)));
      grown(() => norm.setBias(Float32Array.of(0.5, 1)));
      expect(norm.scaleAndShift()).toBeNull();
      grown(() => norm.eval());
      grown(() => norm.loadStateDict(norm.stateDict()));
      const y = norm.forward(x);
      norm.backward(x, x);
      expect(norm.version).toBe(versions.at(-1));
      const { scale, shift } = norm.scaleAndShift() as { scale: Float64Array; shift: Float64Array };
      const wanted = Array.from(x.data, (value, index) => {
        const channel = Math.floor(index / 16) % 2;
        return value * (scale[channel] as number) + (shift[channel] as number);
      });
      expectClose(y, x.shape, wanted, 'folded');
      grown(() => norm.train());
    });
  });

  describe('in a Sequential', () => {
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

    it('moves nothing on where another node refuses the shape', () => {
      const norm = new BatchNorm2d({ numFeatures: 2 });
      using net = new Sequential(norm, new ReLU(), new BatchNorm2d({ numFeatures: 3 }));
      const before = norm.stateDict();
      for (const act of [() => net.forward(zeros(2, 2, 3, 3)), () => net.trace(zeros(2, 2, 3, 3))]) {
        const error = caught(act);
        expect([error.code, error.detail.node]).toEqual(['BAD_SHAPE', '2']);
        expect(norm.stateDict()).toEqual(before);
      }
    });

    it('nor where the shape passed before, in another mode or from another tensor', () => {
      const norms = [1, 2].map(() => new BatchNorm1d({ numFeatures: 2 })) as [BatchNorm1d, BatchNorm1d];
      const layer = new Conv1d({ inChannels: 2, outChannels: 2, kernelSize: 2 });
      using net = new Sequential(norms[0], layer, norms[1]);
      const refused = (x: Tensor, node: string) => {
        const before = net.stateDict();
        expect(caught(() => net.trace(x)).detail.node).toBe(node);
        expect(net.stateDict()).toEqual(before);
      };
      // One value for each channel has no variance.
      const two = randomTensor([1, 2, 2], 1);
      norms[1].eval();
      net.trace(two);
      norms[1].train();
      refused(two, '2');
      norms[1].eval();
      expect(net.trace(two).output.shape).toEqual([1, 2, 1]);
      norms[1].train();
      for (const [shape, node] of [
        [[1, 2, 2], '2'],
        [[3, 2, 1], '1'],
        [[3, 1, 2], '0'],
        [[12, 2], '1'],
      ] as const) {
        net.trace(randomTensor([3, 2, 2], 2));
        refused(zeros(...shape), node);
      }
    });

    it('nor where an object of the user’s gives another shape than before', () => {
      const norm = new BatchNorm1d({ numFeatures: 2 });
      let width = 2;
      const own: Module = {
        forward: ({ shape: [batch] }) => zeros(batch as number, width),
        backward: (input) => ({ input }),
        outputShape: ([batch]) => [batch as number, width],
      };
      const tanh = new Tanh();
      using net = new Sequential(norm, own, tanh, new BatchNorm1d({ numFeatures: 2 }));
      net.trace(zeros(4, 2));
      const before = norm.stateDict();
      width = 3;
      expect(caught(() => net.trace(zeros(4, 2))).detail.node).toBe('3');
      expect(norm.stateDict()).toEqual(before);
      // And where methods of the user's were put before those of a module of ours.
      width = 2;
      using other = new Sequential(norm, tanh, new BatchNorm1d({ numFeatures: 2 }));
      other.trace(zeros(4, 2));
      Object.assign(tanh, own);
      other.trace(zeros(4, 2));
      width = 3;
      const state = norm.stateDict();
      expect(caught(() => other.trace(zeros(4, 2))).detail.node).toBe('2');
      expect(norm.stateDict()).toEqual(state);
    });

    it('a layer that is disposed is refused before any statistics move on', () => {
      for (const act of [
        (net: Sequential, x: Tensor) => net.forward(x),
        (net: Sequential, x: Tensor) => net.trace(x),
      ]) {
        const norm = new BatchNorm2d({ numFeatures: 2 });
        const layer = new Conv2d({ inChannels: 2, outChannels: 2, kernelSize: 1 });
        using net = new Sequential(norm, new Tanh(), layer);
        const x = randomTensor([2, 2, 3, 3], 1);
        act(net, x);
        const before = norm.stateDict();
        layer.dispose();
        for (let time = 0; time < 2; time += 1) {
          const error = caught(() => act(net, x));
          expect([error.code, error.detail.node]).toEqual(['DISPOSED', '2']);
          expect(norm.stateDict()).toEqual(before);
        }
      }
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
      const up = new ConvTranspose2d({
        inChannels: 2,
        outChannels: 4,
        kernelSize: 2,
        stride: 2,
        bias: false,
      });
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
      [
        'more channels than a heap holds',
        () => new BatchNorm2d({ numFeatures: 2 ** 29 + 1 }),
        'TOO_LARGE',
        /^BatchNorm2d: expected a tensor of at most 536870912 values, got shape \[536870913\]/,
      ],
      [
        'more values than an array has',
        () => new LayerNorm({ normalizedShape: [2 ** 20, 2 ** 20] }),
        'TOO_LARGE',
        /^LayerNorm: expected a tensor of at most 536870912 values/,
      ],
      ['channels 0', () => new InstanceNorm1d({ numFeatures: 0 }), 'BAD_OPTION', /numFeatures/],
      [
        'a layout that there is not',
        () => new BatchNorm2d({ numFeatures: 2, layout: 'NHWC' as never }),
        'BAD_OPTION',
        /layout to be 'channels-first' or 'channels-last'/,
      ],
      [
        'channels last where they are first',
        () => new BatchNorm2d({ numFeatures: 2, layout: 'channels-last' }).forward(zeros(1, 2, 3, 3)),
        'BAD_SHAPE',
        /\[N, H, W, 2\], got \[1, 2, 3, 3\]/,
      ],
      [
        'no axes to normalize',
        () => new LayerNorm({ normalizedShape: [] }),
        'BAD_OPTION',
        /normalizedShape of at least one axis/,
      ],
      [
        'an axis of nothing',
        () => new LayerNorm({ normalizedShape: [3, 0] }),
        'BAD_OPTION',
        /normalizedShape\[1\]/,
      ],
      [
        'several axes as channels',
        () => new LayerNorm({ normalizedShape: [3, 4], layout: 'channels-first' }),
        'BAD_OPTION',
        /the channels alone/,
      ],
      [
        'other last axes',
        () => new LayerNorm({ normalizedShape: [3, 4] }).forward(zeros(3, 4, 5)),
        'BAD_SHAPE',
        /\[\.\.\., 3, 4\], got \[3, 4, 5\]/,
      ],
      [
        'a bias where there is none',
        () => new LayerNorm({ normalizedShape: 2, bias: false }).setBias(new Float32Array(2)),
        'BAD_OPTION',
        /LayerNorm with a bias/,
      ],
      [
        'a forward’s option that there is not',
        () => norm().forward(zeros(2, 2, 2, 2), { activation: 'relu' } as never),
        'BAD_OPTION',
        /options among out/,
      ],
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
}, SOME_BUILDS);
