// Runs the C++ tests, which are WebAssembly programs, and shows what they print at the end.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const build = path.join(import.meta.dirname, '..', '..', 'build');

test.each(['debug', 'sanitize'])('C++ tests, %s build', (preset) => {
  const program = path.join(build, preset, 'cpp', 'tests', 'deconv_tests.cjs');
  if (!existsSync(program)) {
    throw new Error(`no C++ tests in build/${preset}: run node scripts/build.mjs --tests`);
  }
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, '--no-colors'], {
    encoding: 'utf8',
    timeout: 9 * 60_000,
  });
  const summary = stdout.match(/^\[doctest\] (test cases|assertions|Status):.*$/gm);
  for (const line of summary ?? []) console.log(`${preset}: ${line}`);
  expect(status, `${signal ?? ''}\n${stdout}\n${stderr}`).toBe(0);
  // A program that ended before its tests did says nothing, and may still exit with 0.
  expect(stdout).toContain('[doctest] Status: SUCCESS!');
});
