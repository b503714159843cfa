import { amplitudeSpectrum, scoreImage } from 'deconv-wasm/checkerboard';
import { middle, type Planes } from '../model/picture';
import type { LabScore, LabScoreRequest } from './protocol';

/** Largest side whose spectrum is drawn. */
const SPECTRUM = 96;

/** How much of a picture is a pattern of period `scale`, from the picture alone. */
export function labScore({ picture, scale }: LabScoreRequest): LabScore | null {
  const { channels, width, height, data } = picture;
  if (scale === 1 || width < 6 * scale || height < 6 * scale) return null;
  const score = scoreImage({ data, shape: [channels, height, width] }, scale);
  const small = middle(picture, SPECTRUM, scale);
  const side = Math.min(small.width, small.height);
  return {
    verdict: score.verdict,
    phaseScore: score.phaseScore,
    spectralScoreDb: score.spectralScoreDb,
    harmonics: score.harmonics,
    side,
    spectrum: decibels(middle(small, side, scale), side),
  };
}

/** Spectrum of a square picture's mean over the channels, in dB of a wave from black to white. */
function decibels({ channels, data }: Planes, side: number): Float32Array {
  const area = side * side;
  const grey = new Float64Array(area);
  for (let i = 0; i < data.length; i++) grey[i % area] = (grey[i % area] ?? 0) + (data[i] ?? 0) / channels;
  const mean = grey.reduce((a, b) => a + b, 0) / area;
  // A Hann window keeps the picture's edges out of the lines.
  const window = Float64Array.from(
    { length: side },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / side),
  );
  for (let i = 0; i < area; i++) {
    grey[i] = ((grey[i] ?? 0) - mean) * (window[Math.floor(i / side)] ?? 0) * (window[i % side] ?? 0);
  }
  const axis = { kernelSize: side };
  // A wave of amplitude 1/2 has a quarter of the area at its line, and the window a quarter of that.
  const full = area / 16;
  return Float32Array.from(
    amplitudeSpectrum(grey, [axis, axis], side),
    (a) => 20 * Math.log10(a / full + 1e-9),
  );
}
