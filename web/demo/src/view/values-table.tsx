import { useState } from 'preact/hooks';
import { plain } from '../model/numbers';
import './readings.css';

interface Props {
  /** What the values are, for the table's caption. */
  of: string;
  width: number;
  height: number;
  /** One plane, row by row. */
  data: ArrayLike<number>;
  digits?: number;
}

const MOST = 8;

/** A plane's values to read instead of its picture: all of a small one, the middle of a large one. */
export function ValuesTable({ of, width, height, data, digits = 2 }: Props) {
  const [open, setOpen] = useState(false);
  const [columns, left] = middle(width);
  const [rows, top] = middle(height);
  const part = rows < height || columns < width;
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        // biome-ignore lint/a11y: a table wider than a phone is scrolled by keyboard, too; a fieldset has a form's looks
        <div role="group" class="table-scroll" aria-label={`Values of ${of}`} tabIndex={0}>
          <table>
            <caption>
              {of}
              {part &&
                `: rows ${top + 1} to ${top + rows}, columns ${left + 1} to ${left + columns} of ${height} × ${width}`}
            </caption>
            <thead>
              <tr>
                <td />
                {Array.from({ length: columns }, (_, column) => (
                  <th scope="col" key={column}>
                    {left + column + 1}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {Array.from({ length: rows }, (_, row) => (
                <tr key={row}>
                  <th scope="row">{top + row + 1}</th>
                  {Array.from({ length: columns }, (_, column) => (
                    <td key={column}>{plain(data[(top + row) * width + left + column] ?? 0, digits)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function middle(length: number): [count: number, from: number] {
  const count = Math.min(length, MOST);
  return [count, Math.floor((length - count) / 2)];
}
