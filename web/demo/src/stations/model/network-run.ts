import { computed, effect, signal } from '@preact/signals';
import { EngineError, STALE } from '../../engine/client';
import { patientEngine } from '../../engine/engine';
import type { TraceRequest, TraceResult } from '../../engine/protocol';
import type { MadeNetwork } from '../../model/made-networks';
import { change, engineStatus, state } from '../../store';
import { opened } from './model-run';

/** Weights of the networks that the page makes. */
const SEED = 1;

export const traced = signal<TraceResult | null>(null);
export const tracing = signal(false);
export const refused = signal<string | null>(null);

/** The file that is to run, in place of a network of the page. */
const ownFiles = signal<readonly File[] | null>(null);
export const ownName = computed(() => ownFiles.value?.[0]?.name ?? null);

/** A file that can run, if one is open. */
export const runnable = computed(() => {
  const found = opened.value;
  return found && /^(onnx|tflite)$/.test(found.result.format) ? found.files : null;
});

export function runMade(made: MadeNetwork): void {
  ownFiles.value = null;
  change((before) => ({ ...before, network: { ...before.network, made, repaired: [] } }));
}

export function runOpened(): void {
  ownFiles.value = runnable.value;
  change((before) => ({ ...before, network: { ...before.network, repaired: [] } }));
}

export function repair(places: readonly number[]): void {
  const repaired = [...places].sort((a, b) => a - b);
  change((before) => ({ ...before, network: { ...before.network, repaired } }));
}

const wanted = computed<TraceRequest | null>(() => {
  const status = engineStatus.value;
  const { made, picture, repaired } = state.value.network;
  const files = ownFiles.value;
  if (status.is !== 'ready' || (files === null && made === 'none')) return null;
  const network = files ? { files } : { made: made as MadeNetwork, seed: SEED };
  return { network, picture, repaired, threads: status.threads };
});

let last = '';

/** Runs whatever the state and the open file ask for, once for each wish. */
export const follow = () =>
  effect(() => {
    const request = wanted.value;
    const key = JSON.stringify([request, ownName.value]);
    if (key === last) return;
    last = key;
    if (request === null) {
      traced.value = null;
      return;
    }
    void run(request);
  });

async function run(request: TraceRequest): Promise<void> {
  tracing.value = true;
  refused.value = null;
  try {
    const result = await patientEngine().ask('trace', request);
    if (result === STALE || request !== wanted.peek()) return;
    traced.value = result;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    traced.value = null;
    refused.value = error.message;
  }
  tracing.value = false;
}
