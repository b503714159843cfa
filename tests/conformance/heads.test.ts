// What stands at the end of a network (Linear, Softmax, Flatten, Unflatten) as PyTorch computes it
// (tests/fixtures/modules/make_heads.py), and Dropout by what it says of itself.

import { host } from '@host';
import {
  type DeconvErrorCode,
  Dropout,
  Flatten,
  HeapTensor,
  Linear,
  memoryUsage,
  Softmax,
  type Tensor,
  Unflatten,
} from 'deconv-wasm';
import { adam, crossEntropy, Sequential } from 'deconv-wasm/training';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught } from '../support/errors.js';
import { runsOf, seed } from '../support/seed.js';
import { randomTensor, sizeOf, zeros } from '../support/tensors.js';

const CLASSES = { Linear, Softmax, Flatten, Unflatten } as const;

interface Golden {
  readonly op: keyof typeof CLASSES;
  readonly options: Readonly<Record<string, unknown>>;
  readonly shape: readonly number[];
  readonly repr: string;
  readonly output_shape: readonly number[];
  readonly output: readonly number[];
  readonly input_gradient: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

type Module = Linear | Softmax | Flatten | Unflatten | Dropout;

let cases: readonly Golden[];
beforeAll(async () => {
  const bytes = await host.readFixture('modules/heads.json');
  cases = (JSON.parse(new TextDecoder().decode(bytes)) as { readonly cases: readonly Golden[] }).cases;
});

/** As the script that wrote the cases makes its inputs. */
function numbers(first: number, shape: readonly number[]): Tensor {
  let state = first;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 16) % 257) / 64 - 2;
  };
  return { data: Float32Array.from({ length: sizeOf(shape) }, next), shape };
}

