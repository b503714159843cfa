import type { OperatorSpec } from '../core/spec.js';
import type { FloatOperators } from '../runtime/float-operators.js';
import type { CanonicalParameters } from '../runtime/operation.js';
import type { Plan } from '../runtime/planning.js';
import type { Runtime } from '../runtime/runtime.js';

/**
 * How a module takes part in a chain whose values lie on the heap. Not a symbol that all copies of the package share:
 * another copy's heap is another heap.
 */
export const STEP: unique symbol = Symbol('deconv-wasm.step');

/** The runtime that a module is bound to; undefined for whichever the chain is computed on. */
export const BOUND: unique symbol = Symbol('deconv-wasm.step.bound');

export interface StepRequest {
  readonly runtime: Runtime;
  readonly inputShape: readonly number[];
  /** Whether the result is clamped at 0 from below: asked of layers only. */
  readonly relu: boolean;
  /** What is multiplied and added behind a layer, folded into its weight. */
  readonly folding?: Folding | undefined;
}

/** What is worked into a layer's weight, and the operators that have it there: the layer's own stay as they are. */
export interface Folding {
  readonly operators: FloatOperators;
  /** The parameters with it worked in. */
  fold(own: CanonicalParameters, spec: OperatorSpec): CanonicalParameters;
}

/** What a module computes for one input shape, from address to address. It holds nothing on the heap. */
export interface Step {
  readonly outputShape: readonly number[];
  /** Whether the output may be written over the input. */
  readonly inPlace: boolean;
  run(source: number, target: number): void;
  /** How a layer is computed. */
  plan?(): Plan;
  /** What a layer computes. */
  readonly spec?: OperatorSpec;
  /** Grows when a layer's parameters change. */
  version?(): number;
}

export interface StepModule {
  readonly [BOUND]: Runtime | undefined;
  /**
   * Throws what `forward` would throw for this shape. Valid until the module's mode changes or it is disposed. Undefined
   * where the module is more than one step.
   */
  [STEP](request: StepRequest): Step | undefined;
}

/** The module as one of steps; undefined where somebody has put a `forward` of their own before ours. */
export function stepModuleOf(module: object): StepModule | undefined {
  for (let at: object | null = module; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, 'forward')) return Object.hasOwn(at, STEP) ? (module as StepModule) : undefined;
  }
  return undefined;
}
