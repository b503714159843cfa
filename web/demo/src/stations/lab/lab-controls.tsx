import type { LayerKind } from '../../model/family';
import { kindNames } from '../../model/family-weights';
import { reach } from '../../model/geometry';
import {
  depthLimit,
  type LabFill,
  type LabState,
  type LearnedFrom,
  labLimits,
  type PanelKind,
  panelKinds,
  panelLimits,
  withLearned,
  withPanel,
} from '../../model/lab-state';
import { nextSeed } from '../../model/layer-state';
import { LAST_STEP } from '../../model/learn-state';
import type { LevelsMode } from '../../model/levels';
import { sameSize } from '../../model/upsampling';
import { change, state } from '../../store';
import { Choice } from '../../view/choice';
import { KindChoice } from '../../view/kind-choice';
import { Slider } from '../../view/slider';
import { play, playing, trained, trainOneLayer } from '../learn/learn-run';
import { givenKernel, taken } from './lab-run';

const fills: readonly { value: LabFill; label: string }[] = [
  { value: 'ones', label: 'Ones' },
  { value: 'random', label: 'Random' },
  { value: 'bilinear', label: 'Bilinear' },
  { value: 'icnr', label: 'ICNR' },
  { value: 'learned', label: 'Learned' },
];

const beginnings: readonly { value: LearnedFrom; label: string }[] = [
  { value: 'random', label: 'random weights' },
  { value: 'icnr', label: 'ICNR weights' },
];

const levelModes: readonly { value: LevelsMode; label: string }[] = [
  { value: 'unit', label: '0 to 1' },
  { value: 'shared', label: 'Full range' },
];

/** The layer itself is named by its kind. */
export function panelTitle(panel: PanelKind, kind: LayerKind): string {
  return panel === 'raw' ? rawTitles[kind] : panelTitles[panel];
}

const rawTitles: Record<LayerKind, string> = {
  ...kindNames,
  // Another panel has the same taps behind a resize, which make a longer stamp.
  resize: 'The nearest resize-convolution',
};

const panelTitles: Record<Exclude<PanelKind, 'raw'>, string> = {
  input: 'Input',
  even: 'Kernel a multiple of the stride',
  icnr: 'ICNR weights',
  resize: 'Resize, then convolution',
  smooth: 'Smooth layer behind it',
  repaired: 'Repaired weights',
};

export function LabControls({ lab }: { lab: LabState }) {
  const set = (part: Partial<LabState>) => change((s) => ({ ...s, lab: { ...s.lab, ...part } }));
  const { kernel, stride, dilation } = lab;
  const fit = sameSize(reach({ kernel, dilation }), stride);
  const crop = lab.crop === 'fit' ? fit : lab;
  const own = (part: Partial<LabState>) =>
    set({ padding: crop.padding, outputPadding: crop.outputPadding, ...part, crop: 'own' });
  const offered =
    givenKernel.value || lab.fill === 'given'
      ? [...fills, { value: 'given' as const, label: 'From your model' }]
      : fills;
  const most = depthLimit(stride);
  return (
    <fieldset class="controls lab-controls">
      <legend class="visually-hidden">Lab layer</legend>
      <KindChoice station="lab" geometry={{ axes: 2, kernel, stride, dilation }} />
      <Slider
        label="Kernel"
        value={kernel}
        {...labLimits.kernel}
        onInput={(value) => set({ kernel: value })}
      />
      <Slider
        label="Stride"
        value={stride}
        {...labLimits.stride}
        onInput={(value) => set({ stride: value })}
      />
      <Slider
        label="Dilation"
        value={dilation}
        {...labLimits.dilation}
        onInput={(value) => set({ dilation: value })}
      />
      <Slider
        label="Padding"
        value={crop.padding}
        {...labLimits.padding}
        onInput={(padding) => own({ padding })}
      />
      <Slider
        label="Output padding"
        value={crop.outputPadding}
        {...labLimits.outputPadding}
        onInput={(outputPadding) => own({ outputPadding })}
      />
      <Slider
        label="Layers stacked"
        value={Math.min(lab.depth, most)}
        min={1}
        max={most}
        onInput={(depth) => set({ depth })}
      />
      <div class="lab-choices">
        <Choice
          legend="Weights"
          name="lab-fill"
          options={offered}
          value={lab.fill}
          onChoose={(fill) => set(fill === 'learned' ? withLearned(lab) : { fill })}
        />
        {lab.fill === 'learned' && (
          <Choice
            legend="Training began with"
            name="lab-learned"
            options={beginnings}
            value={lab.learned}
            onChoose={(learned) => set({ learned })}
          />
        )}
        {(lab.fill === 'random' || lab.fill === 'icnr' || lab.panels.includes('icnr')) && (
          <button type="button" class="preset" onClick={() => set({ seed: nextSeed(lab.seed) })}>
            Seed {lab.seed}, next
          </button>
        )}
        <Choice
          legend="Colours"
          name="lab-groups"
          options={[
            { value: 3, label: 'apart (groups 3)' },
            { value: 1, label: 'mixed (groups 1)' },
          ]}
          value={lab.groups}
          onChoose={(groups) => set({ groups: groups as 1 | 3 })}
        />
        <Choice
          legend="Black to white"
          name="lab-levels"
          options={levelModes}
          value={lab.levels}
          onChoose={(levels) => set({ levels })}
        />
        {lab.crop === 'own' && (
          <button type="button" class="preset" onClick={() => set({ crop: 'fit' })}>
            Crop to {stride} times the input
          </button>
        )}
      </div>
      {(lab.fill === 'learned' || lab.fill === 'given') && <Taken lab={lab} set={set} />}
      <PanelChoice lab={lab} set={set} />
    </fieldset>
  );
}

