import { OwnedOperators } from '../runtime/owned-operators.js';
import { outOfMemory, type Runtime } from '../runtime/runtime.js';
import type { Program } from './program.js';

interface Arena {
  readonly handle: { delete(): void };
  readonly address: number;
  readonly floats: number;
}

interface Kept {
  readonly program: Program;
}

const ARENA = 'arena';

/** The block of the heap that all programs of one owner use in turn; freed like a layer's operators. */
export class ProgramArena {
  readonly #arena = new OwnedOperators<Arena>();

  /**
   * The address for `program`: as large as the largest of those kept needs it. Where there is no room for that, those
   * that need more than this one are kept no longer.
   */
  on(where: string, program: Program, kept: Kept[]): number {
    const { runtime, arenaFloats } = program;
    let floats = arenaFloats;
    for (let index = 0; index < kept.length; index += 1) {
      floats = Math.max(floats, (kept[index] as Kept).program.arenaFloats);
    }
    const known = this.#arena.on(runtime).get(ARENA);
    if (known?.floats === floats) return known.address;
    try {
      return this.#renew(where, runtime, floats);
    } catch (error) {
      // What does not fit is no burden on the next call.
      drop(kept, floats);
      if (floats === arenaFloats) throw error;
      return this.on(where, program, kept);
    }
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

// A function of its own, so that a steady loop does not make the closure.
function drop(kept: Kept[], floats: number): void {
  kept.splice(0, kept.length, ...kept.filter(({ program }) => program.arenaFloats < floats));
}
