import { conv, convTranspose, DeconvError, type Tensor } from 'deconv-wasm';
import type { ROUTE_CHOICES } from './builds.js';
import type { Geometry } from './reference.js';

export type RouteChoice = (typeof ROUTE_CHOICES)[number];

export interface FunctionalCall {
  readonly geometry: Geometry;
  readonly layout: 'channels-first' | 'channels-last';
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Float32Array | null;
}

/** One call of `conv` or `convTranspose`. */
export function runFunctional(
  { geometry, layout, x, weight, bias }: FunctionalCall,
  route: RouteChoice,
  precision: 'fast' | 'exact' = 'fast',
): Tensor {
  const { transposed, outputPadding, inputDilation, ...geometryOptions } = geometry;
  const common = { ...geometryOptions, layout, bias, route, precision };
  return transposed
    ? convTranspose(x, weight, { ...common, outputPadding })
    : conv(x, weight, { ...common, inputDilation });
}

/** The result, or null from a route that refuses, which it must do with UNSUPPORTED. */
export function unlessRefused<Result>(compute: () => Result): Result | null {
  try {
    return compute();
  } catch (error) {
    if (error instanceof DeconvError && error.code === 'UNSUPPORTED') return null;
    throw error;
  }
}
