import { checkOptions, fault, refuse } from '../core/checks.js';
import { messageOf } from '../core/realms.js';
import { checkTensor, sharesMemory, type TensorLike } from '../core/tensor.js';
import { type AudioSamples, checkSamples, readSoundShape } from './audio-samples.js';

interface AudioBufferOptions<Buffer extends AudioSamples> {
  /** Samples of a second. Default: the context's. */
  readonly sampleRate?: number;
  /** Makes the buffer: an AudioContext. Default: the page's own AudioBuffer, which needs a `sampleRate`. */
  readonly context?: {
    readonly sampleRate: number;
    createBuffer(channels: number, length: number, sampleRate: number): Buffer;
  };
  /** Receives the samples instead of a new buffer; has the tensor's channels and length. */
  readonly out?: Buffer;
}

type Requiring<Options, Name extends keyof Options> = Options & Required<Pick<Options, Name>>;

/** Options of {@link toAudioBuffer}, one of which at least says the sample rate. */
export type ToAudioBufferOptions<Buffer extends AudioSamples = AudioBuffer> =
  | Requiring<AudioBufferOptions<Buffer>, 'sampleRate'>
  | Requiring<AudioBufferOptions<Buffer>, 'context'>
  | Requiring<AudioBufferOptions<Buffer>, 'out'>;

/**
 * A tensor `[1, C, L]` or `[C, L]` as an AudioBuffer of C channels. Values are kept as they are: what plays them clips
 * what lies outside of -1 to 1.
 *
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_OPTION` (no sample rate, or one that the engine refuses),
 * `BAD_BUFFER`, `UNSUPPORTED` (neither AudioBuffer, `context` nor `out`: Workers have none)
 *
 * @example
 * // In a page: source.buffer = toAudioBuffer(y, { sampleRate: 22050 }). Here what such a buffer has.
 * const samples = new Float32Array(3);
 * const out = { numberOfChannels: 1, length: 3, sampleRate: 22050, getChannelData: () => samples };
 * toAudioBuffer({ data: [0, 0.5, -0.5], shape: [1, 1, 3] }, { out });
 * console.log(samples.join(' ')); // 0 0.5 -0.5
 */
export function toAudioBuffer<Buffer extends AudioSamples = AudioBuffer>(
  tensor: TensorLike,
  options: ToAudioBufferOptions<Buffer>,
): Buffer {
  const where = 'toAudioBuffer';
  const checked = checkOptions<AudioBufferOptions<Buffer>>(where, options === undefined ? {} : options, [
    'sampleRate',
    'context',
    'out',
  ]);
  const { data, shape } = checkTensor(where, 'the tensor', tensor);
  const [channels, length] = readSoundShape(where, 'a tensor', shape);
  const buffer = checked.out ?? newBuffer(where, channels, length, checked);
  const targets = checkSamples(where, 'out', buffer);
  if (targets.length !== channels || targets[0]?.length !== length) {
    throw fault(
      'BAD_SHAPE',
      where,
      `out with ${channels} channels of ${length} samples`,
      `${targets.length} of ${targets[0]?.length}`,
      "It has the tensor's channels and length.",
      { expected: [channels, length], got: [targets.length, targets[0]?.length] },
    );
  }
  if (checked.out !== undefined && (checked.sampleRate ?? buffer.sampleRate) !== buffer.sampleRate) {
    refuse('BAD_OPTION', where, `sampleRate ${buffer.sampleRate}, as out has`, checked.sampleRate);
  }
  // The first channels written must not be what the others are read from.
  const source = targets.some((target) => sharesMemory(target, data)) ? data.slice() : data;
  for (const [channel, target] of targets.entries()) {
    target.set(source.subarray(channel * length, (channel + 1) * length));
  }
  return buffer;
}

function newBuffer<Buffer extends AudioSamples>(
  where: string,
  channels: number,
  length: number,
  { context, sampleRate = context?.sampleRate }: AudioBufferOptions<Buffer>,
): Buffer {
  if (context === undefined && typeof AudioBuffer !== 'function') {
    throw fault(
      'UNSUPPORTED',
      where,
      'an AudioBuffer, a context or an out',
      'none where this runs',
      "Make the buffer on the page's main thread: send it the tensor's data.",
    );
  }
  if (typeof sampleRate !== 'number') refuse('BAD_TYPE', where, 'sampleRate to be a number', sampleRate);
  try {
    return context === undefined
      ? (new AudioBuffer({ numberOfChannels: channels, length, sampleRate }) as AudioSamples as Buffer)
      : context.createBuffer(channels, length, sampleRate);
  } catch (cause) {
    throw fault(
      'BAD_OPTION',
      where,
      `a sampleRate, channels and a length that Web Audio takes`,
      `${sampleRate} for ${channels} channels of ${length} samples (${messageOf(cause)})`,
      'Rates from 8000 to 96000 and up to 32 channels work everywhere.',
      { sampleRate, channels, length },
      cause,
    );
  }
}
