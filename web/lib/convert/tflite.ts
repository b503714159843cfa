import { checkChoice, checkInteger, refuse } from '../core/checks.js';
import type { Layer } from '../layers/layer.js';
import { readActivation } from './attributes.js';
import { type OperatorCall, type OperatorTable, readCall, readShapeCall } from './call.js';
import { ConvertedLayer, type Geometry } from './converted-layer.js';
import { checkRank, type ExportedParameters, exportParameters } from './export.js';
import { type ConvertedParameters, channelsLastFormat, type KernelFormat, readKernel } from './kernel.js';
import { type ImplicitGroupOptions, readImplicitGroups, readPadsAndBatch } from './tensorflow.js';

interface TfliteOptions {
  /** Default `'SAME'`. */
  readonly padding?: 'SAME' | 'VALID';
  readonly stride_h: number;
  readonly stride_w: number;
  /** Default `'NONE'`. */
  readonly fused_activation_function?: 'NONE' | 'RELU';
}

/** `Conv2DOptions` of the TFLite schema. */
export interface TfliteConv2dOptions extends TfliteOptions {
  readonly dilation_h_factor?: number;
  readonly dilation_w_factor?: number;
}

/** `Conv3DOptions` of the TFLite schema. */
export interface TfliteConv3dOptions extends TfliteConv2dOptions {
  readonly stride_d: number;
  readonly dilation_d_factor?: number;
}

/** `DepthwiseConv2DOptions` of the TFLite schema: a group for each input channel. */
export interface TfliteDepthwiseConv2dOptions extends TfliteConv2dOptions {
  /** Output channels of each group; default 1. */
  readonly depth_multiplier?: number;
}

interface TfliteOutputShape {
  /** The operator's input of that name, `[N, ..., C]`; null for the batch takes any. */
  readonly output_shape: readonly (number | null)[];
}

/** The operators that {@link fromTflite} takes, and the options of each. */
export interface TfliteOperators {
  readonly CONV_2D: TfliteConv2dOptions;
  readonly CONV_3D: TfliteConv3dOptions;
  readonly DEPTHWISE_CONV_2D: TfliteDepthwiseConv2dOptions;
  /** `TransposeConvOptions`, which have no dilation. */
  readonly TRANSPOSE_CONV: TfliteOptions & TfliteOutputShape;
  readonly CONV_3D_TRANSPOSE: TfliteConv3dOptions & TfliteOutputShape;
}

type TfliteAttributes = Partial<TfliteConv3dOptions & TfliteDepthwiseConv2dOptions & TfliteOutputShape>;
type TfliteCall = OperatorCall<TfliteAttributes>;

const STRIDES = ['stride_d', 'stride_h', 'stride_w'] as const;
const DILATIONS = ['dilation_d_factor', 'dilation_h_factor', 'dilation_w_factor'] as const;

const CONV_2D = [
  'padding',
  'stride_h',
  'stride_w',
  'dilation_h_factor',
  'dilation_w_factor',
  'fused_activation_function',
] as const;

const OPERATORS: OperatorTable<TfliteOperators> = {
  CONV_2D: { transposed: false, rank: 2, attributes: CONV_2D },
  DEPTHWISE_CONV_2D: { transposed: false, rank: 2, attributes: [...CONV_2D, 'depth_multiplier'] },
  CONV_3D: {
    transposed: false,
    rank: 3,
    attributes: ['padding', ...STRIDES, ...DILATIONS, 'fused_activation_function'],
  },
  TRANSPOSE_CONV: {
    transposed: true,
    rank: 2,
    attributes: ['output_shape', 'padding', 'stride_h', 'stride_w', 'fused_activation_function'],
  },
  CONV_3D_TRANSPOSE: {
    transposed: true,
    rank: 3,
    attributes: ['output_shape', 'padding', ...STRIDES, ...DILATIONS, 'fused_activation_function'],
  },
};

/**
 * A layer from a TFLite operator's options and weights: `[N, ..., C]` in and out; weights
 * `[out, h, w, in]` in two axes (`[1, h, w, out]` of DEPTHWISE_CONV_2D), `[d, h, w, in, out]` of CONV_3D
 * and `[d, h, w, out, in]` of CONV_3D_TRANSPOSE.
 *
 * Groups of CONV_2D and CONV_3D follow from `options.inChannels`, as in `fromTensorFlow`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE` (also when called, if the convolution of
 *   `output_shape` does not give back the input's size); `UNSUPPORTED` for other activations
 *
 * @example
 * const weight = { data: new Float32Array(3 * 16 * 8), shape: [3, 4, 4, 8] };
 * const attributes = { output_shape: [1, 8, 8, 3], stride_h: 2, stride_w: 2, padding: 'SAME' };
 * const up = fromTflite('TRANSPOSE_CONV', attributes, { weight });
 * console.log(up.outputShape([1, 4, 4, 8]).join('x')); // 1x8x8x3
 */
