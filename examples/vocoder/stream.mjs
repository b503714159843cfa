// Sound without end from the generator: blocks of frames, each computed with the frames around it that it depends on, so that
// they fit together as if all had been computed at once.

import { HeapTensor } from 'deconv-wasm';
import { BlockStream } from 'deconv-wasm/sound';
import { CONTEXT, HOP, MELS, makeGenerator } from './generator.mjs';

/** Frames of a block: 0.37 s at 22050 samples a second. */
export const BLOCK = 32;

/** Something like speech: bands of energy that wander. */
export function melAt(frame, band) {
  const formant = 24 + 14 * Math.sin(0.037 * frame) + 6 * Math.sin(0.21 * frame);
  return 2 * Math.exp(-(((band - formant) / 9) ** 2)) + Math.sin(0.9 * band + 0.11 * frame) - 1;
}

export function makeStream({ seed, block = BLOCK }) {
  const frames = block + 2 * CONTEXT;
  const generator = makeGenerator({ frames, seed });
  const { mel, samples } = generator;
  const sound = new HeapTensor([1, 1, HOP * block]);
  let first = 0;
  // The first block has no frames before it: its window begins with it.
  const start = () => Math.max(0, first - CONTEXT);

  function fillWindow() {
    const values = mel.data;
    for (let band = 0; band < MELS; band += 1) {
      for (let frame = 0; frame < frames; frame += 1) {
        values[band * frames + frame] = melAt(start() + frame, band);
      }
    }
  }
  function cutBlock() {
    const from = samples.data;
    const to = sound.data;
    const skip = HOP * (first - start());
    for (let index = 0; index < to.length; index += 1) to[index] = from[skip + index];
    first += block;
  }
  return new BlockStream({
    steps: [
      { cost: 100 * mel.data.length, run: fillWindow },
      ...generator.steps,
      { cost: 4 * sound.data.length, run: cutBlock },
    ],
    block: sound,
  });
}