function make({ op, options }: Golden): Linear | Softmax | Flatten | Unflatten {
  const words = Object.entries(options).map(([name, value]) => [
    name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return new CLASSES[op](Object.fromEntries(words) as never);
}

function expectClose(got: Tensor | null, shape: readonly number[], wanted: readonly number[], what: string) {
  const allowed = (index: number): number => 4e-6 * (1 + Math.abs(wanted[index] as number));
  expect(compareWith(got as Tensor, shape, wanted, allowed), what).toBeUndefined();
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

function onHeap({ data, shape }: Tensor): HeapTensor {
  const copy = new HeapTensor(shape);
  copy.data.set(data);
  return copy;
}

describeEachBuild(({ name: build }) => {
  it('every class over 30 geometries and more: values, gradients, repr and state', () => {
    const geometries = new Map<string, Set<string>>();
    for (const [number, golden] of cases.entries()) {
      const { op, options, shape, repr, output_shape: outputShape } = golden;
      const about = `case ${number}, ${repr} of [${shape}]`;
      geometries.set(op, (geometries.get(op) ?? new Set()).add(JSON.stringify([options, shape])));
      const module = make(golden);
      expect(String(module)).toBe(repr);
      if (module instanceof Linear) {
        const weight = module.weight.shape;
        const bias = module.bias?.shape;
        module.loadStateDict({
          weight: numbers(10 * number, weight),
          ...(bias === undefined ? {} : { bias: numbers(10 * number + 1, bias) }),
        });
        expect(module.outputShape(shape)).toEqual(outputShape);
      }
      const x = numbers(10 * number + 2, shape);
      const g = numbers(10 * number + 3, outputShape);
      expectClose(module.forward(x), outputShape, golden.output, about);
      const gradients = module.backward(x, g);
      expectClose(gradients.input, shape, golden.input_gradient, `${about}: input gradient`);
      if (module instanceof Linear) {
        const { weight, bias } = module.backward(x, g);
        const [wantedWeight = [], wantedBias] = golden.gradients;
        expectClose(weight, module.weight.shape, wantedWeight, `${about}: weight gradient`);
        if (wantedBias === undefined) expect(bias).toBeNull();
        else expectClose(bias, [module.outFeatures], wantedBias, `${about}: bias gradient`);
        module.dispose();
      }
    }
    for (const op of Object.keys(CLASSES)) expect(geometries.get(op)?.size, op).toBeGreaterThanOrEqual(30);
  });

  it('gradients are the slopes of the values', () => {
    const made = fc.constantFrom<() => readonly [Module, readonly number[]]>(
      () => [new Linear({ inFeatures: 4, outFeatures: 3, seed: 2 }), [2, 3, 4]],
      () => [new Softmax({ dim: 1 }), [2, 5, 3]],
      () => [new Softmax({ dim: -1 }), [2, 7]],
      () => [new Flatten(), [2, 3, 2]],
      () => [new Unflatten({ dim: 1, unflattenedSize: [2, -1] }), [2, 6]],
    );
    fc.assert(
      fc.property(made, fc.integer({ min: 1, max: 2 ** 30 }), (draw, own) => {
        const [module, shape] = draw();
        const x = randomTensor(shape, own);
        const direction = randomTensor(module.forward(x).shape, own + 1).data;
        const step = randomTensor(shape, own + 2).data;
        const valueAt = (distance: number): number =>
          module
            .forward({ data: x.data.map((value, at) => value + distance * (step[at] as number)), shape })
            .data.reduce((sum, value, at) => sum + value * (direction[at] as number), 0);
        const slope = (valueAt(1e-2) - valueAt(-1e-2)) / 2e-2;
        const { data } = module.backward(x, { data: direction, shape: module.forward(x).shape }).input;
        const expected = data.reduce((sum, value, at) => sum + value * (step[at] as number), 0);
        expect(Math.abs(slope - expected)).toBeLessThan(1e-3 * (1 + Math.abs(expected)));
        if (module instanceof Linear) module.dispose();
      }),
      runsOf(60, `heads ${build}`),
    );
  });

  it('heap tensors, out and in place: the values of plain tensors, and nothing left behind', () => {
    const modules: readonly Module[] = [
      new Softmax({ dim: 1 }),
      new Softmax({ dim: -1 }),
      new Flatten(),
      new Unflatten({ dim: -1, unflattenedSize: [5, 1] }),
      new Dropout().eval(),
    ];
    for (const module of modules) {
      const x = randomTensor([2, 3, 7, 5], seed);
      const wanted = module.forward(x);
      const g = randomTensor(wanted.shape, seed + 1);
      const gradients = module.backward(x, g);
      using heap = onHeap(x);
      using out = new HeapTensor(wanted.shape);
      using grad = onHeap(g);
      expect(module.forward(heap, { out })).toBe(out);
      expectSame(out, wanted);
      expectSame(heap, x);
      expect(module.backward(heap, grad)).toEqual(gradients);
      const call = { out };
      const loop = (): unknown => {
        for (let round = 0; round < 50; round += 1) module.forward(heap, call);
        return memoryUsage();
      };
      const before = loop();
      expect(loop()).toEqual(before);
      const there = { data: heap.data, shape: wanted.shape };
      expect(module.forward(heap, { out: there })).toBe(there);
      expectSame({ data: heap.data, shape: wanted.shape }, wanted);
    }
  });

  it('Linear is a layer: ReLU at no cost, heap tensors, rows of any kind, and none', () => {
    using linear = new Linear({ inFeatures: 3, outFeatures: 2, seed: 1 });
    const x = randomTensor([4, 5, 3], seed);
    const y = linear.forward(x);
    const clamped = linear.forward(x, { activation: 'relu' });
    expectSame(clamped, { data: y.data.map((value) => Math.max(value, 0)), shape: y.shape });
    using heap = onHeap(x);
    using out = new HeapTensor([4, 5, 2]);
    linear.forward(heap, { out });
    expectSame(out, y);
    const one = linear.forward({ data: x.data.subarray(0, 3), shape: [3] });
    expectClose(one, [2], Array.from(y.data.slice(0, 2)), 'one row');
    expect(linear.forward(zeros(0, 3))).toEqual(zeros(0, 2));
    expect(linear.backward(zeros(2, 0, 3), zeros(2, 0, 2)).input.shape).toEqual([2, 0, 3]);
    const { weight, bias } = new Linear({ inFeatures: 100, outFeatures: 50, seed: 3 });
    for (const { data } of [weight, bias as Tensor]) {
      expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.1));
      expect(Math.max(...data)).toBeGreaterThan(0.09);
      expect(Math.min(...data)).toBeLessThan(-0.09);
    }
  });

  it('Dropout drops its share, scales the rest, and its gradient passes where the values did', () => {
    const x = randomTensor([4, 5000], seed);
    for (const p of [0.1, 0.5, 0.8]) {
      const dropout = new Dropout({ p, seed: 7 });
      const y = dropout.forward(x);
      const dropped = y.data.filter((value) => value === 0).length / 20000;
      expect(Math.abs(dropped - p)).toBeLessThan(0.02);
      const scale = Math.fround(1 / (1 - p));
      const wanted = x.data.map((value, at) => (y.data[at] === 0 ? 0 : value * scale));
      expectSame(y, { data: wanted, shape: x.shape });
      const ones = { data: new Float32Array(20000).fill(1), shape: x.shape };
      const { input } = dropout.backward(x, ones);
      expectSame(input, { data: y.data.map((value) => (value === 0 ? 0 : scale)), shape: x.shape });
      expect(compareExactly(dropout.forward(x), y)).toBeDefined();
      const again = new Dropout({ p, seed: 7 });
      expectSame(again.forward(x), y);
      expectSame(dropout.eval().forward(x), x);
      expectSame(dropout.backward(x, ones).input, ones);
      expect(dropout.training).toBe(false);
    }
    // One module in two places of a network.
    const shared = new Dropout({ seed: 9 });
    const other = randomTensor([4, 5000], seed + 1);
    const outputs = [x, other].map((input) => shared.forward(input));
    const ones = { data: new Float32Array(20000).fill(1), shape: x.shape };
    for (const [index, input] of [x, other].entries()) {
      const passed = shared.backward(input, ones).input.data.map(Math.sign);
      const kept = (outputs[index] as Tensor).data.map((value) => (value === 0 ? 0 : 1));
      expect(passed).toEqual(kept);
    }
    expect(new Dropout({ p: 1 }).forward(x).data.every((value) => value === 0)).toBe(true);
    expectSame(new Dropout({ p: 0 }).forward(x), x);
    expect(String(new Dropout())).toBe('Dropout(p=0.5, inplace=False)');
  });

  it('a classifier of them learns what a line divides', () => {
    const chain = new Sequential(
      new Flatten(),
      new Linear({ inFeatures: 4, outFeatures: 16, seed: 4 }),
      new Dropout({ p: 0.1, seed: 5 }),
      new Linear({ inFeatures: 16, outFeatures: 2, seed: 6 }),
    );
    expect(Object.keys(chain.stateDict())).toEqual(['1.weight', '1.bias', '3.weight', '3.bias']);
    const x = randomTensor([64, 2, 2], 8);
    const target = {
      data: Float32Array.from({ length: 64 }, (_, row) =>
        (x.data[4 * row] as number) > (x.data[4 * row + 3] as number) ? 1 : 0,
      ),
      shape: [64],
    };
    const step = adam(chain.layers, { learningRate: 0.02 });
    const losses = Array.from({ length: 60 }, () => {
      const pass = chain.trace(x);
      const { loss, gradient } = crossEntropy(pass.output, target);
      step(pass.backward(gradient).layers);
      return loss;
    });
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
    chain.dispose();
  });

  const rows: readonly [string, () => unknown, DeconvErrorCode, RegExp][] = [
    ['no features', () => new Linear({} as never), 'BAD_TYPE', /^Linear: expected inFeatures/],
    ['channels', () => new Linear({ inChannels: 2 } as never), 'BAD_OPTION', /options among inFeatures/],
    ['features 0', () => new Linear({ inFeatures: 1, outFeatures: 0 }), 'BAD_OPTION', /outFeatures/],
    [
      'other features',
      () => new Linear({ inFeatures: 3, outFeatures: 1 }).forward(zeros(3, 2)),
      'BAD_SHAPE',
      /^Linear\.forward: expected input of shape \[\.\.\., 3\], got \[3, 2\]\. Flatten/,
    ],
    [
      'a gradient of another shape',
      () => new Linear({ inFeatures: 3, outFeatures: 1 }).backward(zeros(2, 3), zeros(2, 2)),
      'BAD_SHAPE',
      /gradOutput/,
    ],
    [
      'a transposed weight',
      () => new Linear({ inFeatures: 3, outFeatures: 1 }).setWeight(zeros(3, 1)),
      'BAD_SHAPE',
      /\[1, 3\]/,
    ],
    ['an axis that is none', () => new Softmax({ dim: 0.5 }), 'BAD_OPTION', /dim/],
    ['an axis in words', () => new Softmax({ dim: 'channel' as never }), 'BAD_TYPE', /dim/],
    ['an axis that there is not', () => new Softmax({ dim: 2 }).forward(zeros(2, 2)), 'BAD_SHAPE', /axis 2/],
    ['an axis before the first', () => new Softmax({ dim: -3 }).forward(zeros(2, 2)), 'BAD_SHAPE', /axis -3/],
    ['PyTorch’s spelling', () => new Flatten({ start_dim: 1 } as never), 'BAD_OPTION', /startDim/],
    ['nothing to flatten', () => new Flatten({ startDim: 3 }).forward(zeros(2, 2)), 'BAD_SHAPE', /axis 3/],
    [
      'the end before the start',
      () => new Flatten({ startDim: 2, endDim: 1 }).forward(zeros(2, 2, 2)),
      'BAD_SHAPE',
      /does not stand behind/,
    ],
    ['no sizes', () => new Unflatten({ dim: 1 } as never), 'BAD_TYPE', /unflattenedSize/],
    [
      'sizes of nothing',
      () => new Unflatten({ dim: 1, unflattenedSize: [] }),
      'BAD_OPTION',
      /at least one axis/,
    ],
    [
      'two unknown',
      () => new Unflatten({ dim: 1, unflattenedSize: [-1, -1] }),
      'BAD_OPTION',
      /one -1 at most/,
    ],
    [
      'sizes that do not divide',
      () => new Unflatten({ dim: 1, unflattenedSize: [4, -1] }).forward(zeros(2, 6)),
      'BAD_SHAPE',
      /product of \(4, -1\)/,
    ],
    ['a share above 1', () => new Dropout({ p: 1.5 }), 'BAD_OPTION', /p from 0 to 1/],
    ['a seed below 0', () => new Dropout({ seed: -1 }), 'BAD_OPTION', /seed/],
    ['a mode that is none', () => new Dropout().train(1 as never), 'BAD_TYPE', /mode/],
    [
      'in place as an option',
      () => new Dropout({ inplace: true } as never),
      'BAD_OPTION',
      /options among p, seed/,
    ],
  ];
  it.each(rows)('refused: %s', (_name, act, code, message) => {
    const error = caught(act);
    expect({ code: error.code, message: error.message }).toEqual({
      code,
      message: expect.stringMatching(message),
    });
  });
});
