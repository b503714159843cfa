import type { Tensor } from 'deconv-wasm';
import type { Network } from 'deconv-wasm/network';
import { measure } from '../../../../scripts/bench/measure.mjs';
import { loadOnnxruntime, NOT_LOADED, type OnnxRuntime, type OnnxSession } from './onnxruntime';
import type { ComparisonResult } from './protocol';

const ROUNDS = 7;
/** For all turns of both, roughly. */
const ALL_MS = 1500;
/** Warm-up is left out where one run takes so long. */
const SLOW_MS = 200;

/** The file, and what it names beside it. */
export interface OnnxFiles {
  readonly model: Uint8Array;
  readonly beside: readonly { readonly path: string; readonly data: Uint8Array }[];
}

type Inputs = Readonly<Record<string, Tensor>>;

/** The same file and input in onnxruntime-web, on as many threads: outputs compared, runs timed in turns. */
export async function compareRuns(
  network: Network,
  inputs: Inputs,
  { model, beside }: OnnxFiles,
  { folder, threads }: { readonly folder: string; readonly threads: number },
): Promise<ComparisonResult> {
  const ort = await loadOnnxruntime(folder).catch(() => null);
  if (ort === null) return { refusal: NOT_LOADED };
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  let session: OnnxSession | undefined;
  try {
    session = await ort.InferenceSession.create(model, {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
      ...(beside.length > 0 && { externalData: beside }),
    });
    return await compared(network, inputs, session, ort, threads);
  } catch (error) {
    return { refusal: error instanceof Error ? error.message : String(error) };
  } finally {
    await session?.release();
  }
}

async function compared(
  network: Network,
  inputs: Inputs,
  session: OnnxSession,
  ort: OnnxRuntime,
  threads: number,
): Promise<ComparisonResult> {
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [
      name,
      new ort.Tensor('float32', Float32Array.from(data), shape),
    ]),
  );
  const ours = () => network.run(inputs);
  const theirs = async () => {
    for (const tensor of Object.values(await session.run(feeds))) tensor.dispose();
  };
  const own = ours();
  const results = await session.run(feeds);
  let [difference, largest] = [0, 0];
  for (const [name, { data }] of Object.entries(own)) {
    const other = results[name]?.data ?? [];
    for (let index = 0; index < data.length; index++) {
      const value = data[index] as number;
      // What is missing, or no number on one side alone, is no small difference.
      const apart = Math.abs(value - (other[index] ?? Number.NaN));
      difference = Math.max(difference, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
      largest = Math.max(largest, Math.abs(value));
    }
  }
  for (const tensor of Object.values(results)) tensor.dispose();
  const entries = [];
  for (const run of [ours, theirs]) {
    const started = performance.now();
    await run();
    const took = performance.now() - started;
    entries.push({ run, ...(took > SLOW_MS && { usual: took }) });
  }
  const [mine, other] = await measure(entries, { rounds: ROUNDS, milliseconds: ALL_MS });
  return {
    refusal: null,
    ours: mine?.median ?? Number.NaN,
    theirs: other?.median ?? Number.NaN,
    threads,
    difference,
    largest,
  };
}
