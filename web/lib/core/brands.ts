// Two copies of the package may meet in one program, each with classes of its own. A class of ours says
// what it is by a symbol that all copies share: `get [LAYER](): true`, on the prototype.

import { isRecord } from './realms.js';

export const DECONV_ERROR: unique symbol = Symbol.for('deconv-wasm.DeconvError');
export const LAYER: unique symbol = Symbol.for('deconv-wasm.Layer');
export const CONV_TRANSPOSE: unique symbol = Symbol.for('deconv-wasm.ConvTranspose');
export const RESIZE_CONV: unique symbol = Symbol.for('deconv-wasm.ResizeConv');
export const SMOOTH_CONV_TRANSPOSE: unique symbol = Symbol.for('deconv-wasm.SmoothConvTranspose');
export const QUANTIZED_LAYER: unique symbol = Symbol.for('deconv-wasm.QuantizedLayer');
export const SEQUENTIAL: unique symbol = Symbol.for('deconv-wasm.Sequential');
export const NORMALIZATION: unique symbol = Symbol.for('deconv-wasm.Normalization');
export const RELU: unique symbol = Symbol.for('deconv-wasm.ReLU');
export const MODEL: unique symbol = Symbol.for('deconv-wasm.Model');
export const MODEL_LAYER: unique symbol = Symbol.for('deconv-wasm.ModelLayer');
export const RUNTIME: unique symbol = Symbol.for('deconv-wasm.Runtime');

/** Whether `value` is of the class that carries `brand`, in whichever copy of the package. */
export function hasBrand(value: unknown, brand: symbol): boolean {
  return isRecord(value) && (value as Record<symbol, unknown>)[brand] === true;
}
