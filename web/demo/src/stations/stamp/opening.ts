import { useEffect, useLayoutEffect } from 'preact/hooks';
import { pageOpened } from '../../store';
import { openFilm, refusal, stamped, startFilm, watched } from './film';

/** The part of a picture that has to be in view for the film to open. */
const SEEN = 0.5;

const inView = new Set<Element>();
const boards = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) inView[isIntersecting ? 'add' : 'delete'](target);
  watched.value = inView.size > 0;
});

/** Runs the film of station 1 for a station that shows it, and opens it once `picture` inside is in view. */
export function useFilm(station: { current: HTMLElement | null }, picture: string): void {
  // At once: its first question waits for nothing but the engine.
  useLayoutEffect(startFilm, []);
  const there = stamped.value !== null;
  const refused = refusal.value !== null;
  useEffect(() => {
    if (refused) pageOpened.value = true;
  }, [refused]);
  useEffect(() => {
    const element = station.current?.querySelector(picture);
    if (!there || !element) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) {
          observer.disconnect();
          openFilm();
        }
        pageOpened.value = true;
      },
      { threshold: SEEN },
    );
    observer.observe(element);
    boards.observe(element.parentElement as Element);
    return () => observer.disconnect();
  }, [there]);
}
