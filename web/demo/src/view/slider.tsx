import { useId } from 'preact/hooks';

interface Props {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  hint?: string;
  /** What is read in place of the number. */
  text?: string;
  onInput: (value: number) => void;
}

/** A native range with its number beside it. */
export function Slider({ label, value, min, max, step = 1, hint, text, onInput }: Props) {
  const id = useId();
  return (
    <div class="slider" title={hint}>
      <label class="slider-label" for={id}>
        {label}
      </label>
      <span class="slider-value" aria-hidden="true">
        {text ?? value}
      </span>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-valuetext={text}
        disabled={max <= min}
        onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
