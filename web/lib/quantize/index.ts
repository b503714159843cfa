/** deconv-wasm/quantize: smaller weights, int8 arithmetic, and what they cost in accuracy. */
export type { Float16ArrayLike, HalfType } from '../core/float16.js';
export type { HalfTensor } from '../core/half-tensor.js';
export { compareToFloat32, type ErrorReport, type Forward } from './compare.js';
export { toFloat16, toFloat32 } from './half.js';
export type { Int8Tensor } from './int8-tensor.js';
export type { TensorQuantization } from './quantization.js';
export { calibrate, type QuantizeOptions, quantize } from './quantize.js';
export { type Int8ForwardOptions, type QuantizedForwardOptions, QuantizedLayer } from './quantized-layer.js';
export { loadQuantized, saveQuantized } from './serialize.js';
