// How much of the core do its C++ tests guard? Applies one-line faults to cpp/src, one at a time, in a copy of
// the tree, builds that and runs the tests: natively, then those that survive under sanitizers with three
// threads and with the tiles of relaxed SIMD. A fault that no test sees survives; scripts/mutations/equivalent.json
// explains those that change nothing. By hand, not on every run: a mutant takes 5 to 20 s.
//
//   node scripts/mutate.mjs                      150 mutants of all files
//     --count N --seed N                         so many, picked by another seed
//     --file PART                                of files whose path holds PART
//     --line TEXT                                of lines that hold TEXT
//     --all                                      every mutant there is
//     --estimates                                of the cost model alone, which are left out otherwise
//     --again                                    those that survived the last run
//     --list                                     says which, and runs nothing
//     --plain                                    without the sanitizers

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { mutationsOf } from './mutations/rules.mjs';

const root = path.dirname(import.meta.dirname);
const scratch = path.join(root, 'build', 'mutants');
const REPORT = path.join(scratch, 'report.json');
const EQUIVALENT = path.join(import.meta.dirname, 'mutations', 'equivalent.json');
/** Presets of CMakePresets.json, and threads: what one cannot tell, the next may. */
const STAGES = [
  { preset: 'native', threads: 1 },
  { preset: 'native-asan', threads: 3 },
  { preset: 'native-relaxed', threads: 1 },
];
/** Sizes of caches: they decide how fast a result comes, and tests set their own. */
const TUNING = 'cpp/src/machine.h';
/** Beside cpp/, what CMake reads. */
const TREE = ['CMakeLists.txt', 'CMakePresets.json', 'package.json', 'package-lock.json'];

const { values: flags } = parseArgs({
  options: {
    count: { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    file: { type: 'string', default: '' },
    line: { type: 'string', default: '' },
    all: { type: 'boolean', default: false },
    estimates: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    plain: { type: 'boolean', default: false },
  },
});

const explained = JSON.parse(readFileSync(EQUIVALENT, 'utf8'));
const mutants = pick();
if (flags.list) {
  for (const mutant of mutants) console.log(titleOf(mutant));
  console.log(`${mutants.length} mutants`);
} else {
  process.exitCode = await runAll();
}

function pick() {
  const all = sources()
    .filter((file) => file.includes(flags.file))
    .flatMap((file) =>
      mutationsOf(readFileSync(path.join(root, file), 'utf8')).map((mutation) => ({ file, ...mutation })),
    )
    .filter(({ file, estimate }) => (estimate || file === TUNING) === flags.estimates)
    .filter(({ original }) => original.includes(flags.line));
  if (flags.again) {
    const survivors = new Set(JSON.parse(readFileSync(REPORT, 'utf8')).survived.map(keyOf));
    return all.filter((mutant) => survivors.has(keyOf(mutant)));
  }
  return flags.all ? all : shuffled(all, Number(flags.seed)).slice(0, Number(flags.count));
}

function sources() {
  return readdirSync(path.join(root, 'cpp', 'src'), { recursive: true })
    .filter((name) => /\.(cpp|h)$/.test(name))
    .map((name) => path.posix.join('cpp/src', name))
    .sort();
}

/** Fisher and Yates, with the numbers of mulberry32. */
function shuffled(values, seed) {
  const list = [...values];
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let index = list.length - 1; index > 0; index -= 1) {
    const other = Math.floor(next() * (index + 1));
    [list[index], list[other]] = [list[other], list[index]];
  }
  return list;
}

/** What survives one stage goes into the next, all together: each builds everything once. */
async function runAll() {
  copyTree();
  const outcomes = { killed: [], survived: mutants, 'timed out': [], 'did not compile': [] };
  for (const stage of flags.plain ? STAGES.slice(0, 1) : STAGES) {
    const candidates = outcomes.survived;
    outcomes.survived = [];
    const limit = candidates.length > 0 ? await limitOf(stage) : 0;
    for (const [index, mutant] of candidates.entries()) {
      const outcome = await tryOut(mutant, { ...stage, limit });
      outcomes[outcome].push(mutant);
      console.log(`${stage.preset} ${index + 1}/${candidates.length} ${outcome}: ${titleOf(mutant)}`);
      writeFileSync(REPORT, JSON.stringify(outcomes, null, 1));
    }
  }
  return report(outcomes);
}

/** How long the tests may take with a mutation, by what they take without. */
async function limitOf(stage) {
  await configure(stage);
  const { code, output } = await build(stage);
  if (code !== 0) throw new Error(`mutate: the tests do not compile\n${tailOf(output)}`);
  const { outcome, seconds } = await test(stage, [], 'unlimited');
  if (outcome !== 'passed') throw new Error(`mutate: ${stage.preset}: the tests fail without any mutation`);
  return Math.ceil(2 + 2 * seconds);
}

