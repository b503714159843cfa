/**
 * Layers from other systems' attributes and weights, and weights for other systems. Each system's words
 * have types of their own: the same word means opposite things in two of them.
 */
export type { JaxPadding } from '../core/jax-padding.js';
export {
  type BrainstateAttributes,
  type BrainstateLayers,
  type BrainstateParameters,
  fromBrainstate,
  toBrainstate,
} from './brainstate.js';
export { type ConvTransposeJaxOptions, convTransposeJax } from './conv-transpose-jax.js';
export { type ConversionOptions, ConvertedLayer } from './converted-layer.js';
export type { ExportedParameters } from './export.js';
export {
  type FlaxConvAttributes,
  type FlaxConvTransposeAttributes,
  type FlaxOperators,
  type FlaxPadding,
  fromFlax,
  toFlax,
} from './flax.js';
export type { InitialInputParameters, InitialParameters } from './initial.js';
export {
  fromJax,
  type JaxConvGeneralDilatedArguments,
  type JaxConvTransposeArguments,
  type JaxDimensionNumbers,
  type JaxKernelOptions,
  type JaxOperators,
  toJax,
} from './jax.js';
export {
  fromKeras,
  type KerasConv1DAttributes,
  type KerasConvAttributes,
  type KerasConvTransposeAttributes,
  type KerasOperators,
  toKeras,
} from './keras.js';
export type { ConvertedParameters } from './kernel.js';
export { fromOnnx, toOnnx } from './onnx.js';
export type { OnnxConvAttributes, OnnxConvTransposeAttributes, OnnxOperators } from './onnx-geometry.js';
export {
  fromTensorFlow,
  type ImplicitGroupOptions,
  type TensorFlowConv1dArguments,
  type TensorFlowConv1dTransposeArguments,
  type TensorFlowConv2dArguments,
  type TensorFlowConv2dTransposeArguments,
  type TensorFlowConv3dArguments,
  type TensorFlowConv3dTransposeArguments,
  type TensorFlowOperators,
  type TensorFlowPadding,
  type TensorFlowSteps,
  toTensorFlow,
} from './tensorflow.js';
export {
  fromTflite,
  type TfliteConv2dOptions,
  type TfliteConv3dOptions,
  type TfliteDepthwiseConv2dOptions,
  type TfliteOperators,
  toTflite,
} from './tflite.js';
export {
  fromTorch,
  type TorchConvArguments,
  type TorchConvTransposeArguments,
  type TorchModuleAttributes,
  type TorchOperators,
  toTorch,
} from './torch.js';
export {
  fromWebnn,
  toWebnn,
  type WebnnConv2dOptions,
  type WebnnConvTranspose2dOptions,
  type WebnnOperators,
} from './webnn.js';
