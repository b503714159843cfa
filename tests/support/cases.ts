// Golden cases, whatever convention they are written in, as calls of the functional interface.

import type { Tensor } from 'deconv-wasm';
import { compareWith, type Difference } from './compare.js';
import { toFloat16, ulps16, ulps32 } from './float-ulps.js';
import type { Geometry } from './reference.js';
import { permute } from './tensors.js';

/** Schema conv-cases-1. */
export interface CaseFile {
  readonly license_note: string;
  readonly cases: readonly GoldenCase[];
}

export interface GoldenCase {
  readonly id: string;
  readonly convention: string;
  readonly op: string;
  readonly nd: number;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly canonical: {
    readonly op: 'conv' | 'conv_transpose';
    readonly stride: readonly number[];
    readonly dilation: readonly number[];
    readonly groups: number;
    readonly pad_before: readonly number[];
    readonly pad_after: readonly number[];
    readonly output_padding?: readonly number[];
    readonly input_dilation?: readonly number[];
  };
  readonly input: CaseArray;
  readonly weight: CaseArray;
  readonly bias: { readonly shape: readonly number[]; readonly data: readonly Value[] } | null;
  readonly w_mask?: CaseArray | null;
  readonly expected: CaseArray;
  readonly exact_f32: boolean;
}

/** JSON has no NaN and no infinities. */
type Value = number | 'NaN' | 'Infinity' | '-Infinity';

interface CaseArray {
  readonly shape: readonly number[];
  readonly data: readonly Value[];
  readonly layout: string;
}

/** WebNN's conformance cases. */
export interface WebnnCaseFile {
  readonly operation: string;
  readonly cases: readonly WebnnCase[];
}

export interface WebnnCase {
  readonly name: string;
  readonly input: WebnnArray;
  readonly filter: WebnnArray;
  readonly bias: WebnnArray | null;
  readonly options: {
    readonly padding?: readonly [number, number, number, number];
    readonly strides?: readonly number[];
    readonly dilations?: readonly number[];
    readonly groups?: number;
    readonly outputPadding?: readonly number[];
    readonly outputSizes?: readonly number[];
    readonly inputLayout?: 'nchw' | 'nhwc';
    readonly filterLayout?: string;
  };
  readonly expected: WebnnArray;
  readonly tolerance: { readonly metric: string; readonly value: number };
}

interface WebnnArray {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'float16';
  readonly data: readonly number[];
}

/** One case as the functional interface takes it. */
export interface Problem {
  readonly id: string;
  readonly geometry: Geometry;
  readonly layout: 'channels-first' | 'channels-last';
  readonly x: Tensor;
  /** Canonical. */
  readonly weight: Tensor;
  readonly bias: Float32Array | null;
  compare(y: Tensor): Difference;
}

export function problemOf(golden: GoldenCase): Problem {
  const { canonical, nd } = golden;
  const transposed = canonical.op === 'conv_transpose';
  const layout = golden.input.layout.endsWith('C') ? 'channels-last' : 'channels-first';
  const batched = golden.input.layout.startsWith('N');
  const x = tensor(golden.input);
  const wanted = tensor(golden.expected);
  const channels = (shape: readonly number[]): number =>
    (layout === 'channels-last' ? shape.at(-1) : shape[batched ? 1 : 0]) as number;
  const ones = new Array<number>(nd).fill(1);
  // TFLite fuses an activation behind the operator; it is the caller's here.
  const relu = golden.attrs.activation === 'RELU';
  const activation = (values: Float32Array): Float32Array =>
    relu ? values.map((value) => Math.max(value, 0)) : values;
  const batch = (shape: readonly number[]): readonly number[] => (batched ? shape : [1, ...shape]);
  return {
    id: golden.id,
    geometry: {
      transposed,
      groups: canonical.groups,
      stride: canonical.stride,
      dilation: canonical.dilation,
      padBefore: canonical.pad_before,
      padAfter: canonical.pad_after,
      outputPadding: canonical.output_padding ?? ones.map(() => 0),
      inputDilation: canonical.input_dilation ?? ones,
    },
    layout,
    x: { data: x.data, shape: batch(x.shape) },
    weight: canonicalWeight(golden, transposed, channels(x.shape), channels(wanted.shape)),
    bias: golden.bias === null ? null : numbers(golden.bias.data),
    compare(y) {
      const got = { data: activation(y.data), shape: y.shape };
      return compareWith(got, batch(wanted.shape), wanted.data, (index) =>
        golden.exact_f32 ? 0 : 1e-5 + 1e-4 * Math.abs(wanted.data[index] as number),
      );
    },
  };
}

