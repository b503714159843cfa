// Layers of every class from their drawn parameters, and what each of them must compute, in float64.

import type { Runtime, StateDict, Tensor } from 'deconv-wasm';
import * as torch from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import {
  ResizeConv1d,
  ResizeConv2d,
  ResizeConv3d,
  SmoothConvTranspose1d,
  SmoothConvTranspose2d,
  SmoothConvTranspose3d,
} from 'deconv-wasm/checkerboard';
import { fromOnnx } from 'deconv-wasm/convert';
import { mulberry32 } from '../support/random.js';
import { type Geometry, reference, referenceExtent, referenceGradients } from '../support/reference.js';
import { randomTensor, sizeOf, toChannelsFirst } from '../support/tensors.js';
import type { MakeLayer } from './actions.js';
import {
  along,
  type Grid,
  type Matrix,
  mapped,
  replication,
  smoothing,
  transposed,
  upsampling,
} from './linear-maps.js';

export type AnyLayer = torch.Layer & { readonly disposed: boolean };

/** Values, how large the terms of each are together, and how many there are. */
export interface Wanted extends Grid {
  readonly data: Float64Array;
  readonly magnitude: ArrayLike<number>;
  readonly terms: ArrayLike<number>;
}

const LAYERS = {
  torch: {
    conv: [torch.Conv1d, torch.Conv2d, torch.Conv3d],
    transposed: [torch.ConvTranspose1d, torch.ConvTranspose2d, torch.ConvTranspose3d],
  },
  brainstate: {
    conv: [brainstate.Conv1d, brainstate.Conv2d, brainstate.Conv3d],
    transposed: [brainstate.ConvTranspose1d, brainstate.ConvTranspose2d, brainstate.ConvTranspose3d],
  },
};
const RESIZE = [ResizeConv1d, ResizeConv2d, ResizeConv3d];
const SMOOTH = [SmoothConvTranspose1d, SmoothConvTranspose2d, SmoothConvTranspose3d];

export const SMALLEST_NORMAL = 2 ** -126;

/** See kLeastChannels of cpp/src/routes/winograd.cpp. */
const LEAST_TRANSFORMED = 12;

/** Planes that may be transformed: of every input channel one for each parity of the strides. */
export const transformedOf = (channels: number, { stride }: Geometry): number =>
  channels < LEAST_TRANSFORMED ? 0 : stride.reduce((planes, one) => planes * one, channels);

/** One layer with what its parameters are known to be. */
export class Subject {
  readonly drawn: MakeLayer;
  readonly layer: AnyLayer;
  readonly seat: number;
  /** The one that it is bound to; undefined for the default one. */
  readonly runtime: Runtime | undefined;
  readonly geometry: Geometry;
  readonly channelsLast: boolean;
  readonly inChannels: number;
  readonly outChannels: number;
  /** In the layer's own order. */
  weight: Float32Array;
  bias: Float32Array | null;
  disposed = false;
  /** The place in the layer's weight of every value of the canonical one. */
  readonly #order: Int32Array;
  readonly #canonicalShape: readonly number[];
  readonly #mask: Float32Array | null;
  readonly #kernelMaps: readonly Matrix[] | null;

