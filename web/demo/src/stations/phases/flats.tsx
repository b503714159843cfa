import { useMemo } from 'preact/hooks';
import { toBytes } from '../../model/levels';
import { count, plain } from '../../model/numbers';
import { flatSide, greyLevels } from '../../model/phases';
import { PixelCanvas } from '../../view/pixel-canvas';
import { type Described, replaced } from './phases-run';

/** What the layer makes of a flat picture, before and after repair, under one rule of grey. */
export function Flats({ described }: { described: Described }) {
  const before = replaced.value ?? described;
  const after = before.result.repaired;
  const done = replaced.value !== null;
  const [low, high] = useMemo(
    () => range([before.result.flat, after?.flat ?? before.result.flat]),
    [before.result, after],
  );
  return (
    <div class="flats">
      <Flat
        name="before"
        title={done ? 'Flat picture before repair' : 'Flat picture, this kernel'}
        values={before.result.flat}
        width={flatSide(described.request)}
        levels={{ black: low, white: high }}
      />
      {after ? (
        <Flat
          name="after"
          title={done ? 'Flat picture now' : 'Flat picture, repaired'}
          values={done ? described.result.flat : after.flat}
          width={flatSide(described.request)}
          levels={{ black: low, white: high }}
        />
      ) : (
        <p class="flat-missing">
          Nothing lands on some rows, whatever the taps are. No repair can fill them.
        </p>
      )}
    </div>
  );
}

interface FlatProps {
  name: string;
  title: string;
  values: Float32Array;
  width: number;
  levels: { black: number; white: number };
}

function Flat({ name, title, values, width, levels }: FlatProps) {
  const picture = { channels: 1, width, height: values.length / width, data: values };
  const bytes = toBytes(picture, levels);
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  return (
    <figure class="flat" data-flat={name}>
      <figcaption>{title}</figcaption>
      <PixelCanvas
        label={`${title}: ${count(greyLevels(bytes), 'grey level')}`}
        width={width}
        height={picture.height}
        bytes={bytes}
      />
      <p class="grey-levels">
        <b>{count(greyLevels(bytes), 'grey level')}</b>
      </p>
      <details class="as-table">
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col" class="number">
                Cells
              </th>
            </tr>
          </thead>
          <tbody>
            {distinct.map((value) => (
              <tr key={value}>
                <td class="number">{plain(value, 6)}</td>
                <td class="number">{values.filter((v) => v === value).length}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** Zero and every value have a place between black and white; a picture without a range is grey. */
function range(pictures: readonly Float32Array[]): [number, number] {
  let [low, high] = [0, 0];
  for (const picture of pictures) {
    for (const value of picture) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return high > low ? [low, high] : [low - 1, low + 1];
}
