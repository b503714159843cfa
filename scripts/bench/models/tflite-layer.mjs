// How a layer is said with TFLite's TRANSPOSE_CONV, which has no dilation, no groups, and crops only as
// SAME does: the smaller half in front.

import { NotSupported } from '../candidates/not-supported.mjs';
import { raised } from '../geometry.mjs';

/**
 * - `padding`: 'SAME' or 'VALID';
 * - `mirrored`: the layer is computed back to front along every axis (input, kernel and output reversed),
 *   which turns PyTorch's odd crop, larger in front, into TFLite's, larger behind;
 * - `cropped`: no crop of TRANSPOSE_CONV fits, and SLICE cuts the full output.
 */
export function tfliteLayer(source) {
  const geometry = raised(source, 2);
  if (geometry.dilation.some((step) => step !== 1)) throw new NotSupported('no dilation');
  const axes = geometry.kernel.map((kernel, axis) => {
    const stride = geometry.stride[axis];
    const extent = geometry.input[axis];
    const output = geometry.output[axis];
    const [front, back] = [geometry.padding[axis], geometry.padding[axis] - geometry.outputPadding[axis]];
    const total = Math.max((Math.ceil(output / stride) - 1) * stride + kernel - output, 0);
    const half = Math.floor(total / 2);
    const fits = (before, after) =>
      Math.ceil(output / stride) === extent && before === half && after === total - half;
    return {
      valid: front === 0 && back === 0,
      same: fits(front, back),
      mirrored: fits(back, front),
    };
  });
  const every = (name) => axes.every((axis) => axis[name]);
  const form = every('valid')
    ? { padding: 'VALID', mirrored: false, cropped: false }
    : every('same')
      ? { padding: 'SAME', mirrored: false, cropped: false }
      : every('mirrored')
        ? { padding: 'SAME', mirrored: true, cropped: false }
        : { padding: 'VALID', mirrored: false, cropped: true };
  return { geometry, ...form };
}
