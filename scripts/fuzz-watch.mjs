import { Worker } from 'node:worker_threads';

/** A step that takes longer than this hangs. */
const HANGS_MS = 60_000;

/**
 * Runs a fuzzer's work in a thread, so that this one can tell a hang. The thread posts `{ current }`, what it is at,
 * and `{ done }`, which is what this resolves with.
 */
export function workWatched(name, url, data) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { workerData: data });
    let [current, since, shown] = ['nothing yet', Date.now(), Date.now()];
    const watch = setInterval(() => {
      if (Date.now() - shown > 60_000) {
        shown = Date.now();
        console.error(`${name}: ${String(current).slice(0, 60)}`);
      }
      if (Date.now() - since < HANGS_MS) return;
      console.error(`${name}: this hangs: ${current}`);
      process.exit(1);
    }, 1000);
    worker.on('message', (note) => {
      if ('current' in note) {
        [current, since] = [note.current, Date.now()];
        return;
      }
      clearInterval(watch);
      resolve(note.done);
    });
    worker.on('error', reject);
  });
}
