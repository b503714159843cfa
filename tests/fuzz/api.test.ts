// Random programs against the public API: the kept ones, which found faults, and some drawn ones. Half an hour of
// them: node scripts/fuzz-api.mjs.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runsOf } from '../support/seed.js';
import type { Action } from './actions.js';
import { type BuildChoice, fuzz, runProgram } from './run.js';

const CORPUS = path.join(import.meta.dirname, 'corpus');
const BUILDS: readonly BuildChoice[] = ['simd', 'relaxed'];
/** About half a minute on an idle machine, with both builds. */
const PROGRAMS = 100;

const kept = readdirSync(CORPUS).map((file) => {
  const { about, actions } = JSON.parse(readFileSync(path.join(CORPUS, file), 'utf8')) as {
    about: string;
    actions: readonly Action[];
  };
  return { file, about, actions };
});

it.each(BUILDS.flatMap((build) => kept.map((one) => ({ ...one, build }))))(
  '$build: $about',
  async ({ actions, build }) => {
    const counts = await runProgram(actions, build);
    expect(Object.keys(counts).length).toBeGreaterThan(0);
  },
);

it.each(BUILDS)('%s: drawn programs end in what the definition says, or in words', async (build) => {
  const { seed = 0 } = runsOf(0, `fuzz ${build}`);
  const { programs, steps, counts, failure } = await fuzz(seed, PROGRAMS, build);
  if (failure !== null) {
    const { message, path: at, actions } = failure;
    throw new Error(
      `${message}\nnode scripts/fuzz-api.mjs --build ${build} --seed ${seed} --path ${at}\n${JSON.stringify(actions)}`,
    );
  }
  const kinds = Object.keys(counts).length;
  console.log(`fuzzed: ${programs} programs of ${steps} steps, ${kinds} kinds of outcomes, ${build}`);
  for (const what of ['forward', 'backward', 'call', 'forward: OUT_OF_MEMORY', 'forward: DISPOSED']) {
    expect(counts[what], what).toBeGreaterThan(0);
  }
});
