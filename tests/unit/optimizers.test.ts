// Optimizers and schedules as PyTorch steps (tests/fixtures/modules/make_training.py), and training that goes on
// after it was saved.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Linear, type Tensor } from 'deconv-wasm';
import { addSpectralPenalty } from 'deconv-wasm/checkerboard';
import { readModel, writeSafetensors } from 'deconv-wasm/models';
import {
  adam,
  adamW,
  clipGradientNorm,
  clipGradientValue,
  cosineSchedule,
  type Optimizer,
  ReLU,
  type Schedule,
  Sequential,
  sgd,
  stepSchedule,
  type Trainable,
  warmupSchedule,
} from 'deconv-wasm/training';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../support/errors.js';

interface Case {
  readonly optimizer: keyof typeof OPTIMIZERS;
  readonly options: object;
  readonly schedule: keyof typeof SCHEDULES | null;
  readonly schedule_options: never;
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly path: readonly (readonly number[])[];
}

const OPTIMIZERS = { sgd, adam, adamW };
const SCHEDULES = { step: stepSchedule, cosine: cosineSchedule, warmup: warmupSchedule };

const { optimizers: cases }: { readonly optimizers: readonly Case[] } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '..', 'fixtures', 'modules', 'training.json'), 'utf8'),
);

/** A weight and, where `bias` is given, a bias. */
function parameters(weight: readonly number[], bias: readonly number[] | null = null): Trainable {
  let weights = Float32Array.from(weight);
  let biases = bias === null ? null : Float32Array.from(bias);
  return {
    get weight() {
      return { data: weights.slice(), shape: [weights.length] };
    },
    get bias() {
      return biases === null ? null : { data: biases.slice(), shape: [biases.length] };
    },
    setWeight: (values) => {
      weights = values.slice();
    },
    setBias: (values) => {
      biases = values.slice();
    },
  };
}

function gradient(values: readonly number[]) {
  return { data: Float32Array.from(values), shape: [values.length] };
}

function start(one: Case, layer: Trainable): Optimizer {
  const schedule: Schedule | undefined =
    one.schedule === null ? undefined : SCHEDULES[one.schedule](one.schedule_options);
  return OPTIMIZERS[one.optimizer]([layer], {
    ...one.options,
    ...(schedule === undefined ? {} : { schedule }),
  });
}

