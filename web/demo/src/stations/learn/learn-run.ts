import { computed, effect, signal, untracked } from '@preact/signals';
import { EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { GradientResult, LearnResult, LearnSetup, LearnStill } from '../../engine/protocol';
import { LAST_STEP, type LearnState, withLearn } from '../../model/learn-state';
import type { State } from '../../model/state';
import { turns } from '../../model/turns';
import { change, engineStatus, state } from '../../store';

/** Steps of one question to the worker: few, so that the curves grow and other stations are answered between. */
const STRIDE = 5;
/** The same where a result is only brought back, as a link or an undo asks for it. */
const RETURNING = 30;

/** A run at one of its steps, with the pictures that all of its steps share. */
export type Run = LearnResult & { readonly still: LearnStill };

export const trained = signal<Run | null>(null);
export const gradients = signal<GradientResult | null>(null);
export const playing = signal(false);
/** Why a run went no further. */
export const trouble = signal<string | null>(null);
/** Why there are no gradients of the layer that is asked for. */
export const gradientTrouble = signal<string | null>(null);

/** As text, so that a change elsewhere on the page is none here. */
const setupText = computed(() => {
  const { network, seed, rate, penalty } = state.value.learn;
  return JSON.stringify({ network, seed, rate, penalty } satisfies LearnSetup);
});

const setup = computed<LearnSetup>(() => JSON.parse(setupText.value));
const steps = computed(() => state.value.learn.steps);

/** The last run that came to rest where the state says: what other stations build on. */
export const learned = signal<Run | null>(null);

const isOf = (run: Run, own: LearnSetup) => JSON.stringify(run.setup) === JSON.stringify(own);

export function set(part: Partial<LearnState>): void {
  change((s) => ({ ...s, learn: withLearn(s.learn, part) }));
}

/** How far a run has come is no choice: it takes no redo away, and holds behind it. */
function note(steps: number): void {
  const before = state.peek().learn;
  const learn = withLearn(before, { steps });
  const carry = (s: State) => (s.learn === before ? { ...s, learn } : s);
  change(carry, carry);
}

/** A run that a later press of a button ended takes no further step. */
const begin = turns();
let pausing = false;

export function play(): void {
  if (playing.value) return;
  const step = trained.value?.step ?? 0;
  void run(step >= LAST_STEP ? 0 : step, LAST_STEP, STRIDE);
}

/** A run of the network that is one kernel, for stations that can take no other. */
export function trainOneLayer(): void {
  set({ network: 'one', steps: LAST_STEP });
}

/** The steps that the worker is at are still taken. */
export function pause(): void {
  pausing = true;
  playing.value = false;
}

export function reset(): void {
  goTo(0);
}

export function oneStep(): void {
  goTo(Math.min((trained.value?.step ?? 0) + 1, LAST_STEP));
}

function goTo(step: number): void {
  // A run that has not ended yet has not told the state.
  if (steps.value === step) follow(setup.value, step);
  else set({ steps: step });
}

/** Takes steps until there or until it is ended, and then tells the state where it stands. */
async function run(from: number, to: number, stride: number): Promise<void> {
  const isLast = begin();
  pausing = false;
  playing.value = true;
  let step = from;
  while (isLast() && !pausing && step < to) {
    step = Math.min(step + stride, to);
    if (!(await bring(setup.value, step))) break;
    // One drawing for each answer; a hidden page rests.
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  if (!isLast()) return;
  playing.value = false;
  const run = trained.value;
  if (run && isOf(run, setup.value)) note(run.step);
}

async function bring(own: LearnSetup, step: number): Promise<boolean> {
  const before = trained.peek();
  const known = before !== null && isOf(before, own) ? before.still : null;
  try {
    const result = await engine.ask('learn', { setup: own, step, still: known === null });
    if (result === STALE || own !== setup.value) return false;
    const still = result.still ?? known;
    if (still) trained.value = { ...result, still };
    trouble.value = null;
    return true;
  } catch (error) {
    trouble.value = told(error);
    return false;
  }
}

function told(error: unknown): string {
  if (!(error instanceof EngineError)) throw error;
  return error.message;
}

let started = false;

/** Another setup is another run, as far as the state says; the second view follows its controls at once. */
export function startLearn(): void {
  if (started) return;
  started = true;
  effect(() => {
    if (engineStatus.value.is !== 'ready') return;
    const [own, step] = [setup.value, steps.value];
    untracked(() => follow(own, step));
  });
  effect(() => {
    const run = trained.value;
    if (run && !playing.value && run.step === steps.value && isOf(run, setup.value)) learned.value = run;
  });
  const asked = computed(() => {
    const { kernel, stride, fill, seed } = state.value.learn;
    return JSON.stringify({ kernel, stride, fill, seed });
  });
  effect(() => {
    if (engineStatus.value.is !== 'ready') return;
    void backward(JSON.parse(asked.value));
  });
}

/** The run that the state asks for; it is there already when the state only notes how far it came. */
function follow(own: LearnSetup, step: number): void {
  const now = trained.value;
  const same = now !== null && isOf(now, own);
  if (same && now.step === step) return;
  playing.value = false;
  // From its start, unless it only goes on: the first pictures belong to every run.
  const from = same && now.step < step ? now.step : 0;
  void resume(own, from, step);
}

async function resume(own: LearnSetup, from: number, to: number): Promise<void> {
  const isLast = begin();
  if (to - from === 1) return void (await bring(own, to));
  await bring(own, from);
  if (isLast() && to > from) await run(from, to, RETURNING);
}

async function backward(request: Parameters<typeof engine.ask<'gradient'>>[1]): Promise<void> {
  try {
    const result = await engine.ask('gradient', request);
    if (result === STALE) return;
    gradients.value = result;
    gradientTrouble.value = null;
  } catch (error) {
    gradientTrouble.value = told(error);
  }
}
