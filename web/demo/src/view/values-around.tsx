import { pixelAt } from '../model/lens';
import { fixed } from '../model/numbers';
import type { Planes } from '../model/picture';
import type { Magnifier } from './magnifier';
import './values-around.css';

/** Rows and columns on each side. */
const AROUND = 3;

/** What lies around a magnifier, to read instead of the picture. */
export function ValuesAround({ of, title, picture }: { of: Magnifier; title: string; picture: Planes }) {
  const { x, y } = pixelAt(of.place.value, picture.width, picture.height);
  const near = (middle: number, side: number) =>
    Array.from({ length: 2 * AROUND + 1 }, (_, i) => middle - AROUND + i).filter(
      (at) => at >= 0 && at < side,
    );
  const rows = near(y, picture.height);
  const columns = near(x, picture.width);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a table that scrolls must be reached by keyboard
    <section class="table-scroll" tabIndex={0} aria-label={`${title}, values`}>
      <table>
        <caption>{`${title}: first colour around the magnifier`}</caption>
        <thead>
          <tr>
            <th scope="col">Row</th>
            {columns.map((column) => (
              <th scope="col" class="number" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {columns.map((column) => (
                <td class="number" key={column}>
                  {fixed(picture.data[row * picture.width + column] ?? 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
