// Runs the C++ tests, which are WebAssembly programs, and shows what they print at the end. Each program runs in
// parts, two at a time: under the sanitizers one alone takes ten minutes.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const build = path.join(import.meta.dirname, '..', '..', 'build');
const PARTS = 8;
/** A guard against a hang, far above what a part takes on a busy machine. */
const LONGEST_MS = 40 * 60_000;

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

function programOf(preset: string): string {
  const program = path.join(build, preset, 'cpp', 'tests', 'deconv_tests.cjs');
  if (existsSync(program)) return program;
  throw new Error(`no C++ tests in build/${preset}: run node scripts/build.mjs --tests`);
}

function countOf(program: string): number {
  const { stdout } = spawnSync(process.execPath, [program, '--no-colors', '--count'], { encoding: 'utf8' });
  const count = /filters: (\d+)/.exec(stdout)?.[1];
  if (count === undefined) throw new Error(`${program} counts no test cases:\n${stdout}`);
  return Number(count);
}

function run(program: string, first: number, last: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const args = [program, '--no-colors', `--first=${first}`, `--last=${last}`];
    const child = spawn(process.execPath, args, { timeout: LONGEST_MS });
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

const PARTS_OF_ALL = ['debug', 'sanitize'].flatMap((preset) =>
  Array.from({ length: PARTS }, (_, part) => [preset, part] as const),
);

test.concurrent.each(PARTS_OF_ALL)(
  'C++ tests, %s build, part %i',
  async (preset, part) => {
    const program = programOf(preset);
    const count = countOf(program);
    const first = Math.floor((part * count) / PARTS) + 1;
    const last = Math.floor(((part + 1) * count) / PARTS);
    const { code, output } = await run(program, first, last);
    for (const [line] of output.matchAll(/^\[doctest\] assertions:.*$/gm)) {
      console.log(`${preset}, ${first} to ${last} of ${count}: ${line}`);
    }
    expect(code, output).toBe(0);
    // A program that ended before its tests did says nothing, and may still exit with 0.
    expect(output).toContain('[doctest] Status: SUCCESS!');
  },
  LONGEST_MS,
);

test('there are C++ tests', () => {
  expect(countOf(programOf('debug'))).toBeGreaterThan(PARTS);
});
