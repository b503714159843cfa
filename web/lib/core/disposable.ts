/// <reference lib="esnext.disposable" preserve="true" />

/**
 * What `using` releases at the end of its block, where the engine has it.
 *
 * Older engines lack `Symbol.dispose`, and a module that imports us fills it in after we were loaded: so
 * the method is made when an object is, not when its class is.
 */
export abstract class DisposableObject {
  declare readonly [Symbol.dispose]: () => void;

  constructor() {
    const { prototype } = DisposableObject;
    const key: symbol | undefined = Symbol.dispose;
    if (key === undefined || Object.hasOwn(prototype, key)) return;
    Object.defineProperty(prototype, key, {
      value(this: DisposableObject): void {
        this.dispose();
      },
      configurable: true,
      writable: true,
    });
  }

  /** Frees the memory at once. May be called again. */
  abstract dispose(): void;
}
