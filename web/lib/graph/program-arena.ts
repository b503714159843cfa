import { OwnedOperators } from '../runtime/owned-operators.js';
import { outOfMemory, type Runtime } from '../runtime/runtime.js';

interface Arena {
  readonly handle: { delete(): void };
  readonly address: number;
  readonly floats: number;
}

const ARENA = 'arena';

/** The block of the heap that all programs of one owner use in turn; freed like a layer's operators. */
export class ProgramArena {
  readonly #arena = new OwnedOperators<Arena>();

  /** The address of exactly so many floats. */
  on(where: string, runtime: Runtime, floats: number): number {
    const known = this.#arena.on(runtime).get(ARENA);
    return known?.floats === floats ? known.address : this.#renew(where, runtime, floats);
  }

  dispose(): void {
    this.#arena.dispose();
  }

  // A function of its own, so that a steady loop does not make the closures.
  #renew(where: string, runtime: Runtime, floats: number): number {
    this.#arena.drop(ARENA);
    const address = runtime.guard(where, (module) => module.allocateFloats(floats));
    if (address === 0) throw outOfMemory(where, 'what lies between the steps', floats);
    const handle = { delete: () => runtime.module.freeFloats(address) };
    this.#arena.on(runtime).set(ARENA, { handle, address, floats });
    return address;
  }
}
