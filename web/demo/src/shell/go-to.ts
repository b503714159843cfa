/** Brings a station into view, and the keyboard with it. */
export function goTo(id: string): void {
  const heading = document.getElementById(`${id}-title`);
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  document.getElementById(id)?.scrollIntoView();
}
