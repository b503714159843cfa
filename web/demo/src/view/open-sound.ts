import { audible } from '../model/own-input';
import { SAMPLE_RATE, SECONDS } from '../model/voice';

/** A sound that could be read, with nothing to hear in it. */
export class Silence extends Error {}

/** Reads a sound file in the page, as one channel at its rate and as long as its voice is; nothing leaves it. */
export async function openSound(file: Blob): Promise<Float32Array> {
  const context = new OfflineAudioContext(1, 1, SAMPLE_RATE);
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, one) => buffer.getChannelData(one));
  const mean = new Float32Array(buffer.length).map(
    (_, n) => channels.reduce((sum, channel) => sum + (channel[n] ?? 0), 0) / channels.length,
  );
  const heard = audible(mean);
  if (heard === null) throw new Silence();
  return heard.slice(0, SECONDS * SAMPLE_RATE);
}
