import type { Slice } from './slice';

/** Famous layers, by their names in scripts/bench/cases.mjs. */
export const benchLayers = [
  'sam_up',
  'fsrcnn_x2',
  'fsrcnn',
  'fsrcnn_x4',
  'hifigan',
  'dcgan3',
  'style_transfer',
  'kokoro',
  'htdemucs',
  'fcn8_depthwise',
] as const;
export type BenchLayer = (typeof benchLayers)[number];

/** What a person has chosen in station 8. What was measured and which peers are loaded is no part of it. */
export interface BenchState {
  readonly layer: BenchLayer;
}

export const benchSlice: Slice<BenchState> = {
  key: 'B',
  defaults: { layer: 'sam_up' },
  fields: [{ name: 'layer', key: 'l', kind: 'choice', of: benchLayers }],
};
