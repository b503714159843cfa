// Runs random programs against the whole public API and says what became of them: every step must give what a
// plain oracle gives, or a DeconvError that says why not, and leave nothing behind.
//
//   node scripts/fuzz-api.mjs [--minutes 30] [--seed 1] [--build simd] [--path PATH] [--replay FILE] [--keep FOLDER]
//
// Needs dist/ (scripts/build.mjs). A finding is printed as the smallest program that shows it, with the seed and the
// path that lead there; --keep writes it to FOLDER as a file for tests/fuzz/corpus, and --replay runs such a file.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { runnerImport } from 'vite';
import { workWatched } from './fuzz-watch.mjs';

/** Programs between two reports; each such part has a seed of its own. */
const PART = 200;

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      build: { type: 'string', default: 'simd' },
      path: { type: 'string' },
      replay: { type: 'string' },
      keep: { type: 'string' },
    },
  });
  const { failures } = await workWatched('fuzz-api', new URL(import.meta.url), values);
  process.exitCode = failures > 0 ? 1 : 0;
} else {
  parentPort.postMessage({ done: await work(workerData) });
}

async function work({ minutes, seed, build, path: from, replay, keep }) {
  const entry = path.join(import.meta.dirname, '..', 'tests', 'fuzz', 'run.ts');
  // Node 20 has no `using` yet.
  const { module } = await runnerImport(entry, {
    configFile: false,
    logLevel: 'error',
    oxc: { target: 'node20' },
  });
  if (replay !== undefined) {
    console.log(await module.runProgram(JSON.parse(readFileSync(replay, 'utf8')).actions, build));
    return { failures: 0 };
  }
  const started = performance.now();
  const counts = {};
  const found = new Map();
  let [programs, steps] = [0, 0];
  for (let part = 0; performance.now() - started < minutes * 60_000; part += 1) {
    const onProgram = (actions) => parentPort.postMessage({ current: JSON.stringify(actions) });
    const result = await module.fuzz(Number(seed) + part, PART, build, { path: from, onProgram });
    programs += result.programs;
    steps += result.steps;
    for (const [what, count] of Object.entries(result.counts)) counts[what] = (counts[what] ?? 0) + count;
    const { failure } = result;
    if (failure !== null) {
      // The same fault is found again and again: numbers apart, its first words tell it.
      const kind = failure.message.replaceAll(/-?\d[\d.e+-]*/g, '#').slice(0, 160);
      if (!found.has(kind)) report(failure, found.size, keep);
      found.set(kind, (found.get(kind) ?? 0) + 1);
    }
    if (from !== undefined) break;
  }
  console.log(
    `${programs} programs of ${steps} steps, ${((performance.now() - started) / 60_000).toFixed(1)} minutes`,
  );
  for (const [what, count] of Object.entries(counts).sort())
    console.log(`  ${what.padEnd(44)}${String(count).padStart(9)}`);
  console.log(`findings: ${found.size}`);
  for (const [kind, count] of found) console.log(`  ${count} times: ${kind}`);
  return { failures: found.size };
}

function report({ message, seed, path: at, actions }, index, keep) {
  console.log(`--seed ${seed} --path ${at}\n${message}\n${JSON.stringify(actions)}\n`);
  if (keep === undefined) return;
  mkdirSync(keep, { recursive: true });
  writeFileSync(
    path.join(keep, `${seed}-${index}.json`),
    `${JSON.stringify({ about: message, actions }, null, 2)}\n`,
  );
}
