import { checkAxes, checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import type { Layer } from '../layers/layer.js';
import {
  checkAgreement,
  checkBiasFlag,
  checkOutputPadding,
  type OperatorKind,
  readOperator,
  refuseUnsupported,
} from './attributes.js';
import { type ConversionOptions, ConvertedLayer } from './converted-layer.js';
import { type ExportedParameters, exportParameters } from './export.js';
import { type ConvertedParameters, canonicalFormat, readKernel, readWeight } from './kernel.js';
import { fixedPads, noPads, type PadRule, splitPads } from './pads.js';

/** Arguments of `torch.nn.functional.conv1d`, `conv2d` and `conv3d`. */
export interface TorchConvArguments {
  readonly stride?: number | readonly number[];
  /** Zeros added to both ends of the input's axis. Default 0. */
  readonly padding?: number | readonly number[] | 'same' | 'valid';
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
}

/** Arguments of `torch.nn.functional.conv_transpose1d`, `conv_transpose2d` and `conv_transpose3d`. */
export interface TorchConvTransposeArguments {
  readonly stride?: number | readonly number[];
  /** Values cropped from both ends of the output's axis. Default 0. */
  readonly padding?: number | readonly number[];
  readonly output_padding?: number | readonly number[];
  readonly groups?: number;
  readonly dilation?: number | readonly number[];
}

/** What `torch.nn`'s (and lucid's) modules take besides; the weight says it too, so all may be left out. */
export interface TorchModuleAttributes {
  readonly in_channels?: number;
  readonly out_channels?: number;
  readonly kernel_size?: number | readonly number[];
  readonly bias?: boolean;
  readonly padding_mode?: 'zeros';
}

export interface TorchOperators {
  readonly Conv1d: TorchConvArguments & TorchModuleAttributes;
  readonly Conv2d: TorchConvArguments & TorchModuleAttributes;
  readonly Conv3d: TorchConvArguments & TorchModuleAttributes;
  readonly ConvTranspose1d: TorchConvTransposeArguments & TorchModuleAttributes;
  readonly ConvTranspose2d: TorchConvTransposeArguments & TorchModuleAttributes;
  readonly ConvTranspose3d: TorchConvTransposeArguments & TorchModuleAttributes;
  readonly conv1d: TorchConvArguments;
  readonly conv2d: TorchConvArguments;
  readonly conv3d: TorchConvArguments;
  readonly conv_transpose1d: TorchConvTransposeArguments;
  readonly conv_transpose2d: TorchConvTransposeArguments;
  readonly conv_transpose3d: TorchConvTransposeArguments;
}

const OPERATORS: Readonly<Record<keyof TorchOperators, OperatorKind>> = {
  Conv1d: { transposed: false, rank: 1 },
  Conv2d: { transposed: false, rank: 2 },
  Conv3d: { transposed: false, rank: 3 },
  ConvTranspose1d: { transposed: true, rank: 1 },
  ConvTranspose2d: { transposed: true, rank: 2 },
  ConvTranspose3d: { transposed: true, rank: 3 },
  conv1d: { transposed: false, rank: 1 },
  conv2d: { transposed: false, rank: 2 },
  conv3d: { transposed: false, rank: 3 },
  conv_transpose1d: { transposed: true, rank: 1 },
  conv_transpose2d: { transposed: true, rank: 2 },
  conv_transpose3d: { transposed: true, rank: 3 },
};

/**
 * A layer from PyTorch's (or lucid's) arguments and weights: `[N, C, ...]` in and out, weight
 * `[in, out/groups, ...kernel]` when transposed, `[out, in/groups, ...kernel]` otherwise.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`; `UNSUPPORTED` for another padding_mode
 *
 * @example
 * const up = fromTorch('ConvTranspose2d', { stride: 2, padding: 1, output_padding: 1 }, { weight, bias });
 */
export function fromTorch<Operator extends keyof TorchOperators>(
  operator: Operator,
  attributes: TorchOperators[Operator],
  parameters: ConvertedParameters,
  options: ConversionOptions = {},
): ConvertedLayer {
  const kind = readOperator('fromTorch', operator, OPERATORS);
  const { where, transposed, rank } = kind;
  const given = checkOptions<TorchConvArguments & TorchConvTransposeArguments & TorchModuleAttributes>(
    where,
    attributes,
    [
      'stride',
      'padding',
      ...(transposed ? (['output_padding'] as const) : []),
      'dilation',
      'groups',
      ...(kind.name.startsWith('C') ? MODULE_NAMES : []),
    ],
  );
  const weight = readWeight(where, parameters, rank);
  const format = canonicalFormat(transposed);
  const groups = checkInteger(where, 'groups', given.groups ?? 1, 1);
  const kernel = readKernel(where, weight, format, groups);
  checkAgreement(where, 'in_channels', given.in_channels, kernel.inChannels);
  checkAgreement(where, 'out_channels', given.out_channels, kernel.outChannels);
  checkAgreement(where, 'kernel_size', given.kernel_size, kernel.kernel);
  checkBiasFlag(where, 'bias', given.bias, parameters.bias);
  if (given.padding_mode !== undefined && given.padding_mode !== 'zeros') {
    refuseUnsupported(where, "padding_mode 'zeros'", given.padding_mode, 'Pad the input beforehand.');
  }
  const stride = checkAxes(where, 'stride', given.stride ?? 1, rank, 1);
  const dilation = checkAxes(where, 'dilation', given.dilation ?? 1, rank, 1);
  const pads = transposed
    ? readCrops(where, given, stride, dilation)
    : readPadding(where, given.padding ?? 0, stride);
  return ConvertedLayer.of({
    operator: kind,
    attributes: given,
    parameters,
    options,
    layout: 'channels-first',
    weight,
    format,
    kernel,
    groups,
    stride,
    dilation,
    pads,
  });
}

/**
 * Weight and bias of any layer in PyTorch's order, for `load_state_dict` or `fromTorch`.
 *
 * @throws {DeconvError} `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const { weight, bias } = toTorch(layer);
 */
export function toTorch(layer: Layer): ExportedParameters {
  return exportParameters('toTorch', layer, ({ transposed }) => canonicalFormat(transposed));
}

const MODULE_NAMES = ['in_channels', 'out_channels', 'kernel_size', 'bias', 'padding_mode'] as const;

function readPadding(where: string, padding: unknown, stride: readonly number[]): PadRule {
  if (typeof padding !== 'string') {
    return fixedPads(checkAxes(where, 'padding', padding, stride.length, 0).map((pad) => [pad, pad]));
  }
  if (checkChoice(where, 'padding', padding, ['same', 'valid']) === 'valid') return noPads;
  if (stride.some((step) => step !== 1)) {
    refuse('BAD_OPTION', where, "stride 1 with padding 'same'", stride, 'Give the padding in numbers.');
  }
  return ({ reach }) => splitPads(reach - 1);
}

function readCrops(
  where: string,
  given: TorchConvTransposeArguments,
  stride: readonly number[],
  dilation: readonly number[],
): PadRule {
  const rank = stride.length;
  const padding = checkAxes(where, 'padding', given.padding ?? 0, rank, 0);
  const extra = checkAxes(where, 'output_padding', given.output_padding ?? 0, rank, 0);
  checkOutputPadding(where, extra, stride, dilation);
  return fixedPads(padding.map((pad, axis) => [pad, pad - (extra[axis] as number)]));
}
