// What a network tells of itself and does, so that its pattern can be traced: plain data, and two ways to run.

import type { Tensor, TensorData, TensorLike } from '../core/tensor.js';
import type { Kernels } from './stamps.js';

/** A layer that raises the resolution. */
export interface UpsamplingLayer {
  /** The file's name of the node. */
  readonly name: string;
  /** A resize has no pattern of its own: what it makes of a flat is flat. */
  readonly kind: 'transposed' | 'sub-pixel' | 'resize';
  /** Along each spatial axis. */
  readonly stride: readonly number[];
  /** Null of a resize. */
  readonly kernels: Kernels | null;
}

/** A value between the steps of a network, and the pattern that it may have. */
export interface PatternedValue {
  /** The file's name of it. */
  readonly name: string;
  /** What the file calls the operators that make it, as one step. */
  readonly types: readonly string[];
  readonly shape: readonly number[];
  readonly spatialAxes: readonly number[];
  /**
   * Along each spatial axis the period of what upsampling may leave: the strides of all layers on the way there, less
   * what strided layers take away. 1 where there is none.
   */
  readonly stride: readonly number[];
  /** Names of the upsampling layers that this step computes. */
  readonly layers: readonly string[];
}

/** Where a network raises the resolution, for given sizes of its inputs. */
export interface Upsampling {
  readonly layers: readonly UpsamplingLayer[];
  readonly inputs: readonly Pick<PatternedValue, 'name' | 'shape' | 'spatialAxes'>[];
  /** By the names of the network's outputs. */
  readonly outputs: readonly PatternedValue[];
  /** Those that may have a pattern, in the order in which they are computed. */
  readonly values: readonly PatternedValue[];
}

/** New weights for a layer, in the order and shape of its kernels. */
export interface UpsamplingWeights {
  readonly layer: UpsamplingLayer;
  readonly weight: TensorLike | TensorData;
  /** Default: the old one. */
  readonly bias?: TensorLike | TensorData | null;
}

/** A network whose pattern can be traced, as those of `deconv-wasm/network` are. */
export interface PatternNetwork {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[];
  readonly outputs: readonly { readonly name: string }[];
  /** @param outputs whose ways are looked at: others may be left out */
  upsampling(
    shapes: Readonly<Record<string, readonly number[]>>,
    outputs?: readonly string[],
  ): Promise<Upsampling>;
  run(
    inputs: Readonly<Record<string, Tensor>>,
    options: { readonly outputs: readonly string[] },
  ): Readonly<Record<string, Tensor>>;
  /** The same network with other weights, which is the caller's to dispose. */
  withWeights(changes: readonly UpsamplingWeights[]): PatternNetwork & { dispose(): void };
}
