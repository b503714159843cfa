// Brainstate's layers in its own words and with its own parameters: the golden cases, and the way to PyTorch and back.

import { fixtures } from 'virtual:case-files';
import { Conv2d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, type Tensor } from 'deconv-wasm';
import {
  type BrainstateAttributes,
  fromBrainstate,
  fromOnnx,
  toBrainstate,
  toOnnx,
  toTorch,
} from 'deconv-wasm/convert';
import { toFloat16 } from 'deconv-wasm/quantize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import type { CaseFile, GoldenCase } from '../support/cases.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { caught } from '../support/errors.js';
import { runsOf } from '../support/seed.js';
import { quarters, randomTensor, toChannelsFirst, toChannelsLast, zeros } from '../support/tensors.js';

type Operator = Parameters<typeof fromBrainstate>[0];

function tensor({ shape, data }: Pick<GoldenCase['input'], 'shape' | 'data'>): Tensor {
  return { data: Float32Array.from(data, Number), shape };
}

function attributesOf(golden: GoldenCase): BrainstateAttributes {
  const { unbatched: _, ...attributes } = golden.attrs;
  const mask = golden.w_mask == null ? {} : { w_mask: tensor(golden.w_mask) };
  return { ...attributes, ...mask } as unknown as BrainstateAttributes;
}

const cases = ['brainstate_conv', 'brainstate_conv_transpose'].flatMap(
  (name) => (fixtures[name] as CaseFile).cases,
);

describeEachBuild(() => {
  it('golden cases of brainstate, attributes and parameters as they stand in its files', () => {
    expect(cases.length).toBeGreaterThan(40);
    for (const golden of cases) {
      const weight = tensor(golden.weight);
      const bias = golden.bias === null ? null : tensor(golden.bias);
      using layer = fromBrainstate(golden.op as Operator, attributesOf(golden), { weight, bias });
      const y = layer.forward(tensor(golden.input));
      const wanted = tensor(golden.expected);
      const difference = compareWith(y, wanted.shape, wanted.data, (index) =>
        golden.exact_f32 ? 0 : 1e-5 + 1e-4 * Math.abs(wanted.data[index] as number),
      );
      expect(difference, golden.id).toBeUndefined();
      // The way back: with the mask multiplied in, everything else as it came.
      const out = toBrainstate(layer, { channelFirst: golden.attrs.channel_first as boolean });
      const mask = golden.w_mask == null ? null : tensor(golden.w_mask).data;
      expect(out.weight.shape).toEqual(weight.shape);
      expect(out.weight.data).toEqual(weight.data.map((value, index) => value * (mask?.[index] ?? 1)));
      expect(out.bias).toEqual(bias);
    }
  });
});

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const UP = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d] as const;
const WORDS = ['ConvTranspose1d', 'ConvTranspose2d', 'ConvTranspose3d'] as const;

