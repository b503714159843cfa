// Brainstate's words without the module: sizes, parameters, initial values, and what is refused.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type BrainstateConvTransposeOptions,
  Constant,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  DeconvError,
  type DeconvErrorCode,
  Icnr,
  KaimingNormal,
  KaimingUniform,
  LecunNormal,
  LecunUniform,
  Normal,
  OneInit,
  Orthogonal,
  type Padding,
  type SeededInitializer,
  TruncatedNormal,
  Uniform,
  VarianceScaling,
  XavierNormal,
  XavierUniform,
  ZeroInit,
} from 'deconv-wasm/brainstate';
import { describe, expect, it } from 'vitest';

const CLASSES = { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } as const;

function refusal(act: () => unknown): { code: DeconvErrorCode; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof DeconvError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('expected a DeconvError, got no error');
}

/** Sizes along one axis of a ConvTranspose1d. */
function up(
  n: number,
  kernelSize: number,
  stride: number,
  padding: Padding,
  more: Partial<BrainstateConvTransposeOptions> = {},
) {
  const layer = new ConvTranspose1d({ inSize: [n, 1], outChannels: 1, kernelSize, stride, padding, ...more });
  return layer.outSize[0];
}

function down(n: number, kernelSize: number, stride: number, padding: Padding, lhsDilation = 1) {
  return new Conv1d({ inSize: [n, 1], outChannels: 1, kernelSize, stride, padding, lhsDilation }).outSize[0];
}

describe('sizes', () => {
  it('of transposed layers', () => {
    for (let n = 1; n <= 6; n += 1) {
      for (let k = 1; k <= 5; k += 1) {
        for (let s = 1; s <= 4; s += 1) {
          for (let d = 1; d <= 3; d += 1) {
            for (let l = 1; l <= 3; l += 1) {
              const reach = d * (k - 1) + 1;
              const wide = (n - 1) * l + 1;
              const more = { rhsDilation: d, lhsDilation: l };
              expect(up(n, k, s, 'SAME', more)).toBe(wide * s);
              expect(up(n, k, s, 'VALID', more)).toBe(wide * s + Math.max(reach - s, 0));
              expect(up(n, k, s, reach + 1, more)).toBe((wide - 1) * s + 2 - reach + 2 * (reach + 1));
            }
          }
        }
      }
    }
  });

  it('of convolutions', () => {
    for (let n = 1; n <= 8; n += 1) {
      for (let k = 1; k <= n; k += 1) {
        for (let s = 1; s <= 4; s += 1) {
          expect(down(n, k, s, 'SAME')).toBe(Math.ceil(n / s));
          expect(down(n, k, s, 'VALID')).toBe(Math.floor((n - k) / s) + 1);
          expect(down(n, k, s, [[2, -1]])).toBe(Math.floor((n + 1 - k) / s) + 1);
          expect(down(n, k, s, 1, 3)).toBe(Math.floor(((n - 1) * 3 + 3 - k) / s) + 1);
        }
      }
    }
  });

  it('padding is SAME by default, and its forms mean what they say', () => {
    const paddingOf = (layer: { readonly padding: unknown }): unknown => layer.padding;
    const one = { inSize: [5, 1], outChannels: 1, kernelSize: 3 };
    const two = { inSize: [5, 5, 1], outChannels: 1, kernelSize: 3 };
    expect(paddingOf(new ConvTranspose2d(two))).toBe('SAME');
    expect(paddingOf(new Conv2d(two))).toBe('SAME');
    for (const [padding, wanted] of [
      [2, [[2, 2]]],
      [[2], [[2, 2]]],
      [[1, 2], [[1, 2]]],
      [[[1, 2]], [[1, 2]]],
    ] as const) {
      expect(paddingOf(new ConvTranspose1d({ ...one, padding }))).toEqual(wanted);
      expect(paddingOf(new Conv1d({ ...one, padding }))).toEqual(wanted);
    }
    for (const [padding, wanted] of [
      [
        2,
        [
          [2, 2],
          [2, 2],
        ],
      ],
      [
        [2],
        [
          [2, 2],
          [2, 2],
        ],
      ],
      [
        [1, 2],
        [
          [1, 1],
          [2, 2],
        ],
      ],
      [
        [[1, 2]],
        [
          [1, 2],
          [1, 2],
        ],
      ],
      [
        [
          [1, 2],
          [-1, 4],
        ],
        [
          [1, 2],
          [-1, 4],
        ],
      ],
    ] as const) {
      expect(paddingOf(new ConvTranspose2d({ ...two, padding }))).toEqual(wanted);
      expect(paddingOf(new Conv2d({ ...two, padding }))).toEqual(wanted);
    }
  });

  it('inSize and outSize have no batch axis, and channelFirst moves their channels', () => {
    const last = new ConvTranspose3d({
      inSize: [4, 5, 6, 2],
      outChannels: 3,
      kernelSize: 2,
      stride: [1, 2, 3],
    });
    expect([last.inSize, last.outSize]).toEqual([
      [4, 5, 6, 2],
      [4, 10, 18, 3],
    ]);
    expect(last.outputShape([7, 4, 5, 6, 2])).toEqual([7, 4, 10, 18, 3]);
    expect(last.outputShape([4, 5, 6, 2])).toEqual([4, 10, 18, 3]);
    const first = new ConvTranspose3d({
      inSize: [2, 4, 5, 6],
      outChannels: 3,
      kernelSize: 2,
      stride: [1, 2, 3],
      channelFirst: true,
    });
    expect(first.outSize).toEqual([3, 4, 10, 18]);
    expect(first.weight.shape).toEqual(last.weight.shape);
    expect(first.weight.shape).toEqual([2, 2, 2, 3, 2]);
    expect(first.inChannels).toBe(2);
  });
});

