// Convolutions that raise the resolution without being called so: their kernels as transposed convolutions.

import { checkAxes, checkChoice, checkOptions, fault, refuse } from '../core/checks.js';
import { at, product } from '../core/lists.js';
import type { OperatorSpec } from '../core/spec.js';
import { checkPhases } from './axis.js';
import {
  boxFilter,
  checkComposed,
  checkFiltering,
  filteredKernel,
  filterKernels,
  filterLength,
  linearFilter,
  reversed,
} from './filters.js';
import { gridIndices } from './grid.js';

/** Channels that become positions behind a convolution: PyTorch's `PixelShuffle`, ONNX's `DepthToSpace`. */
export interface PixelShuffleGeometry {
  /** How many positions along each axis a channel becomes. */
  readonly upscaleFactor: number | readonly number[];
  /**
   * Where the channel `c` of the output has its phase r (row-major over the axes) among the convolution's:
   * `'CRD'`, the default and PyTorch's, `c * phases + r`; `'DCR'`, TensorFlow's `depth_to_space` and ONNX's
   * default, `r * channels + c`.
   */
  readonly mode?: 'CRD' | 'DCR';
}

/** A resize by whole factors before a convolution: PyTorch's `Upsample`, ONNX's `Resize`. */
export interface UpsampleGeometry {
  readonly scaleFactor: number | readonly number[];
  /** How the values in between are made; linear ones with `align_corners=False`. Default `'nearest'`. */
  readonly mode?: 'nearest' | 'linear';
}

/** What stands beside a convolution of stride 1. */
export interface Upsampling {
  readonly kind: 'pixelShuffle' | 'upsample';
  readonly factor: readonly number[];
  readonly mode: 'CRD' | 'DCR' | 'nearest' | 'linear';
}

/** The one of two that is given; null for neither. */
export function readUpsampling(
  where: string,
  pixelShuffle: PixelShuffleGeometry | undefined,
  upsample: UpsampleGeometry | undefined,
  rank: number,
): Upsampling | null {
  if (pixelShuffle !== undefined && upsample !== undefined) {
    throw fault('BAD_OPTION', where, 'pixelShuffle or upsample', 'both', 'Analyse them as a stack of two.');
  }
  if (pixelShuffle !== undefined) {
    const name = `${where}: pixelShuffle`;
    const given = checkOptions<PixelShuffleGeometry>(name, pixelShuffle, ['upscaleFactor', 'mode']);
    return {
      kind: 'pixelShuffle',
      factor: checkAxes(name, 'upscaleFactor', given.upscaleFactor, rank, 1),
      mode: checkChoice(name, 'mode', given.mode ?? 'CRD', ['CRD', 'DCR']),
    };
  }
  if (upsample === undefined) return null;
  const name = `${where}: upsample`;
  const given = checkOptions<UpsampleGeometry>(name, upsample, ['scaleFactor', 'mode']);
  return {
    kind: 'upsample',
    factor: checkAxes(name, 'scaleFactor', given.scaleFactor, rank, 1),
    mode: checkChoice(name, 'mode', given.mode ?? 'nearest', ['nearest', 'linear']),
  };
}

/** A transposed convolution and its weight. */
interface Transposed {
  readonly spec: OperatorSpec;
  readonly weight: Float64Array;
}

/** The transposed convolution that a convolution of stride 1 (`spec`) and an upsampling make together. */
export function transposedOf(
  where: string,
  spec: OperatorSpec,
  weight: ArrayLike<number>,
  upsampling: Upsampling,
): Transposed {
  checkPhases(where, upsampling.factor);
  return upsampling.kind === 'upsample'
    ? resized(where, spec, weight, upsampling)
    : shuffled(where, spec, weight, upsampling);
}

/**
 * `h = q * filter`: the taps reversed, as a convolution correlates, and spread by what the resize stamps. The
 * crop is what the filter's own start leaves.
 */
function resized(
  where: string,
  spec: OperatorSpec,
  weight: ArrayLike<number>,
  { factor, mode }: Upsampling,
): Transposed {
  const linear = mode === 'linear';
  const lengths = factor.map((step) => filterLength(step, linear));
  const { kernel: taps, dilation } = spec;
  const pairs = spec.inChannels * (spec.outChannels / spec.groups);
  checkFiltering(where, pairs, { kernel: taps, dilation, lengths });
  const filtering = { kernel: taps, dilation, filters: factor.map(linear ? linearFilter : boxFilter) };
  const kernel = filteredKernel(filtering);
  return {
    spec: {
      ...spec,
      transposed: true,
      kernel,
      stride: factor,
      dilation: factor.map(() => 1),
      padBefore: spec.padBefore.map(
        (pad, axis) =>
          (at(spec.kernel, axis) - 1) * at(spec.dilation, axis) -
          pad +
          (linear ? Math.ceil((at(factor, axis) - 1) / 2) : 0),
      ),
    },
    weight: filterKernels(reversed(spec, weight), filtering),
  };
}

