import { sameList, shapeOf } from '../core/tensor.js';
import { OwnedOperators } from '../runtime/owned-operators.js';
import { outOfMemory, type Runtime } from '../runtime/runtime.js';
import type { Program } from './program.js';

/** A program, beside what else it was made for. */
export interface CachedProgram {
  readonly program: Program;
}

interface Arena {
  readonly handle: { delete(): void };
  readonly address: number;
  readonly floats: number;
}

/** Sizes for which programs are kept. */
const KEPT_PROGRAMS = 4;

const ARENA = 'arena';

/**
 * The programs of one owner for the sizes of its last calls, and the block of the heap that they use in turn, which is
 * freed like a layer's operators.
 */
export class ProgramCache<Entry extends CachedProgram, Purpose> {
  readonly #where: string;
  readonly #serves: (entry: Entry, purpose: Purpose) => boolean;
  readonly #arena = new OwnedOperators<Arena>();
  /** The one used last comes first. */
  #entries: Entry[] = [];

  /** @param serves whether an entry was made for this, beside the sizes */
  constructor(where: string, serves: (entry: Entry, purpose: Purpose) => boolean) {
    this.#where = where;
    this.#serves = serves;
  }

  /** The one that was made or used last. */
  get last(): Entry | undefined {
    return this.#entries[0];
  }

  /** The entry for what is given. */
  find(runtime: Runtime, given: readonly unknown[], purpose: Purpose): Entry | undefined {
    const entries = this.#entries;
    for (let index = 0; index < entries.length; index += 1) {
      const entry = entries[index] as Entry;
      if (entry.program.runtime !== runtime || !this.#serves(entry, purpose)) continue;
      if (!fits(entry.program, given)) continue;
      if (index > 0) entries.unshift(...entries.splice(index, 1));
      return entry;
    }
    return undefined;
  }

  /**
   * Keeps a new entry in place of what was not used for longest, and of what is not for the next call either: that of
   * other runtimes, and what is not `usable`.
   *
   * @returns all that are kept
   */
  add(entry: Entry, usable: (entry: Entry) => boolean): readonly Entry[] {
    const { runtime } = entry.program;
    const others = this.#entries.filter((other) => other.program.runtime === runtime && usable(other));
    this.#entries = [entry, ...others].slice(0, KEPT_PROGRAMS);
    return this.#entries;
  }

  /**
   * Where the arena for `program` lies: as large as the largest of those kept needs it. Where there is no room for that,
   * those that need more than this one are kept no longer.
   */
  readonly addressOf = (program: Program): number => {
    const { runtime, arenaFloats } = program;
    let floats = arenaFloats;
    for (let index = 0; index < this.#entries.length; index += 1) {
      floats = Math.max(floats, (this.#entries[index] as Entry).program.arenaFloats);
    }
    const known = this.#arena.on(runtime).get(ARENA);
    if (known?.floats === floats) return known.address;
    try {
      return this.#renew(runtime, floats);
    } catch (error) {
      if (floats === arenaFloats) throw error;
      return this.addressOf(program);
    }
  };

  dispose(): void {
    this.#entries = [];
    this.#arena.dispose();
  }

  // A function of its own, so that a steady loop does not make the closures.
  #renew(runtime: Runtime, floats: number): number {
    this.#arena.drop(ARENA);
    try {
      const address = runtime.guard(this.#where, (module) => module.allocateFloats(floats));
      if (address === 0) throw outOfMemory(this.#where, 'what lies between the steps', floats);
      const handle = { delete: () => runtime.module.freeFloats(address) };
      this.#arena.on(runtime).set(ARENA, { handle, address, floats });
      return address;
    } catch (error) {
      // What does not fit is no burden on the next call.
      this.#entries = this.#entries.filter(({ program }) => program.arenaFloats < floats);
      throw error;
    }
  }
}

function fits({ inputShapes }: Program, given: readonly unknown[]): boolean {
  for (let index = 0; index < given.length; index += 1) {
    if (!sameList(shapeOf(given[index]), inputShapes[index] as readonly number[])) return false;
  }
  return true;
}
