import { useId } from 'preact/hooks';

interface Props {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  hint?: string;
  onInput: (value: number) => void;
}

/** A native range with its number beside it. */
export function Slider({ label, value, min, max, step = 1, hint, onInput }: Props) {
  const id = useId();
  return (
    <div class="slider" title={hint}>
      <label class="slider-label" for={id}>
        {label}
      </label>
      <span class="slider-value" aria-hidden="true">
        {value}
      </span>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={max <= min}
        onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
