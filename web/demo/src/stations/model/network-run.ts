import { batch, computed, effect, signal } from '@preact/signals';
import { type Engine, EngineError, STALE } from '../../engine/client';
import { anotherEngine } from '../../engine/engine';
import { lasting } from '../../engine/other-engines';
import { peerFolder } from '../../engine/peers';
import type { ComparisonResult, Progress, TraceRequest, TraceResult } from '../../engine/protocol';
import { type MadeNetwork, madeNetworks } from '../../model/made-networks';
import { MEAN } from '../../model/network-state';
import type { OwnInput, OwnKind } from '../../model/own-input';
import type { Excerpt } from '../../model/picture';
import { showsOwn } from '../../model/share';
import type { TestImage } from '../../model/test-images';
import { turns } from '../../model/turns';
import { change, engineStatus, state } from '../../store';
import { openPicture } from '../../view/open-picture';
import { openSound, Silence } from '../../view/open-sound';
import { refuse } from '../../view/refuse';
import { learned } from '../learn/learn-run';
import { open, opened, sought } from './model-run';

/** Weights of the networks that the page makes. */
const SEED = 1;

export const traced = signal<TraceResult | null>(null);
export const tracing = signal(false);
/** How many runs of the network are done; null before the first and after the last. */
export const progress = signal<Progress | null>(null);
export const refused = signal<string | null>(null);
/** Why a picture or a sound of the person's own was not taken; no run takes that away. */
export const inputRefusal = signal<string | null>(null);
/** Why the steps are not drawn as the state says. */
export const undrawn = signal<string | null>(null);

/** The file that is to run, in place of a network of the page. */
const ownFiles = signal<readonly File[] | null>(null);
export const ownName = computed(() => ownFiles.value?.[0]?.name ?? null);
showsOwn(() => ownName.peek());

/** A file that can run, if one is open. */
export const runnable = computed(() => {
  const found = opened.value;
  return found && /^(onnx|tflite)$/.test(found.result.format) ? found.files : null;
});

/** One for it alone: it may take long, and can be stopped by ending it. */
let engine: Engine | undefined;

/** Counts presses: what was stopped runs again by the press that began it. */
const presses = signal(0);

/** What station 6 has trained, as far as it is trained at all. */
export const trainedThere = computed(() => (learned.value && learned.value.step > 0 ? learned.value : null));

