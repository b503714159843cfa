import { computed, effect, signal } from '@preact/signals';
import { EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { GradientResult, LearnResult, LearnSetup } from '../../engine/protocol';
import { LAST_STEP, type LearnState } from '../../model/learn-state';
import { change, engineStatus, state } from '../../store';

/** Steps of one question to the worker: few, so that the curves grow and other stations are answered between. */
const STRIDE = 2;

export const trained = signal<LearnResult | null>(null);
export const gradients = signal<GradientResult | null>(null);
export const playing = signal(false);
export const trouble = signal<string | null>(null);

/** As text, so that a change elsewhere on the page is none here. */
const setupText = computed(() => {
  const { network, seed, rate, penalty } = state.value.learn;
  return JSON.stringify({ network, seed, rate, penalty } satisfies LearnSetup);
});

const setup = computed<LearnSetup>(() => JSON.parse(setupText.value));

export function set(part: Partial<LearnState>): void {
  change((s) => ({ ...s, learn: { ...s.learn, ...part } }));
}

/** Which press of a button counts: a run that a later press ended takes no further step. */
let turn = 0;

export function play(): void {
  if (playing.value) return;
  const step = trained.value?.step ?? 0;
  void run(step >= LAST_STEP ? 0 : step);
}

export function pause(): void {
  turn += 1;
  playing.value = false;
}

export function reset(): void {
  pause();
  void bring(setup.value, 0);
}

export function oneStep(): void {
  pause();
  void bring(setup.value, Math.min((trained.value?.step ?? 0) + 1, LAST_STEP));
}

async function run(from: number): Promise<void> {
  turn += 1;
  const mine = turn;
  playing.value = true;
  let step = from;
  while (turn === mine && step < LAST_STEP) {
    step = Math.min(step + STRIDE, LAST_STEP);
    if (!(await bring(setup.value, step))) break;
    // One drawing for each answer; a hidden page rests.
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  if (turn === mine) playing.value = false;
}

async function bring(own: LearnSetup, step: number): Promise<boolean> {
  try {
    const result = await engine.ask('learn', { setup: own, step });
    if (result === STALE || own !== setup.value) return false;
    trained.value = result;
    trouble.value = null;
    return true;
  } catch (error) {
    return tell(error);
  }
}

function tell(error: unknown): false {
  if (!(error instanceof EngineError)) throw error;
  trouble.value = error.message;
  return false;
}

let started = false;

/** Another setup is another run from its start; the second view follows its controls at once. */
export function startLearn(): void {
  if (started) return;
  started = true;
  effect(() => {
    if (engineStatus.value.is !== 'ready') return;
    const own = setup.value;
    pause();
    void bring(own, 0);
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

async function backward(request: Parameters<typeof engine.ask<'gradient'>>[1]): Promise<void> {
  try {
    const result = await engine.ask('gradient', request);
    if (result !== STALE) gradients.value = result;
  } catch (error) {
    tell(error);
  }
}
