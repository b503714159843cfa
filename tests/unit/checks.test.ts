import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkAxes,
  checkBoolean,
  checkChoice,
  checkInteger,
  checkOptions,
  describe as describeValue,
  refuse,
  shapeText,
} from '../../web/lib/core/checks.js';
import { DeconvError } from '../../web/lib/core/errors.js';
import {
  checkFloats,
  checkParameter,
  checkShape,
  checkTensor,
  elementCount,
} from '../../web/lib/core/tensor.js';
import { runsOf } from '../support/seed.js';

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DeconvError) return error.code;
    throw error;
  }
  return 'none';
}

describe('describe', () => {
  it.each([
    [3, '3'],
    [-0, '0'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    ['a "word"', '"a \\"word\\""'],
    [12n, 'the bigint 12n'],
    [Symbol('secret'), 'a symbol'],
    [() => 1, 'a function'],
    [[1, 'a', [2]], '[1, "a", […]]'],
    [{ a: 1 }, 'a value of type Object'],
    [Object.create(null), 'a value of type Object'],
    [new Float32Array(3), 'a value of type Float32Array'],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9], '[1, 2, 3, 4, 5, 6, 7, 8, … 9 entries]'],
  ])('%#', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });

  it('is short for anything, and never throws', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true }),
        (value) => {
          expect(describeValue(value).length).toBeLessThan(500);
        },
      ),
      runsOf(2000),
    );
    expect(describeValue('x'.repeat(10_000)).length).toBeLessThan(60);
    expect(describeValue(new Array(10_000).fill('y'.repeat(100))).length).toBeLessThan(500);
    expect(describeValue(10n ** 100n).length).toBeLessThan(60);
  });
});

describe('DeconvError', () => {
  it('carries a code, a sentence, the facts and the cause', () => {
    const cause = new Error('below');
    const error = new DeconvError('BAD_SHAPE', 'here: no', { got: 3 }, cause);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'DeconvError',
      code: 'BAD_SHAPE',
      message: 'here: no',
      detail: { got: 3 },
    });
    expect(error.cause).toBe(cause);
    expect('cause' in new DeconvError('INTERNAL', 'no')).toBe(false);
    expect(String(error)).toBe('DeconvError: here: no');
  });

  it('refuse writes where: expected, got, advice', () => {
    expect(() => refuse('BAD_OPTION', 'Layer', 'stride of 1', [2], 'Mend it.')).toThrow(
      expect.objectContaining({
        code: 'BAD_OPTION',
        message: 'Layer: expected stride of 1, got [2]. Mend it.',
        detail: { where: 'Layer', expected: 'stride of 1', got: [2] },
      }),
    );
    expect(() => refuse('BAD_OPTION', 'Layer', 'more', 0)).toThrow(/^Layer: expected more, got 0\.$/);
  });
});

describe('numbers and words', () => {
  it('checkInteger takes whole numbers within its bounds and nothing else', () => {
    fc.assert(
      fc.property(fc.anything(), fc.integer({ min: -5, max: 5 }), (value, minimum) => {
        const good =
          typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= 2 ** 31 - 1;
        const code = codeOf(() => checkInteger('here', 'n', value, minimum));
        expect(code).toBe(good ? 'none' : typeof value === 'number' ? 'BAD_OPTION' : 'BAD_TYPE');
      }),
      runsOf(1000),
    );
    expect(checkInteger('here', 'n', 2 ** 31 - 1, 0)).toBe(2 ** 31 - 1);
    expect(() => checkInteger('here', 'threads', 0, 1, 64)).toThrow(
      /^here: expected threads to be an integer from 1 to 64, got 0\./,
    );
  });

  it('checkAxes spreads one entry over all axes', () => {
    expect(checkAxes('here', 'stride', 2, 3, 1)).toEqual([2, 2, 2]);
    expect(checkAxes('here', 'stride', [2], 3, 1)).toEqual([2, 2, 2]);
    expect(checkAxes('here', 'stride', [1, 2, 3], 3, 1)).toEqual([1, 2, 3]);
    const given = [1, 2];
    const result = checkAxes('here', 'stride', given, 2, 1);
    given[0] = 9;
    expect(result).toEqual([1, 2]);
    expect(() => checkAxes('here', 'stride', [1, 0], 2, 1)).toThrow(/stride\[1\]/);
    expect(codeOf(() => checkAxes('here', 'stride', [1, 2], 3, 1))).toBe('BAD_OPTION');
    expect(codeOf(() => checkAxes('here', 'stride', new Array(2), 2, 1))).toBe('BAD_TYPE');
  });

  it('-0 is given on as 0, which is what it shows as', () => {
    expect(Object.is(checkInteger('here', 'n', -0, 0), 0)).toBe(true);
    expect(checkAxes('here', 'n', [-0, 1], 2, 0).map((entry) => Object.is(entry, -0))).toEqual([
      false,
      false,
    ]);
    expect(checkShape('here', 'n', [-0, 1]).map((entry) => Object.is(entry, -0))).toEqual([false, false]);
  });

  it('checkBoolean and checkChoice', () => {
    expect(checkBoolean('here', 'bias', false)).toBe(false);
    for (const value of [0, 1, 'true', null, undefined]) {
      expect(codeOf(() => checkBoolean('here', 'bias', value))).toBe('BAD_TYPE');
    }
    expect(checkChoice('here', 'build', 'simd', ['auto', 'simd'])).toBe('simd');
    expect(codeOf(() => checkChoice('here', 'build', 'SIMD', ['auto', 'simd']))).toBe('BAD_OPTION');
    expect(codeOf(() => checkChoice('here', 'build', 1, ['auto', 'simd']))).toBe('BAD_TYPE');
    expect(codeOf(() => checkChoice('here', 'build', 'toString', ['auto', 'simd']))).toBe('BAD_OPTION');
  });

  it('checkOptions names the key that it does not know', () => {
    const options = { stride: 1 };
    expect(checkOptions<{ stride?: number }>('here', options, ['stride'])).toBe(options);
    expect(() => checkOptions<{ stride?: number }>('here', { strides: 1 }, ['stride'])).toThrow(
      'here: expected options among stride, got "strides". Remove it or mend its spelling.',
    );
    expect(codeOf(() => checkOptions('here', JSON.parse('{"__proto__": 1}'), []))).toBe('BAD_OPTION');
    for (const value of [null, undefined, 1, 'a', [], () => 1]) {
      expect(codeOf(() => checkOptions('here', value, []))).toBe('BAD_TYPE');
    }
  });
});

