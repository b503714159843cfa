import { useEffect } from 'preact/hooks';

/** Calls once an element comes into view, or as near to it as a root margin says. */
export function useNear(
  of: { readonly current: HTMLElement | null },
  rootMargin: string,
  come: () => void,
): void {
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer.disconnect();
        come();
      },
      { rootMargin },
    );
    if (of.current) observer.observe(of.current);
    return () => observer.disconnect();
  }, []);
}
