import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { stations } from '../stations/stations';
import { stationInView } from './place';

/** The station that is being read. */
const here = signal<string | null>(null);

/** Beside the stations on wide screens: what there is, and where one is. */
export function Rail() {
  useEffect(() => {
    let asked = 0;
    const look = () => {
      asked = 0;
      here.value = stationInView();
    };
    const ask = () => {
      asked ||= requestAnimationFrame(look);
    };
    // Stations that load late push down those below them.
    const sizes = new ResizeObserver(ask);
    sizes.observe(document.body);
    addEventListener('scroll', ask, { passive: true });
    look();
    return () => {
      cancelAnimationFrame(asked);
      sizes.disconnect();
      removeEventListener('scroll', ask);
    };
  }, []);
  return (
    <nav class="rail" aria-label="Contents">
      <ol>
        {stations.map(({ id, name }, index) => (
          <li key={id}>
            <a href={`#${id}`} aria-current={here.value === id ? 'location' : undefined}>
              <span class="rail-number">{index + 1}</span> {name}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  );
}
