import { product } from '../core/lists.js';
import type { Program } from '../graph/program.js';
import { OwnedOperators } from '../runtime/owned-operators.js';
import { outOfMemory, type Runtime } from '../runtime/runtime.js';
import type { Constant } from './operations.js';

interface Block {
  readonly handle: { delete(): void };
  readonly address: number;
}

/** The constants of one network on the heap, each once however many programs read it. */
export class HeapConstants {
  readonly #blocks = new OwnedOperators<Block>();
  readonly #keys = new WeakMap<Constant, string>();
  #count = 0;

  /** Where the constant's values lie. */
  addressOf(where: string, runtime: Runtime, constant: Constant): number {
    const blocks = this.#blocks.on(runtime);
    const key = this.#keyOf(constant);
    const known = blocks.get(key);
    if (known !== undefined) return known.address;
    const count = product(constant.shape);
    const address = runtime.guard(where, (module) => module.allocateFloats(count));
    if (address === 0) throw outOfMemory(where, `the constant "${constant.name}"`, count);
    runtime.heap.set(constant.data, address / Float32Array.BYTES_PER_ELEMENT);
    blocks.set(key, { handle: { delete: () => runtime.module.freeFloats(address) }, address });
    return address;
  }

  /** Frees what none of these programs reads. */
  keep(runtime: Runtime, programs: readonly Program[]): void {
    const used = new Set(programs.flatMap(({ constants }) => constants.map(({ address }) => address)));
    for (const [key, { address }] of [...this.#blocks.on(runtime)]) {
      if (!used.has(address)) this.#blocks.drop(key);
    }
  }

  dispose(): void {
    this.#blocks.dispose();
  }

  #keyOf(constant: Constant): string {
    const known = this.#keys.get(constant);
    if (known !== undefined) return known;
    this.#count += 1;
    const key = String(this.#count);
    this.#keys.set(constant, key);
    return key;
  }
}
