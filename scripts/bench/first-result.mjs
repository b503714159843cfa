// From nothing loaded to the first result of a small layer: what a user waits for.

import { CANDIDATES } from './candidates/index.mjs';
import { geometryOf } from './geometry.mjs';
import { makeParameters } from './problem.mjs';

/** Computing it takes no time worth mention; loading the library is all. */
export const SMALL_LAYER = {
  name: 'small',
  of: 'start-up',
  input: [8, 8],
  channels: [16, 8],
  kernel: 4,
  stride: 2,
  padding: 1,
};

/** What is compared: every library in the build that it takes by itself. */
export const STARTERS = ['ours relaxed', 'tfjs-wasm', 'onnxruntime-web', 'LiteRT.js'];

/** Milliseconds from import to result. */
export async function firstResult(name, host) {
  const candidate = CANDIDATES.find((one) => one.name === name);
  const geometry = geometryOf(SMALL_LAYER);
  const problem = { geometry, ...makeParameters(geometry) };
  const started = performance.now();
  const { run } = await candidate.prepare(problem, { host, threads: 1 });
  await run();
  return performance.now() - started;
}
