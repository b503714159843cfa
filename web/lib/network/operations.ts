// What a network of any file is made of, once the sizes of its inputs are known: a closed set of operations with
// every attribute a number, whatever format, version or exporter they come from.

import type { Layout } from '../runtime/operation.js';

/** Constants, as floats; of a weight the layout is PyTorch's, channels first, whatever the file's. */
export interface Constant {
  /** What the file calls it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Functions of one value, `a` and `b` being their parameters. */
export type UnaryFunction =
  | 'relu'
  | 'leaky-relu'
  | 'elu'
  | 'silu'
  | 'gelu'
  | 'gelu-tanh'
  | 'hardswish'
  | 'hardsigmoid'
  | 'clamp'
  | 'softplus'
  | 'sigmoid'
  | 'tanh'
  | 'snake'
  | 'abs'
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'reciprocal'
  | 'sin'
  | 'cos'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'sign'
  | 'erf'
  | 'softsign';

/** A `remainder` has the sign of the first, as C's fmod; a `floor-remainder` that of the second, as Python's %. */
export type BinaryFunction =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'minimum'
  | 'maximum'
  | 'power'
  | 'remainder'
  | 'floor-remainder';

/** Of PyTorch: before and behind along every spatial axis. */
export type Pads = readonly (readonly [number, number])[];

export type Coordinates =
  | 'asymmetric'
  | 'half-pixel'
  | 'half-pixel-symmetric'
  | 'pytorch-half-pixel'
  | 'align-corners'
  | 'crop-and-resize';

/** Those that prefer a side take what is hardly beside the middle of two sources for the middle; half up does not. */
export type Rounding = 'round-prefer-floor' | 'round-prefer-ceil' | 'half-up' | 'floor' | 'ceil';

/** All axes of an operation are counted from the first, and lists have an entry for each that they are about. */
export type Operation =
  | {
      readonly kind: 'convolution';
      readonly transposed: boolean;
      readonly weight: Constant;
      readonly bias: Constant | null;
      readonly stride: readonly number[];
      readonly dilation: readonly number[];
      readonly groups: number;
      readonly pads: Pads;
      readonly outputPadding: readonly number[];
      readonly layout: Layout;
    }
  /**
   * Every channel less a number, times another, plus a third: a batch norm in inference, or a scale. What of a mean they
   * take from each other is far larger than what is left, so the mean goes first, and all are rounded once they are worked
   * into a weight, and not before.
   */
  | {
      readonly kind: 'affine';
      readonly mean: Float64Array;
      readonly scale: Float64Array;
      readonly shift: Float64Array;
      readonly layout: Layout;
    }
  | {
      readonly kind: 'normalization';
      /** Statistics of every sample and group of channels over all points; for 'layer' over the axes from `axis` on. */
      readonly over: 'groups' | 'layer';
      readonly groups: number;
      readonly axis: number;
      readonly epsilon: number;
      /** Per channel; for 'layer' of the normalized axes. */
      readonly scale: Float32Array | null;
      readonly shift: Float32Array | null;
      readonly layout: Layout;
    }
  | {
      readonly kind: 'unary';
      readonly function: UnaryFunction;
      readonly a: number;
      readonly b: number;
      /** `a` of every channel instead. */
      readonly channelA: Float32Array | null;
      readonly layout: Layout;
    }
  /** Two values of shapes that broadcast as NumPy's do. */
  | { readonly kind: 'binary'; readonly function: BinaryFunction }
  | { readonly kind: 'softmax'; readonly axis: number; readonly logarithm: boolean }
  | { readonly kind: 'concat'; readonly axis: number }
  | { readonly kind: 'split'; readonly axis: number; readonly sizes: readonly number[] }
  /** Along every axis `count` values from `start` on, `step` (not 0, perhaps below it) apart. */
  | {
      readonly kind: 'slice';
      readonly start: readonly number[];
      readonly step: readonly number[];
      readonly count: readonly number[];
    }
  /** Before and behind along every axis; below 0 it crops. */
  | {
      readonly kind: 'pad';
      readonly pads: Pads;
      readonly mode: 'constant' | 'reflect' | 'edge' | 'wrap';
      readonly value: number;
    }
  /** To `size` along every axis; `scale` is output over input as the formula of the coordinates takes it. */
  | {
      readonly kind: 'resize';
      readonly size: readonly number[];
      readonly scale: readonly number[];
      readonly interpolation: 'nearest' | 'linear' | 'cubic';
      readonly coordinates: Coordinates;
      /** Whether places are targets times input over output, as TFLite has them, and not over `scale`, as ONNX. */
      readonly multiplies: boolean;
      readonly rounding: Rounding;
      readonly cubicA: number;
      readonly excludeOutside: boolean;
      /** Of 'crop-and-resize': begin and end along every axis in parts of its length, and the value outside. */
      readonly region: Pads;
      readonly outside: number;
    }
  | {
      readonly kind: 'depth-to-space' | 'space-to-depth';
      readonly block: number;
      /** Which of a channel's factors comes first: the place in the block (DCR), or the channel (CRD, PyTorch's). */
      readonly order: 'depth-column-row' | 'column-row-depth';
      readonly layout: Layout;
    }
  | {
      readonly kind: 'pool';
      readonly function: 'maximum' | 'average';
      readonly kernel: readonly number[];
      readonly stride: readonly number[];
      readonly dilation: readonly number[];
      /** So that output = floor((input + pads - reach) / stride) + 1: a last window that hangs over is in them. */
      readonly pads: Pads;
      /** Of an average: divides by the taps on input and padding that the file names, or by those on the input. */
      readonly countPadding: boolean;
      /** Padding behind that no average counts: what a window hangs over. */
      readonly overhang: readonly number[];
      readonly layout: Layout;
    }
  | {
      readonly kind: 'reduce';
      readonly function: 'mean' | 'sum' | 'maximum' | 'minimum' | 'product' | 'l1' | 'l2' | 'sum-square';
      readonly axes: readonly number[];
      readonly keepAxes: boolean;
    }
  /** Matrices on the last two axes, the ones before broadcast: alpha * A B + beta * C where there is a third input. */
  | {
      readonly kind: 'matmul';
      readonly transposeA: boolean;
      readonly transposeB: boolean;
      readonly alpha: number;
      readonly beta: number;
    }
  | { readonly kind: 'transpose'; readonly permutation: readonly number[] }
  /** The same values in the same order. */
  | { readonly kind: 'reshape'; readonly shape: readonly number[] }
  | { readonly kind: 'expand'; readonly shape: readonly number[] };

export type OperationKind = Operation['kind'];

/** An operation of one kind. */
export type Of<Kind extends OperationKind> = Extract<Operation, { readonly kind: Kind }>;

/** An operation between values, which are numbers. */
export interface NetworkNode {
  /** Those of the file that it computes; the first one names it in errors and tables. */
  readonly names: readonly string[];
  /** What the file calls the operators, as a table shows them. */
  readonly types: readonly string[];
  readonly operation: Operation;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface NetworkValue {
  /** The file's name of it. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Its values, where it is a constant. */
  readonly constant: Constant | null;
}

/** A network for given sizes of its inputs, as plain data: nodes in an order in which they can be computed. */
export interface NetworkGraph {
  readonly nodes: readonly NetworkNode[];
  /** By their numbers. */
  readonly values: readonly NetworkValue[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}
