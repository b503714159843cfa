import { planArena } from './arena.js';

/** A value's place: so many floats behind the beginning of the one that it is a part of, or of its own. */
interface Part {
  readonly of: number;
  readonly offset: number;
}

export interface Places {
  /** Of every value, the value that has the room, and where in it the value begins, in floats. */
  readonly roots: readonly number[];
  readonly offsets: readonly number[];
  /** Where the room of a root begins in the arena, in floats. */
  readonly rooms: readonly number[];
  readonly arenaFloats: number;
}

/** Decides which values share memory, step by step in the order in which they run. */
export class Placement {
  readonly #sizes: readonly number[];
  /** The step that writes a value, -1 for inputs and constants, and the last one that reads it. */
  readonly #first: readonly number[];
  readonly #last: readonly number[];
  readonly #parts = new Map<number, Part>();
  /** Of every root, the values that lie in its room, without most of those that nobody needs any more. */
  readonly #tenants = new Map<number, number[]>();

  readonly #fixed: ReadonlySet<number>;

  /** `steps` in order; `outputs` are read behind all of them, and `fixed` values have a place already. */
  constructor(
    sizes: readonly number[],
    steps: readonly { readonly inputs: readonly number[]; readonly outputs: readonly number[] }[],
    outputs: readonly number[],
    fixed: readonly number[] = [],
  ) {
    const first = new Array<number>(sizes.length).fill(-1);
    const last = new Array<number>(sizes.length).fill(-1);
    for (const [index, step] of steps.entries()) {
      for (const value of step.inputs) last[value] = index;
      for (const value of step.outputs) first[value] = last[value] = index;
    }
    for (const value of outputs) last[value] = steps.length;
    this.#sizes = sizes;
    this.#first = first;
    this.#last = last;
    this.#fixed = new Set(fixed);
  }

  /** The value that has the room of `value`, and where in it that begins. */
  find(value: number): { readonly root: number; readonly offset: number } {
    const part = this.#parts.get(value);
    if (part === undefined) return { root: value, offset: 0 };
    let { of: root, offset } = part;
    for (let next = this.#parts.get(root); next !== undefined; next = this.#parts.get(root)) {
      root = next.of;
      offset += next.offset;
    }
    // Straight to it the next time: values of long rows of steps lie in each other.
    if (root !== part.of) this.#parts.set(value, { of: root, offset });
    return { root, offset };
  }

  /** Lays `value` into `whole`, where nobody else's values lie that are still needed. */
  lay(value: number, whole: number, offset: number): void {
    const own = this.#tenantsOf(value);
    this.#parts.set(value, { of: whole, offset });
    this.#tenants.delete(value);
    const { root } = this.find(value);
    const all = this.#tenantsOf(root);
    this.#tenants.set(root, all);
    for (const tenant of own) all.push(tenant);
  }

  /** Lays `value`, with all that shares its room, into `whole`; false where it is a part of something already. */
  move(value: number, whole: number, offset: number): boolean {
    const { root, offset: own } = this.find(value);
    if (own !== 0 || this.#sizes[root] !== this.#sizes[value] || root === whole || this.#isInput(root)) {
      return false;
    }
    this.lay(root, whole, offset);
    return true;
  }

  /**
   * Whether `step` may write over `value`, which it reads: nobody reads it, or what lies there, any more. Steps are asked
   * for in order.
   */
  mayOverwrite(value: number, step: number): boolean {
    const { root, offset } = this.find(value);
    if (this.#isInput(root) || this.#last[value] !== step) return false;
    const end = offset + (this.#sizes[value] as number);
    const needed = this.#tenantsOf(root).filter((other) => (this.#last[other] as number) >= step);
    this.#tenants.set(root, needed);
    return needed.every((other) => {
      if (other === value || (this.#first[other] as number) >= step) return true;
      const own = this.find(other).offset;
      return own >= end || own + (this.#sizes[other] as number) <= offset;
    });
  }

  #tenantsOf(root: number): number[] {
    return this.#tenants.get(root) ?? [root];
  }

  places(): Places {
    const found = this.#sizes.map((_, value) => this.find(value));
    const owners = this.#sizes.map((size, value) => ({
      value,
      size,
      first: Number.POSITIVE_INFINITY,
      last: 0,
    }));
    for (const [value, { root }] of found.entries()) {
      const owner = owners[root] as (typeof owners)[number];
      owner.first = Math.min(owner.first, Math.max(this.#first[value] as number, 0));
      owner.last = Math.max(owner.last, this.#last[value] as number);
    }
    const roots = owners.filter(({ value }) => found[value]?.root === value && !this.#fixed.has(value));
    const plan = planArena(roots);
    const rooms = new Array<number>(this.#sizes.length).fill(0);
    for (const [index, { value }] of roots.entries()) rooms[value] = plan.offsets[index] as number;
    return {
      roots: found.map(({ root }) => root),
      offsets: found.map(({ offset }) => offset),
      rooms,
      arenaFloats: plan.size,
    };
  }

  #isInput(value: number): boolean {
    return this.#first[value] === -1;
  }
}
