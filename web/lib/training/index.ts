/** deconv-wasm/training: what it takes to train layers in a page. */

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
export {
  type ActivationGradients,
  LeakyReLU,
  type LeakyReLUOptions,
  ReLU,
  Sigmoid,
  Tanh,
} from './activations.js';
export { type Loss, meanSquaredError } from './loss.js';
export {
  type AdamOptions,
  adam,
  type Optimizable,
  type OptimizerStep,
  type ParameterGradients,
  type SgdOptions,
  sgd,
  type Trainable,
} from './optimizers.js';
export {
  type Module,
  Sequential,
  type SequentialGradients,
  type Trace,
} from './sequential.js';
