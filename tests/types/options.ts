// Options of which one of several is needed: the types ask for it.

import { Upsample, type UpsampleOptions } from 'deconv-wasm';
import { toAudioBuffer } from 'deconv-wasm/sound';

declare const context: AudioContext;
declare const out: AudioBuffer;
const x = { data: [0, 1], shape: [1, 1, 2] };

new Upsample({ scaleFactor: 2, mode: 'linear', alignCorners: true });
new Upsample({ size: [4, 6], scaleFactor: null });
const options: UpsampleOptions = { size: null, scaleFactor: [2, 2], layout: 'channels-last' };
new Upsample(options);
// @ts-expect-error Neither size nor factor.
new Upsample({});
// @ts-expect-error Neither size nor factor.
new Upsample({ mode: 'bilinear', size: null });
// @ts-expect-error Both.
new Upsample({ size: 4, scaleFactor: 2 });

const buffers: AudioBuffer[] = [
  toAudioBuffer(x, { sampleRate: 22_050 }),
  toAudioBuffer(x, { context }),
  toAudioBuffer(x, { context, sampleRate: 22_050 }),
  toAudioBuffer(x, { out }),
];
buffers.push(out);
// @ts-expect-error Nothing says the sample rate.
toAudioBuffer(x);
// @ts-expect-error Nothing says the sample rate.
toAudioBuffer(x, {});
