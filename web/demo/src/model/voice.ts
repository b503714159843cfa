import { uniform } from './random';

/** Samples a second of what is heard. */
export const SAMPLE_RATE = 16_000;
export const SECONDS = 1.8;

export interface SoundGeometry {
  readonly kernel: number;
  readonly stride: number;
}

/** "k16s8" */
export function soundGeometry(name: string): SoundGeometry {
  const [kernel = 16, stride = 8] = name.slice(1).split('s').map(Number);
  return { kernel, stride };
}

/** Three vowels: what the first formants of a, i and o do to the harmonics, in Hz. */
const vowels: readonly (readonly [number, number])[] = [
  [700, 1150],
  [300, 1900],
  [450, 850],
];

/**
 * A voice-like signal at a low rate, as the last layer of a vocoder gets one: harmonics of a gliding pitch
 * under two formants, three syllables. It stays between 0 and 1, as features behind a ReLU do; that constant
 * part is the flat picture of sound.
 */
export function voice(rate: number): Float32Array {
  const length = Math.floor(SECONDS * rate);
  const signal = new Float32Array(length);
  let phase = 0;
  for (let n = 0; n < length; n++) {
    const time = n / rate;
    const syllable = (3 * time) / SECONDS;
    const [first, second] = vowels[Math.min(Math.floor(syllable), 2)] ?? [700, 1150];
    const pitch = 128 + 22 * Math.sin(2 * Math.PI * 0.7 * time) - 9 * time;
    phase += pitch / rate;
    const loud = Math.sin(Math.PI * (syllable % 1)) ** 0.7;
    let sum = 0;
    for (let harmonic = 1; harmonic * pitch < 0.46 * rate; harmonic++) {
      const frequency = harmonic * pitch;
      const level = formant(frequency, first) + 0.5 * formant(frequency, second) + 0.04;
      sum += level * Math.sin(2 * Math.PI * harmonic * phase);
    }
    signal[n] = 0.5 + 0.12 * loud * sum;
  }
  return signal;
}

const formant = (frequency: number, centre: number) => 1 / (1 + ((frequency - centre) / 140) ** 2);

/** A tent that interpolates, with every tap off by up to a third, as training leaves it; same for a seed. */
export function soundTaps({ kernel, stride }: SoundGeometry, seed: number): Float32Array {
  const draw = uniform(seed);
  const taps = Float32Array.from({ length: kernel }, (_, tap) => {
    const tent = Math.max(1 - Math.abs(tap - (kernel - 1) / 2) / stride, 0);
    return tent * (1 + 0.66 * (draw() - 0.5));
  });
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => (tap * stride) / sum);
}

/** A level for reading; far below what can be heard it only says so. */
export function toneText(decibels: number): string {
  return decibels < -120 ? 'below \u2212120 dB' : `${decibels.toFixed(1).replace('-', '\u2212')} dB`;
}
