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
  return filled(shape, () => 2 * random() - 1);
}

/** Multiples of 1/4 in [-2, 2]: sums of their products are exact in float32, in any order. */
export function quarters(shape: readonly number[], seed: number): Tensor {
  const random = mulberry32(seed);
  return filled(shape, () => Math.round(random() * 16 - 8) / 4);
}

/** Much faster than Float32Array.from. */
function filled(shape: readonly number[], value: () => number): Tensor {
  const data = new Float32Array(sizeOf(shape));
  for (let index = 0; index < data.length; index += 1) data[index] = value();
  return { data, shape };
}

/** `permute(x, [0, 2, 3, 1])`: axis 1 of the result is axis 2 of `x`. */
export function permute(tensor: Tensor, axes: readonly number[]): Tensor {
  const shape = axes.map((axis) => tensor.shape[axis] as number);
  const strides = axes.map((axis) => sizeOf(tensor.shape.slice(axis + 1)));
  const data = new Float32Array(tensor.data.length);
  let at = 0;
  const copy = (axis: number, from: number): void => {
    const end = from + (shape[axis] as number) * (strides[axis] as number);
    for (let source = from; source < end; source += strides[axis] as number) {
      if (axis < axes.length - 1) copy(axis + 1, source);
      else data[at++] = tensor.data[source] as number;
    }
  };
  copy(0, 0);
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
