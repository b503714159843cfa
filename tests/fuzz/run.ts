// Runs programs of actions: one that was kept, or drawn ones.

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { type Action, program } from './actions.js';
import { apply } from './apply.js';
import { Finding, World } from './world.js';

export type BuildChoice = 'simd' | 'relaxed';

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** Compiled once for all programs. */
function compiled(name: string): Promise<WebAssembly.Module> {
  const known = modules.get(name);
  if (known !== undefined) return known;
  const file = new URL(import.meta.resolve(`deconv-wasm/wasm/${name}.wasm`));
  const compiling = readFile(file).then((bytes) => WebAssembly.compile(bytes));
  modules.set(name, compiling);
  return compiling;
}

/** Runs one program in a world of its own; throws a Finding. Gives how often each outcome came. */
export async function runProgram(
  actions: readonly Action[],
  build: BuildChoice,
): Promise<Readonly<Record<string, number>>> {
  const world = new World(build, compiled);
  try {
    await world.init(1, false);
    for (const [index, action] of actions.entries()) {
      try {
        await apply(world, action);
        world.check();
      } catch (error) {
        const text =
          error instanceof Finding ? error.message : String(error instanceof Error ? error.stack : error);
        throw new Finding(`step ${index}, ${action.do}: ${text}`, { cause: error });
      }
    }
    await world.end();
  } finally {
    await world.abandon();
  }
  return world.counts;
}

export interface Failure {
  readonly message: string;
  readonly seed: number;
  readonly path: string;
  /** The smallest program that was found. */
  readonly actions: readonly Action[];
}

export interface Fuzzed {
  readonly programs: number;
  readonly steps: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failure: Failure | null;
}

/** Runs `runs` drawn programs, or fewer if one fails. `onProgram` hears of each before it runs. */
export async function fuzz(
  seed: number,
  runs: number,
  build: BuildChoice,
  options: { readonly path?: string; readonly onProgram?: (actions: readonly Action[]) => void } = {},
): Promise<Fuzzed> {
  const counts: Record<string, number> = {};
  let [programs, steps] = [0, 0];
  const property = fc.asyncProperty(program, async (actions) => {
    options.onProgram?.(actions);
    programs += 1;
    steps += actions.length;
    for (const [what, count] of Object.entries(await runProgram(actions, build))) {
      counts[what] = (counts[what] ?? 0) + count;
    }
  });
  const details = await fc.check(property, {
    seed,
    numRuns: runs,
    ...(options.path !== undefined && { path: options.path }),
  });
  if (!details.failed) return { programs, steps, counts, failure: null };
  const error = details.errorInstance as Error;
  return {
    programs,
    steps,
    counts,
    failure: {
      message: error?.message ?? String(details.errorInstance),
      seed: details.seed,
      path: details.counterexamplePath ?? '',
      actions: details.counterexample?.[0] ?? [],
    },
  };
}