describe('String(layer)', () => {
  it('shows the arguments as Python does, without those at their defaults', () => {
    expect(
      String(new ConvTranspose2d({ inSize: [16, 16, 32], outChannels: 16, kernelSize: 4, stride: 2 })),
    ).toBe(
      "ConvTranspose2d(in_size=(16, 16, 32), out_channels=16, kernel_size=(4, 4), stride=(2, 2), padding='SAME')",
    );
    const layer = new Conv1d({
      inSize: [4, 28],
      outChannels: 2,
      kernelSize: 3,
      padding: [1, 0],
      lhsDilation: 2,
      rhsDilation: 3,
      groups: 2,
      channelFirst: true,
      name: 'stem',
    });
    expect(String(layer)).toBe(
      "Conv1d(in_size=(4, 28), out_channels=2, kernel_size=(3,), stride=(1,), padding=((1, 0),), lhs_dilation=(2,), rhs_dilation=(3,), groups=2, channel_first=True, name='stem')",
    );
    expect(layer.name).toBe('stem');
  });

  it.each([
    ["it's", `"it's"`],
    [`'"`, `'\\'"'`],
    ['a "b"\\', `'a "b"\\\\'`],
    ['\n\r\t\0\x7f\xa0', `'\\n\\r\\t\\x00\\x7f\\xa0'`],
    ['\u2028é😀 \ud800\u{e0001}', `'\\u2028é😀 \\ud800\\U000e0001'`],
  ])('shows the name %j as repr does', (name, shown) => {
    const named = new Conv1d({ inSize: [4, 2], outChannels: 2, kernelSize: 1, name });
    expect(String(named)).toContain(`, name=${shown})`);
  });
});

