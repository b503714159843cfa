// Every form in which brainstate documents a parameter gives the layer the same values.

import {
  type ArrayValues,
  type BrainstateConvTransposeOptions,
  Constant,
  ConvTranspose2d,
  LecunNormal,
  Normal,
  OneInit,
  type ParameterSource,
  TruncatedNormal,
  Uniform,
  XavierNormal,
  ZeroInit,
} from 'deconv-wasm/brainstate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../support/errors.js';
import { runsOf } from '../support/seed.js';

const BASE = { inSize: [5, 5, 4], outChannels: 6, kernelSize: [3, 2], groups: 2 } as const;
const SHAPE = [3, 2, 6, 2];
const BIAS_SHAPE = [1, 1, 6];
const COUNT = 72;

const layer = (options: Partial<BrainstateConvTransposeOptions>): ConvTranspose2d =>
  new ConvTranspose2d({ ...BASE, ...options });

/** Whole numbers that every kind of array holds. */
const values = Array.from({ length: COUNT }, (_, index) => (index * 7) % 100);

function nested(flat: readonly number[], shape: readonly number[]): ArrayValues {
  if (shape.length === 1) return flat;
  const step = flat.length / (shape[0] as number);
  return Array.from({ length: shape[0] as number }, (_, index) =>
    nested(flat.slice(index * step, (index + 1) * step), shape.slice(1)),
  ) as ArrayValues;
}

const KINDS = [
  Float32Array,
  Float64Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
] as const;

/** All ways to say `flat` for a parameter of `shape`. */
function formsOf(flat: readonly number[], shape: readonly number[]): [string, ParameterSource][] {
  const big = BigInt64Array.from(flat, BigInt);
  const halves = { data: new Uint16Array(flat.length).fill(0x3c00), shape, dtype: 'float16' } as const;
  const forms: [string, ParameterSource][] = [
    ['list', flat],
    ['nested lists', nested(flat, shape)],
    ['BigInt64Array', big],
    ['tensor of a list', { data: flat, shape }],
    ['tensor of bigints', { data: big, shape }],
    ...KINDS.flatMap((Kind): [string, ParameterSource][] => [
      [Kind.name, Kind.from(flat)],
      [`tensor of ${Kind.name}`, { data: Kind.from(flat), shape }],
      [`part of a ${Kind.name}`, Kind.from([9, ...flat, 9]).subarray(1, -1)],
    ]),
  ];
  if (flat.every((value) => value === 1)) forms.push(['float16', halves]);
  return [
    ...forms,
    ...forms.map(([name, form]): [string, ParameterSource] => [
      `function of ${name}`,
      () => form as ArrayValues,
    ]),
  ];
}

describe('values of a parameter', () => {
  it('are the same in every form', () => {
    const bias = values.slice(0, 6);
    for (const [name, wInit] of formsOf(values, SHAPE)) {
      expect([...layer({ wInit }).weight.data], `wInit: ${name}`).toEqual(values);
      expect([...(layer({ wMask: wInit }).wMask?.data ?? [])], `wMask: ${name}`).toEqual(values);
    }
    for (const [name, bInit] of formsOf(bias, BIAS_SHAPE)) {
      const made = layer({ bInit }).bias;
      expect(made?.shape).toEqual(BIAS_SHAPE);
      expect([...(made?.data ?? [])], `bInit: ${name}`).toEqual(bias);
    }
    const ones = new Array<number>(COUNT).fill(1);
    for (const [name, wInit] of formsOf(ones, SHAPE)) {
      expect([...layer({ wInit }).weight.data], name).toEqual(ones);
    }
  });

  it('one number or boolean fills the shape', () => {
    for (const [one, filled] of [
      [0.5, 0.5],
      [-3, -3],
      [true, 1],
      [false, 0],
      [[2], 2],
      [[[2]], 2],
      [Uint8Array.of(2), 2],
      [() => 2, 2],
      [() => true, 1],
    ] as [ParameterSource, number][]) {
      const expected = (count: number): number[] => new Array<number>(count).fill(filled);
      const made = layer({ wInit: one, bInit: one, wMask: one });
      expect([...made.weight.data]).toEqual(expected(COUNT));
      expect([...(made.bias?.data ?? [])]).toEqual(expected(6));
      expect([...(made.wMask?.data ?? [])]).toEqual(expected(COUNT));
    }
  });

  it("broadcast by NumPy's rule, from lists and from arrays alike", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        (drop, ones) => {
          const shape = SHAPE.map((extent, axis) => (ones[axis] ? 1 : extent)).slice(Math.min(drop, 3));
          const flat = values.slice(
            0,
            shape.reduce((count, extent) => count * extent, 1),
          );
          const lead = SHAPE.length - shape.length;
          const wanted = Array.from({ length: COUNT }, (_, index) => {
            let rest = index;
            let [at, step] = [0, 1];
            for (let axis = SHAPE.length - 1; axis >= lead; axis -= 1) {
              const own = shape[axis - lead] as number;
              at += (own === 1 ? 0 : rest % (SHAPE[axis] as number)) * step;
              step *= own;
              rest = Math.floor(rest / (SHAPE[axis] as number));
            }
            return flat[at];
          });
          expect([...layer({ wInit: nested(flat, shape) }).weight.data]).toEqual(wanted);
          expect([...layer({ wInit: { data: Int32Array.from(flat), shape } }).weight.data]).toEqual(wanted);
        },
      ),
      runsOf(100),
    );
  });

  it('belong to the layer alone', () => {
    const data = Float32Array.from(values);
    const made = layer({ wInit: data, wMask: data });
    data.fill(-1);
    expect([...made.weight.data]).toEqual(values);
    made.wMask?.data.fill(-1);
    expect([...(made.wMask?.data ?? [])]).toEqual(values);
  });

  it('of 16 bits stay so', () => {
    const data = new Uint16Array(COUNT).fill(0x4000);
    const made = layer({ wInit: { data, shape: SHAPE, dtype: 'bfloat16' } });
    expect([made.weightType, made.weight.data[5]]).toEqual(['bfloat16', 2]);
    const repeated = layer({ wInit: { data: data.subarray(0, 2), shape: [2], dtype: 'bfloat16' } });
    expect([repeated.weightType, repeated.weight.data[5]]).toEqual(['float32', 2]);
  });
});

