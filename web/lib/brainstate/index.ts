/** deconv-wasm/brainstate: layers in the words of brainstate (0.5 and later), channels last. */

export type { ArrayValues, NestedList, NumericArray } from '../core/array-values.js';
export { DeconvError, type DeconvErrorCode } from '../core/errors.js';
export type { AxisList, PerAxis, SpatialRank, Unsized } from '../core/lists.js';
export type { Tensor } from '../core/tensor.js';
export type { BackwardOptions, ForwardOptions, LayerGradients } from '../layers/layer.js';
export type { ExecutionOptions, RouteName } from '../runtime/execution.js';
export { HeapTensor, type HeapTensorOptions } from '../runtime/heap-tensor.js';
export { createRuntime, init, memoryUsage, runtimeInfo, shutdown } from '../runtime/lifecycle.js';
export type { BinaryName, BuildName, InitOptions, RuntimeInfo, WasmSource } from '../runtime/options.js';
export type { Candidate, Plan } from '../runtime/planning.js';
export type { MemoryUsage, Runtime } from '../runtime/runtime.js';
export { type BrainstateConvOptions, Conv1d, Conv2d, Conv3d } from './conv.js';
export {
  type BrainstateConvTransposeOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
} from './conv-transpose.js';
export { Constant, OneInit, ZeroInit } from './initializers/constant.js';
export {
  Normal,
  type NormalOptions,
  Orthogonal,
  type OrthogonalOptions,
  TruncatedNormal,
  type TruncatedNormalOptions,
  Uniform,
  type UniformOptions,
} from './initializers/random.js';
export type { Amount, SeededInitializer, SeedOptions, UnitOptions } from './initializers/seeded.js';
export { Bilinear, type BilinearOptions, Icnr, type IcnrOptions } from './initializers/upsampling.js';
export {
  type Distribution,
  type FanMode,
  KaimingNormal,
  KaimingUniform,
  LecunNormal,
  LecunUniform,
  VarianceScaling,
  type VarianceScalingOptions,
  XavierNormal,
  XavierUniform,
} from './initializers/variance-scaling.js';
export type { BrainstateLayerOptions, Padding } from './options.js';
export type { Initializer, ParameterSource } from './parameters.js';
