import { count, milliseconds } from '../model/numbers';
import { engineStatus, lastReport } from '../store';

const buildNames = { relaxed: 'relaxed SIMD', simd: 'SIMD' } as const;

/** Which build runs, on how many threads, and how long the last forward took. */
export function Badge() {
  const status = engineStatus.value;
  const plan = lastReport.value?.plans[0];
  if (status.is === 'failed') return <p class="badge">not running</p>;
  if (!lastReport.value || !plan) return <p class="badge">loading</p>;
  const notes = status.is === 'ready' ? status.notes.join('\n') : '';
  return (
    <p class="badge" title={notes || undefined}>
      <span class="dot" aria-hidden="true" />
      <span>{buildNames[plan.build]}</span>
      <span>{count(plan.threads, 'thread')}</span>
      <span class="time">{milliseconds(lastReport.value.milliseconds)}</span>
    </p>
  );
}
