interface Props<T extends string | number> {
  legend: string;
  name: string;
  options: readonly { readonly value: T; readonly label: string }[];
  value: T | null;
  onChoose: (value: T) => void;
}

/** A row of radio buttons that looks like one control. */
export function Choice<T extends string | number>(props: Props<T>) {
  return (
    <fieldset class="choice">
      <legend>{props.legend}</legend>
      <div class="choice-row">
        {props.options.map(({ value, label }) => (
          <label key={value}>
            <input
              type="radio"
              name={props.name}
              checked={value === props.value}
              onChange={() => props.onChoose(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
