import { product } from '../core/lists.js';
import { allocateTensor, type Tensor } from '../core/tensor.js';

/** Values by which an axis grows at its two ends. */
export type Ends = readonly [before: number, after: number];

/** Repeats the border values of the last axes outwards, `ends` for each of them: PyTorch's 'replicate'. */
export function replicateEdges(where: string, x: Tensor, ends: readonly Ends[]): Tensor<ArrayBuffer> {
  const outer = x.shape.length - ends.length;
  const shape = x.shape.map((extent, axis) => extent + sum(ends[axis - outer]));
  const result = allocateTensor(where, shape);
  const source = nearestInside(x.shape, ends);
  for (let index = 0; index < result.data.length; index += 1) {
    result.data[index] = x.data[source(index)] as number;
  }
  return result;
}

/** The adjoint: adds the gradients of repeated values to those of the border that they came from. */
export function foldEdges(
  where: string,
  gradient: Tensor,
  shape: readonly number[],
  ends: readonly Ends[],
): Tensor<ArrayBuffer> {
  const result = allocateTensor(where, shape);
  const target = nearestInside(shape, ends);
  // In double precision, as many values may meet at a corner.
  const sums = new Float64Array(result.data.length);
  for (let index = 0; index < gradient.data.length; index += 1) {
    const to = target(index);
    sums[to] = (sums[to] as number) + (gradient.data[index] as number);
  }
  result.data.set(sums);
  return result;
}

/** Index in a tensor of `shape` of the value nearest to an index of the grown tensor. */
function nearestInside(shape: readonly number[], ends: readonly Ends[]): (index: number) => number {
  const outer = shape.length - ends.length;
  // Offsets of each axis's positions, so that an index costs a few additions.
  const axes = ends.map(([before, after], axis) => {
    const extent = shape[outer + axis] as number;
    const stride = product(shape.slice(outer + axis + 1));
    return Uint32Array.from(
      { length: extent + before + after },
      (_, position) => Math.min(Math.max(position - before, 0), extent - 1) * stride,
    );
  });
  const image = product(shape.slice(outer));
  return (index) => {
    let rest = index;
    let offset = 0;
    for (let axis = axes.length - 1; axis >= 0; axis -= 1) {
      const offsets = axes[axis] as Uint32Array;
      offset += offsets[rest % offsets.length] as number;
      rest = Math.floor(rest / offsets.length);
    }
    return rest * image + offset;
  };
}

function sum(ends: Ends | undefined): number {
  return ends === undefined ? 0 : ends[0] + ends[1];
}
