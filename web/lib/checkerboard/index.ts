/** deconv-wasm/checkerboard: a number for the pattern that transposed convolutions leave. */
export { type Analysis, type AnalyzeOptions, analyze } from './analyze.js';
export {
  type AttributedLayer,
  type AttributeOptions,
  type Attribution,
  type AttributionStep,
  attribute,
} from './attribute.js';
export type { AxisGeometry } from './axis.js';
export { type CompareOptions, compareImages, type ImageComparison } from './compare-images.js';
export { compareNetworks, type NetworkComparison } from './compare-networks.js';
// Cures.
export {
  type ToResizeConvOptions,
  toConvTranspose,
  toResizeConv,
} from './equal-layers.js';
export {
  type InitializeBilinearOptions,
  type InitializeIcnrOptions,
  initializeBilinear,
  initializeIcnr,
} from './initialize.js';
export {
  evenOverlap,
  type FiniteAxis,
  type Overlap,
  overlap,
  overlapCounts,
  overlapMap,
} from './overlap.js';
export type {
  PatternedValue,
  PatternNetwork,
  Upsampling,
  UpsamplingLayer,
  UpsamplingWeights,
} from './pattern-network.js';
export type { PatternStrength } from './pattern-strength.js';
export {
  addSpectralPenalty,
  type KernelsPenalty,
  kernelsPenalty,
  type LayerPenalty,
  spectralPenalty,
} from './penalty.js';
export { phaseGains } from './phases.js';
export {
  type RepairedKernels,
  type RepairOptions,
  type RepairPrecision,
  type RepairReport,
  repair,
  repairKernels,
} from './repair.js';
export {
  type ResizeConv,
  ResizeConv1d,
  ResizeConv2d,
  ResizeConv3d,
} from './resize-convolution.js';
export type { ResizeConvOptions, ResizeMode } from './resize-method.js';
export {
  type ForeignImage,
  type HarmonicLevel,
  type Image,
  type ImageScore,
  type ImageVerdict,
  type ScoreOptions,
  scoreImage,
} from './score-image.js';
export {
  type ComposedKernels,
  type SmoothConvTranspose,
  SmoothConvTranspose1d,
  SmoothConvTranspose2d,
  SmoothConvTranspose3d,
  type SmoothConvTransposeOptions,
  smoothKernels,
} from './smooth.js';
export { amplitudeSpectrum, type Complex, frequencyResponse, harmonicPower } from './spectrum.js';
export { analyzeStack, type StackAnalysis, type StackOptions } from './stack.js';
export type { KernelGeometry, Kernels, Pass, Subject } from './stamps.js';
export type { PatternChange, TraceOptions } from './trace.js';
export { toTransposedKernels } from './transposed-kernels.js';
export { type Unevenness, unevenness, type WorstPair } from './unevenness.js';
export type { PixelShuffleGeometry, UpsampleGeometry } from './upsampling.js';
export type { Verdict } from './verdict.js';