export function runMade(made: MadeNetwork | 'learned'): void {
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

/** A picture or a sound of the person's own; like a file it is no part of the state, and stays in this page. */
export const ownInput = signal<OwnInput | null>(null);
showsOwn(() => ownInput.peek()?.name);

/** What is chosen begins one, too: a file that was being read comes too late then. */
const beginInput = turns();

function take(own: OwnInput | null): void {
  ownInput.value = own;
  inputRefusal.value = null;
}

export function chooseInput(which: TestImage): void {
  beginInput();
  batch(() => {
    take(null);
    change((before) => ({ ...before, network: { ...before.network, picture: which } }));
  });
}

export function chooseVoice(): void {
  beginInput();
  take(null);
}

/** As which input of a network a file could go in. */
export function inputKindOf({ type }: File): OwnKind | null {
  return /^image\//.test(type) ? 'picture' : /^audio\//.test(type) ? 'sound' : null;
}

const readers: Record<OwnKind, (file: File) => Promise<OwnInput>> = {
  picture: async (file) => ({
    kind: 'picture',
    name: file.name,
    picture: await openPicture(file, file.name),
  }),
  sound: async (file) => ({ kind: 'sound', name: file.name, samples: await openSound(file) }),
};

export async function openInput(kind: OwnKind, file: File): Promise<void> {
  const isLast = beginInput();
  inputRefusal.value = null;
  if (!traced.value?.inputs.some(({ takes }) => takes === kind)) {
    refuse(inputRefusal, `${file.name} is a ${kind}, and no network is shown that takes one.`);
    return;
  }
  try {
    const own = await readers[kind](file);
    if (isLast()) take(own);
  } catch (error) {
    if (!isLast()) return;
    inputRefusal.value =
      error instanceof Silence
        ? `${file.name} is silent: there is nothing for the network to work on.`
        : `${file.name} is not a ${kind} this browser can read.`;
  }
}

/**
 * The worker that has run what is shown: another one, where a later run was stopped, runs it once more. Null where that
 * is stopped, too.
 */
async function engineWith(wish: Wish): Promise<Engine | null> {
  if (engine && !engine.broken) return engine;
  engine = anotherEngine();
  const own = engine;
  await own.ask('trace', wish.request);
  return own === engine ? own : null;
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
  const own = `${'made' in network ? network.made : 'learned'}.onnx`;
  const files = 'files' in network ? network.files : madeFiles(own, file, shown.network);
  if (opened.value?.files[0] !== files[0]) await open(files);
  // Another file may have been opened meanwhile.
  if (opened.value?.files[0] === files[0]) sought.value = name;
}

let made: { readonly network: string; readonly files: readonly File[] } | null = null;

/** The same file for the same network. */
function madeFiles(name: string, bytes: TraceResult['file'], network: string): readonly File[] {
  if (made?.network !== network) made = { network, files: bytes === null ? [] : [new File([bytes], name)] };
  return made.files;
}

/** Whether the station has come into view. */
const seen = signal(false);

/** Who only scrolls sees the first network run. It is no choice of theirs, and so no part of the state. */
export function runFirst(): void {
  seen.value = true;
}

/** The network of the page that is run unless a file is. */
export const chosenMade = computed(() => {
  const { made } = state.value.network;
  return made === 'none' && seen.value ? madeNetworks[0] : made;
});

const chosenNetwork = computed((): TraceRequest['network'] | null => {
  const made = chosenMade.value;
  if (ownFiles.value) return { files: ownFiles.value };
  if (made === 'none') return null;
  if (made !== 'learned') return { made, seed: SEED };
  const run = trainedThere.value;
  return run && { learned: { setup: run.setup, step: run.step }, layers: run.random.layers };
});

const wanted = computed<TraceRequest | null>(() => {
  const status = engineStatus.value;
  const { picture, repaired } = state.value.network;
  const network = chosenNetwork.value;
  if (status.is !== 'ready' || network === null) return null;
  return { network, picture, own: ownInput.value, repaired, threads: status.threads };
});

/** The network that is shown in onnxruntime-web beside ours; null before it is asked for. */
export const comparison = signal<ComparisonResult | null>(null);
export const comparing = signal(false);
/** What is shown next begins one, too: what was asked of something else is of no use. */
const beginComparison = turns();

export async function compare(): Promise<void> {
  if (comparing.value || shown === null) return;
  const wish = shown;
  const isLast = beginComparison();
  comparing.value = true;
  try {
    const asked = { of: wish.request, onnxruntime: peerFolder('onnxruntime') };
    const answer = await (await engineWith(wish))?.ask('compareRuns', asked);
    if (answer && answer !== STALE && isLast()) comparison.value = answer;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (isLast()) comparison.value = { refusal: error.message };
  } finally {
    if (isLast()) comparing.value = false;
  }
}

/** A wish to run something; a list of the same things is no other wish. */
interface Wish {
  readonly request: TraceRequest;
  readonly network: string;
  readonly repaired: string;
}

const wishOf = (request: TraceRequest): Wish => ({
  request,
  network: JSON.stringify([
    'learned' in request.network ? request.network.learned : request.network,
    ownName.value,
    presses.value,
  ]),
  repaired: JSON.stringify([request.repaired, request.threads]),
});

const isSame = (a: Wish, b: Wish | null) => hasSamePictures(a, b) && a.repaired === b?.repaired;

const hasSamePictures = (a: Wish, b: Wish | null) =>
  a.network === b?.network && a.request.picture === b.request.picture && a.request.own === b.request.own;

/** The newest wish, and the one whose result is shown. */
let newest: Wish | null = null;
let shown: Wish | null = null;

function show(result: TraceResult | null, wish: Wish | null): void {
  if (wish === null || !hasSamePictures(wish, shown)) {
    beginComparison();
    comparing.value = false;
    comparison.value = null;
  }
  shown = wish;
  traced.value = result;
}

/** What each step gives, in the channel that the state names; null before it is known. */
export const pictures = signal<readonly (Excerpt | null)[] | null>(null);
/** That channel, or the last where the network that is shown has fewer. */
export const channel = computed(() => {
  const most = Math.max(0, ...(traced.value?.steps.map(({ channels }) => channels) ?? []));
  return Math.min(state.value.network.channel, most - 1);
});

export function showChannel(which: number): void {
  change((before) => ({ ...before, network: { ...before.network, channel: which } }));
}

/** Runs whatever the state and the open file ask for, once for each wish, and has its steps drawn. */
export function follow(): () => void {
  const stops = [followWishes(), followPictures(), followChoices()];
  return () => {
    for (const stop of stops) stop();
  };
}

const choices = computed(() => state.value.network);

/** What was refused is of no interest any more once something else is chosen. */
const followChoices = () =>
  effect(() => {
    void choices.value;
    inputRefusal.value = null;
  });

/** What was drawn last, or is being drawn. */
let drawn: { readonly wish: Wish; readonly channel: number } | null = null;

const followPictures = () =>
  effect(() => {
    const [result, which, wish] = [traced.value, channel.value, shown];
    if (result === null || wish === null) {
      drawn = null;
      pictures.value = null;
      undrawn.value = null;
      return;
    }
    if (drawn?.channel === which && hasSamePictures(drawn.wish, wish)) return;
    drawn = { wish, channel: which };
    void draw(drawn);
  });

async function draw(mine: NonNullable<typeof drawn>): Promise<void> {
  const { wish, channel: which } = mine;
  try {
    const asked = { of: wish.request, channel: which === MEAN ? null : which };
    const answer = await ((await engineWith(wish))?.ask('stepPictures', asked) ?? STALE);
    if (drawn !== mine) return;
    // With a later run its worker was stopped: another one draws it.
    if (answer === STALE) return draw(mine);
    if (answer) pictures.value = answer;
    undrawn.value = null;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (drawn === mine) undrawn.value = error.message;
  }
}

const followWishes = () =>
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
  progress.value = null;
  refused.value = null;
  // Nobody reads one network's steps under another's name.
  if (wish.network !== shown?.network) show(null, null);
  try {
    engine = lasting(engine);
    const result = await engine.ask('trace', wish.request, (told) => {
      if (wish === newest) progress.value = told;
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
  const { picture, own, repaired } = shown.request;
  batch(() => {
    ownInput.value = own;
    change((before) => ({ ...before, network: { ...before.network, repaired, picture } }));
  });
}
