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
//     --jobs N                                   so many at a time, each in a tree of its own; 2

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
import path from 'node:path';
import { parseArgs } from 'node:util';
import { explanationOf, keyOf, staleExplanations } from './mutations/explanations.mjs';
import { mutationsOf } from './mutations/rules.mjs';

const root = path.dirname(import.meta.dirname);
const scratch = path.join(root, 'build', 'mutants');
const REPORT = path.join(scratch, 'report.json');
/** Presets of CMakePresets.json, and threads: what one cannot tell, the next may. */
const STAGES = [
  { preset: 'native', threads: 1 },
  { preset: 'native-asan', threads: 3 },
  { preset: 'native-relaxed', threads: 1 },
];
/**
 * A mutation leaves variables that nobody reads, and wants no debugger. Clang alone sees these options, so that
 * the cache serves what is not mutated; nothing that they made may get into it.
 */
const MUTATED = { CCC_OVERRIDE_OPTIONS: '# +-w +-g0', CCACHE_READONLY: '1' };
/** Of the processor's time that Linux counts, a second. */
const TICKS = 100;
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
    jobs: { type: 'string', default: '2' },
  },
});

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
  const trees = Array.from({ length: Number(flags.jobs) }, (_, index) => path.join(scratch, `${index}`));
  trees.forEach(copyTree);
  const outcomes = { killed: [], survived: mutants, 'timed out': [], 'did not compile': [] };
  for (const stage of flags.plain ? STAGES.slice(0, 1) : STAGES) {
    const candidates = outcomes.survived;
    outcomes.survived = [];
    if (candidates.length === 0) break;
    for (const tree of trees) await prepare(tree, stage);
    const limit = await limitOf(trees[0], stage);
    let next = 0;
    const work = async (tree) => {
      while (next < candidates.length) {
        const index = next++;
        const mutant = candidates[index];
        const outcome = await tryOut(tree, mutant, { ...stage, limit });
        outcomes[outcome].push(mutant);
        console.log(`${stage.preset} ${index + 1}/${candidates.length} ${outcome}: ${titleOf(mutant)}`);
        writeFileSync(REPORT, JSON.stringify(outcomes, null, 1));
      }
    };
    await Promise.all(trees.map(work));
    const counts = Object.entries(outcomes).map(([outcome, list]) => `${outcome} ${list.length}`);
    console.log(`after ${stage.preset}: ${counts.join(', ')}`);
  }
  return report(outcomes);
}

async function prepare(tree, stage) {
  await configure(tree, stage);
  const { code, output } = await build(tree, stage);
  if (code !== 0) throw new Error(`mutate: the tests do not compile\n${tailOf(output)}`);
}

/** How long the tests may take with a mutation, by what they take without. */
async function limitOf(tree, stage) {
  const { outcome, seconds, output } = await test(tree, stage, [], 'unlimited');
  if (outcome !== 'passed')
    throw new Error(`mutate: ${stage.preset}: the tests fail without any mutation\n${tailOf(output)}`);
  return Math.ceil(2 + 2 * seconds);
}

