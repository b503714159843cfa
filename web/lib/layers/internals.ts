import type { OperatorSpec } from '../core/spec.js';
import type { Tensor } from '../core/tensor.js';
import type { Execution } from '../runtime/execution.js';
import type { CanonicalParameters, Layout } from '../runtime/operation.js';

/**
 * Where the other entries find what they need of a layer, and its users do not. A symbol that all copies of the
 * package share: one's `quantize` takes another's layers.
 */
export const INTERNALS: unique symbol = Symbol.for('deconv-wasm.Layer.internals');

export interface LayerInternals {
  /** It outlives `dispose`. */
  readonly arithmetic: LayerArithmetic;
  /** Throws `UNSUPPORTED` for a layer that does something to its input before its operator sees it. */
  requireOneOperator(where: string): void;
  /** The operator with its parameters in canonical order, masked; `member` asks in errors. */
  canonical(member: string): CanonicalParameters<ArrayBuffer> & { readonly spec: OperatorSpec };
  /** The gradient of the layer's weight that belongs to one of the canonical weight. */
  weightGradient(member: string, canonical: Float32Array<ArrayBuffer>): Tensor<ArrayBuffer>;
  /**
   * Replaces the weight by the one that has these canonical values. Only for layers that keep as many values
   * as they compute with, without a mask.
   */
  setCanonicalWeight(member: string, canonical: Float32Array): void;
}

export function internalsOf(layer: { readonly [INTERNALS]: LayerInternals }): LayerInternals {
  return layer[INTERNALS];
}

/** The arithmetic of a layer, without its parameters. */
export interface LayerArithmetic {
  readonly name: string;
  readonly layout: Layout;
  readonly execution: Execution;
  readonly spec: OperatorSpec;
  readonly optionNames: readonly string[];
  /** Whether the spec's pads are those of every input. */
  readonly fixedPads: boolean;
  /** The operator and the shapes for one input; `where` names the caller's method in errors. */
  resolve(where: string, inputShape: unknown, options: object): ResolvedInput;
}

export interface ResolvedInput {
  readonly spec: OperatorSpec;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly outputShape: readonly number[];
}
