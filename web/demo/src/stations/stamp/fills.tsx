import { withFill, withRandom } from '../../model/state';
import { change } from '../../store';
import { Preset } from './cells';

/** Beneath a kernel: rules to fill it by, and how its cells are changed. */
export function Fills() {
  return (
    <>
      <p class="presets">
        <Preset label="Ones" onClick={() => change((s) => withFill(s, 'ones'))} />
        <Preset label="Random" onClick={() => change(withRandom)} />
        <Preset label="Bilinear" onClick={() => change((s) => withFill(s, 'bilinear'))} />
      </p>
      <p class="visually-hidden" id="edit-hint">
        Arrow keys move. Enter or a digit edits, Escape cancels.
      </p>
    </>
  );
}
