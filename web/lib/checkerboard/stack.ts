import { checkOptions, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { checkLayers } from '../graph/layer-list.js';
import { type Analysis, describeStamps, readGains } from './analyze.js';
import { checkPhases } from './axis.js';
import { checkComposition } from './composition-limits.js';
import { gridIndices } from './grid.js';
import { overlapCounts, summarize } from './overlap.js';
import { type Pass, readStamps, type Stamps, type Subject } from './stamps.js';

/** Options of {@link analyzeStack}. */
export interface StackOptions {
  /** Default: backward where a strided convolution is among the layers, forward otherwise. */
  readonly pass?: Pass;
  /** Whether the result lists the gains of every channel pair. Default true. */
  readonly gains?: boolean;
}

/** The analysis of several layers as the one that they make together. */
export interface StackAnalysis extends Analysis {
  /** The layers in the order in which they run forward. */
  readonly layers: readonly string[];
}

/**
 * Finds the pattern that layers leave together when they run one after another: their strides multiply, and
 * so the pattern's period. The kernel of the stack is the first, spread by the strides behind it and convolved
 * with the next, and so on, summed over the channels between. Biases and activations between the layers are
 * not counted, nor what they cut off each other's borders.
 *
 * A stack may hold ordinary convolutions without a stride (a smoothing layer after an upsampling one).
 * Strided convolutions are taken backward, from the last layer's gradient to the first layer's input.
 *
 * @param subjects in the order in which they run forward
 * @throws {DeconvError} as `analyze`; `BAD_SHAPE` for channels or axes that do not fit, `TOO_LARGE` for a kernel
 * of the whole that cannot be computed in about a minute, `UNSUPPORTED` for a stack that raises and lowers the resolution
 *
 * @example
 * const options = { inChannels: 8, outChannels: 8, kernelSize: 4, stride: 2 };
 * const [first, second] = [1, 2].map((seed) => new ConvTranspose2d({ ...options, seed }));
 * console.log(analyzeStack([first, second]).stride); // [ 4, 4 ]
 */
export function analyzeStack(subjects: readonly Subject[], options: StackOptions = {}): StackAnalysis {
  const where = 'analyzeStack';
  checkLayers(where, subjects);
  if (subjects.length === 0) refuse('BAD_OPTION', where, 'at least one layer', subjects);
  const checked = checkOptions<StackOptions>(where, options, ['pass', 'gains']);
  const listGains = readGains(where, checked.gains);
  const pass = checked.pass ?? passOf(where, subjects);
  const layers = Array.from(subjects, (subject) => readStamps(where, subject, { pass }));
  const names = layers.map(({ name }) => name);
  if (pass === 'backward') layers.reverse();
  checkChain(where, layers);
  const stamps = composed(where, layers, names.join(', then '));
  const counts = summarize(stamps.axes.map((_, axis) => chainCounts(layers, axis)));
  const analysis = describeStamps(where, stamps, counts, listGains);
  return {
    ...analysis,
    sentence: `${analysis.sentence} The layers are taken as linear: what stands between them is not counted.`,
    layers: names,
  };
}

function passOf(where: string, subjects: readonly Subject[]): Pass {
  const own = subjects.map((subject) => readStamps(where, subject));
  return own.some(({ pass, axes }) => pass === 'backward' && axes.some(({ stride }) => stride > 1))
    ? 'backward'
    : 'forward';
}

function checkChain(where: string, layers: readonly Stamps[]): void {
  const rank = layers[0]?.axes.length;
  for (const [index, layer] of layers.entries()) {
    if (layer.axes.length !== rank) {
      refuse(
        'BAD_SHAPE',
        where,
        `layers of ${rank} spatial axes`,
        layer.axes.length,
        'Analyse each rank apart.',
      );
    }
    const before = layers[index - 1];
    if (before !== undefined && before.outChannels !== layer.inChannels) {
      refuse(
        'BAD_SHAPE',
        where,
        `${layer.name} to meet ${layer.inChannels} channels of ${before.name}`,
        before.outChannels,
        'List the layers in the order in which they run forward.',
      );
    }
  }
  checkPhases(
    where,
    (layers[0] as Stamps).axes.map((_, axis) =>
      product(layers.map(({ axes }) => axes[axis]?.stride as number)),
    ),
  );
}

/** Values of one kernel without holes, `[in, out, ...extents]`. */
interface Kernel {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly extents: readonly number[];
  readonly stride: readonly number[];
  readonly data: Float64Array;
}

type Size = Omit<Kernel, 'data'>;

function composed(where: string, layers: readonly Stamps[], name: string): Stamps {
  const sizes = layers.map(sizeOf);
  const forward = { work: 0, values: 0 };
  sizes.reduce((one, other) => joinedSize(one, other, forward));
  const backward = { work: 0, values: 0 };
  sizes.reduceRight((other, one) => joinedSize(one, other, backward));
  // Composition is associative, but a decoder that ends in few channels is much cheaper from its end.
  const fromEnd = backward.work < forward.work;
  const { work, values } = fromEnd ? backward : forward;
  const cost = { work, values: Math.max(values, ...sizes.map(valuesOf)) };
  checkComposition(where, 'a stack', cost, 'Analyse fewer layers at once, or a part of the channels.');
  const kernels = layers.map(filledIn);
  const whole = fromEnd
    ? kernels.reduceRight((other, one) => joined(one, other))
    : kernels.reduce((one, other) => joined(one, other));
  return {
    name,
    pass: (layers[0] as Stamps).pass,
    inChannels: whole.inChannels,
    outChannels: whole.outChannels,
    groups: 1,
    axes: whole.extents.map((kernelSize, axis) => ({
      kernelSize,
      stride: whole.stride[axis] as number,
      dilation: 1,
    })),
    padding: layers.some(({ padding }) => padding === null)
      ? null
      : whole.extents.map((_, axis) => chainPadding(layers, axis)),
    weight: whole.data,
    rounding: layers.reduce((sum, { rounding }) => sum + rounding, 0),
    magnitude: chainMagnitude(kernels),
  };
}

/** `sum (sum |tap|)^2` over the pairs, as if nothing cancelled on the way: what rounding is a share of. */
function chainMagnitude(kernels: readonly Kernel[]): number {
  const [first, ...rest] = kernels.map(pairSizes) as [Float64Array, ...Float64Array[]];
  const inChannels = (kernels[0] as Kernel).inChannels;
  const whole = rest.reduce((sizes, own, index) => {
    const { inChannels: between, outChannels } = kernels[index + 1] as Kernel;
    const next = new Float64Array(inChannels * outChannels);
    for (let from = 0; from < inChannels; from += 1) {
      for (let middle = 0; middle < between; middle += 1) {
        const size = sizes[from * between + middle] as number;
        for (let to = 0; to < outChannels; to += 1) {
          const target = from * outChannels + to;
          next[target] = (next[target] as number) + size * (own[middle * outChannels + to] as number);
        }
      }
    }
    return next;
  }, first);
  return whole.reduce((sum, size) => sum + size * size, 0);
}

/** `sum |tap|` of every pair, `[in, out]`. */
function pairSizes({ inChannels, outChannels, extents, data }: Kernel): Float64Array {
  const area = product(extents);
  const sizes = new Float64Array(inChannels * outChannels);
  for (let index = 0; index < data.length; index += 1) {
    const pair = Math.floor(index / area);
    sizes[pair] = (sizes[pair] as number) + Math.abs(data[index] as number);
  }
  return sizes;
}

function sizeOf({ inChannels, outChannels, axes }: Stamps): Size {
  return {
    inChannels,
    outChannels,
    extents: axes.map(({ kernelSize, dilation }) => (kernelSize - 1) * dilation + 1),
    stride: axes.map(({ stride }) => stride),
  };
}

function valuesOf({ inChannels, outChannels, extents }: Size): number {
  return inChannels * outChannels * product(extents);
}

/** The size of one kernel followed by another; adds what it costs to `cost`. */
function joinedSize(one: Size, other: Size, cost: { work: number; values: number }): Size {
  const size = {
    inChannels: one.inChannels,
    outChannels: other.outChannels,
    extents: one.extents.map(
      (extent, axis) => (extent - 1) * (other.stride[axis] as number) + (other.extents[axis] as number),
    ),
    stride: one.stride.map((step, axis) => step * (other.stride[axis] as number)),
  };
  cost.work += (valuesOf(one) * valuesOf(other)) / one.outChannels;
  cost.values = Math.max(cost.values, valuesOf(size));
  return size;
}

/** The kernel with zeros between dilated taps, and for the pairs that groups leave out. */
function filledIn(stamps: Stamps): Kernel {
  const size = sizeOf(stamps);
  const { axes, groups, weight } = stamps;
  const data = new Float64Array(valuesOf(size));
  const places = gridIndices(
    axes.map(({ kernelSize, dilation }) => placesOf(kernelSize, dilation)),
    size.extents,
  );
  const area = product(size.extents);
  const groupOut = size.outChannels / groups;
  const groupIn = size.inChannels / groups;
  for (let from = 0; from < size.inChannels; from += 1) {
    const first = Math.floor(from / groupIn) * groupOut;
    for (let to = 0; to < groupOut; to += 1) {
      const source = (from * groupOut + to) * places.length;
      const target = (from * size.outChannels + first + to) * area;
      for (const [tap, place] of places.entries()) data[target + place] = weight[source + tap] as number;
    }
  }
  return { ...size, data };
}

/** One kernel followed by another: the first spread by the second's stride, convolved with the second. */
function joined(one: Kernel, other: Kernel): Kernel {
  const size = joinedSize(one, other, { work: 0, values: 0 });
  const data = new Float64Array(valuesOf(size));
  const onePlaces = gridIndices(
    one.extents.map((extent, axis) => placesOf(extent, other.stride[axis] as number)),
    size.extents,
  );
  const otherPlaces = gridIndices(
    other.extents.map((extent) => placesOf(extent, 1)),
    size.extents,
  );
  const area = product(size.extents);
  const between = one.outChannels;
  for (let from = 0; from < size.inChannels; from += 1) {
    for (let middle = 0; middle < between; middle += 1) {
      const oneStart = (from * between + middle) * onePlaces.length;
      for (let to = 0; to < size.outChannels; to += 1) {
        const otherStart = (middle * size.outChannels + to) * otherPlaces.length;
        const target = (from * size.outChannels + to) * area;
        for (let first = 0; first < onePlaces.length; first += 1) {
          const value = one.data[oneStart + first] as number;
          if (value === 0) continue;
          const start = target + (onePlaces[first] as number);
          for (let second = 0; second < otherPlaces.length; second += 1) {
            const index = start + (otherPlaces[second] as number);
            data[index] = (data[index] as number) + value * (other.data[otherStart + second] as number);
          }
        }
      }
    }
  }
  return { ...size, data };
}

/** Every `step`-th place from the first. */
function placesOf(extent: number, step: number): number[] {
  return Array.from({ length: extent }, (_, place) => place * step);
}

/** How many ways lead through all layers to each phase of one axis: phase gains of kernels of ones. */
function chainCounts(layers: readonly Stamps[], axis: number): number[] {
  let ways: Map<number, number> | undefined;
  let stride = 1;
  for (const { axes } of layers) {
    const own = axes[axis] as Stamps['axes'][number];
    stride *= own.stride;
    if (ways === undefined) {
      // Folded already: places that differ by the stride stay on one phase.
      ways = new Map(overlapCounts(own).entries());
      continue;
    }
    const next = new Map<number, number>();
    for (const [place, count] of ways) {
      for (let tap = 0; tap < own.kernelSize; tap += 1) {
        const phase = (place * own.stride + tap * own.dilation) % stride;
        next.set(phase, (next.get(phase) ?? 0) + count);
      }
    }
    ways = next;
  }
  return Array.from({ length: stride }, (_, phase) => ways?.get(phase) ?? 0);
}

/** Each layer's crop counts in the rows of its own output, which those behind it spread. */
function chainPadding(layers: readonly Stamps[], axis: number): number {
  return layers.reduce(
    (sum, { axes, padding }) => sum * (axes[axis]?.stride as number) + (padding?.[axis] as number),
    0,
  );
}
