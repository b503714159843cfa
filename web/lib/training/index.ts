/** deconv-wasm/training: what it takes to train layers in a page. */
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
  type OptimizerStep,
  type ParameterGradients,
  type SgdOptions,
  sgd,
  type Trainable,
} from './optimizers.js';
export { type Module, Sequential, type SequentialGradients, type Trace } from './sequential.js';
