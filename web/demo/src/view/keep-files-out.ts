/**
 * A file that is let go beside a place to drop it on (use-drop.ts) would take the page's own: the browser opens it. There
 * the pointer says that nothing can be dropped, and nothing is.
 */
export function keepFilesOut(): void {
  for (const kind of ['dragover', 'drop'] as const) {
    addEventListener(kind, (event) => {
      const { dataTransfer } = event;
      if (event.defaultPrevented || !dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      dataTransfer.dropEffect = 'none';
    });
  }
}
