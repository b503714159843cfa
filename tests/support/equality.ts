// Typed arrays are equal by their values. Vitest finds the same, and lists all keys of both, which takes most of the
// seconds of a test that compares large ones.

import { expect } from 'vitest';

type Values = ArrayLike<unknown> & ArrayBufferView;

function isValues(value: unknown): value is Values {
  return ArrayBuffer.isView(value) && 'length' in value;
}

function haveSameValues(one: unknown, other: unknown): boolean | undefined {
  if (!isValues(one) || !isValues(other)) return undefined;
  if (one.constructor !== other.constructor || one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) {
    if (!Object.is(one[index], other[index])) return false;
  }
  return true;
}

expect.addEqualityTesters([haveSameValues]);
