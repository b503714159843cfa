import { tally } from '../../model/board';
import { count, plain } from '../../model/numbers';
import { withMove } from '../../model/state';
import type { Move } from '../../model/story';
import { at, productsAt, stepInWords } from '../../model/words';
import { change, reducedMotion } from '../../store';
import { Coming, later, useAfterOpening } from '../../view/later';
import {
  atEnd,
  controls,
  currentStory,
  gathered,
  gathering,
  landed,
  lighted,
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
      <Hand picture={picture} />
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

/** What is told of a cell. Nothing of the film needs it. */
const inHand = later(async () => (await import('./in-hand')).InHand);

function Hand({ picture }: Props) {
  useAfterOpening(inHand.ask);
  const View = inHand.view.value;
  return (
    <div class="in-hand">
      {!lighted.value && (
        <p class="hint">
          Point at any cell, tap it or move there with the arrow keys, to see where its numbers go or come
          from. Click an input or a kernel cell to change it.
        </p>
      )}
      {View && <View picture={picture} />}
      {!View && lighted.value && <Coming part={inHand} />}
    </div>
  );
}
