import {
  checkAxes,
  checkChoice,
  checkGroups,
  checkInteger,
  checkOptions,
  fault,
  refuse,
} from '../core/checks.js';
import { at } from '../core/lists.js';
import { isRecord, memberOf, typedArrayKind } from '../core/realms.js';
import type { OperatorSpec } from '../core/spec.js';
import { channelsOfWeight } from '../core/spec.js';
import { checkShape, dataOf, elementCount } from '../core/tensor.js';
import { internalsOf } from '../layers/internals.js';
import { isLayer, type Layer } from '../layers/layer.js';
import { type AxisGeometry, checkPhases } from './axis.js';
import { reversed } from './filters.js';
import {
  type PixelShuffleGeometry,
  readUpsampling,
  transposedOf,
  type UpsampleGeometry,
  type Upsampling,
} from './upsampling.js';
import { checkFiniteValues } from './values.js';

/** Which of a layer's two directions raises the resolution, or is asked about. */
export type Pass = 'forward' | 'backward';

/** Geometry of a layer that is none of ours; sizes and channels are the weight's. A list has one entry per spatial axis. */
export interface KernelGeometry {
  /** Default 1. */
  readonly stride?: number | readonly number[];
  /** Default 1. */
  readonly dilation?: number | readonly number[];
  /** Rows before the first: cut off the output of a transposed layer, added to the input of another. Default 0. */
  readonly padding?: number | readonly number[];
  /** Default 1. */
  readonly groups?: number;
  /** Whether it is a transposed convolution. Default true; false beside `pixelShuffle` and `upsample`. */
  readonly transposed?: boolean;
  /** What follows a convolution of stride 1 (sub-pixel convolution; Shi et al., arXiv 1609.05158). */
  readonly pixelShuffle?: PixelShuffleGeometry;
  /** What precedes a convolution of stride 1 (resize-convolution). */
  readonly upsample?: UpsampleGeometry;
}

/** A layer as its geometry and its weight, of any float width. */
export interface Kernels {
  readonly geometry: KernelGeometry;
  /**
   * `[in, out/groups, ...kernel]` of a transposed layer, `[out, in/groups, ...kernel]` of another:
   * PyTorch's, lucid's and ONNX's order.
   */
  readonly weight: {
    readonly data: Float32Array | Float64Array | readonly number[];
    readonly shape: readonly number[];
  };
  /**
   * One value for each output channel. Only in front of a `pixelShuffle` it may differ from phase to phase:
   * elsewhere it is the same at every position, and not looked at.
   */
  readonly bias?: Float32Array | Float64Array | readonly number[] | null;
}

/** What can be analysed: any layer of this package, or a geometry with a weight. */
export type Subject = Layer | Kernels;

/** The stamps that one pass of a layer leaves on its result: a transposed convolution without its bias. */
export interface Stamps {
  readonly name: string;
  readonly pass: Pass;
  /** Channels of what stamps, and of what is stamped on. */
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly axes: readonly Required<AxisGeometry>[];
  /** Rows cut off the front of each axis; null where they depend on the input. */
  readonly padding: readonly number[] | null;
  /** `[inChannels, outChannels/groups, ...kernel]`, finite. */
  readonly weight: ArrayLike<number>;
  /** What its values may be off by, as a share of them: float32's rounding, or 0 for doubles. */
  readonly rounding: number;
  /** `sum (sum |tap|)^2` over the pairs, where the weight is a sum of larger terms; otherwise that of the weight. */
  readonly magnitude?: number;
}

/** Of a value in float32, twice: once for the value, once for how it was made. */
const FLOAT32_ROUNDING = 2 ** -23;

interface StampOptions {
  /** Whether every tap has to be a value of the weight: dilation, which no gain depends on, is left out of it. */
  readonly ownTaps?: boolean;
  readonly pass?: Pass | undefined;
  readonly inputShape?: readonly number[] | undefined;
}

/**
 * The stamps of a layer's forward pass, or of the gradient that its backward pass carries to its input.
 * Throws `UNSUPPORTED` for a pass that lowers the resolution: it gathers and leaves no stamps.
 */