describe('optimizers', () => {
  it.each(cases)(
    '$optimizer $options, schedule $schedule: PyTorch’s steps, also when it goes on from a file',
    async (one) => {
      const layer = parameters(one.start);
      let step = start(one, layer);
      for (const [index, values] of one.gradients.entries()) {
        if (index === 10) {
          // A new optimizer that was told what the old one knew.
          const state = await (await readModel(writeSafetensors(step.stateDict()))).stateDict();
          step = start(one, layer);
          step.loadStateDict(state);
          expect(step.steps).toBe(10);
        }
        step([{ weight: gradient(values), bias: null }]);
        for (const [at, wanted] of (one.path[index] as number[]).entries()) {
          const got = layer.weight.data[at] as number;
          // Weights and memory are float32: an error of a rounding a step.
          if (!(Math.abs(got - wanted) < 1e-7 * (index + 20))) expect(got, `step ${index}`).toBe(wanted);
        }
      }
      expect(step.steps).toBe(24);
    },
  );

  it('learningRate may be set between steps', () => {
    const layer = parameters([1], [2]);
    const step = sgd([layer], { learningRate: 0.5 });
    step([{ weight: gradient([1]), bias: gradient([1]) }]);
    step.learningRate /= 2;
    step([{ weight: gradient([1]), bias: gradient([1]) }]);
    expect([step.learningRate, ...layer.weight.data, ...(layer.bias?.data ?? [])]).toEqual([
      0.25, 0.25, 1.25,
    ]);
    expectError(
      caught(() => {
        step.learningRate = -1;
      }),
      'BAD_OPTION',
      'sgd',
    );
    expectError(
      caught(() => {
        step.learningRate = '1' as never;
      }),
      'BAD_TYPE',
      'sgd',
    );
    expect(step.learningRate).toBe(0.25);
  });

  it('a state has the words of PyTorch, and must fit', () => {
    const step = adam([parameters([1, 2], [3])], {});
    step([{ weight: gradient([1, 1]), bias: gradient([1]) }]);
    const state = step.stateDict();
    expect(Object.keys(state)).toEqual([
      '0.weight.exp_avg',
      '0.weight.exp_avg_sq',
      '0.bias.exp_avg',
      '0.bias.exp_avg_sq',
      'step',
    ]);
    expect(Object.keys(sgd([parameters([1])]).stateDict())).toEqual(['step']);
    const other = adam([parameters([1, 2, 3], [3])]);
    expectError(
      caught(() => other.loadStateDict(state)),
      'BAD_SHAPE',
      'adam loadStateDict',
    );
    const { step: _, ...without } = state;
    expectError(
      caught(() => step.loadStateDict(without)),
      'BAD_OPTION',
      'adam loadStateDict',
    );
    expect(step.loadStateDict(without, { strict: false })).toEqual({ missing: ['step'], unexpected: [] });
    expectError(
      caught(() => step.loadStateDict({ ...state, step: { data: Float32Array.of(0.5), shape: [] } })),
      'BAD_OPTION',
      'adam loadStateDict',
    );
    expect(step.steps).toBe(1);
  });

  it('a schedule of the user’s own is asked with the steps taken, and its garbage refused before anything changes', () => {
    const layer = parameters([0]);
    const asked: number[] = [];
    let factor = 1;
    const schedule = (steps: number): number => {
      asked.push(steps);
      return factor;
    };
    const step = sgd([layer], { learningRate: 1, schedule });
    step([{ weight: gradient([1]), bias: null }]);
    factor = Number.NaN;
    expectError(
      caught(() => step([{ weight: gradient([1]), bias: null }])),
      'BAD_OPTION',
      'sgd step',
    );
    expect([step.steps, ...layer.weight.data]).toEqual([1, -1]);
    factor = 2;
    step([{ weight: gradient([1]), bias: null }]);
    expect([step.steps, ...layer.weight.data]).toEqual([2, -3]);
    expect(asked).toEqual([0, 1, 1]);
    expectError(
      caught(() => sgd([layer], { schedule: 3 } as never)),
      'BAD_TYPE',
      'sgd',
    );
  });
});

it('a chain where its layers are wanted is told from them', () => {
  for (const wrong of [new Sequential(new ReLU()), new ReLU(), undefined]) {
    const error = caught(() => adam(wrong as never));
    expectError(error, 'BAD_TYPE', 'adam');
    expect(error.message).toContain('A chain has it as its layers.');
  }
});

it('a chain among layers is told how to be written, and so are its gradients among those of layers', () => {
  const layer = new Linear({ inFeatures: 1, outFeatures: 1 });
  const net = new Sequential(layer, new ReLU());
  const own = { weight: layer.weight, bias: layer.bias };
  for (const [where, act] of [
    ['adam', () => adam([net as never])],
    ['addSpectralPenalty', () => addSpectralPenalty([net], [own])],
  ] as const) {
    const error = caught(act);
    expectError(error, 'BAD_TYPE', where);
    expect(error.message).toContain('layers[0] to be a layer, got a chain. Write net.layers for [net]');
  }
  const whole = { input: layer.weight, layers: [own] };
  const error = caught(() => sgd(net.layers)([whole as never]));
  expectError(error, 'BAD_TYPE', 'sgd step');
  expect(error.message).toContain('those of a chain have them as their layers.');
  // One of the user's own may have parameters beside its modules.
  class Scaled extends Sequential {
    readonly weight = { data: Float32Array.of(1), shape: [1] };
    readonly bias = null;
    setWeight(values: Float32Array): void {
      this.weight.data.set(values);
    }
    setBias(): void {}
  }
  const scaled = new Scaled(new ReLU());
  sgd([scaled], { learningRate: 1 })([{ weight: { data: [3] as never, shape: [1] }, bias: null }]);
  expect(scaled.weight.data[0]).toBe(-2);
});

