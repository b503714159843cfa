import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { engineStatus } from '../store';

/** Milliseconds from the engine's start, in which the first pictures are drawn. */
const HEAD_START = 150;

/** A station whose code comes once the first pictures are drawn: they do not wait for what lies below them. */
export function later(id: string, title: string, load: () => Promise<ComponentType>): ComponentType {
  const arrived = signal<ComponentType | null>(null);
  const failed = signal(false);
  let asked = false;
  const ask = () => {
    load().then(
      (component) => {
        arrived.value = component;
      },
      () => {
        failed.value = true;
      },
    );
  };
  return function Later() {
    const Station = arrived.value;
    if (Station) return <Station />;
    if (!asked && engineStatus.value.is === 'ready') {
      asked = true;
      setTimeout(ask, HEAD_START);
    }
    return (
      <section class="station" id={id} aria-labelledby={`${id}-title`}>
        <h2 id={`${id}-title`}>{title}</h2>
        <p class="standfirst" role={failed.value ? 'alert' : undefined}>
          {failed.value ? 'This station did not load. Load the page again to try once more.' : 'Loading'}
        </p>
      </section>
    );
  };
}
