import { checkInteger, refuse } from '../core/checks.js';
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
  const buffer = (value ?? {}) as Partial<AudioSamples>;
  if (typeof buffer.getChannelData !== 'function') {
    refuse('BAD_TYPE', where, `${name} to be an AudioBuffer`, value);
  }
  const channels = checkInteger(where, `${name}.numberOfChannels`, buffer.numberOfChannels, 1);
  const length = checkInteger(where, `${name}.length`, buffer.length, 0);
  return Array.from({ length: channels }, (_, channel) => {
    const samples = checkFloats(where, `channel ${channel} of ${name}`, buffer.getChannelData?.(channel));
    if (samples.length !== length) {
      refuse('BAD_SHAPE', where, `channel ${channel} of ${name} with ${length} samples`, samples.length);
    }
    return samples;
  });
}
