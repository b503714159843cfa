import { adjointSpec, dilatedExtents, undilate } from '../core/adjoint.js';
import { type OperatorSpec, outputExtents } from '../core/spec.js';
import { allocateTensor, type Tensor } from '../core/tensor.js';
import type { Layout } from '../runtime/operation.js';
import { arrange, type InputShape } from './input-shape.js';

/**
 * The gradient before a ReLU, in place of the one behind it: none passes where the output was clamped. At 0,
 * and for NaN, as PyTorch's `threshold_backward`: none at 0, all of it where the output is NaN.
 */
export function clampGradient(gradient: Float32Array, output: Float32Array): Float32Array {
  for (let index = 0; index < gradient.length; index += 1) {
    if ((output[index] as number) <= 0) gradient[index] = 0;
  }
  return gradient;
}

/**
 * The gradient of the input: what the adjoint operator makes of the output's. `run` computes an operator, on an
 * input of these sizes, into the array.
 */
export function inputGradient(
  spec: OperatorSpec,
  layout: Layout,
  { where, batch, extents }: InputShape,
  run: (adjoint: OperatorSpec, shape: InputShape, result: Float32Array) => void,
): Tensor<ArrayBuffer> {
  const output = outputExtents(where, spec, extents);
  const dilated = dilatedExtents(spec, extents);
  const result = allocateTensor(where, arrange(layout, batch, spec.inChannels, dilated));
  run(adjointSpec(spec, extents, output), { where, batch, extents: output }, result.data);
  if (dilated.every((extent, axis) => extent === extents[axis])) return result;
  const images = batch ?? 1;
  const [outer, inner] =
    layout === 'channels-first' ? [images * spec.inChannels, 1] : [images, spec.inChannels];
  return {
    data: undilate(result.data, outer, dilated, extents, spec.inputDilation, inner),
    shape: arrange(layout, batch, spec.inChannels, extents),
  };
}
