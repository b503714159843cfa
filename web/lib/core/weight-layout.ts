import type { OperatorSpec } from './spec.js';
import { weightShape } from './spec.js';

/**
 * How some system keeps the values of a kernel, as a way to and from the canonical order
 * (`[in, out/groups, ...kernel]` when transposed, `[out, in/groups, ...kernel]` otherwise).
 *
 * Mostly another order of the same values. In general `toCanonical` is any linear map, and `fromCanonical`
 * its adjoint (which undoes a reordering): it carries gradients back.
 */
export interface WeightLayout {
  /** The kernel's shape in that system. */
  readonly shape: readonly number[];
  toCanonical<Buffer extends ArrayBufferLike>(
    values: Float32Array<Buffer>,
  ): Float32Array<Buffer | ArrayBuffer>;
  fromCanonical<Buffer extends ArrayBufferLike>(
    values: Float32Array<Buffer>,
  ): Float32Array<Buffer | ArrayBuffer>;
}

/** PyTorch's, lucid's and ONNX's order: the canonical one. */
export function canonicalLayout(spec: OperatorSpec): WeightLayout {
  return { shape: weightShape(spec), toCanonical: (values) => values, fromCanonical: (values) => values };
}
