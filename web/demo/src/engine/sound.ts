import { ConvTranspose1d, init } from 'deconv-wasm';
import { amplitudeSpectrum, frequencyResponse, repair } from 'deconv-wasm/checkerboard';
import { SAMPLE_RATE, soundGeometry, soundTaps, voice } from '../model/voice';
import type { Heard, SoundRequest, SoundResult } from './protocol';

const FRAME = 256;
const FRAMES = 160;
/** Samples at each end of a sound that are of its beginning and ending, and not of its tones. */
const END = 400;

/** A generated voice through one layer, with the weights as they are and repaired. */
export async function sound({ layer: name, seed, threads }: SoundRequest): Promise<SoundResult> {
  // The worker that answers this may have run nothing yet.
  await init({ threads });
  const geometry = soundGeometry(name);
  const { kernel, stride } = geometry;
  const input = voice(SAMPLE_RATE / stride);
  using layer = new ConvTranspose1d({
    inChannels: 1,
    outChannels: 1,
    kernelSize: kernel,
    stride,
    padding: Math.floor((kernel - stride) / 2),
    bias: false,
  });
  layer.setWeight(soundTaps(geometry, seed));
  const run = () => heard(layer.forward({ data: input, shape: [1, 1, input.length] }).data, stride);
  const raw = run();
  const { unevennessBefore, unevennessAfter } = repair(layer);
  return { raw, repaired: run(), unevennessBefore, unevennessAfter };
}

function heard(samples: Float32Array, stride: number): Heard {
  const tones = Array.from({ length: Math.floor(stride / 2) }, (_, i) => {
    const frequency = ((i + 1) * SAMPLE_RATE) / stride;
    return { frequency, decibels: toneLevel(samples, frequency) };
  });
  return { samples, tones, frames: FRAMES, bins: FRAME / 2, spectrogram: spectrogram(samples) };
}

/** Level of one frequency in dB of a sine from -1 to 1, under a Hann window away from the ends. */
export function toneLevel(samples: Float32Array, frequency: number): number {
  // A network of a file may give less than a second, or some dozen samples.
  const end = Math.min(END, Math.floor(samples.length / 4));
  const inner = samples.subarray(end, samples.length - end);
  const windowed = inner.map((value, n) => value * hann(n, inner.length));
  const axis = { kernelSize: windowed.length };
  const { re, im } = frequencyResponse(windowed, [axis], [(2 * Math.PI * frequency) / SAMPLE_RATE]);
  // The window's mean is a half, and a real sine has half of its amplitude at its frequency.
  return 20 * Math.log10((4 * Math.hypot(re, im)) / windowed.length + 1e-12);
}

const hann = (n: number, length: number) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length);

/** Levels in dB of a full sine, frame after frame, lowest frequency first. */
function spectrogram(samples: Float32Array): Float32Array {
  const levels = new Float32Array((FRAMES * FRAME) / 2);
  const hop = (samples.length - FRAME) / (FRAMES - 1);
  for (let frame = 0; frame < FRAMES; frame++) {
    const begin = Math.floor(frame * hop);
    const part = samples.subarray(begin, begin + FRAME);
    const mean = part.reduce((a, b) => a + b, 0) / FRAME;
    const amplitudes = amplitudeSpectrum(
      part.map((value, n) => (value - mean) * hann(n, FRAME)),
      [{ kernelSize: FRAME }],
      FRAME,
    );
    for (let bin = 0; bin < FRAME / 2; bin++) {
      levels[(frame * FRAME) / 2 + bin] = 20 * Math.log10((4 * (amplitudes[bin] ?? 0)) / FRAME + 1e-9);
    }
  }
  return levels;
}
