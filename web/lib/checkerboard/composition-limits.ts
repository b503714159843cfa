import { fault } from '../core/checks.js';

/** What it takes to make kernels of others. */
export interface CompositionCost {
  /** Multiplications. */
  readonly work: number;
  /** Values of the largest kernel on the way. */
  readonly values: number;
}

/** Minutes, and half a gigabyte. */
const MOST_WORK = 2 ** 35;
const MOST_VALUES = 2 ** 26;

/** Throws `TOO_LARGE` before anything is made: sizes come from files, which can name any. */
export function checkComposition(where: string, what: string, cost: CompositionCost, advice: string): void {
  const { work, values } = cost;
  if (work <= MOST_WORK && values <= MOST_VALUES) return;
  throw fault(
    'TOO_LARGE',
    where,
    `${what} that takes at most ${MOST_WORK} multiplications and ${MOST_VALUES} values`,
    `${work} and ${values}`,
    advice,
    { work, values },
  );
}
