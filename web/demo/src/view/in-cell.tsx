import { inCell } from '../model/numbers';

/** A value in a cell, smaller where it has as many characters as fit. */
export function InCell({ value }: { value: number }) {
  const text = inCell(value);
  return (
    <data value={value} class={text.length > 4 ? 'long-number' : undefined}>
      {text}
    </data>
  );
}
