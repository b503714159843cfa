import { signal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { engineStatus, pageOpened } from '../store';

/**
 * A station whose script is loaded once the first one has opened, so that it does not wait for the others.
 * Until then its heading holds its place.
 */
export function lazyStation(
  id: string,
  name: string,
  number: number,
  load: () => Promise<ComponentType>,
): ComponentType {
  const loaded = signal<ComponentType | null>(null);
  const failed = signal(false);
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    load().then(
      (station) => {
        loaded.value = station;
      },
      () => {
        failed.value = true;
      },
    );
  };
  return function Station() {
    useSignalEffect(() => {
      if (engineStatus.value.is === 'ready' && pageOpened.value) whenIdle(ask);
    });
    const View = loaded.value;
    if (View) return <View />;
    return (
      <section class="station is-coming" id={id} aria-labelledby={`${id}-title`}>
        <h2 id={`${id}-title`}>
          <span class="station-number">{number}</span> {name}
        </h2>
        <p class="standfirst">
          {failed.value ? 'This part did not load. Load the page again to have it.' : 'Loading\u2026'}
        </p>
      </section>
    );
  };
}

function whenIdle(task: () => void): void {
  // Safari has no idle callbacks.
  if ('requestIdleCallback' in window) requestIdleCallback(task, { timeout: 1000 });
  else setTimeout(task, 200);
}
