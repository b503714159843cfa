/** Samples of a frame, and the levels in dB of a full sine that become 0 and 1. */
const FRAME = 512;
const [QUIET, LOUD] = [-80, 0];
/** Lowest frequency of a band. */
const LOWEST = 60;

const melOf = (frequency: number) => 2595 * Math.log10(1 + frequency / 700);
const frequencyOf = (mel: number) => 700 * (10 ** (mel / 2595) - 1);

/** The middles of bands that are as far apart as ears tell them apart, up to half the rate. */
export function bandsOf(count: number, rate: number): number[] {
  const [low, high] = [melOf(LOWEST), melOf(rate / 2)];
  return Array.from({ length: count }, (_, band) => frequencyOf(low + ((high - low) * (band + 0.5)) / count));
}

/** How loud each band is in each frame, from 0 to 1, band after band: what a vocoder takes. */
export function melSpectrogram(
  samples: Float32Array,
  rate: number,
  bands: number,
  frames: number,
): Float32Array {
  const levels = new Float32Array(bands * frames);
  const hop = Math.max(samples.length - FRAME, 0) / Math.max(frames - 1, 1);
  const frequencies = bandsOf(bands, rate);
  for (let frame = 0; frame < frames; frame++) {
    const begin = Math.floor(frame * hop);
    const part = samples.subarray(begin, begin + FRAME);
    const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
    const windowed = part.map(
      (value, n) => (value - mean) * Math.sin((Math.PI * (n + 0.5)) / part.length) ** 2,
    );
    for (const [band, frequency] of frequencies.entries()) {
      const decibels = 20 * Math.log10((4 * amplitude(windowed, frequency / rate)) / part.length + 1e-9);
      levels[band * frames + frame] = Math.min(Math.max((decibels - QUIET) / (LOUD - QUIET), 0), 1);
    }
  }
  return levels;
}

/** Of one frequency, in turns a sample (Goertzel). */
function amplitude(samples: Float32Array, turns: number): number {
  const twice = 2 * Math.cos(2 * Math.PI * turns);
  let [last, before] = [0, 0];
  for (const value of samples) [last, before] = [value + twice * last - before, last];
  return Math.sqrt(Math.max(last ** 2 + before ** 2 - twice * last * before, 0));
}
