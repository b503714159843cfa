import { count } from '../../model/numbers';
import { change, state } from '../../store';
import { Choice } from '../../view/choice';
import { atEnd, controls, gathering, landed, playing, total } from './film';

const speeds = [
  { value: 0.5, label: '\u00bd\u00d7' },
  { value: 1, label: '1\u00d7' },
  { value: 2, label: '2\u00d7' },
  { value: 4, label: '4\u00d7' },
] as const;

const views = [
  { value: 'scatter', label: 'Scatter' },
  { value: 'gather', label: 'Gather' },
] as const;

/** Keys that move the scrub. Where it is at its end already, the browser tells of no input. */
const MOVES = /^(Arrow|Page|Home$|End$)/;

/** Play, step, scrub and speed of the film. */
export function Transport() {
  const unit = gathering.value ? 'output' : 'stamp';
  const verb = playing.value ? 'Pause' : atEnd.value ? 'Play again' : 'Play';
  return (
    <fieldset class="transport">
      <legend class="visually-hidden">Film</legend>
      <button
        type="button"
        class="icon-button is-strong"
        aria-label={verb}
        title={`${verb} (Space)`}
        onClick={controls.toggle}
      >
        <Icon path={playing.value ? 'M6 4h3v12H6zM11 4h3v12h-3z' : 'M6 3.5v13l10.5-6.5z'} />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={`One ${unit} back`}
        title={`One ${unit} back (,)`}
        disabled={landed.value === 0}
        onClick={controls.back}
      >
        <Icon path="M5 4h2.4v12H5zM15.5 4v12L8 10z" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={`One ${unit} forward`}
        title={`One ${unit} forward (.)`}
        disabled={atEnd.value}
        onClick={controls.forward}
      >
        <Icon path="M12.600 4H15v12h-2.400zM4.500 4v12L12 10z" />
      </button>
      <div class="scrub">
        <input
          type="range"
          aria-label={gathering.value ? 'Outputs gathered' : 'Stamps landed'}
          min={0}
          max={total.value}
          value={landed.value}
          aria-valuetext={`${landed.value} of ${count(total.value, unit)}`}
          onPointerDown={controls.hold}
          onKeyDown={({ key }) => MOVES.test(key) && controls.hold()}
          onInput={(event) => controls.seek(event.currentTarget.valueAsNumber)}
        />
        <span class="scrub-value" aria-hidden="true">
          {landed.value} / {total.value}
        </span>
      </div>
      <Choice
        legend="View"
        name="view"
        options={views}
        value={state.value.view}
        onChoose={(view) => change((s) => ({ ...s, view }))}
      />
      <Choice
        legend="Speed"
        name="speed"
        options={speeds}
        value={state.value.speed}
        onChoose={(speed) => change((s) => ({ ...s, speed }))}
      />
    </fieldset>
  );
}

function Icon({ path }: { path: string }) {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path d={path} fill="currentColor" />
    </svg>
  );
}
