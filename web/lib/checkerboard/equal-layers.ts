// Conversions between layers that compute the same function.

import { CONV_TRANSPOSE, hasBrand, RESIZE_CONV, SMOOTH_CONV_TRANSPOSE } from '../core/brands.js';
import { checkOptions, fault, refuse } from '../core/checks.js';
import { type AxisList, at, product } from '../core/lists.js';
import type { OperatorSpec } from '../core/spec.js';
import type { ConvTranspose } from '../layers/conv-transpose.js';
import { ConvTranspose1d } from '../layers/conv-transpose-1d.js';
import { ConvTranspose2d } from '../layers/conv-transpose-2d.js';
import { ConvTranspose3d } from '../layers/conv-transpose-3d.js';
import { internalsOf } from '../layers/internals.js';
import type { LayerOptions } from '../layers/torch-options.js';
import { correlationLayout, divideByBox, filteredKernel, filterKernels } from './filters.js';
import { type ResizeConv, ResizeConv1d, ResizeConv2d, ResizeConv3d } from './resize-convolution.js';
import type { SmoothConvTranspose } from './smooth.js';

/**
 * Options of {@link toResizeConv}.
 *
 * @example
 * const options = { inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false };
 * const almost = new ConvTranspose1d(options).setWeight([1, 1.01]);
 * console.log(toResizeConv(almost, { tolerance: 0.02 }).kernelSize); // [ 1 ]
 */
export interface ToResizeConvOptions {
  /** Largest remainder that counts as rounding, as a share of a channel pair's largest tap. Default 1e-6. */
  readonly tolerance?: number;
}

/**
 * The ordinary transposed layer that computes the same function, with the composed kernel as its weight: for
 * engines and file formats that have no resize-convolution. Where the crops are none that a ConvTranspose
 * has, the kernel gets taps of zero at its ends.
 *
 * @returns a new layer, which is the caller's to dispose
 * @throws {DeconvError} `UNSUPPORTED` for a ResizeConv that repeats edges (linear modes, `'replicate'`): it
 * has no equal at the borders; `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * await init();
 * const options = { inChannels: 1, outChannels: 1, scaleFactor: 2, kernelSize: 3, padding: 1 };
 * const resize = new ResizeConv1d({ ...options, seed: 1 });
 * const x = { data: [1, 2, 4], shape: [1, 1, 3] };
 * const [one, other] = [resize, toConvTranspose(resize)].map((layer) => layer.forward(x).data);
 * console.log(one.every((value, index) => Math.abs(value - other[index]) < 1e-6)); // true
 */
export function toConvTranspose(layer: ResizeConv | SmoothConvTranspose): ConvTranspose {
  const where = 'toConvTranspose';
  if (!hasBrand(layer, RESIZE_CONV) && !hasBrand(layer, SMOOTH_CONV_TRANSPOSE)) {
    refuse('BAD_TYPE', where, 'a ResizeConv or SmoothConvTranspose layer', layer);
  }
  internalsOf(layer).requireOneOperator(where);
  const { spec, weight, bias } = internalsOf(layer).canonical(where);
  const { stride, padBefore, padAfter } = spec;
  // A zero tap in front needs one row more cropped there, one behind needs it at the end.
  const head = padBefore.map((before, axis) => Math.max(0, -before, at(padAfter, axis) - before));
  const padding = padBefore.map((before, axis) => before + at(head, axis));
  const tail = padding.map((before, axis) =>
    Math.max(0, before - at(padAfter, axis) - (at(stride, axis) - 1)),
  );
  const kernelSize = spec.kernel.map((taps, axis) => taps + at(head, axis) + at(tail, axis));
  const result = makeConvTranspose({
    inChannels: spec.inChannels,
    outChannels: spec.outChannels,
    groups: spec.groups,
    bias: bias !== null,
    kernelSize,
    stride,
    padding,
    outputPadding: padding.map((before, axis) => before - at(padAfter, axis) - at(tail, axis)),
    ...placeOf(layer),
  });
  result.setWeight(Float32Array.from(addZeroTaps(weight, spec.kernel, head, tail)));
  if (bias !== null) result.setBias(bias);
  return result;
}

