import { checkAxes, checkChoice, checkOptions } from '../core/checks.js';
import { at, type PerAxis, type SpatialRank } from '../core/lists.js';
import { kernelReach, type OperatorSpec, weightShape } from '../core/spec.js';
import { readTorchPadding, type TorchPadding } from '../core/torch-words.js';
import type { WeightLayout } from '../core/weight-layout.js';
import type { LayerDefinition } from '../layers/operator-layer.js';
import {
  LAYER_OPTION_NAMES,
  type LayerOptions,
  type LayerSettings,
  readLayerOptions,
  torchDefinition,
} from '../layers/torch-options.js';
import { checkPhases } from './axis.js';
import {
  boxFilter,
  checkFiltering,
  correlationLayout,
  type Filtering,
  filteredKernel,
  filterKernels,
  filterLength,
  linearFilter,
  unfilterGradient,
} from './filters.js';
import { type Ends, type InputStep, repeatedEdges, resized } from './input-steps.js';

/** `'linear'` for sequences, `'bilinear'` for images, `'trilinear'` for volumes, as PyTorch calls them. */
export type ResizeMode = 'nearest' | 'linear' | 'bilinear' | 'trilinear';

/** A resize and a convolution in the words of PyTorch's nn.Upsample and nn.Conv; a list has one entry per spatial axis. */
export interface ResizeConvOptions<Rank extends SpatialRank = never> extends LayerOptions {
  /** How many times larger the output is, before the convolution. */
  readonly scaleFactor: PerAxis<Rank>;
  /** How the values in between are made; linear ones with `align_corners=False`. Default `'nearest'`. */
  readonly mode?: ResizeMode;
  /** Size of the convolution's kernel. */
  readonly kernelSize: PerAxis<Rank>;
  /**
   * Values that the convolution adds at **both** ends of the **resized** axis; `'valid'` for none,
   * `'same'` for as many as keep its size (an odd total puts the larger half at the end). Default 0.
   */
  readonly padding?: PerAxis<Rank> | 'same' | 'valid';
  /** What the padding consists of. Default `'zeros'`. */
  readonly paddingMode?: 'zeros' | 'replicate';
  /** Distance between the taps of the kernel. Default 1. */
  readonly dilation?: PerAxis<Rank>;
}

const RANK_MODES = ['linear', 'linear', 'bilinear', 'trilinear'] as const;

/** The checked form of the options. */
export interface ResizeSettings {
  readonly layer: LayerSettings;
  readonly scale: readonly number[];
  readonly mode: ResizeMode;
  readonly kernel: readonly number[];
  readonly padding: TorchPadding;
  readonly paddingMode: 'zeros' | 'replicate';
  readonly dilation: readonly number[];
}

/** How one kind of ResizeConv is computed: steps, and an operator with the parameters. */
export interface ResizeMethod {
  /** What happens to the input before the operator sees it, in order. */
  readonly steps: readonly InputStep[];
  readonly operator: LayerDefinition;
  /** The equal transposed convolution of the whole; where there are steps, equal away from the borders. */
  readonly transposed: OperatorSpec;
  /** The weight of `transposed`. */
  readonly layout: WeightLayout;
}

export function readResizeOptions(name: string, rank: number, options: unknown): ResizeSettings {
  const checked = checkOptions<ResizeConvOptions>(name, options, [
    ...LAYER_OPTION_NAMES,
    'scaleFactor',
    'mode',
    'kernelSize',
    'padding',
    'paddingMode',
    'dilation',
  ]);
  const layer = readLayerOptions(name, checked);
  const scale = checkAxes(name, 'scaleFactor', checked.scaleFactor, rank, 1);
  const mode = checkChoice<ResizeMode>(name, 'mode', checked.mode ?? 'nearest', [
    'nearest',
    RANK_MODES[rank] as ResizeMode,
  ]);
  const kernel = checkAxes(name, 'kernelSize', checked.kernelSize, rank, 1);
  const dilation = checkAxes(name, 'dilation', checked.dilation ?? 1, rank, 1);
  const padding = readTorchPadding(name, checked.padding ?? 0, {
    kernel,
    stride: kernel.map(() => 1),
    dilation,
  });
  const paddingMode = checkChoice(name, 'paddingMode', checked.paddingMode ?? 'zeros', [
    'zeros',
    'replicate',
  ]);
  return { layer, scale, mode, kernel, padding, paddingMode, dilation };
}

