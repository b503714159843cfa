/** A value of a chain, and the steps between which it must stand. */
export interface Lifetime {
  /** Floats. */
  readonly size: number;
  /** The step that writes it, and the last one that reads it. */
  readonly first: number;
  readonly last: number;
}

export interface ArenaPlan {
  /** Where each value begins, in floats, in the order given. */
  readonly offsets: readonly number[];
  /** Floats of the whole arena. */
  readonly size: number;
}

/** A cache line of floats: values begin on one. */
const ALIGNMENT = 16;
/** Floats behind a value that the core's kernels may read. */
const SLACK = 4;

/**
 * Places values so that no two that stand at the same time overlap: the largest first, each in the smallest gap that
 * holds it, or behind all others (Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020:
 * greedy by size).
 */
export function planArena(values: readonly Lifetime[]): ArenaPlan {
  const offsets = new Array<number>(values.length).fill(0);
  const placed = new Steps();
  const order = [...values.entries()].sort(([, one], [, other]) => other.size - one.size);
  let size = 0;
  for (const [index, value] of order) {
    const room = Math.ceil((value.size + SLACK) / ALIGNMENT) * ALIGNMENT;
    const others = placed.beside(value).sort((one, other) => one.begin - other.begin);
    const begin = smallestGap(others, room);
    offsets[index] = begin;
    placed.add(value, { begin, end: begin + room });
    size = Math.max(size, begin + room);
  }
  return { offsets, size };
}

interface Room {
  readonly begin: number;
  readonly end: number;
}

/** What has been placed, by steps: a network has thousands of values, of which few stand at any time. */
class Steps {
  /** Of every step the rooms of what stands then, and of what is written then. */
  readonly #standing: Room[][] = [];
  readonly #written: Room[][] = [];

  add({ first, last }: Lifetime, room: Room): void {
    for (let step = first; step <= last; step += 1) push(this.#standing, step, room);
    push(this.#written, first, room);
  }

  /** Rooms of all that stands at some time with this value, each once. */
  beside({ first, last }: Lifetime): Room[] {
    const others = [...(this.#standing[first] ?? [])];
    for (let step = first + 1; step <= last; step += 1) others.push(...(this.#written[step] ?? []));
    return others;
  }
}

function push(rooms: Room[][], step: number, room: Room): void {
  const known = rooms[step];
  if (known === undefined) rooms[step] = [room];
  else known.push(room);
}

/** Where a value of `room` floats goes between `others`, which lie in order and may overlap each other. */
function smallestGap(others: readonly Room[], room: number): number {
  let best: number | undefined;
  let bestGap = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const other of others) {
    const gap = other.begin - end;
    if (gap >= room && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = Math.max(end, other.end);
  }
  return best ?? end;
}