export function fromTflite<Operator extends keyof TfliteOperators>(
  operator: Operator,
  attributes: TfliteOperators[Operator],
  parameters: ConvertedParameters,
  options: ImplicitGroupOptions = {},
): ConvertedLayer {
  const call = readCall<TfliteAttributes>(
    'fromTflite',
    OPERATORS,
    operator,
    attributes,
    parameters,
    'TFLite',
  );
  const { groups, rest } = readGroups(call, options);
  return ConvertedLayer.of({ call, options: rest, ...translate(call, groups) });
}

/** What `fromTflite` would make of a weight of this shape. */
export function tfliteGeometry(
  where: string,
  operator: keyof TfliteOperators,
  attributes: TfliteAttributes,
  weightShape: readonly number[],
  options: ImplicitGroupOptions = {},
): Geometry {
  const call = readShapeCall<TfliteAttributes>(where, OPERATORS, operator, attributes, weightShape);
  return translate(call, readGroups(call, options).groups);
}

/** Groups are not in the options: they follow from the channels of the input, or every channel has its own. */
function readGroups(
  { name, where, transposed, rank, given, weight }: TfliteCall,
  options: ImplicitGroupOptions,
) {
  if (name !== 'DEPTHWISE_CONV_2D') {
    const inAxis = rank === 2 || transposed ? rank + 1 : rank;
    return readImplicitGroups(where, options, transposed, weight.shape[inAxis] as number);
  }
  const [one, , , outChannels] = weight.shape as [number, number, number, number];
  if (one !== 1) refuse('BAD_SHAPE', where, 'weight of shape [1, h, w, out]', [...weight.shape]);
  const multiplier = checkInteger(where, 'depth_multiplier', given.depth_multiplier ?? 1, 1);
  if (outChannels % multiplier !== 0) {
    refuse('BAD_OPTION', where, `depth_multiplier to divide the ${outChannels} output channels`, multiplier);
  }
  const groups = outChannels / multiplier;
  return readImplicitGroups(where, { inChannels: groups, ...options }, transposed, 1);
}

function translate(call: TfliteCall, groups: number): Geometry {
  const { where, transposed, rank, given, weight } = call;
  const format: KernelFormat =
    call.name === 'DEPTHWISE_CONV_2D'
      ? { order: ['in', 'taps', 'group', 'out'] }
      : tfliteFormat(transposed, rank);
  const kernel = readKernel(where, weight, format, groups);
  const padding = checkChoice(where, 'padding', given.padding ?? 'SAME', ['SAME', 'VALID']);
  const padsAndBatch = readPadsAndBatch(call, padding, kernel.outChannels, true);
  return {
    layout: 'channels-last',
    format,
    kernel,
    stride: STRIDES.slice(3 - rank).map((name) => checkInteger(where, name, given[name], 1)),
    dilation: DILATIONS.slice(3 - rank).map((name) => checkInteger(where, name, given[name] ?? 1, 1)),
    ...padsAndBatch,
    relu: readActivation(where, 'fused_activation_function', given.fused_activation_function, {
      none: 'NONE',
      relu: 'RELU',
    }),
  };
}

/**
 * Weight and bias of any layer of two or three spatial axes in TFLite's order.
 *
 * @throws {DeconvError} `UNSUPPORTED` for one axis, and for a transposed layer with groups; `BAD_TYPE`,
 *   `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4 });
 * const { weight, bias } = toTflite(layer);
 * console.log(weight.shape.join('x'), bias.shape.join('x')); // 8x4x4x3 8
 */
export function toTflite(layer: Layer): ExportedParameters {
  return exportParameters('toTflite', layer, (spec, where) => {
    checkRank(where, spec, [2, 3]);
    return tfliteFormat(spec.transposed, spec.kernel.length);
  });
}

function tfliteFormat(transposed: boolean, rank: number): KernelFormat {
  if (rank === 3) return channelsLastFormat(transposed);
  return { order: transposed ? ['out', 'taps', 'in'] : ['group', 'out', 'taps', 'in'] };
}
