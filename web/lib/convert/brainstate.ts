import { type BrainstateConvOptions, Conv1d, Conv2d, Conv3d } from '../brainstate/conv.js';
import {
  type BrainstateConvTransposeOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
} from '../brainstate/conv-transpose.js';
import { BRAINSTATE_WEIGHT_ORDER } from '../brainstate/layer.js';
import type { Padding } from '../brainstate/options.js';
import type { ParameterSource } from '../brainstate/parameters.js';
import {
  checkAxes,
  checkBoolean,
  checkChoice,
  checkOptions,
  fault,
  refuse,
  shapeText,
} from '../core/checks.js';
import { DeconvError, isDeconvError } from '../core/errors.js';
import type { PerAxis, SpatialRank } from '../core/lists.js';
import { isList } from '../core/realms.js';
import {
  checkParameter,
  checkTensor,
  floatsOf,
  sameList,
  shapeOf,
  type Tensor,
  type TensorData,
  type TensorLike,
} from '../core/tensor.js';
import type { Layer } from '../layers/layer.js';
import { EXECUTION_OPTION_NAMES } from '../runtime/execution.js';
import { checkAgreement } from './attributes.js';
import { areGiven } from './call.js';
import type { ConversionOptions } from './converted-layer.js';
import { type ExportedParameters, exportParameters } from './export.js';
import { checkInitial, type InitialParameters } from './initial.js';
import { checkWeightShape } from './kernel.js';

/** Arguments of brainstate's layers, in its words; see `deconv-wasm/brainstate` for what they mean. */
export interface BrainstateAttributes<Rank extends SpatialRank = never> {
  /** One input without its batch axis. */
  readonly in_size: readonly number[];
  /** The weight says it too. */
  readonly out_channels?: number;
  /** The weight says it too. */
  readonly kernel_size?: PerAxis<Rank>;
  readonly stride?: PerAxis<Rank>;
  readonly padding?: Padding<Rank>;
  readonly lhs_dilation?: PerAxis<Rank>;
  readonly rhs_dilation?: PerAxis<Rank>;
  readonly groups?: number;
  /** In place of a weight. */
  readonly w_init?: ParameterSource;
  /** In place of a bias; null for a layer without. */
  readonly b_init?: ParameterSource | null;
  readonly w_mask?: ParameterSource | null;
  readonly channel_first?: boolean;
  readonly name?: string | null;
  readonly param_type?: 'ParamState' | null;
}

/** The dict that a layer's ParamState holds: `layer.weight.value` in brainstate. */
export interface BrainstateParameters {
  /** `[...taps, in/groups, out]`, and `[...taps, out, in/groups]` when transposed. */
  readonly weight: TensorLike;
  /** One value for each output channel, in any shape. */
  readonly bias?: TensorLike | TensorData | null;
}

/** The spatial axes that an operator's name tells. */
type RankOf<Operator extends string> = Operator extends `${string}1d`
  ? 1
  : Operator extends `${string}2d`
    ? 2
    : 3;

/** The layers that {@link fromBrainstate} makes, by brainstate's names. */
export interface BrainstateLayers {
  readonly Conv1d: Conv1d;
  readonly Conv2d: Conv2d;
  readonly Conv3d: Conv3d;
  readonly ConvTranspose1d: ConvTranspose1d;
  readonly ConvTranspose2d: ConvTranspose2d;
  readonly ConvTranspose3d: ConvTranspose3d;
}

const CLASSES = { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } as const;

/** Every word and the option that it is. */
const OPTIONS = {
  in_size: 'inSize',
  out_channels: 'outChannels',
  kernel_size: 'kernelSize',
  stride: 'stride',
  padding: 'padding',
  lhs_dilation: 'lhsDilation',
  rhs_dilation: 'rhsDilation',
  groups: 'groups',
  w_init: 'wInit',
  b_init: 'bInit',
  w_mask: 'wMask',
  channel_first: 'channelFirst',
  name: 'name',
  param_type: 'paramType',
} as const satisfies Record<
  keyof BrainstateAttributes,
  keyof (BrainstateConvOptions & BrainstateConvTransposeOptions)
>;

/**
 * A layer of `deconv-wasm/brainstate` from brainstate's own words and parameters. Without parameters (or with
 * `{ seed }` in their place) `w_init` and `b_init` make them, by default `XavierNormal()` and no bias.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`, `BAD_BUFFER`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * const weight = { data: new Float32Array(4 * 4 * 3 * 8), shape: [4, 4, 3, 8] };
 * const up = fromBrainstate('ConvTranspose2d', { in_size: [8, 8, 8], stride: 2 }, { weight });
 * console.log(up.outSize.join('x')); // 16x16x3
 */
