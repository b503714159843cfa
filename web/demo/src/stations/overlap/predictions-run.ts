import { effect, signal } from '@preact/signals';
import { STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { PredictionsResult } from '../../engine/protocol';
import { unanswered } from '../../engine/unanswered';
import { type Answers, type Guess, type Question, questions, readAnswers } from '../../model/predictions';
import { opening } from '../../model/state';
import { engineStatus } from '../../store';

/** Of this browser alone, and of no link: who shares a layer does not share what they guessed. */
const KEPT = 'deconv-wasm predictions';

export const answers = signal<Answers>({});
export const outcomes = signal<PredictionsResult | null>(null);
/** Why there are none. */
export const trouble = signal<string | null>(null);

export function answer(question: Question, guess: Guess): void {
  keep({ ...answers.peek(), [question.id]: guess });
}

export function forget(): void {
  keep({});
}

function keep(next: Answers): void {
  answers.value = next;
  try {
    localStorage.setItem(KEPT, JSON.stringify(next));
  } catch {
    // A browser that keeps nothing still shows them until the page is closed.
  }
}

function kept(): Answers {
  try {
    return readAnswers(localStorage.getItem(KEPT));
  } catch {
    return {};
  }
}

async function ask(): Promise<void> {
  try {
    const found = await engine.ask('predictions', { layers: questions, seed: opening.seed });
    if (found !== STALE) outcomes.value = found;
  } catch (error) {
    trouble.value = unanswered(error);
  }
}

let started = false;

/** The outcomes are computed before anybody answers, so that an answer is shown at once. */
export function startPredictions(): void {
  if (started) return;
  started = true;
  answers.value = kept();
  const stop = effect(() => {
    if (engineStatus.value.is !== 'ready') return;
    queueMicrotask(() => stop());
    void ask();
  });
}
