import { tally } from '../../model/board';
import type { Cell } from '../../model/geometry';
import { count, plain } from '../../model/numbers';
import { withMove } from '../../model/state';
import type { Move } from '../../model/story';
import { at, landing, productsAt, stepInWords } from '../../model/words';
import { change, reducedMotion } from '../../store';
import {
  atEnd,
  controls,
  currentStory,
  gathered,
  gathering,
  landed,
  landedStamps,
  lighted,
  pinned,
  type Stamped,
  stampsAt,
  total,
} from './film';
import { Pips } from './pips';

interface Props {
  picture: Stamped;
}

/** Beside the picture: what just happened, what to try next, and the cell in hand. */
export function Notes({ picture }: Props) {
  return (
    <div class="notes">
      <Step picture={picture} />
      <Tally picture={picture} />
      <InHand picture={picture} />
    </div>
  );
}

function Step({ picture }: Props) {
  const now = currentStory.value;
  if (!now) return null;
  const ended = atEnd.value;
  const unit = gathering.value ? 'output' : 'stamp';
  return (
    <div class="step">
      <p class="kicker">
        {ended
          ? `All ${count(total.value, unit)}`
          : `${unit === 'stamp' ? 'Stamp' : 'Output'} ${landed.value} of ${total.value}`}
      </p>
      <p class="verdict">{ended ? now.verdict : gathering.value ? 'What reaches it?' : 'Watch the sums.'}</p>
      <p class="explanation">{ended ? now.text : stepText(picture)}</p>
      <button type="button" class="button try-it" onClick={() => make(now.move)}>
        {now.label}
      </button>
    </div>
  );
}

/** The last step in words, of either film. */
export function stepText({ request, result }: Stamped): string {
  const { spec, input } = request;
  if (!gathering.value) return stepInWords(spec, input, landed.value);
  const cell = gathered.value;
  if (!cell) return 'No output has been gathered yet.';
  const products = productsAt(spec, result.stamps, cell, input.length).length;
  const value = result.states.at(-1)?.[cell.row * result.shape[1] + cell.column] ?? 0;
  return `Output ${at(spec, cell)} gathers ${count(products, 'product')}, one from each input cell that reaches it: ${plain(value)}.`;
}

/** An experiment shows its full output at once: the change is the point. Starting over plays from the start. */
function make(move: Move): void {
  change((s) => withMove(s, move));
  if (move === 'start-over' && !reducedMotion.value) controls.start();
  else controls.end();
}

function Tally({ picture }: Props) {
  const { shape } = picture.result;
  const rows = tally(shape, (cell) =>
    gathering.value && cell.row * shape[1] + cell.column >= landed.value ? 0 : stampsAt.value(cell),
  );
  return (
    <table class="tally">
      <caption>Stamps on a cell</caption>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">Stamps</th>
          <th scope="col">Cells</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ stamps, cells, part }) => (
          <tr key={stamps}>
            <th scope="row">
              <span class="tally-count">{stamps}</span> <Pips amount={stamps} />
            </th>
            <td>
              <span class="bar" style={{ '--part': part }} aria-hidden="true" />
              {count(cells, 'cell')}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The cell that is pointed at: an input's footprint, a tap's reach, or an output's sum. */
function InHand({ picture }: Props) {
  const target = lighted.value;
  return (
    <div class="in-hand">
      {!target && (
        <p class="hint">
          Point at any cell, tap it or move there with the arrow keys, to see where its numbers go or come
          from. Click an input or a kernel cell to change it.
        </p>
      )}
      {target?.grid === 'input' && <Footprint picture={picture} cell={target.cell} />}
      {target?.grid === 'kernel' && (
        <p>
          <b>Tap, {at(picture.request.spec, target.cell)}.</b> It lands once for every input cell: on the
          framed outputs.
        </p>
      )}
      {target?.grid === 'output' && <Gathered picture={picture} cell={target.cell} />}
      {pinned.value && <Neighbours picture={picture} cell={pinned.value.cell} />}
    </div>
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
