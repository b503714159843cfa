import type { LayerSpec } from './geometry';

/** What a layer is made of. All three stamp; they differ in which stamps they can have, and in how their weights lie. */
export const layerKinds = ['transposed', 'subpixel', 'resize'] as const;
export type LayerKind = (typeof layerKinds)[number];

/** What of a layer its stamps depend on. */
export type StampGeometry = Pick<LayerSpec, 'axes' | 'kernel' | 'stride' | 'dilation'>;
