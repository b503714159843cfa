import { afterEach, expect, it, vi } from 'vitest';
import { DisposableObject } from '../../web/lib/core/disposable.js';

class Counter extends DisposableObject {
  count = 0;
  override dispose(): void {
    this.count += 1;
  }
}

/** As an engine without the symbol, or with one that a polyfill made. */
function setDisposeSymbol(value: symbol | undefined): void {
  vi.stubGlobal('Symbol', Object.create(Symbol, { dispose: { value } }));
}

afterEach(() => {
  vi.unstubAllGlobals();
});

it.runIf(Symbol.dispose !== undefined)('is what `using` releases', () => {
  const counter = new Counter();
  counter[Symbol.dispose]();
  expect(counter.count).toBe(1);
  expect(Object.keys(counter)).toEqual(['count']);
});

it('has no method of a strange name without the symbol, and follows one that comes later', () => {
  const late = Symbol('Symbol.dispose');
  setDisposeSymbol(undefined);
  const early = new Counter();
  expect('undefined' in early).toBe(false);

  setDisposeSymbol(late);
  new Counter();
  (early as unknown as Record<symbol, () => void>)[late]?.();
  expect(early.count).toBe(1);
});
