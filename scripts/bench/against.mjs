// This tree's package against another build of it, in turns in one process: the judged cases, and the time of a
// call that computes next to nothing. Ratios above 1 mean that this tree is faster.
//
//   node scripts/bench/against.mjs DIST [--build relaxed] [--cases LIST] [--rounds 20] [--seconds 2]
//                                  [--pairs 1]
//
// DIST is the other dist/ folder, for instance of a worktree of an earlier commit. Where a process happens to lie in
// memory is worth up to 3 % either way, even between a build and itself: `--pairs 8` starts eight pairs of processes
// for each case, and prints the middle ratio and the range of the middle half.

import { fork } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { JUDGED } from './cases.mjs';
import { folders } from './folders.mjs';
import { geometryOf } from './geometry.mjs';
import { measure } from './measure.mjs';
import { errorOf, makeProblem, TOLERANCE } from './problem.mjs';
import { geometricMean, quantile } from './statistics.mjs';

/** So small that what is measured is the way of a call. */
const CALL = { name: 'call', of: 'overhead', input: [2], channels: [1, 1], kernel: 1, stride: 1, padding: 0 };
const CALLS_A_RUN = 2000;

if (process.send === undefined) await main();
else process.once('message', async (job) => process.send(await runJob(job), () => process.exit(0)));

async function main() {
  const text = { type: 'string' };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { build: text, cases: text, rounds: text, seconds: text, pairs: text },
  });
  const [before] = positionals;
  if (before === undefined) {
    console.error(
      'against: expected the dist/ folder to compare with. See the head of scripts/bench/against.mjs.',
    );
    process.exit(2);
  }
  const wanted = values.cases?.split(',');
  const layers = [...JUDGED, CALL].filter(({ name }) => wanted?.includes(name) ?? true);
  const ratios = [];
  for (const layer of layers) {
    const job = {
      layer,
      build: values.build ?? 'relaxed',
      rounds: Number(values.rounds ?? 20),
      milliseconds: 1000 * Number(values.seconds ?? 2),
      before: path.resolve(before),
    };
    const pairs = [];
    for (let pair = 0; pair < Number(values.pairs ?? 1); pair += 1) {
      pairs.push(
        bothOrders(await inProcess({ ...job, newFirst: false }), await inProcess({ ...job, newFirst: true })),
      );
    }
    const plain = overPairs(pairs.map((pair) => pair.plain));
    const out = overPairs(pairs.map((pair) => pair.out));
    console.log(
      `${layer.name.padEnd(16)} new array ${show(plain)}; out ${show(out)}; ${pairs[0].routes.join(' -> ')}`,
    );
    if (layer === CALL) {
      const extra = (1e6 * (out.now - out.old)) / CALLS_A_RUN;
      console.log(`a call costs ${extra.toFixed(0)} ns more than before`);
    } else {
      ratios.push([plain.ratio, out.ratio]);
    }
  }
  if (ratios.length > 0) {
    const mean = (index) => geometricMean(ratios.map((pair) => pair[index])).toFixed(3);
    console.log(`geometric mean of ${ratios.length}: new array ${mean(0)}, out ${mean(1)}`);
  }
}

/** Whichever is loaded second is up to 3 % slower, whatever it is: each is second once. */
function bothOrders(one, other) {
  const mean = (key) => one[key].map((time, side) => Math.sqrt(time * other[key][side]));
  return { plain: mean('plain'), out: mean('out'), routes: one.routes };
}

/** The middle of [old, now] times of every pair. */
function overPairs(times) {
  const of = (number) => quantile(times.map(number), 0.5);
  const ratios = times.map(([old, now]) => old / now);
  return {
    old: of(([old]) => old),
    now: of(([, now]) => now),
    ratio: quantile(ratios, 0.5),
    range: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    count: ratios.length,
  };
}

function show({ old, now, ratio, range, count }) {
  const spread = count === 1 ? '' : `, half of ${count} in ${range.map((r) => r.toFixed(3)).join(' to ')}`;
  return `${old.toFixed(4)} -> ${now.toFixed(4)} ms (${ratio.toFixed(3)}${spread})`;
}

/** A process for each case: what one leaves on the heaps does not meet the next. */
function inProcess(job) {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [], { timeout: 300_000 });
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${job.layer.name} ended with ${code ?? signal}`)));
    child.send(job);
  });
}

async function runJob({ layer, build, rounds, milliseconds, before, newFirst }) {
  const problem = makeProblem(geometryOf(layer));
  const dists = [before, folders.dist];
  const sides = [];
  for (const dist of newFirst ? dists.toReversed() : dists) sides.push(await prepare(dist, build, problem));
  const repeats = layer.name === CALL.name ? CALLS_A_RUN : 1;
  const times = (run) => () => {
    for (let count = 0; count < repeats; count += 1) run();
  };
  const summaries = await measure(
    sides.flatMap(({ plain, out }) => [{ run: times(plain) }, { run: times(out) }]),
    { rounds, milliseconds },
  );
  const [plain1, out1, plain2, out2] = summaries.map(({ median }) => median);
  const oldAndNew = (first, second) => (newFirst ? [second, first] : [first, second]);
  return {
    plain: oldAndNew(plain1, plain2),
    out: oldAndNew(out1, out2),
    routes: oldAndNew(...sides.map(({ route }) => route())),
  };
}

async function prepare(dist, build, { geometry, input, weight, expected }) {
  const api = await import(pathToFileURL(path.join(dist, 'index.js')).href);
  await api.init({ build });
  const { rank, batch, inChannels, outChannels, groups, kernel, ...rest } = geometry;
  const { stride, padding, outputPadding, dilation } = rest;
  const up = new api[`ConvTranspose${rank}d`]({
    ...{ inChannels, outChannels, groups, stride, padding, outputPadding, dilation },
    kernelSize: kernel,
    bias: false,
  });
  up.setWeight(weight);
  const x = { data: input, shape: [batch, inChannels, ...geometry.input] };
  const error = errorOf(up.forward(x).data, expected);
  if (!(error <= TOLERANCE))
    throw new Error(`${geometry.name}: ${dist} computes wrong values (error ${error})`);
  const options = { out: up.forward(x) };
  return {
    plain: () => up.forward(x),
    out: () => up.forward(x, options),
    route: () => up.plan.route,
  };
}
