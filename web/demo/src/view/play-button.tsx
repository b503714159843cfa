import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { turns } from '../model/turns';
import { SAMPLE_RATE } from '../model/voice';

/** What sounds now; one thing at a time in the whole page. */
const playing = signal<Float32Array | null>(null);

let audio: AudioContext | null = null;
let source: AudioBufferSourceNode | null = null;
const begin = turns();

/** Ends what sounds or is about to, and tells as long as nothing else began or was stopped. */
function stop(): () => boolean {
  source?.stop();
  source = null;
  playing.value = null;
  return begin();
}

/** Only ever called by a press of a button: the page makes no sound on its own. */
async function play(samples: Float32Array): Promise<void> {
  const isLast = stop();
  playing.value = samples;
  audio ??= new AudioContext();
  await audio.resume();
  // It was stopped meanwhile, or something else plays.
  if (!isLast()) return;
  const buffer = audio.createBuffer(1, samples.length, SAMPLE_RATE);
  buffer.copyToChannel(forEars(samples), 0);
  const node = audio.createBufferSource();
  node.buffer = buffer;
  node.connect(audio.destination);
  node.onended = () => {
    if (source === node) stop();
  };
  node.start();
  source = node;
}

/** Without the constant, which no loudspeaker can give, and without a click at either end. */
function forEars(samples: Float32Array): Float32Array<ArrayBuffer> {
  const mean = samples.reduce((a, b) => a + b, 0) / samples.length;
  const fade = SAMPLE_RATE / 50;
  return Float32Array.from(samples, (value, n) => {
    const edge = Math.min(n, samples.length - 1 - n, fade) / fade;
    return (value - mean) * edge;
  });
}

/** Plays samples of the page's rate, and stops them. What is no longer shown is no longer heard. */
export function PlayButton({ samples, label }: { samples: Float32Array; label: string }) {
  useEffect(
    () => () => {
      if (playing.peek() === samples) stop();
    },
    [samples],
  );
  const on = playing.value === samples;
  return (
    <button type="button" class="button" onClick={() => (on ? stop() : void play(samples))}>
      {on ? 'Stop' : label}
    </button>
  );
}
