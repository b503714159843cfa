// Which lines and branches of cpp/src do the C++ tests reach? Builds the preset native-coverage, runs the tests
// on one and on three threads, and prints a table and each line that no test reached. unreached.json says why
// some cannot be; any other makes the exit code 1, and so does a reason for a line that is reached or gone.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const build = path.join(root, 'build', 'native-coverage');
const program = path.join(build, 'cpp', 'tests', 'deconv_tests');
const merged = path.join(build, 'all.profdata');

run('cmake', ['--preset', 'native-coverage']);
run('cmake', ['--build', build]);
const profiles = ['1', '3'].map((threads) => {
  const profile = path.join(build, `threads-${threads}.profraw`);
  run(program, ['--no-colors'], { DECONV_TEST_THREADS: threads, LLVM_PROFILE_FILE: profile });
  return profile;
});
run('llvm-profdata-19', ['merge', '-o', merged, ...profiles]);

const exported = run('llvm-cov-19', ['export', '-format=lcov', `-instr-profile=${merged}`, program]);
const files = exported
  .split('end_of_record\n')
  .map(coverageOf)
  .filter(({ file }) => file.startsWith('cpp/src/'));

const total = { file: 'cpp/src', lines: [0, 0], branches: [0, 0] };
for (const { lines, branches } of files) {
  for (const index of [0, 1]) {
    total.lines[index] += lines[index];
    total.branches[index] += branches[index];
  }
}
const width = Math.max(...files.map(({ file }) => file.length));
for (const row of [...files, total]) {
  console.log(`${row.file.padEnd(width)}  lines ${share(row.lines)}  branches ${share(row.branches)}`);
}

const reasons = JSON.parse(readFileSync(path.join(import.meta.dirname, 'unreached.json'), 'utf8'));
const stale = new Set(
  Object.entries(reasons).flatMap(([file, lines]) => Object.keys(lines).map((line) => `${file}: ${line}`)),
);
let unexplained = 0;
for (const { file, unreached } of files) {
  const text = readFileSync(path.join(root, file), 'utf8').split('\n');
  let reason;
  for (const [index, number] of unreached.entries()) {
    const line = text[number - 1].trim();
    // A reason holds for the lines that follow without a gap.
    if (unreached[index - 1] !== number - 1) reason = undefined;
    reason = reasons[file]?.[line] ?? reason;
    stale.delete(`${file}: ${line}`);
    if (reason === undefined) unexplained += 1;
    console.log(`${file}:${number}: ${line}${reason === undefined ? '' : `  [${reason}]`}`);
  }
}
for (const line of stale) console.log(`${line}  [explained, but reached or gone]`);
console.log(`${unexplained} lines neither reached nor explained, ${stale.size} explanations stale`);
process.exitCode = unexplained + stale.size === 0 ? 0 : 1;

function coverageOf(record) {
  const value = (key) => Number(new RegExp(`^${key}:(\\d+)`, 'm').exec(record)?.[1] ?? 0);
  return {
    file: path.relative(root, /^SF:(.*)$/m.exec(record)?.[1] ?? root),
    lines: [value('LH'), value('LF')],
    branches: [value('BRH'), value('BRF')],
    unreached: [...record.matchAll(/^DA:(\d+),0$/gm)].map(([, line]) => Number(line)),
  };
}

function share([reached, all]) {
  const percent = all === 0 ? 100 : (100 * reached) / all;
  return `${percent.toFixed(1).padStart(5)} % ${`(${reached}/${all})`.padEnd(11)}`;
}

function run(command, args, environment = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    maxBuffer: 1 << 28,
  });
  if (status === 0) return stdout;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  throw new Error(`${command}: ${error?.message ?? `exit code ${status}`}. Run: node scripts/setup.mjs`);
}
