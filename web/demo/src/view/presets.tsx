import { presets, withPreset } from '../model/presets';
import { change, state } from '../store';

/** A native list of layers that networks use; choosing one sets the layer of all stations. */
export function PresetList() {
  const now = JSON.stringify(state.value.layer);
  const chosen = presets.findIndex(({ layer }) => JSON.stringify(layer) === now);
  return (
    <label class="preset-list">
      <span class="slider-label">Layer of a network</span>
      <select
        value={String(chosen)}
        onChange={(event) => {
          const preset = presets[Number(event.currentTarget.value)];
          if (preset) change((s) => withPreset(s, preset));
        }}
      >
        <option value="-1">Choose one…</option>
        {presets.map(({ name, layer }, index) => (
          <option key={name} value={String(index)}>
            {`${name}: k${layer.kernel} s${layer.stride}`}
          </option>
        ))}
      </select>
    </label>
  );
}
