// By which names a run can be asked for what the steps give.

import type { ProgramUnit } from '../graph/program.js';
import type { NetworkGraph } from './operations.js';

/**
 * The file's names of values, by their numbers. What is made on the way to a value of the file may be called as that value
 * is, which is the last of them; it has no name of its own here.
 *
 * @param has whether the file has a value of this name
 */
export function valueNames(
  { values, outputs }: NetworkGraph,
  units: readonly Pick<ProgramUnit, 'outputs'>[],
  outputNames: readonly string[],
  has: (name: string) => boolean,
): ReadonlyMap<number, string> {
  const last = new Map<string, number>();
  for (const value of units.flatMap((unit) => unit.outputs)) {
    const name = outputNames[outputs.indexOf(value)] ?? (values[value] as (typeof values)[number]).name;
    if (has(name)) last.set(name, value);
  }
  return new Map([...last].map(([name, value]) => [value, name]));
}
