import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { stations } from '../stations/stations';

/** The station that is being read. */
const here = signal<string | null>(null);

/** A station is read from where its top has come this far up the window. */
const READ_FROM = 0.4;

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

function stationInView(): string | null {
  // The last stations may be too short to come up.
  const left = document.documentElement.scrollHeight - innerHeight - scrollY;
  if (scrollY > 0 && left < 2) return stations.at(-1)?.id ?? null;
  const line = innerHeight * READ_FROM;
  const begun = stations.filter(({ id }) => {
    const top = document.getElementById(id)?.getBoundingClientRect().top;
    return top !== undefined && top <= line;
  });
  return begun.at(-1)?.id ?? null;
}
