import { useEffect } from 'preact/hooks';
import type { PredictionsResult, PredictionView } from '../../engine/protocol';
import { count } from '../../model/numbers';
import { flatSide, unevennessText } from '../../model/phases';
import {
  because,
  guesses,
  guessNames,
  type Question,
  questions,
  scoreOf,
  truth,
} from '../../model/predictions';
import { withFill, withLayer } from '../../model/state';
import { change, pageOpened } from '../../store';
import { Trouble } from '../../view/trouble';
import { answer, answers, forget, outcomes, startPredictions, trouble } from './predictions-run';

/** Three layers to judge by thought, and then to be shown. */
export function Predictions() {
  useEffect(startPredictions, []);
  const found = outcomes.value;
  return (
    <section class="predictions" aria-labelledby="predictions-title">
      <h3 id="predictions-title">Predict, then look</h3>
      <p class="predictions-text">
        A flat grey picture goes through each of these layers. When does it come out with a pattern?
      </p>
      <Trouble text={trouble.value} />
      <ol class="prediction-list">
        {questions.map((question, index) => (
          <Card key={question.id} question={question} found={found?.layers[index]} />
        ))}
      </ol>
      <p class="predictions-score" role="status">
        {found && <Score found={found} />}
      </p>
      {Object.keys(answers.value).length > 0 && (
        <p>
          <button type="button" class="preset" onClick={forget}>
            Forget my answers
          </button>{' '}
          <span class="size">They are kept in this browser only.</span>
        </p>
      )}
    </section>
  );
}

type Found = PredictionsResult['layers'][number];

const outcomeOf = ({ equal, random }: Found) => ({ equal: equal.unevenness, random: random.unevenness });

function Score({ found }: { found: PredictionsResult }) {
  const byId = Object.fromEntries(
    questions.map(({ id }, index) => [id, outcomeOf(found.layers[index] as Found)]),
  ) as Parameters<typeof scoreOf>[1];
  const { answered, right } = scoreOf(answers.value, byId);
  if (answered < questions.length) return null;
  return <>{`${right} of ${count(answered, 'prediction')} came true.`}</>;
}

function Card({ question, found }: { question: Question; found: Found | undefined }) {
  const { id, kernel, stride } = question;
  const given = answers.value[id];
  return (
    <li class="prediction" data-prediction={id}>
      <p class="prediction-layer">{`Kernel ${kernel}, stride ${stride}`}</p>
      {given === undefined || !found ? (
        <fieldset class="prediction-guesses">
          <legend class="visually-hidden">{`A pattern with kernel ${kernel}, stride ${stride}`}</legend>
          {guesses.map((guess) => (
            <button type="button" class="button" key={guess} onClick={() => answer(question, guess)}>
              {guessNames[guess]}
            </button>
          ))}
        </fieldset>
      ) : (
        <Answer question={question} found={found} given={given} />
      )}
    </li>
  );
}

function Answer({
  question,
  found,
  given,
}: {
  question: Question;
  found: Found;
  given: keyof typeof guessNames;
}) {
  const { kernel, stride } = question;
  const is = truth(outcomeOf(found));
  return (
    <div class="prediction-answer" data-right={String(given === is)}>
      <p class="prediction-verdict">{`${guessNames[is]}.`}</p>
      <p class="prediction-said">
        {given === is ? 'As you said.' : `You said: ${guessNames[given].toLowerCase()}.`}
      </p>
      <div class="prediction-views">
        <View title="Equal weights" view={found.equal} stride={stride} />
        <View title="Random weights" view={found.random} stride={stride} />
      </div>
      <p>{because(question, is)}</p>
      <button
        type="button"
        class="preset"
        onClick={() => {
          pageOpened.value = true;
          change((s) =>
            withFill(
              withLayer({ ...s, kind: 'transposed' }, { axes: 2, kernel, stride, dilation: 1 }),
              'random',
            ),
          );
        }}
      >
        Show this layer in all stations
      </button>
    </div>
  );
}

const CELL = 10;
const PERIODS = 4;

/** Some periods of what the flat picture becomes. */
function View({ title, view, stride }: { title: string; view: PredictionView; stride: number }) {
  const { unevenness, flat } = view;
  const width = flatSide({ axes: 2, groups: 1, kernel: 1, stride, dilation: 1 });
  const side = stride * PERIODS;
  const shown = Array.from(
    { length: side * side },
    (_, at) => flat[Math.floor(at / side) * width + (at % side)] ?? 0,
  );
  const [low, high] = [Math.min(0, ...shown), Math.max(0, ...shown)];
  const grey = (value: number) => Math.round(40 + (190 * (value - low)) / (high - low || 1));
  return (
    <figure>
      <svg
        viewBox={`0 0 ${side * CELL} ${side * CELL}`}
        role="img"
        aria-label={`${title}: ${unevenness < 1e-10 ? 'flat' : 'a pattern'}`}
      >
        {shown.map((value, at) => (
          <rect
            key={at}
            x={(at % side) * CELL}
            y={Math.floor(at / side) * CELL}
            width={CELL}
            height={CELL}
            fill={`rgb(${grey(value)} ${grey(value)} ${grey(value)})`}
          />
        ))}
      </svg>
      <figcaption>
        {title}, <i>U</i> <b data-unevenness={unevenness}>{unevennessText(unevenness)}</b>
      </figcaption>
    </figure>
  );
}
