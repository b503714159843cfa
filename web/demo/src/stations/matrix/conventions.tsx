import { computed, effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { ConventionRequest, ConventionResult } from '../../engine/protocol';
import { unanswered } from '../../engine/unanswered';
import { largestMagnitude, swatch } from '../../model/colour';
import { type Convention, conventions } from '../../model/conventions';
import { count, plain } from '../../model/numbers';
import { conventionNames, conventionNotes, d2l } from '../../model/other-systems';
import { change, engineStatus, state, theme } from '../../store';
import { CellGrid } from '../../view/cell-grid';
import { Choice } from '../../view/choice';
import { InCell } from '../../view/in-cell';
import { Trouble } from '../../view/trouble';
import { refusal, stamped } from '../stamp/film';

/** By whose rules, and what came of it. */
type Answer = { readonly which: Convention } & (
  | { readonly result: ConventionResult }
  | { readonly refusal: string }
  | { readonly trouble: string }
);
const answer = signal<Answer | null>(null);

const question = computed(() => {
  const { layer, input, weights, convention } = state.value;
  return JSON.stringify({ which: convention, spec: layer, input, weights });
});

let started = false;

function startConventions(): void {
  if (started) return;
  started = true;
  effect(() => {
    if (engineStatus.value.is === 'ready') void ask(question.value);
  });
}

async function ask(text: string): Promise<void> {
  const request = JSON.parse(text) as ConventionRequest;
  const { which } = request;
  try {
    const result = await engine.ask('convention', request);
    if (result !== STALE) answer.value = { which, result };
  } catch (error) {
    const trouble = unanswered(error);
    answer.value = trouble === null ? { which, refusal: (error as EngineError).message } : { which, trouble };
  }
}

/** The same weights under another system's rules, beside the output of station 1. */
export function Conventions() {
  useEffect(startConventions, []);
  const which = state.value.convention;
  const now = answer.value;
  return (
    <div class="conventions">
      <div class="conventions-intro">
        <h3>The same weights elsewhere</h3>
        <p class="standfirst">
          Frameworks agree on the matrix, and not on how a list of weights becomes one. Here the same numbers,
          in the order they have in the kernel above, are given to each.
        </p>
        <Choice
          legend="Read by"
          name="convention"
          options={conventions.map((value) => ({ value, label: conventionNames[value] }))}
          value={which}
          onChoose={(convention) => change((s) => ({ ...s, convention }))}
        />
        <p class="presets">
          <button type="button" class="preset" onClick={() => change((s) => ({ ...s, ...d2l }))}>
            The example of Dive into Deep Learning: 14 or 4
          </button>
        </p>
      </div>
      <div class="convention-result" aria-live="polite">
        <p class="explanation">{conventionNotes[which]}</p>
        {now && 'refusal' in now && (
          <p class="refusal">
            <b>{conventionNames[now.which]} has no such layer.</b> {now.refusal}
          </p>
        )}
        {now && 'trouble' in now && <Trouble text={now.trouble} />}
        {now && 'result' in now && <Output result={now.result} which={now.which} />}
      </div>
    </div>
  );
}

function Output({ result, which }: { result: ConventionResult; which: Convention }) {
  const { rows, columns, data, weightShape } = result;
  const limit = largestMagnitude([data]);
  // What station 1 still shows of an older layer is compared with nothing.
  const isRefused = refusal.value !== null;
  const own = isRefused ? undefined : stamped.value?.result;
  const stampsOutput = own?.states.at(-1);
  const same = own && stampsOutput && own.shape[0] === rows && own.shape[1] === columns;
  const differing = same
    ? data.filter((value, i) => Math.abs(value - (stampsOutput[i] ?? 0)) > 1e-5 * Math.max(1, limit)).length
    : null;
  return (
    <>
      <p>
        <b>
          {differing === null
            ? `Output of ${rows} \u00d7 ${columns}: ${isRefused ? 'station 1 refuses this layer' : 'another size than station 1 has'}.`
            : differing === 0
              ? 'The same output as station 1.'
              : `${count(differing, 'cell')} of ${data.length} differ${differing === 1 ? 's' : ''} from station 1.`}
        </b>{' '}
        Weights read as {weightShape.join(' \u00d7 ')}.
      </p>
      <figure class={`figure convention-figure ${state.value.layer.axes === 1 ? 'is-line' : ''}`}>
        <div class="grid-scroll">
          <CellGrid
            label={`Output by ${conventionNames[which]}, ${rows} by ${columns}`}
            rows={rows}
            columns={columns}
            style={{ '--columns': columns }}
            look={(cell) => {
              const value = data[cell.row * columns + cell.column] ?? 0;
              return {
                ...swatch(value, limit, theme.value),
                label: plain(value),
                content: <InCell value={value} />,
              };
            }}
            onPoint={() => {}}
          />
        </div>
      </figure>
    </>
  );
}
