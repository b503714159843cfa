import type { Signal } from '@preact/signals';

/** Says why a file was not taken. Refused once more, it is told once more: read aloud, and brought into view. */
export function refuse(place: Signal<string | null>, why: string): void {
  place.value = null;
  queueMicrotask(() => {
    place.value = why;
  });
}
