import { refuse } from '../core/checks.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { toHalf } from '../core/half-tensor.js';
import { checkTensor, isHalf, type Tensor, type TensorLike } from '../core/tensor.js';

/**
 * A tensor in half the memory: every value rounded to the nearest float16 (IEEE 754 binary16), ties to
 * even. Beyond ±65504 it becomes infinite, below 2^-24 it loses all digits. `setWeight` takes the result.
 *
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`
 *
 * @example
 * const { data, dtype } = toFloat16({ data: [0.5, Math.PI, 1e6], shape: [3] });
 * console.log(dtype, Array.from(data, (bits) => bits.toString(16)).join(' ')); // float16 3800 4248 7c00
 */
export function toFloat16(tensor: TensorLike): HalfTensor & { readonly data: Uint16Array } {
  const { data, shape } = checkTensor('toFloat16', 'the tensor', tensor);
  return toHalf('toFloat16', 'the tensor', { data, shape }) as HalfTensor & { readonly data: Uint16Array };
}

/**
 * The float32 values of a tensor of float16 or bfloat16, all of them exact.
 *
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `BAD_OPTION` for another dtype
 *
 * @example
 * const half = { data: Uint16Array.of(0x3800, 0x3c00, 0x7bff), shape: [3], dtype: 'float16' };
 * console.log(toFloat32(half).data.join(' ')); // 0.5 1 65504
 */
export function toFloat32(tensor: HalfTensor): Tensor<ArrayBuffer> {
  if (!isHalf(tensor) || ArrayBuffer.isView(tensor)) {
    refuse('BAD_TYPE', 'toFloat32', "{ data: Uint16Array, shape, dtype: 'float16' | 'bfloat16' }", tensor);
  }
  return checkTensor('toFloat32', 'the tensor', tensor) as Tensor<ArrayBuffer>;
}
