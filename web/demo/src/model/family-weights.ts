import type { LayerKind, StampGeometry } from './family';
import { type LayerSpec, reach } from './geometry';
import { divided } from './resize-stamps';

export const kindNames: Record<LayerKind, string> = {
  transposed: 'Transposed convolution',
  subpixel: 'Sub-pixel convolution',
  resize: 'Resize, then convolution',
};

/** Taps along an axis of the kernel that a layer of a kind has itself. */
export function ownKernel(geometry: StampGeometry, kind: LayerKind): number {
  const { kernel, stride } = geometry;
  if (kind === 'transposed') return kernel;
  return kind === 'resize' ? kernel - stride + 1 : Math.ceil(reach(geometry) / stride);
}

/** One of the channels that become positions, by the place that it takes in every `stride` by `stride` of them. */
export interface SubpixelChannel {
  /** That of the phase which it makes. */
  readonly name: string;
  readonly row: number;
  readonly column: number;
}

export function subpixelChannels({ axes, stride }: StampGeometry): SubpixelChannel[] {
  return Array.from({ length: stride ** axes }, (_, index) => ({
    name: String.fromCharCode(65 + index),
    row: axes === 1 ? 0 : Math.floor(index / stride),
    column: index % stride,
  }));
}

/**
 * The tap of the stamp that a tap of a channel becomes, both counted as they stamp; null where the stamp has none
 * and the channel has to hold zero.
 */
export function stampTap(
  { axes, kernel, stride, dilation }: StampGeometry,
  channel: SubpixelChannel,
  row: number,
  column: number,
): number | null {
  const along = (tap: number, phase: number) => {
    const line = tap * stride + phase;
    return line % dilation === 0 && line / dilation < kernel ? line / dilation : null;
  };
  const across = along(column, channel.column);
  const down = axes === 1 ? 0 : along(row, channel.row);
  return down === null || across === null ? null : down * kernel + across;
}

/** How many channels a layer has; its stamps lie as `[in, out/groups, ...taps]`. */
export interface ChannelCounts {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
}

/** The stamps of a layer as the weight of a convolution, `[out, in/groups, ...taps]`, each pair by a rule. */
function convolutionWeight(
  stamps: ArrayLike<number>,
  { inChannels, outChannels, groups }: ChannelCounts,
  kernels: (stamp: number[]) => number[][],
): number[] {
  const [groupIn, groupOut] = [inChannels / groups, outChannels / groups];
  const taps = stamps.length / (inChannels * groupOut);
  return Array.from({ length: outChannels }, (_, out) => {
    const first = Math.floor(out / groupOut) * groupIn;
    const pairs = Array.from({ length: groupIn }, (_, i) => {
      const begin = ((first + i) * groupOut + (out % groupOut)) * taps;
      return kernels(Array.from({ length: taps }, (_, tap) => stamps[begin + tap] ?? 0));
    });
    // Channel by channel that the output channel is made of, then input by input.
    return (pairs[0] ?? []).flatMap((_, part) => pairs.flatMap((pair) => pair[part] ?? []));
  }).flat();
}

/**
 * The weight of the sub-pixel convolution with given stamps, `[out * stride ** axes, in/groups, ...own]`, in the
 * order of `PixelShuffle`. A convolution correlates, so its taps lie the other way round than they stamp.
 */
export function subpixelWeight(
  geometry: StampGeometry,
  stamps: ArrayLike<number>,
  channels: ChannelCounts,
): number[] {
  const own = ownKernel(geometry, 'subpixel');
  const rows = geometry.axes === 1 ? 1 : own;
  return convolutionWeight(stamps, channels, (stamp) =>
    subpixelChannels(geometry).map((channel) =>
      Array.from({ length: rows * own }, (_, at) => {
        const tap = stampTap(geometry, channel, Math.floor(at / own), at % own);
        return tap === null ? 0 : (stamp[tap] ?? 0);
      }).reverse(),
    ),
  );
}

/** The weight of the convolution behind a nearest-neighbour resize with given stamps, `[out, in/groups, ...own]`. */
export function resizeWeight(
  geometry: StampGeometry,
  stamps: ArrayLike<number>,
  channels: ChannelCounts,
): number[] {
  return convolutionWeight(stamps, channels, (stamp) => [divided(geometry, stamp).quotient.reverse()]);
}

/**
 * The padding of the convolution with which what it makes holds all of a layer's output, and the line of it where
 * that output begins.
 */
export function framing(
  spec: StampGeometry & Pick<LayerSpec, 'padding' | 'outputPadding'>,
  kind: Exclude<LayerKind, 'transposed'>,
): { readonly pad: number; readonly from: number } {
  const { stride, padding, outputPadding } = spec;
  const own = ownKernel(spec, kind);
  const [step, behind] = kind === 'subpixel' ? [stride, own * stride] : [1, reach(spec)];
  const short = Math.max(reach(spec) + outputPadding - padding - behind, 0);
  const more = Math.ceil(short / step);
  return { pad: own - 1 + more, from: padding + more * step };
}
