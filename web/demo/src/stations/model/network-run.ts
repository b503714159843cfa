import { batch, computed, effect, signal } from '@preact/signals';
import { type Engine, EngineError, STALE } from '../../engine/client';
import { anotherEngine } from '../../engine/engine';
import type { Progress, TraceRequest, TraceResult } from '../../engine/protocol';
import type { MadeNetwork } from '../../model/made-networks';
import type { Picture } from '../../model/picture';
import type { TestImage } from '../../model/test-images';
import { change, engineStatus, state } from '../../store';
import { openPicture } from '../../view/open-picture';
import { open, opened, sought } from './model-run';

/** Weights of the networks that the page makes. */
const SEED = 1;

export const traced = signal<TraceResult | null>(null);
export const tracing = signal(false);
/** How many runs of the network are done; null before the first and after the last. */
export const progress = signal<Progress | null>(null);
export const refused = signal<string | null>(null);

/** The file that is to run, in place of a network of the page. */
const ownFiles = signal<readonly File[] | null>(null);
export const ownName = computed(() => ownFiles.value?.[0]?.name ?? null);

/** A file that can run, if one is open. */
export const runnable = computed(() => {
  const found = opened.value;
  return found && /^(onnx|tflite)$/.test(found.result.format) ? found.files : null;
});

/** One for it alone: it may take long, and can be stopped by ending it. */
let engine: Engine | undefined;

/** Counts presses: what was stopped runs again by the press that began it. */
const presses = signal(0);

export function runMade(made: MadeNetwork): void {
  batch(() => {
    presses.value += 1;
    ownFiles.value = null;
    change((before) => ({ ...before, network: { ...before.network, made, repaired: [] } }));
  });
}

export function runOpened(): void {
  batch(() => {
    presses.value += 1;
    ownFiles.value = runnable.value;
    change((before) => ({ ...before, network: { ...before.network, repaired: [] } }));
  });
}

/** A picture of the person's own; like a file it is no part of the state, and stays in this page. */
export const ownInput = signal<Picture | null>(null);

export function chooseInput(which: TestImage): void {
  batch(() => {
    ownInput.value = null;
    change((before) => ({ ...before, network: { ...before.network, picture: which } }));
  });
}

export async function openInput(file: File): Promise<void> {
  try {
    ownInput.value = await openPicture(file, file.name);
  } catch {
    refused.value = `${file.name} is not a picture this browser can read.`;
  }
}

export function stopRun(): void {
  engine?.stop();
  engine = undefined;
}

export function repair(places: readonly number[]): void {
  const repaired = [...places].sort((a, b) => a - b);
  change((before) => ({ ...before, network: { ...before.network, repaired } }));
}

/** Opens the network that ran as a file, if it is not open yet, and brings a layer of it into view. */
export async function openLayer({ file }: TraceResult, name: string): Promise<void> {
  const { made } = state.value.network;
  const files = ownFiles.value ?? madeFiles(made, file);
  if (opened.value?.files[0] !== files[0]) await open(files);
  sought.value = name;
}

let madeFile: readonly File[] = [];

/** The same file for the same network. */
function madeFiles(made: string, bytes: TraceResult['file']): readonly File[] {
  const name = `${made}.onnx`;
  if (bytes !== null && madeFile[0]?.name !== name) madeFile = [new File([bytes], name)];
  return madeFile;
}

const wanted = computed<TraceRequest | null>(() => {
  const status = engineStatus.value;
  const { made, picture, repaired } = state.value.network;
  const files = ownFiles.value;
  if (status.is !== 'ready' || (files === null && made === 'none')) return null;
  const network = files ? { files } : { made: made as MadeNetwork, seed: SEED };
  return { network, picture: ownInput.value ?? picture, repaired, threads: status.threads };
});

let last = '';
let lastPicture: TraceRequest['picture'] | undefined;

/** Runs whatever the state and the open file ask for, once for each wish. */
export const follow = () =>
  effect(() => {
    const request = wanted.value;
    // A list of the same things is no other wish; a picture is compared by what it is.
    const key = JSON.stringify([{ ...request, picture: null }, ownName.value, presses.value]);
    if (key === last && request?.picture === lastPicture) return;
    last = key;
    lastPicture = request?.picture;
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
    engine ??= anotherEngine();
    const result = await engine.ask('trace', request, (told) => {
      progress.value = told;
    });
    if (result === STALE && engine === undefined) {
      traced.value = null;
      refused.value = 'Stopped. Press its button to run it again.';
    } else if (result === STALE || request !== wanted.peek()) return;
    else traced.value = result;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    traced.value = null;
    refused.value = error.message;
  }
  progress.value = null;
  tracing.value = false;
}
