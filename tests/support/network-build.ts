// Networks of operations, built step by step.

import { NetworkBuilder, type SliceChange } from '../../web/lib/network/lowering.js';
import type { Constant, NetworkGraph, Operation } from '../../web/lib/network/operations.js';
import { randomTensor } from './tensors.js';

export type Of<Kind extends Operation['kind']> = Extract<Operation, { readonly kind: Kind }>;

export const constant = (shape: readonly number[], seed = 5): Constant => ({
  name: `constant ${seed}`,
  ...randomTensor(shape, seed),
});
export const numbers = (...values: number[]): Constant => ({
  name: 'numbers',
  shape: values.length === 1 ? [] : [values.length],
  data: Float32Array.from(values),
});

/** A network built step by step; a constant stands for its value. */
export class Build {
  readonly #builder: NetworkBuilder;
  #count = 0;

  constructor(changeSlice?: SliceChange) {
    this.#builder = new NetworkBuilder('test', changeSlice);
  }

  input(...shape: readonly number[]): number {
    this.#count += 1;
    return this.#builder.input(`input ${this.#count}`, shape);
  }

  emit(operation: Operation, ...inputs: readonly (number | Constant)[]): number {
    return this.all(operation, ...inputs)[0] as number;
  }

  all(operation: Operation, ...inputs: readonly (number | Constant)[]): readonly number[] {
    this.#count += 1;
    const name = `${operation.kind} ${this.#count}`;
    const values = inputs.map((input) => (typeof input === 'number' ? input : this.#builder.constant(input)));
    return this.#builder.emit({ names: [name], types: [operation.kind], operation, inputs: values });
  }

  shapeOf(value: number): readonly number[] {
    return this.#builder.shapeOf(value);
  }

  graph(...outputs: readonly number[]): NetworkGraph {
    for (const output of outputs) this.#builder.output(output);
    return this.#builder.graph();
  }
}

export const binary = (name: Of<'binary'>['function']): Operation => ({ kind: 'binary', function: name });
export const unary = (name: Of<'unary'>['function'], a = 0, b = 0): Operation => ({
  kind: 'unary',
  function: name,
  a,
  b,
  channelA: null,
  layout: 'channels-first',
});
export const transpose = (...permutation: readonly number[]): Operation => ({
  kind: 'transpose',
  permutation,
});
export const reshape = (...shape: readonly number[]): Operation => ({ kind: 'reshape', shape });
export const pad = (pads: Of<'pad'>['pads'], value = 0, mode: Of<'pad'>['mode'] = 'constant'): Operation => ({
  kind: 'pad',
  pads,
  mode,
  value,
});
export const pool = (name: Of<'pool'>['function']): Operation => ({
  kind: 'pool',
  function: name,
  kernel: [2, 2],
  stride: [1, 1],
  dilation: [1, 1],
  pads: [
    [0, 0],
    [0, 0],
  ],
  countPadding: false,
  overhang: [0, 0],
  layout: 'channels-first',
});
export const convolution = (more: Partial<Of<'convolution'>> = {}): Operation => ({
  kind: 'convolution',
  transposed: false,
  weight: constant([4, 3, 3, 3]),
  bias: constant([4], 6),
  stride: [1, 1],
  dilation: [1, 1],
  groups: 1,
  pads: [
    [1, 0],
    [0, 1],
  ],
  outputPadding: [0, 0],
  layout: 'channels-first',
  ...more,
});
/** By so much along every axis. */
export const resize = (
  shape: readonly number[],
  scale: readonly number[],
  more: Partial<Of<'resize'>> = {},
): Operation => ({
  kind: 'resize',
  size: shape.map((extent, axis) => extent * (scale[axis] as number)),
  scale,
  interpolation: 'linear',
  coordinates: 'half-pixel',
  multiplies: false,
  rounding: 'round-prefer-floor',
  cubicA: -0.75,
  excludeOutside: false,
  region: shape.map(() => [0, 1]),
  outside: 0,
  ...more,
});
export const affine = (
  channels: number,
  seed = 7,
  layout: Of<'affine'>['layout'] = 'channels-first',
): Operation => ({
  kind: 'affine',
  mean: Float64Array.from(randomTensor([channels], seed + 2).data),
  scale: Float64Array.from(randomTensor([channels], seed).data),
  shift: Float64Array.from(randomTensor([channels], seed + 1).data),
  layout,
});
