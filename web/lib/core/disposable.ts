/// <reference lib="esnext.disposable" preserve="true" />

import { strangeReceiver } from './receivers.js';

/**
 * Makes the object's `method` what `using` or `await using` calls at the end of its block.
 *
 * Older engines lack the symbol: compilers of `using` then look for the one of the registry, and a module
 * that imports us may fill in another after we were loaded. So this is for when an object is made, not for
 * when its class is.
 */
export function releaseBy<Method extends string>(
  prototype: Readonly<Record<Method, () => unknown>>,
  method: Method,
  symbol: 'dispose' | 'asyncDispose',
): void {
  const key = (Symbol[symbol] as symbol | undefined) ?? Symbol.for(`Symbol.${symbol}`);
  if (Object.hasOwn(prototype, key)) return;
  Object.defineProperty(prototype, key, {
    value(this: typeof prototype | undefined): unknown {
      if (!this?.[method]) throw strangeReceiver(symbol);
      return this[method]();
    },
    configurable: true,
    writable: true,
  });
}

/** What `using` releases at the end of its block. */
export abstract class DisposableObject {
  declare readonly [Symbol.dispose]: () => void;

  constructor() {
    releaseBy(DisposableObject.prototype, 'dispose', 'dispose');
  }

  /** Frees the memory at once. May be called again. */
  abstract dispose(): void;
}
