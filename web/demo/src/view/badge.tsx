import { count, milliseconds } from '../model/numbers';
import { engineStatus, lastReport } from '../store';

const buildNames = { relaxed: 'relaxed SIMD', simd: 'SIMD' } as const;

/** Which build runs, on how many threads, and how long the last forward took. */
export function Badge() {
  const status = engineStatus.value;
  const plan = lastReport.value?.plans[0];
  if (status.is === 'failed') return <p class="badge">not running</p>;
  if (status.is === 'starting') return <p class="badge">loading</p>;
  // A station that needs no layer has no time to tell.
  const { build, threads } = plan ?? status;
  return (
    <p class="badge" title={status.notes.join('\n') || undefined}>
      <span class="dot" aria-hidden="true" />
      <span>{buildNames[build]}</span>
      <span>{count(threads, 'thread')}</span>
      {lastReport.value && <span class="time">{milliseconds(lastReport.value.milliseconds)}</span>}
    </p>
  );
}
