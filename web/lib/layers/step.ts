import type { OperatorSpec } from '../core/spec.js';
import type { FloatOperators } from '../runtime/float-operators.js';
import type { CanonicalParameters, Epilogue, Layout, Operation } from '../runtime/operation.js';
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
  /** What a layer computes beside itself. */
  readonly fusion?: Fusion | undefined;
}

/** What stands behind a layer and is computed by it, on operators that do so: the layer's own stay as they are. */
export interface Fusion {
  readonly operators: FloatOperators;
  /** The parameters with what is multiplied and added worked in. */
  fold(own: CanonicalParameters): CanonicalParameters;
  /** The function of every value, behind a sum. */
  readonly epilogue: (() => Epilogue) | undefined;
}

/** What a module computes for one input shape, from address to address. It holds nothing on the heap. */
export interface Step {
  readonly outputShape: readonly number[];
  /** Whether the output may be written over the input. */
  readonly inPlace: boolean;
  /** `residual` is 0, or for layers the address of values that are added to the result. */
  run(source: number, target: number, residual: number): void;
  /** How a layer is computed. */
  plan?(): Plan;
  /** What a layer computes. */
  readonly spec?: OperatorSpec;
  /** The same for this shape, of a layer of float32, and what computes it. */
  readonly layer?: { readonly operators: FloatOperators; readonly operation: Operation };
  /** Grows when a layer's parameters change. */
  version?(): number;
}

/** An activation that layers compute while they write. */
export const EPILOGUE: unique symbol = Symbol('deconv-wasm.step.epilogue');

export interface EpilogueModule {
  /** Undefined where it is none for a layer of these channels. */
  [EPILOGUE](channels: number, layout: Layout): Epilogue | undefined;
  /** Grows when it changes. */
  readonly version: number;
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
