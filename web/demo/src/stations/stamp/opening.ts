import { useEffect } from 'preact/hooks';
import { openFilm, stamped, startFilm } from './film';

/** The part of a picture that has to be in view for the film to open. */
const SEEN = 0.5;

/** Runs the film of station 1 for a station that shows it, and opens it once `picture` inside is in view. */
export function useFilm(station: { current: HTMLElement | null }, picture: string): void {
  useEffect(startFilm, []);
  const there = stamped.value !== null;
  useEffect(() => {
    const element = station.current?.querySelector(picture);
    if (!there || !element) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (!entry?.isIntersecting) return;
        observer.disconnect();
        openFilm();
      },
      { threshold: SEEN },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [there]);
}
