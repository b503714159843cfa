// The core's fuzzer: the kept programs, then new ones for a minute. Half an hour of it: see CONTRIBUTING.md.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { runsOf } from '../support/seed.js';
import { oncePassed } from './passed.js';

const SECONDS = 60;

const root = path.join(import.meta.dirname, '..', '..');
const kept = path.join(root, 'cpp', 'fuzz', 'corpus');
const folder = path.join(root, 'build', 'native-asan', 'cpp', 'fuzz');
const program = path.join(folder, 'operator_fuzzer');
const artifacts = path.join(root, 'build', 'fuzz-findings');

export async function fuzz(): Promise<void> {
  const { seed = 0 } = runsOf(0, 'operator_fuzzer');
  const corpus = readdirSync(kept).sort();
  const files = [program, ...corpus.map((name) => path.join(kept, name))];
  await oncePassed('operator_fuzzer', [...files.map((file) => readFileSync(file)), `${seed}`], async () => {
    mkdirSync(artifacts, { recursive: true });
    const found = mkdtempSync(path.join(folder, 'found-'));
    try {
      const { code, output } = await run(
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
      expect(programs).toBeGreaterThan(corpus.length);
    } finally {
      rmSync(found, { recursive: true });
    }
  });
}

function run(...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args);
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