/** Files that did not change keep their times, so that only what changed is compiled. */
function copyTree(tree) {
  mkdirSync(tree, { recursive: true });
  const files = readdirSync(path.join(root, 'cpp'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  const kept = new Set(files);
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    const name = path.relative(tree, path.join(entry.parentPath, entry.name));
    if (entry.isFile() && name.startsWith('cpp/') && !kept.has(name)) rmSync(path.join(tree, name));
  }
  for (const name of [...TREE, ...files]) {
    const text = readFileSync(path.join(root, name));
    const target = path.join(tree, name);
    if (existsSync(target) && readFileSync(target).equals(text)) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  for (const folder of ['.toolchain', 'node_modules']) {
    const link = path.join(tree, folder);
    if (!existsSync(link)) symlinkSync(path.join(root, folder), link);
  }
}

async function configure(tree, { preset }) {
  if (existsSync(path.join(tree, 'build', preset, 'build.ninja'))) return;
  const { code, output } = await run(tree, 'cmake', ['--preset', preset]);
  if (code !== 0) throw new Error(`mutate: ${preset} cannot be configured\n${tailOf(output)}`);
}

function build(tree, { preset }, environment) {
  return run(tree, 'cmake', ['--build', path.join('build', preset), '--target', 'deconv_tests'], {
    environment,
  });
}

async function tryOut(tree, mutant, stage) {
  const file = path.join(tree, mutant.file);
  const source = readFileSync(file, 'utf8');
  writeFileSync(file, apply(source, mutant));
  try {
    const built = await build(tree, stage, MUTATED);
    if (built.code !== 0) return 'did not compile';
    // The tests of the file, and of its folder, first: most faults end there.
    const own = [mutant.file.replace(/\..*/, ''), path.dirname(mutant.file)].map(
      (name) => `*${path.basename(name)}_test*`,
    );
    for (const selection of [[`--source-file=${own}`], []]) {
      const { outcome } = await test(tree, stage, selection, stage.limit);
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
async function test(tree, { preset, threads }, selection, limit) {
  const program = path.join('build', preset, 'cpp', 'tests', 'deconv_tests');
  const args = ['-c', 'ulimit -t "$0"; exec "$@"', `${limit}`, program, '--abort-after=1', ...selection];
  const processor = { seconds: 0, still: 0 };
  const { code, signal, output } = await run(tree, 'bash', args, {
    environment: { DECONV_TEST_THREADS: String(threads) },
    watch: (child) => watch(child, processor),
  });
  const late = signal === 'SIGXCPU' || signal === 'SIGKILL';
  return { outcome: late ? 'timed out' : code === 0 ? 'passed' : 'killed', ...processor, output };
}

/**
 * A heap that a fault has spoilt can leave its lock held, and whoever reports the crash waits for that for good:
 * ends a process that has slept for long.
 */
function watch(child, processor) {
  const stat = readIfThere(`/proc/${child.pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  const seconds = (Number(stat[11]) + Number(stat[12])) / TICKS;
  processor.still = stat[0] === 'S' && seconds === processor.seconds ? processor.still + 1 : 0;
  if (seconds > 0) processor.seconds = seconds;
  if (processor.still > 10) child.kill('SIGKILL');
}

function run(tree, command, args, { environment, watch = () => {} } = {}) {
  const env = { ...process.env, CCACHE_BASEDIR: tree, CCACHE_NOHASHDIR: '1', ...environment };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: tree, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setInterval(() => watch(child), 1000);
    let output = '';
    for (const stream of [child.stderr, child.stdout]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-20_000);
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearInterval(timer);
      resolve({ code, signal, output });
    });
  });
}

function report(outcomes) {
  const unexplained = outcomes.survived.filter((mutant) => explanationOf(mutant) === undefined);
  const compiled = mutants.length - outcomes['did not compile'].length;
  const share = ((100 * unexplained.length) / Math.max(1, compiled)).toFixed(1);
  console.log('');
  for (const [outcome, list] of Object.entries(outcomes)) console.log(`${outcome}: ${list.length}`);
  console.log(`changes nothing, and explained: ${outcomes.survived.length - unexplained.length}`);
  console.log(`unexplained: ${unexplained.length}, ${share} % of the ${compiled} that compile`);
  for (const mutant of outcomes.survived) {
    console.log(`\n${titleOf(mutant)}\n  ${explanationOf(mutant)?.why ?? 'UNEXPLAINED'}`);
  }
  for (const mutant of [...outcomes.killed, ...outcomes['timed out']]) {
    if (explanationOf(mutant)) console.log(`\n${titleOf(mutant)}\n  is explained, but a test sees it`);
  }
  for (const sentence of staleExplanations(root)) console.log(`\n${sentence}`);
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
