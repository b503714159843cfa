import { checkInteger, checkOptions, refuse } from '../core/checks.js';
import { allocateTensor, checkOut, shapeOf, sharesMemory, type Tensor } from '../core/tensor.js';
import { type AudioSamples, checkSamples } from './audio-samples.js';

/** Options of {@link fromAudioBuffer}. */
export interface FromAudioBufferOptions {
  /**
   * How many channels the tensor has. Default: those of the buffer. 1 is the mean of them, and a buffer of one channel
   * gives as many copies as are wanted.
   */
  readonly channels?: number;
  /** Receives the values instead of a new tensor: `[1, C, L]` or `[C, L]`. */
  readonly out?: Tensor;
}

/**
 * The samples of an AudioBuffer as a tensor `[1, C, L]`, as they are: from -1 to 1, at the buffer's sample rate.
 *
 * @throws {DeconvError} `BAD_TYPE`, `BAD_OPTION` (channels that cannot be made of the buffer's), `BAD_SHAPE` (another
 * `out`), `BAD_BUFFER`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * // In a page: await context.decodeAudioData(bytes). Here what such a buffer has.
 * const channels = [Float32Array.of(0, 1), Float32Array.of(1, 1)];
 * const buffer = { numberOfChannels: 2, length: 2, sampleRate: 8000, getChannelData: (channel) => channels[channel] };
 * console.log(fromAudioBuffer(buffer).shape.join('x')); // 1x2x2
 * console.log(fromAudioBuffer(buffer, { channels: 1 }).data.join(' ')); // 0.5 1
 */
export function fromAudioBuffer<Out extends Tensor = Tensor<ArrayBuffer>>(
  buffer: AudioSamples,
  options: FromAudioBufferOptions & { readonly out?: Out } = {},
): Out {
  const where = 'fromAudioBuffer';
  const checked = checkOptions<FromAudioBufferOptions>(where, options, ['channels', 'out']);
  const given = checkSamples(where, 'the buffer', buffer);
  const [{ length }] = given as [Float32Array];
  const channels = checkInteger(where, 'channels', checked.channels ?? given.length, 1);
  if (channels !== given.length && channels !== 1 && given.length !== 1) {
    refuse('BAD_OPTION', where, `channels to be 1 or ${given.length}, as the buffer has`, channels);
  }
  const single = [channels, length];
  const { out = allocateTensor(where, [1, ...single]) } = checked;
  const unbatched = (shapeOf(out) as Partial<Tensor['shape']> | undefined)?.length === 2;
  const data = checkOut(where, out, unbatched ? single : [1, ...single], channels * length);
  // What is written must not be what is still to be read.
  const sources = given.map((samples) => (sharesMemory(samples, data) ? samples.slice() : samples));
  for (let channel = 0; channel < channels; channel += 1) {
    data.set(sources[given.length === 1 ? 0 : channel] as Float32Array, channel * length);
  }
  if (channels < given.length) {
    for (let index = 0; index < length; index += 1) {
      let sum = 0;
      for (const samples of sources) sum += samples[index] as number;
      data[index] = sum / given.length;
    }
  }
  return out as Out;
}
