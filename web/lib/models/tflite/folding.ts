import { bitsOf, isFloat, type ModelDtype } from '../dtypes.js';
import { foldedTensor, literalTensor, notFoldable, reasonOf } from '../folding/folded.js';
import { dequantized, quantized } from '../folding/quantized.js';
import { reshaped, transposed } from '../folding/shapes.js';
import type { ModelTensor } from '../tensor.js';
import type { StoredQuantization } from '../tensor-content.js';
import { BUILTIN } from './schema.js';

/** What the file says of the tensor that an operator makes. */
export interface MadeTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: ModelDtype | undefined;
  readonly quantization: StoredQuantization | null;
}

/** Operators that constants pass on their way to a layer; `order` is the list that a transposition takes. */
export const FOLDED: ReadonlySet<number> = new Set([
  BUILTIN.dequantize,
  BUILTIN.quantize,
  BUILTIN.reshape,
  BUILTIN.squeeze,
  BUILTIN.expandDims,
  BUILTIN.transpose,
  BUILTIN.cast,
]);

/** The constant that an operator makes of a constant, or why it makes none. */
export function foldOperator(
  code: number,
  source: ModelTensor,
  made: MadeTensor,
  order: readonly number[] | null,
): ModelTensor | string {
  const { name, shape } = made;
  try {
    // Integers come as the numbers that they stand for, and halves as they are stored.
    if (code === BUILTIN.dequantize) return source;
    if (code === BUILTIN.quantize) return foldedTensor(name, rounded(source, made));
    if (code === BUILTIN.transpose) {
      return foldedTensor(name, transposed(source, order ?? notFoldable('its order of axes is computed')));
    }
    if (code !== BUILTIN.cast) return foldedTensor(name, reshaped(source, shape));
    if (made.dtype !== undefined && isFloat(made.dtype) && bitsOf(made.dtype) >= 32) return source;
    return notFoldable(`it casts to ${made.dtype ?? 'a type that is not read'}`);
  } catch (error) {
    return `computed, and ${reasonOf(error)}`;
  }
}

/** What is left of values that are kept as integers. */
function rounded(source: ModelTensor, { name, dtype, quantization }: MadeTensor) {
  if (quantization === null || dtype === undefined) return notFoldable('it quantizes without a scale');
  const { axis, scale, zeroPoint } = quantization;
  const layout = { axis, blockSize: 0 };
  const scales = literalTensor(name, [scale.length], 'float32', [...scale]);
  const zeros = literalTensor(name, [scale.length], 'float32', [
    ...(zeroPoint.length === scale.length ? zeroPoint : scale.map(() => zeroPoint[0] ?? 0)),
  ]);
  const integers = foldedTensor(name, quantized(source, scales, zeros, layout, dtype));
  return dequantized(integers, scales, zeros, layout);
}
