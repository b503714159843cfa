/** Convolutions of model files, as layers that run: ONNX, TFLite, safetensors, npy and npz. */

export type { ModelFormat } from './detect.js';
export type { ModelDtype } from './dtypes.js';
export type { OutputFile } from './files.js';
export { type LayerGeometry, ModelLayer } from './layer.js';
export { Model, type ReadModelOptions, readModel } from './model.js';
export {
  type PatchedFile,
  type PatchedModel,
  patchModel,
  type SharedWeight,
  type WeightChange,
  type WriteModelOptions,
  writeModel,
} from './patch.js';
export { blobSource, bytesSource, type ModelInput, type ModelSource } from './source.js';
export type { ModelTensor, UnreadTensor } from './tensor.js';
export type { ByteRange, StoredQuantization } from './tensor-content.js';
export type { TensorGeometry } from './tensor-layers.js';
export {
  type SafetensorsValue,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from './write-safetensors.js';
