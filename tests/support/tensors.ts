import type { Tensor } from 'deconv-wasm';
import { mulberry32 } from './random.js';

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

export function zeros(...shape: number[]): Tensor {
  return { data: new Float32Array(sizeOf(shape)), shape };
}

/** Values in [-1, 1), the same for the same seed. */
export function randomTensor(shape: readonly number[], seed: number): Tensor {
  const random = mulberry32(seed);
  return { data: Float32Array.from({ length: sizeOf(shape) }, () => 2 * random() - 1), shape };
}

/** Multiples of 1/4 in [-2, 2]: sums of their products are exact in float32, in any order. */
export function quarters(shape: readonly number[], seed: number): Tensor {
  const random = mulberry32(seed);
  return {
    data: Float32Array.from({ length: sizeOf(shape) }, () => Math.round(random() * 16 - 8) / 4),
    shape,
  };
}

/** `permute(x, [0, 2, 3, 1])`: axis 1 of the result is axis 2 of `x`. */
export function permute(tensor: Tensor, axes: readonly number[]): Tensor {
  const shape = axes.map((axis) => tensor.shape[axis] as number);
  const strides = tensor.shape.map((_, axis) => sizeOf(tensor.shape.slice(axis + 1)));
  const data = new Float32Array(tensor.data.length);
  const position = shape.map(() => 0);
  for (let index = 0; index < data.length; index += 1) {
    let source = 0;
    for (const [at, axis] of axes.entries()) source += (position[at] as number) * (strides[axis] as number);
    data[index] = tensor.data[source] as number;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      position[axis] = (position[axis] as number) + 1;
      if ((position[axis] as number) < (shape[axis] as number)) break;
      position[axis] = 0;
    }
  }
  return { data, shape };
}

/** [N, C, ...] to [N, ..., C]. */
export function toChannelsLast(tensor: Tensor): Tensor {
  const axes = tensor.shape.map((_, axis) => axis);
  return permute(tensor, [0, ...axes.slice(2), 1]);
}

/** [N, ..., C] to [N, C, ...]. */
export function toChannelsFirst(tensor: Tensor): Tensor {
  const axes = tensor.shape.map((_, axis) => axis);
  return permute(tensor, [0, axes.length - 1, ...axes.slice(1, -1)]);
}

/** Tensors of one shape but for the batch, one behind the other. */
export function stack(tensors: readonly Tensor[]): Tensor {
  const data = Float32Array.from(tensors.flatMap(({ data }) => Array.from(data)));
  const [, ...rest] = (tensors[0] as Tensor).shape;
  return { data, shape: [tensors.reduce((sum, { shape }) => sum + (shape[0] as number), 0), ...rest] };
}
