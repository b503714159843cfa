import type { Cell } from '../../model/geometry';
import { plain } from '../../model/numbers';
import { at, landing, productsAt } from '../../model/words';
import { landedStamps, lighted, pinned, type Stamped } from './film';

interface Props {
  picture: Stamped;
}

/** The cell that is pointed at: an input's footprint, a tap's reach, or an output's sum. */
export function InHand({ picture }: Props) {
  const target = lighted.value;
  return (
    <>
      {target?.grid === 'input' && <Footprint picture={picture} cell={target.cell} />}
      {target?.grid === 'kernel' && (
        <p>
          <b>Tap, {at(picture.request.spec, target.cell)}.</b> It lands once for every input cell: on the
          framed outputs.
        </p>
      )}
      {target?.grid === 'output' && <Gathered picture={picture} cell={target.cell} />}
      {pinned.value && <Neighbours picture={picture} cell={pinned.value.cell} />}
    </>
  );
}

const ways = [
  { name: 'left', row: 0, column: -1, path: 'M12 4 6 10l6 6' },
  { name: 'right', row: 0, column: 1, path: 'm8 4 6 6-6 6' },
  { name: 'above', row: -1, column: 0, path: 'm4 12 6-6 6 6' },
  { name: 'below', row: 1, column: 0, path: 'm4 8 6 6 6-6' },
] as const;

/** From the kept output cell to the next, for fingers that are wider than a cell. */
function Neighbours({ picture, cell }: Props & { cell: Cell }) {
  const [rows, columns] = picture.result.shape;
  return (
    <fieldset class="neighbours">
      <legend class="visually-hidden">Keep another output cell</legend>
      {ways
        .filter(({ row }) => rows > 1 || row === 0)
        .map(({ name, row, column, path }) => {
          const next = { row: cell.row + row, column: cell.column + column };
          const there = next.row >= 0 && next.row < rows && next.column >= 0 && next.column < columns;
          const label = row === 0 ? `The cell on the ${name}` : `The cell ${name}`;
          return (
            <button
              type="button"
              key={name}
              class="icon-button"
              aria-label={label}
              title={label}
              disabled={!there}
              onClick={() => {
                pinned.value = { grid: 'output', cell: next };
              }}
            >
              <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
                <path d={path} fill="none" stroke="currentColor" stroke-width="1.6" />
              </svg>
            </button>
          );
        })}
    </fieldset>
  );
}

function Footprint({ picture, cell }: Props & { cell: Cell }) {
  const { spec, input } = picture.request;
  const value = input[cell.row * spec.size + cell.column] ?? 0;
  return (
    <p>
      <b>Input, {at(spec, cell)}.</b> {plain(value)} times the kernel lands on {landing(spec, cell)}.
    </p>
  );
}

function Gathered({ picture, cell }: Props & { cell: Cell }) {
  const { spec, input, weights } = picture.request;
  const { states, stamps, shape } = picture.result;
  const products = productsAt(spec, stamps, cell, landedStamps.value);
  const sum = states[landedStamps.value]?.[cell.row * shape[1] + cell.column] ?? 0;
  return (
    <>
      <p>
        <b>Output, {at(spec, cell)}.</b>{' '}
        {products.length === 0 ? 'No stamp has landed here.' : 'Input times tap, summed:'}
      </p>
      {products.length > 0 && (
        <p class="sum-line">
          {products.map(({ input: from, tap, product }, i) => (
            <span
              key={`${from.row},${from.column}`}
              title={`input ${at(spec, from)}, tap ${at(spec, tap)}: ${plain(product, 4)}`}
            >
              {i > 0 && ' + '}
              {factor(input[from.row * spec.size + from.column])}
              {' \u00b7 '}
              {factor(weights[tap.row * spec.kernel + tap.column])}
            </span>
          ))}
          <strong> = {plain(sum, 4)}</strong>
        </p>
      )}
    </>
  );
}

function factor(value = 0): string {
  const text = plain(value, 3);
  return value < 0 ? `(${text})` : text;
}