describe('tensors', () => {
  it('a shape is a list of counts', () => {
    expect(checkShape('here', 'x.shape', [0, 3, 2])).toEqual([0, 3, 2]);
    expect(shapeText([1, 2])).toBe('[1, 2]');
    for (const [shape, code] of [
      [[1, -1], 'BAD_SHAPE'],
      [[1.5], 'BAD_SHAPE'],
      [[Number.NaN], 'BAD_SHAPE'],
      [[2 ** 31], 'TOO_LARGE'],
      [['1'], 'BAD_TYPE'],
      [new Array(2), 'BAD_TYPE'],
      ['12', 'BAD_TYPE'],
      [{ length: 1, 0: 1 }, 'BAD_TYPE'],
    ] as const) {
      expect(codeOf(() => checkShape('here', 'x.shape', shape))).toBe(code);
    }
  });

  it('the copy of a shape is the layer its own', () => {
    const shape = [1, 2];
    const tensor = checkTensor('here', 'x', { data: new Float32Array(2), shape });
    shape[0] = 7;
    expect(tensor.shape).toEqual([1, 2]);
  });

  it('elementCount stops where a 2 GB heap does', () => {
    expect(elementCount('here', 'x', [])).toBe(1);
    expect(elementCount('here', 'x', [2 ** 29])).toBe(2 ** 29);
    expect(elementCount('here', 'x', [0, 2 ** 31 - 1, 2 ** 31 - 1])).toBe(0);
    expect(codeOf(() => elementCount('here', 'x', [2 ** 29, 2]))).toBe('TOO_LARGE');
    expect(codeOf(() => elementCount('here', 'x', new Array(40).fill(2 ** 31 - 1)))).toBe('TOO_LARGE');
  });

  it('data is known by what it is, not by the realm that it comes from', () => {
    const foreign: unknown = runInContext('new Float32Array([1, 2])', createContext());
    expect(foreign instanceof Float32Array).toBe(false);
    expect(checkFloats('here', 'x.data', foreign)).toBe(foreign);
    expect(checkParameter('here', 'w', foreign, [2])).toBe(foreign);
    class Sub extends Float32Array {}
    expect(codeOf(() => checkFloats('here', 'x.data', new Sub(1)))).toBe('none');
    for (const value of [new Float64Array(1), [1], new ArrayBuffer(4), { length: 1, 0: 1 }, null]) {
      expect(codeOf(() => checkFloats('here', 'x.data', value))).toBe('BAD_TYPE');
    }
    expect(codeOf(() => checkFloats('here', 'x.data', { [Symbol.toStringTag]: 'Float32Array' }))).toBe(
      'BAD_TYPE',
    );
  });

  it('a parameter is a tensor of its shape, or its values', () => {
    const data = new Float32Array(6);
    expect(checkParameter('here', 'w', data, [2, 3])).toBe(data);
    expect(checkParameter('here', 'w', { data, shape: [2, 3] }, [2, 3])).toBe(data);
    expect(codeOf(() => checkParameter('here', 'w', { data, shape: [3, 2] }, [2, 3]))).toBe('BAD_SHAPE');
    expect(codeOf(() => checkParameter('here', 'w', { data, shape: [6] }, [2, 3]))).toBe('BAD_SHAPE');
    expect(codeOf(() => checkParameter('here', 'w', data.subarray(1), [2, 3]))).toBe('BAD_SHAPE');
    expect(codeOf(() => checkParameter('here', 'w', new Array(6), [2, 3]))).toBe('BAD_TYPE');
    expect(checkParameter('here', 'w', [1, 2, 3, 4, 5, 6], [2, 3])).toEqual(
      Float32Array.of(1, 2, 3, 4, 5, 6),
    );
  });
});
