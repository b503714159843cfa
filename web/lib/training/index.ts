/** deconv-wasm/training: what it takes to train layers in a page. */

export type { Module, Trainable } from '../graph/module.js';
export { Sequential } from '../graph/sequential.js';
export type { SequentialGradients, Trace } from '../graph/trace.js';
export { LeakyReLU, type LeakyReLUOptions, ReLU, Sigmoid, Tanh } from '../modules/activations.js';
export { GroupNorm, type GroupNormOptions } from '../modules/group-norm.js';
export type { ModuleGradients, Normalization, NormalizationOptions } from '../modules/normalization.js';
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormOptions,
} from '../modules/running-norms.js';
export { type AdamOptions, adam, adamW } from './adam.js';
export { clipGradientNorm, clipGradientValue } from './clipping.js';
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  type Loss,
  type LossOptions,
  meanAbsoluteError,
  meanSquaredError,
} from './losses.js';
export type {
  Optimizable,
  Optimizer,
  OptimizerOptions,
  ParameterGradients,
} from './optimizer.js';
export {
  type CosineScheduleOptions,
  cosineSchedule,
  type Schedule,
  type StepScheduleOptions,
  stepSchedule,
  type WarmupScheduleOptions,
  warmupSchedule,
} from './schedules.js';
export { type SgdOptions, sgd } from './sgd.js';
