import { signal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { TraceResult } from '../../engine/protocol';
import { madeNetworkNames, madeNetworks } from '../../model/made-networks';
import type { OwnKind } from '../../model/own-input';
import { testImageNames, testImages } from '../../model/test-images';
import { state } from '../../store';
import { Choice } from '../../view/choice';
import { LiveRegion } from '../../view/live-region';
import { OpenFile } from '../../view/open-file';
import { Refusal } from '../../view/refusal';
import { Trouble } from '../../view/trouble';
import { useNear } from '../../view/use-near';
import {
  chooseInput,
  chooseVoice,
  chosenMade,
  follow,
  inputRefusal,
  openInput,
  ownInput,
  ownName,
  progress,
  refused,
  runFirst,
  runMade,
  runnable,
  runOpened,
  stopRun,
  traced,
  tracing,
  trainedThere,
  undrawn,
} from './network-run';
import { culpritText, repairText } from './network-words';
import './network.css';

/** What is shown of a run comes with the first one. */
const tracedView = signal<ComponentType<{ found: TraceResult }> | null>(null);

async function loadView(): Promise<void> {
  try {
    tracedView.value ??= (await import('./traced-view')).TracedView;
  } catch {
    refused.value = 'A part of this page could not be loaded. Load the page again.';
  }
}

/** A whole network: what each step gives, which layer draws the grid, and the output repaired. */
export function NetworkView() {
  useEffect(() => follow(), []);
  useSignalEffect(() => {
    if (tracing.value) void loadView();
  });
  const View = tracedView.value;
  const found = traced.value;
  const made = chosenMade.value;
  const place = useRef<HTMLDivElement>(null);
  useNear(place, '0px', runFirst);
  return (
    <div class="network" aria-busy={tracing.value} ref={place}>
      <p>Run a whole network here, with weights that the page draws:</p>
      <div class="network-choice">
        {madeNetworks.map((which) => (
          <button
            type="button"
            class="button"
            key={which}
            aria-pressed={ownName.value === null && made === which}
            onClick={() => runMade(which)}
          >
            {madeNetworkNames[which]}
          </button>
        ))}
        {trainedThere.value && (
          <button
            type="button"
            class="button"
            aria-pressed={ownName.value === null && made === 'learned'}
            onClick={() => runMade('learned')}
          >
            Trained in station 6
          </button>
        )}
        {runnable.value && (
          <button type="button" class="button" aria-pressed={ownName.value !== null} onClick={runOpened}>
            {`Run ${runnable.value[0]?.name}`}
          </button>
        )}
      </div>
      {made === 'learned' && trainedThere.value === null && (
        <p class="model-note">Station 6 has trained nothing yet.</p>
      )}
      <Trouble text={refused.value} />
      <Trouble text={undrawn.value} />
      {tracing.value && (
        <p class="model-note network-running">
          {`Running it, whole and with each layer repaired${progress.value ? `: ${progress.value.done} of ${progress.value.of}` : ' \u2026'}`}
          <button type="button" class="button" onClick={stopRun}>
            Stop it
          </button>
        </p>
      )}
      {found?.inputs.some(({ takes }) => takes === 'picture') && <PictureInput />}
      {found?.inputs.some(({ takes }) => takes === 'sound') && <SoundInput />}
      <Refusal text={inputRefusal.value} />
      {found && View && <View found={found} />}
      <LiveRegion text={found ? `${culpritText(found)} ${repairText(found)}` : ''} pace={300} />
    </div>
  );
}

function PictureInput() {
  const options = testImages.map((value) => ({ value, label: testImageNames[value] }));
  return (
    <div class="network-choice">
      <Choice
        legend="Picture that goes in"
        name="network-picture"
        options={options}
        value={ownInput.value?.kind === 'picture' ? null : state.value.network.picture}
        onChoose={chooseInput}
      />
      <OpenOwn kind="picture" accept="image/*" />
    </div>
  );
}

function SoundInput() {
  return (
    <div class="network-choice">
      <Choice
        legend="Sound that goes in"
        name="network-sound"
        options={[{ value: 'voice', label: 'Generated voice' }]}
        value={ownInput.value?.kind === 'sound' ? null : 'voice'}
        onChoose={chooseVoice}
      />
      <OpenOwn kind="sound" accept="audio/*" />
    </div>
  );
}

function OpenOwn({ kind, accept }: { kind: OwnKind; accept: string }) {
  const own = ownInput.value;
  return (
    <OpenFile
      title={own?.kind === kind ? own.name : `Your own ${kind}`}
      hint="Choose or drop. It stays in this page."
      accept={accept}
      onFiles={([file]) => file && void openInput(kind, file)}
    />
  );
}
