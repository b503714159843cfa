/** Steps in a line, and beside it a lane for every value that goes past a step: as a graph of commits is drawn. */

export interface LaneCell {
  /** Whether the lane goes on to the row above, and to the one below. */
  readonly up: boolean;
  readonly down: boolean;
  /** Whether it meets the row's step: begins there if it only goes down, is taken there if it comes from above. */
  readonly meets: boolean;
}

export interface LaneRow {
  /** Whether the line goes straight on from the row above, and to the one below. */
  readonly up: boolean;
  readonly down: boolean;
  /** Of every lane; null where it is free. */
  readonly cells: readonly (LaneCell | null)[];
}

interface Skip {
  readonly from: number;
  readonly takers: ReadonlySet<number>;
  readonly to: number;
}

/**
 * Lays what skips rows into as few lanes as there can be, for rows that each take what others above give.
 *
 * @param most lanes that are drawn; a value that finds none free is left out
 */
export function lanesOf(takes: readonly (readonly number[])[], most: number): readonly LaneRow[] {
  const skips = skipsOf(takes);
  const lanes: Skip[][] = [];
  for (const skip of skips) {
    // A row where one lane ends is not where another begins in it: the two would look like one.
    const free = lanes.find((lane) => (lane.at(-1)?.to ?? -1) < skip.from);
    if (free) free.push(skip);
    else if (lanes.length < most) lanes.push([skip]);
  }
  return takes.map((own, row) => ({
    up: own.includes(row - 1),
    down: takes[row + 1]?.includes(row) ?? false,
    cells: lanes.map((lane) => {
      const skip = lane.find(({ from, to }) => from <= row && row <= to);
      if (!skip) return null;
      const { from, takers, to } = skip;
      return { up: row > from, down: row < to, meets: row === from || takers.has(row) };
    }),
  }));
}

/** Rows that a row takes from, but for the one above it. */
export const skippedTo = (takes: readonly number[], row: number): readonly number[] =>
  takes.filter((from) => from !== row - 1);

/** What is taken further down than by the next row, once for all who take it. */
function skipsOf(takes: readonly (readonly number[])[]): Skip[] {
  const takers = new Map<number, Set<number>>();
  for (const [row, own] of takes.entries()) {
    for (const from of skippedTo(own, row)) takers.set(from, (takers.get(from) ?? new Set()).add(row));
  }
  return [...takers]
    .map(([from, rows]) => ({ from, takers: rows, to: Math.max(...rows) }))
    .sort((a, b) => a.from - b.from);
}
