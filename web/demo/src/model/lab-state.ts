import { type Range, seedRange } from './layer-state';
import { UPSAMPLER } from './learn-state';
import type { LevelsMode } from './levels';
import type { Slice } from './slice';
import type { TestImage } from './test-images';

export const labFills = ['ones', 'random', 'bilinear', 'icnr', 'learned', 'given'] as const;
/**
 * `learned` is what station 6 trained, which a link brings back; `given` is a kernel of a model file: like an
 * own picture it is not part of a link.
 */
export type LabFill = (typeof labFills)[number];

export const learnedFrom = ['random', 'icnr'] as const;
export type LearnedFrom = (typeof learnedFrom)[number];

export const panelKinds = ['input', 'raw', 'even', 'icnr', 'resize', 'smooth', 'repaired'] as const;
export type PanelKind = (typeof panelKinds)[number];

export const soundLayers = ['k16s8', 'k15s10', 'k11s5'] as const;
export type SoundLayer = (typeof soundLayers)[number];

export interface LabState {
  /** `own` is the picture the person opened; it stays in the page and is not part of the state. */
  readonly source: TestImage | 'own';
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** 3: every colour on its own; 1: all colours mixed. */
  readonly groups: 1 | 3;
  /** `fit` crops to stride times the input; `own` crops what padding and output padding say. */
  readonly crop: 'fit' | 'own';
  readonly padding: number;
  readonly outputPadding: number;
  readonly fill: LabFill;
  readonly seed: number;
  /** From which weights the learned ones began. */
  readonly learned: LearnedFrom;
  /** How many of the layer are stacked. */
  readonly depth: number;
  readonly panels: readonly PanelKind[];
  readonly levels: LevelsMode;
  readonly sound: SoundLayer;
}

export const labLimits = {
  kernel: { min: 1, max: 9 },
  stride: { min: 1, max: 4 },
  dilation: { min: 1, max: 3 },
  padding: { min: 0, max: 12 },
  outputPadding: { min: 0, max: 3 },
  depth: { min: 1, max: 3 },
} satisfies Record<string, Range>;

/** Panels side by side: below two nothing is compared, above four nothing is seen. */
export const panelLimits: Range = { min: 2, max: 4 };

/** A stack enlarges by the stride once a layer; more than this and the pictures are dust. */
const LARGEST_SCALE = 16;

/** Layers that a stack of this stride may have. */
export function depthLimit(stride: number): number {
  let depth = 1;
  while (depth < labLimits.depth.max && stride ** (depth + 1) <= LARGEST_SCALE) depth++;
  return depth;
}

/** The panels with one more or one less, in their own order; unchanged where the limits forbid it. */
export function withPanel(panels: readonly PanelKind[], kind: PanelKind): readonly PanelKind[] {
  const has = panels.includes(kind);
  const next = panelKinds.filter((k) => (k === kind ? !has : panels.includes(k)));
  return next.length < panelLimits.min || next.length > panelLimits.max ? panels : next;
}

/** The lab with the layer of station 6 and its weights. */
export function withLearned(lab: LabState): LabState {
  const { kernel, stride } = UPSAMPLER;
  return { ...lab, fill: 'learned', kernel, stride, dilation: 1, groups: 3, crop: 'fit' };
}

export const labSlice: Slice<LabState> = {
  key: 'L',
  defaults: {
    source: 'landscape',
    kernel: 3,
    stride: 2,
    dilation: 1,
    groups: 3,
    crop: 'fit',
    padding: 0,
    outputPadding: 0,
    fill: 'ones',
    seed: 1,
    learned: 'random',
    depth: 1,
    panels: ['input', 'raw', 'resize'],
    levels: 'unit',
    sound: 'k16s8',
  },
  fields: [
    { name: 'source', key: 'i', kind: 'choice', of: ['landscape', 'flat', 'ramp', 'zone', 'own'] },
    { name: 'kernel', key: 'k', kind: 'integer', ...labLimits.kernel },
    { name: 'stride', key: 's', kind: 'integer', ...labLimits.stride },
    { name: 'dilation', key: 'd', kind: 'integer', ...labLimits.dilation },
    { name: 'groups', key: 'g', kind: 'choice', of: [1, 3] },
    { name: 'crop', key: 'c', kind: 'choice', of: ['fit', 'own'] },
    { name: 'padding', key: 'p', kind: 'integer', ...labLimits.padding },
    { name: 'outputPadding', key: 'o', kind: 'integer', ...labLimits.outputPadding },
    { name: 'fill', key: 'f', kind: 'choice', of: labFills },
    { name: 'seed', key: 'r', kind: 'integer', ...seedRange },
    { name: 'learned', key: 't', kind: 'choice', of: learnedFrom },
    { name: 'depth', key: 'n', kind: 'integer', ...labLimits.depth },
    { name: 'panels', key: 'v', kind: 'choices', of: panelKinds, longest: panelLimits.max },
    { name: 'levels', key: 'l', kind: 'choice', of: ['unit', 'shared'] },
    { name: 'sound', key: 'a', kind: 'choice', of: soundLayers },
  ],
  sound: ({ panels }) => panels.length >= panelLimits.min && new Set(panels).size === panels.length,
};
