// Everything that is measured of one case in one environment with one number of threads. The same code runs
// in Node and in a page; `host` knows where things are loaded from.

import { CANDIDATES } from './candidates/index.mjs';
import { NotSupported } from './candidates/not-supported.mjs';
import { geometryOf } from './geometry.mjs';
import { toChannelsLast } from './layouts.mjs';
import { measure } from './measure.mjs';
import { heapBytes, takeMemories } from './memories.mjs';
import { mirrored } from './mirror.mjs';
import { operatorAlone } from './operator.mjs';
import { peakMeter } from './peak.mjs';
import { errorOf, makeProblem, TOLERANCE } from './problem.mjs';

/** Runs slower than this are not repeated without need. */
const SLOW_MS = 200;
/** What the operators alone get of the turns and of the time that the candidates have. */
const OPERATOR_ROUNDS = 0.5;
const OPERATOR_TIME = 0.3;
/**
 * Workers spin after a run in hope of the next, on the core that the next candidate needs:
 * onnxruntime-web's for 14 ms, ours for 4 ms.
 */
const REST_MS = 20;
const OWN_REST_MS = 6;

/** `job` is `{ layer, threads, rounds, milliseconds, oursOnly? }` with a layer of cases.mjs. */
export async function runCase(job, host) {
  const { threads, rounds, milliseconds } = job;
  const geometry = geometryOf(job.layer);
  const problem = makeProblem(geometry);
  const results = [];
  for (const candidate of CANDIDATES) {
    if (candidate.threads?.includes(threads) === false) continue;
    if (job.oursOnly === true && !candidate.ours) continue;
    results.push(await tryOut(candidate, problem, { host, threads }));
  }
  const measured = results.filter(({ prepared, status }) => prepared !== undefined && status === 'ok');
  const summaries = await measure(
    measured.map(({ prepared }) => prepared),
    { rounds, milliseconds, rest: threads > 1 ? REST_MS : 0 },
  );
  for (const [index, result] of measured.entries()) result.milliseconds = summaries[index];
  for (const { prepared } of results) await prepared?.dispose?.();
  const plain = { results: results.map(({ prepared, ...rest }) => rest) };
  // What failed is reported as such and has no operator to measure.
  if (results.some(({ ours, status }) => ours && status !== 'ok')) return plain;
  const operators = await measureOperators(geometry, host, {
    threads,
    rounds: Math.ceil(rounds * OPERATOR_ROUNDS),
    milliseconds: milliseconds * OPERATOR_TIME,
    rest: threads > 1 ? OWN_REST_MS : 0,
  });
  return { ...plain, ...operators };
}

async function tryOut(candidate, problem, context) {
  const { name, ours = false, peer = false, build = null, layout = null, reuse = false } = candidate;
  const result = { name, ours, peer, build, layout, reuse, status: 'ok', note: '' };
  takeMemories();
  try {
    const prepared = await candidate.prepare(problem, context);
    const started = performance.now();
    const output = Float32Array.from(await prepared.run());
    const took = performance.now() - started;
    // The heap is read after two runs: a library may need more for the second than for the first.
    if (took < SLOW_MS) await prepared.run();
    else prepared.usual = took;
    result.heapBytes = heapBytes(takeMemories());
    result.error = errorOf(output, expectedFor(prepared, problem));
    result.note = prepared.note?.() ?? '';
    result.prepared = prepared;
    if (!(result.error <= TOLERANCE)) result.status = 'wrong values';
  } catch (error) {
    result.status = error instanceof NotSupported ? 'not supported' : 'failed';
    result.note = error instanceof Error ? error.message : String(error);
  }
  return result;
}

/** What a candidate's own layout turns the expected output into. */
function expectedFor(prepared, { geometry, expected }) {
  if (prepared.layout === 'channels-first') return expected;
  const { batch, outChannels, output } = geometry;
  const ordered = toChannelsLast(expected, batch, outChannels, output);
  return prepared.mirrored ? mirrored(ordered, batch, output, outChannels) : ordered;
}

/** Rates in GFLOP/s: of both builds and layouts, and of independent multiply-adds in registers. */
async function measureOperators(geometry, host, { threads, ...options }) {
  const builds = ['relaxed', 'simd'];
  const entries = [];
  for (const build of builds) {
    const { requireRuntime, writeSpec } = await host.ours(build, 'shared/runtime.js');
    const core = { runtime: requireRuntime('bench'), writeSpec };
    for (const layout of ['channels-first', 'channels-last']) {
      entries.push({ build, flop: geometry.flop, ...operatorAlone(core, geometry, layout) });
    }
    entries.push({ build, ...(await peakMeter({ relaxed: build === 'relaxed' })) });
  }
  const summaries = await measure(entries, options);
  const rates = entries.map(({ build, layout, route, flop }, index) => ({
    ...{ build, layout, route },
    gflops: flop / summaries[index].median / 1e6,
    milliseconds: summaries[index],
  }));
  for (const { dispose } of entries) dispose?.();
  const peakOf = (build) => rates.find((rate) => rate.build === build && rate.layout === undefined).gflops;
  return {
    peaks: Object.fromEntries(builds.map((build) => [build, peakOf(build)])),
    // Threads beyond the first are as fast as the first, at best.
    operators: rates
      .filter(({ layout }) => layout !== undefined)
      .map((rate) => ({ ...rate, share: rate.gflops / (threads * peakOf(rate.build)) })),
  };
}
