import type { Holding, Runtime } from './runtime.js';

/**
 * The operators of one layer on the WebAssembly heap, by key. Each is made when it is first needed, made
 * again when the module was restarted, and freed by `dispose`, by `shutdown`, or, as a safety net, by the
 * garbage collector.
 */
export class OwnedOperators<Operator extends Handled> {
  /** Undefined while the layer holds nothing on the heap. */
  #owned: Owned<Operator> | undefined;

  /** All that live on this runtime, by key; what lives on another one is freed. */
  on(runtime: Runtime): Map<string, Operator> {
    if (this.#owned?.runtime === runtime) return this.#owned.operators;
    this.dispose();
    const owned = new Owned<Operator>(runtime);
    registry.register(this, owned, this);
    this.#owned = owned;
    return owned.operators;
  }

  /** Calls `act` for all that live. */
  each(act: (operator: Operator) => void): void {
    const owned = this.#owned;
    if (owned === undefined) return;
    for (const operator of owned.operators.values()) owned.runtime.release(() => act(operator));
  }

  /** Frees one; the layer that holds nothing any more is not counted as alive. */
  drop(key: string): void {
    this.#owned?.delete(key);
    if (this.#owned?.operators.size === 0) this.dispose();
  }

  dispose(): void {
    if (this.#owned === undefined) return;
    registry.unregister(this);
    this.#owned.free();
    this.#owned = undefined;
  }
}

/** Embind's handle of an operator that the core made: nobody else deletes it, least of all Embind. */
export interface Handled {
  readonly handle: { delete(): void };
}

/** What one layer holds on the heap of one runtime. */
class Owned<Operator extends Handled> implements Holding {
  readonly operators = new Map<string, Operator>();
  readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    runtime.holdings.add(this);
  }

  delete(key: string): void {
    const operator = this.operators.get(key);
    this.operators.delete(key);
    if (operator !== undefined) this.runtime.release(() => operator.handle.delete());
  }

  free(): void {
    for (const key of [...this.operators.keys()]) this.delete(key);
    this.runtime.holdings.delete(this);
  }

  forget(): void {
    this.operators.clear();
  }
}

// Holds the operators alone: a reference to their owner would keep it alive for ever.
const registry = new FinalizationRegistry<Owned<Handled>>((owned) => owned.free());
