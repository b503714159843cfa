import { checkBoolean, checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import { type JaxPadding, type JaxPaddingGeometry, jaxCrops } from '../core/jax-padding.js';
import { isList } from '../core/realms.js';
import type { OperatorSpec } from '../core/spec.js';
import type { Layer } from '../layers/layer.js';
import type { Layout } from '../runtime/operation.js';
import { checkList, checkPairs } from './attributes.js';
import { type OperatorTable, readCall } from './call.js';
import { type ConversionOptions, ConvertedLayer } from './converted-layer.js';
import { type ExportedParameters, exportParameters } from './export.js';
import { type ConvertedParameters, formatOfLetters, type KernelFormat, readKernel } from './kernel.js';
import { convolutionSame, fixedPads, noPads, type PadRule } from './pads.js';

/** Axes of input, kernel and output in letters, such as `['NHWC', 'HWIO', 'NHWC']`. */
export type JaxDimensionNumbers = readonly [lhs: string, rhs: string, out: string];

/** Arguments of `jax.lax.conv_transpose`. */
export interface JaxConvTransposeArguments {
  readonly strides: readonly number[];
  /** In numbers: zeros around the **stride-dilated input**, so that more of them give a larger output. */
  readonly padding: JaxPadding;
  readonly rhs_dilation?: readonly number[] | null;
  /** Default: channels last, kernel `[...taps, in, out]`. */
  readonly dimension_numbers?: JaxDimensionNumbers | null;
  /** Flips the kernel's taps and swaps its channels, which makes it PyTorch's and Keras's operator. Default false. */
  readonly transpose_kernel?: boolean;
  /** Numbers in `padding` then crop the output, as PyTorch's do. Default false. */
  readonly use_consistent_padding?: boolean;
}

/** Arguments of `jax.lax.conv_general_dilated`. */
export interface JaxConvGeneralDilatedArguments {
  readonly window_strides: readonly number[];
  readonly padding: 'SAME_LOWER' | JaxPadding;
  readonly lhs_dilation?: readonly number[] | null;
  readonly rhs_dilation?: readonly number[] | null;
  /** Default: channels first, kernel `[out, in, ...taps]`. */
  readonly dimension_numbers?: JaxDimensionNumbers | null;
  readonly feature_group_count?: number;
  readonly batch_group_count?: 1;
}

/** How `toJax` and `toFlax` lay out a kernel; their meaning is that of lax's words. */
export interface JaxKernelOptions {
  /** Default: the operator's own. */
  readonly dimensionNumbers?: JaxDimensionNumbers | null;
  /** For a transposed layer whose operator has `transpose_kernel`. Default false. */
  readonly transposeKernel?: boolean;
}

/** The functions that {@link fromJax} takes, and the arguments of each. */
export interface JaxOperators {
  readonly conv_transpose: JaxConvTransposeArguments;
  readonly conv_general_dilated: JaxConvGeneralDilatedArguments;
}

const OPERATORS: OperatorTable<JaxOperators> = {
  conv_transpose: {
    transposed: true,
    rank: 0,
    attributes: [
      'strides',
      'padding',
      'rhs_dilation',
      'dimension_numbers',
      'transpose_kernel',
      'use_consistent_padding',
    ],
  },
  conv_general_dilated: {
    transposed: false,
    rank: 0,
    attributes: [
      'window_strides',
      'padding',
      'lhs_dilation',
      'rhs_dilation',
      'dimension_numbers',
      'feature_group_count',
      'batch_group_count',
    ],
  },
};

/**
 * A layer from the arguments of `jax.lax.conv_transpose` or `conv_general_dilated`, whose defaults for
 * `dimension_numbers` differ: the first is channels last, the second channels first.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`; `UNSUPPORTED` for orders of axes that are
 *   neither channels first nor last, and for batch groups
 *
 * @example
 * await init();
 * const weight = { data: [1, 2, 3], shape: [3, 1, 1] };
 * const dimension_numbers = ['NHC', 'HIO', 'NHC'];
 * const attributes = { strides: [2], padding: 'VALID', dimension_numbers };
 * const up = fromJax('conv_transpose', { ...attributes, transpose_kernel: true }, { weight });
 * console.log(up.forward({ data: [1, 10], shape: [1, 2, 1] }).data.join(' ')); // 1 2 13 20 30
 */
export function fromJax<Operator extends keyof JaxOperators>(
  operator: Operator,
  attributes: JaxOperators[Operator],
  parameters: ConvertedParameters,
  options: ConversionOptions = {},
): ConvertedLayer {
  const call = readCall<Partial<JaxConvTransposeArguments & JaxConvGeneralDilatedArguments>>(
    'fromJax',
    OPERATORS,
    operator,
    attributes,
    parameters,
    'jax.lax',
  );
  const { where, transposed, rank, given, weight } = call;
  const ones = new Array<number>(rank).fill(1);
  const transposeKernel = checkBoolean(where, 'transpose_kernel', given.transpose_kernel ?? false);
  const { layout, format } = readDimensions(where, {
    transposed,
    rank,
    transposeKernel,
    name: 'dimension_numbers',
    value: given.dimension_numbers,
  });
  const groups = checkInteger(where, 'feature_group_count', given.feature_group_count ?? 1, 1);
  if (checkInteger(where, 'batch_group_count', given.batch_group_count ?? 1, 1) !== 1) {
    refuse('UNSUPPORTED', where, 'batch_group_count 1', given.batch_group_count, 'Split the batch.');
  }
  const strideName = transposed ? 'strides' : 'window_strides';
  const stride = checkList(where, strideName, given[strideName], rank, 1);
  const dilation = checkList(where, 'rhs_dilation', given.rhs_dilation ?? ones, rank, 1);
  const inputDilation = checkList(where, 'lhs_dilation', given.lhs_dilation ?? ones, rank, 1);
  const kernel = readKernel(where, weight, format, groups, 'feature_group_count');
  const useConsistentPadding = checkBoolean(
    where,
    'use_consistent_padding',
    given.use_consistent_padding ?? false,
  );
  return ConvertedLayer.of({
    call,
    options,
    layout,
    format,
    kernel,
    stride,
    dilation,
    inputDilation,
    pads: transposed
      ? jaxTransposedPads(where, given.padding, { ...kernel, stride, dilation, useConsistentPadding })
      : jaxPads(where, given.padding, inputDilation),
  });
}

/**
 * Weight and bias of any layer for `jax.lax`, in the operator's default order or the one asked for.
 *
 * @throws {DeconvError} `UNSUPPORTED` for a transposed layer with groups; `BAD_OPTION`, `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 3, bias: false });
 * layer.setWeight([1, 2, 3]);
 * console.log(toJax(layer).weight.data.join(' ')); // 3 2 1
 * console.log(toJax(layer, { transposeKernel: true }).weight.data.join(' ')); // 1 2 3
 */
export function toJax(layer: Layer, options: JaxKernelOptions = {}): ExportedParameters {
  const given = checkOptions<JaxKernelOptions>('toJax', options, ['dimensionNumbers', 'transposeKernel']);
  const transposeKernel = checkBoolean('toJax', 'transposeKernel', given.transposeKernel ?? false);
  return exportParameters('toJax', layer, ({ transposed, kernel }: OperatorSpec, where) => {
    checkTransposeKernel(where, transposed, transposeKernel);
    return readDimensions(where, {
      transposed,
      rank: kernel.length,
      transposeKernel,
      name: 'dimensionNumbers',
      value: given.dimensionNumbers,
    }).format;
  });
}

/** Padding of `conv_transpose`; see `jaxCrops`. */
export function jaxTransposedPads(where: string, padding: unknown, geometry: JaxPaddingGeometry): PadRule {
  const { padBefore, padAfter } = jaxCrops(where, padding, geometry);
  return ({ index }) => [padBefore[index] as number, padAfter[index] as number];
}

/** Padding of `conv_general_dilated`. */
export function jaxPads(where: string, padding: unknown, inputDilation: readonly number[]): PadRule {
  if (typeof padding !== 'string') {
    return fixedPads(checkPairs(where, 'padding', padding, inputDilation.length));
  }
  const word = checkChoice(where, 'padding', padding, ['SAME', 'SAME_LOWER', 'VALID']);
  checkUndilated(where, word, inputDilation);
  if (word === 'VALID') return noPads;
  return convolutionSame(word === 'SAME' ? 'tail' : 'head');
}

/** JAX has no words for the padding of a dilated input. */
export function checkUndilated(where: string, word: string, inputDilation: readonly number[]): void {
  if (inputDilation.every((step) => step === 1)) return;
  refuse(
    'BAD_OPTION',
    where,
    `padding in numbers for an input dilation of ${inputDilation.join(', ')}`,
    word,
    'Give one pair [low, high] for each axis.',
  );
}

/** A convolution's kernel has one order only. */
export function checkTransposeKernel(where: string, transposed: boolean, transposeKernel: boolean): void {
  if (transposeKernel && !transposed) {
    refuse('BAD_OPTION', where, 'transposeKernel for transposed layers only', true);
  }
}

/**
 * A kernel for `conv_transpose`. JAX correlates it with the dilated input, which is the flipped kernel
 * of a scatter; `transpose_kernel` flips it once more, and its `I` then holds the output's channels.
 */
export function jaxTransposedFormat(letters: string, transposeKernel: boolean): KernelFormat {
  const { order } = formatOfLetters(letters, undefined);
  if (!transposeKernel) return { order, flip: true };
  return { order: order.map((axis) => (axis === 'in' ? 'out' : axis === 'out' ? 'in' : axis)) };
}

interface Dimensions {
  readonly layout: Layout;
  readonly format: KernelFormat;
}

interface DimensionsCall {
  readonly transposed: boolean;
  readonly rank: number;
  readonly transposeKernel: boolean;
  /** The argument's, in errors. */
  readonly name: string;
  readonly value: unknown;
}

function readDimensions(
  where: string,
  { transposed, rank, transposeKernel, name, value }: DimensionsCall,
): Dimensions {
  const spatial = 'HWD'.slice(0, rank);
  const usual = transposed
    ? [`N${spatial}C`, `${spatial}IO`, `N${spatial}C`]
    : [`NC${spatial}`, `OI${spatial}`, `NC${spatial}`];
  const numbers: unknown = value ?? usual;
  if (
    !isList(numbers) ||
    numbers.length !== 3 ||
    [...numbers].some((letters) => typeof letters !== 'string')
  ) {
    refuse('BAD_TYPE', where, `${name} to be three strings, for input, kernel and output`, value);
  }
  const [lhs, rhs, out] = numbers as [string, string, string];
  const letters = lhs.replace(/[NC]/g, '');
  const distinct = new Set(lhs).size === lhs.length && letters.length === rank && !/[IO]/.test(letters);
  const first = lhs === `NC${letters}`;
  if (!distinct || !(first || lhs === `N${letters}C`) || out !== lhs || !fitsKernel(rhs, letters)) {
    refuse(
      'UNSUPPORTED',
      where,
      `${name} such as ['N${spatial}C', '${spatial}IO', 'N${spatial}C'] or ['NC${spatial}', 'OI${spatial}', 'NC${spatial}'], the spatial axes together and in one order`,
      numbers,
      'Transpose the data beforehand.',
    );
  }
  return {
    layout: first ? 'channels-first' : 'channels-last',
    format: transposed ? jaxTransposedFormat(rhs, transposeKernel) : formatOfLetters(rhs, 'out'),
  };
}

/** The taps stay together, in the input's order, and I and O stand around them in any way. */
function fitsKernel(rhs: string, letters: string): boolean {
  return [
    `OI${letters}`,
    `IO${letters}`,
    `${letters}IO`,
    `${letters}OI`,
    `O${letters}I`,
    `I${letters}O`,
  ].includes(rhs);
}
