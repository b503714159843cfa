import {
  checkBoolean,
  checkGroups,
  checkInteger,
  checkOptions,
  MAX_INTEGER,
  refuse,
} from '../core/checks.js';
import { fillWithVariance } from '../core/normal-initializers.js';
import { isList } from '../core/realms.js';
import type { Layer } from '../layers/layer.js';
import { checkAgreement, checkBiasFlag, checkIntegerOrList } from './attributes.js';
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
import {
  checkTransposeKernel,
  checkUndilated,
  type JaxKernelOptions,
  jaxPads,
  jaxTransposedFormat,
  jaxTransposedPads,
} from './jax.js';
import { type ConvertedParameters, channelsLastFormat, type KernelFormat, readKernel } from './kernel.js';
import { causalPads, type PadRule } from './pads.js';

interface FlaxAttributes {
  /** The kernel says it too. */
  readonly features?: number;
  readonly kernel_size?: number | readonly number[];
  readonly strides?: number | readonly number[] | null;
  readonly kernel_dilation?: number | readonly number[] | null;
  readonly use_bias?: boolean;
}

/** One number for all axes, or for each axis a number (both ends) or `[low, high]`. */
export type FlaxPadding = number | readonly (number | readonly [low: number, high: number])[];

/** Attributes of `flax.linen.Conv`. */
export interface FlaxConvAttributes extends FlaxAttributes {
  /** Default `'SAME'`; `'CAUSAL'` for one spatial axis. */
  readonly padding?: 'SAME' | 'VALID' | 'CAUSAL' | FlaxPadding;
  readonly input_dilation?: number | readonly number[] | null;
  readonly feature_group_count?: number;
}

/** Attributes of `flax.linen.ConvTranspose`. */
export interface FlaxConvTransposeAttributes extends FlaxAttributes {
  /** Default `'SAME'`. In numbers: zeros around the **stride-dilated input**. */
  readonly padding?: 'SAME' | 'VALID' | FlaxPadding;
  /** Flips the kernel's taps and swaps its channels. Default false. */
  readonly transpose_kernel?: boolean;
}

/** The operators that {@link fromFlax} takes, and the attributes of each. */
export interface FlaxOperators {
  readonly Conv: FlaxConvAttributes;
  readonly ConvTranspose: FlaxConvTransposeAttributes;
}

const SHARED = [
  'features',
  'kernel_size',
  'strides',
  'padding',
  'kernel_dilation',
  'use_bias',
] as const satisfies readonly (keyof (FlaxConvAttributes | FlaxConvTransposeAttributes))[];

const OPERATORS: OperatorTable<FlaxOperators> = {
  Conv: { transposed: false, rank: 0, attributes: [...SHARED, 'input_dilation', 'feature_group_count'] },
  ConvTranspose: { transposed: true, rank: 0, attributes: [...SHARED, 'transpose_kernel'] },
};

/**
 * A layer from flax's attributes and parameters: `[N, ..., C]` in and out; the kernel is
 * `[...taps, in/groups, out]` of Conv, `[...taps, in, out]` of ConvTranspose and `[...taps, out, in]`
 * with `transpose_kernel`. In place of parameters `{ inChannels, seed }` draws them as flax does: the kernel by
 * `lecun_normal` (variance 1 / fan-in, normal, cut off at two deviations), zeros for the bias.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`; `UNSUPPORTED` for circular padding
 *
 * @example
 * await init();
 * const kernel = { data: [1, 2, 3], shape: [3, 1, 1] };
 * // flax lays the kernel down flipped.
 * const up = fromFlax('ConvTranspose', { strides: 2, padding: 'VALID' }, { weight: kernel });
 * console.log(up.forward({ data: [1, 10], shape: [1, 2, 1] }).data.join(' ')); // 3 2 31 20 10
 */
