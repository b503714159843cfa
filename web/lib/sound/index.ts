/** Sound: AudioBuffers to tensors and back, and streams in an AudioWorklet. */
export type { AudioSamples } from './audio-samples.js';
export { type BlockStep, BlockStream, type BlockStreamOptions } from './block-stream.js';
export { type FromAudioBufferOptions, fromAudioBuffer } from './from-audio-buffer.js';
export { type ToAudioBufferOptions, toAudioBuffer } from './to-audio-buffer.js';