it.each(['setWeight', 'setBias'] as const)(
  'a step in which a %s of the user’s throws changes nothing, whatever it has done already',
  (member) => {
    const make = () => new Linear({ inFeatures: 2, outFeatures: 2, seed: 1 });
    const shown = { data: Float32Array.of(1, 2), shape: [2] };
    // What it shows is what it computes with.
    const live = {
      weight: shown,
      bias: null,
      setWeight: (values: Float32Array) => shown.data.set(values),
      setBias: () => {},
    };
    let broken = true;
    class Breaking extends Linear {
      override setWeight(weight: never): this {
        super.setWeight(weight);
        if (broken && member === 'setWeight') throw new Error('of the user');
        return this;
      }
      override setBias(bias: never): this {
        if (broken && member === 'setBias') throw new Error('of the user');
        return super.setBias(bias);
      }
    }
    const layers = [make(), live, new Breaking({ inFeatures: 2, outFeatures: 2, seed: 1 }), make()];
    const step = adam(layers, { learningRate: 0.1 });
    const gradients = layers.map(({ weight, bias }) => ({ weight, bias }));
    const state = () =>
      structuredClone([layers.map(({ weight, bias }) => [weight, bias]), step.stateDict(), step.steps]);
    broken = false;
    step(gradients);
    const before = state();
    broken = true;
    expect(() => step(gradients)).toThrow('of the user');
    expect(state()).toEqual(before);
    broken = false;
    step(gradients);
    expect(step.steps).toBe(2);
    expect(layers[2]?.weight).toEqual(layers[0]?.weight);
  },
);

describe('objects of the user’s', () => {
  const own = (weight: unknown, more: object = {}) => ({
    weight: weight as Tensor,
    setWeight(values: Float32Array) {
      this.weight = { data: values, shape: [values.length] };
    },
    setBias() {},
    ...more,
  });
  const gradients = [{ weight: { data: Float32Array.of(1, 2), shape: [2] }, bias: null }];

  it('learn without a bias, from values of any kind', () => {
    const halves = { data: Uint16Array.of(0x3c00, 0x4000), shape: [2], dtype: 'float16' };
    for (const data of [Float32Array.of(1, 2), [1, 2], Float64Array.of(1, 2), halves]) {
      const layer = own(data === halves ? halves : { data, shape: [2] });
      sgd([layer as never], { learningRate: 1 })(gradients);
      expect(layer.weight.data).toEqual(Float32Array.of(0, 0));
    }
  });

  it('are refused where their parameters are none, or others than at first', () => {
    for (const weight of [
      Float32Array.of(1, 2),
      { data: Float32Array.of(1, 2) },
      'ab',
      { data: [1], shape: [2] },
    ]) {
      const error = caught(() => sgd([own(weight) as never]));
      expect(error.message).toContain('sgd: expected layers[0].weight');
    }
    const tensor = gradients[0]?.weight as Tensor;
    for (const [first, later, words] of [
      [
        { weight: tensor },
        { weight: { data: [1], shape: [1] } },
        'layers[0].weight as at first, [2], got [1]',
      ],
      [{ bias: null }, { bias: tensor }, 'layers[0].bias as at first, none, got [2]'],
      [{ bias: tensor }, { bias: null }, 'layers[0].bias as at first, [2], got none'],
    ] as const) {
      const layer = own(tensor, first);
      const step = adam([layer as never]);
      Object.assign(layer, later);
      const { bias = null } = later as { bias?: Tensor | null };
      const error = caught(() => step([{ weight: layer.weight, bias }]));
      expectError(error, 'BAD_SHAPE', 'adam step');
      expect(error.message).toContain(words);
      expect(step.steps).toBe(0);
    }
  });

  it('have states and gradients without what they have none of, at several places too', () => {
    const weight = { data: Float32Array.of(1, 2), shape: [2] };
    const passing = {
      forward: (x: Tensor) => x,
      backward: (_: Tensor, input: Tensor) => ({ input, weight }),
    };
    const layer = own(weight, passing);
    const net = new Sequential(layer as never, layer as never);
    expect(Object.keys(net.stateDict())).toEqual(['0.weight', '1.weight']);
    expect(Object.keys(new Sequential(own(null, passing) as never).stateDict())).toEqual([]);
    const x = { data: Float32Array.of(1), shape: [1] };
    const pass = net.trace(x).backward(x);
    expect(pass.layers[0]?.weight.data).toEqual(Float32Array.of(2, 4));
    sgd(net.layers)(pass.layers);
    let place = 0;
    const unlike = own(weight, {
      ...passing,
      backward: (_: Tensor, input: Tensor) => ({ input, weight: place++ === 0 ? weight : x, bias: null }),
    });
    const several = new Sequential(unlike as never, unlike as never);
    expect(caught(() => several.trace(x).backward(x)).code).toBe('BAD_SHAPE');
  });
});