/** `h[s * d * (k - 1 - j) + r] = w[channel of phase r][j]`: every value is a tap, and no tap is a sum. */
function shuffled(
  where: string,
  spec: OperatorSpec,
  weight: ArrayLike<number>,
  upsampling: Upsampling,
): Transposed {
  const { factor } = upsampling;
  const kernel = spec.kernel.map(
    (taps, axis) => at(factor, axis) * ((taps - 1) * at(spec.dilation, axis) + 1),
  );
  const phases = product(factor);
  if (spec.outChannels % phases !== 0) {
    refuse(
      'BAD_SHAPE',
      where,
      `a multiple of ${phases} output channels for upscaleFactor ${factor.join(' x ')}`,
      spec.outChannels,
    );
  }
  const groups = sharedGroups(spec, upsampling);
  const outChannels = spec.outChannels / phases;
  const count = spec.inChannels * (outChannels / groups) * product(kernel);
  // Weights that only change their places may be as many as they are; holes between them may not.
  if (count > weight.length) checkComposed(where, { work: 0, values: count });
  const values = new Float64Array(count);
  visitTaps(spec, upsampling, (to, from) => {
    values[to] = weight[from] as number;
  });
  return {
    spec: {
      ...spec,
      transposed: true,
      groups,
      outChannels,
      kernel,
      stride: factor,
      dilation: factor.map(() => 1),
      padBefore: spec.padBefore.map(
        (pad, axis) => at(factor, axis) * ((at(spec.kernel, axis) - 1) * at(spec.dilation, axis) - pad),
      ),
    },
    weight: values,
  };
}

/** Groups of the transposed layer: the convolution's where they keep a channel's phases together, else 1. */
export function sharedGroups(spec: OperatorSpec, { factor, mode }: Upsampling): number {
  const outChannels = spec.outChannels / product(factor);
  return mode === 'CRD' && outChannels % spec.groups === 0 ? spec.groups : 1;
}

/** Visits every value of a sub-pixel convolution's weight, and its place in the transposed layer's. */
export function visitTaps(
  spec: OperatorSpec,
  upsampling: Upsampling,
  visit: (to: number, from: number) => void,
): void {
  const { factor, mode } = upsampling;
  const phases = product(factor);
  const outChannels = spec.outChannels / phases;
  const groups = sharedGroups(spec, upsampling);
  const extents = spec.kernel.map(
    (taps, axis) => at(factor, axis) * ((taps - 1) * at(spec.dilation, axis) + 1),
  );
  const area = product(extents);
  // Of the first phase; the others lie so many places behind.
  const tapPlaces = gridIndices(
    spec.kernel.map((taps, axis) =>
      Array.from({ length: taps }, (_, tap) => at(factor, axis) * at(spec.dilation, axis) * (taps - 1 - tap)),
    ),
    extents,
  );
  const phasePlaces = gridIndices(
    factor.map((step) => Array.from({ length: step }, (_, phase) => phase)),
    extents,
  );
  const groupIn = spec.inChannels / spec.groups;
  const groupOut = outChannels / groups;
  let from = 0;
  for (let channel = 0; channel < spec.outChannels; channel += 1) {
    const [out, phase] =
      mode === 'CRD'
        ? [Math.floor(channel / phases), channel % phases]
        : [channel % outChannels, Math.floor(channel / outChannels)];
    const group = Math.floor((channel * spec.groups) / spec.outChannels);
    for (let index = 0; index < groupIn; index += 1) {
      const pair = (group * groupIn + index) * groupOut + (out % groupOut);
      const start = pair * area + (phasePlaces[phase] as number);
      for (let tap = 0; tap < tapPlaces.length; tap += 1) {
        visit(start + (tapPlaces[tap] as number), from);
        from += 1;
      }
    }
  }
}

/** A sub-pixel convolution's bias, phase by phase of each channel. */
export function biasByPhase(bias: ArrayLike<number>, { factor, mode }: Upsampling): Float64Array {
  const phases = product(factor);
  const channels = bias.length / phases;
  return Float64Array.from({ length: bias.length }, (_, index) => {
    const [channel, phase] = [Math.floor(index / phases), index % phases];
    return bias[mode === 'CRD' ? index : phase * channels + channel] as number;
  });
}

/** The same with every channel's mean at all of its phases, in the bias's own order. */
export function evenBias(bias: ArrayLike<number>, { factor, mode }: Upsampling): Float64Array {
  const phases = product(factor);
  const channels = bias.length / phases;
  const channelOf = (index: number): number =>
    mode === 'CRD' ? Math.floor(index / phases) : index % channels;
  const sums = new Float64Array(channels);
  for (let index = 0; index < bias.length; index += 1) {
    const channel = channelOf(index);
    sums[channel] = (sums[channel] as number) + (bias[index] as number);
  }
  return Float64Array.from(
    { length: bias.length },
    (_, index) => (sums[channelOf(index)] as number) / phases,
  );
}