  constructor(drawn: MakeLayer, seat: number, runtime: Runtime | undefined) {
    this.drawn = drawn;
    this.seat = seat;
    this.runtime = runtime;
    this.geometry = geometryOf(drawn);
    this.inChannels = drawn.groups * drawn.groupIn;
    this.outChannels = drawn.groups * drawn.groupOut;
    this.channelsLast = drawn.family === 'brainstate' && !drawn.channelFirst;
    this.#canonicalShape = canonicalShape(drawn, this.geometry.transposed);
    this.#order = orderOf(drawn, this.#canonicalShape);
    this.#mask = drawn.family === 'brainstate' && drawn.masked ? maskOf(drawn, this.#canonicalShape) : null;
    this.#kernelMaps =
      drawn.family === 'smooth'
        ? drawn.axes.map(({ k, dilation, stride }) => smoothing(k, dilation, stride, 1))
        : null;
    this.layer = layerOf(drawn, this.#mask, runtime);
    this.weight = this.layer.weight.data;
    this.bias = this.layer.bias?.data ?? null;
  }

  /** Spatial sizes of an input; `wider` changes them where the class lets them vary. */
  extents(wider: readonly number[]): number[] {
    const { axes, family } = this.drawn;
    return axes.map(({ n }, axis) =>
      family === 'brainstate' ? n : Math.max(1, n + (wider[axis] as number)),
    );
  }

  inputShape(batch: number, extents: readonly number[]): number[] {
    return this.#arranged(batch, this.inChannels, extents);
  }

  /** Null where an axis would be empty. */
  outputShape(batch: number, extents: readonly number[]): number[] | null {
    const seen = this.#inputMaps(extents)?.map((matrix) => matrix.length) ?? extents;
    const kernel = this.#kernel();
    const outputs = seen.map((n, axis) => referenceExtent(this.geometry, axis, n, kernel[axis] as number));
    return outputs.some((extent) => extent < 1) ? null : this.#arranged(batch, this.outChannels, outputs);
  }

  /** Planes that a route whose products are no plain sums may sum for it, or for its adjoint; 0 where none may. */
  get transformed(): number {
    const { exact, groupIn, groupOut, route } = this.drawn;
    if (exact && !route.startsWith('winograd')) return 0;
    return transformedOf(Math.max(groupIn, groupOut), this.geometry);
  }

  /** Whether every output's terms are its own input's values, so that infinities and NaN can be told. */
  get plain(): boolean {
    return this.#kernelMaps === null && this.drawn.family !== 'resize' && this.transformed === 0;
  }

  forward(x: Tensor): Wanted {
    const input = this.#canonicalInput(x);
    const maps = this.#inputMaps(input.shape.slice(2));
    const bias = this.bias && this.#flushed(this.bias);
    const run = (change: (value: number) => number): Wanted =>
      reference(
        this.geometry,
        applied(changed(input, change), maps, change),
        this.#canonicalWeight(change),
        bias && Float64Array.from(bias, change),
      );
    const { shape, data, terms } = run((value) => value);
    return { shape, data, terms, magnitude: run(Math.abs).data };
  }

  gradients(
    x: Tensor,
    g: Tensor,
  ): { readonly input: Wanted; readonly weight: Wanted; readonly bias: Wanted } {
    const input = this.#canonicalInput(x);
    const grad = this.#canonicalInput(g);
    const maps = this.#inputMaps(input.shape.slice(2));
    const run = (change: (value: number) => number): ReturnType<typeof referenceGradients> =>
      referenceGradients(
        this.geometry,
        applied(changed(input, change), maps, change),
        this.#canonicalWeight(change),
        changed(grad, change),
      );
    const [values, sizes] = [run((value) => value), run(Math.abs)];
    const back = (name: 'input' | 'weight', through: readonly Matrix[] | null): Wanted => {
      const undo = (from: Grid, change: (factor: number) => number): Grid =>
        through === null
          ? from
          : along(
              from,
              through.map((matrix) => transposed(mapped(matrix, change))),
            );
      const terms = undo({ data: values[name].terms, shape: values[name].shape }, (factor) =>
        factor === 0 ? 0 : 1,
      );
      const data = undo(values[name], (factor) => factor);
      return {
        shape: data.shape,
        data: data.data as Float64Array,
        terms: terms.data,
        magnitude: undo(sizes[name], Math.abs).data,
      };
    };
    const weight = back('weight', this.#kernelMaps);
    const mask = this.#mask;
    if (mask !== null) {
      for (const [index, place] of this.#order.entries()) {
        weight.data[index] = (weight.data[index] as number) * (mask[place] as number);
      }
    }
    return {
      input: back('input', maps),
      weight,
      bias: { ...values.bias, magnitude: sizes.bias.data },
    };
  }

  /** The layer's output or input gradient, channels first and with a batch axis. */
  arranged(tensor: Tensor): Tensor {
    const rank = this.drawn.axes.length;
    const shape = tensor.shape.length === rank + 1 ? [1, ...tensor.shape] : tensor.shape;
    return this.channelsLast ? toChannelsFirst({ ...tensor, shape }) : { ...tensor, shape };
  }

  /** A gradient of the weight in canonical order. */
  canonicalGradient(gradient: Tensor): Tensor {
    return {
      data: Float32Array.from(this.#order, (place) => gradient.data[place] as number),
      shape: this.#canonicalShape,
    };
  }

  state(): StateDict {
    const names = this.drawn.family === 'brainstate' ? ['weight.weight', 'weight.bias'] : ['weight', 'bias'];
    const { weight, bias } = this.layer;
    const entries = [[names[0], weight], ...(bias === null ? [] : [[names[1], bias]])];
    return Object.fromEntries(entries) as StateDict;
  }

  get flushes(): boolean {
    return this.drawn.flush;
  }

  /** Whether taps that it flushes may be sums of others. */
  get sumsFlushed(): boolean {
    return this.flushes && this.drawn.family === 'resize';
  }

  #kernel(): readonly number[] {
    return this.#kernelMaps?.map((matrix) => matrix.length) ?? this.drawn.axes.map(({ k }) => k);
  }

  #canonicalInput(x: Tensor): Grid {
    const { data, shape } = this.arranged(x);
    return { data: this.#flushed(data), shape };
  }

  #canonicalWeight(change: (value: number) => number): Grid {
    const { weight } = this;
    const mask = this.#mask;
    const data = Float64Array.from(this.#order, (place) =>
      change((weight[place] as number) * (mask === null ? 1 : (mask[place] as number))),
    );
    const composed = applied({ data, shape: this.#canonicalShape }, this.#kernelMaps, change);
    // The core is given what a fixed layer leaves, and flushes that.
    return { ...composed, data: this.#flushed(Float64Array.from(composed.data)) };
  }

  #flushed<Values extends Float32Array | Float64Array>(values: Values): Values {
    if (!this.flushes) return values;
    return values.map((value) => (Math.abs(value) < SMALLEST_NORMAL ? 0 : value)) as Values;
  }

  /** What a ResizeConv does to its input before the convolution. */
  #inputMaps(extents: readonly number[]): readonly Matrix[] | null {
    const { family, axes, linear, replicate } = this.drawn;
    if (family !== 'resize') return null;
    return extents.map((n, axis) => {
      const { stride, before } = axes[axis] as MakeLayer['axes'][number];
      const resize = upsampling(n, stride, linear);
      if (!replicate || before === 0) return resize;
      const edges = replication(resize.length, before, before);
      return edges.map((row) => resize[row.indexOf(1)] as readonly number[]);
    });
  }

  #arranged(batch: number, channels: number, extents: readonly number[]): number[] {
    const own = this.channelsLast ? [...extents, channels] : [channels, ...extents];
    return batch < 0 ? own : [batch, ...own];
  }
}

function applied(grid: Grid, maps: readonly Matrix[] | null, change: (value: number) => number): Grid {
  return maps === null
    ? grid
    : along(
        grid,
        maps.map((matrix) => mapped(matrix, change)),
      );
}

function changed({ data, shape }: Grid, change: (value: number) => number): Grid {
  return { data: Float64Array.from(data, change), shape };
}

/** Canonical, of what the operator sees behind a resize. */
function geometryOf({ family, transposed: stamps, axes, groups, replicate }: MakeLayer): Geometry {
  const all = (read: (axis: MakeLayer['axes'][number]) => number): number[] => axes.map(read);
  const ones = all(() => 1);
  const zeros = all(() => 0);
  const common = {
    groups,
    inputDilation: ones,
    outputPadding: zeros,
    dilation: all(({ dilation }) => dilation),
  };
  const reach = ({ dilation, k }: MakeLayer['axes'][number]): number => dilation * (k - 1) + 1;
  const stride = all(({ stride }) => stride);
  const before = all(({ before }) => before);
  if (family === 'resize') {
    const pads = replicate ? zeros : before;
    return { ...common, transposed: false, stride: ones, padBefore: pads, padAfter: pads };
  }
  if (family === 'smooth') {
    // The rows that a box adds are cut off both ends, an odd one at the end.
    const padBefore = all(({ before, stride }) => before + Math.floor((stride - 1) / 2));
    const padAfter = all(({ before, stride }) => before + Math.ceil((stride - 1) / 2));
    const outputPadding = all(extraOf);
    return { ...common, transposed: true, stride, dilation: ones, padBefore, padAfter, outputPadding };
  }
  if (family === 'brainstate' && stamps) {
    const padBefore = axes.map((axis) => reach(axis) - 1 - axis.before);
    const padAfter = axes.map((axis) => reach(axis) - 1 - axis.after);
    return { ...common, transposed: true, stride, padBefore, padAfter };
  }
  const padAfter = family === 'torch' ? before : all(({ after }) => after);
  const outputPadding = stamps ? all(extraOf) : zeros;
  return { ...common, transposed: stamps, stride, padBefore: before, padAfter, outputPadding };
}

function extraOf({ extra, stride, dilation }: MakeLayer['axes'][number]): number {
  return Math.min(extra, Math.max(stride, dilation) - 1);
}

function canonicalShape({ axes, groups, groupIn, groupOut }: MakeLayer, stamps: boolean): number[] {
  const kernel = axes.map(({ k }) => k);
  return stamps ? [groups * groupIn, groupOut, ...kernel] : [groups * groupOut, groupIn, ...kernel];
}

/** brainstate's kernels: [taps, in / groups, out] of a convolution, [taps, out, in / groups] of the other. */
function orderOf(drawn: MakeLayer, shape: readonly number[]): Int32Array {
  const [rows = 1, columns = 1, ...kernel] = shape;
  const taps = sizeOf(kernel);
  const { family, transposed: stamps, groups, groupIn, groupOut } = drawn;
  return Int32Array.from({ length: sizeOf(shape) }, (_, index) => {
    if (family !== 'brainstate') return index;
    const tap = index % taps;
    const column = Math.floor(index / taps) % columns;
    const row = Math.floor(index / taps / columns);
    if (!stamps) return (tap * groupIn + column) * rows + row;
    const group = Math.floor(row / groupIn);
    return (tap * groups * groupOut + group * groupOut + column) * groupIn + (row % groupIn);
  });
}

/** Zeros and ones in the layer's order. */
function maskOf({ seed }: MakeLayer, shape: readonly number[]): Float32Array {
  const random = mulberry32(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () => Number(random() < 0.7));
}

function layerOf(drawn: MakeLayer, mask: Float32Array | null, runtime: Runtime | undefined): AnyLayer {
  const { family, transposed: stamps, axes, groups, groupIn, groupOut, seed } = drawn;
  const rank = axes.length;
  const all = (read: (axis: MakeLayer['axes'][number]) => number): number[] => axes.map(read);
  const execution = {
    route: drawn.route,
    precision: drawn.exact ? 'exact' : 'fast',
    denormals: drawn.flush ? 'flush' : 'keep',
    planning: drawn.measure ? 'measure' : 'model',
    runtime,
  } as const;
  const channels = {
    inChannels: groups * groupIn,
    outChannels: groups * groupOut,
    groups,
    bias: drawn.bias,
    seed,
  };
  const kernel = { kernelSize: all(({ k }) => k), dilation: all(({ dilation }) => dilation) };
  const stride = all(({ stride }) => stride);
  const padding = all(({ before }) => before);
  const make = (Class: new (options: never) => object, options: object): AnyLayer =>
    new Class(options as never) as AnyLayer;
  if (family === 'torch') {
    const options = { ...channels, ...kernel, ...execution, stride, padding };
    return stamps
      ? make(LAYERS.torch.transposed[rank - 1] as never, { ...options, outputPadding: all(extraOf) })
      : make(LAYERS.torch.conv[rank - 1] as never, options);
  }
  if (family === 'smooth') {
    const options = { ...channels, ...kernel, ...execution, stride, padding, outputPadding: all(extraOf) };
    return make(SMOOTH[rank - 1] as never, options);
  }
  if (family === 'resize') {
    const mode = drawn.linear ? (['', 'linear', 'bilinear', 'trilinear'][rank] as string) : 'nearest';
    const paddingMode = drawn.replicate ? 'replicate' : 'zeros';
    const options = { ...channels, ...kernel, ...execution, scaleFactor: stride, mode, padding, paddingMode };
    return make(RESIZE[rank - 1] as never, options);
  }
  const extents = all(({ n }) => n);
  const bias = drawn.bias ? randomTensor([groups * groupOut], seed + 1).data : null;
  if (family === 'onnx') {
    const shape = canonicalShape(drawn, stamps);
    const attributes = {
      strides: stride,
      dilations: kernel.dilation,
      group: groups,
      pads: [...padding, ...all(({ after }) => after)],
    };
    const parameters = { weight: randomTensor(shape, seed), bias };
    return stamps
      ? fromOnnx('ConvTranspose', { ...attributes, output_padding: all(extraOf) }, parameters, execution)
      : fromOnnx('Conv', attributes, parameters, execution);
  }
  const ones = axes.map(() => 1);
  const biasShape = [groups * groupOut, ...ones];
  const last = stamps ? [groups * groupOut, groupIn] : [groupIn, groups * groupOut];
  const kernelShape = [...kernel.kernelSize, ...last];
  const sizes = drawn.channelFirst ? [groups * groupIn, ...extents] : [...extents, groups * groupIn];
  return make(LAYERS.brainstate[stamps ? 'transposed' : 'conv'][rank - 1] as never, {
    inSize: sizes,
    outChannels: groups * groupOut,
    kernelSize: kernel.kernelSize,
    rhsDilation: kernel.dilation,
    stride,
    padding: axes.map(({ before, after }) => [before, after]),
    groups,
    channelFirst: drawn.channelFirst,
    wMask: mask && { data: mask, shape: kernelShape },
    bInit: bias && {
      data: bias,
      shape: drawn.channelFirst ? [1, ...biasShape] : [...ones, ...biasShape.slice(0, 1)],
    },
    seed,
    ...execution,
  });
}
