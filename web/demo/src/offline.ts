/**
 * Keeps the page for times without a network. Registered only once the page has opened, so that it never
 * competes with the first picture; `files` are those the worker had fetched for that.
 */
export async function keepOffline(files: readonly string[]): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('./service-worker.js');
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage({ keep: files });
  } catch {
    // A browser that forbids it, as in some frames and private windows, has the page as long as it is open.
  }
}
