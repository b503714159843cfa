import { checkBoolean, checkChoice, checkGroups, checkInteger, refuse } from '../core/checks.js';
import type { JaxPaddingGeometry } from '../core/jax-padding.js';
import type { AxisList, SpatialRank, Unsized } from '../core/lists.js';
import { fillWithVariance } from '../core/normal-initializers.js';
import { splitPads } from '../core/same-padding.js';
import type { Layer } from '../layers/layer.js';
import { checkAgreement, checkBiasFlag, checkIntegerOrList, readActivation } from './attributes.js';
import { type OperatorTable, readCall } from './call.js';
import { type ConversionOptions, ConvertedLayer } from './converted-layer.js';
import { type ExportedParameters, exportParameters } from './export.js';
import {
  channelsLastFans,
  drawParameters,
  type InitialCall,
  type InitialInputParameters,
  type InitialValues,
  required,
} from './initial.js';
import { jaxTransposedPads } from './jax.js';
import { type ConvertedParameters, channelsLastFormat, readKernel } from './kernel.js';
import { causalPads, convolutionSame, noPads, type PadRule } from './pads.js';

interface KerasAttributes<Rank extends SpatialRank = never> {
  /** The kernel says it too. */
  readonly filters?: number;
  readonly kernel_size?: number | AxisList<Rank> | Unsized<number>;
  readonly strides?: number | AxisList<Rank> | Unsized<number>;
  /** Default `'channels_last'`. */
  readonly data_format?: 'channels_last' | 'channels_first' | null;
  /** Above 1 only with strides 1. */
  readonly dilation_rate?: number | AxisList<Rank> | Unsized<number>;
  readonly activation?: 'linear' | 'relu' | null;
  readonly use_bias?: boolean;
}

/** Arguments of `keras.layers.Conv2D` and `Conv3D`. */
export interface KerasConvAttributes<Rank extends SpatialRank = never> extends KerasAttributes<Rank> {
  /** Default `'valid'`. */
  readonly padding?: 'valid' | 'same';
  readonly groups?: number;
}

/** Arguments of `keras.layers.Conv1D`. */
export interface KerasConv1DAttributes extends Omit<KerasConvAttributes<1>, 'padding'> {
  /** Default `'valid'`. */
  readonly padding?: 'valid' | 'same' | 'causal';
}

/** Arguments of `keras.layers.Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose`. */
export interface KerasConvTransposeAttributes<Rank extends SpatialRank = never>
  extends KerasAttributes<Rank> {
  /** Default `'valid'`. */
  readonly padding?: 'valid' | 'same';
  /** Below the strides; null leaves the size to `padding`. Default null. */
  readonly output_padding?: number | AxisList<Rank> | Unsized<number> | null;
}

/** The layers that {@link fromKeras} takes, and the arguments of each. */
export interface KerasOperators {
  readonly Conv1D: KerasConv1DAttributes;
  readonly Conv2D: KerasConvAttributes<2>;
  readonly Conv3D: KerasConvAttributes<3>;
  readonly Conv1DTranspose: KerasConvTransposeAttributes<1>;
  readonly Conv2DTranspose: KerasConvTransposeAttributes<2>;
  readonly Conv3DTranspose: KerasConvTransposeAttributes<3>;
}

const SHARED = [
  'filters',
  'kernel_size',
  'strides',
  'padding',
  'data_format',
  'dilation_rate',
  'activation',
  'use_bias',
] as const satisfies readonly (keyof (KerasConvAttributes | KerasConvTransposeAttributes))[];

const OPERATORS: OperatorTable<KerasOperators> = {
  Conv1D: { transposed: false, rank: 1, attributes: [...SHARED, 'groups'] },
  Conv2D: { transposed: false, rank: 2, attributes: [...SHARED, 'groups'] },
  Conv3D: { transposed: false, rank: 3, attributes: [...SHARED, 'groups'] },
  Conv1DTranspose: { transposed: true, rank: 1, attributes: [...SHARED, 'output_padding'] },
  Conv2DTranspose: { transposed: true, rank: 2, attributes: [...SHARED, 'output_padding'] },
  Conv3DTranspose: { transposed: true, rank: 3, attributes: [...SHARED, 'output_padding'] },
};

/**
 * A layer from a Keras layer's arguments and weights; input and output in `data_format`, the kernel
 * `[...taps, in/groups, out]`, and `[...taps, out, in]` when transposed. In place of parameters
 * `{ inChannels, seed }` draws them as Keras does: the kernel by `glorot_uniform` (uniform within
 * ± sqrt(6 / (fan-in + fan-out))), zeros for the bias.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`; `UNSUPPORTED` for other activations
 *
 * @example
 * await init();
 * const kernel = { data: [1, 2, 3], shape: [3, 1, 1] };
 * const up = fromKeras('Conv1DTranspose', { strides: 2, padding: 'same' }, { weight: kernel });
 * console.log(up.forward({ data: [1, 10], shape: [1, 2, 1] }).data.join(' ')); // 1 2 13 20
 */