describeEachBuild(() => {
  it('from PyTorch to brainstate and back, groups too', () => {
    fc.assert(
      fc.property(
        small(1, 3),
        small(1, 3),
        small(1, 2),
        fc.array(
          fc.record({ n: small(1, 4), k: small(1, 4), s: small(1, 3), d: small(1, 2), p: small(0, 3) }),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
        small(1, 2 ** 30),
        fc.boolean(),
        (groups, groupIn, groupOut, axes, seed, channelFirst) => {
          const rank = axes.length;
          const reach = axes.map(({ k, d }) => d * (k - 1) + 1);
          // As much crop as leaves something.
          const padding = axes.map(({ p, n, s }, axis) =>
            Math.min(p, Math.floor(((n - 1) * s + (reach[axis] as number) - 1) / 2)),
          );
          const list = (key: 'n' | 'k' | 's' | 'd'): number[] => axes.map((axis) => axis[key]);
          const inChannels = groups * groupIn;
          const outChannels = groups * groupOut;
          using up = new (UP[rank - 1] as typeof ConvTranspose2d)({
            inChannels,
            outChannels,
            groups,
            kernelSize: list('k'),
            stride: list('s'),
            dilation: list('d'),
            padding,
          });
          up.setWeight(quarters(up.weight.shape, seed)).setBias(quarters([outChannels], seed + 1));
          const parameters = toBrainstate(up, { channelFirst });
          expect(parameters.weight.shape).toEqual([...list('k'), outChannels, groupIn]);
          const in_size = channelFirst ? [inChannels, ...list('n')] : [...list('n'), inChannels];
          using brain = fromBrainstate(
            WORDS[rank - 1] as 'ConvTranspose2d',
            {
              in_size,
              stride: list('s'),
              rhs_dilation: list('d'),
              groups,
              channel_first: channelFirst,
              padding: axes.map((_, axis) => {
                const pad = (reach[axis] as number) - 1 - (padding[axis] as number);
                return [pad, pad] as const;
              }),
            },
            parameters,
          );
          const x = quarters([2, inChannels, ...list('n')], seed + 2);
          const wanted = up.forward(x);
          const y = brain.forward(channelFirst ? x : toChannelsLast(x));
          expect(compareExactly(channelFirst ? y : toChannelsFirst(y), wanted)).toBeUndefined();
          expect(toTorch(brain)).toEqual(toTorch(up));
          expect(toBrainstate(brain, { channelFirst })).toEqual(parameters);
          expect(toOnnx(fromOnnx('ConvTranspose', { group: groups }, toOnnx(brain)))).toEqual(toTorch(up));
        },
      ),
      runsOf(60),
    );
  });
});

describe('parameters', () => {
  const attributes = { in_size: [4, 4, 6], groups: 2, name: 'up' };
  const weight = randomTensor([3, 3, 4, 3], 1);

  it('are the dict of a ParamState; 16 bits stay so', () => {
    const layer = fromBrainstate('ConvTranspose2d', attributes, { weight: toFloat16(weight) });
    expect([layer.weightType, layer.name, layer.bias]).toEqual(['float16', 'up', null]);
    const state = { weight: { weight, bias: randomTensor([1, 1, 4], 2) } };
    const other = fromBrainstate('ConvTranspose2d', attributes, state.weight);
    expect(Object.values(other.stateDict())).toEqual([weight, state.weight.bias]);
  });

  it('of a bias count, whatever their axes', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    for (const bias of [
      data,
      { data, shape: [4] },
      { data, shape: [1, 1, 4] },
      { data, shape: [1, 4, 1, 1] },
    ]) {
      const first = { ...attributes, in_size: [6, 4, 4], channel_first: true };
      expect(fromBrainstate('ConvTranspose2d', first, { weight, bias }).bias).toEqual({
        data,
        shape: [1, 4, 1, 1],
      });
    }
  });

  it('are made where there are none', () => {
    const options = { ...attributes, out_channels: 4, kernel_size: 3 };
    const layer = fromBrainstate('ConvTranspose2d', options, { seed: 3 });
    expect([layer.weight.shape, layer.bias]).toEqual([[3, 3, 4, 3], null]);
    expect(fromBrainstate('ConvTranspose2d', options, { seed: 3 }).weight).toEqual(layer.weight);
    const drawn = fromBrainstate('ConvTranspose2d', { ...options, w_init: 2, b_init: [1, 2, 3, 4] });
    expect([...new Set(drawn.weight.data), ...(drawn.bias?.data ?? [])]).toEqual([2, 1, 2, 3, 4]);
  });

  it.each<[string, object, unknown, string, RegExp]>([
    [
      'another count of channels',
      { in_size: [4, 4, 4] },
      { weight },
      'BAD_SHAPE',
      /weight of 72 values for shape \[3, 3, 4, 2\].* got \[3, 3, 4, 3\]/,
    ],
    ['one that would broadcast', {}, { weight: zeros(3, 3, 4, 1) }, 'BAD_SHAPE', /weight of shape/],
    [
      'another out_channels',
      { out_channels: 6 },
      { weight },
      'BAD_SHAPE',
      /out_channels 4, as the weight's shape says, got 6/,
    ],
    ['another kernel_size', { kernel_size: [3, 2] }, { weight }, 'BAD_SHAPE', /kernel_size/],
    ['a weight of other axes', {}, { weight: zeros(3, 4, 3) }, 'BAD_SHAPE', /weight with 4 axes/],
    ['a bias of another count', {}, { weight, bias: new Float32Array(3) }, 'BAD_SHAPE', /bias of 4 values/],
    ['a bias that would broadcast', {}, { weight, bias: [1] }, 'BAD_SHAPE', /bias of 4 values/],
    ['one with axes', {}, { weight, bias: zeros(1, 1, 1) }, 'BAD_SHAPE', /bias of 4 values/],
    ['weight and w_init', { w_init: 1 }, { weight }, 'BAD_OPTION', /either a weight or w_init/],
    [
      'bias and b_init',
      { b_init: null },
      { weight, bias: new Float32Array(4) },
      'BAD_OPTION',
      /either a bias or b_init/,
    ],
    [
      'words of the other entry',
      { channelFirst: true },
      { weight },
      'BAD_OPTION',
      /options among in_size, .*got "channelFirst"/,
    ],
    [
      'groups',
      { groups: 4, in_size: [4, 4, 6] },
      { weight },
      'BAD_OPTION',
      /the channels of in_size to be a multiple of groups \(4\)/,
    ],
    ['a state class', { param_type: 'ShortTermState' }, { weight }, 'UNSUPPORTED', /param_type 'ParamState'/],
    [
      'words for the padding',
      { padding: 'same' },
      { weight },
      'BAD_OPTION',
      /padding to be 'SAME' or 'VALID'/,
    ],
    ['no sizes', {}, {}, 'BAD_TYPE', /out_channels to be an integer/],
    ['no weight', {}, { bias: new Float32Array(4) }, 'BAD_TYPE', /weight to be/],
  ])('that do not fit: %s', (_name, more, parameters, code, message) => {
    const error = caught(() =>
      fromBrainstate('ConvTranspose2d', { ...attributes, ...more }, parameters as never),
    );
    expect({ code: error.code, message: error.message }).toEqual({
      code,
      message: expect.stringMatching(message),
    });
    expect(error.message).toMatch(/^fromBrainstate ConvTranspose2d: expected /);
  });

  it('of a layer that is none of ours', () => {
    expect(caught(() => toBrainstate({} as never)).code).toBe('BAD_TYPE');
    expect(
      caught(() =>
        toBrainstate(new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 }), {
          channel_first: true,
        } as never),
      ).code,
    ).toBe('BAD_OPTION');
  });
});