export function fromFlax<Operator extends keyof FlaxOperators>(
  operator: Operator,
  attributes: FlaxOperators[Operator],
  parameters: ConvertedParameters | InitialInputParameters,
  options: ConversionOptions = {},
): ConvertedLayer {
  const call = readCall<FlaxConvAttributes & Omit<FlaxConvTransposeAttributes, 'padding'>>(
    'fromFlax',
    OPERATORS,
    operator,
    attributes,
    parameters,
    (unweighted, asked) => drawParameters(flaxInitial, unweighted, asked),
  );
  const { where, transposed, rank, given, weight } = call;
  const format = flaxFormat(transposed, readTransposeKernel(where, given));
  const groups = checkInteger(where, 'feature_group_count', given.feature_group_count ?? 1, 1);
  const kernel = readKernel(where, weight, format, groups, 'feature_group_count');
  checkAgreement(where, 'features', given.features, kernel.outChannels);
  checkAgreement(where, 'kernel_size', given.kernel_size, kernel.kernel);
  checkBiasFlag(where, 'use_bias', given.use_bias, call.parameters.bias);
  const stride = checkIntegerOrList(where, 'strides', given.strides ?? 1, rank, 1);
  const dilation = checkIntegerOrList(where, 'kernel_dilation', given.kernel_dilation ?? 1, rank, 1);
  const inputDilation = checkIntegerOrList(where, 'input_dilation', given.input_dilation ?? 1, rank, 1);
  const padding: unknown = given.padding ?? 'SAME';
  if (padding === 'CIRCULAR' || padding === 'REFLECT') {
    refuse('UNSUPPORTED', where, 'padding with zeros', padding, 'Pad the input beforehand.');
  }
  return ConvertedLayer.of({
    call,
    options,
    layout: 'channels-last',
    format,
    stateNames: { weight: 'kernel', bias: 'bias' },
    kernel,
    stride,
    dilation,
    inputDilation,
    pads: transposed
      ? jaxTransposedPads(where, readPairs(where, padding, rank), {
          ...kernel,
          stride,
          dilation,
          useConsistentPadding: false,
        })
      : readPadding(where, padding, inputDilation),
  });
}

/**
 * Kernel and bias of any layer as flax keeps them.
 *
 * @throws {DeconvError} `UNSUPPORTED` for a transposed layer with groups; `BAD_OPTION`, `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 3, bias: false });
 * layer.setWeight([1, 2, 3]);
 * const { weight: kernel } = toFlax(layer);
 * console.log(kernel.shape.join('x'), kernel.data.join(' ')); // 3x1x1 3 2 1
 */
export function toFlax(
  layer: Layer,
  options: Pick<JaxKernelOptions, 'transposeKernel'> = {},
): ExportedParameters {
  const given = checkOptions<typeof options>('toFlax', options, ['transposeKernel']);
  const transposeKernel = checkBoolean('toFlax', 'transposeKernel', given.transposeKernel ?? false);
  return exportParameters('toFlax', layer, ({ transposed }, where) => {
    checkTransposeKernel(where, transposed, transposeKernel);
    return flaxFormat(transposed, transposeKernel);
  });
}

function readTransposeKernel(
  where: string,
  { transpose_kernel }: Pick<FlaxConvTransposeAttributes, 'transpose_kernel'>,
): boolean {
  return checkBoolean(where, 'transpose_kernel', transpose_kernel ?? false);
}

/** `lecun_normal`, whose fan is the kernel's last axis but one times its taps; zeros for the bias. */
function flaxInitial({
  where,
  transposed,
  given,
  inChannels,
}: InitialCall<FlaxConvAttributes & Omit<FlaxConvTransposeAttributes, 'padding'>>): InitialValues {
  const features = checkInteger(where, 'features', required(where, 'features', given.features), 1);
  const size = required(where, 'kernel_size', given.kernel_size);
  const kernel = checkIntegerOrList(
    where,
    'kernel_size',
    size,
    typeof size === 'number' ? 1 : size.length,
    1,
  );
  const groups = checkInteger(where, 'feature_group_count', given.feature_group_count ?? 1, 1);
  const inputs = inChannels();
  checkGroups(where, 'inChannels', inputs, groups);
  const channels =
    transposed && readTransposeKernel(where, given) ? [features, inputs] : [inputs / groups, features];
  const weightShape = [...kernel, ...channels];
  return {
    weightShape,
    biasCount: checkBoolean(where, 'use_bias', given.use_bias, true) ? features : 0,
    fillWeight: (values, random) =>
      fillWithVariance(where, values, 1 / channelsLastFans(weightShape).in, 'truncated_normal', random),
  };
}

function flaxFormat(transposed: boolean, transposeKernel: boolean): KernelFormat {
  return transposed ? jaxTransposedFormat('hio', transposeKernel) : channelsLastFormat(false);
}

function readPadding(where: string, padding: unknown, inputDilation: readonly number[]): PadRule {
  const rank = inputDilation.length;
  if (padding === 'CAUSAL' && rank === 1) {
    checkUndilated(where, padding, inputDilation);
    return causalPads;
  }
  return jaxPads(where, readPairs(where, padding, rank), inputDilation);
}

/** flax lets a number stand for the pair of it; words, and what is wrong, stay as they are. */
function readPairs(where: string, padding: unknown, rank: number): unknown {
  if (typeof padding === 'number') {
    const pad = checkInteger(where, 'padding', padding, -MAX_INTEGER);
    return new Array<unknown>(rank).fill([pad, pad]);
  }
  if (!isList(padding)) return padding;
  return Array.from(padding, (entry: unknown) => (typeof entry === 'number' ? [entry, entry] : entry));
}
