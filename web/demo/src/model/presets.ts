import type { LayerSpec } from './geometry';
import { bounded } from './layer-state';
import { type State, withFill } from './state';

/** A layer of a network people use, its geometry without its channels. */
export interface Preset {
  readonly name: string;
  /** Where the layer stands, and what of it is left out here. */
  readonly note: string;
  readonly layer: LayerSpec;
}

const layer = (axes: 1 | 2, kernel: number, stride: number, more: Partial<LayerSpec> = {}): LayerSpec => ({
  axes,
  groups: 1,
  size: axes === 1 ? 5 : 3,
  kernel,
  stride,
  padding: 0,
  outputPadding: 0,
  dilation: 1,
  ...more,
});

export const presets: readonly Preset[] = [
  { name: 'SAM mask decoder', note: 'Kernel as wide as the stride.', layer: layer(2, 2, 2) },
  {
    name: 'DCGAN',
    note: 'The generator of 2015: kernel 4, stride 2.',
    layer: layer(2, 4, 2, { padding: 1 }),
  },
  {
    name: 'Fast style transfer',
    note: 'Kernel 3, stride 2: the checkerboard of many articles.',
    layer: layer(2, 3, 2, { padding: 1, outputPadding: 1 }),
  },
  {
    name: 'FSRCNN \u00d72',
    note: 'Super-resolution, its last layer.',
    layer: layer(2, 9, 2, { padding: 4, outputPadding: 1 }),
  },
  {
    name: 'FSRCNN \u00d73',
    note: 'Super-resolution, its last layer.',
    layer: layer(2, 9, 3, { padding: 4, outputPadding: 2 }),
  },
  {
    name: 'FSRCNN \u00d74',
    note: 'Super-resolution, its last layer.',
    layer: layer(2, 9, 4, { padding: 4, outputPadding: 3 }),
  },
  { name: 'FCN-8s', note: 'One axis of the last layer of 2015.', layer: layer(1, 16, 8, { padding: 4 }) },
  { name: 'HiFi-GAN', note: 'A vocoder: its first upsampling.', layer: layer(1, 16, 8, { padding: 4 }) },
  {
    name: 'Kokoro',
    note: 'A speech model: depthwise, so each channel is a lane.',
    layer: layer(1, 3, 2, { groups: 3, padding: 1, outputPadding: 1 }),
  },
  { name: 'htdemucs', note: 'Music separation, along one axis.', layer: layer(1, 8, 4, { padding: 2 }) },
];

/** The preset's layer over a flat input, with the weights' rule as it was; a person's own become ones. */
export function withPreset(state: State, preset: Preset): State {
  const next = bounded(preset.layer, state.kind);
  const cells = (next.axes === 1 ? next.groups : next.size) * next.size;
  const fresh = { ...state, layer: next, input: new Array<number>(cells).fill(1) };
  return withFill(fresh, state.fill === 'own' ? 'ones' : state.fill);
}
