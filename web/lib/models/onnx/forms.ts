import type { OnnxConvTransposeAttributes } from '../../convert/onnx-geometry.js';
import { at } from '../../core/lists.js';
import type { OnnxNode } from './graph.js';

/** How an operator convolves: where its inputs are, and what it does besides. */
export interface ConvolutionForm {
  /** ONNX's own operator that has the same attributes. */
  readonly base: 'Conv' | 'ConvTranspose';
  /** Places among the inputs. */
  readonly weight: number;
  readonly bias: number;
  /** Places of the scales of x and of the weight, and of the weight's zero point; -1 for a scale of 1. */
  readonly quantized?: { readonly xScale: number; readonly scale: number; readonly zero: number };
  /** Place of a tensor that is added to the output. */
  readonly addend?: number;
  /** Place of pads that may be made while the model runs. */
  readonly pads?: number;
  /** What keeps it from being one of our layers. */
  readonly obstacle?: string;
}

const OWN: Readonly<Record<string, ConvolutionForm>> = {
  Conv: { base: 'Conv', weight: 1, bias: 2 },
  ConvTranspose: { base: 'ConvTranspose', weight: 1, bias: 2 },
  QLinearConv: {
    base: 'Conv',
    weight: 3,
    bias: 8,
    quantized: { xScale: 1, scale: 4, zero: 5 },
    obstacle: 'it takes and gives integers',
  },
  ConvInteger: {
    base: 'Conv',
    weight: 1,
    bias: -1,
    quantized: { xScale: -1, scale: -1, zero: 3 },
    obstacle: 'it takes and gives integers',
  },
};

/** ONNX Runtime's: what its optimizer writes, and a few of its own. */
const MICROSOFT: Readonly<Record<string, ConvolutionForm>> = {
  FusedConv: { base: 'Conv', weight: 1, bias: 2, addend: 3 },
  QLinearConv: OWN.QLinearConv as ConvolutionForm,
  ConvTransposeWithDynamicPads: {
    base: 'ConvTranspose',
    weight: 1,
    bias: 3,
    pads: 2,
    obstacle: 'its padding is an input',
  },
};

/** How a node convolves; undefined for one that does not, or in a way that is not read. */
export function formOf({ type, domain }: OnnxNode): ConvolutionForm | undefined {
  const forms = domain === '' ? OWN : domain === 'com.microsoft' ? MICROSOFT : {};
  return Object.hasOwn(forms, type) ? forms[type] : undefined;
}

/** Strides as far as a node says them itself. */
export function stridesOf(node: OnnxNode): readonly number[] {
  return node.integers('strides') ?? [];
}

/** Whether a convolution keeps the resolution, as far as the node says. */
export function keepsResolution(node: OnnxNode): boolean {
  const strides = stridesOf(node);
  return strides.every((_, axis) => at(strides, axis) === 1);
}

/** The words of the attributes that `fromOnnx` knows, with ONNX's types. */
export function convolutionAttributes(
  node: OnnxNode,
  transposed: boolean,
  rank: number,
): OnnxConvTransposeAttributes {
  const lists = ['strides', 'dilations', 'kernel_shape', 'pads'];
  if (transposed) lists.push('output_padding', 'output_shape');
  const result: Record<string, unknown> = {};
  for (const name of lists) {
    const list = node.integers(name);
    if (list !== undefined) result[name] = list.slice(0, 16);
  }
  const group = node.integer('group');
  if (group !== undefined) result.group = group;
  const autoPad = node.text('auto_pad');
  if (autoPad) result.auto_pad = autoPad;
  // Exporters write zeros beside the words; whoever runs the model goes by the words.
  if (autoPad && autoPad !== 'NOTSET') delete result.pads;
  // Some write batch and channels too.
  const sizes = result.output_shape as number[] | undefined;
  if (sizes?.length === rank + 2) result.output_shape = sizes.slice(2);
  return result as OnnxConvTransposeAttributes;
}
