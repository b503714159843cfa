import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DeconvError, isDeconvError } from '../../web/lib/core/errors.js';

const error = new DeconvError(
  'BAD_SHAPE',
  'here: expected [1], got [2]. Reshape it.',
  {
    where: 'here',
    got: [1, Number.NaN, () => 1, new Float32Array(9), { deep: [{ a: { b: { c: 1 } } }] }],
    none: undefined,
  },
  new RangeError('no room'),
);

describe('DeconvError as data', () => {
  it.each([
    ['a record', (value: DeconvError) => value.toJSON() as unknown],
    ['a clone of the record', (value: DeconvError) => structuredClone(value.toJSON()) as unknown],
    ['JSON', (value: DeconvError) => JSON.parse(JSON.stringify(value)) as unknown],
  ])('comes back whole from %s', (_, send) => {
    const back = DeconvError.from(send(error));
    expect(back).toBeInstanceOf(DeconvError);
    expect(back).toMatchObject({ name: 'DeconvError', code: 'BAD_SHAPE', message: error.message });
    expect(back.cause).toBe('no room');
    expect(back.detail).toEqual({
      where: 'here',
      got: [1, 'NaN', 'a function', 'a value of type Float32Array', { deep: ['a value of type Object'] }],
      none: 'undefined',
    });
    expect(DeconvError.from(send(back))).toMatchObject({ code: 'BAD_SHAPE', detail: back.detail });
  });

  it('keeps its code through a structured clone of its own', () => {
    const plain = new DeconvError('TOO_LARGE', 'x: expected less, got more.\nAnd more.');
    for (const one of [plain, DeconvError.from(plain.toJSON())]) {
      const back = DeconvError.from(structuredClone(one));
      expect(back).toMatchObject({ code: 'TOO_LARGE', message: plain.message });
      expect(back.stack).toBe(one.stack);
      expect(isDeconvError(back)).toBe(true);
    }
  });

  it('is what it was when nothing was sent', () => {
    expect(DeconvError.from(error)).toBe(error);
  });

  it.each([
    [new TypeError('x is no function'), 'x is no function'],
    [{ name: 'DeconvError', code: 'MADE_UP', message: 'm' }, '[object Object]'],
    [{ name: 'Error', code: 'BAD_SHAPE', message: 'm' }, '[object Object]'],
    ['text', 'text'],
    [null, 'null'],
    [undefined, 'undefined'],
  ])('takes %o for the cause of an INTERNAL one', (value, message) => {
    const made = DeconvError.from(value);
    expect(made).toMatchObject({ code: 'INTERNAL', message });
    expect(made.cause).toBe(value);
  });

  it('reads as people and logs expect', () => {
    expect(String(error)).toBe(`DeconvError: ${error.message}`);
    expect(error.stack).toMatch(/^DeconvError \[BAD_SHAPE\]: here: expected/);
    // Not the values of a tensor that was meant for something else.
    const given = new DeconvError('BAD_TYPE', 'm', { got: { data: new Float32Array(9), shape: [9] } });
    expect(inspect(given)).not.toContain('Float32Array');
    expect(inspect(given)).toContain('BAD_TYPE');
  });
});

describe('isDeconvError', () => {
  it('knows errors of the class only', () => {
    expect(isDeconvError(error)).toBe(true);
    for (const value of [new Error('x'), structuredClone(error), error.toJSON(), null, undefined, 'x', 3]) {
      expect(isDeconvError(value)).toBe(false);
    }
  });
});
