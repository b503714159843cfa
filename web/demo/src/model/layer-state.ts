import { type Convention, conventions } from './conventions';
import { type LayerKind, layerKinds } from './family';
import { inputCells, type LayerSpec, reach, tapCount } from './geometry';
import { type KernelFill, kernelTaps, signedTaps } from './kernels';
import { isResize, nearestResize } from './resize-stamps';
import type { Slice } from './slice';

/**
 * What stations 1 to 4 look at: the layer, its input and its kernel row by row. Geometry and kernel are those of
 * the transposed convolution, whatever kind of layer has these stamps.
 */
export interface LayerState {
  readonly layer: LayerSpec;
  readonly kind: LayerKind;
  readonly input: readonly number[];
  readonly weights: readonly number[];
  /** Where the weights came from; `own` once a person has typed one. */
  readonly fill: KernelFill | 'own';
  readonly seed: number;
  readonly speed: number;
  /** Stamps scattered one after the other, or outputs gathered one after the other. */
  readonly view: 'scatter' | 'gather';
  /** Whose rules station 3 reads the numbers by. */
  readonly convention: Convention;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export const layerFills = ['ones', 'random', 'bilinear', 'own'] as const;
export const speeds = [0.5, 1, 2, 4] as const;
export const seedRange: Range = { min: 0, max: 999_999_999 };

/** One that a link can hold. */
export const nextSeed = (seed: number) => (seed < seedRange.max ? seed + 1 : seedRange.min);
export const valueRange: Range = { min: -1e6, max: 1e6 };

/** Largest drawn output on one axis: a square of it is still cells and not dust. */
const LONGEST = { 1: 96, 2: 33 } as const;

type Bounded = 'groups' | 'size' | 'kernel' | 'stride' | 'padding' | 'outputPadding' | 'dilation';

/** What the sliders offer for a layer of one or two axes. */
export function layerLimits(axes: 1 | 2): Record<Bounded, Range> {
  const line = axes === 1;
  return {
    groups: { min: 1, max: line ? 3 : 1 },
    size: { min: 1, max: line ? 8 : 5 },
    kernel: { min: 1, max: line ? 16 : 9 },
    stride: { min: 1, max: line ? 8 : 4 },
    padding: { min: 0, max: 4 },
    outputPadding: { min: 0, max: 7 },
    dilation: { min: 1, max: 4 },
  };
}

/** The same for a layer of a kind: a resize-convolution stamps at least what its resize does, and without holes. */
export function limitsOf({ layer, kind }: Pick<LayerState, 'layer' | 'kind'>): Record<Bounded, Range> {
  const limits = layerLimits(layer.axes);
  if (kind !== 'resize') return limits;
  return { ...limits, kernel: { ...limits.kernel, min: layer.stride }, dilation: { min: 1, max: 1 } };
}

/** The largest input whose output can still be drawn. */
export function largestSize(spec: LayerSpec): number {
  const { max } = layerLimits(spec.axes).size;
  return Math.min(max, Math.max(1, Math.floor((LONGEST[spec.axes] - reach(spec)) / spec.stride) + 1));
}

/** A layer brought inside the limits of its axes, and to what its kind can be. */
export function bounded(spec: LayerSpec, kind: LayerKind = 'transposed'): LayerSpec {
  const limits = layerLimits(spec.axes);
  const within = (name: Bounded) => Math.min(Math.max(spec[name], limits[name].min), limits[name].max);
  const layer = {
    axes: spec.axes,
    groups: within('groups'),
    size: within('size'),
    kernel: within('kernel'),
    stride: within('stride'),
    padding: within('padding'),
    outputPadding: within('outputPadding'),
    dilation: within('dilation'),
  };
  // A resize leaves no holes, and stamps boxes that a dilated kernel has not.
  if (kind === 'resize') {
    layer.kernel = Math.max(layer.kernel, layer.stride);
    layer.dilation = 1;
  }
  while (reach(layer) > LONGEST[spec.axes]) layer.dilation--;
  return { ...layer, size: Math.min(layer.size, largestSize(layer)) };
}

/** The kernel that a rule gives a layer, or the nearest of its kind. Groups get kernels of their own. */
export function filled(
  layer: LayerSpec,
  fill: KernelFill,
  seed: number,
  kind: LayerKind = 'transposed',
): readonly number[] {
  return fitted(layer, kind, filledFreely(layer, fill, seed));
}

/** The nearest kernel that a layer of a kind can have; only behind a resize it cannot be any. */
export function fitted(layer: LayerSpec, kind: LayerKind, kernel: readonly number[]): readonly number[] {
  return kind === 'resize' ? nearestResize(layer, kernel) : kernel;
}

function filledFreely(layer: LayerSpec, fill: KernelFill, seed: number): number[] {
  const rows = layer.axes === 1 ? 1 : layer.kernel;
  return Array.from({ length: layer.groups }, (_, group) =>
    // Signed numbers, as a layer has before training; kernelTaps keeps to positive ones for pictures.
    fill === 'random'
      ? signedTaps(rows * layer.kernel, seed + group)
      : kernelTaps(fill, layer.kernel, layer.stride, seed, rows),
  ).flat();
}

/** A flat input and a kernel of ones: the output counts the stamps, and the pattern is all theirs. */
export const openingLayer: LayerState = {
  layer: {
    axes: 2,
    groups: 1,
    size: 3,
    kernel: 3,
    stride: 2,
    padding: 0,
    outputPadding: 0,
    dilation: 1,
  },
  kind: 'transposed',
  input: new Array<number>(9).fill(1),
  weights: new Array<number>(9).fill(1),
  fill: 'ones',
  seed: 26,
  speed: 1,
  view: 'scatter',
  convention: 'pytorch',
};

type Flat = LayerSpec & Omit<LayerState, 'layer'>;

export const flatLayer = ({
  layer,
  kind,
  input,
  weights,
  fill,
  seed,
  speed,
  view,
  convention,
}: LayerState): Flat => ({
  ...layer,
  kind,
  input,
  weights,
  fill,
  seed,
  speed,
  view,
  convention,
});

export const unflatLayer = ({
  kind,
  input,
  weights,
  fill,
  seed,
  speed,
  view,
  convention,
  ...layer
}: Flat): LayerState => ({
  layer,
  kind,
  input,
  weights,
  fill,
  seed,
  speed,
  view,
  convention,
});

// The widest limits; `sound` looks at those of the axes.
const widest = layerLimits(1);

export const layerSlice: Slice<Flat> = {
  key: '',
  defaults: flatLayer(openingLayer),
  fields: [
    { name: 'axes', key: 'a', kind: 'choice', of: [1, 2] },
    { name: 'groups', key: 'g', kind: 'integer', ...widest.groups },
    { name: 'size', key: 'n', kind: 'integer', ...widest.size },
    { name: 'kernel', key: 'k', kind: 'integer', ...widest.kernel },
    { name: 'stride', key: 's', kind: 'integer', ...widest.stride },
    { name: 'padding', key: 'p', kind: 'integer', ...widest.padding },
    { name: 'outputPadding', key: 'o', kind: 'integer', ...widest.outputPadding },
    { name: 'dilation', key: 'd', kind: 'integer', ...widest.dilation },
    { name: 'kind', key: 'm', kind: 'choice', of: layerKinds },
    {
      name: 'input',
      key: 'x',
      kind: 'numbers',
      ...valueRange,
      longest: 25,
      otherwise: (before) => new Array<number>(inputCells(before)).fill(1),
    },
    { name: 'fill', key: 'f', kind: 'choice', of: layerFills },
    { name: 'seed', key: 'r', kind: 'integer', ...seedRange },
    {
      name: 'weights',
      key: 'w',
      kind: 'numbers',
      ...valueRange,
      longest: 81,
      otherwise: (before) =>
        filled(before, before.fill === 'own' ? 'ones' : before.fill, before.seed, before.kind),
    },
    { name: 'speed', key: 'v', kind: 'choice', of: speeds },
    { name: 'view', key: 'e', kind: 'choice', of: ['scatter', 'gather'] },
    { name: 'convention', key: 'c', kind: 'choice', of: conventions },
  ],
  sound: (value) => {
    const limits = layerLimits(value.axes);
    const inside = (Object.keys(limits) as Bounded[]).every((name) => value[name] <= limits[name].max);
    return (
      inside &&
      reach(value) <= LONGEST[value.axes] &&
      value.size <= largestSize(value) &&
      value.input.length === inputCells(value) &&
      value.weights.length === tapCount(value) &&
      (value.kind !== 'resize' || isResize(value, value.weights))
    );
  },
};
