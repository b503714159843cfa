import type { DeconvModule } from './glue.js';
import type { Runtime } from './runtime.js';

/**
 * The operators of one layer on the WebAssembly heap, by key. Each is made when it is first needed, made
 * again when the module was restarted, and freed by `dispose`, by `shutdown`, or, as a safety net, by the
 * garbage collector.
 */
export class OwnedOperators<Operator extends { readonly address: number }> {
  readonly #deleter: Deleter;
  /** Undefined while the layer holds nothing on the heap. */
  #owned: Owned<Operator> | undefined;

  constructor(deleter: Deleter) {
    this.#deleter = deleter;
  }

  /** All that live on this runtime, by key; what lived on another one is gone. */
  on(runtime: Runtime): Map<string, Operator> {
    if (this.#owned?.runtime === runtime) return this.#owned.operators;
    registry.unregister(this);
    const owned: Owned<Operator> = { runtime, operators: new Map(), deleter: this.#deleter };
    runtime.owned.add(owned);
    registry.register(this, owned, this);
    this.#owned = owned;
    return owned.operators;
  }

  /** Calls `act` for all that live, on whatever runtime. */
  each(act: (module: DeconvModule, operator: Operator) => void): void {
    const { runtime, operators } = this.#owned ?? {};
    if (runtime !== undefined)
      for (const operator of operators?.values() ?? []) act(runtime.module, operator);
  }

  /** Frees one; the layer that holds nothing any more is not counted as alive. */
  drop(key: string): void {
    if (this.#owned === undefined) return;
    const { runtime, operators, deleter } = this.#owned;
    const operator = operators.get(key);
    if (operator !== undefined) runtime?.module[deleter](operator.address);
    operators.delete(key);
    if (operators.size === 0) this.dispose();
  }

  dispose(): void {
    if (this.#owned === undefined) return;
    registry.unregister(this);
    free(this.#owned);
    this.#owned = undefined;
  }
}

type Deleter = keyof Pick<DeconvModule, 'deleteOperator' | 'deleteQuantizedOperator'>;

/** What one layer holds on the heap of one runtime. */
export interface Owned<Operator extends { readonly address: number } = { readonly address: number }> {
  /** Undefined once the runtime was shut down. */
  runtime: Runtime | undefined;
  readonly operators: Map<string, Operator>;
  readonly deleter: Deleter;
}

// Holds the operators alone: a reference to their owner would keep it alive for ever.
const registry = new FinalizationRegistry<Owned>(free);

function free(owned: Owned): void {
  const { runtime, operators, deleter } = owned;
  if (runtime === undefined) return;
  for (const { address } of operators.values()) runtime.module[deleter](address);
  runtime.owned.delete(owned);
}
