import { signal, useComputed, useSignalEffect } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import { STALE } from '../../engine/client';
import { patientEngine } from '../../engine/other-engines';
import type { Heard, SoundRequest, SoundResult } from '../../engine/protocol';
import { unanswered } from '../../engine/unanswered';
import { soundLayers } from '../../model/lab-state';
import { nextSeed } from '../../model/layer-state';
import { unevennessText } from '../../model/phases';
import { paintSequential } from '../../model/sequential';
import { SAMPLE_RATE, SECONDS, toneText } from '../../model/voice';
import { change, engineStatus, state, theme } from '../../store';
import { Choice } from '../../view/choice';
import { PixelCanvas } from '../../view/pixel-canvas';
import { PlayButton } from '../../view/play-button';
import { TonesTable } from '../../view/tones-table';
import { Trouble } from '../../view/trouble';
import { useNear } from '../../view/use-near';

type Which = 'raw' | 'repaired';
const titles: Record<Which, string> = { raw: 'As it is', repaired: 'Repaired' };

const result = signal<SoundResult | null>(null);
const trouble = signal<string | null>(null);
/** Nobody listens from the top of the page; what is far below costs nothing until it comes near. */
const near = signal(false);

async function ask(request: SoundRequest): Promise<void> {
  try {
    const answer = await patientEngine().ask('sound', request);
    if (answer === STALE) return;
    result.value = answer;
    trouble.value = null;
  } catch (error) {
    trouble.value = unanswered(error);
  }
}

/** The same thing in one dimension and for the ear. */
export function Sound() {
  const { sound: layer, seed } = state.value.lab;
  const section = useRef<HTMLDivElement>(null);
  useNear(section, '600px', () => {
    near.value = true;
  });
  const wanted = useComputed(() => `${state.value.lab.sound}/${state.value.lab.seed}`);
  useSignalEffect(() => {
    const status = engineStatus.value;
    if (!near.value || status.is !== 'ready' || !wanted.value) return;
    const { sound: layer, seed } = state.peek().lab;
    void ask({ layer, seed, threads: status.threads });
  });
  const heard = result.value;
  return (
    <div class="sound" id="sound" ref={section}>
      <h3>The same, for the ear</h3>
      <p class="sound-text">
        Vocoders, which make the voices of computers, end in a transposed convolution of one axis. Where the
        sums of its phases differ (station 4), the constant part of its input turns into tones at m/s of the
        sampling rate, m = 1, 2 and so on. Here a made-up voice goes through such a layer, with the weights as
        they are and after repair. The tones are level lines through the first picture, and a whistle in the
        ear; repair takes them away.
      </p>
      <div class="sound-controls">
        <Choice
          legend="Layer"
          name="lab-sound"
          options={soundLayers.map((value) => ({ value, label: value.replace('s', ' s') }))}
          value={layer}
          onChoose={(sound) => change((s) => ({ ...s, lab: { ...s.lab, sound } }))}
        />
        <button
          type="button"
          class="preset"
          onClick={() => change((s) => ({ ...s, lab: { ...s.lab, seed: nextSeed(s.lab.seed) } }))}
        >
          Seed {seed}, next
        </button>
      </div>
      <Trouble text={trouble.value} />
      {heard && (
        <>
          <div class="spectrograms">
            <Spectrogram which="raw" heard={heard.raw} unevenness={heard.unevennessBefore} />
            <Spectrogram which="repaired" heard={heard.repaired} unevenness={heard.unevennessAfter} />
          </div>
          <TonesTable of="layer" tones={tonesOf(heard)} />
        </>
      )}
    </div>
  );
}

interface SpectrogramProps {
  which: Which;
  heard: Heard;
  unevenness: number;
}

function Spectrogram({ which, heard, unevenness }: SpectrogramProps) {
  const { frames, bins, spectrogram, samples, tones } = heard;
  const paint = theme.value;
  const bytes = useMemo(() => {
    const all = new Uint8ClampedArray(4 * frames * bins);
    for (let frame = 0; frame < frames; frame++) {
      for (let bin = 0; bin < bins; bin++) {
        const level = spectrogram[frame * bins + bin] ?? -90;
        paintSequential(all, (bins - 1 - bin) * frames + frame, (level + 90) / 70, paint);
      }
    }
    return all;
  }, [spectrogram, paint, frames, bins]);
  const loudest = Math.max(...tones.map(({ decibels }) => decibels));
  return (
    <figure class="spectrogram" data-sound={which}>
      <figcaption>
        <b>{titles[which]}</b> <i>U</i> {unevennessText(unevenness)}
      </figcaption>
      <div class="spectrogram-picture">
        <PixelCanvas
          label={`${titles[which]}: spectrogram, 0 to ${SAMPLE_RATE / 2000} kHz over ${SECONDS} s, loudest tone of the layer ${toneText(loudest)}`}
          width={frames}
          height={bins}
          bytes={bytes}
        />
        <span class="kilohertz">{SAMPLE_RATE / 2000} kHz</span>
        <span class="kilohertz is-low">0</span>
      </div>
      <PlayButton samples={samples} label={`Play ${titles[which].toLowerCase()}`} />
    </figure>
  );
}

function tonesOf({ raw, repaired }: SoundResult) {
  return raw.tones.map(({ frequency, decibels }, at) => ({
    frequency,
    before: decibels,
    after: repaired.tones[at]?.decibels ?? null,
  }));
}