/** Weight times mask, in the canonical order of axes, from any of the systems' orders. */
function canonicalWeight(
  golden: GoldenCase,
  transposed: boolean,
  inChannels: number,
  outChannels: number,
): Tensor {
  const { shape, data } = tensor(golden.weight);
  const mask = golden.w_mask == null ? null : tensor(golden.w_mask);
  if (mask !== null && mask.shape.join() !== shape.join())
    throw new Error(`${golden.id}: mask of another shape`);
  const { groups } = golden.canonical;
  // 'KK,O,I/g' and 'OI/gHW' alike: one letter an axis, anything but I and O is spatial.
  const axes = [...golden.weight.layout.replaceAll(/\/g|,/g, '')];
  const inAxis = axes.indexOf('I');
  const outAxis = axes.indexOf('O');
  const spatial = axes.flatMap((letter, axis) => (letter === 'I' || letter === 'O' ? [] : [axis]));
  // JAX's default kernel is the flipped one; see semantics.md.
  const flip = golden.convention.startsWith('jax') && inAxis < outAxis;
  // Which of the two axes runs within a group, by the file's own word.
  const groupedIn = golden.weight.layout.includes('I/g');
  const groupedOut = golden.weight.layout.includes('O/g');
  const groupIn = inChannels / groups;
  const groupOut = outChannels / groups;
  const kernel = spatial.map((axis) => shape[axis] as number);
  const wantedShape = transposed ? [inChannels, groupOut, ...kernel] : [outChannels, groupIn, ...kernel];
  const result = new Float32Array(data.length);
  const taps = kernel.reduce((product, extent) => product * extent, 1);
  let index = 0;
  for (let row = 0; row < (wantedShape[0] as number); row += 1) {
    for (let column = 0; column < (wantedShape[1] as number); column += 1) {
      const group = Math.floor(row / (transposed ? groupIn : groupOut));
      const i = transposed ? row : group * groupIn + column;
      const o = transposed ? group * groupOut + column : row;
      for (let tap = 0; tap < taps; tap += 1, index += 1) {
        const position = new Array<number>(axes.length);
        position[inAxis] = groupedIn ? i % groupIn : i;
        position[outAxis] = groupedOut ? o % groupOut : o;
        let rest = tap;
        for (let axis = kernel.length - 1; axis >= 0; axis -= 1) {
          const extent = kernel[axis] as number;
          const at = rest % extent;
          position[spatial[axis] as number] = flip ? extent - 1 - at : at;
          rest = Math.floor(rest / extent);
        }
        const source = shape.reduce((sum, extent, axis) => sum * extent + (position[axis] as number), 0);
        result[index] = (data[source] as number) * (mask === null ? 1 : (mask.data[source] as number));
      }
    }
  }
  return { data: result, shape: wantedShape };
}

export function problemOfWebnn(operation: string, golden: WebnnCase): Problem {
  const { options } = golden;
  const transposed = operation === 'convTranspose2d';
  const half = golden.expected.dtype === 'float16';
  const convert = ({ shape, data }: WebnnArray): Tensor => ({
    data: Float32Array.from(data, (value) => (half ? toFloat16(value) : value)),
    shape,
  });
  const [top, bottom, left, right] = options.padding ?? [0, 0, 0, 0];
  const stride = options.strides ?? [1, 1];
  const dilation = options.dilations ?? [1, 1];
  const layout = options.inputLayout === 'nhwc' ? 'channels-last' : 'channels-first';
  const x = convert(golden.input);
  const [height = 0, width = 0] = layout === 'channels-last' ? x.shape.slice(1, 3) : x.shape.slice(2);
  const letters = options.filterLayout ?? (transposed ? 'iohw' : 'oihw');
  const wantedLetters = transposed ? 'iohw' : 'oihw';
  const weight = permute(
    convert(golden.filter),
    [...wantedLetters].map((letter) => letters.indexOf(letter)),
  );
  const padBefore = [top, left];
  const padAfter = [bottom, right];
  const natural = (n: number, axis: number): number =>
    (n - 1) * (stride[axis] as number) +
    (dilation[axis] as number) * ((weight.shape[axis + 2] as number) - 1) +
    1 -
    (padBefore[axis] as number) -
    (padAfter[axis] as number);
  const outputPadding = options.outputSizes
    ? [height, width].map((n, axis) => (options.outputSizes?.[axis] as number) - natural(n, axis))
    : (options.outputPadding ?? [0, 0]);
  return {
    id: golden.name,
    geometry: {
      transposed,
      groups: options.groups ?? 1,
      stride,
      dilation,
      padBefore,
      padAfter,
      outputPadding,
      inputDilation: [1, 1],
    },
    layout,
    x,
    weight,
    bias: golden.bias === null ? null : convert(golden.bias).data,
    compare(y) {
      const wanted = convert(golden.expected);
      const distance = half ? ulps16 : ulps32;
      const got = { data: y.data.map((value) => (half ? toFloat16(value) : value)), shape: y.shape };
      // The allowed distance as a difference: beyond it nothing, within it anything.
      return compareWith(got, wanted.shape, wanted.data, (index) =>
        distance(got.data[index] as number, wanted.data[index] as number) <= golden.tolerance.value
          ? Number.POSITIVE_INFINITY
          : 0,
      );
    },
  };
}

function tensor({ shape, data }: Pick<CaseArray, 'shape' | 'data'>): Tensor {
  return { data: numbers(data), shape };
}

function numbers(values: readonly Value[]): Float32Array {
  return Float32Array.from(values, Number);
}
