import type { Picture } from './picture';

/** What a person brings for a network to take; it stays in the page, and is no part of its state. */
export type OwnInput =
  | { readonly kind: 'picture'; readonly name: string; readonly picture: Picture }
  | { readonly kind: 'sound'; readonly name: string; readonly samples: Float32Array };
export type OwnKind = OwnInput['kind'];

/** How loud a sound is made, from its middle: about as loud as the voice of the page. */
const LOUDEST = 0.4;
/** What is quieter than this share of the loudest is silence. */
const SILENCE = 0.02;

/** Samples around 0.5 as the page's voice is, from the first that can be heard on; null of silence alone. */
export function audible(samples: Float32Array): Float32Array | null {
  const loudest = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const begin = samples.findIndex((value) => Math.abs(value) > SILENCE * loudest);
  if (begin === -1) return null;
  return samples.subarray(begin).map((value) => 0.5 + (LOUDEST * value) / loudest);
}

/** At another rate, every sample the mean of what lies under it or, where that is less than one, the nearest. */
export function resampled(samples: Float32Array, from: number, to: number): Float32Array {
  const step = from / to;
  return Float32Array.from({ length: Math.floor(samples.length / step) }, (_, n) => {
    const begin = Math.floor(n * step);
    const under = samples.subarray(begin, Math.max(Math.floor((n + 1) * step), begin + 1));
    return under.reduce((sum, value) => sum + value, 0) / under.length;
  });
}