export function readStamps(where: string, subject: Subject, options: StampOptions = {}): Stamps {
  const { spec, name, padsKnown, weight, rounding } = isLayer(subject)
    ? ofLayer(where, subject, options.inputShape)
    : ofKernels(where, subject, options.ownTaps);
  checkPhases(
    where,
    spec.transposed ? spec.stride : spec.stride.map((step, axis) => step * at(spec.inputDilation, axis)),
  );
  checkFiniteValues(where, 'the weight', weight);
  const spreads = spec.inputDilation.some((step) => step > 1);
  const pass =
    options.pass === undefined
      ? spec.transposed || spreads
        ? 'forward'
        : 'backward'
      : checkChoice(where, 'pass', options.pass, ['forward', 'backward']);
  const gathers = spec.stride.some((step) => step > 1);
  const same = { name, pass, groups: spec.groups, weight, rounding };
  // The weights as they are: the transposed layer itself, and the adjoint of a convolution.
  if (spec.transposed ? pass === 'forward' : pass === 'backward' && !spreads) {
    const [inChannels, outChannels] = spec.transposed
      ? [spec.inChannels, spec.outChannels]
      : [spec.outChannels, spec.inChannels];
    const axes = axesOf(spec, spec.stride);
    return { ...same, inChannels, outChannels, axes, padding: padsKnown ? spec.padBefore : null };
  }
  if (gathers || (pass === 'backward' && spreads)) {
    throw fault(
      'UNSUPPORTED',
      where,
      'a pass that keeps or raises the resolution',
      `the ${pass} pass of ${name}${spreads ? ' with dilated input' : ` with stride ${spec.stride.join(' x ')}`}`,
      'Ask for the other pass, or analyse the layers on either side apart.',
      { pass, stride: spec.stride, inputDilation: spec.inputDilation },
    );
  }
  // Gathering without a stride is stamping with the taps reversed.
  const [inChannels, outChannels] = spec.transposed
    ? [spec.outChannels, spec.inChannels]
    : [spec.inChannels, spec.outChannels];
  return {
    ...same,
    inChannels,
    outChannels,
    axes: axesOf(spec, spec.inputDilation),
    padding: padsKnown
      ? spec.padBefore.map((pad, axis) => at(spec.dilation, axis) * (at(spec.kernel, axis) - 1) - pad)
      : null,
    weight: reversed(spec, weight),
  };
}

/** The stamps of a layer, in the order of its canonical weight. */
export function layerStamps(where: string, layer: Subject): Stamps {
  if (!isLayer(layer)) refuse('BAD_TYPE', where, 'a layer of this package', layer);
  const { spec } = internalsOf(layer).canonical(where);
  if (spec.inputDilation.some((step) => step > 1)) {
    refuse(
      'UNSUPPORTED',
      where,
      'a layer without dilated input',
      String(layer),
      'Make it a transposed layer.',
    );
  }
  return readStamps(where, layer);
}

interface Read {
  readonly name: string;
  readonly spec: OperatorSpec;
  readonly padsKnown: boolean;
  readonly weight: ArrayLike<number>;
  readonly rounding: number;
}

function ofLayer(where: string, layer: Layer, inputShape: readonly number[] | undefined): Read {
  const { spec, weight } = internalsOf(layer).canonical(where);
  const geometry = internalsOf(layer).arithmetic;
  const padsKnown = inputShape !== undefined || geometry.fixedPads;
  return {
    name: String(layer),
    spec: inputShape === undefined ? spec : geometry.resolve(where, inputShape, {}).spec,
    padsKnown,
    weight,
    rounding: FLOAT32_ROUNDING,
  };
}

/** Whether `value` has anything of kernels; what is wrong with it is said part by part then. */
function hasKernels(value: unknown): boolean {
  return isRecord(value) && ['geometry', 'weight', 'bias'].some((name) => name in value);
}

