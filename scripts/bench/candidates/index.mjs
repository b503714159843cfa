import { litert } from './litert.mjs';
import { naive } from './naive.mjs';
import { newArray } from './new-array.mjs';
import { onnxruntime } from './onnxruntime.mjs';
import { ours } from './ours.mjs';
import { tfjs } from './tfjs.mjs';

/** Everything that takes a turn in a round. LiteRT.js comes last: its loader changes global names. */
export const CANDIDATES = [
  ours('relaxed', 'channels-first'),
  ours('simd', 'channels-first'),
  ours('relaxed', 'channels-first', { reuse: true }),
  ours('relaxed', 'channels-last'),
  ours('simd', 'channels-last'),
  naive,
  newArray,
  tfjs,
  onnxruntime,
  litert('relaxed'),
  litert('simd'),
];
