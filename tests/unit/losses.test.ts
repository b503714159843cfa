// Losses and clipping as PyTorch computes them (tests/fixtures/modules/make_training.py).

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Tensor } from 'deconv-wasm';
import {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  clipGradientNorm,
  clipGradientValue,
  crossEntropy,
  meanAbsoluteError,
  meanSquaredError,
} from 'deconv-wasm/training';
import { describe, expect, it } from 'vitest';
import { compareWith } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';

interface Golden {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const LOSSES = {
  meanSquaredError,
  meanAbsoluteError,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  crossEntropy,
};

interface LossCase {
  readonly function: keyof typeof LOSSES;
  readonly options: CrossEntropyOptions;
  readonly prediction: Golden;
  readonly target: Golden;
  readonly loss: number;
  readonly gradient: Golden;
}

interface ClippingCase {
  readonly kind: 'norm' | 'value';
  readonly limit: number;
  readonly given: readonly Golden[];
  readonly norm: number | null;
  readonly clipped: readonly Golden[];
}

const golden: { readonly losses: readonly LossCase[]; readonly clipping: readonly ClippingCase[] } =
  JSON.parse(
    readFileSync(path.join(import.meta.dirname, '..', 'fixtures', 'modules', 'training.json'), 'utf8'),
  );

function tensorOf({ shape, data }: Golden): Tensor {
  return { data: Float32Array.from(data), shape };
}

/** Inputs are rounded to float32, which moves results by as much. */
function expectNear(got: Tensor, wanted: Golden): void {
  const difference = compareWith(
    got,
    wanted.shape,
    wanted.data,
    (index) => 2e-5 * (1 + Math.abs(wanted.data[index] as number)),
  );
  expect(difference).toBeUndefined();
}

describe('losses', () => {
  const names = [...new Set(golden.losses.map((one) => one.function))];

  it('are all in the fixture', () => {
    expect(names).toHaveLength(5);
  });

  it.each(names)('%s has the values and gradients of PyTorch', (name) => {
    const cases = golden.losses.filter((one) => one.function === name);
    expect(cases.length).toBeGreaterThan(10);
    for (const one of cases) {
      const { loss, gradient } = LOSSES[name](tensorOf(one.prediction), tensorOf(one.target), one.options);
      expect(Math.abs(loss - one.loss)).toBeLessThan(2e-5 * (1 + Math.abs(one.loss)));
      expectNear(gradient, one.gradient);
    }
  });

  it('binaryCrossEntropyWithLogits rounds nowhere to 0 or to infinity', () => {
    const x = { data: Float32Array.of(-200, 200, -200, 200), shape: [4] };
    const target = { data: Float32Array.of(0, 1, 1, 0), shape: [4] };
    const { loss, gradient } = binaryCrossEntropyWithLogits(x, target, { reduction: 'sum' });
    expect(loss).toBe(400);
    expect([...gradient.data].map((value) => Math.round(value))).toEqual([0, 0, -1, 1]);
  });

  it.each([
    [Infinity, 0, Infinity],
    [Infinity, 1, 0],
    [Infinity, 0.5, Infinity],
    [-Infinity, 0, 0],
    [-Infinity, 1, Infinity],
    [Number.NaN, 1, Number.NaN],
    [1, Number.NaN, Number.NaN],
  ])('binaryCrossEntropyWithLogits of %f for %f is %f', (value, wanted, loss) => {
    const tensor = (number: number) => ({ data: Float32Array.of(number), shape: [1] });
    expect(binaryCrossEntropyWithLogits(tensor(value), tensor(wanted)).loss).toBe(loss);
  });

  it('are NaN where the prediction is', () => {
    const x = { data: Float32Array.of(Number.NaN, 0.5), shape: [1, 2] };
    const shares = { data: Float32Array.of(0, 1), shape: [1, 2] };
    for (const name of names) expect(LOSSES[name](x, shares).loss, name).toBeNaN();
  });

  it('crossEntropy loses nothing beside numbers as large as float32 has them', () => {
    for (const number of [1e12, 1e16, -3e38]) {
      const x = { data: new Float32Array(4).fill(number), shape: [1, 4] };
      const { loss, gradient } = crossEntropy(x, { data: Float32Array.of(1), shape: [1] });
      expect(loss, `${number}`).toBe(Math.log(4));
      expect([...gradient.data], `${number}`).toEqual([0.25, -0.75, 0.25, 0.25]);
    }
  });

  it('of nothing but positions that do not count is NaN, as PyTorch’s', () => {
    const x = { data: Float32Array.of(1, 2), shape: [1, 2] };
    const { loss, gradient } = crossEntropy(x, { data: Float32Array.of(-100), shape: [1] });
    expect(loss).toBeNaN();
    expect([...gradient.data]).toEqual([0, 0]);
  });

  it('refuse what does not fit', () => {
    const x = { data: Float32Array.of(0.5, 0.5), shape: [1, 2] };
    const one = { data: Float32Array.of(1), shape: [1] };
    expectError(
      caught(() => meanAbsoluteError(x, one)),
      'BAD_SHAPE',
      'meanAbsoluteError',
    );
    expectError(
      caught(() => meanSquaredError(x, x, { reduction: 'none' } as never)),
      'BAD_OPTION',
      'meanSquaredError',
    );
    expectError(
      caught(() => binaryCrossEntropy({ ...x, data: Float32Array.of(2, 0) }, x)),
      'BAD_OPTION',
      'binaryCrossEntropy',
    );
    expectError(
      caught(() => binaryCrossEntropyWithLogits(x, { ...x, data: Float32Array.of(-1, 0) })),
      'BAD_OPTION',
      'binaryCrossEntropyWithLogits',
    );
    expectError(
      caught(() => crossEntropy(x, { ...one, data: Float32Array.of(2) })),
      'BAD_OPTION',
      'crossEntropy',
    );
    expectError(
      caught(() => crossEntropy(x, { ...one, data: Float32Array.of(0.5) })),
      'BAD_OPTION',
      'crossEntropy',
    );
    expectError(
      caught(() => crossEntropy(one, one)),
      'BAD_SHAPE',
      'crossEntropy',
    );
    expectError(
      caught(() => crossEntropy(x, x, { labelSmoothing: 2 })),
      'BAD_OPTION',
      'crossEntropy',
    );
    expectError(
      caught(() => crossEntropy(x, one, { ignoreIndex: '1' } as never)),
      'BAD_TYPE',
      'crossEntropy',
    );
    // No position would ever be it.
    const nowhere = caught(() => crossEntropy(x, one, { ignoreIndex: Number.NaN }));
    expectError(nowhere, 'BAD_OPTION', 'crossEntropy');
    expect(nowhere.message).toContain('ignoreIndex to be an integer');
  });
});

describe('clipping', () => {
  it.each(golden.clipping)(
    'by $kind $limit as PyTorch does, in place',
    ({ kind, limit, given, ...wanted }) => {
      const [weight, bias] = given.map(tensorOf) as [Tensor, Tensor];
      const gradients = [
        { weight, bias: null },
        { weight: null, bias },
      ];
      if (kind === 'norm') {
        expect(clipGradientNorm(gradients, limit)).toBeCloseTo(wanted.norm as number, 5);
      } else {
        clipGradientValue(gradients, limit);
      }
      expectNear(weight, wanted.clipped[0] as Golden);
      expectNear(bias, wanted.clipped[1] as Golden);
    },
  );

  it('measures only for an infinite limit, and scales once what stands twice', () => {
    const weight = { data: Float32Array.of(3, 4), shape: [2] };
    const bias = { data: Float32Array.of(0, 12), shape: [2] };
    expect(clipGradientNorm([{ weight, bias }], Number.POSITIVE_INFINITY)).toBe(13);
    expect([...weight.data, ...bias.data]).toEqual([3, 4, 0, 12]);
    const same = { data: weight.data.subarray(), shape: [2] };
    expect(
      clipGradientNorm(
        [
          { weight, bias: same },
          { weight, bias: null },
        ],
        1,
      ),
    ).toBe(5);
    expectNear(weight, { shape: [2], data: [0.6, 0.8] });
    weight.data[0] = Number.POSITIVE_INFINITY;
    expect(clipGradientNorm([{ weight, bias }], Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect([...bias.data]).toEqual([0, 12]);
  });

  it('changes nothing when it refuses, and gives an infinite norm as it is', () => {
    const weight = { data: Float32Array.of(3, 4), shape: [2] };
    const broken = { weight: { data: Float32Array.of(1), shape: [2] }, bias: null };
    expectError(
      caught(() => clipGradientNorm([{ weight, bias: null }, broken], 1)),
      'BAD_SHAPE',
      'clipGradientNorm',
    );
    for (const wrong of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) {
      const error = caught(() => clipGradientNorm([{ weight, bias: null }], wrong));
      expectError(error, 'BAD_OPTION', 'clipGradientNorm');
      expect(error.message).toBe(
        `clipGradientNorm: expected maxNorm at least 0, got ${wrong}. Infinity measures only.`,
      );
    }
    expectError(
      caught(() => clipGradientValue({} as never, 1)),
      'BAD_TYPE',
      'clipGradientValue',
    );
    for (const [strange, code] of [
      [null, 'BAD_TYPE'],
      ['abc', 'BAD_TYPE'],
      [weight, 'BAD_TYPE'],
      [{ weight: { data: [3, 4], shape: [2] }, bias: null }, 'BAD_TYPE'],
      [{ weight, bias: { data: Float64Array.of(3, 4), shape: [2] } }, 'BAD_TYPE'],
    ] as const) {
      for (const clip of [clipGradientNorm, clipGradientValue]) {
        expectError(
          caught(() => clip([{ weight, bias: null }, strange as never], 1)),
          code,
          clip.name,
        );
      }
    }
    expect([...weight.data]).toEqual([3, 4]);
    weight.data[0] = Number.POSITIVE_INFINITY;
    expect(clipGradientNorm([{ weight, bias: null }], 1)).toBe(Number.POSITIVE_INFINITY);
  });
});
