import { useEffect } from 'preact/hooks';
import type { PhasesResult } from '../../engine/protocol';
import type { LayerKind } from '../../model/family';
import { ownKernel } from '../../model/family-weights';
import { kernelLabel } from '../../model/family-words';
import { nextEvenKernel } from '../../model/geometry';
import { limitsOf } from '../../model/layer-state';
import { percent, plain } from '../../model/numbers';
import { levelText, phaseCount, unevennessText } from '../../model/phases';
import { withFill, withLayer, withRandom } from '../../model/state';
import { change, state } from '../../store';
import { Choice } from '../../view/choice';
import { KindChoice } from '../../view/kind-choice';
import { LiveRegion } from '../../view/live-region';
import { Slider } from '../../view/slider';
import { Trouble } from '../../view/trouble';
import { Waiting } from '../../view/waiting';
import { Flats } from './flats';
import { Gains } from './gains';
import { NoOverlap } from './no-overlap';
import {
  type Described,
  described,
  repairTaps,
  replaced,
  SEEDS,
  seedsResult,
  startPhases,
  trouble,
} from './phases-run';
import { Spectrum } from './spectrum';
import { TapGrid } from './tap-grid';
import '../../view/readings.css';
import './phases.css';

const fills = [
  { value: 'ones', label: 'Ones' },
  { value: 'random', label: 'Random' },
  { value: 'bilinear', label: 'Bilinear' },
] as const;

/** Station 4: the kernel sorted by the rows its taps land on, and what that leaves in the spectrum. */
export function PhasesStation() {
  useEffect(startPhases, []);
  const now = described.value;
  return (
    <section class="station" id="phases" aria-labelledby="phases-title">
      <h2 id="phases-title">
        <span class="station-number">4</span> Phases and spectrum
      </h2>
      <p class="standfirst">
        With stride s, a tap lands on every s&#8209;th row and column only. So the kernel falls apart into
        smaller ones, and each cell of the output sees just one of them. On a flat picture only their sums
        count: if the sums differ, there is a pattern.
      </p>
      <Trouble text={trouble.value} />
      {now ? <Board described={now} /> : !trouble.value && <Waiting />}
    </section>
  );
}

function Board({ described: now }: { described: Described }) {
  const { request, result } = now;
  return (
    <>
      <div class="phases-board">
        <div class="taps">
          <TapsTitle described={now} />
          <div class="grid-scroll">
            <TapGrid request={request} />
          </div>
          <p class="hint" id="tap-hint">
            Drag a tap up or down. By keyboard: Enter takes hold of it, arrows change it, Enter lets go.
          </p>
        </div>
        <div class="gains-side">
          <Gains described={now} />
        </div>
        <Verdict described={now} />
        <Spectrum described={now} />
        <Flats described={now} />
      </div>
      <NoOverlap described={now} />
      <PhaseControls />
      <LiveRegion text={`U ${unevennessText(result.unevenness)}. ${result.sentence}`} pace={700} />
    </>
  );
}

const titles: Record<LayerKind, string> = {
  transposed: 'Kernel',
  subpixel: 'Stamp, by channels',
  resize: 'Kernel behind the resize',
};

function TapsTitle({ described: { request } }: { described: Described }) {
  const { kind, axes, groups } = request;
  const kernel = kind === 'resize' ? ownKernel(request, kind) : request.kernel;
  return (
    <p class="taps-title">
      <b>{titles[kind]}</b> <span class="size">{`${axes === 1 ? groups : kernel} \u00d7 ${kernel}`}</span>
    </p>
  );
}

function Verdict({ described: now }: { described: Described }) {
  const { result } = now;
  const { repaired, verdict } = result;
  const before = replaced.value;
  return (
    <div class="phase-verdict" data-verdict={verdict}>
      <p class="verdict">{headline(result)}</p>
      <p class="reading">
        <span class="reading-name">U</span>
        <output class="reading-value" data-unevenness={result.unevenness}>
          {unevennessText(result.unevenness)}
        </output>
        <span class="reading-level">{levelText(result.levelDbc)}</span>
      </p>
      <p class="verdict-sentence">{capital(result.sentence)}</p>
      <div class="verdict-buttons">
        <button
          type="button"
          class="button is-accent"
          disabled={verdict === 'free' || repaired === null}
          onClick={repairTaps}
        >
          Repair
        </button>
        <button type="button" class="button" onClick={() => change(withRandom)}>
          {state.value.fill === 'random' ? 'Other weights at random' : 'Weights at random'}
        </button>
      </div>
      <p class="repair-note">{repairNote(before ?? now, before !== null)}</p>
      <Seeds described={now} />
    </div>
  );
}

