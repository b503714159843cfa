import { type ReadonlySignal, signal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { engineStatus, pageOpened } from '../store';

/** A part of the page with a script of its own. */
export interface Later<P> {
  /** Null until it has come. */
  readonly view: ReadonlySignal<ComponentType<P> | null>;
  readonly failed: ReadonlySignal<boolean>;
  /** Has it loaded, if it is not yet. */
  ask(): void;
}

export function later<P = object>(load: () => Promise<ComponentType<P>>): Later<P> {
  const view = signal<ComponentType<P> | null>(null);
  const failed = signal(false);
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    load().then(
      (component) => {
        view.value = component;
      },
      () => {
        failed.value = true;
      },
    );
  };
  return { view, failed, ask };
}

/** Asks once the first picture has opened, so that the picture does not wait for the rest of the page. */
export function useAfterOpening(ask: () => void): void {
  useSignalEffect(() => {
    if (engineStatus.value.is === 'ready' && pageOpened.value) whenIdle(ask);
  });
}

/** What stands in the place of a part that has not come. */
export function Coming<P>({ part }: { part: Later<P> }) {
  return (
    <p class="standfirst">
      {part.failed.value ? 'This part did not load. Load the page again to have it.' : 'Loading\u2026'}
    </p>
  );
}

function whenIdle(task: () => void): void {
  // Safari has no idle callbacks.
  if ('requestIdleCallback' in window) requestIdleCallback(task, { timeout: 1000 });
  else setTimeout(task, 200);
}
