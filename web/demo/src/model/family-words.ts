import type { LayerKind, StampGeometry } from './family';
import { ownKernel, subpixelChannels } from './family-weights';
import { count } from './numbers';

/** Where three kinds stand side by side. */
export const kindLabels: Record<LayerKind, string> = {
  transposed: 'Transposed',
  subpixel: 'Sub-pixel',
  resize: 'Resize + conv',
};

/** What the size of a layer's stamp is called: only a transposed convolution has it as its kernel. */
export const kernelLabel = (kind: LayerKind) => (kind === 'transposed' ? 'Kernel' : 'Stamp');

/** That the three are one family, from where one stands in it. */
export function familySentence(geometry: StampGeometry, kind: LayerKind): string {
  const { stride, kernel } = geometry;
  const size = (taps: number) => (geometry.axes === 1 ? count(taps, 'tap') : `${taps} \u00d7 ${taps} taps`);
  const subpixel = size(ownKernel(geometry, 'subpixel'));
  const channels = subpixelChannels(geometry).length;
  switch (kind) {
    case 'transposed':
      return `One family: this transposed convolution with kernel ${kernel} is a sub-pixel convolution with another kernel, ${count(channels, 'channel')} of ${subpixel}. Switch, and the output stays.`;
    case 'subpixel':
      return `One family: a convolution of ${count(channels, 'channel')} with ${subpixel} each, whose channels become the cells of every block. Interleaved they are the stamp of the transposed convolution with kernel ${kernel}: the same stamps, counts, phases and U.`;
    case 'resize':
      if (kernel < stride)
        return `A resize by ${stride} stamps ${stride} cells at least: no shorter stamp is of this kind.`;
      return `One family: each cell is copied ${geometry.axes === 1 ? `${stride} times` : `${stride} \u00d7 ${stride} times`}, then a convolution has ${size(ownKernel(geometry, 'resize'))}. Its stamp is that kernel, spread by the copies. Few stamps are of that kind, and none of them has a pattern: from others, switching takes the nearest.`;
  }
}
