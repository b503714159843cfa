import { plain } from '../../model/numbers';
import { phaseName, phaseOfTap, sumText, tapsOfPhase } from '../../model/phases';
import type { Described } from './phases-run';
import { lit } from './phases-run';

/** Every phase with the taps that ever land on it, their sum, and that sum as a bar against the mean. */
export function Gains({ described }: { described: Described }) {
  const { request, result } = described;
  const { stride, weights } = request;
  const gains = result.gains;
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / Math.max(gains.length, 1);
  const lowest = Math.min(0, ...gains, mean);
  const highest = Math.max(0, ...gains, mean);
  const span = highest - lowest || 1;
  const at = (value: number) => (100 * (value - lowest)) / span;
  return (
    <table class="gains">
      <caption>
        Sub-kernels and their sums G, mean <b>{plain(mean, 3)}</b>
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
          const [row, column] = [Math.floor(phase / stride), phase % stride];
          const taps = tapsOfPhase(request, row, column).map((index) => weights[index] ?? 0);
          const name = phaseName(stride, row, column);
          const here = lit.value;
          const isLit =
            here !== null &&
            phaseOfTap(request, here.row) === row &&
            phaseOfTap(request, here.column) === column;
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

function offMean(difference: number): string {
  if (Math.abs(difference) < 5e-7) return 'at the mean';
  return `${difference < 0 ? '\u2212' : '+'}${plain(Math.abs(difference), 3)}`;
}