export function fromBrainstate<Operator extends keyof BrainstateLayers>(
  operator: Operator,
  attributes: BrainstateAttributes<RankOf<Operator>>,
  parameters: BrainstateParameters | InitialParameters = {},
  options: ConversionOptions = {},
): BrainstateLayers[Operator] {
  const name = checkChoice('fromBrainstate', 'the operator', operator, Object.keys(CLASSES) as Operator[]);
  const where = `fromBrainstate ${name}`;
  const words = Object.keys(OPTIONS) as (keyof BrainstateAttributes)[];
  const given = checkOptions<BrainstateAttributes>(where, attributes, words);
  const execution = checkOptions<ConversionOptions>(where, options, EXECUTION_OPTION_NAMES);
  const made = areGiven(parameters)
    ? fromParameters(where, name, given, parameters)
    : checkInitial<InitialParameters>(where, parameters, ['seed']);
  const known = words.filter((word) => given[word] !== undefined).map((word) => [OPTIONS[word], given[word]]);
  try {
    const Class = CLASSES[name] as new (
      options: BrainstateConvOptions & BrainstateConvTransposeOptions,
    ) => unknown;
    const layer = new Class({ ...Object.fromEntries(known), ...made, ...execution });
    if (areGiven(parameters)) checkExact(name, parameters, layer as Layer);
    return layer as BrainstateLayers[Operator];
  } catch (error) {
    throw inBrainstateWords(error, name, where, areGiven(parameters));
  }
}

/**
 * Kernel and bias of any layer as brainstate keeps them: `up.weight.value = dict(weight=…, bias=…)`. A mask is
 * multiplied in.
 *
 * @throws {DeconvError} `UNSUPPORTED` for a layer that is not one operator; `BAD_OPTION`, `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4 });
 * const { weight, bias } = toBrainstate(layer);
 * console.log(weight.shape.join('x'), bias.shape.join('x')); // 4x4x8x3 1x1x8
 */
export function toBrainstate(
  layer: Layer,
  options: { readonly channelFirst?: boolean } = {},
): ExportedParameters {
  const given = checkOptions<typeof options>('toBrainstate', options, ['channelFirst']);
  const channelFirst = checkBoolean('toBrainstate', 'channelFirst', given.channelFirst ?? false);
  const { weight, bias } = exportParameters('toBrainstate', layer, ({ transposed }) => ({
    order: BRAINSTATE_WEIGHT_ORDER[transposed ? 'transposed' : 'convolution'],
  }));
  if (bias === null) return { weight, bias };
  const ones = new Array<number>(weight.shape.length - 2).fill(1);
  const channels = bias.data.length;
  return {
    weight,
    bias: { data: bias.data, shape: channelFirst ? [1, channels, ...ones] : [...ones, channels] },
  };
}

/** The options that parameters decide; attributes that say the same must agree. */
function fromParameters(
  where: string,
  name: keyof BrainstateLayers,
  given: BrainstateAttributes,
  parameters: unknown,
): Partial<BrainstateConvOptions> {
  const { weight, bias } = checkOptions<BrainstateParameters>(where, parameters, ['weight', 'bias']);
  const rank = Number(name.at(-2));
  const { shape } = checkTensor(where, 'weight', weight);
  checkWeightShape(where, shape, rank);
  const outChannels = shape[name.startsWith('ConvTranspose') ? rank : rank + 1] as number;
  const kernelSize = shape.slice(0, rank);
  checkAgreement(where, 'out_channels', given.out_channels, outChannels);
  if (given.kernel_size !== undefined) {
    checkAgreement(
      where,
      'kernel_size',
      checkAxes(where, 'kernel_size', given.kernel_size, rank, 1),
      kernelSize,
    );
  }
  if (given.w_init !== undefined) {
    throw fault('BAD_OPTION', where, 'either a weight or w_init', 'both', 'Leave one of them out.');
  }
  const hasBias = bias !== undefined && bias !== null;
  if (hasBias && given.b_init !== undefined) {
    throw fault('BAD_OPTION', where, 'either a bias or b_init', 'both', 'Leave one of them out.');
  }
  return {
    outChannels,
    kernelSize,
    wInit: weight as Tensor,
    ...(hasBias ? { bInit: flatBias(where, bias, outChannels) } : {}),
  };
}

/** What initial values may do, repeat along an axis, parameters must not. */
function checkExact(where: string, { weight }: BrainstateParameters, layer: Layer): void {
  const { shape } = layer.weight;
  const given = shapeOf(weight) as readonly number[];
  if (sameList(given, shape)) return;
  refuse(
    'BAD_SHAPE',
    where,
    `weight of shape ${shapeText(shape)}, as in_size and groups say`,
    [...given],
    'Make them agree.',
  );
}

/** Only the count of a bias tells its channels: brainstate keeps it with axes of 1, here or there. */
function flatBias(where: string, bias: TensorLike | TensorData, channels: number): Float32Array {
  const values =
    ArrayBuffer.isView(bias) || isList(bias)
      ? floatsOf(where, 'bias', bias)
      : checkTensor(where, 'bias', bias).data;
  return checkParameter(where, 'bias', values, [channels]);
}

/** What the layer's class says, in the words that the caller wrote. */
function inBrainstateWords(error: unknown, name: string, where: string, withWeight: boolean): unknown {
  if (!isDeconvError(error)) return error;
  const words = withWeight ? { ...OPTIONS, weight: 'wInit', bias: 'bInit', w_init: '', b_init: '' } : OPTIONS;
  const spoken = Object.entries(words).filter(([, option]) => option !== '');
  const translated = spoken.reduce(
    (text, [word, option]) => text.replaceAll(new RegExp(`\\b${option}\\b`, 'g'), word),
    error.message,
  );
  const message = translated.replace(`${name}: `, `${where}: `);
  return new DeconvError(error.code, message, { ...error.detail, where }, error);
}
