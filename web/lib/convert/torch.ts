import { checkAxes, checkBoolean, checkGroups, checkInteger } from '../core/checks.js';
import { fillUniform, kaimingUniformBound } from '../core/initializers.js';
import type { PerAxis, SpatialRank } from '../core/lists.js';
import type { RandomSource } from '../core/random.js';
import { weightShape } from '../core/spec.js';
import {
  checkOutputPadding,
  checkPaddingMode,
  checkPlacement,
  PLACEMENT_OPTION_NAMES,
  type PlacementOptions,
  readTorchCrops,
  readTorchPadding,
} from '../core/torch-words.js';
import type { Layer } from '../layers/layer.js';
import { checkAgreement, checkBiasFlag } from './attributes.js';
import {
  type OperatorCall,
  type OperatorTable,
  readCall,
  readShapeCall,
  refuseWithoutWeight,
} from './call.js';
import { type ConversionOptions, ConvertedLayer, type Geometry } from './converted-layer.js';
import { type ExportedParameters, exportParameters } from './export.js';
import {
  drawParameters,
  type InitialCall,
  type InitialParameters,
  type InitialValues,
  required,
} from './initial.js';
import { type ConvertedParameters, canonicalFormat, readKernel } from './kernel.js';
import { fixedCrops, fixedPads, type PadRule } from './pads.js';

/** Arguments of `torch.nn.functional.conv1d`, `conv2d` and `conv3d`. */
export interface TorchConvArguments<Rank extends SpatialRank = never> {
  readonly stride?: PerAxis<Rank>;
  /** Zeros added to both ends of the input's axis. Default 0. */
  readonly padding?: PerAxis<Rank> | 'same' | 'valid';
  readonly dilation?: PerAxis<Rank>;
  readonly groups?: number;
}

/** Arguments of `torch.nn.functional.conv_transpose1d`, `conv_transpose2d` and `conv_transpose3d`. */
export interface TorchConvTransposeArguments<Rank extends SpatialRank = never> {
  readonly stride?: PerAxis<Rank>;
  /** Values cropped from both ends of the output's axis. Default 0. */
  readonly padding?: PerAxis<Rank>;
  readonly output_padding?: PerAxis<Rank>;
  readonly groups?: number;
  readonly dilation?: PerAxis<Rank>;
}

/** What `torch.nn`'s (and lucid's) modules take besides; the weight says it too, so all may be left out. */
export interface TorchModuleAttributes<Rank extends SpatialRank = never> extends PlacementOptions {
  readonly in_channels?: number;
  readonly out_channels?: number;
  readonly kernel_size?: PerAxis<Rank>;
  readonly bias?: boolean;
  readonly padding_mode?: 'zeros';
}

type TorchAttributes = TorchConvArguments & TorchConvTransposeArguments & TorchModuleAttributes;

/** The modules and functions that {@link fromTorch} takes, and the arguments of each. */
export interface TorchOperators {
  readonly Conv1d: TorchConvArguments<1> & TorchModuleAttributes<1>;
  readonly Conv2d: TorchConvArguments<2> & TorchModuleAttributes<2>;
  readonly Conv3d: TorchConvArguments<3> & TorchModuleAttributes<3>;
  readonly ConvTranspose1d: TorchConvTransposeArguments<1> & TorchModuleAttributes<1>;
  readonly ConvTranspose2d: TorchConvTransposeArguments<2> & TorchModuleAttributes<2>;
  readonly ConvTranspose3d: TorchConvTransposeArguments<3> & TorchModuleAttributes<3>;
  readonly conv1d: TorchConvArguments<1>;
  readonly conv2d: TorchConvArguments<2>;
  readonly conv3d: TorchConvArguments<3>;
  readonly conv_transpose1d: TorchConvTransposeArguments<1>;
  readonly conv_transpose2d: TorchConvTransposeArguments<2>;
  readonly conv_transpose3d: TorchConvTransposeArguments<3>;
}

const CONV = ['stride', 'padding', 'dilation', 'groups'] as const;
const TRANSPOSE = ['stride', 'padding', 'output_padding', 'dilation', 'groups'] as const;
const MODULE = [
  'in_channels',
  'out_channels',
  'kernel_size',
  'bias',
  'padding_mode',
  ...PLACEMENT_OPTION_NAMES,
] as const;

const OPERATORS: OperatorTable<TorchOperators> = {
  Conv1d: { transposed: false, rank: 1, attributes: [...CONV, ...MODULE] },
  Conv2d: { transposed: false, rank: 2, attributes: [...CONV, ...MODULE] },
  Conv3d: { transposed: false, rank: 3, attributes: [...CONV, ...MODULE] },
  ConvTranspose1d: { transposed: true, rank: 1, attributes: [...TRANSPOSE, ...MODULE] },
  ConvTranspose2d: { transposed: true, rank: 2, attributes: [...TRANSPOSE, ...MODULE] },
  ConvTranspose3d: { transposed: true, rank: 3, attributes: [...TRANSPOSE, ...MODULE] },
  conv1d: { transposed: false, rank: 1, attributes: CONV },
  conv2d: { transposed: false, rank: 2, attributes: CONV },
  conv3d: { transposed: false, rank: 3, attributes: CONV },
  conv_transpose1d: { transposed: true, rank: 1, attributes: TRANSPOSE },
  conv_transpose2d: { transposed: true, rank: 2, attributes: TRANSPOSE },
  conv_transpose3d: { transposed: true, rank: 3, attributes: TRANSPOSE },
};