export function resizeMethod(name: string, settings: ResizeSettings): ResizeMethod {
  const { layer, scale, mode, kernel, padding, dilation } = settings;
  const rank = kernel.length;
  const ones = new Array<number>(rank).fill(1);
  const linear = mode !== 'nearest';
  const convolution: OperatorSpec = {
    transposed: false,
    groups: layer.groups,
    inChannels: layer.inChannels,
    outChannels: layer.outChannels,
    kernel,
    stride: ones,
    dilation,
    inputDilation: ones,
    padBefore: padding.before,
    padAfter: padding.after,
    relu: false,
  };
  checkPhases(name, scale);
  const lengths = scale.map((step) => filterLength(step, linear));
  checkFiltering(name, layer.inChannels * (layer.outChannels / layer.groups), { kernel, dilation, lengths });
  const filters = scale.map(linear ? linearFilter : boxFilter);
  // Where a linear resize's first output lies before the first input value.
  const offsets = scale.map((step) => (linear ? Math.ceil((step - 1) / 2) : 0));
  const filtering: Filtering = { kernel, dilation, filters };
  const padsMatter = [...padding.before, ...padding.after].some((pad) => pad > 0);
  const replicates = settings.paddingMode === 'replicate' && padsMatter;
  const twoSteps = linear && padsMatter && !replicates;
  const edges = twoSteps ? null : edgesOf(settings, offsets);

  /** The equal transposed convolution on an input with `ends` more values: crops count in output rows. */
  const transposedOn = (ends: readonly Ends[]): OperatorSpec => {
    const crop = (side: 0 | 1) => (pad: number, axis: number) =>
      kernelReach(convolution, axis) -
      1 -
      pad +
      at(offsets, axis) +
      (ends[axis] as Ends)[side] * at(scale, axis);
    return {
      ...convolution,
      transposed: true,
      kernel: filteredKernel(filtering),
      stride: scale,
      dilation: ones,
      padBefore: convolution.padBefore.map(crop(0)),
      padAfter: convolution.padAfter.map(crop(1)),
    };
  };
  const layout = resizeLayout(convolution, filtering);
  const none = ones.map((): Ends => [0, 0]);
  const drawn = torchDefinition(name, convolution, layer);
  const { runtime } = layer.execution;
  const repeats = edges === null ? [] : [repeatedEdges(edges, runtime)];
  return {
    steps: twoSteps ? [resized(scale, mode, runtime)] : repeats,
    operator: twoSteps ? drawn : { ...drawn, spec: transposedOn(edges ?? none), weightLayout: layout },
    transposed: transposedOn(none),
    layout,
  };
}

/**
 * Input values to repeat, so that every value that the convolution reads is made of repeated ones as a
 * clamped resize makes it; null for none.
 */
function edgesOf(
  { scale, mode, padding, paddingMode }: ResizeSettings,
  offsets: readonly number[],
): readonly Ends[] | null {
  if (mode === 'nearest' && paddingMode === 'zeros') return null;
  const edges = padding.before.map((before, axis): Ends => {
    // A linear resize reaches half a stride beyond its input by itself.
    const count = (pad: number): number => Math.ceil((pad + at(offsets, axis)) / at(scale, axis));
    return [count(before), count(at(padding.after, axis))];
  });
  return edges.some(([before, after]) => before + after > 0) ? edges : null;
}

/** Conv's weight as a transposed convolution's, filtered. */
function resizeLayout(convolution: OperatorSpec, filtering: Filtering): WeightLayout {
  const order = correlationLayout(convolution);
  return {
    shape: weightShape(convolution),
    toCanonical: (values) => Float32Array.from(filterKernels(order.toCanonical(values), filtering)),
    fromCanonical: (gradient) =>
      order.fromCanonical(Float32Array.from(unfilterGradient(gradient, filtering))),
  };
}