it('a state in which a module of the user’s throws changes no other module of the chain', () => {
  const layer = new Linear({ inFeatures: 1, outFeatures: 1, seed: 1 });
  class Breaking extends Linear {
    override loadStateDict(): never {
      throw new Error('of the user');
    }
  }
  const net = new Sequential(layer, new Breaking({ inFeatures: 1, outFeatures: 1, seed: 1 }));
  const before = net.stateDict();
  const other = Object.fromEntries(
    Object.entries(before).map(([name, { shape }]) => [name, { data: new Float32Array(1), shape }]),
  );
  expect(() => net.loadStateDict(other)).toThrow('of the user');
  expect(net.stateDict()).toEqual(before);
});

it('gradients that are no list are told how to become one', () => {
  const layer = new Linear({ inFeatures: 1, outFeatures: 1 });
  const gradients = { weight: layer.weight, bias: layer.bias };
  for (const wrong of [gradients, { input: layer.weight, layers: [gradients] }, undefined]) {
    for (const [where, act] of [
      ['sgd step', () => sgd([layer])(wrong as never)],
      ['clipGradientNorm', () => clipGradientNorm(wrong as never, 1)],
      ['clipGradientValue', () => clipGradientValue(wrong as never, 1)],
    ] as const) {
      const error = caught(act);
      expectError(error, 'BAD_TYPE', where);
      expect(error.message).toContain(
        'Write [gradients] for one layer; those of a chain have them as their layers.',
      );
    }
  }
});

describe('schedules', () => {
  it('go on behind their end', () => {
    const schedule = warmupSchedule({ steps: 4, start: 0, after: cosineSchedule({ steps: 10, end: 0.2 }) });
    expect([0, 1, 4, 9, 14, 1000].map((steps) => Number(schedule(steps).toFixed(6)))).toEqual([
      0, 0.25, 1, 0.6, 0.2, 0.2,
    ]);
    expect([0, 99, 100, 200].map(stepSchedule({ stepSize: 100, gamma: 0.5 }))).toEqual([1, 1, 0.5, 0.25]);
  });

  it('refuse what does not fit', () => {
    expectError(
      caught(() => stepSchedule({ stepSize: 0 })),
      'BAD_OPTION',
      'stepSchedule',
    );
    expectError(
      caught(() => cosineSchedule({ steps: 10, end: -1 })),
      'BAD_OPTION',
      'cosineSchedule',
    );
    expectError(
      caught(() => warmupSchedule({ steps: 10, after: 1 } as never)),
      'BAD_TYPE',
      'warmupSchedule',
    );
    expectError(
      caught(() => warmupSchedule({ steps: 10, begin: 1 } as never)),
      'BAD_OPTION',
      'warmupSchedule',
    );
  });
});
