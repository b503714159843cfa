import type { ComponentType } from 'preact';
import { Coming, later, useAfterOpening } from './later';

/** A station whose script is loaded once the first one has opened. Until then its heading holds its place. */
export function lazyStation(
  id: string,
  name: string,
  number: number,
  load: () => Promise<ComponentType>,
): ComponentType {
  const station = later(load);
  return function Station() {
    useAfterOpening(station.ask);
    const View = station.view.value;
    if (View) return <View />;
    return (
      <section class="station is-coming" id={id} aria-labelledby={`${id}-title`}>
        <h2 id={`${id}-title`}>
          <span class="station-number">{number}</span> {name}
        </h2>
        <Coming part={station} />
      </section>
    );
  };
}
