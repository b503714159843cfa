import { refuse } from '../core/checks.js';
import { allocateTensor, checkTensor, type Tensor, type TensorLike } from '../core/tensor.js';

/**
 * Transposed convolution as Dive into Deep Learning writes it by hand (`trans_conv`): every value of `x`
 * times the kernel is added to the output at that value's place. No batch, no channels, stride 1, no
 * padding, any number of axes; plain loops, so it needs no `init`. For work use `ConvTranspose2d`.
 *
 * @param kernel as many axes as `x`
 * @returns `x + kernel - 1` values along each axis
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `TOO_LARGE`
 *
 * @example
 * const square = { data: [0, 1, 2, 3], shape: [2, 2] };
 * console.log(transConv(square, square).data.join(' ')); // 0 0 1 0 4 6 4 12 9
 */
export function transConv(x: TensorLike, kernel: TensorLike): Tensor<ArrayBuffer> {
  const where = 'transConv';
  const input = checkTensor(where, 'x', x);
  const stamp = checkTensor(where, 'kernel', kernel);
  const rank = input.shape.length;
  if (rank === 0 || input.shape.includes(0)) {
    refuse('BAD_SHAPE', where, 'x with at least one axis and one value', [...input.shape]);
  }
  if (stamp.shape.length !== rank || stamp.shape.includes(0)) {
    refuse('BAD_SHAPE', where, `kernel with ${rank} axes of at least 1, as x has`, [...stamp.shape]);
  }
  const shape = input.shape.map((extent, axis) => extent + (stamp.shape[axis] as number) - 1);
  const output = allocateTensor(where, shape);
  const sums = new Float64Array(output.data.length);

  // Row-major places of both in the output: a place of x and one of the kernel simply add up.
  const corners = placesIn(shape, input.shape);
  const taps = placesIn(shape, stamp.shape);
  for (const [index, corner] of corners.entries()) {
    const value = input.data[index] as number;
    for (const [tap, offset] of taps.entries()) {
      sums[corner + offset] = (sums[corner + offset] as number) + value * (stamp.data[tap] as number);
    }
  }
  output.data.set(sums);
  return output;
}

/** Row-major index in a block of `outer` of every place of its leading corner `inner`. */
function placesIn(outer: readonly number[], inner: readonly number[]): Uint32Array {
  let places = Uint32Array.of(0);
  for (const [axis, extent] of inner.entries()) {
    const next = new Uint32Array(places.length * extent);
    for (const [index, place] of places.entries()) {
      for (let at = 0; at < extent; at += 1) {
        next[index * extent + at] = place * (outer[axis] as number) + at;
      }
    }
    places = next;
  }
  return places;
}