/**
 * A layer from PyTorch's (or lucid's) arguments and weights: `[N, C, ...]` in and out, weight
 * `[in, out/groups, ...kernel]` when transposed, `[out, in/groups, ...kernel]` otherwise. In place of parameters
 * `{ seed }` draws a module's as PyTorch does: uniform within ± 1 / sqrt(fan-in), the bias too.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`; `UNSUPPORTED` for another padding_mode
 *
 * @example
 * await init();
 * const weight = { data: [1, 2, 3], shape: [1, 1, 3] };
 * const up = fromTorch('ConvTranspose1d', { stride: 2, padding: 1, output_padding: 1 }, { weight });
 * console.log(up.forward({ data: [1, 10], shape: [1, 1, 2] }).data.join(' ')); // 2 13 20 30
 */
export function fromTorch<Operator extends keyof TorchOperators>(
  operator: Operator,
  attributes: TorchOperators[Operator],
  parameters: ConvertedParameters | InitialParameters,
  options: ConversionOptions = {},
): ConvertedLayer {
  const call = readCall<TorchAttributes>(
    'fromTorch',
    OPERATORS,
    operator,
    attributes,
    parameters,
    (unweighted, asked) => drawParameters(torchInitial, unweighted, asked),
  );
  checkBiasFlag(call.where, 'bias', call.given.bias, call.parameters.bias);
  return ConvertedLayer.of({ call, options, ...translate(call) });
}

/** What `fromTorch` would make of a weight of this shape. */
export function torchGeometry(
  where: string,
  operator: keyof TorchOperators,
  attributes: TorchAttributes,
  weightShape: readonly number[],
): Geometry {
  return translate(readShapeCall(where, OPERATORS, operator, attributes, weightShape));
}

function translate({ where, transposed, rank, given, weight }: OperatorCall<TorchAttributes>): Geometry {
  const format = canonicalFormat(transposed);
  const groups = checkInteger(where, 'groups', given.groups ?? 1, 1);
  const kernel = readKernel(where, weight, format, groups);
  checkAgreement(where, 'in_channels', given.in_channels, kernel.inChannels);
  checkAgreement(where, 'out_channels', given.out_channels, kernel.outChannels);
  checkAgreement(where, 'kernel_size', given.kernel_size, kernel.kernel);
  checkPaddingMode(where, 'padding_mode', given.padding_mode);
  checkPlacement(where, given);
  const stride = checkAxes(where, 'stride', given.stride ?? 1, rank, 1);
  const dilation = checkAxes(where, 'dilation', given.dilation ?? 1, rank, 1);
  const pads = transposed
    ? readCrops(where, given, stride, dilation)
    : readPadding(where, given.padding ?? 0, { kernel: kernel.kernel, stride, dilation });
  return { layout: 'channels-first', format, kernel, stride, dilation, pads };
}

/**
 * Weight and bias of any layer in PyTorch's order, for `load_state_dict` or `fromTorch`.
 *
 * @throws {DeconvError} `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const weight = { data: [1, 2, 3], shape: [3, 1, 1] };
 * const layer = fromFlax('ConvTranspose', { strides: 2 }, { weight });
 * // flax lays the kernel down flipped, PyTorch as it is.
 * console.log(toTorch(layer).weight.shape.join('x'), toTorch(layer).weight.data.join(' ')); // 1x1x3 3 2 1
 */
export function toTorch(layer: Layer): ExportedParameters {
  return exportParameters('toTorch', layer, ({ transposed }) => canonicalFormat(transposed));
}

function readPadding(
  where: string,
  padding: unknown,
  geometry: Parameters<typeof readTorchPadding>[2],
): PadRule {
  const { before, after } = readTorchPadding(where, padding, geometry);
  return fixedPads(before.map((pad, axis) => [pad, after[axis] as number]));
}

/** `kaiming_uniform_` with a = sqrt(5), and the bias within the same bound. */
function torchInitial({ where, name, transposed, rank, given }: InitialCall<TorchAttributes>): InitialValues {
  if (name.startsWith('conv')) refuseWithoutWeight(where, 'torch.nn.functional', undefined);
  const inChannels = checkInteger(where, 'in_channels', required(where, 'in_channels', given.in_channels), 1);
  const outChannels = checkInteger(
    where,
    'out_channels',
    required(where, 'out_channels', given.out_channels),
    1,
  );
  const kernel = checkAxes(where, 'kernel_size', required(where, 'kernel_size', given.kernel_size), rank, 1);
  const groups = checkInteger(where, 'groups', given.groups ?? 1, 1);
  checkGroups(where, 'in_channels', inChannels, groups);
  checkGroups(where, 'out_channels', outChannels, groups);
  const spec = { transposed, groups, inChannels, outChannels, kernel };
  const bound = kaimingUniformBound(spec);
  const fill = (values: Float32Array, random: RandomSource): void => fillUniform(values, bound, random);
  return {
    weightShape: weightShape(spec),
    biasCount: checkBoolean(where, 'bias', given.bias, true) ? outChannels : 0,
    fillWeight: fill,
    fillBias: fill,
  };
}

function readCrops(
  where: string,
  given: TorchConvTransposeArguments,
  stride: readonly number[],
  dilation: readonly number[],
): PadRule {
  const rank = stride.length;
  const padding = readTorchCrops(where, given.padding ?? 0, rank);
  const extra = checkAxes(where, 'output_padding', given.output_padding ?? 0, rank, 0);
  checkOutputPadding(where, 'output_padding', extra, stride, dilation);
  return fixedCrops(
    padding.map((pad) => [pad, pad]),
    extra,
  );
}
