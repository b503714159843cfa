/** Tells the page that frames this one how high it is, now and whenever that changes: see deconv-station.ts. */
export function tellHeight(page: HTMLElement): void {
  if (parent === window) return;
  new ResizeObserver(() => {
    parent.postMessage({ deconvStation: { height: Math.ceil(page.getBoundingClientRect().height) } }, '*');
  }).observe(page);
}