/** Files that did not change keep their times, so that only what changed is compiled. */
function copyTree() {
  mkdirSync(scratch, { recursive: true });
  const files = readdirSync(path.join(root, 'cpp'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  const kept = new Set(files);
  for (const entry of readdirSync(path.join(scratch), { recursive: true, withFileTypes: true })) {
    const name = path.relative(scratch, path.join(entry.parentPath, entry.name));
    if (entry.isFile() && name.startsWith('cpp/') && !kept.has(name)) rmSync(path.join(scratch, name));
  }
  for (const name of [...TREE, ...files]) {
    const text = readFileSync(path.join(root, name));
    const target = path.join(scratch, name);
    if (existsSync(target) && readFileSync(target).equals(text)) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  for (const folder of ['.toolchain', 'node_modules']) {
    const link = path.join(scratch, folder);
    if (!existsSync(link)) symlinkSync(path.join(root, folder), link);
  }
}

async function configure({ preset }) {
  if (existsSync(path.join(scratch, 'build', preset, 'build.ninja'))) return;
  const { code, output } = await run('cmake', ['--preset', preset]);
  if (code !== 0) throw new Error(`mutate: ${preset} cannot be configured\n${tailOf(output)}`);
}

/**
 * A mutation leaves variables that nobody reads, and wants no debugger. Clang alone sees these options, so that
 * the cache serves what is not mutated; nothing that they made may get into it.
 */
const MUTATED = { CCC_OVERRIDE_OPTIONS: '# +-w +-g0', CCACHE_READONLY: '1' };

function build({ preset }, environment = {}) {
  return run('cmake', ['--build', path.join('build', preset), '--target', 'deconv_tests'], environment);
}

async function tryOut(mutant, stage) {
  const file = path.join(scratch, mutant.file);
  const source = readFileSync(file, 'utf8');
  writeFileSync(file, apply(source, mutant));
  try {
    const built = await build(stage, MUTATED);
    if (built.code !== 0) return 'did not compile';
    // The file's own tests first: most faults end there.
    const own = `*${path.basename(mutant.file).replace(/\..*/, '')}_test*`;
    for (const selection of [[`--source-file=${own}`], []]) {
      const { outcome } = await test(stage, selection, stage.limit);
      if (outcome !== 'passed') return outcome;
    }
    return 'survived';
  } finally {
    writeFileSync(file, source);
  }
}

function apply(source, { from, to, text }) {
  return source.slice(0, from) + text + source.slice(to);
}

/** A limit on the processor's seconds, not on those of the clock, which a busy machine stretches. */
async function test({ preset, threads }, selection, limit) {
  const program = path.join('build', preset, 'cpp', 'tests', 'deconv_tests');
  const limited = 'ulimit -t "$0"; "$@"; code=$?; times; exit $code';
  const args = ['-c', limited, String(limit), program, '--abort-after=1', ...selection];
  const { code, output } = await run('bash', args, { DECONV_TEST_THREADS: String(threads) });
  const [, minutes, seconds] = /(\d+)m([\d.]+)s \d+m[\d.]+s\s*$/.exec(output);
  const late = code === 128 + constants.signals.SIGXCPU || code === 128 + constants.signals.SIGKILL;
  return {
    outcome: late ? 'timed out' : code === 0 ? 'passed' : 'killed',
    seconds: 60 * Number(minutes) + Number(seconds),
  };
}

function run(command, args, more = {}) {
  const env = { ...process.env, CCACHE_BASEDIR: scratch, CCACHE_NOHASHDIR: '1', ...more };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: scratch, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stderr, child.stdout]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-20_000);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

function report(outcomes) {
  const known = new Map(explained.map((entry) => [keyOf(entry), entry]));
  const unexplained = outcomes.survived.filter((mutant) => !known.has(keyOf(mutant)));
  const compiled = mutants.length - outcomes['did not compile'].length;
  const share = ((100 * outcomes.survived.length) / Math.max(1, compiled)).toFixed(1);
  console.log('');
  for (const [outcome, list] of Object.entries(outcomes)) console.log(`${outcome}: ${list.length}`);
  console.log(`survived of those that compile: ${share} %, ${unexplained.length} of them unexplained`);
  for (const mutant of outcomes.survived) {
    console.log(`\n${titleOf(mutant)}\n  ${known.get(keyOf(mutant))?.why ?? 'UNEXPLAINED'}`);
  }
  for (const mutant of [...outcomes.killed, ...outcomes['timed out']]) {
    if (known.has(keyOf(mutant))) console.log(`\n${titleOf(mutant)}\n  is explained, but a test sees it`);
  }
  for (const entry of explained) {
    const text = readIfThere(path.join(root, entry.file));
    if (!text.includes(entry.original)) console.log(`\n${entry.file}: no longer has "${entry.original}"`);
  }
  return unexplained.length > 0 ? 1 : 0;
}

function tailOf(output) {
  return output.split('\n').slice(-30).join('\n');
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function titleOf({ file, line, original, mutant }) {
  return `${file}:${line}\n    ${original}\n    ${mutant}`;
}

/** Lines move; what stands on them tells them apart. */
function keyOf({ file, original, mutant }) {
  return `${file}\n${original}\n${mutant}`;
}
