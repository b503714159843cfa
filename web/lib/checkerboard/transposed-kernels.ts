// Stamps of sub-pixel convolutions and resize-convolutions that are given as kernels.

import { refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { isLayer } from '../layers/layer.js';
import { gridIndices } from './grid.js';
import { type Kernels, readKernels, readStamps, type Stamps, type Subject } from './stamps.js';
import { biasByPhase, transposedOf, visitTaps } from './upsampling.js';

/** Stamps every tap of which is one value of a weight. */
interface OwnStamps {
  readonly stamps: Stamps;
  /** Puts values in the stamps' order back into the weight's. */
  readonly restore: (values: Float64Array) => Float64Array;
}

/** The stamps of kernels, tap by tap; null behind an upsampling, where no taps leave a pattern on flats. */
export function readOwnStamps(where: string, kernels: Kernels): OwnStamps | null {
  const { spec, upsampling } = readKernels(where, kernels);
  if (upsampling?.kind === 'upsample') return null;
  const stamps = readStamps(where, kernels, { ownTaps: true });
  if (upsampling === null) return { stamps, restore: (values) => values };
  if (stamps.groups !== spec.groups) {
    refuse(
      'UNSUPPORTED',
      where,
      'groups that keep the phases of a channel together',
      `${spec.groups} groups and mode ${upsampling.mode}`,
      'Its phases see different inputs, and no weights of theirs make them equal.',
    );
  }
  const dense = { ...spec, dilation: spec.dilation.map(() => 1) };
  return {
    stamps,
    restore: (values) => {
      const result = new Float64Array(values.length);
      visitTaps(dense, upsampling, (to, from) => {
        result[from] = values[to] as number;
      });
      return result;
    },
  };
}

/**
 * The stamps with one more input channel, always 1, whose weights are the bias: for a sub-pixel convolution
 * whose bias differs from phase to phase. Null where it does not.
 */
export function stampsWithBias(where: string, subject: Subject, stamps: Stamps): Stamps | null {
  if (isLayer(subject)) return null;
  const { upsampling, bias } = readKernels(where, subject);
  if (bias === null || upsampling?.kind !== 'pixelShuffle') return null;
  const values = biasByPhase(bias, upsampling);
  const phases = product(upsampling.factor);
  const even = values.every((value, index) => value === values[index - (index % phases)]);
  if (even) return null;
  const { axes, inChannels, outChannels, groups } = stamps;
  const extents = axes.map(({ kernelSize }) => kernelSize);
  const area = product(extents);
  const groupIn = inChannels / groups;
  const groupOut = outChannels / groups;
  const weight = new Float64Array((inChannels + 1) * outChannels * area);
  for (let from = 0; from < inChannels; from += 1) {
    const first = Math.floor(from / groupIn) * groupOut;
    for (let index = 0; index < groupOut * area; index += 1) {
      const to = from * outChannels * area + first * area + index;
      weight[to] = stamps.weight[from * groupOut * area + index] as number;
    }
  }
  const places = gridIndices(
    upsampling.factor.map((step) => Array.from({ length: step }, (_, phase) => phase)),
    extents,
  );
  for (const [index, value] of values.entries()) {
    const out = Math.floor(index / phases);
    const place = places[index % phases] as number;
    weight[(inChannels * outChannels + out) * area + place] = value;
  }
  return { ...stamps, name: `${stamps.name} and its bias`, inChannels: inChannels + 1, groups: 1, weight };
}

/**
 * The transposed convolution that computes the same as a sub-pixel convolution (`pixelShuffle`) or as a
 * resize and a convolution (`upsample`; away from the borders), as kernels: what `analyze` looks at.
 *
 * With stride s, dilation d and k taps of q along an axis: `h[s * d * (k - 1 - j) + r] = q_r[j]`, q_r the
 * channel that becomes phase r; and `h = q * box_s` (a nearest-neighbour resize) or q convolved with what a
 * linear one stamps, q with its taps reversed. The padding p becomes `s * (d * (k - 1) - p)` and
 * `d * (k - 1) - p`, plus half a stride for linear modes; negative where rows are added.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_SHAPE`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const geometry = { pixelShuffle: { upscaleFactor: 2 }, padding: 1 };
 * const weight = { data: [1, 2, 3, 4, 5, 6], shape: [2, 1, 3] };
 * console.log(toTransposedKernels({ geometry, weight }).weight.data.join(' ')); // 3 6 2 5 1 4
 */
export function toTransposedKernels(kernels: Kernels): Kernels {
  const where = 'toTransposedKernels';
  const { spec, upsampling, weight } = readKernels(where, kernels);
  if (upsampling === null) {
    refuse('BAD_OPTION', where, 'geometry with pixelShuffle or upsample', kernels.geometry);
  }
  const { spec: made, weight: data } = transposedOf(where, spec, weight, upsampling);
  return {
    geometry: { stride: made.stride, padding: made.padBefore, groups: made.groups },
    weight: { data, shape: [made.inChannels, made.outChannels / made.groups, ...made.kernel] },
  };
}
