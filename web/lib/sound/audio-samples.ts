import { checkInteger, fault, refuse, shapeText } from '../core/checks.js';
import { readForeign } from '../core/foreign.js';
import { checkFloats } from '../core/tensor.js';

/** What of an AudioBuffer is read and written: also that of other implementations of Web Audio, as Node has them. */
export interface AudioSamples {
  readonly numberOfChannels: number;
  readonly length: number;
  readonly sampleRate: number;
  getChannelData(channel: number): Float32Array;
}

/** The samples of each channel, which are the buffer's own memory. */
export function checkSamples(where: string, name: string, value: unknown): readonly Float32Array[] {
  return readForeign(where, name, () => samplesOf(where, name, value));
}

function samplesOf(where: string, name: string, value: unknown): readonly Float32Array[] {
  const buffer = (value ?? {}) as Partial<AudioSamples>;
  if (typeof buffer.getChannelData !== 'function') {
    refuse('BAD_TYPE', where, `${name} to be an AudioBuffer`, value);
  }
  const channels = checkInteger(where, `${name}.numberOfChannels`, buffer.numberOfChannels, 1);
  // Web Audio makes none without samples.
  const length = checkInteger(where, `${name}.length`, buffer.length, 1);
  return Array.from({ length: channels }, (_, channel) => {
    const samples = checkFloats(where, `channel ${channel} of ${name}`, buffer.getChannelData?.(channel));
    if (samples.length !== length) {
      refuse('BAD_SHAPE', where, `channel ${channel} of ${name} with ${length} samples`, samples.length);
    }
    return samples;
  });
}

/** Channels and length of a tensor that is one sound. */
export function readSoundShape(
  where: string,
  name: string,
  shape: readonly number[],
): readonly [channels: number, length: number] {
  const [channels = 0, length = 0] = shape.slice(-2);
  const batched = shape.length === 3;
  const single = shape.length === 2 || (batched && shape[0] === 1);
  if (single && channels > 0 && length > 0) return [channels, length];
  throw fault(
    'BAD_SHAPE',
    where,
    `${name} of shape [1, C, L] or [C, L] with at least one sample`,
    shapeText(shape),
    single ? '' : batched ? 'Pass one sound of a batch: a subarray of its data.' : 'Add or drop axes.',
    { got: shape },
  );
}
