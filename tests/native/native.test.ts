// Builds and runs the C++ tests: in WebAssembly, on the core's objects that ship, and natively on three threads. Shows
// what they print at the end. Each program runs in parts, two at a time, while the next one is compiled. Instead of
// these, DECONV_SANITIZERS=1, as in npm run test:sanitizers, takes each native program under a sanitizer, and the one
// with the tiles of relaxed SIMD, on one thread and on three, WebAssembly with assertions, and the fuzzer.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildProgram } from './build-program.js';
import { fuzz } from './fuzz.js';
import { oncePassed } from './passed.js';

const build = path.join(import.meta.dirname, '..', '..', 'build');
const SANITIZERS = process.env.DECONV_SANITIZERS === '1';
const RUNS = SANITIZERS
  ? [
      ...['native-asan', 'native-msan', 'native-tsan', 'native-relaxed'].flatMap((preset) =>
        [1, 3].map((threads) => ({ preset, threads })),
      ),
      { preset: 'debug', threads: 1 },
    ]
  : [
      { preset: 'simd', threads: 1 },
      { preset: 'native', threads: 3 },
    ];
const PARTS = 4;
/** A guard against a hang, far above what a part takes on a busy machine. */
const LONGEST_MS = 40 * 60_000;

type Run = (typeof RUNS)[number];

/** One after the other, in the order in which they are run. */
const built = new Map<string, Promise<void>>();
for (const { preset } of RUNS) {
  const before = [...built.values()].at(-1);
  if (!built.has(preset))
    built.set(
      preset,
      Promise.allSettled([before]).then(() => buildProgram(preset)),
    );
}
for (const program of built.values()) program.catch(() => {});

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** Command and first arguments. */
function commandOf(preset: Run['preset']): readonly [string, ...string[]] {
  const program = path.join(build, preset, 'cpp', 'tests', 'deconv_tests');
  if (existsSync(`${program}.cjs`)) return [process.execPath, `${program}.cjs`];
  if (existsSync(program)) return [program];
  throw new Error(`no C++ tests in build/${preset}: node scripts/build.mjs --program ${preset} left none`);
}

/** All that decides a run beside its name. */
function inputsOf({ preset }: Run): readonly (string | Uint8Array)[] {
  const program = path.join(build, preset, 'cpp', 'tests', 'deconv_tests');
  if (existsSync(program)) return [readFileSync(program)];
  return [process.version, readFileSync(`${program}.cjs`), readFileSync(`${program}.wasm`)];
}

async function countOf(preset: Run['preset']): Promise<number> {
  await built.get(preset);
  const [command, ...args] = commandOf(preset);
  const { stdout } = spawnSync(command, [...args, '--no-colors', '--count'], { encoding: 'utf8' });
  const count = /filters: (\d+)/.exec(stdout)?.[1];
  if (count === undefined) throw new Error(`${command} counts no test cases:\n${stdout}`);
  return Number(count);
}

function run({ preset, threads }: Run, first: number, last: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const [command, ...args] = commandOf(preset);
    const child = spawn(command, [...args, '--no-colors', `--first=${first}`, `--last=${last}`], {
      timeout: LONGEST_MS,
      env: { ...process.env, DECONV_TEST_THREADS: String(threads) },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, output: `${signal ?? ''}\n${output}` }));
  });
}

const PARTS_OF_ALL = RUNS.flatMap((each) => Array.from({ length: PARTS }, (_, part) => ({ ...each, part })));

test.concurrent.each(PARTS_OF_ALL)(
  'C++ tests, $preset build, $threads threads, part $part',
  async ({ part, ...each }) => {
    const count = await countOf(each.preset);
    const first = Math.floor((part * count) / PARTS) + 1;
    const last = Math.floor(((part + 1) * count) / PARTS);
    const name = `${each.preset}, ${each.threads} threads, ${first} to ${last} of ${count}`;
    await oncePassed(name, inputsOf(each), async () => {
      const { code, output } = await run(each, first, last);
      for (const [line] of output.matchAll(/^\[doctest\] assertions:.*$/gm)) console.log(`${name}: ${line}`);
      expect(code, output).toBe(0);
      // A program that ended before its tests did says nothing, and may still exit with 0.
      expect(output).toContain('[doctest] Status: SUCCESS!');
    });
  },
  LONGEST_MS,
);

if (SANITIZERS)
  test.concurrent(
    'drawn operators end in what the definition says, or in words',
    async () => {
      await built.get('native-asan');
      await fuzz();
    },
    LONGEST_MS,
  );

test('every build has the same C++ tests', async () => {
  // But for the cases on layers that the plain build measured.
  const plain = RUNS.filter(({ preset }) => preset !== 'native-relaxed');
  const counts = await Promise.all(plain.map(({ preset }) => countOf(preset)));
  expect(Math.min(...counts)).toBeGreaterThan(PARTS);
  expect(new Set(counts).size).toBe(1);
});
