// What chains say of values that are none, and of modules of the user's own that do not give what they tell.

import { Conv2d, init, ReLU, Sequential, shutdown, type Tensor } from 'deconv-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caught, expectError } from '../support/errors.js';
import { zeros } from '../support/tensors.js';

beforeAll(() => init());
afterAll(shutdown);

const own = (more: object = {}) => ({
  forward: (x: Tensor) => ({ data: x.data.slice(), shape: [...x.shape] }),
  backward: (_: Tensor, gradient: Tensor) => ({ input: gradient }),
  toString: () => 'Own()',
  ...more,
});

const CHAINS: readonly (readonly [string, () => Sequential])[] = [
  ['a layer', () => new Sequential(new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 }))],
  [
    'a layer and an activation',
    () => new Sequential(new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 }), new ReLU()),
  ],
  ['a module of the user', () => new Sequential(own())],
];

describe.each(CHAINS)('a chain of %s', (_, make) => {
  it.each([undefined, null, 3])('says that it got %s', (value) => {
    using chain = make();
    const x = zeros(1, 1, 2, 2);
    for (const act of [
      () => chain.backward(x, value as never),
      () => chain.trace(x).backward(value as never),
    ]) {
      const error = caught(act);
      expectError(error, 'BAD_TYPE', 'Sequential.backward');
      expect(error.message).toContain(
        `gradOutput to be { data: Float32Array, shape: number[] }, got ${value}.`,
      );
    }
    const error = caught(() => chain.forward(value as never));
    expect(error.message).toContain(`the input to be { data: Float32Array, shape: number[] }, got ${value}.`);
  });
});

describe('a module that gives another shape than it tells', () => {
  const told = (shape: unknown) => own({ outputShape: () => shape });

  it.each<[string, (module: ReturnType<typeof own>) => Sequential]>([
    ['alone', (module) => new Sequential(module)],
    ['behind another of the kind', (module) => new Sequential(own(), module)],
    ['behind one of ours', (module) => new Sequential(new ReLU(), module)],
  ])('%s', (_, make) => {
    using chain = make(told([1, 4]));
    for (const act of [() => chain.forward(zeros(1, 2)), () => chain.trace(zeros(1, 2))]) {
      const error = caught(act);
      expect(error).toMatchObject({ code: 'BAD_SHAPE' });
      expect(error.message).toMatch(
        /Own\(\): expected its output of shape \[1, 4\], got \[1, 2\]\. outputShape/,
      );
    }
  });

  it('is refused for what it tells, too', () => {
    using chain = new Sequential(told('wide'));
    const error = caught(() => chain.forward(zeros(1, 2)));
    expect(error).toMatchObject({ code: 'BAD_TYPE' });
    expect(error.message).toContain('Own(): expected outputShape to be a list of integers, got "wide"');
  });

  it('is none where it tells what it gives, or nothing', () => {
    for (const module of [told([1, 2]), own()]) {
      using chain = new Sequential(module);
      expect(chain.forward(zeros(1, 2)).shape).toEqual([1, 2]);
    }
  });
});
