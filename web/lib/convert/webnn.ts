import { checkChoice, checkInteger, checkOptions, refuse } from '../core/checks.js';
import type { Pads } from '../core/same-padding.js';
import type { Layer } from '../layers/layer.js';
import { checkList } from './attributes.js';
import { type OperatorTable, readCall } from './call.js';
import { type ConversionOptions, ConvertedLayer } from './converted-layer.js';
import { checkRank, type ExportedParameters, exportParameters } from './export.js';
import { type ConvertedParameters, formatOfLetters, type KernelFormat, readKernel } from './kernel.js';
import { fixedCrops, fixedPads, naturalExtent, type PadRule } from './pads.js';

interface WebnnOptions {
  /** `[top, bottom, left, right]`. Default zeros. */
  readonly padding?: readonly number[];
  /** `[height, width]`. */
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly groups?: number;
  /** Default `'nchw'`. */
  readonly inputLayout?: 'nchw' | 'nhwc';
}

/** `MLConv2dOptions`, but for the bias, which goes with the weight. */
export interface WebnnConv2dOptions extends WebnnOptions {
  /** Default `'oihw'`. */
  readonly filterLayout?: 'oihw' | 'hwio' | 'ohwi' | 'ihwo';
}

/** `MLConvTranspose2dOptions`, but for the bias, which goes with the weight. */
export interface WebnnConvTranspose2dOptions extends WebnnOptions {
  /** Default `'iohw'`. `o` counts one group's channels. */
  readonly filterLayout?: 'iohw' | 'hwoi' | 'ohwi';
  /** `[height, width]`, each below its stride. Default zeros. */
  readonly outputPadding?: readonly number[];
  /** `[height, width]` of the output; replaces `outputPadding`. */
  readonly outputSizes?: readonly number[];
}

/** The operators that {@link fromWebnn} takes, and the options of each. */
export interface WebnnOperators {
  readonly conv2d: WebnnConv2dOptions;
  readonly convTranspose2d: WebnnConvTranspose2dOptions;
}

const CONV = ['padding', 'strides', 'dilations', 'groups', 'inputLayout', 'filterLayout'] as const;

const OPERATORS: OperatorTable<WebnnOperators> = {
  conv2d: { transposed: false, rank: 2, attributes: CONV },
  convTranspose2d: { transposed: true, rank: 2, attributes: [...CONV, 'outputPadding', 'outputSizes'] },
};

/**
 * A layer from the options of WebNN's `conv2d` or `convTranspose2d`; input and output in
 * `inputLayout`, weight in `filterLayout`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `BAD_SHAPE`
 *
 * @example
 * const weight = { data: new Float32Array(8 * 3 * 4 * 4), shape: [8, 3, 4, 4] };
 * const up = fromWebnn('convTranspose2d', { strides: [2, 2], inputLayout: 'nhwc' }, { weight });
 * console.log(up.outputShape([1, 16, 16, 8]).join('x')); // 1x34x34x3
 */
export function fromWebnn<Operator extends keyof WebnnOperators>(
  operator: Operator,
  attributes: WebnnOperators[Operator],
  parameters: ConvertedParameters,
  options: ConversionOptions = {},
): ConvertedLayer {
  const call = readCall<
    Omit<WebnnConvTranspose2dOptions, 'filterLayout'> & { readonly filterLayout?: string }
  >('fromWebnn', OPERATORS, operator, attributes, parameters, 'WebNN');
  const { where, transposed, rank, given, weight } = call;
  const groups = checkInteger(where, 'groups', given.groups ?? 1, 1);
  const format = readFilterLayout(where, transposed, given.filterLayout);
  const kernel = readKernel(where, weight, format, groups);
  const stride = checkList(where, 'strides', given.strides ?? [1, 1], rank, 1);
  const dilation = checkList(where, 'dilations', given.dilations ?? [1, 1], rank, 1);
  const [top = 0, bottom = 0, left = 0, right = 0] = checkList(
    where,
    'padding',
    given.padding ?? [0, 0, 0, 0],
    4,
    0,
  );
  const pairs: readonly Pads[] = [
    [top, bottom],
    [left, right],
  ];
  const layout = checkChoice(where, 'inputLayout', given.inputLayout ?? 'nchw', ['nchw', 'nhwc']);
  return ConvertedLayer.of({
    call,
    options,
    layout: layout === 'nchw' ? 'channels-first' : 'channels-last',
    format,
    kernel,
    stride,
    dilation,
    pads: transposed ? readCrops(where, given, pairs, stride) : fixedPads(pairs),
  });
}

/**
 * Weight and bias of any 2-D layer for WebNN, in its default filter layout or the one asked for.
 *
 * @throws {DeconvError} `UNSUPPORTED` for a layer of another rank; `BAD_OPTION`, `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4 });
 * console.log(toWebnn(layer).weight.shape.join('x')); // 3x8x4x4
 * console.log(toWebnn(layer, { filterLayout: 'ohwi' }).weight.shape.join('x')); // 8x4x4x3
 */
export function toWebnn(
  layer: Layer,
  options: Pick<WebnnConv2dOptions, 'filterLayout'> | Pick<WebnnConvTranspose2dOptions, 'filterLayout'> = {},
): ExportedParameters {
  const { filterLayout } = checkOptions<{ readonly filterLayout?: string }>('toWebnn', options, [
    'filterLayout',
  ]);
  return exportParameters('toWebnn', layer, (spec, where) => {
    checkRank(where, spec, [2]);
    return readFilterLayout(where, spec.transposed, filterLayout);
  });
}

function readFilterLayout(where: string, transposed: boolean, value: unknown): KernelFormat {
  return transposed
    ? formatOfLetters(checkChoice(where, 'filterLayout', value ?? 'iohw', ['iohw', 'hwoi', 'ohwi']), 'in')
    : formatOfLetters(
        checkChoice(where, 'filterLayout', value ?? 'oihw', ['oihw', 'hwio', 'ohwi', 'ihwo']),
        'out',
      );
}

function readCrops(
  where: string,
  given: Pick<WebnnConvTranspose2dOptions, 'outputPadding' | 'outputSizes'>,
  pairs: readonly Pads[],
  stride: readonly number[],
): PadRule {
  const extra = checkList(where, 'outputPadding', given.outputPadding ?? [0, 0], 2, 0);
  for (const [axis, entry] of extra.entries()) {
    if (entry >= (stride[axis] as number)) {
      refuse('BAD_OPTION', where, `outputPadding[${axis}] below the stride (${stride[axis]})`, entry);
    }
  }
  if (given.outputSizes === undefined) {
    return fixedCrops(pairs, extra);
  }
  const sizes = checkList(where, 'outputSizes', given.outputSizes, 2, 1);
  return (axis) => {
    const size = sizes[axis.index] as number;
    const [before, after] = pairs[axis.index] as Pads;
    const smallest = naturalExtent(axis) - before - after;
    if (size < smallest || size >= smallest + axis.stride) {
      refuse(
        'BAD_SHAPE',
        axis.where,
        `outputSizes[${axis.index}] from ${smallest} to ${smallest + axis.stride - 1} for input size ${axis.input}`,
        size,
        'Other sizes come from another padding or input.',
      );
    }
    return [before, after - (size - smallest)];
  };
}
