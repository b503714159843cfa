import { plain } from '../../model/numbers';
import { phaseOfTap, phasesOf, sumText, tapsOfPhase } from '../../model/phases';
import type { Described } from './phases-run';
import { lit } from './phases-run';

/** Every phase with the taps that ever land on it, their sum, and that sum as a bar against the mean. */
export function Gains({ described }: { described: Described }) {
  const { request, result } = described;
  const { weights } = request;
  const phases = phasesOf(request);
  const gains = result.gains;
  const means = meansOf(gains, request.groups);
  const lowest = Math.min(0, ...gains);
  const highest = Math.max(0, ...gains);
  const span = highest - lowest || 1;
  const at = (value: number) => (100 * (value - lowest)) / span;
  return (
    <table class="gains">
      <caption>
        Sub-kernels and their sums G, mean <b>{means.map((mean) => plain(mean, 3)).join(', ')}</b>
      </caption>
      <thead>
        <tr>
          <th scope="col">Phase</th>
          <th scope="col">Taps that land there</th>
          <th scope="col" class="number">
            G
          </th>
          <th scope="col">
            <span class="visually-hidden">Against the mean</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {gains.map((gain, phase) => {
          const taps = tapsOfPhase(request, phase).map((index) => weights[index] ?? 0);
          const name = phases[phase]?.name ?? '';
          const mean = means[phases[phase]?.lane ?? 0] ?? 0;
          const here = lit.value;
          const isLit =
            here !== null &&
            (request.kind === 'resize' || phaseOfTap(request, here.row, here.column) === phase);
          return (
            <tr key={name} class={isLit ? 'is-lit' : ''}>
              <th scope="row">
                <b>{name}</b>
              </th>
              <td class="sum-of-taps">{sumText(taps)}</td>
              <td class="number" data-gain={gain}>
                {plain(gain, 3)}
              </td>
              <td class="bar-cell">
                <svg class="gain-bar" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
                  <rect x={Math.min(at(0), at(gain))} y="4" width={Math.abs(at(gain) - at(0))} height="12" />
                  <line class="zero" x1={at(0)} x2={at(0)} y1="0" y2="20" />
                  <line class="mean" x1={at(mean)} x2={at(mean)} y1="0" y2="20" />
                </svg>
                <span class="off-mean">{offMean(gain - mean)}</span>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** The mean gain of every lane. */
function meansOf(gains: readonly number[], lanes: number): number[] {
  const each = gains.length / lanes;
  return Array.from({ length: lanes }, (_, lane) => {
    const own = gains.slice(lane * each, (lane + 1) * each);
    return own.reduce((sum, gain) => sum + gain, 0) / Math.max(each, 1);
  });
}

function offMean(difference: number): string {
  if (Math.abs(difference) < 5e-7) return 'at the mean';
  return `${difference < 0 ? '\u2212' : '+'}${plain(Math.abs(difference), 3)}`;
}