function ofKernels(where: string, value: Kernels, ownTaps = false): Read {
  if (!hasKernels(value)) {
    const advice = 'Of a chain pass its layers, one by one or to analyzeStack.';
    refuse('BAD_TYPE', where, 'a layer of this package, or { geometry, weight }', value, advice);
  }
  const { spec, upsampling, weight } = readKernels(where, value);
  const shape = `[${value.weight.shape.join(', ')}]`;
  const rounding = typedArrayKind(weight) === 'Float32Array' ? FLOAT32_ROUNDING : 0;
  const kind = spec.transposed ? 'transposed convolution' : 'convolution';
  if (upsampling === null) {
    return { name: `${kind} of weight ${shape}`, spec, padsKnown: true, weight, rounding };
  }
  const name =
    upsampling.kind === 'upsample'
      ? `${upsampling.mode} resize and convolution of weight ${shape}`
      : `sub-pixel convolution of weight ${shape}`;
  const dense = ownTaps ? { ...spec, dilation: spec.dilation.map(() => 1) } : spec;
  return { name, ...transposedOf(where, dense, weight, upsampling), padsKnown: true, rounding };
}

/** Checks kernels; the operator is what runs besides the upsampling. */
export function readKernels(
  where: string,
  value: Kernels,
): {
  readonly spec: OperatorSpec;
  readonly upsampling: Upsampling | null;
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number> | null;
} {
  if (!hasKernels(value)) refuse('BAD_TYPE', where, 'kernels { geometry, weight }', value);
  const subject = checkOptions<Kernels>(where, value, ['geometry', 'weight', 'bias']);
  const options = checkOptions<KernelGeometry>(where, subject.geometry, [
    'stride',
    'dilation',
    'padding',
    'groups',
    'transposed',
    'pixelShuffle',
    'upsample',
  ]);
  const given =
    memberOf(subject.weight, 'shape') ??
    refuse('BAD_TYPE', where, 'weight to be { data, shape }', subject.weight);
  const shape = checkShape(where, 'weight.shape', given);
  const rank = shape.length - 2;
  if (rank < 1 || rank > 3) {
    refuse('BAD_SHAPE', where, 'a weight of 3 to 5 axes (two of channels, then the kernel)', shape);
  }
  if (shape.includes(0)) refuse('BAD_SHAPE', where, 'a weight with no empty axis', shape);
  const weight = checkFiniteValues(where, 'weight.data', dataOf(where, 'weight', subject.weight));
  const count = elementCount(where, 'weight', shape);
  if (weight.length !== count) {
    refuse('BAD_SHAPE', where, `weight.data of ${count} values for its shape`, weight.length);
  }
  const upsampling = readUpsampling(where, options.pixelShuffle, options.upsample, rank);
  const transposed = options.transposed ?? upsampling === null;
  if (typeof transposed !== 'boolean')
    refuse('BAD_TYPE', where, 'transposed to be true or false', transposed);
  const groups = checkInteger(where, 'groups', options.groups ?? 1, 1);
  checkGroups(where, 'the first axis of weight', shape[0] as number, groups);
  const channelSpec = channelsOfWeight(shape, transposed, groups);
  const { kernel } = channelSpec;
  const stride = checkAxes(where, 'stride', options.stride ?? 1, rank, 1);
  if (upsampling !== null && (transposed || stride.some((step) => step > 1))) {
    refuse(
      'BAD_OPTION',
      where,
      `a convolution of stride 1 beside ${upsampling.kind}`,
      transposed ? 'a transposed one' : `stride ${stride.join(' x ')}`,
    );
  }
  const spec: OperatorSpec = {
    ...channelSpec,
    stride,
    dilation: checkAxes(where, 'dilation', options.dilation ?? 1, rank, 1),
    inputDilation: kernel.map(() => 1),
    padBefore: checkAxes(where, 'padding', options.padding ?? 0, rank, -(2 ** 31)),
    padAfter: kernel.map(() => 0),
    relu: false,
  };
  const bias =
    subject.bias === undefined || subject.bias === null
      ? null
      : checkFiniteValues(where, 'bias', subject.bias);
  if (bias !== null && bias.length !== spec.outChannels) {
    refuse('BAD_SHAPE', where, `a bias of ${spec.outChannels} values`, bias.length);
  }
  return { spec, upsampling, weight, bias };
}

function axesOf(spec: OperatorSpec, stride: readonly number[]): Required<AxisGeometry>[] {
  return spec.kernel.map((kernelSize, axis) => ({
    kernelSize,
    stride: at(stride, axis),
    dilation: at(spec.dilation, axis),
  }));
}