export function fromKeras<Operator extends keyof KerasOperators>(
  operator: Operator,
  attributes: KerasOperators[Operator],
  parameters: ConvertedParameters | InitialInputParameters,
  options: ConversionOptions = {},
): ConvertedLayer {
  const call = readCall<KerasConv1DAttributes & Omit<KerasConvTransposeAttributes, 'padding'>>(
    'fromKeras',
    OPERATORS,
    operator,
    attributes,
    parameters,
    (unweighted, asked) => drawParameters(kerasInitial, unweighted, asked),
  );
  const { where, transposed, rank, given, weight } = call;
  const format = channelsLastFormat(transposed);
  const groups = checkInteger(where, 'groups', given.groups ?? 1, 1);
  const kernel = readKernel(where, weight, format, groups);
  checkAgreement(where, 'filters', given.filters, kernel.outChannels);
  checkAgreement(where, 'kernel_size', given.kernel_size, kernel.kernel);
  checkBiasFlag(where, 'use_bias', given.use_bias, call.parameters.bias);
  const stride = checkIntegerOrList(where, 'strides', given.strides ?? 1, rank, 1);
  const dilation = checkIntegerOrList(where, 'dilation_rate', given.dilation_rate ?? 1, rank, 1);
  if (Math.max(...stride) > 1 && Math.max(...dilation) > 1) {
    refuse(
      'BAD_OPTION',
      where,
      'strides 1 beside a dilation_rate above 1',
      stride,
      'Keras knows no mixture.',
    );
  }
  const dataFormat = checkChoice(where, 'data_format', given.data_format ?? 'channels_last', [
    'channels_last',
    'channels_first',
  ]);
  return ConvertedLayer.of({
    call,
    options,
    layout: dataFormat === 'channels_last' ? 'channels-last' : 'channels-first',
    format,
    stateNames: { weight: 'kernel', bias: 'bias' },
    kernel,
    stride,
    dilation,
    pads: transposed
      ? readCrops(where, given.padding, given.output_padding, { ...kernel, stride, dilation })
      : readPadding(where, given.padding, rank),
    relu: readActivation(where, 'activation', given.activation, { none: 'linear', relu: 'relu' }),
  });
}

/**
 * Kernel and bias of any layer, as `layer.set_weights([kernel, bias])` takes them.
 *
 * @throws {DeconvError} `UNSUPPORTED` for a transposed layer with groups; `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4 });
 * const { weight: kernel, bias } = toKeras(layer);
 * console.log(kernel.shape.join('x'), bias.shape.join('x')); // 4x4x8x3 8
 */
export function toKeras(layer: Layer): ExportedParameters {
  return exportParameters('toKeras', layer, ({ transposed }) => channelsLastFormat(transposed));
}

/** `glorot_uniform`, whose fans are the kernel's last two axes times its taps; zeros for the bias. */
function kerasInitial({
  where,
  transposed,
  rank,
  given,
  inChannels,
}: InitialCall<Omit<KerasConvAttributes, 'padding'>>): InitialValues {
  const filters = checkInteger(where, 'filters', required(where, 'filters', given.filters), 1);
  const size = required(where, 'kernel_size', given.kernel_size);
  const kernel = checkIntegerOrList(where, 'kernel_size', size, rank, 1);
  const groups = checkInteger(where, 'groups', given.groups ?? 1, 1);
  const inputs = inChannels();
  checkGroups(where, 'inChannels', inputs, groups);
  const weightShape = [...kernel, ...(transposed ? [filters, inputs] : [inputs / groups, filters])];
  const fans = channelsLastFans(weightShape);
  return {
    weightShape,
    biasCount: checkBoolean(where, 'use_bias', given.use_bias, true) ? filters : 0,
    fillWeight: (values, random) =>
      fillWithVariance(where, values, 2 / (fans.in + fans.out), 'uniform', random),
  };
}

function readPadding(where: string, padding: unknown, rank: number): PadRule {
  const words = ['valid', 'same', ...(rank === 1 ? ['causal'] : [])];
  const word = checkChoice(where, 'padding', padding ?? 'valid', words);
  if (word === 'causal') return causalPads;
  return word === 'same' ? convolutionSame() : noPads;
}

function readCrops(
  where: string,
  padding: unknown,
  extra: unknown,
  geometry: Omit<JaxPaddingGeometry, 'useConsistentPadding'>,
): PadRule {
  const same = checkChoice(where, 'padding', padding ?? 'valid', ['valid', 'same']) === 'same';
  if (extra === undefined || extra === null) {
    // The sizes are JAX's, and so are the crops.
    return jaxTransposedPads(where, same ? 'SAME' : 'VALID', { ...geometry, useConsistentPadding: false });
  }
  const { stride } = geometry;
  const added = checkIntegerOrList(where, 'output_padding', extra, stride.length, 0);
  for (const [axis, entry] of added.entries()) {
    if (entry >= (stride[axis] as number)) {
      refuse('BAD_OPTION', where, `output_padding[${axis}] below strides[${axis}] (${stride[axis]})`, entry);
    }
  }
  if (!same) return ({ index }) => [0, -(added[index] as number)];
  // The size asked for is (input - 1) * stride + reach % 2 + output_padding.
  return ({ index, reach }) => splitPads(reach - (reach % 2) - (added[index] as number));
}
