import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';

/**
 * A station whose code comes once the first pictures are drawn: what a person sees at first does not wait
 * for what lies below it.
 */
export function later(id: string, title: string, load: () => Promise<ComponentType>): ComponentType {
  const arrived = signal<ComponentType | null>(null);
  const failed = signal(false);
  let asked = false;
  const ask = () => {
    asked = true;
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
    if (!asked) ask();
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
