import { ConvTranspose1d, ConvTranspose2d, init } from 'deconv-wasm';
import { naive } from '../../../../scripts/bench/candidates/naive.mjs';
import { NotSupported } from '../../../../scripts/bench/candidates/not-supported.mjs';
import { onnxruntime } from '../../../../scripts/bench/candidates/onnxruntime.mjs';
import { ours } from '../../../../scripts/bench/candidates/ours.mjs';
import { tfjs } from '../../../../scripts/bench/candidates/tfjs.mjs';
import { CASES } from '../../../../scripts/bench/cases.mjs';
import { geometryOf } from '../../../../scripts/bench/geometry.mjs';
import { toChannelsLast } from '../../../../scripts/bench/layouts.mjs';
import { measure } from '../../../../scripts/bench/measure.mjs';
import { errorOf, makeProblem, TOLERANCE } from '../../../../scripts/bench/problem.mjs';
import { type Geometry, onnxModel } from './onnx-model';
import { loadOnnxruntime, loadPeer } from './onnxruntime';
import type { BenchEntry, BenchRequest, BenchResult } from './protocol';

const ROUNDS = 9;
/** For all turns of one candidate, roughly. */
const CANDIDATE_MS = 350;

/** Where one run takes so long, the one that is timed before is the warm-up and the first turn. */
const SLOW_MS = 200;

type Problem = ReturnType<typeof makeProblem>;

/** What a candidate of scripts/bench gives to run. */
interface Prepared {
  readonly layout: string;
  run(): Float32Array | Promise<Float32Array>;
  note?(): string;
  dispose?(): unknown;
}

interface Candidate {
  readonly name: string;
  prepare(problem: Problem, context: { host: unknown; threads: number }): Prepared | Promise<Prepared>;
}

/** One layer by all candidates, on one thread each, their turns interleaved, every result checked. */
export async function bench({ layer, peers, unasked }: BenchRequest): Promise<BenchResult> {
  const info = await init({ threads: 1 });
  const found = CASES.find(({ name }) => name === layer);
  if (!found) throw new Error(`no layer is called ${layer}`);
  const geometry = geometryOf(found);
  const problem = makeProblem(geometry);
  const host = {
    // The module is loaded already, in the build that this browser can run.
    ours: async () => ({ ConvTranspose1d, ConvTranspose2d, init: async () => info }),
    model: async () => onnxModel(geometry as Geometry, problem.weight),
    onnxruntime: () => loadOnnxruntime(peers.onnxruntime as string),
    tfjs: () => loadTfjs(peers.tfjs as string),
  };
  const candidates: Candidate[] = [
    { ...ours(info.build, 'channels-first'), name: 'deconv-wasm' },
    naive,
    ...(peers.onnxruntime ? [onnxruntime] : []),
    ...(peers.tfjs ? [tfjs] : []),
  ];
  const entries: BenchEntry[] = [];
  const running: { entry: number; prepared: Prepared; first?: number }[] = [];
  for (const candidate of candidates) {
    const { entry, prepared, took } = await tryOut(candidate, problem, host);
    if (prepared) {
      if (entry.status === 'ok') {
        running.push({ entry: entries.length, prepared, ...(took > SLOW_MS && { first: took }) });
      } else {
        await leave(prepared);
      }
    }
    entries.push(entry);
  }
  try {
    const summaries = await measure(
      running.map(({ prepared, first }) => ({ run: prepared.run, ...(first && { first }) })),
      {
        rounds: ROUNDS,
        milliseconds: CANDIDATE_MS * running.length,
        // Nobody waits for it: what takes long has been timed once, when it was checked.
        ...(unasked && { slowRounds: 1 }),
        failed: (index, error) => {
          const { entry } = running[index] as (typeof running)[number];
          entries[entry] = { ...(entries[entry] as BenchEntry), ...failure(error) };
        },
      },
    );
    for (const [index, { entry }] of running.entries()) {
      entries[entry] = { ...(entries[entry] as BenchEntry), milliseconds: summaries[index] ?? null };
    }
  } finally {
    for (const { prepared } of running) await leave(prepared);
  }
  return { layer, build: info.build, threads: info.threads, flop: geometry.flop, entries };
}

async function tryOut(candidate: Candidate, problem: Problem, host: unknown) {
  const entry: BenchEntry = { name: candidate.name, status: 'ok', note: '', error: null, milliseconds: null };
  let prepared: Prepared | null = null;
  try {
    prepared = await candidate.prepare(problem, { host, threads: 1 });
    const { output, took: atFirst } = await timed(prepared);
    const error = errorOf(output, expectedFor(prepared, problem));
    const status = error <= TOLERANCE ? 'ok' : 'wrong values';
    // Engines compile meanwhile what runs for the first time; loops are hot long before they end.
    const { took } = atFirst > SLOW_MS && candidate !== naive ? await timed(prepared) : { took: atFirst };
    return { entry: { ...entry, status, error, note: prepared.note?.() ?? '' } as const, prepared, took };
  } catch (error) {
    return { entry: { ...entry, ...failure(error) }, prepared, took: 0 };
  }
}

function failure(error: unknown): Pick<BenchEntry, 'status' | 'note'> {
  return {
    status: error instanceof NotSupported ? 'not supported' : 'failed',
    note: error instanceof Error ? error.message : String(error),
  };
}

/** One that failed may not go in order, either; its row has said why, and the others go on. */
async function leave(prepared: Prepared): Promise<void> {
  try {
    await prepared.dispose?.();
  } catch (error) {
    console.warn(error);
  }
}

async function timed({ run }: Prepared) {
  const started = performance.now();
  const output = await run();
  return { output, took: performance.now() - started };
}

function expectedFor(prepared: Prepared, { geometry, expected }: Problem) {
  if (prepared.layout === 'channels-first') return expected;
  const { batch, outChannels, output } = geometry;
  return toChannelsLast(expected, batch, outChannels, output);
}

interface Tfjs {
  readonly wasm: { setWasmPaths(folder: string): void };
  env(): { set(name: string, value: boolean): void };
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
}

/** Two scripts that make the global `tf`; as modules they run under the policy as they are. */
async function loadTfjs(folder: string): Promise<Tfjs> {
  await loadPeer(`${folder}tf-core.min.js`);
  await loadPeer(`${folder}tf-backend-wasm.min.js`);
  const { tf } = globalThis as unknown as { tf: Tfjs };
  tf.wasm.setWasmPaths(folder);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  await tf.setBackend('wasm');
  await tf.ready();
  return tf;
}
