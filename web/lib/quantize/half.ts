import { refuse } from '../core/checks.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { toHalf } from '../core/half-tensor.js';
import { checkTensor, isHalf, type Tensor } from '../core/tensor.js';

/**
 * A tensor in half the memory: every value rounded to the nearest float16 (IEEE 754 binary16), ties to
 * even. Beyond ±65504 it becomes infinite, below 2^-24 it loses all digits. `setWeight` takes the result.
 *
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`
 *
 * @example
 * layer.setWeight(toFloat16(layer.weight));
 */
export function toFloat16(tensor: Tensor): HalfTensor & { readonly data: Uint16Array } {
  const { data, shape } = checkTensor('toFloat16', 'the tensor', tensor);
  return toHalf('toFloat16', 'the tensor', { data, shape }) as HalfTensor & { readonly data: Uint16Array };
}

/**
 * The float32 values of a tensor of float16 or bfloat16, all of them exact.
 *
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `BAD_OPTION` for another dtype
 */
export function toFloat32(tensor: HalfTensor): Tensor<ArrayBuffer> {
  if (!isHalf(tensor) || ArrayBuffer.isView(tensor)) {
    refuse('BAD_TYPE', 'toFloat32', "{ data: Uint16Array, shape, dtype: 'float16' | 'bfloat16' }", tensor);
  }
  return checkTensor('toFloat32', 'the tensor', tensor) as Tensor<ArrayBuffer>;
}
