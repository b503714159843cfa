import { stations } from '../stations/stations';

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

/** Brings a station into view, and the keyboard with it. */
export function goTo(id: string): void {
  const heading = document.getElementById(`${id}-title`);
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  document.getElementById(id)?.scrollIntoView();
}
