// By which names a run can be asked for what the steps give.

import { refuse } from '../core/checks.js';
import { isList } from '../core/realms.js';
import type { ProgramUnit } from '../graph/program.js';
import type { NetworkGraph } from './operations.js';

/**
 * The file's names of values, by their numbers. What is made on the way to a value of the file may be called as that value
 * is, which is the last of them, whether a step still gives it or not; it has no name of its own here.
 *
 * @param has whether the file has a value of this name
 */
export function valueNames(
  { values, outputs }: NetworkGraph,
  units: readonly Pick<ProgramUnit, 'outputs'>[],
  outputNames: readonly string[],
  has: (name: string) => boolean,
): ReadonlyMap<number, string> {
  // Constants may be called by their numbers, as values of old files are.
  const last = new Map(values.flatMap(({ name, constant }, value) => (constant ? [] : [[name, value]])));
  return new Map(
    units
      .flatMap((unit) => unit.outputs)
      .flatMap((value) => {
        const { name } = values[value] as (typeof values)[number];
        const own = outputNames[outputs.indexOf(value)] ?? (last.get(name) === value ? name : '');
        return has(own) ? [[value, own]] : [];
      }),
  );
}

/** Outputs that somebody asks for: names, each once. */
export function checkNames(where: string, names: unknown): readonly string[] {
  const good = isList(names) && names.length > 0 && [...names].every((name) => typeof name === 'string');
  if (!good) refuse('BAD_TYPE', where, 'outputs to be a list of names', names);
  if (new Set(names).size < names.length) refuse('BAD_OPTION', where, 'outputs to be named once', names);
  return [...names];
}
