// States by names, of layers of every convention and of chains.

import {
  Conv2d,
  ConvTranspose2d,
  DeconvError,
  type HalfTensor,
  type StateDict,
  type Tensor,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { ResizeConv2d } from 'deconv-wasm/checkerboard';
import { fromFlax, fromKeras, fromOnnx, fromTorch } from 'deconv-wasm/convert';
import { ReLU, Sequential } from 'deconv-wasm/training';
import { describe, expect, it } from 'vitest';
import { randomTensor } from '../support/tensors.js';

const weight = randomTensor([3, 3, 2, 4], 1);
const bias = randomTensor([4], 2);
const torchWeight = { data: weight.data, shape: [2, 4, 3, 3] };
const halves: HalfTensor = { data: new Uint16Array(72).fill(0x3c01), shape: [2, 4, 3, 3], dtype: 'float16' };

const up = (seed: number, more = {}): ConvTranspose2d =>
  new ConvTranspose2d({ inChannels: 2, outChannels: 4, kernelSize: 3, seed, ...more });

function refusal(act: () => unknown): DeconvError {
  try {
    act();
  } catch (error) {
    if (error instanceof DeconvError) return error;
    throw error;
  }
  throw new Error('expected a DeconvError, got no error');
}

const brain = { inSize: [4, 4, 2], outChannels: 4, kernelSize: 3, bInit: 1 };

describe('the names of', () => {
  it.each([
    ['ConvTranspose2d', () => up(1), ['weight', 'bias']],
    ['a layer without bias', () => up(1, { bias: false }), ['weight']],
    [
      'ResizeConv2d',
      () => new ResizeConv2d({ inChannels: 2, outChannels: 4, kernelSize: 3, scaleFactor: 2 }),
      ['weight', 'bias'],
    ],
    ['brainstate', () => new brainstate.ConvTranspose2d(brain), ['weight.weight', 'weight.bias']],
    ['flax', () => fromFlax('Conv', {}, { weight, bias: bias.data }), ['kernel', 'bias']],
    ['Keras', () => fromKeras('Conv2D', {}, { weight, bias: bias.data }), ['kernel', 'bias']],
    [
      'fromTorch',
      () => fromTorch('ConvTranspose2d', {}, { weight: torchWeight, bias: bias.data }),
      ['weight', 'bias'],
    ],
    ['ONNX', () => fromOnnx('ConvTranspose', {}, { weight: torchWeight }), ['weight']],
  ] as const)('%s', (_name, make, names) => {
    const layer = make();
    const state = layer.stateDict();
    expect(Object.keys(state)).toEqual(names);
    expect(Object.values(state)).toEqual([layer.weight, layer.bias].slice(0, names.length));
    // What goes out is a copy, and comes in as one.
    const changed = Object.fromEntries(
      Object.entries(state).map(([name, { shape }]) => [name, randomTensor(shape, 9)]),
    );
    (Object.values(state)[0] as Tensor).data.fill(7);
    expect(layer.weight.data).not.toContain(7);
    expect(layer.loadStateDict(changed)).toEqual({ missing: [], unexpected: [] });
    expect(layer.stateDict()).toEqual(changed);
    (Object.values(changed)[0] as Tensor).data.fill(7);
    expect(layer.weight.data).not.toContain(7);
    layer.dispose();
    expect(refusal(() => layer.stateDict()).code).toBe('DISPOSED');
    expect(refusal(() => layer.loadStateDict(changed)).code).toBe('DISPOSED');
  });

  it('brainstate may come as the dict that its ParamState holds', () => {
    const layer = new brainstate.ConvTranspose2d(brain);
    const dict = { weight: randomTensor([3, 3, 4, 2], 3), bias: randomTensor([1, 1, 4], 4) };
    layer.loadStateDict({ weight: dict });
    expect([layer.weight, layer.bias]).toEqual([dict.weight, dict.bias]);
  });
});

describe('values of 16 bits', () => {
  it('stay so on the way out and in', () => {
    const layer = up(1).setWeight(halves);
    const state = layer.stateDict();
    expect(state.weight).toEqual(halves);
    expect(state.weight?.data).not.toBe(halves.data);
    const other = up(2);
    other.loadStateDict(state);
    expect([other.weightType, other.stateDict()]).toEqual(['float16', state]);
    const bfloat16 = { ...halves, dtype: 'bfloat16' } as const;
    other.loadStateDict({ ...state, weight: bfloat16 });
    expect(other.stateDict().weight).toEqual(bfloat16);
    // A bias is kept in float32.
    other.loadStateDict(
      { bias: { data: Uint16Array.of(0x3c00, 0, 0, 0), shape: [4], dtype: 'float16' } },
      { strict: false },
    );
    expect(other.bias?.data).toEqual(Float32Array.of(1, 0, 0, 0));
  });
});

describe('what does not fit', () => {
  const good = (): StateDict => up(5).stateDict();

  it.each<[string, unknown, unknown, string, RegExp]>([
    [
      'a missing name',
      { weight: good().weight },
      undefined,
      'BAD_OPTION',
      /of "weight" and "bias", got one that differs: "bias" is missing\. Mend the names, or pass \{ strict: false \}/,
    ],
    ['an unexpected name', { ...good(), gain: bias }, {}, 'BAD_OPTION', /"gain" is unexpected/],
    [
      'both',
      { weight: good().weight, 'up.bias': bias },
      { strict: true },
      'BAD_OPTION',
      /"bias" is missing; "up\.bias" is unexpected/,
    ],
    [
      'another shape',
      { ...good(), weight },
      undefined,
      'BAD_SHAPE',
      /"weight" has shape \[3, 3, 2, 4\] instead of \[2, 4, 3, 3\]\. Make the layer/,
    ],
    ['another shape, not strict', { weight }, { strict: false }, 'BAD_SHAPE', /"weight" has shape/],
    [
      'everything',
      { weight, x: bias },
      undefined,
      'BAD_SHAPE',
      /"weight" has shape .*; "bias" is missing; "x" is unexpected/,
    ],
    ['no state', null, undefined, 'BAD_TYPE', /a state: an object of tensors by name, got null/],
    ['a list', [bias], undefined, 'BAD_TYPE', /a state/],
    ['a Map', new Map(Object.entries(good())), { strict: false }, 'BAD_TYPE', /a state.*Object\.fromEntries/],
    [
      'a path',
      'up.safetensors',
      undefined,
      'BAD_TYPE',
      /a state.*got "up.safetensors"\. Read it first: .*readModel/,
    ],
    [
      "a file's that was not awaited",
      Promise.resolve(good()),
      { strict: false },
      'BAD_TYPE',
      /a state.*got a value of type Promise.*that of a file is awaited/,
    ],
    ['bytes', new Uint8Array(4), { strict: false }, 'BAD_TYPE', /a state.*Read it first/],
    ['a Blob', new Blob([]), { strict: false }, 'BAD_TYPE', /a state.*Read it first/],
    ['a Response', new Response(''), { strict: false }, 'BAD_TYPE', /a state.*Read it first/],
    [
      'another layer',
      { stateDict: () => good() },
      { strict: false },
      'BAD_TYPE',
      /a state.*what its stateDict\(\) gives/,
    ],
    ['bare values', { ...good(), bias: bias.data }, undefined, 'BAD_TYPE', /"bias" to be a tensor/],
    [
      'integers of 64 bits',
      { ...good(), bias: { data: new BigInt64Array(4), shape: [4] } },
      undefined,
      'BAD_TYPE',
      /"bias"\.data to be a Float32Array/,
    ],
    [
      'too few values',
      { ...good(), bias: { data: new Float32Array(3), shape: [4] } },
      undefined,
      'BAD_SHAPE',
      /"bias" with 4 values/,
    ],
    ['another option', good(), { assign: true }, 'BAD_OPTION', /options among strict/],
    ['strict as text', good(), { strict: 'no' }, 'BAD_TYPE', /strict to be true or false/],
  ])('%s: nothing changes', (_name, state, options, code, message) => {
    const layer = up(1);
    const chain = new Sequential(new ReLU(), layer);
    const before = layer.stateDict();
    const error = refusal(() => layer.loadStateDict(state as StateDict, options as object));
    expect(error.message).toMatch(/^ConvTranspose2d\.loadStateDict: expected .*, got .*\.$/s);
    expect({ code: error.code, message: error.message }).toEqual({
      code,
      message: expect.stringMatching(message),
    });
    expect(refusal(() => chain.loadStateDict({ 1: state } as never, options as object)).code).toBe(code);
    expect(layer.stateDict()).toEqual(before);
  });

  it('is told without strict, and the rest is loaded', () => {
    const layer = up(1);
    const { bias: old } = layer;
    const state = { weight: torchWeight, gain: bias };
    expect(layer.loadStateDict(state, { strict: false })).toEqual({
      missing: ['bias'],
      unexpected: ['gain'],
    });
    expect([layer.weight, layer.bias]).toEqual([torchWeight, old]);
  });

  it('of a large state, the message stays short', () => {
    const state = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`block.${index}`, bias]));
    const error = refusal(() => up(1).loadStateDict(state));
    expect(error.message.length).toBeLessThan(700);
    expect(error.message).toMatch(/and 490 more/);
    expect((error.detail.unexpected as string[]).length).toBe(500);
  });

  it('a state that holds itself', () => {
    const state: Record<string, unknown> = {};
    state.a = state;
    expect(refusal(() => up(1).loadStateDict(state as never)).code).toBe('BAD_TYPE');
  });

  it('a name in two ways, of which one would be lost', () => {
    const net = new Sequential({ up: up(1) });
    const before = net.stateDict();
    const own = up(2).stateDict();
    const error = refusal(() => net.loadStateDict({ up: own, 'up.bias': own.bias as Tensor }));
    expect([error.code, error.message]).toEqual([
      'BAD_OPTION',
      'Sequential.loadStateDict: expected each name once, got "up.bias".',
    ]);
    expect(net.stateDict()).toEqual(before);
    // A group without a name is none of the names outside it.
    const layer = up(1);
    const nameless = refusal(() => layer.loadStateDict({ ...layer.stateDict(), '': own }));
    expect(nameless.detail.unexpected).toEqual(['.weight', '.bias']);
    expect(layer.weight).toEqual(up(1).weight);
  });

  it('names of objects themselves', () => {
    const state = JSON.parse('{"__proto__": {"weight": {"data": [], "shape": []}}}');
    expect(refusal(() => up(1).loadStateDict(state)).message).toMatch(/"__proto__\.weight" is unexpected/);
    expect(refusal(() => up(1).loadStateDict({ ...up(2).stateDict(), toString: bias })).code).toBe(
      'BAD_OPTION',
    );
  });
});

