// One network by everybody who can run it. The same code runs in Node and in a page.

import { NotSupported } from '../candidates/not-supported.mjs';
import { product } from '../geometry.mjs';
import { measure } from '../measure.mjs';
import { heapBytes, takeMemories } from '../memories.mjs';
import { NETWORK_CANDIDATES } from './candidates.mjs';

/**
 * The largest difference from the reference, over the root of the mean square of its values. A wrong operator is far
 * above; a hundred layers of float32 sums stay below.
 */
export const NETWORK_TOLERANCE = 1e-3;
/** Of an output that is next to nothing everywhere (no text, nobody in the picture) what float32 rounds is all there is. */
const SMALLEST = 1e-3;
const SLOW_MS = 200;
/** Workers spin after a run, on the core that the next one needs. */
const REST_MS = 20;

/** Waves of all lengths from 0 to 1 for every input: of noise some networks make nothing at all. */
function inputsOf({ inputs }) {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => {
      const [width, height] = [shape.at(-1), shape.at(-2) ?? 1];
      const data = Float32Array.from({ length: product(shape) }, (_, index) => {
        const [x, y, z] = [
          index % width,
          Math.floor(index / width) % height,
          Math.floor(index / width / height),
        ];
        return 0.5 + 0.25 * Math.sin((x * (z + 2)) / 17 + y / 29) + 0.25 * Math.cos((x * y) / 900 - z);
      });
      return [name, { data, shape }];
    }),
  );
}

/** `job` is `{ network, threads, rounds, milliseconds, oursOnly? }`. */
export async function runNetwork({ network, threads, rounds, milliseconds, oursOnly = false }, host) {
  const bytes = await host.model(`${network.name}.${network.kind}`);
  const inputs = inputsOf(network);
  const results = [];
  let expected;
  for (const candidate of NETWORK_CANDIDATES) {
    const { name, ours = false, peer = false, yardstick = false } = candidate;
    if (oursOnly && !ours) continue;
    const result = { name, ours, peer, yardstick, status: 'ok', note: '', error: null };
    results.push(result);
    try {
      const library = await loaded(candidate, network, host);
      const opened = await candidate.open(library, { network, bytes, inputs, threads });
      const started = performance.now();
      const values = Object.values(await opened.run()).map((output) => Float32Array.from(output));
      const took = performance.now() - started;
      const outputs = opened.settle?.(values) ?? values;
      expected ??= outputs;
      result.error = distance(outputs, expected);
      result.opened = {
        run: opened.run,
        dispose: opened.dispose,
        ...(took < SLOW_MS ? {} : { usual: took }),
      };
      if (!(result.error <= NETWORK_TOLERANCE)) result.status = 'wrong values';
    } catch (error) {
      result.status = error instanceof NotSupported ? 'not supported' : 'failed';
      result.note = error instanceof Error ? error.message : String(error);
    }
  }
  const measured = results.filter(({ status }) => status === 'ok');
  const summaries = await measure(
    measured.map(({ opened }) => opened),
    { rounds, milliseconds, rest: threads > 1 ? REST_MS : 0 },
  );
  for (const [index, result] of measured.entries()) result.milliseconds = summaries[index];
  for (const { opened } of results) await opened?.dispose();
  return { results: results.map(({ opened, ...rest }) => rest) };
}

/** From a library that is imported and a file in hand to the first output, and the heap that it took: a fresh process. */
export async function firstOutput({ network, name }, host) {
  const candidate = NETWORK_CANDIDATES.find((one) => one.name === name);
  const bytes = await host.model(`${network.name}.${network.kind}`);
  const inputs = inputsOf(network);
  const began = performance.now();
  const library = await loaded(candidate, network, host);
  const started = performance.now();
  const opened = await candidate.open(library, { network, bytes, inputs, threads: 1 });
  await opened.run();
  const milliseconds = performance.now() - started;
  await opened.run();
  return {
    name,
    milliseconds,
    withImport: milliseconds + started - began,
    heapBytes: heapBytes(takeMemories()),
  };
}

async function loaded({ kinds, load }, { kind }, host) {
  if (!kinds.includes(kind) && kinds.length > 0) throw new NotSupported(`reads no ${kind}`);
  return load(host);
}

function distance(outputs, expected) {
  if (outputs.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [place, output] of outputs.entries()) {
    const wanted = expected[place];
    if (output.length !== wanted.length) return Number.POSITIVE_INFINITY;
    let [largest, squares] = [0, 0];
    for (let index = 0; index < wanted.length; index += 1) {
      const difference = Math.abs(output[index] - wanted[index]);
      if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
      largest = Math.max(largest, difference);
      squares += wanted[index] ** 2;
    }
    const size = Math.max(SMALLEST, Math.sqrt(squares / wanted.length));
    worst = Math.max(worst, largest / size);
  }
  return worst;
}
