/** deconv-wasm/checkerboard: a number for the pattern that transposed convolutions leave. */
export { type Analysis, type AnalyzeOptions, analyze } from './analyze.js';
export type { AxisGeometry } from './axis.js';
export {
  evenOverlap,
  type FiniteAxis,
  type Overlap,
  overlap,
  overlapCounts,
  overlapMap,
} from './overlap.js';
export { phaseGains } from './phases.js';
export { type ImageScore, type ScoreOptions, scoreImage } from './score-image.js';
export { amplitudeSpectrum, type Complex, frequencyResponse, harmonicPower } from './spectrum.js';
export { analyzeStack, type StackAnalysis, type StackOptions } from './stack.js';
export type { KernelGeometry, Kernels, Pass, Subject } from './stamps.js';
export { type Unevenness, unevenness, type WorstPair } from './unevenness.js';
export type { Verdict } from './verdict.js';