describe('the mask', () => {
  it('is null where there is none, and gone with the layer', () => {
    expect(layer({}).wMask).toBeNull();
    expect(layer({ wMask: null }).wMask).toBeNull();
    const made = layer({ wMask: true });
    expect(made.wMask).toEqual({ data: new Float32Array(COUNT).fill(1), shape: SHAPE });
    for (const ended of [made, layer({})]) {
      ended.dispose();
      expectError(
        caught(() => ended.wMask),
        'DISPOSED',
        'ConvTranspose2d.wMask',
      );
    }
  });
});

describe('the defaults that brainstate documents', () => {
  it('may be written out', () => {
    const written = layer({
      bInit: null,
      wMask: null,
      name: null,
      paramType: null,
      channelFirst: false,
      seed: 4,
    });
    expect(written.weight).toEqual(layer({ seed: 4 }).weight);
    expect(layer({ paramType: 'ParamState', seed: 4 }).weight).toEqual(written.weight);
    const options = { seed: null, rng: null, unit: null };
    expect(layer({ seed: 4, wInit: XavierNormal({ ...options, inAxis: -2, outAxis: -1 }) }).weight).toEqual(
      written.weight,
    );
    for (const make of [Normal, Uniform, TruncatedNormal]) expect(make(options)([3]).length).toBe(3);
    expect(TruncatedNormal({ lower: null, upper: null, seed: 1 })([9])).toEqual(
      TruncatedNormal({ seed: 1 })([9]),
    );
    expect([...ZeroInit({ unit: null })(2), ...OneInit({ unit: null })([1])]).toEqual([0, 0, 1]);
  });
});

describe('initializers', () => {
  it('count their fans along the axes that they are given', () => {
    // The same values in another order of the axes have the same variance.
    const last = LecunNormal({ seed: 3 })([2, 3, 40, 5]);
    const first = LecunNormal({ seed: 3, inAxis: 1, outAxis: 0 })([5, 40, 2, 3]);
    expect(first).toEqual(last);
    expect(LecunNormal({ seed: 3, inAxis: 3, outAxis: 2 })([2, 3, 5, 40])).toEqual(last);
  });

  it('draw from an rng', () => {
    let calls = 0;
    const rng = (): number => {
      calls += 1;
      return 0.25;
    };
    expect([...Uniform({ rng })([3])]).toEqual([0.25, 0.25, 0.25]);
    expect(calls).toBe(3);
    expect([
      ...layer({ seed: 1, wInit: Uniform({ minVal: 1, maxVal: 2, rng }) }).weight.data.slice(0, 2),
    ]).toEqual([1.25, 1.25]);
  });

  it('take an array for each number', () => {
    expect([...Constant([1, 2])([2, 2])]).toEqual([1, 2, 1, 2]);
    expect([...Uniform({ minVal: [0, 5], maxVal: Float64Array.of(1, 6), rng: () => 0.5 })([2, 2])]).toEqual([
      0.5, 5.5, 0.5, 5.5,
    ]);
    const normal = Normal({ mean: [[0], [100]], scale: [1e-3], seed: 1 })([2, 50]);
    expect(Math.max(...normal.slice(0, 50))).toBeLessThan(1);
    expect(Math.min(...normal.slice(50))).toBeGreaterThan(99);
    const cut = TruncatedNormal({ lower: [-1, 9], upper: [1, 11], loc: [0, 10], seed: 2 })([100, 2]);
    for (const [index, value] of cut.entries()) {
      expect(Math.abs(value - (index % 2) * 10)).toBeLessThanOrEqual(1);
    }
  });
});
