import { checkChoice, checkInteger, checkOptions } from '../core/checks.js';
import type { Layer } from '../layers/layer.js';
import { type OperatorKind, readActivation, readOperator } from './attributes.js';
import { ConvertedLayer } from './converted-layer.js';
import { checkRank, type ExportedParameters, exportParameters } from './export.js';
import {
  type ConvertedParameters,
  channelsLastFormat,
  type KernelFormat,
  readKernel,
  readWeight,
} from './kernel.js';
import { transposedToSizes } from './pads.js';
import { type ImplicitGroupOptions, paddingRule, readImplicitGroups, readOutputShape } from './tensorflow.js';

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

interface TfliteOutputShape {
  /** The operator's input of that name, `[N, ..., C]`; null for the batch takes any. */
  readonly output_shape: readonly (number | null)[];
}

export interface TfliteOperators {
  readonly CONV_2D: TfliteConv2dOptions;
  readonly CONV_3D: TfliteConv3dOptions;
  /** `TransposeConvOptions`, which have no dilation. */
  readonly TRANSPOSE_CONV: TfliteOptions & TfliteOutputShape;
  readonly CONV_3D_TRANSPOSE: TfliteConv3dOptions & TfliteOutputShape;
}

const OPERATORS: Readonly<Record<keyof TfliteOperators, OperatorKind>> = {
  CONV_2D: { transposed: false, rank: 2 },
  CONV_3D: { transposed: false, rank: 3 },
  TRANSPOSE_CONV: { transposed: true, rank: 2 },
  CONV_3D_TRANSPOSE: { transposed: true, rank: 3 },
};

/**
 * A layer from a TFLite operator's options and weights: `[N, ..., C]` in and out; weights
 * `[out, h, w, in]` in two axes, `[d, h, w, in, out]` of CONV_3D and `[d, h, w, out, in]` of
 * CONV_3D_TRANSPOSE.
 *
 * Groups of CONV_2D and CONV_3D follow from `options.inChannels`, as in `fromTensorFlow`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE` (also when called, if the convolution of
 *   `output_shape` does not give back the input's size); `UNSUPPORTED` for other activations
 *
 * @example
 * const up = fromTflite('TRANSPOSE_CONV', { output_shape: [1, 8, 8, 3], stride_h: 2, stride_w: 2 }, { weight });
 */
export function fromTflite<Operator extends keyof TfliteOperators>(
  operator: Operator,
  attributes: TfliteOperators[Operator],
  parameters: ConvertedParameters,
  options: ImplicitGroupOptions = {},
): ConvertedLayer {
  const kind = readOperator('fromTflite', operator, OPERATORS);
  const { where, transposed, rank } = kind;
  const axes = ['d', 'h', 'w'].slice(3 - rank);
  const strideNames = axes.map((axis) => `stride_${axis}`);
  const dilationNames = axes.map((axis) => `dilation_${axis}_factor`);
  const given = checkOptions<Record<string, unknown>>(where, attributes, [
    ...(transposed ? ['output_shape'] : []),
    'padding',
    ...strideNames,
    ...(kind.name === 'TRANSPOSE_CONV' ? [] : dilationNames),
    'fused_activation_function',
  ]);
  const weight = readWeight(where, parameters, rank);
  const format = tfliteFormat(transposed, rank);
  const inAxis = rank === 2 || transposed ? rank + 1 : rank;
  const { groups, rest } = readImplicitGroups(where, options, transposed, weight.shape[inAxis] as number);
  const kernel = readKernel(where, weight, format, groups);
  const padding = checkChoice(where, 'padding', given.padding ?? 'SAME', ['SAME', 'VALID']);
  const output = transposed
    ? readOutputShape(where, given.output_shape, kernel.outChannels, rank, true)
    : null;
  return ConvertedLayer.of({
    operator: kind,
    attributes: given,
    parameters,
    options: rest,
    layout: 'channels-last',
    weight,
    format,
    kernel,
    groups,
    stride: strideNames.map((name) => checkInteger(where, name, given[name], 1)),
    dilation: dilationNames.map((name) => checkInteger(where, name, given[name] ?? 1, 1)),
    pads: output === null ? paddingRule(padding) : transposedToSizes(output.sizes, padding),
    batch: output?.batch ?? null,
    relu: readActivation(where, 'fused_activation_function', given.fused_activation_function, {
      none: 'NONE',
      relu: 'RELU',
    }),
  });
}

/**
 * Weight and bias of any layer of two or three spatial axes in TFLite's order.
 *
 * @throws {DeconvError} `UNSUPPORTED` for one axis, and for a transposed layer with groups; `BAD_TYPE`,
 *   `DISPOSED`
 *
 * @example
 * const { weight, bias } = toTflite(layer);
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
