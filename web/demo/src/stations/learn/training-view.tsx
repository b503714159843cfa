import { useMemo } from 'preact/hooks';
import type { LearnResult, LearnSide } from '../../engine/protocol';
import { short } from '../../model/curve';
import { withLearned } from '../../model/lab-state';
import {
  LAST_STEP,
  type LearnNetwork,
  type LearnState,
  learningRates,
  learnLimits,
  penalties,
} from '../../model/learn-state';
import { toBytes } from '../../model/levels';
import { count, plain } from '../../model/numbers';
import type { Planes } from '../../model/picture';
import { goTo } from '../../shell/place';
import { change } from '../../store';
import { Choice } from '../../view/choice';
import { CurveChart } from '../../view/curve-chart';
import { LiveRegion } from '../../view/live-region';
import { PixelCanvas } from '../../view/pixel-canvas';
import { Slider } from '../../view/slider';
import { ValuesTable } from '../../view/values-table';
import { oneStep, pause, play, playing, type Run, reset, set, trained } from './learn-run';

const networks: readonly { value: LearnNetwork; label: string }[] = [
  { value: 'one', label: 'One layer' },
  { value: 'small', label: 'Eight channels, then a convolution' },
];

export function TrainingView({ learn }: { learn: LearnState }) {
  const result = trained.value;
  return (
    <>
      <div class="learn-controls">
        <Transport step={result?.step ?? 0} network={learn.network} />
        <fieldset class="controls">
          <legend class="visually-hidden">Training</legend>
          <Slider
            label="Learning rate"
            value={indexIn(learningRates, learn.rate)}
            text={String(learn.rate)}
            min={0}
            max={learningRates.length - 1}
            onInput={(index) => set({ rate: learningRates[index] ?? learn.rate })}
          />
          <Slider
            label="Spectral penalty"
            value={indexIn(penalties, learn.penalty)}
            text={learn.penalty === 0 ? 'none' : String(learn.penalty)}
            min={0}
            max={penalties.length - 1}
            onInput={(index) => set({ penalty: penalties[index] ?? learn.penalty })}
          />
          <Slider
            label="Seed"
            value={learn.seed}
            min={learnLimits.seed.min}
            // A link may hold any seed; by hand a score of them is enough.
            max={Math.max(20, learn.seed)}
            onInput={(seed) => set({ seed })}
          />
          <Choice
            legend="Network"
            name="learn-network"
            options={networks}
            value={learn.network}
            onChoose={(network) => set({ network })}
          />
        </fieldset>
      </div>
      {result && <Trained result={result} />}
    </>
  );
}

function showInLab(): void {
  change((s) => ({ ...s, lab: withLearned(s.lab) }));
  goTo('lab');
}

function Transport({ step, network }: { step: number; network: LearnNetwork }) {
  const runs = playing.value;
  // Of the other network no single kernel can be shown.
  const canShow = network === 'one' && step > 0 && !runs;
  return (
    <div class="learn-transport">
      <button type="button" class="button is-strong" onClick={runs ? pause : play}>
        {runs ? 'Pause' : step >= LAST_STEP ? 'Train again' : step > 0 ? 'Go on' : 'Train'}
      </button>
      <button type="button" class="button" disabled={step >= LAST_STEP} onClick={oneStep}>
        One step
      </button>
      <button type="button" class="button" disabled={step === 0} onClick={reset}>
        Reset
      </button>
      {canShow && (
        <button type="button" class="button" onClick={showInLab}>
          See it in the lab
        </button>
      )}
      <p class="learn-step">
        Step <b>{step}</b> of {LAST_STEP}
      </p>
    </div>
  );
}

/** What both runs have in common is the data, so what differs is where they began. */
function pointOf({ step, random, icnr }: Run): string {
  const [left, right] = [random.unevenness.at(-1) ?? 0, icnr.unevenness.at(-1) ?? 0];
  const when = step === 0 ? 'Before the first step' : `After ${count(step, 'step')}`;
  return `${when} random weights have U ${patternLeft(left)}, ICNR weights ${patternLeft(right)}: ${comparison(step, left, right)}.`;
}

/** Up to here the pattern is weaker than what a screen shows. */
const UNSEEN = 1e-4;

function comparison(step: number, random: number, icnr: number): string {
  if (step === 0) return 'one network draws a grid that training has to unlearn, the other begins without';
  if (random <= UNSEEN && icnr <= UNSEEN) return 'neither draws a grid that one could see any more';
  if (icnr <= UNSEEN) return 'one network still has a grid to unlearn, the other began without';
  if (random <= UNSEEN) return 'one network has unlearned its grid, the other has taken one on';
  return 'both networks draw a grid now, the second of which began without';
}

/** Float32 leaves of equal weights what no picture shows. */
const patternLeft = (share: number) => (share < 1e-10 ? 'none' : short(share));

const COMING = 'The training goes on from these points.';

