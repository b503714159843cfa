import { computed, signal } from '@preact/signals';
import { EngineError, STALE } from './engine/client';
import type { Report, StartResult } from './engine/protocol';
import type { Theme } from './model/colour';
import { type History, isAlike, noHistory, redone, remembered, undone } from './model/history';
import { opening, type State } from './model/state';

/** The one state of the page. Stations read it, actions replace it, nothing mutates it. */
export const state = signal<State>(opening);

const history = signal<History<State>>(noHistory);
export const canUndo = computed(() => history.value.past.length > 0);
export const canRedo = computed(() => history.value.future.length > 0);

/** `carry` is for what comes by itself: what can be done again stays, with it, and it is one with no change by hand. */
export function change(next: (state: State) => State, carry?: (state: State) => State): void {
  const before = state.peek();
  const after = next(before);
  if (after === before) return;
  // What is chosen once more, as by a link that is open already, is nothing to go back from.
  if (!isAlike(before, after)) {
    const past = history.peek();
    const future = carry ? past.future.map(carry) : [];
    history.value = { ...remembered(past, before, carry ? Infinity : performance.now()), future };
  }
  state.value = after;
}

export function undo(): void {
  travel(undone);
}

export function redo(): void {
  travel(redone);
}

function travel(step: typeof undone): void {
  const there = step(history.peek(), state.peek());
  if (!there) return;
  history.value = there.history;
  state.value = there.state;
}

export type EngineStatus =
  | { readonly is: 'starting' }
  | ({ readonly is: 'ready' } & StartResult)
  | { readonly is: 'failed'; readonly message: string };

export const engineStatus = signal<EngineStatus>({ is: 'starting' });

/** Whether the page has opened with its first picture: what is not part of that waits for it. */
export const pageOpened = signal(false);

/** What the last forward call of any station reported; the badge shows it. */
export const lastReport = signal<Report | null>(null);

const systemTheme = signal<Theme>('light');
const chosenTheme = signal<Theme | null>(null);
export const theme = computed<Theme>(() => chosenTheme.value ?? systemTheme.value);
export const reducedMotion = signal(false);

export function toggleTheme(): void {
  chosenTheme.value = theme.value === 'dark' ? 'light' : 'dark';
}

/** Follows the two wishes of the system that the page honours. */
export function followSystem(): void {
  const follow = (query: string, apply: (matches: boolean) => void) => {
    const media = matchMedia(query);
    apply(media.matches);
    media.addEventListener('change', () => apply(media.matches));
  };
  follow('(prefers-color-scheme: dark)', (dark) => {
    systemTheme.value = dark ? 'dark' : 'light';
  });
  follow('(prefers-reduced-motion: reduce)', (reduce) => {
    reducedMotion.value = reduce;
  });
}

export async function followEngine(starting: Promise<StartResult | typeof STALE>): Promise<void> {
  try {
    const info = await starting;
    if (info !== STALE) engineStatus.value = { is: 'ready', ...info };
  } catch (error) {
    const message = error instanceof EngineError ? error.message : String(error);
    engineStatus.value = { is: 'failed', message };
  }
}
