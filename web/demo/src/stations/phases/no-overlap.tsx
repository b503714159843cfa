import { hasNoOverlap, withNoOverlap } from '../../model/no-overlap';
import { change } from '../../store';
import type { Described } from './phases-run';

/** Kernel as wide as the stride: what is even and does not overlap is still not equal. */
export function NoOverlap({ described }: { described: Described }) {
  const { request, result } = described;
  const there = hasNoOverlap({ ...request, size: 1, padding: 0, outputPadding: 0 });
  if (!there || request.kind === 'resize') {
    return (
      <div class="guided">
        <p>
          <b>No overlap, no pattern?</b> Kernel 2, stride 2: even overlap, and no two stamps touch.
        </p>
        <button type="button" class="button" onClick={() => change(withNoOverlap)}>
          Kernel 2, stride 2
        </button>
      </div>
    );
  }
  return (
    <div class="guided">
      <p>
        <b>No overlap at all, and the weights decide.</b> Every phase has one tap, and its sum is that tap.{' '}
        {result.verdict === 'free'
          ? 'All are equal now, so this layer only copies cells: a nearest-neighbour resize, which is all that is left of it without a pattern.'
          : 'They differ, so a flat picture comes out as their pattern, block by block. Repair makes them equal, and what is left is a nearest-neighbour resize.'}
      </p>
    </div>
  );
}
