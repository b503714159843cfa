import { stations } from '../stations/stations';
import { goTo } from './place';

export function Navigation() {
  return (
    <nav aria-label="Stations">
      {stations.map(({ id, name }) => (
        <a key={id} href={`#${id}`}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** Makes links to stations move the view and not the address, which holds the state. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element && event.target.closest('a[href^="#"]');
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    goTo((link.getAttribute('href') ?? '').slice(1));
  });
}
