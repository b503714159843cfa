/** Sound: AudioBuffers to tensors and back. */
export type { AudioSamples } from './audio-samples.js';
export { type FromAudioBufferOptions, fromAudioBuffer } from './from-audio-buffer.js';
export { type ToAudioBufferOptions, toAudioBuffer } from './to-audio-buffer.js';