function repairNote({ request, result }: Described, done: boolean): string {
  const { repaired, verdict } = result;
  if (request.kind === 'resize')
    return 'Every phase sums the whole kernel: there is never anything to repair.';
  if (!repaired) return 'Repair needs at least one tap on every phase. Here some have none.';
  if (verdict === 'free') return 'All sums are equal already: nothing to repair.';
  const change = `no tap by more than ${plain(repaired.largestChange, 3)}, the whole kernel by ${percent(repaired.relativeChange)}`;
  return done
    ? `Repaired: ${change}. The sum of all taps is what it was.`
    : `Repair makes the sums equal by the smallest change there is: ${change}.`;
}

/** What random weights give on average, which one kernel cannot show, and where this one stands among them. */
function Seeds({ described: now }: { described: Described }) {
  const { request } = now;
  const { stride, kernel } = request;
  const { unevenness } = now.result;
  const result = seedsResult.value;
  // Behind a resize no kernel has a pattern, and there is nothing to average.
  if (!result || stride === 1 || request.kind === 'resize') return null;
  const phases = phaseCount(request);
  const most = Math.max(...result.tenths);
  return (
    <div class="seeds">
      <svg viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">
        {result.tenths.map((amount, tenth) => {
          const height = (28 * amount) / most;
          return <rect key={tenth} x={tenth * 10 + 0.5} y={30 - height} width="9" height={height} />;
        })}
        <line class="seeds-average" x1={100 * result.mean} x2={100 * result.mean} y1="0" y2="30" />
        <line class="seeds-own" x1={100 * unevenness} x2={100 * unevenness} y1="0" y2="30" />
      </svg>
      <p class="seeds-ends" aria-hidden="true">
        <span>U = 0</span>
        <span>U = 1</span>
      </p>
      <p>
        {`Over ${SEEDS} random kernels of this size U is `}
        <b class="seeds-mean" data-mean={result.mean}>
          {result.mean.toFixed(3)}
        </b>
        {` on average, the dashed line; this kernel is the solid one. Theory says ${phases - 1}/${phases}`}
        {kernel % stride === 0 ? ', whatever the kernel is: ' : ' for an even overlap: '}
        random weights bring the pattern back.
      </p>
    </div>
  );
}

function PhaseControls() {
  const { layer, kind, fill } = state.value;
  const set = (name: 'kernel' | 'stride' | 'dilation') => (value: number) =>
    change((s) => withLayer(s, { [name]: value }));
  const limits = limitsOf(state.value);
  const even = nextEvenKernel(layer.kernel, layer.stride);
  return (
    <fieldset class="controls phase-controls">
      <legend class="visually-hidden">Layer of the phases</legend>
      <KindChoice station="phases" />
      <Slider label={kernelLabel(kind)} value={layer.kernel} {...limits.kernel} onInput={set('kernel')} />
      <Slider label="Stride" value={layer.stride} {...limits.stride} onInput={set('stride')} />
      <Slider label="Dilation" value={layer.dilation} {...limits.dilation} onInput={set('dilation')} />
      <Choice
        legend="Weights"
        name="phase-fill"
        options={fills}
        value={fill === 'own' ? null : fill}
        onChoose={(next) => change((s) => withFill(s, next))}
      />
      {even !== layer.kernel && even <= limits.kernel.max && (
        <button type="button" class="preset" onClick={() => set('kernel')(even)}>
          {`Even overlap: kernel ${even}`}
        </button>
      )}
    </fieldset>
  );
}

/** What U says, for those who meet it for the first time. */
function headline({ verdict, unevenness }: PhasesResult): string {
  if (verdict === 'free') return 'Equal sums: no pattern.';
  if (verdict === 'holes') return 'Some cells get nothing.';
  return `${percent(unevenness)} of the energy is pattern.`;
}

/** The package's sentence begins with the name of what it describes. */
function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
