// Whatever comes in: a result or a DeconvError, never another error.

import { ConvTranspose2d } from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { fromBrainstate, fromFlax, fromKeras, fromTorch } from 'deconv-wasm/convert';
import { writeSafetensors } from 'deconv-wasm/models';
import {
  BatchNorm2d,
  GroupNorm,
  InstanceNorm1d,
  type Normalization,
  ReLU,
  Sequential,
} from 'deconv-wasm/training';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { countOutcomes } from '../support/outcomes.js';
import { runsOf } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

const anything = fc.anything({
  maxDepth: 3,
  maxKeys: 4,
  key: fc.constantFrom(
    'weight',
    'bias',
    '0',
    '1',
    'data',
    'shape',
    'dtype',
    '__proto__',
    'seed',
    'inChannels',
    'x',
  ),
  withBigInt: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: true,
});
const number = fc.constantFrom(0, 1, 2, 3, -1, 0.5, Number.NaN, 2 ** 31, 2 ** 53);
const tensor = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 })
  .map((shape) => randomTensor(shape, 1));
const halves = fc.record({
  data: fc.uint16Array({ maxLength: 6 }),
  shape: fc.array(number, { maxLength: 2 }),
  dtype: fc.constantFrom('float16', 'bfloat16', 'float32', undefined),
});
const value = fc.oneof(
  anything,
  tensor,
  halves,
  number,
  fc.constantFrom(
    () => 1,
    () => null,
    brainstate.Normal,
    brainstate.Constant(2),
  ),
);

/** An object of the given keys with anything in each. */
function options(...keys: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  return fc.dictionary(
    fc.constantFrom(...keys, 'unknown'),
    fc.oneof(value, fc.array(number, { maxLength: 4 })),
    {
      maxKeys: 5,
    },
  );
}

const { seen, attempt } = countOutcomes();

it('states and files of them', () => {
  const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1 });
  const chain = new Sequential(layer, new ReLU(), new BatchNorm2d({ numFeatures: 1 }));
  const state = fc.oneof(anything, options('weight', 'bias', '0', '0.weight', '2.weight'));
  fc.assert(
    fc.property(state, fc.oneof(anything, options('strict')), (given, more) => {
      const before = chain.stateDict();
      const loaded = attempt(() => layer.loadStateDict(given as never, more as never));
      if (loaded === undefined) expect(chain.stateDict()).toEqual(before);
      const now = chain.stateDict();
      if (attempt(() => chain.loadStateDict(given as never, more as never)) === undefined) {
        expect(chain.stateDict()).toEqual(now);
      }
      attempt(() => writeSafetensors(given as never, more as never));
    }),
    runsOf(600),
  );
});

it('parameters of brainstate, and in the place of those of others', () => {
  const attributes = options(
    'in_size',
    'out_channels',
    'kernel_size',
    'stride',
    'w_init',
    'b_init',
    'w_mask',
    'param_type',
  );
  const base = { in_size: [2, 2, 1], out_channels: 2, kernel_size: 2 };
  fc.assert(
    fc.property(attributes, value, (given, parameters) => {
      attempt(() => fromBrainstate('ConvTranspose2d', given as never, parameters as never));
      attempt(() => fromBrainstate('ConvTranspose2d', { ...base, ...given } as never, parameters as never));
      attempt(() =>
        fromFlax('Conv', { features: 2, kernel_size: [2], ...given } as never, parameters as never),
      );
      attempt(() => fromKeras('Conv2D', { filters: 2, kernel_size: 2 }, parameters as never));
      attempt(() =>
        fromTorch('Conv2d', { in_channels: 1, out_channels: 2, kernel_size: 2 }, parameters as never),
      );
    }),
    runsOf(600),
  );
});

it('initializers', () => {
  const keys = [
    'scale',
    'mode',
    'distribution',
    'inAxis',
    'outAxis',
    'seed',
    'unit',
    'mean',
    'loc',
    'lower',
    'upper',
  ];
  fc.assert(
    fc.property(
      options(...keys),
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
      (given, shape) => {
        for (const make of [
          brainstate.XavierNormal,
          brainstate.Normal,
          brainstate.TruncatedNormal,
          brainstate.Constant,
        ]) {
          const made = attempt(() => make(given as never));
          if (made !== undefined) attempt(() => made(shape));
        }
      },
    ),
    runsOf(400),
  );
});

it('normalizations', () => {
  const keys = [
    'numFeatures',
    'numGroups',
    'numChannels',
    'eps',
    'momentum',
    'affine',
    'trackRunningStats',
    'device',
  ];
  fc.assert(
    fc.property(options(...keys), fc.oneof(tensor, value), fc.oneof(tensor, value), (given, x, gradient) => {
      for (const make of [
        () => new BatchNorm2d({ numFeatures: 2, ...given } as never),
        () => new InstanceNorm1d({ numFeatures: 2, ...given } as never),
        () => new GroupNorm({ numGroups: 1, numChannels: 2, ...given } as never),
      ]) {
        const module = attempt<Normalization>(make);
        if (module === undefined) continue;
        attempt(() => module.forward(x as never));
        attempt(() => module.backward(x as never, gradient as never));
        attempt(() => module.setWeight(x as never));
        attempt(() => module.loadStateDict(x as never));
      }
    }),
    runsOf(400),
  );
});

it('some of it was taken, and some refused', () => {
  expect(seen.results).toBeGreaterThan(50);
  expect([...seen.errors.keys()]).toEqual(
    expect.arrayContaining(['BAD_TYPE', 'BAD_OPTION', 'BAD_SHAPE', 'UNSUPPORTED']),
  );
});