/**
 * The nearest-neighbour resize-convolution that computes the same function as a transposed layer, where there
 * is one: exactly when every channel pair's kernel is divisible by the box of `stride` ones along each axis.
 * In one dimension that is so for every layer free of a pattern on flats; in more it need not be.
 *
 * @returns a new layer, which is the caller's to dispose
 * @throws {DeconvError} `UNSUPPORTED` where the division leaves a remainder (the largest one in
 * `detail.remainder`, with its `axis` and `pair`) or the kernel is shorter than the stride; `BAD_OPTION`,
 * `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const options = { inChannels: 1, outChannels: 1, kernelSize: 4, stride: 2, padding: 1 };
 * const layer = new ConvTranspose1d({ ...options, seed: 1 });
 * repair(layer);
 * const resize = toResizeConv(layer);
 * console.log(resize.scaleFactor, resize.kernelSize); // [ 2 ] [ 3 ]
 */
export function toResizeConv(
  layer: ConvTranspose | SmoothConvTranspose,
  options: ToResizeConvOptions = {},
): ResizeConv {
  const where = 'toResizeConv';
  if (!hasBrand(layer, CONV_TRANSPOSE) && !hasBrand(layer, SMOOTH_CONV_TRANSPOSE)) {
    refuse('BAD_TYPE', where, 'a ConvTranspose or SmoothConvTranspose layer', layer);
  }
  const { tolerance = 1e-6 } = checkOptions<ToResizeConvOptions>(where, options, ['tolerance']);
  if (typeof tolerance !== 'number' || !(tolerance >= 0)) {
    refuse('BAD_OPTION', where, 'tolerance to be a number from 0', tolerance);
  }
  const { spec, weight, bias } = internalsOf(layer).canonical(where);
  const { values, kernel } = divide(where, spec, weight, tolerance);
  // The padding is the same at both ends, which taps of zero make it.
  const { padBefore, padAfter } = spec;
  const short = kernel.map((taps, axis) =>
    Math.max(0, Math.min(at(padBefore, axis), at(padAfter, axis)) - (taps - 1)),
  );
  const head = short.map((zeros, axis) => zeros + Math.max(0, at(padAfter, axis) - at(padBefore, axis)));
  const tail = short.map((zeros, axis) => zeros + Math.max(0, at(padBefore, axis) - at(padAfter, axis)));
  const padding = kernel.map((taps, axis) => taps - 1 + at(tail, axis) - at(padBefore, axis));
  const kernelSize = kernel.map((taps, axis) => taps + at(head, axis) + at(tail, axis));
  const result = makeResizeConv({
    inChannels: spec.inChannels,
    outChannels: spec.outChannels,
    groups: spec.groups,
    bias: bias !== null,
    scaleFactor: spec.stride,
    kernelSize,
    padding,
    ...placeOf(layer),
  });
  const taps = Float32Array.from(addZeroTaps(values, kernel, head, tail));
  result.setWeight(correlationLayout({ ...spec, kernel: kernelSize }).fromCanonical(taps));
  if (bias !== null) result.setBias(bias);
  return result;
}

/** Where an equal layer computes, and what it takes for 0. */
function placeOf(layer: Parameters<typeof internalsOf>[0]): Pick<LayerOptions, 'runtime' | 'denormals'> {
  const { runtime, denormals } = internalsOf(layer).arithmetic.execution;
  return { runtime, denormals };
}

