import type { TraceResult } from '../../engine/protocol';
import { count, milliseconds, percent } from '../../model/numbers';
import { state } from '../../store';
import { Comparison } from './comparison';
import { NetworkOutputs } from './network-outputs';
import { repair } from './network-run';
import { NetworkSteps } from './network-steps';
import { NetworkTones } from './network-tones';
import { culpritText, repairText } from './network-words';

/** What a run has found: the layer that draws the grid, every step, and what a repair makes of the output. */
export function TracedView({ found }: { found: TraceResult }) {
  const { steps, layers, level } = found;
  const { repaired } = state.value.network;
  const mendable = layers.flatMap(({ fall }, place) => (fall === null ? [] : place));
  const allRepaired = mendable.length > 0 && mendable.every((place) => repaired.includes(place));
  const total = steps.reduce((sum, step) => sum + step.milliseconds, 0);
  return (
    <>
      <p class="network-verdict" data-level={level ?? ''}>
        {culpritText(found)}
      </p>
      <NetworkSteps found={found} />
      <p class="model-note">
        {`${count(steps.length, 'step')}, ${milliseconds(total)} in all. A bar is the pattern's strength against the values themselves, from \u221260 dB to 0.`}
      </p>
      {found.format === 'onnx' && <Comparison />}
      {mendable.length > 0 && (
        <fieldset class="network-repair">
          <legend>Repair</legend>
          {mendable.map((place) => (
            <label key={place}>
              <input
                type="checkbox"
                checked={repaired.includes(place)}
                onChange={({ currentTarget }) =>
                  repair(
                    currentTarget.checked ? [...repaired, place] : repaired.filter((one) => one !== place),
                  )
                }
              />
              {`${layers[place]?.name}: ${percent(Math.max(layers[place]?.share ?? 0, 0))} of the pattern`}
            </label>
          ))}
          {mendable.length > 1 && (
            <button type="button" class="button" onClick={() => repair(allRepaired ? [] : mendable)}>
              {allRepaired ? 'Undo the repair of all' : 'Repair all'}
            </button>
          )}
        </fieldset>
      )}
      <p class="network-after" data-level={found.repair?.level ?? ''}>
        {repairText(found)}
      </p>
      {found.sound ? <NetworkTones sound={found.sound} /> : <NetworkOutputs found={found} />}
    </>
  );
}
