/** deconv-wasm: layers in the words of PyTorch and lucid, channels first. */
export { DeconvError, type DeconvErrorCode, type DeconvErrorRecord, isDeconvError } from './core/errors.js';
export type { Float16ArrayLike, HalfType } from './core/float16.js';
export type { HalfTensor } from './core/half-tensor.js';
export type { AxisList, PerAxis, SpatialRank, Unsized } from './core/lists.js';
export type { Tensor, TensorData, TensorLike } from './core/tensor.js';
export {
  type ConvCallOptions,
  type ConvTransposeCallOptions,
  conv,
  convTranspose,
} from './functional/convolution.js';
export type { ChainForwardOptions } from './graph/chain.js';
export { Graph, type GraphValue, type JoinOptions } from './graph/graph.js';
export type { Module, Trainable } from './graph/module.js';
export type { NamedInputs, NamedTensors } from './graph/named.js';
export { Sequential } from './graph/sequential.js';
export type { Summary, SummaryStep } from './graph/summary.js';
export type { NamedGradients, NamedTrace, SequentialGradients, Trace } from './graph/trace.js';
export type { Conv, ConvOptions } from './layers/conv.js';
export { Conv1d } from './layers/conv-1d.js';
export { Conv2d } from './layers/conv-2d.js';
export { Conv3d } from './layers/conv-3d.js';
export type {
  ConvTranspose,
  ConvTransposeForwardOptions,
  ConvTransposeOptions,
  ConvTransposeShapeOptions,
} from './layers/conv-transpose.js';
export { ConvTranspose1d } from './layers/conv-transpose-1d.js';
export { ConvTranspose2d } from './layers/conv-transpose-2d.js';
export { ConvTranspose3d } from './layers/conv-transpose-3d.js';
export type { BackwardOptions, ForwardOptions, Layer, LayerGradients } from './layers/layer.js';
export type {
  LoadedState,
  LoadStateOptions,
  NestedState,
  StateDict,
  Stateful,
} from './layers/state-dict.js';
export type { LayerOptions } from './layers/torch-options.js';
export {
  ELU,
  type ELUOptions,
  GELU,
  type GELUOptions,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  type HardtanhOptions,
  LeakyReLU,
  type LeakyReLUOptions,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softplus,
  type SoftplusOptions,
  Tanh,
} from './modules/activations.js';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  type AdaptiveAvgPoolOptions,
  type AdaptiveSize,
} from './modules/adaptive-average-pool.js';
export {
  AvgPool1d,
  type AvgPool1dOptions,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolOptions,
} from './modules/average-pool.js';
export {
  PReLU,
  type PReLUOptions,
  Snake,
  type SnakeOptions,
} from './modules/channel-activations.js';
export { Dropout, type DropoutOptions } from './modules/dropout.js';
export {
  Flatten,
  type FlattenOptions,
  Unflatten,
  type UnflattenOptions,
} from './modules/flatten.js';
export { GroupNorm, type GroupNormOptions } from './modules/group-norm.js';
export type { InputGradient, ModuleForwardOptions, ModuleOptions } from './modules/heap-module.js';
export { LayerNorm, type LayerNormOptions } from './modules/layer-norm.js';
export { Linear, type LinearOptions } from './modules/linear.js';
export { MaxPool1d, MaxPool2d, MaxPool3d, type MaxPoolOptions } from './modules/max-pool.js';
export type { ModuleGradients, Normalization, NormalizationOptions } from './modules/normalization.js';
export {
  ConstantPad1d,
  ConstantPad2d,
  ConstantPad3d,
  type ConstantPadOptions,
  type PaddingOptions,
  type PadList,
  ReflectionPad1d,
  ReflectionPad2d,
  ReflectionPad3d,
  ReplicationPad1d,
  ReplicationPad2d,
  ReplicationPad3d,
  ZeroPad1d,
  ZeroPad2d,
  ZeroPad3d,
} from './modules/pads.js';
export {
  PixelShuffle,
  type PixelShuffleOptions,
  PixelUnshuffle,
  type PixelUnshuffleOptions,
} from './modules/pixel-shuffle.js';
export type { WindowOptions, WindowSize } from './modules/pool.js';
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormOptions,
} from './modules/running-norms.js';
export { Softmax, type SoftmaxOptions } from './modules/softmax.js';
export type { SpatialModuleOptions } from './modules/spatial-module.js';
export { Upsample, type UpsampleMode, type UpsampleOptions } from './modules/upsample.js';
export type { ExecutionOptions, RouteName } from './runtime/execution.js';
export { HeapTensor, type HeapTensorOptions } from './runtime/heap-tensor.js';
export { createRuntime, init, memoryUsage, runtimeInfo, shutdown } from './runtime/lifecycle.js';
export type { BinaryName, BuildName, InitOptions, RuntimeInfo, WasmSource } from './runtime/options.js';
export type { Candidate, Plan } from './runtime/planning.js';
export type { MemoryUsage, Runtime } from './runtime/runtime.js';
