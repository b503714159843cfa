import { checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import type { PerAxis, SpatialRank } from '../core/lists.js';
import { isList } from '../core/realms.js';
import type { Pads } from '../core/same-padding.js';
import type { Layer } from '../layers/layer.js';
import { EXECUTION_OPTION_NAMES } from '../runtime/execution.js';
import { checkIntegerOrList, checkList, checkPairs } from './attributes.js';
import { type OperatorCall, type OperatorTable, readCall } from './call.js';
import { type ConversionOptions, ConvertedLayer } from './converted-layer.js';
import { type ExportedParameters, exportParameters } from './export.js';
import { type ConvertedParameters, channelsLastFormat, readKernel } from './kernel.js';
import { convolutionSame, fixedPads, noPads, type PadRule, transposedToSizes } from './pads.js';

/** One `[low, high]` for every axis of the input, batch and channels (which must be zeros) too. */
export type TensorFlowPadding = readonly (readonly [low: number, high: number])[];

/** One number, one for each spatial axis, or one for each axis of the input, batch and channels (1) too. */
export type TensorFlowSteps<Rank extends SpatialRank = never> =
  | PerAxis<Rank>
  | {
      1: readonly [number, number, number];
      2: readonly [number, number, number, number];
      3: readonly [number, number, number, number, number];
    }[Rank];

interface TensorFlowArguments<Rank extends SpatialRank, Format extends string, Padding> {
  readonly strides: TensorFlowSteps<Rank>;
  readonly padding: Padding;
  readonly data_format?: Format;
  readonly dilations?: TensorFlowSteps<Rank> | null;
}

/** Arguments of `tf.nn.conv1d`, which has `stride` where the others have `strides`. */
export interface TensorFlowConv1dArguments
  extends Omit<TensorFlowArguments<1, 'NWC' | 'NCW', 'SAME' | 'VALID'>, 'strides'> {
  readonly stride: TensorFlowSteps<1>;
}

/** Arguments of `tf.nn.conv2d`. */
export type TensorFlowConv2dArguments = TensorFlowArguments<
  2,
  'NHWC' | 'NCHW',
  'SAME' | 'VALID' | TensorFlowPadding
>;

/** Arguments of `tf.nn.conv3d`. */
export type TensorFlowConv3dArguments = TensorFlowArguments<3, 'NDHWC' | 'NCDHW', 'SAME' | 'VALID'>;

interface TensorFlowTransposeArguments<Rank extends SpatialRank, Format extends string, Padding>
  extends Omit<TensorFlowArguments<Rank, Format, Padding>, 'padding'> {
  /** The whole output shape in `data_format`; null for the batch takes any. */
  readonly output_shape: readonly (number | null)[];
  /** Default `'SAME'`. */
  readonly padding?: Padding;
}

/** Arguments of `tf.nn.conv1d_transpose`. */
export type TensorFlowConv1dTransposeArguments = TensorFlowTransposeArguments<
  1,
  'NWC' | 'NCW',
  'SAME' | 'VALID'
>;

/** Arguments of `tf.nn.conv2d_transpose`. */
export type TensorFlowConv2dTransposeArguments = TensorFlowTransposeArguments<
  2,
  'NHWC' | 'NCHW',
  'SAME' | 'VALID' | TensorFlowPadding
>;

/** Arguments of `tf.nn.conv3d_transpose`. */
export type TensorFlowConv3dTransposeArguments = TensorFlowTransposeArguments<
  3,
  'NDHWC' | 'NCDHW',
  'SAME' | 'VALID'
>;

/** The functions that {@link fromTensorFlow} takes, and the arguments of each. */
export interface TensorFlowOperators {
  readonly conv1d: TensorFlowConv1dArguments;
  readonly conv2d: TensorFlowConv2dArguments;
  readonly conv3d: TensorFlowConv3dArguments;
  readonly conv1d_transpose: TensorFlowConv1dTransposeArguments;
  readonly conv2d_transpose: TensorFlowConv2dTransposeArguments;
  readonly conv3d_transpose: TensorFlowConv3dTransposeArguments;
}

const CONV = ['strides', 'padding', 'data_format', 'dilations'] as const;

const OPERATORS: OperatorTable<TensorFlowOperators> = {
  conv1d: { transposed: false, rank: 1, attributes: ['stride', 'padding', 'data_format', 'dilations'] },
  conv2d: { transposed: false, rank: 2, attributes: CONV },
  conv3d: { transposed: false, rank: 3, attributes: CONV },
  conv1d_transpose: { transposed: true, rank: 1, attributes: ['output_shape', ...CONV] },
  conv2d_transpose: { transposed: true, rank: 2, attributes: ['output_shape', ...CONV] },
  conv3d_transpose: { transposed: true, rank: 3, attributes: ['output_shape', ...CONV] },
};

/**
 * A layer from the arguments of TensorFlow's `tf.nn` functions; input and output in `data_format`,
 * filters `[...taps, in, out]`, and `[...taps, out, in]` when transposed.
 *
 * TensorFlow reads groups off the input's channels; a layer has to know them, so filters are taken to
 * cover all input channels unless `options.inChannels` says otherwise.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE` (also when called, if the convolution of
 *   `output_shape` does not give back the input's size)
 *
 * @example
 * const weight = { data: new Float32Array(9 * 3 * 4), shape: [3, 3, 3, 4] };
 * const up = fromTensorFlow('conv2d_transpose', { output_shape: [null, 8, 8, 3], strides: 2 }, { weight });
 * console.log(up.outputShape([5, 4, 4, 4]).join('x')); // 5x8x8x3
 */
export function fromTensorFlow<Operator extends keyof TensorFlowOperators>(
  operator: Operator,
  attributes: TensorFlowOperators[Operator],
  parameters: ConvertedParameters,
  options: ImplicitGroupOptions = {},
): ConvertedLayer {
  const call = readCall<Readonly<Record<string, unknown>>>(
    'fromTensorFlow',
    OPERATORS,
    operator,
    attributes,
    parameters,
    'tf.nn',
  );
  const { where, transposed, rank, given, weight } = call;
  const format = channelsLastFormat(transposed);
  const { groups, rest } = readImplicitGroups(where, options, transposed, weight.shape[rank] as number);
  const kernel = readKernel(where, weight, format, groups);
  const spatial = 'DHW'.slice(3 - rank);
  const dataFormat = checkChoice(where, 'data_format', given.data_format ?? `N${spatial}C`, [
    `N${spatial}C`,
    `NC${spatial}`,
  ]);
  const last = dataFormat.endsWith('C');
  const strideName = call.name === 'conv1d' ? 'stride' : 'strides';
  const stride = readSteps(where, strideName, given[strideName], rank, last);
  const dilation = readSteps(where, 'dilations', given.dilations ?? 1, rank, last);
  const padding = readPadding(where, given.padding ?? (transposed ? 'SAME' : undefined), rank, last);
  return ConvertedLayer.of({
    call,
    options: rest,
    layout: last ? 'channels-last' : 'channels-first',
    format,
    kernel,
    stride,
    dilation,
    ...readPadsAndBatch(call, padding, kernel.outChannels, last),
  });
}

/**
 * Filters and bias of any layer in TensorFlow's order.
 *
 * @throws {DeconvError} `UNSUPPORTED` for a transposed layer with groups; `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4 });
 * const { weight: filters, bias } = toTensorFlow(layer);
 * console.log(filters.shape.join('x'), bias.shape.join('x')); // 4x4x8x3 8
 */
export function toTensorFlow(layer: Layer): ExportedParameters {
  return exportParameters('toTensorFlow', layer, ({ transposed }) => channelsLastFormat(transposed));
}

/** For systems whose convolutions have groups when the input has more channels than the filters. */
export interface ImplicitGroupOptions extends ConversionOptions {
  /** Channels of the input, a multiple of the filters'. Default: the filters'. Convolution only. */
  readonly inChannels?: number;
}

/** Groups from the input's channels and the filters' own; `rest` are the options of all systems. */
export function readImplicitGroups(
  where: string,
  options: unknown,
  transposed: boolean,
  filterChannels: number,
): { readonly groups: number; readonly rest: ConversionOptions } {
  const { inChannels, ...rest } = checkOptions<ImplicitGroupOptions>(
    where,
    options,
    transposed ? EXECUTION_OPTION_NAMES : [...EXECUTION_OPTION_NAMES, 'inChannels'],
  );
  if (inChannels === undefined) return { groups: 1, rest };
  const channels = checkInteger(where, 'inChannels', inChannels, 1);
  if (channels % filterChannels !== 0) {
    refuse('BAD_OPTION', where, `inChannels to be a multiple of the filters' ${filterChannels}`, channels);
  }
  return { groups: channels / filterChannels, rest };
}

/** Pads from the padding, of a transposed operator from its `output_shape` too, which may fix the batch. */
export function readPadsAndBatch(
  { where, transposed, rank, given }: OperatorCall<{ readonly output_shape?: unknown }>,
  padding: 'SAME' | 'VALID' | readonly Pads[],
  outChannels: number,
  channelsLast: boolean,
): { readonly pads: PadRule; readonly batch: number | null } {
  if (transposed) {
    const { batch, sizes } = readOutputShape(where, given.output_shape, outChannels, rank, channelsLast);
    return { pads: transposedToSizes(sizes, padding), batch };
  }
  if (padding === 'SAME') return { pads: convolutionSame(), batch: null };
  return { pads: padding === 'VALID' ? noPads : fixedPads(padding), batch: null };
}

/** Whole output shape of a transposed operator. */
function readOutputShape(
  where: string,
  value: unknown,
  channels: number,
  rank: number,
  channelsLast: boolean,
): { readonly batch: number | null; readonly sizes: readonly number[] } {
  const any = isList(value) && (value as unknown[])[0] === null;
  const shape = checkList(
    where,
    'output_shape',
    any ? [0, ...(value as unknown[]).slice(1)] : value,
    rank + 2,
    0,
  );
  const found = shape[channelsLast ? rank + 1 : 1];
  if (found !== channels) {
    refuse('BAD_SHAPE', where, `output_shape with ${channels} channels, as the weight says`, shape);
  }
  const first = channelsLast ? 1 : 2;
  return { batch: any ? null : (shape[0] as number), sizes: shape.slice(first, first + rank) };
}

/** Strides and dilations: batch and channels, where they are named, must be 1. */
function readSteps(
  where: string,
  name: string,
  value: unknown,
  rank: number,
  channelsLast: boolean,
): readonly number[] {
  if (!isList(value) || value.length === rank) return checkIntegerOrList(where, name, value, rank, 1);
  if (value.length === 1) return checkIntegerOrList(where, name, (value as unknown[])[0], rank, 1);
  const all = checkList(where, name, value, rank + 2, 1);
  const first = channelsLast ? 1 : 2;
  if (all.some((step, axis) => step !== 1 && (axis < first || axis >= first + rank))) {
    refuse('BAD_OPTION', where, `${name} of 1 along batch and channels`, value);
  }
  return all.slice(first, first + rank);
}

function readPadding(
  where: string,
  value: unknown,
  rank: number,
  channelsLast: boolean,
): 'SAME' | 'VALID' | readonly Pads[] {
  if (rank !== 2 || !isList(value)) {
    return checkChoice<'SAME' | 'VALID'>(where, 'padding', value, ['SAME', 'VALID']);
  }
  const pairs = checkPairs(where, 'padding', value, rank + 2);
  const first = channelsLast ? 1 : 2;
  for (const [axis, [low, high]] of pairs.entries()) {
    const spatial = axis >= first && axis < first + rank;
    if (low < 0 || high < 0 || (!spatial && low + high > 0)) {
      const expected = spatial ? 'at least 0' : '0 along batch and channels';
      refuse('BAD_OPTION', where, `padding[${axis}] of ${expected}`, [low, high]);
    }
  }
  return pairs.slice(first, first + rank);
}
