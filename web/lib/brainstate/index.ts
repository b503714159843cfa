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
export {
  type Amount,
  Bilinear,
  type BilinearOptions,
  Constant,
  type Distribution,
  type FanMode,
  Icnr,
  type IcnrOptions,
  KaimingNormal,
  KaimingUniform,
  LecunNormal,
  LecunUniform,
  Normal,
  type NormalOptions,
  OneInit,
  Orthogonal,
  type OrthogonalOptions,
  type SeededInitializer,
  type SeedOptions,
  TruncatedNormal,
  type TruncatedNormalOptions,
  Uniform,
  type UniformOptions,
  type UnitOptions,
  VarianceScaling,
  type VarianceScalingOptions,
  XavierNormal,
  XavierUniform,
  ZeroInit,
} from './initializers.js';
export type { BrainstateLayerOptions, Padding } from './options.js';
export type { Initializer, ParameterSource } from './parameters.js';
