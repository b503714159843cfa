/** What can be undone and done again. */
export interface History<T> {
  readonly past: readonly T[];
  readonly future: readonly T[];
  /** When the last change was made, in milliseconds; infinite after one that none is together with. */
  readonly changedAt: number;
}

/** Changes that follow each other this closely are one: a drag is undone at once. */
const TOGETHER = 400;
const LONGEST = 200;

export const noHistory: History<never> = { past: [], future: [], changedAt: Number.NEGATIVE_INFINITY };

export function remembered<T>(history: History<T>, before: T, now: number): History<T> {
  const together = Math.abs(now - history.changedAt) < TOGETHER && history.past.length > 0;
  const past = together ? history.past : [...history.past, before].slice(-LONGEST);
  return { past, future: [], changedAt: now };
}

/** The state before and the history there, or null at the beginning. */
export function undone<T>(history: History<T>, present: T): { state: T; history: History<T> } | null {
  const state = history.past.at(-1);
  if (state === undefined) return null;
  const { past, future } = history;
  return {
    state,
    history: { past: past.slice(0, -1), future: [...future, present], changedAt: noHistory.changedAt },
  };
}

export function redone<T>(history: History<T>, present: T): { state: T; history: History<T> } | null {
  const state = history.future.at(-1);
  if (state === undefined) return null;
  const { past, future } = history;
  return {
    state,
    history: { past: [...past, present], future: future.slice(0, -1), changedAt: noHistory.changedAt },
  };
}

/** Whether plain data says the same, whatever the order of its names. */
export function isAlike(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return Object.is(one, other);
  const [left, right] = [Object.entries(one), other as Record<string, unknown>];
  return (
    left.length === Object.keys(other).length && left.every(([name, value]) => isAlike(value, right[name]))
  );
}
