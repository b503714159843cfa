// PyTorch's and lucid's whole signature: documented defaults may be written out, and what has no meaning here says why.

import { Conv2d, ConvTranspose2d, convTranspose, DeconvError } from 'deconv-wasm';
import { ResizeConv2d } from 'deconv-wasm/checkerboard';
import { fromTorch } from 'deconv-wasm/convert';
import { describe, expect, it } from 'vitest';

const BASE = { inChannels: 2, outChannels: 4, kernelSize: 3, seed: 1 };
const weight = { data: new Float32Array(72), shape: [2, 4, 3, 3] };

function refusal(act: () => unknown): Pick<DeconvError, 'code' | 'message'> {
  try {
    act();
  } catch (error) {
    if (error instanceof DeconvError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('expected a DeconvError, got no error');
}

const MAKERS: readonly [string, (options: object) => unknown][] = [
  ['Conv2d', (options) => new Conv2d({ ...BASE, ...options })],
  ['ConvTranspose2d', (options) => new ConvTranspose2d({ ...BASE, ...options })],
  ['ResizeConv2d', (options) => new ResizeConv2d({ ...BASE, scaleFactor: 2, ...options })],
  ['fromTorch ConvTranspose2d', (options) => fromTorch('ConvTranspose2d', options, { weight })],
];

describe.each(MAKERS)('%s', (where, make) => {
  it.each([
    { device: null, dtype: null },
    { device: 'cpu', dtype: 'float32' },
    { device: undefined, dtype: undefined },
  ])('takes %o', (options) => {
    expect(() => make(options)).not.toThrow();
  });

  it.each([
    [{ device: 'cuda' }, /device 'cpu' or null, as layers run in WebAssembly, got "cuda"\. Leave it out\./],
    [{ device: 0 }, /device .* got 0\./],
    [{ dtype: 'float64' }, /dtype 'float32' or null, as layers compute in float32, got "float64"/],
    [{ dtype: 'float16' }, /dtype .* setWeight keeps a float16 or bfloat16 weight as it is\./],
  ])('refuses %o with the reason', (options, message) => {
    expect(refusal(() => make(options))).toEqual({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`^${where}: expected ${message.source}`)),
    });
  });
});

describe('words for the padding of a transposed layer', () => {
  it.each([
    ['ConvTranspose2d', () => new ConvTranspose2d({ ...BASE, padding: 'same' as never })],
    [
      'fromTorch ConvTranspose2d',
      () => fromTorch('ConvTranspose2d', { padding: 'valid' as never }, { weight }),
    ],
    [
      'convTranspose',
      () =>
        convTranspose({ data: new Float32Array(2), shape: [1, 2, 1, 1] }, weight, {
          padding: 'same' as never,
        }),
    ],
  ])('%s says what to give instead', (where, act) => {
    expect(refusal(act)).toEqual({
      code: 'BAD_TYPE',
      message: expect.stringMatching(
        new RegExp(`^${where}: expected padding in numbers, as PyTorch has no words .*'valid' would be 0`),
      ),
    });
  });

  it('which is as long as the words would be', () => {
    for (const [kernelSize, stride, dilation] of [
      [3, 1, 1],
      [4, 2, 1],
      [5, 2, 1],
      [3, 3, 2],
      [2, 2, 1],
    ] as const) {
      const excess = dilation * (kernelSize - 1) + 1 - stride;
      const options = {
        ...BASE,
        kernelSize,
        stride,
        dilation,
        padding: Math.ceil(excess / 2),
        outputPadding: excess % 2,
      };
      expect(new ConvTranspose2d(options).outputShape([1, 2, 5, 7])).toEqual([1, 4, 5 * stride, 7 * stride]);
    }
  });
});

describe('the padding mode', () => {
  it("may be written out as 'zeros'", () => {
    const conv = new Conv2d({ ...BASE, padding: 1, paddingMode: 'zeros' });
    expect(conv.weight).toEqual(new Conv2d({ ...BASE, padding: 1 }).weight);
    expect(String(new ConvTranspose2d({ ...BASE, paddingMode: 'zeros' }))).toBe(
      String(new ConvTranspose2d(BASE)),
    );
  });

  it.each(['reflect', 'replicate', 'circular'])('is refused as %s', (paddingMode) => {
    for (const Layer of [Conv2d, ConvTranspose2d]) {
      expect(refusal(() => new Layer({ ...BASE, paddingMode: paddingMode as 'zeros' }))).toEqual({
        code: 'UNSUPPORTED',
        message: `${Layer.name}: expected paddingMode 'zeros', got "${paddingMode}". Pad the input beforehand.`,
      });
    }
  });
});