describe('Sequential', () => {
  const chain = (seed: number): Sequential =>
    new Sequential(
      new Conv2d({ inChannels: 3, outChannels: 2, kernelSize: 1, bias: false, seed }),
      new ReLU(),
      new Sequential(up(seed), up2(seed)),
    );
  const up2 = (seed: number) => new ConvTranspose2d({ inChannels: 4, outChannels: 1, kernelSize: 2, seed });

  it("has PyTorch's names", () => {
    const state = chain(1).stateDict();
    expect(Object.keys(state)).toEqual(['0.weight', '2.0.weight', '2.0.bias', '2.1.weight', '2.1.bias']);
    expect(state['2.1.bias']).toEqual(up2(1).bias);
    const other = chain(2);
    expect(other.loadStateDict(state)).toEqual({ missing: [], unexpected: [] });
    expect(other.stateDict()).toEqual(state);
    // In groups, as some files have them.
    const grouped = {
      0: { weight: state['0.weight'] as Tensor },
      2: { 1: { bias: state['2.1.bias'] as Tensor } },
    };
    expect(chain(3).loadStateDict(grouped, { strict: false }).missing).toEqual([
      '2.0.weight',
      '2.0.bias',
      '2.1.weight',
    ]);
  });

  it('changes no module if one does not fit', () => {
    const state = chain(1).stateDict();
    const other = chain(2);
    const before = other.stateDict();
    const error = refusal(() => other.loadStateDict({ ...state, '2.1.weight': bias }));
    expect(error.message).toMatch(
      /^Sequential\.loadStateDict: expected a state of "0\.weight" and .* "2\.1\.weight" has shape \[4\] instead of \[4, 1, 2, 2\]/,
    );
    expect(other.stateDict()).toEqual(before);
  });

  it("takes in the parameters of a user's own module", () => {
    const own = {
      weight: { data: Float32Array.of(1, 2), shape: [2] },
      bias: null as Tensor | null,
      setWeight(data: Float32Array) {
        own.weight = { data: data.slice(), shape: [2] };
      },
      setBias() {},
      forward: (x: Tensor) => x,
      backward: (_x: Tensor, gradient: Tensor) => ({ input: gradient }),
    };
    const made = new Sequential(own, up(1));
    expect(Object.keys(made.stateDict())).toEqual(['0.weight', '1.weight', '1.bias']);
    made.loadStateDict({ ...made.stateDict(), '0.weight': { data: Float32Array.of(3, 4), shape: [2] } });
    expect([...own.weight.data]).toEqual([3, 4]);
  });
});
