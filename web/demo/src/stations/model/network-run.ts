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
  if (shown === null) return;
  const { network } = shown.request;
  const files = 'files' in network ? network.files : madeFiles(network.made, file);
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

/** A wish to run something; a list of the same things is no other wish. */
interface Wish {
  readonly request: TraceRequest;
  readonly network: string;
  readonly repaired: string;
}

const wishOf = (request: TraceRequest): Wish => ({
  request,
  network: JSON.stringify([request.network, ownName.value, presses.value]),
  repaired: JSON.stringify([request.repaired, request.threads]),
});

const isSame = (a: Wish, b: Wish | null) =>
  a.network === b?.network && a.repaired === b.repaired && a.request.picture === b.request.picture;

/** The newest wish, and the one whose result is shown. */
let newest: Wish | null = null;
let shown: Wish | null = null;

function show(result: TraceResult | null, wish: Wish | null): void {
  shown = wish;
  traced.value = result;
}

/** Runs whatever the state and the open file ask for, once for each wish. */
export const follow = () =>
  effect(() => {
    const request = wanted.value;
    if (request === null) {
      newest = null;
      show(null, null);
      ran();
      return;
    }
    const wish = wishOf(request);
    if (isSame(wish, newest)) return;
    newest = wish;
    void run(wish);
  });

async function run(wish: Wish): Promise<void> {
  tracing.value = true;
  refused.value = null;
  // Nobody reads one network's steps under another's name.
  if (wish.network !== shown?.network) show(null, null);
  try {
    engine ??= anotherEngine();
    const result = await engine.ask('trace', wish.request, (told) => {
      progress.value = told;
    });
    if (wish !== newest) return;
    if (result !== STALE) show(result, wish);
    else stopped();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (wish !== newest) return;
    show(null, null);
    refused.value = error.message;
  }
  ran();
}

function ran(): void {
  progress.value = null;
  tracing.value = false;
}

/** What was there before the run that was stopped is there again. */
function stopped(): void {
  if (shown === null) {
    refused.value = 'Stopped. Press its button to run it again.';
    return;
  }
  newest = shown;
  const { picture, repaired } = shown.request;
  batch(() => {
    ownInput.value = typeof picture === 'string' ? null : picture;
    change((before) => ({
      ...before,
      network: { ...before.network, repaired, ...(typeof picture === 'string' && { picture }) },
    }));
  });
}
