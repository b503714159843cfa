// Shuffles, resizes, pools and pads as PyTorch computes them (tests/fixtures/modules/make_spatial.py), in both
// layouts, wherever their tensors lie.

import { host } from '@host';
import * as root from 'deconv-wasm';
import {
  AdaptiveAvgPool2d,
  AvgPool1d,
  AvgPool2d,
  ConstantPad2d,
  createRuntime,
  type DeconvErrorCode,
  HeapTensor,
  MaxPool2d,
  MaxPool3d,
  memoryUsage,
  PixelShuffle,
  PixelUnshuffle,
  ReflectionPad2d,
  ReplicationPad2d,
  Sequential,
  type Tensor,
  Upsample,
  type UpsampleOptions,
  ZeroPad2d,
} from 'deconv-wasm';
import { beforeAll, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { seed } from '../support/seed.js';
import { permute, randomTensor, sizeOf, zeros } from '../support/tensors.js';

interface Golden {
  readonly op: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly shape: readonly number[];
  readonly seed: number;
  /** PyTorch takes no such input. */
  readonly refused?: true;
  readonly repr: string;
  readonly output_shape: readonly number[];
  readonly output: readonly number[];
  readonly input_gradient: readonly number[];
}

interface SpatialModule {
  forward(x: Tensor, options?: { readonly out?: Tensor }): Tensor;
  backward(x: Tensor, gradOutput: Tensor): { readonly input: Tensor };
}

let cases: readonly Golden[];
beforeAll(async () => {
  const bytes = await host.readFixture('modules/spatial.json');
  ({ cases } = JSON.parse(new TextDecoder().decode(bytes)) as { readonly cases: readonly Golden[] });
});

function make({ op, options }: Golden, layout: string): SpatialModule {
  const camel = Object.entries(options).map(([name, value]) => [
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const Class = (root as unknown as Record<string, unknown>)[op] as new (options: object) => SpatialModule;
  return new Class({ ...(Object.fromEntries(camel) as object), layout });
}

/** As make_spatial.py makes them. */
function wholeNumbers(shape: readonly number[], own: number): Tensor {
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, index) => ((own * 31 + index * index * 13 + index * 7) % 19) - 9,
  );
  return { data, shape };
}

/** The axis of channels of `[..., C, spatial axes]` behind them, and back. */
function channelsTo(where: 'last' | 'first', tensor: Tensor, rank: number): Tensor {
  const axes = tensor.shape.map((_, axis) => axis);
  const from = axes.length - 1 - rank;
  const outer = axes.slice(0, from);
  return permute(
    tensor,
    where === 'last'
      ? [...outer, ...axes.slice(from + 1), from]
      : [...outer, axes.length - 1, ...axes.slice(from, -1)],
  );
}

function rankOf({ op, shape }: Golden): number {
  if (op.startsWith('Pixel')) return 2;
  return op === 'Upsample' ? shape.length - 2 : Number(op.at(-2));
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

/** Sums of few whole numbers up to 9, times weights. */
const NEAR = (index: number, wanted: readonly number[]): number =>
  4e-6 * (9 + Math.abs(wanted[index] as number));

/** One of every kind, with an input that suits it. */
const SOME: readonly (readonly [SpatialModule, readonly number[]])[] = [
  [new PixelShuffle({ upscaleFactor: 2 }), [2, 8, 3, 5]],
  [new PixelUnshuffle({ downscaleFactor: 2, layout: 'channels-last' }), [2, 6, 10, 3]],
  [new Upsample({ scaleFactor: 2 }), [2, 3, 5, 7]],
  [new Upsample({ size: [9, 4], mode: 'bilinear', layout: 'channels-last' }), [2, 5, 7, 6]],
  [new Upsample({ scaleFactor: 1.5, mode: 'bilinear', alignCorners: true }), [2, 3, 5, 7]],
  [new MaxPool2d({ kernelSize: 3, stride: 2, padding: 1 }), [2, 3, 8, 9]],
  [new MaxPool3d({ kernelSize: 2, layout: 'channels-last' }), [1, 4, 5, 6, 7]],
  [new AvgPool2d({ kernelSize: [3, 2], stride: 2, padding: 1, ceilMode: true }), [2, 3, 8, 9]],
  [new AdaptiveAvgPool2d({ outputSize: 1 }), [2, 3, 8, 9]],
  [new ReflectionPad2d({ padding: [1, 2, 0, 3] }), [2, 3, 5, 6]],
  [new ReplicationPad2d({ padding: 2, layout: 'channels-last' }), [2, 5, 6, 9]],
  [new ZeroPad2d({ padding: [-1, 2, 1, -1] }), [2, 3, 5, 6]],
  [new ConstantPad2d({ padding: 1, value: 0.5 }), [2, 3, 5, 6]],
];

describeEachBuild(() => {
  it('every golden case in both layouts: values, gradients, repr, and what is refused', () => {
    const geometries = new Map<string, number>();
    for (const golden of cases) {
      const { op, options, shape, output_shape, output, input_gradient } = golden;
      const rank = rankOf(golden);
      const x = wholeNumbers(shape, golden.seed);
      for (const layout of ['channels-first', 'channels-last'] as const) {
        const about = `${op} ${JSON.stringify(options)} [${shape}] ${layout}`;
        const arranged = (tensor: Tensor): Tensor =>
          layout === 'channels-first' ? tensor : channelsTo('last', tensor, rank);
        const back = (tensor: Tensor): Tensor =>
          layout === 'channels-first' ? tensor : channelsTo('first', tensor, rank);
        if (golden.refused === true) {
          const error = caught(() => make(golden, layout).forward(arranged(x))) as { code?: string };
          expect(['BAD_SHAPE', 'BAD_OPTION'], about).toContain(error?.code);
          continue;
        }
        const module = make(golden, layout);
        expect(String(module)).toBe(golden.repr);
        const y = back(module.forward(arranged(x)));
        expect(
          compareWith(y, output_shape, output, (index) => NEAR(index, output)),
          about,
        ).toBeUndefined();
        const { input } = module.backward(arranged(x), arranged(wholeNumbers(output_shape, golden.seed + 1)));
        expect(
          compareWith(back(input), shape, input_gradient, (index) => NEAR(index, input_gradient)),
          `${about} gradient`,
        ).toBeUndefined();
      }
      if (golden.refused !== true) {
        const kind = op === 'Upsample' ? `${op} ${options.mode ?? 'nearest'}` : op;
        geometries.set(kind, (geometries.get(kind) ?? 0) + 1);
      }
    }
    expect(geometries.size).toBe(27);
    for (const [kind, count] of geometries) expect(count, kind).toBeGreaterThanOrEqual(30);
  });

  it('gradients are what central differences say', () => {
    const step = 2 ** -6;
    for (const [module, shape] of SOME) {
      // Different values, further apart than the step.
      const data = Float32Array.from({ length: sizeOf(shape) }, (_, index) => ((index * 37) % 1009) / 16);
      const g = randomTensor(module.forward({ data, shape }).shape, seed);
      const { input } = module.backward({ data, shape }, g);
      const moved = (index: number, by: number): number => {
        const other = data.slice();
        other[index] = (data[index] as number) + by;
        const y = module.forward({ data: other, shape });
        return y.data.reduce((sum, value, at) => sum + value * (g.data[at] as number), 0);
      };
      for (let index = 0; index < data.length; index += 7) {
        const slope = (moved(index, step) - moved(index, -step)) / (2 * step);
        expect(Math.abs(slope - (input.data[index] as number)), `${module} [${index}]`).toBeLessThan(2e-3);
      }
    }
  });

  it('heap tensors, out and over their own input: the values of plain tensors', () => {
    for (const [module, shape] of SOME) {
      const x = randomTensor(shape, seed);
      const wanted = module.forward(x);
      const g = randomTensor(wanted.shape, seed + 1);
      const gradient = module.backward(x, g).input;
      using heap = new HeapTensor(shape);
      using out = new HeapTensor(wanted.shape);
      using grad = new HeapTensor(wanted.shape);
      heap.data.set(x.data);
      grad.data.set(g.data);
      expectSame(module.forward(heap), wanted);
      expect(module.forward(heap, { out })).toBe(out);
      expectSame(out, wanted);
      expectSame(heap, x);
      expectSame(module.backward(heap, grad).input, gradient);
      expectSame(grad, g);
      // Any overlap will do.
      const size = sizeOf(wanted.shape);
      using block = new HeapTensor([Math.max(size, x.data.length) + 8]);
      for (const [from, to] of [
        [0, 4],
        [4, 0],
        [1, 3],
        [5, 5],
      ] as const) {
        block.data.set(x.data, from);
        const over = { data: block.data.subarray(to, to + size), shape: wanted.shape };
        module.forward({ data: block.data.subarray(from, from + x.data.length), shape }, { out: over });
        expectSame({ data: block.data.slice(to, to + size), shape: wanted.shape }, wanted);
      }
    }
  });

  it('in a chain, from address to address: the values and gradients of one after the other', () => {
    const modules = [
      new ReflectionPad2d({ padding: 1 }),
      new MaxPool2d({ kernelSize: 2 }),
      new PixelShuffle({ upscaleFactor: 2 }),
      new Upsample({ scaleFactor: 2, mode: 'bilinear' }),
      new AvgPool2d({ kernelSize: 3, stride: 1, padding: 1 }),
    ] as const;
    using chain = new Sequential(...modules);
    const x = randomTensor([2, 8, 6, 8], seed);
    const values = [x];
    for (const module of modules) values.push(module.forward(values.at(-1) as Tensor));
    const output = values.pop() as Tensor;
    expectSame(chain.forward(x), output);
    using heap = new HeapTensor(x.shape);
    using out = new HeapTensor(output.shape);
    heap.data.set(x.data);
    expectSame(chain.forward(heap, { out }), output);
    let gradient = randomTensor(output.shape, seed + 1);
    const got = chain.backward(x, gradient).input;
    for (const module of [...modules].reverse()) {
      gradient = module.backward(values.pop() as Tensor, gradient).input;
    }
    expectSame(got, gradient);
  });

  it('NaN shows where PyTorch shows it', () => {
    const x: Tensor = { data: new Float32Array(25).fill(1), shape: [1, 1, 5, 5] };
    x.data[12] = Number.NaN;
    const count = (module: SpatialModule): number =>
      module.forward(x).data.reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0);
    expect(count(new MaxPool2d({ kernelSize: 3, stride: 1, padding: 1 }))).toBe(9);
    expect(count(new AvgPool2d({ kernelSize: 3, stride: 1, padding: 1 }))).toBe(9);
    expect(count(new AdaptiveAvgPool2d({ outputSize: 1 }))).toBe(1);
    expect(count(new Upsample({ scaleFactor: 2 }))).toBe(4);
    expect(count(new Upsample({ scaleFactor: 2, mode: 'bilinear' }))).toBe(16);
    expect(count(new ReflectionPad2d({ padding: 4 }))).toBe(9);
    expect(count(new ZeroPad2d({ padding: 1 }))).toBe(1);
  });

  it('a call leaves nothing on the heap, and a steady loop on it needs nothing more', () => {
    for (const [module, shape] of SOME) {
      const x = randomTensor(shape, seed);
      const y = module.forward(x);
      const before = memoryUsage().usedBytes;
      module.backward(x, module.forward(x));
      expect(memoryUsage().usedBytes).toBe(before);
      using input = new HeapTensor(shape);
      using out = new HeapTensor(y.shape);
      const loop = (): unknown => {
        for (let round = 0; round < 50; round += 1) module.forward(input, { out });
        return memoryUsage();
      };
      expect(loop()).toEqual(loop());
    }
  });

  it('no elements are computed too', () => {
    for (const [module, shape] of SOME) {
      const none = module.forward(zeros(0, ...shape.slice(1)));
      expect(none.shape[0]).toBe(0);
      expect(module.backward(zeros(0, ...shape.slice(1)), none).input.data.length).toBe(0);
    }
  });

  it('what is wrong is said with its code, before anything is changed', () => {
    const bad = (code: DeconvErrorCode, where: string, act: () => unknown): void =>
      expectError(caught(act), code, where);
    for (const [module, shape] of SOME) {
      const name = module.constructor.name;
      const any = module as unknown as {
        forward(x?: unknown, o?: unknown): unknown;
        backward: SpatialModule['backward'];
      };
      const x = randomTensor(shape, seed);
      const y = module.forward(x);
      bad('BAD_TYPE', `${name}.forward`, () => any.forward());
      bad('BAD_SHAPE', `${name}.forward`, () => any.forward(zeros(3, 4)));
      bad('BAD_SHAPE', `${name}.forward`, () => any.forward({ data: new Float32Array(5), shape }));
      bad('BAD_OPTION', `${name}.forward`, () => any.forward(x, { inplace: true }));
      const out = zeros(...y.shape, 1);
      out.data.fill(7);
      bad('BAD_SHAPE', `${name}.forward`, () => any.forward(x, { out }));
      expect(out.data.every((value) => value === 7)).toBe(true);
      bad('BAD_SHAPE', `${name}.backward`, () => any.backward(x, zeros(3)));
      const Class = module.constructor as new (options?: unknown) => SpatialModule;
      bad('BAD_TYPE', name, () => new Class('2'));
      bad('BAD_OPTION', name, () => new Class({ ...module, size_: 1 }));
    }
    bad('BAD_OPTION', 'PixelShuffle', () => new PixelShuffle({ upscaleFactor: 0 }));
    bad('BAD_TYPE', 'PixelShuffle', () => new PixelShuffle({} as { upscaleFactor: number }));
    bad('BAD_OPTION', 'PixelUnshuffle', () => new PixelUnshuffle({ downscaleFactor: 2 ** 20 }));
    bad('BAD_OPTION', 'PixelShuffle', () => new PixelShuffle({ upscaleFactor: 2, layout: 'NHWC' as never }));
    bad('BAD_SHAPE', 'PixelShuffle.forward', () =>
      new PixelShuffle({ upscaleFactor: 2 }).forward(zeros(1, 6, 2, 2)),
    );

    const upsample = (options: unknown): Upsample => new Upsample(options as UpsampleOptions);
    bad('BAD_OPTION', 'Upsample', () => upsample({}));
    bad('BAD_OPTION', 'Upsample', () => upsample({ size: 3, scaleFactor: 2 }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ scaleFactor: 0 }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ scaleFactor: Number.POSITIVE_INFINITY }));
    bad('BAD_TYPE', 'Upsample', () => upsample({ scaleFactor: '2' }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ scaleFactor: [] }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ scaleFactor: Object.assign(new Array(2), [2]) }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ scaleFactor: [2, 2], mode: 'linear' }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ scaleFactor: [2, 2, 2, 2] }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ size: 0 }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ size: 2, mode: 'bicubic' }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ size: 2, alignCorners: true }));
    bad('BAD_TYPE', 'Upsample', () => upsample({ size: 2, mode: 'linear', alignCorners: 1 }));
    bad('BAD_OPTION', 'Upsample', () => upsample({ size: 2, recomputeScaleFactor: true }));
    bad('BAD_SHAPE', 'Upsample.forward', () =>
      upsample({ size: 2, mode: 'linear' }).forward(zeros(1, 1, 3, 3)),
    );
    bad('BAD_SHAPE', 'Upsample.forward', () => upsample({ size: [2, 2] }).forward(zeros(1, 1, 3)));
    bad('BAD_SHAPE', 'Upsample.forward', () => upsample({ scaleFactor: 0.2 }).forward(zeros(1, 1, 3)));
    bad('TOO_LARGE', 'Upsample.forward', () => upsample({ scaleFactor: 2 ** 28 }).forward(zeros(1, 1, 3)));

    bad('BAD_OPTION', 'MaxPool2d', () => new MaxPool2d({ kernelSize: 2, padding: 2 }));
    bad('BAD_OPTION', 'MaxPool2d', () => new MaxPool2d({ kernelSize: 0 }));
    bad('BAD_OPTION', 'MaxPool2d', () => new MaxPool2d({ kernelSize: 2, stride: [1, 2, 3] as never }));
    bad('BAD_TYPE', 'MaxPool2d', () => new MaxPool2d({ kernelSize: 2, ceilMode: 'yes' as never }));
    bad('BAD_SHAPE', 'MaxPool2d.forward', () => new MaxPool2d({ kernelSize: 4 }).forward(zeros(1, 1, 3, 3)));
    bad('BAD_SHAPE', 'MaxPool2d.forward', () => new MaxPool2d({ kernelSize: 1 }).forward(zeros(1, 0, 3, 3)));
    bad('BAD_OPTION', 'AvgPool2d', () => new AvgPool2d({ kernelSize: 2, divisorOverride: 0 }));
    bad('BAD_OPTION', 'AvgPool1d', () => new AvgPool1d({ kernelSize: 2, divisorOverride: 2 } as never));
    bad('BAD_OPTION', 'AdaptiveAvgPool2d', () => new AdaptiveAvgPool2d({ outputSize: [1] as never }));
    bad('BAD_TYPE', 'AdaptiveAvgPool2d', () => new AdaptiveAvgPool2d({} as never));
    bad('BAD_OPTION', 'AdaptiveAvgPool2d', () => new AdaptiveAvgPool2d({ outputSize: [1, 0] }));

    bad('BAD_OPTION', 'ZeroPad2d', () => new ZeroPad2d({ padding: [1, 2] as never }));
    bad('BAD_OPTION', 'ZeroPad2d', () => new ZeroPad2d({ padding: 0.5 }));
    bad('BAD_TYPE', 'ZeroPad2d', () => new ZeroPad2d({} as never));
    bad('BAD_OPTION', 'ConstantPad2d', () => new ConstantPad2d({ padding: 1, value: Number.NaN }));
    bad('BAD_OPTION', 'ConstantPad2d', () => new ConstantPad2d({ padding: 1 } as never));
    bad('BAD_SHAPE', 'ZeroPad2d.forward', () => new ZeroPad2d({ padding: -2 }).forward(zeros(1, 1, 4, 9)));
    bad('BAD_SHAPE', 'ReflectionPad2d.forward', () =>
      new ReflectionPad2d({ padding: 3 }).forward(zeros(1, 1, 3, 9)),
    );
  });

  it('the least and the most of every option', () => {
    const x: Tensor = { data: Float32Array.of(1, 2, 3), shape: [1, 3, 1, 1] };
    expectSame(new AdaptiveAvgPool2d({ outputSize: null }).forward(x), x);
    expect(String(new AdaptiveAvgPool2d({ outputSize: [null, 2] }))).toBe(
      'AdaptiveAvgPool2d(output_size=(None, 2))',
    );
    expectSame(new AdaptiveAvgPool2d({ outputSize: [null, 2] }).forward(x), {
      data: Float32Array.of(1, 1, 2, 2, 3, 3),
      shape: [1, 3, 1, 2],
    });
    const huge = new MaxPool2d({ kernelSize: 2 ** 31 - 1, padding: 2 ** 30 - 1 });
    expectSame(huge.forward(x), x);
    const infinite = new ConstantPad2d({ padding: [0, 1, 0, 0], value: Number.NEGATIVE_INFINITY });
    expect(infinite.forward(x).data[1]).toBe(Number.NEGATIVE_INFINITY);
  });

  it('a runtime of its own computes what it is asked to', async () => {
    const runtime = await createRuntime();
    const x = randomTensor([1, 3, 4, 4], seed);
    const own = new Upsample({ scaleFactor: 2, runtime });
    using theirs = new HeapTensor(x.shape, { runtime });
    theirs.data.set(x.data);
    expectSame(own.forward(theirs), new Upsample({ scaleFactor: 2 }).forward(x));
    await runtime.shutdown();
    expectError(
      caught(() => own.forward(x)),
      'NOT_INITIALIZED',
      'Upsample.forward',
    );
  });
});
