// Weights and biases of convolutions of integers, as the numbers that they stand for.

import { product } from '../../core/lists.js';
import { foldedTensor, literalTensor, reasonOf } from '../folding/folded.js';
import { dequantized } from '../folding/quantized.js';
import type { ModelTensor } from '../tensor.js';
import type { Constant, Constants } from './constants.js';
import type { ConvolutionForm } from './forms.js';
import type { OnnxNode } from './graph.js';

type Quantized = NonNullable<ConvolutionForm['quantized']>;

/** The weight as numbers, or why there is none. */
export async function dequantizedWeight(
  node: OnnxNode,
  weight: ModelTensor,
  { scale: scalePlace, zero: zeroPlace }: Quantized,
  constants: Constants,
): Promise<Constant> {
  const scale =
    scalePlace < 0 ? literalTensor('', [], 'float32', [1]) : await find(node, scalePlace, constants);
  if (typeof scale === 'string') return `quantized with a scale that is ${scale}`;
  const zero = (node.inputs[zeroPlace] ?? '') === '' ? null : await find(node, zeroPlace, constants);
  if (typeof zero === 'string') return `quantized with a zero point that is ${zero}`;
  // As many scales of 1 as there are zero points.
  const count = zero === null ? 1 : product(zero.shape);
  if (count > Math.max(1, product(weight.shape))) return `quantized with ${count} zero points`;
  const scales =
    scalePlace < 0 && count > 1
      ? literalTensor('', [count], 'float32', new Array<number>(count).fill(1))
      : scale;
  try {
    return foldedTensor(weight.name, dequantized(weight, scales, zero, { axis: 0, blockSize: 0 }));
  } catch (error) {
    return `quantized, and ${reasonOf(error)}`;
  }
}

/** The bias as numbers, which is in steps of both scales, or why it is not known. */
export async function dequantizedBias(
  node: OnnxNode,
  bias: ModelTensor,
  { xScale, scale }: Quantized,
  constants: Constants,
): Promise<Constant> {
  const scales: ModelTensor[] = [];
  for (const place of [xScale, scale]) {
    const found = await find(node, place, constants);
    if (typeof found === 'string') return `quantized with a scale that is ${found}`;
    scales.push(found);
  }
  return foldedTensor(bias.name, {
    shape: bias.shape,
    dtype: 'float32',
    inputs: [bias, ...scales],
    quantizes: true,
    compute: ([values = [], x = [], w = []]) =>
      Float32Array.from(values, (value, index) => value * (x[0] ?? 1) * (w[w.length === 1 ? 0 : index] ?? 1)),
  });
}

function find(node: OnnxNode, place: number, constants: Constants): Promise<Constant> {
  return constants.find(node.inputs[place] ?? '', node.scope);
}
