// The core's fuzzer: the kept programs, then new ones for less than a minute. Half an hour of it: see CONTRIBUTING.md.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { runsOf } from '../support/seed.js';
import { buildProgram } from './build-program.js';

const SECONDS = 45;

const root = path.join(import.meta.dirname, '..', '..');
const kept = path.join(root, 'cpp', 'fuzz', 'corpus');
const folder = path.join(root, 'build', 'native-fuzz', 'cpp', 'fuzz');
const artifacts = path.join(root, 'build', 'fuzz-findings');

function fuzz(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(folder, 'operator_fuzzer'), args);
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

test(
  'drawn operators end in what the definition says, or in words',
  async () => {
    await buildProgram('native-fuzz');
    mkdirSync(artifacts, { recursive: true });
    const found = mkdtempSync(path.join(folder, 'found-'));
    try {
      const { seed = 0 } = runsOf(0, 'operator_fuzzer');
      const { code, output } = await fuzz(
        `-seed=${seed >>> 0 || 1}`,
        `-max_total_time=${SECONDS}`,
        '-max_len=400',
        '-print_final_stats=1',
        `-artifact_prefix=${artifacts}/`,
        found,
        kept,
      );
      expect(code, output).toBe(0);
      const programs = Number(/number_of_executed_units: (\d+)/.exec(output)?.[1]);
      const reached = output.match(/cov: \d+/g)?.at(-1);
      console.log(`fuzzed: ${programs} programs of the core, ${reached}`);
      expect(programs).toBeGreaterThan(readdirSync(kept).length);
    } finally {
      rmSync(found, { recursive: true });
    }
  },
  20 * PATIENCE_MS,
);
