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
  const symbols = Object.create(Symbol, {
    dispose: { value },
    for: { value: Symbol.for.bind(Symbol) },
  });
  vi.stubGlobal('Symbol', symbols);
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

it('without the symbol has the method that compiled code looks for, and follows a symbol that comes later', () => {
  const compiled = Symbol.for('Symbol.dispose');
  const late = Symbol('Symbol.dispose');
  setDisposeSymbol(undefined);
  const early = new Counter();
  expect('undefined' in early).toBe(false);
  (early as unknown as Record<symbol, () => void>)[compiled]?.();
  expect(early.count).toBe(1);

  setDisposeSymbol(late);
  new Counter();
  (early as unknown as Record<symbol, () => void>)[late]?.();
  expect(early.count).toBe(2);
});

it('of a stranger it says whose it is', () => {
  const release = Reflect.get(new Counter(), Symbol.dispose ?? Symbol.for('Symbol.dispose')) as () => void;
  for (const stranger of [undefined, null, {}, 3]) {
    expect(() => Reflect.apply(release, stranger, [])).toThrow(
      expect.objectContaining({ code: 'BAD_TYPE', message: expect.stringMatching(/^dispose: /) }),
    );
  }
});