describe('parameters', () => {
  const base = { inSize: [5, 5, 4], outChannels: 6, kernelSize: [3, 2], groups: 2 } as const;
  const shape = [3, 2, 6, 2];

  it('come from a function of the shape, from values, and from what broadcasts', () => {
    const values = Float32Array.from({ length: 72 }, (_, index) => index);
    const asked: number[][] = [];
    const byFunction = new ConvTranspose2d({
      ...base,
      wInit: (given) => {
        asked.push(given);
        return values;
      },
      bInit: (given) => ({ data: new Float32Array(6).fill(2), shape: given }),
    });
    expect(asked).toEqual([shape]);
    expect(byFunction.weight).toEqual({ data: values, shape });
    expect(byFunction.bias).toEqual({ data: new Float32Array(6).fill(2), shape: [1, 1, 6] });
    // The layer has values of its own.
    values[0] = 77;
    expect(byFunction.weight.data[0]).toBe(0);
    values[0] = 0;
    expect(new ConvTranspose2d({ ...base, wInit: values }).weight.data).toEqual(values);
    expect(new ConvTranspose2d({ ...base, wInit: { data: values, shape } }).weight.data).toEqual(values);
    const rows = new ConvTranspose2d({ ...base, wInit: { data: values.subarray(0, 6), shape: [6, 1] } });
    expect([...rows.weight.data.subarray(12, 24)]).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    const bias = { data: values.subarray(0, 6), shape: [6] };
    expect([...(new ConvTranspose2d({ ...base, bInit: bias }).bias?.data ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('there is no bias by default', () => {
    expect(new ConvTranspose2d(base).bias).toBeNull();
    expect(new ConvTranspose2d({ ...base, bInit: null }).bias).toBeNull();
    const refused = refusal(() => new ConvTranspose2d(base).setBias(new Float32Array(6)));
    expect(refused.code).toBe('BAD_OPTION');
    const first = new Conv2d({ ...base, inSize: [4, 5, 5], channelFirst: true, bInit: ZeroInit() });
    expect(first.bias?.shape).toEqual([1, 6, 1, 1]);
  });

  it('the seed decides them, an initializer with its own seed decides alone', () => {
    const data = (options: Partial<BrainstateConvTransposeOptions>) =>
      new ConvTranspose2d({ ...base, ...options }).weight.data;
    expect(data({ seed: 1 })).toEqual(data({ seed: 1 }));
    expect(data({ seed: 1 })).not.toEqual(data({ seed: 2 }));
    expect(data({})).not.toEqual(data({}));
    expect(data({ seed: 1, bInit: Normal() })).toEqual(data({ seed: 1 }));
    const own = XavierNormal({ seed: 5 });
    expect(data({ seed: 1, wInit: own })).toEqual(data({ seed: 2, wInit: own }));
    expect(own(shape)).toEqual(data({ wInit: own }));
    expect(XavierNormal()(shape)).not.toEqual(XavierNormal()(shape));
    expect(data({ seed: 3, wInit: XavierNormal() })).toEqual(data({ seed: 3 }));
  });
});

interface InitCase {
  readonly id: string;
  readonly convention: string;
  readonly op: keyof typeof CLASSES;
  readonly in_channels: number;
  readonly out_channels: number;
  readonly kernel_size: readonly number[];
  readonly groups: number;
  readonly weight_shape: readonly number[];
  readonly weight_std: number;
  readonly weight_bound: number;
}

function moments(values: Float32Array): { mean: number; std: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { mean, std: Math.sqrt(variance), largest };
}

/** Mean and deviation within five of their own deviations, for a sample of bounded kurtosis. */
function expectMoments(values: Float32Array, mean: number, std: number): void {
  const found = moments(values);
  const unit = 5 / Math.sqrt(values.length);
  expect(Math.abs(found.mean - mean)).toBeLessThanOrEqual(unit * std);
  expect(Math.abs(found.std - std)).toBeLessThanOrEqual(unit * std);
}

describe('initial values', () => {
  const file = path.join(import.meta.dirname, '..', 'fixtures', 'init.json');
  const cases = (JSON.parse(readFileSync(file, 'utf8')).cases as InitCase[]).filter(({ convention }) =>
    convention.startsWith('brainstate'),
  );

  it('of the golden list are the default', () => {
    expect(cases.length).toBeGreaterThan(10);
    for (const golden of cases) {
      const rank = golden.kernel_size.length;
      const options = {
        inSize: [...new Array<number>(rank).fill(9), golden.in_channels],
        outChannels: golden.out_channels,
        kernelSize: golden.kernel_size,
        groups: golden.groups,
      };
      const weights = Array.from(
        { length: 40 },
        (_, seed) => new CLASSES[golden.op]({ ...options, seed }).weight,
      );
      expect(weights[0]?.shape, golden.id).toEqual(golden.weight_shape);
      const values = Float32Array.from(weights.flatMap(({ data }) => [...data]));
      expectMoments(values, 0, golden.weight_std);
      const { largest } = moments(values);
      expect(largest).toBeLessThanOrEqual(golden.weight_bound * (1 + 1e-6));
      // In as many values the tail is visited: nobody's bound is smaller.
      expect(largest).toBeGreaterThan(golden.weight_bound * 0.97);
    }
  });

  it('of a large layer', () => {
    const layer = new ConvTranspose2d({ inSize: [4, 4, 128], outChannels: 64, kernelSize: 5, seed: 3 });
    const std = Math.sqrt(2 / ((128 + 64) * 25));
    expectMoments(layer.weight.data, 0, std);
    expect(moments(layer.weight.data).largest).toBeLessThanOrEqual((2 * std) / 0.8796256610342398 + 1e-9);
  });

  // Fans of [5, 5, 64, 128]: 1600 and 3200.
  const SHAPE = [5, 5, 64, 128];
  const scaled: Record<string, [SeededInitializer, number, 'cut' | 'normal' | 'uniform']> = {
    XavierNormal: [XavierNormal({ seed: 1 }), 2 / 4800, 'cut'],
    XavierUniform: [XavierUniform({ seed: 2 }), 2 / 4800, 'uniform'],
    KaimingNormal: [KaimingNormal({ seed: 3 }), 2 / 1600, 'cut'],
    KaimingUniform: [KaimingUniform({ seed: 4 }), 2 / 1600, 'uniform'],
    LecunNormal: [LecunNormal({ seed: 5 }), 1 / 1600, 'cut'],
    LecunUniform: [LecunUniform({ seed: 6 }), 1 / 1600, 'uniform'],
    VarianceScaling: [
      VarianceScaling({ scale: 3, mode: 'fan_out', distribution: 'normal', seed: 7 }),
      3 / 3200,
      'normal',
    ],
  };
  for (const [name, [make, variance, distribution]] of Object.entries(scaled)) {
    it(name, () => {
      const values = make(SHAPE);
      const std = Math.sqrt(variance);
      expectMoments(values, 0, std);
      const bound = { cut: (2 * std) / 0.8796256610342398, uniform: std * Math.sqrt(3), normal: std * 7 }[
        distribution
      ];
      const { largest } = moments(values);
      expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
      expect(largest).toBeGreaterThan(distribution === 'normal' ? 3.5 * std : 0.99 * bound);
    });
  }

  it('Normal, Uniform and constants', () => {
    expectMoments(Normal({ mean: 3, scale: 0.5, seed: 1 })([200, 200]), 3, 0.5);
    const uniform = Uniform({ minVal: -1, maxVal: 3, seed: 1 })([200, 200]);
    expectMoments(uniform, 1, 4 / Math.sqrt(12));
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...uniform)).toBeLessThanOrEqual(3);
    expect([...Constant(2.5)([3])]).toEqual([2.5, 2.5, 2.5]);
    expect([...ZeroInit()([2]), ...OneInit()([2])]).toEqual([0, 0, 1, 1]);
    expect(Normal({ seed: 1 })([3, 0, 2]).length).toBe(0);
  });

  // The textbook moments of a normal distribution cut off at a and b, for every branch of the sampler.
  it.each([
    [-2, 2, 0, 0.8796256610342398],
    [-0.5, 0.7, 0.08844, 0.34055],
    [-1, 9, 0.2876, 0.79351],
    [-9, 1, -0.2876, 0.79351],
    [0, 9, 0.79788, 0.60281],
    [1, 1.2, 1.09633, 0.05773],
    [5, 100, 5.1865, 0.18],
    [-100, -5, -5.1865, 0.18],
    [30, 31, 30.03326, 0.0332],
  ])('TruncatedNormal on [%d, %d]', (lower, upper, mean, std) => {
    const values = TruncatedNormal({
      lower: 10 + 2 * lower,
      upper: 10 + 2 * upper,
      loc: 10,
      scale: 2,
      seed: 9,
    })([300, 300]);
    const found = moments(values.map((value) => (value - 10) / 2));
    expect(found.mean).toBeCloseTo(mean, 2);
    expect(found.std / std).toBeCloseTo(1, 1);
    for (const value of values) {
      if (value < 10 + 2 * lower - 1e-4 || value > 10 + 2 * upper + 1e-4)
        throw new Error(`${value} is outside`);
    }
  });

  it('Orthogonal has orthonormal rows or columns along its axis', () => {
    const problems: readonly [readonly number[], number][] = [
      [[3, 2, 4], -1],
      [[2, 1, 2, 9], -1],
      [[3, 5], 0],
      [[2, 3, 4], 1],
      [[1, 1], -1],
    ];
    for (const [shape, axis] of problems) {
      const values = Orthogonal({ axis, scale: 2, seed: 4 })(shape);
      const at = axis < 0 ? axis + shape.length : axis;
      const rows = shape[at] as number;
      const inner = shape.slice(at + 1).reduce((product, extent) => product * extent, 1);
      const matrix = Array.from({ length: rows }, (_, row) =>
        [...values].filter((_value, index) => Math.floor(index / inner) % rows === row),
      );
      const columns = (matrix[0] as number[]).length;
      const vectors =
        rows <= columns
          ? matrix
          : Array.from({ length: columns }, (_, column) => matrix.map((row) => row[column] as number));
      for (const [i, one] of vectors.entries()) {
        for (const [j, other] of vectors.entries()) {
          const product = one.reduce((sum, value, index) => sum + value * (other[index] as number), 0);
          expect(product).toBeCloseTo(i === j ? 4 : 0, 5);
        }
      }
    }
  });
});

describe('refused', () => {
  const base = { inSize: [8, 8, 4], outChannels: 4, kernelSize: 3 };
  const rows: readonly [string, Record<string, unknown>, DeconvErrorCode, RegExp][] = [
    // The golden list of what brainstate refuses, bad_inputs.json.
    [
      'groups, out',
      { outChannels: 5, groups: 2 },
      'BAD_OPTION',
      /outChannels to be a multiple of groups \(2\), got 5/,
    ],
    ['groups, both', { inSize: [8, 8, 3], outChannels: 5, groups: 2 }, 'BAD_OPTION', /outChannels/],
    ['groups, in', { inSize: [8, 8, 3], groups: 2 }, 'BAD_OPTION', /channels of inSize .* got 3/],
    ['lower-case word', { padding: 'same' }, 'BAD_OPTION', /'SAME' or 'VALID', got "same"/],
    ['three ints for two axes', { padding: [1, 2, 3] }, 'BAD_OPTION', /padding to have 2 entries/],
    [
      'three pairs for two axes',
      {
        padding: [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
      },
      'BAD_OPTION',
      /padding to have 2 pairs/,
    ],
    ['floats', { padding: [1.5, 2.5] }, 'BAD_OPTION', /padding\[0\] to be an integer/],
    ['stride of three', { stride: [1, 1, 1] }, 'BAD_OPTION', /stride to have 2 entries/],
    ['lhsDilation of three', { lhsDilation: [1, 1, 1] }, 'BAD_OPTION', /lhsDilation to have 2 entries/],
    ['wInit null', { wInit: null }, 'BAD_OPTION', /wInit .* got null\. Leave it out/],
    // And more.
    ['padding: empty', { padding: [] }, 'BAD_OPTION', /padding/],
    ['padding: mixed', { padding: [[1, 1], 2] }, 'BAD_TYPE', /padding\[1\] to be a pair/],
    ['padding: mixed the other way', { padding: [1, [2, 2]] }, 'BAD_TYPE', /padding\[1\] to be an integer/],
    ['padding: long pair', { padding: [[1, 1, 1]] }, 'BAD_OPTION', /pair/],
    ['padding: text in pair', { padding: [['1', 1]] }, 'BAD_TYPE', /padding\[0\]\[0\]/],
    ['padding: object', { padding: {} }, 'BAD_TYPE', /padding/],
    [
      'padding: too much off',
      { padding: -9 },
      'BAD_SHAPE',
      /an output of at least 1 along spatial axis 0 .*Pad more/,
    ],
    ['inSize with batch', { inSize: [1, 8, 8, 4] }, 'BAD_OPTION', /\[H, W, C\] with 3 entries/],
    ['inSize, channels first', { inSize: [8], channelFirst: true }, 'BAD_OPTION', /\[C, H, W\]/],
    ['inSize missing', { inSize: undefined }, 'BAD_TYPE', /inSize/],
    ['inSize number', { inSize: 8 }, 'BAD_TYPE', /inSize/],
    ['inSize zero', { inSize: [8, 0, 4] }, 'BAD_OPTION', /inSize\[1\]/],
    ['outChannels missing', { outChannels: undefined }, 'BAD_TYPE', /outChannels/],
    ['kernelSize zero', { kernelSize: [3, 0] }, 'BAD_OPTION', /kernelSize\[1\]/],
    ['rhsDilation zero', { rhsDilation: 0 }, 'BAD_OPTION', /rhsDilation/],
    ['channelFirst text', { channelFirst: 'yes' }, 'BAD_TYPE', /channelFirst/],
    ['name number', { name: 3 }, 'BAD_TYPE', /name/],
    ['wInit infinite', { wInit: Number.POSITIVE_INFINITY }, 'BAD_OPTION', /wInit to be finite/],
    ['bInit NaN', { bInit: Number.NaN }, 'BAD_OPTION', /bInit to be finite/],
    ['wInit ragged', { wInit: [[1, 2, 3, 4], [1], [1], [1]] }, 'BAD_SHAPE', /wInit with lists of one length/],
    ['bInit of text', { bInit: ['1', '2', '3', '4'] }, 'BAD_TYPE', /bInit with numbers or booleans/],
    ['wMask of a wrong count', { wMask: new Uint8Array(5) }, 'BAD_SHAPE', /wMask of 144 values/],
    ['wMask of views', { wMask: new DataView(new ArrayBuffer(8)) }, 'BAD_TYPE', /wMask to be a number/],
    ['paramType', { paramType: 'NonBatchState' }, 'UNSUPPORTED', /paramType 'ParamState'.*optimizer/],
    ['wInit of a wrong count', { wInit: new Float32Array(5) }, 'BAD_SHAPE', /wInit of 144 values/],
    [
      'wInit that gives a wrong count',
      { wInit: () => new Float32Array(5) },
      'BAD_SHAPE',
      /the result of wInit/,
    ],
    ['wInit that gives nothing', { wInit: () => {} }, 'BAD_TYPE', /the result of wInit/],
    ['wInit of too few doubles', { wInit: new Float64Array(143) }, 'BAD_SHAPE', /wInit of 144 values/],
    [
      'wInit of another shape',
      { wInit: { data: new Float32Array(2), shape: [2, 1, 1] } },
      'BAD_SHAPE',
      /broadcasts/,
    ],
    [
      'wInit of too many axes',
      { wInit: { data: new Float32Array(1), shape: [1, 1, 1, 1, 1] } },
      'BAD_SHAPE',
      /broad/,
    ],
    [
      'bInit of another shape',
      { bInit: { data: new Float32Array(4), shape: [4, 1, 1] } },
      'BAD_SHAPE',
      /bInit/,
    ],
    ['wMask NaN', { wMask: Number.NaN }, 'BAD_OPTION', /wMask to be finite/],
    ['wMask text', { wMask: 'ones' }, 'BAD_TYPE', /wMask/],
    ['seed', { seed: -1 }, 'BAD_OPTION', /seed/],
    ['route', { route: 'fast' }, 'BAD_OPTION', /route/],
    ['words of others', { inChannels: 4 }, 'BAD_OPTION', /options among inSize, .* got "inChannels"/],
    ['too large a kernel', { kernelSize: 2 ** 20 }, 'TOO_LARGE', /./],
    [
      'too far a reach',
      { rhsDilation: 2 ** 30, padding: 0 },
      'TOO_LARGE',
      /along spatial axis 0.*, got 2147483649\./,
    ],
  ];
  for (const name of ['Conv2d', 'ConvTranspose2d'] as const) {
    it.each(rows)(`${name}: %s`, (_name, options, code, message) => {
      const error = refusal(() => new CLASSES[name]({ ...base, ...options } as never));
      expect(error).toEqual({ code, message: expect.stringMatching(message) });
      expect(error.message).toMatch(new RegExp(`^${name}: expected .*, got .*\\.$`, 's'));
    });
  }

  it('Icnr takes what a layer takes of its initializers', () => {
    expect([...Icnr({ stride: 2, init: () => [5] as never })([2, 1, 1])]).toEqual([5, 5]);
  });

  it('an initializer that was not made', () => {
    for (const make of [Normal, ZeroInit, Constant, XavierNormal, Orthogonal, TruncatedNormal]) {
      expect(refusal(() => new Conv2d({ ...base, wInit: make as never }))).toEqual({
        code: 'BAD_TYPE',
        message: expect.stringContaining(`call it: ${make.name}()`),
      });
    }
  });

  it('a word for the padding of a convolution whose input is dilated', () => {
    for (const padding of [undefined, 'SAME', 'VALID'] as const) {
      const options = { ...base, lhsDilation: [1, 2], ...(padding === undefined ? {} : { padding }) };
      expect(refusal(() => new Conv2d(options))).toEqual({
        code: 'BAD_OPTION',
        message: expect.stringMatching(/^Conv2d: expected padding in numbers with lhsDilation above 1, got /),
      });
      expect(new ConvTranspose2d(options).outSize).toEqual(
        [8, 15, 4].map((n, axis) => n + (padding === 'VALID' && axis < 2 ? 2 : 0)),
      );
    }
  });

  it('strides that multiply to more than the core counts', () => {
    const options = { ...base, inSize: [1, 1, 4], stride: 2 ** 16, lhsDilation: 2 ** 16, padding: 2 };
    expect(refusal(() => new ConvTranspose2d(options)).code).toBe('TOO_LARGE');
  });

  it('a kernel that does not fit the input', () => {
    expect(refusal(() => new Conv2d({ ...base, inSize: [2, 8, 4], padding: 'VALID' }))).toEqual({
      code: 'BAD_SHAPE',
      message: expect.stringMatching(/spatial axis 0 for inSize \[2, 8, 4\], got 0/),
    });
  });

  it('inputs of another size', () => {
    const layer = new ConvTranspose2d({ inSize: [16, 16, 32], outChannels: 16, kernelSize: 3 });
    for (const shape of [
      [2, 16, 16, 16],
      [2, 16, 15, 32],
      [2, 32, 16, 16],
      [16, 16],
      [1, 2, 16, 16, 32],
    ]) {
      expect(refusal(() => layer.outputShape(shape))).toEqual({
        code: 'BAD_SHAPE',
        message: expect.stringMatching(
          /^ConvTranspose2d\.outputShape: expected input of shape \[N, 16, 16, 32\] or \[16, 16, 32\], got /,
        ),
      });
    }
    const line = new ConvTranspose1d({ inSize: [28, 16], outChannels: 8, kernelSize: 3 });
    expect(
      refusal(() => line.forward({ data: new Float32Array(2 * 2 * 28 * 16), shape: [2, 2, 28, 16] })).code,
    ).toBe('BAD_SHAPE');
  });

  it('arguments of initializers', () => {
    const alternating = (...numbers: number[]) => {
      let drawn = 0;
      return () => numbers[drawn++ % numbers.length] as number;
    };
    const wrong: readonly [() => unknown, DeconvErrorCode, string][] = [
      [() => XavierNormal({ scale: 0 }), 'BAD_OPTION', 'XavierNormal'],
      [() => XavierNormal({ scale: '1' as never }), 'BAD_TYPE', 'XavierNormal'],
      [() => XavierNormal({ mode: 'fan' as never }), 'BAD_OPTION', 'XavierNormal'],
      [() => XavierNormal({ unit: 'mV' as never }), 'UNSUPPORTED', 'XavierNormal'],
      [() => Constant(1, { unit: 'mV' as never }), 'UNSUPPORTED', 'Constant'],
      [() => Normal({ rng: 3 as never }), 'BAD_TYPE', 'Normal'],
      [() => Normal({ rng: Math.random, seed: 1 }), 'BAD_OPTION', 'Normal'],
      [() => Normal({ rng: () => 2 })([3]), 'BAD_OPTION', 'Normal'],
      [() => TruncatedNormal({ rng: () => Number.NaN })([3]), 'BAD_OPTION', 'TruncatedNormal'],
      [() => Orthogonal({ rng: () => 0 })([2, 2]), 'BAD_OPTION', 'Orthogonal'],
      [() => Orthogonal({ rng: () => 0.5 })([2, 2]), 'BAD_OPTION', 'Orthogonal'],
      [() => TruncatedNormal({ lower: 0, upper: 5, rng: () => 0.99 })([1]), 'BAD_OPTION', 'TruncatedNormal'],
      [() => TruncatedNormal({ lower: -5, upper: 0, rng: () => 0.99 })([1]), 'BAD_OPTION', 'TruncatedNormal'],
      [() => TruncatedNormal({ lower: -1, upper: 1, rng: () => 0.99 })([1]), 'BAD_OPTION', 'TruncatedNormal'],
      [() => XavierNormal({ rng: alternating(0.9999, 0.125) })([2, 2]), 'BAD_OPTION', 'XavierNormal'],
      [() => Normal()(2, 5 as never), 'BAD_TYPE', 'Normal'],
      [() => Normal({ mean: 1e39 })(1), 'BAD_OPTION', 'Normal'],
      [() => Constant(1e39)(1), 'BAD_OPTION', 'Constant'],
      [() => Orthogonal({ scale: -1e39 })([1, 1]), 'BAD_OPTION', 'Orthogonal'],
      [() => Uniform({ minVal: -1e39, maxVal: 0, rng: () => 0 })(1), 'BAD_OPTION', 'Uniform'],
      [() => Uniform({ minVal: [2, 3], maxVal: 1 })(2), 'BAD_OPTION', 'Uniform'],
      [() => Uniform({ minVal: 0, maxVal: [1, -1] })(2), 'BAD_OPTION', 'Uniform'],
      [() => Icnr({ stride: 2, init: () => undefined as never })([2, 1, 1]), 'BAD_TYPE', 'Icnr'],
      [() => Icnr({ stride: 2, init: () => 'x' as never })([2, 1, 1]), 'BAD_TYPE', 'Icnr'],
      [() => Icnr({ stride: 2, init: () => new Float32Array(3) })([2, 1, 1]), 'BAD_SHAPE', 'Icnr'],
      [() => new ConvTranspose2d({ ...base, wInit: 1e39 }), 'BAD_OPTION', 'ConvTranspose2d'],
      [() => new ConvTranspose2d({ ...base, bInit: -1e39 }), 'BAD_OPTION', 'ConvTranspose2d'],
      [() => new ConvTranspose2d({ ...base, wInit: () => 1e39 }), 'BAD_OPTION', 'ConvTranspose2d'],
      [() => new ConvTranspose2d({ ...base, wInit: [1e39] }), 'BAD_OPTION', 'ConvTranspose2d'],
      [() => new ConvTranspose2d({ ...base, wInit: [[-1e39]] }), 'BAD_OPTION', 'ConvTranspose2d'],
      [
        () => new ConvTranspose2d({ ...base, wInit: { data: [1e39], shape: [1] } }),
        'BAD_OPTION',
        'ConvTranspose2d',
      ],
      [() => new ConvTranspose2d({ ...base, bInit: Float64Array.of(1e39) }), 'BAD_OPTION', 'ConvTranspose2d'],
      [() => Normal({ mean: [1e39] })(1), 'BAD_OPTION', 'Normal'],
      [() => XavierNormal({ inAxis: 0.5 }), 'BAD_OPTION', 'XavierNormal'],
      [() => XavierNormal({ inAxis: 3 })([2, 2]), 'BAD_SHAPE', 'XavierNormal'],
      [() => XavierNormal({ inAxis: 1, outAxis: -1 })([2, 2]), 'BAD_SHAPE', 'XavierNormal'],
      [() => Normal({ scale: [1, 0] })([2]), 'BAD_OPTION', 'Normal'],
      [() => Normal({ mean: [1, 2, 3] })([2]), 'BAD_SHAPE', 'Normal'],
      [() => KaimingUniform({ seed: 0.5 }), 'BAD_OPTION', 'KaimingUniform'],
      [() => LecunNormal({ gain: 1 } as never), 'BAD_OPTION', 'LecunNormal'],
      [() => Normal(3 as never), 'BAD_TYPE', 'Normal'],
      [() => Normal({ scale: Number.POSITIVE_INFINITY }), 'BAD_OPTION', 'Normal'],
      [() => Uniform({ minVal: 2 }), 'BAD_OPTION', 'Uniform'],
      [() => Constant(Number.NaN), 'BAD_OPTION', 'Constant'],
      [() => TruncatedNormal({ lower: 1, upper: 1 }), 'BAD_OPTION', 'TruncatedNormal'],
      [
        () => TruncatedNormal({ lower: 1e308, upper: 1.1e308, scale: 1e-300 }),
        'BAD_OPTION',
        'TruncatedNormal',
      ],
      [() => Orthogonal({ axis: 3 })([2, 2]), 'BAD_SHAPE', 'Orthogonal'],
      [() => XavierNormal()([4]), 'BAD_SHAPE', 'XavierNormal'],
      [() => XavierNormal()([4, -1]), 'BAD_SHAPE', 'XavierNormal'],
      [() => XavierNormal()('44' as never), 'BAD_TYPE', 'XavierNormal'],
      [() => Normal()([2 ** 30]), 'TOO_LARGE', 'Normal'],
      [() => new ConvTranspose2d({ ...base, bInit: Orthogonal({ axis: 7 }) }), 'BAD_SHAPE', 'Orthogonal'],
    ];
    for (const [act, code, where] of wrong) {
      expect(refusal(act)).toEqual({
        code,
        message: expect.stringMatching(new RegExp(`^${where}: expected `)),
      });
    }
  });
});

// Compiles only while the marked lines are errors of types.
it('the words of two conventions never stand in one options type', () => {
  const base = { inSize: [8, 8, 4], outChannels: 4, kernelSize: 3 };
  // @ts-expect-error PyTorch's
  expect(refusal(() => new ConvTranspose2d({ ...base, inChannels: 4 })).code).toBe('BAD_OPTION');
  // @ts-expect-error PyTorch's
  expect(refusal(() => new ConvTranspose2d({ ...base, dilation: 2 })).code).toBe('BAD_OPTION');
  // @ts-expect-error PyTorch's
  expect(refusal(() => new ConvTranspose2d({ ...base, outputPadding: 1 })).code).toBe('BAD_OPTION');
  // @ts-expect-error PyTorch's
  expect(refusal(() => new Conv2d({ ...base, bias: true })).code).toBe('BAD_OPTION');
  // @ts-expect-error PyTorch's and Keras's
  expect(refusal(() => new Conv2d({ ...base, padding: 'same' })).code).toBe('BAD_OPTION');
  // @ts-expect-error never null
  expect(refusal(() => new Conv2d({ ...base, wInit: null })).code).toBe('BAD_OPTION');
});