/** Divides kernels by the box along every axis, or says by how much they cannot be. */
function divide(
  where: string,
  spec: OperatorSpec,
  weight: ArrayLike<number>,
  tolerance: number,
): { readonly values: Float64Array; readonly kernel: readonly number[] } {
  const { stride, dilation } = spec;
  const filtering = { kernel: spec.kernel, dilation, filters: stride.map(() => [1]) };
  let values = filterKernels(weight, filtering);
  const kernel = filteredKernel(filtering);
  const pairs = values.length / product(kernel);
  const sizes = Array.from({ length: pairs }, (_, pair) => largestOf(values, pair, pairs));
  for (const [axis, step] of stride.entries()) {
    if (at(kernel, axis) < step) {
      throw fault(
        'UNSUPPORTED',
        where,
        `a kernel of at least the stride (${step}) along spatial axis ${axis}`,
        `a reach of ${at(kernel, axis)}`,
        'Such a layer leaves holes, a resize-convolution none.',
        { axis, stride: step, reach: at(kernel, axis), verdict: 'holes' },
      );
    }
    const { quotient, remainder } = divideByBox(values, kernel, axis, step);
    for (const [pair, size] of sizes.entries()) {
      const value = largestOf(remainder, pair, pairs);
      if (value > tolerance * size) {
        throw fault(
          'UNSUPPORTED',
          where,
          `kernels divisible by a box of ${step} ones along spatial axis ${axis}`,
          `a remainder of ${value.toPrecision(3)} in channel pair ${pair} (its largest tap is ${size.toPrecision(3)})`,
          'No nearest-neighbour resize and convolution equals this layer; repair it, or train a ResizeConv.',
          { axis, pair, remainder: value, largest: size },
        );
      }
    }
    values = quotient;
    kernel[axis] = at(kernel, axis) - step + 1;
  }
  return { values, kernel };
}

/** Largest absolute value in one of `pairs` equal parts. */
function largestOf(values: Float64Array, pair: number, pairs: number): number {
  const length = values.length / pairs;
  let value = 0;
  for (let index = pair * length; index < (pair + 1) * length; index += 1) {
    value = Math.max(value, Math.abs(values[index] as number));
  }
  return value;
}

/** `[pairs, ...kernel]` with zeros before and behind the taps of each axis. */
function addZeroTaps(
  values: ArrayLike<number>,
  kernel: readonly number[],
  head: readonly number[],
  tail: readonly number[],
): Float64Array {
  // A filter with a single one shifts.
  const filters = kernel.map((_, axis) => {
    const taps = new Array<number>(at(head, axis) + at(tail, axis) + 1).fill(0);
    taps[at(head, axis)] = 1;
    return taps;
  });
  return filterKernels(values, { kernel, dilation: kernel.map(() => 1), filters });
}

/** The layer of as many axes as the kernel has. */
function makeConvTranspose({
  kernelSize,
  stride,
  padding,
  outputPadding,
  ...channels
}: PlainOptions): ConvTranspose {
  const Kind = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d][
    kernelSize.length - 1
  ] as typeof ConvTranspose2d;
  return new Kind({
    ...channels,
    kernelSize: kernelSize as AxisList<2>,
    stride: stride as AxisList<2>,
    padding: padding as AxisList<2>,
    outputPadding: outputPadding as AxisList<2>,
    seed: 0,
  });
}

function makeResizeConv({ kernelSize, scaleFactor, padding, ...channels }: ResizeOptions): ResizeConv {
  const Kind = [ResizeConv1d, ResizeConv2d, ResizeConv3d][kernelSize.length - 1] as typeof ResizeConv2d;
  return new Kind({
    ...channels,
    kernelSize: kernelSize as AxisList<2>,
    scaleFactor: scaleFactor as AxisList<2>,
    padding: padding as AxisList<2>,
    seed: 0,
  });
}

interface PlainOptions extends LayerOptions {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
}

interface ResizeOptions extends LayerOptions {
  readonly kernelSize: readonly number[];
  readonly scaleFactor: readonly number[];
  readonly padding: readonly number[];
}
