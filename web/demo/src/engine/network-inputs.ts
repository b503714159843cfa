import type { Tensor } from 'deconv-wasm';
import type { Network } from 'deconv-wasm/network';
import { melSpectrogram } from '../model/mel';
import { resampled } from '../model/own-input';
import type { Picture, Planes } from '../model/picture';
import { uniform } from '../model/random';
import { testImage } from '../model/test-image';
import { SAMPLE_RATE, SECONDS, voice } from '../model/voice';
import type { TracedInput, TraceRequest } from './protocol';
import { laidOut, layoutOf, reduced, spatialAxesOf } from './value-planes';

/** Lengths that a file leaves open. */
const [OPEN_SIDE, OPEN_SAMPLES] = [48, 2000];
/** From so many channels on a line of values is frames of a spectrum, and no wave. */
const FEWEST_BANDS = 8;

type Given = Pick<TraceRequest, 'picture' | 'own'>;

/** A picture, a voice or latents, by what each input has room for, and what is shown of each: at most so long. */
export function inputsOf(
  network: Network,
  given: Given,
  side: number,
): { readonly inputs: Record<string, Tensor>; readonly told: readonly TracedInput[] } {
  const draw = uniform(1);
  const made = network.inputs.map(({ name, shape: declared }) => {
    const open = declared.length === 3 ? OPEN_SAMPLES : OPEN_SIDE;
    const shape = declared.map((extent, axis) =>
      typeof extent === 'number' ? extent : axis === 0 ? 1 : open,
    );
    const layout = layoutOf(shape, spatialAxesOf(network.format, shape.length));
    const { takes, planes } = inputOf(shape.length, layout, given, draw);
    const data = laidOut(planes, layout);
    const picture = reduced(planes, side);
    return { input: [name, { data, shape }] as const, told: { name, shape, takes, picture } };
  });
  return {
    inputs: Object.fromEntries(made.map(({ input }) => input)),
    told: made.map(({ told }) => told),
  };
}

function inputOf(
  rank: number,
  { width, height, channels }: Pick<Planes, 'width' | 'height' | 'channels'>,
  { picture, own }: Given,
  draw: () => number,
): { readonly takes: TracedInput['takes']; readonly planes: Planes } {
  const area = width * height;
  const planes = (data: Float32Array) => ({ channels, width, height, data });
  if (rank === 4 && (channels === 1 || channels === 3) && area > 1) {
    const image = own?.kind === 'picture' ? own.picture : testImage(picture);
    return { takes: 'picture', planes: sampled(image, channels, width, height) };
  }
  if (rank === 3 && area > 1) {
    const sound = own?.kind === 'sound' ? (rate: number) => resampled(own.samples, SAMPLE_RATE, rate) : voice;
    if (channels >= FEWEST_BANDS) {
      const whole = sound(SAMPLE_RATE).subarray(0, SECONDS * SAMPLE_RATE);
      return { takes: 'sound', planes: planes(melSpectrogram(whole, SAMPLE_RATE, channels, area)) };
    }
    // As slow as the network is fast: what comes out sounds at the page's rate.
    const slow = sound(area / SECONDS);
    const data = Float32Array.from({ length: channels * area }, (_, n) => slow[n % area] ?? 0.5);
    return { takes: 'sound', planes: planes(data) };
  }
  const spread = area === 1 ? () => 3.4 * (draw() - 0.5) : draw;
  return { takes: 'numbers', planes: planes(Float32Array.from({ length: channels * area }, spread)) };
}

/** A test image in another size, every pixel of it the mean of what lies under it; grey where one channel is wanted. */
function sampled(image: Picture, channels: number, width: number, height: number): Planes {
  const area = image.width * image.height;
  const data = new Float32Array(channels * width * height);
  const edge = (index: number, from: number, to: number) => Math.floor((index * from) / to);
  for (let index = 0; index < data.length; index++) {
    const channel = Math.floor(index / (width * height));
    const [row, column] = [Math.floor(index / width) % height, index % width];
    const [top, left] = [edge(row, image.height, height), edge(column, image.width, width)];
    const bottom = Math.max(edge(row + 1, image.height, height), top + 1);
    const right = Math.max(edge(column + 1, image.width, width), left + 1);
    let sum = 0;
    for (let plane = 0; plane < 3; plane++) {
      if (channels === 3 && plane !== channel) continue;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) sum += image.data[plane * area + y * image.width + x] ?? 0;
      }
    }
    data[index] = sum / ((bottom - top) * (right - left) * (channels === 3 ? 1 : 3));
  }
  return { channels, width, height, data };
}
