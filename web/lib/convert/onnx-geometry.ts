// What the attributes of ONNX's convolutions mean.

import { checkChoice, checkInteger, refuse } from '../core/checks.js';
import { type Pads, splitPads } from '../core/same-padding.js';
import { checkOutputPadding } from '../core/torch-words.js';
import { checkAgreement, checkList } from './attributes.js';
import { type OperatorCall, type OperatorTable, readShapeCall } from './call.js';
import type { Geometry } from './converted-layer.js';
import { canonicalFormat, readKernel } from './kernel.js';
import { convolutionSame, fixedCrops, fixedPads, naturalExtent, noPads, type PadRule } from './pads.js';

/** Attributes of ONNX's `Conv`, opset 11 and later; every list has one entry for each spatial axis. */
export interface OnnxConvAttributes {
  /** Default `'NOTSET'`: `pads` count. */
  readonly auto_pad?: 'NOTSET' | 'SAME_UPPER' | 'SAME_LOWER' | 'VALID';
  readonly dilations?: readonly number[];
  readonly group?: number;
  /** The weight says it too. */
  readonly kernel_shape?: readonly number[];
  /** All heads, then all tails. */
  readonly pads?: readonly number[];
  readonly strides?: readonly number[];
}

/** Attributes of ONNX's `ConvTranspose`, opset 11 and later. */
export interface OnnxConvTransposeAttributes extends OnnxConvAttributes {
  readonly output_padding?: readonly number[];
  /** The spatial size wanted; `pads` are then ignored, as ONNX says. */
  readonly output_shape?: readonly number[];
}

/** The operators that `fromOnnx` takes, and the attributes of each. */
export interface OnnxOperators {
  readonly Conv: OnnxConvAttributes;
  readonly ConvTranspose: OnnxConvTransposeAttributes;
}

const CONV = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'] as const;

export const OPERATORS: OperatorTable<OnnxOperators> = {
  Conv: { transposed: false, rank: 0, attributes: CONV },
  ConvTranspose: { transposed: true, rank: 0, attributes: [...CONV, 'output_padding', 'output_shape'] },
};

/** What `fromOnnx` would make of a weight of this shape. */
export function onnxGeometry(
  where: string,
  operator: keyof OnnxOperators,
  attributes: OnnxConvTransposeAttributes,
  weightShape: readonly number[],
): Geometry {
  return translate(readShapeCall(where, OPERATORS, operator, attributes, weightShape));
}

/** What a call's attributes mean. */
export function translate(call: OperatorCall<OnnxConvTransposeAttributes>): Geometry {
  const { where, transposed, rank, given, weight } = call;
  const ones = new Array<number>(rank).fill(1);
  const format = canonicalFormat(transposed);
  const groups = checkInteger(where, 'group', given.group ?? 1, 1);
  const kernel = readKernel(where, weight, format, groups, 'group');
  if (given.kernel_shape !== undefined) {
    checkList(where, 'kernel_shape', given.kernel_shape, rank, 1);
    checkAgreement(where, 'kernel_shape', given.kernel_shape, kernel.kernel);
  }
  const stride = checkList(where, 'strides', given.strides ?? ones, rank, 1);
  const dilation = checkList(where, 'dilations', given.dilations ?? ones, rank, 1);
  const autoPad = checkChoice(where, 'auto_pad', given.auto_pad ?? 'NOTSET', AUTO_PADS);
  if (given.pads !== undefined && autoPad !== 'NOTSET') {
    refuse('BAD_OPTION', where, `no pads beside auto_pad '${autoPad}'`, given.pads, 'Leave one of them out.');
  }
  const list = checkList(where, 'pads', given.pads ?? new Array<number>(2 * rank).fill(0), 2 * rank, 0);
  const pairs = ones.map((_, axis): Pads => [list[axis] as number, list[axis + rank] as number]);
  return {
    layout: 'channels-first',
    format,
    kernel,
    stride,
    dilation,
    pads: transposed
      ? readCrops(where, given, autoPad, pairs, stride, dilation)
      : readPadding(autoPad, pairs),
  };
}

const AUTO_PADS = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;
type AutoPad = (typeof AUTO_PADS)[number];

function readPadding(autoPad: AutoPad, pairs: readonly Pads[]): PadRule {
  if (autoPad === 'NOTSET') return fixedPads(pairs);
  if (autoPad === 'VALID') return noPads;
  return convolutionSame(autoPad === 'SAME_UPPER' ? 'tail' : 'head');
}

function readCrops(
  where: string,
  given: OnnxConvTransposeAttributes,
  autoPad: AutoPad,
  pairs: readonly Pads[],
  stride: readonly number[],
  dilation: readonly number[],
): PadRule {
  const rank = stride.length;
  const zeros = new Array<number>(rank).fill(0);
  const extra = checkList(where, 'output_padding', given.output_padding ?? zeros, rank, 0);
  checkOutputPadding(where, 'output_padding', extra, stride, dilation);
  const sizes =
    given.output_shape === undefined ? null : checkList(where, 'output_shape', given.output_shape, rank, 1);
  if (sizes === null && (autoPad === 'NOTSET' || autoPad === 'VALID')) {
    return fixedCrops(pairs, extra);
  }
  // The pads that lead to the size: the output padding is part of what they are taken from.
  const larger = autoPad === 'SAME_UPPER' ? 'tail' : 'head';
  return (axis) => {
    const added = extra[axis.index] as number;
    const size = sizes === null ? axis.input * axis.stride : (sizes[axis.index] as number);
    const [before, after] = splitPads(naturalExtent(axis) + added - size, larger);
    return [before, after - added];
  };
}