function Trained({ result }: { result: Run }) {
  const { random, icnr, step, still } = result;
  const curves = (of: 'losses' | 'unevenness') => [
    { name: 'random', values: random[of], look: 'first' as const },
    { name: 'ICNR', values: icnr[of], look: 'second' as const },
  ];
  return (
    <>
      <p class="learn-point">{pointOf(result)}</p>
      <div class="learn-sides">
        <Side title="Random weights" name="random" first={still.first.random} side={random} step={step} />
        <Side title="ICNR weights" name="icnr" first={still.first.icnr} side={icnr} step={step} />
        <div class="learn-goal">
          <h3>The task</h3>
          <Shown title="Comes in" planes={still.input} />
          <Shown title="Should come out" planes={still.target} />
        </div>
      </div>
      <div class="learn-charts">
        <CurveChart
          title="Loss"
          hint="mean squared error on six patches"
          curves={curves('losses')}
          lastStep={LAST_STEP}
          floor={-4}
          coming={COMING}
        />
        <CurveChart
          title="U"
          hint="share of the pattern on a flat input; 0 lies on the floor"
          curves={curves('unevenness')}
          lastStep={LAST_STEP}
          floor={-7}
          coming={COMING}
        />
      </div>
      <p class="rules">
        <Lesson result={result} /> Each picture runs from its own lowest value inside, black, to its highest,
        white. Adam takes the steps; forward and backward passes are the package's own. The same seed gives
        the same numbers again.
      </p>
      <LiveRegion text={spoken(result)} pace={900} />
    </>
  );
}

/** What the numbers say at this moment. */
function Lesson({ result: { setup, step, random, icnr } }: { result: LearnResult }) {
  const [left, right] = [random.unevenness.at(-1) ?? 0, icnr.unevenness.at(-1) ?? 0];
  if (step === 0) {
    return (
      <>
        Kernel 4, stride 2: the stamps overlap evenly on both sides. Random weights leave a pattern all the
        same, U {short(left)}; ICNR weights leave none. Press Train.
      </>
    );
  }
  if (setup.network === 'small' && setup.penalty === 0) {
    return (
      <>
        The layer keeps its pattern, U {short(left)} from random weights, and ICNR's does not stay at 0
        either: {short(right)}. The convolution behind it learns to hide both. The loss does not ask for more;
        a spectral penalty does.
      </>
    );
  }
  return (
    <>
      The loss teaches both sides to be even: U is {short(left)} and {short(right)} now. ICNR begins without a
      pattern, training brings a little of it in, and the random side needs its first steps to get rid of one.
    </>
  );
}

interface SideProps {
  title: string;
  name: string;
  first: Planes;
  side: LearnSide;
  step: number;
}

function Side({ title, name, first, side, step }: SideProps) {
  return (
    <div class="learn-side" data-side={name}>
      <h3>{title}</h3>
      <Shown title="At the start" of={`${title}, at the start`} planes={first} />
      <Shown
        title={step === 0 ? 'Now: the same' : `After ${count(step, 'step')}`}
        of={`${title}, now`}
        planes={side.now}
      />
      <p class="learn-numbers">
        U <b>{short(side.unevenness.at(-1) ?? 0)}</b>, loss <b>{short(side.losses.at(-1) ?? 0)}</b>. A flat
        grey comes out uneven by <b>{greyLevels(side.ripple)}</b>.
      </p>
      <p class="layer-name">{side.layer}</p>
    </div>
  );
}

function Shown({ title, of = title, planes }: { title: string; of?: string; planes: Planes }) {
  const range = useMemo(() => rangeInside(planes), [planes]);
  const bytes = useMemo(() => {
    const white = range.highest > range.lowest ? range.highest : range.lowest + 1;
    return toBytes(planes, { black: range.lowest, white });
  }, [planes]);
  const between = `${plain(range.lowest)} to ${plain(range.highest)}`;
  return (
    <figure class="learn-picture">
      <PixelCanvas
        width={planes.width}
        height={planes.height}
        bytes={bytes}
        label={`${title}: ${planes.width} by ${planes.height}, values ${between}`}
      />
      <figcaption>
        {title}
        <span class="size">, values {between}</span>
      </figcaption>
      <ValuesTable of={`${of}, red`} width={planes.width} height={planes.height} data={planes.data} />
    </figure>
  );
}

/** Without the border, where fewer stamps meet and which would set black on its own. */
function rangeInside({ channels, width, height, data }: Planes): { lowest: number; highest: number } {
  const rim = 2;
  let [lowest, highest] = [Infinity, -Infinity];
  for (let line = 0; line < channels * height; line++) {
    if (line % height < rim || line % height >= height - rim) continue;
    for (let i = line * width + rim; i < (line + 1) * width - rim; i++) {
      const value = data[i] ?? 0;
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
    }
  }
  return { lowest, highest };
}

function greyLevels(ripple: number): string {
  const levels = ripple * 255;
  return levels < 0.05 ? 'less than 0.1 of 255 grey levels' : `${plain(levels, 1)} of 255 grey levels`;
}

function spoken({ step, random, icnr }: LearnResult): string {
  const side = (name: string, { losses, unevenness }: LearnSide) =>
    `${name}: loss ${short(losses.at(-1) ?? 0)}, U ${short(unevenness.at(-1) ?? 0)}`;
  return `Step ${step}. ${side('Random', random)}. ${side('ICNR', icnr)}.`;
}

const indexIn = (values: readonly number[], value: number) => Math.max(values.indexOf(value), 0);