interface PartProps {
  lab: LabState;
  set: (part: Partial<LabState>) => void;
}

/** Whose kernel this is, or why there is none. */
function Taken({ lab, set }: PartProps) {
  const kernel = taken.value;
  if (kernel === null) return <p class="taken">{lab.fill === 'learned' ? <NothingLearned /> : NO_FILE}</p>;
  return (
    <p class="taken">
      {kernel.note}{' '}
      {kernel.kernel !== lab.kernel && (
        <>
          It has {kernel.kernel} × {kernel.kernel} taps: with kernel {lab.kernel} the panels show ones.{' '}
          <button type="button" class="preset" onClick={() => set({ kernel: kernel.kernel })}>
            Kernel {kernel.kernel}
          </button>
        </>
      )}
    </p>
  );
}

const NO_FILE =
  'This kernel came from a model file, which a link does not carry. Until the file is opened again in station 7 the panels show ones.';

function NothingLearned() {
  const { network, steps } = state.value.learn;
  if (playing.value) {
    return <>Training in station 6: step {trained.value?.step ?? 0}. Until it rests the panels show ones.</>;
  }
  if (network === 'small') {
    return (
      <>
        Station 6 has eight channels and a convolution behind them, which is no single kernel. Until one layer
        is trained the panels show ones.{' '}
        <button type="button" class="button" onClick={trainOneLayer}>
          Train one layer
        </button>
      </>
    );
  }
  if (steps > 0) return <>Station 6 begins its training.</>;
  return (
    <>
      Nothing is trained yet, so the panels show ones.{' '}
      <button type="button" class="button" onClick={play}>
        Train {LAST_STEP} steps
      </button>
    </>
  );
}

function PanelChoice({ lab, set }: PartProps) {
  const { length } = lab.panels;
  return (
    <fieldset class="panel-choice">
      <legend>{`Side by side, ${panelLimits.min} to ${panelLimits.max}`}</legend>
      {panelKinds.map((kind) => {
        const checked = lab.panels.includes(kind);
        const fixed = checked ? length <= panelLimits.min : length >= panelLimits.max;
        return (
          <label key={kind} class={fixed ? 'is-fixed' : ''}>
            <input
              type="checkbox"
              checked={checked}
              disabled={fixed}
              onChange={() => set({ panels: withPanel(lab.panels, kind) })}
            />
            {panelTitle(kind, state.value.kind)}
          </label>
        );
      })}
    </fieldset>
  );
}
