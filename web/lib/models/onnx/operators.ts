import { bitsOf, isFloat, type ModelDtype, type Values } from '../dtypes.js';
import { map } from '../folding/arithmetic.js';
import { product } from '../folding/arrays.js';
import {
  type Fold,
  foldedTensor,
  keepAtHand,
  literalTensor,
  notFoldable,
  reasonOf,
} from '../folding/folded.js';
import { dequantized, quantized } from '../folding/quantized.js';
import { checkExtent } from '../stored.js';
import { type ModelTensor, storedTensor } from '../tensor.js';
import { Evaluation, type TensorPlace } from '../tensor-content.js';
import type { OnnxNode } from './graph.js';
import { MOVING_RULES } from './moving-rules.js';
import { awaitedBy, type FoldedNode, Operands, type Rule } from './operands.js';
import { ATTRIBUTE, DTYPES } from './schema.js';
import { VALUE_RULES } from './value-rules.js';

export { narrowest } from '../folding/folded.js';

function castTo(x: ModelTensor, dtype: ModelDtype | undefined): Fold | ModelTensor {
  if (dtype === undefined) return notFoldable('it casts to a type that is not read');
  if (isFloat(dtype) && bitsOf(dtype) < 16) return notFoldable(`it casts to ${dtype}`);
  if (dtype === x.numeric) return x;
  // Of doubles too a layer keeps what float32 holds.
  const widens = isFloat(x.numeric) && (dtype === 'float32' || dtype === 'float64');
  return {
    shape: x.shape,
    dtype,
    inputs: [x],
    compute: ([values]) => map(values as Values, dtype, (value) => value),
    ...(widens && { invert: (values: Float32Array) => [values], widens }),
  };
}

function scaleParts(operands: Operands, rank: number) {
  const given = operands.node.integer('axis') ?? 1;
  const axis = given < 0 ? given + rank : given;
  return { axis, blockSize: operands.node.integer('block_size') ?? 0 };
}

const dequantizeLinear: Rule = (operands) => {
  const [x, scale] = [operands.input(0), operands.input(1)];
  const wanted = operands.node.integer('output_dtype') ?? 0;
  const dtype = wanted === 0 ? scale.numeric : DTYPES[wanted];
  return dequantized(x, scale, operands.optional(2), scaleParts(operands, x.shape.length), dtype);
};

const quantizeLinear: Rule = (operands) => {
  const [x, scale, zero] = [operands.input(0), operands.input(1), operands.optional(2)];
  const wanted = operands.node.integer('output_dtype') ?? 0;
  const dtype = zero?.numeric ?? (wanted === 0 ? 'uint8' : DTYPES[wanted]);
  if (dtype === undefined) return notFoldable('it makes a type that is not read');
  return quantized(x, scale, zero, scaleParts(operands, x.shape.length), dtype);
};

/** Numbers in attributes; a tensor is found without a rule. */
const constant: Rule = ({ node, file }) => {
  const name = node.outputs[0] ?? '';
  const ranges = node.attribute('value_floats')?.ranges(ATTRIBUTE.floats) ?? [];
  if (ranges.length > 0) {
    const place: TensorPlace = { file, ranges, encoding: 'raw' };
    const count = ranges.reduce((sum, { length }) => sum + length, 0) / 4;
    checkExtent(name, [count], 'float32', place);
    return storedTensor(name, [count], 'float32', place);
  }
  const integers = node.list('value_ints');
  if (integers !== undefined) return literalTensor(name, [integers.length], 'int64', integers);
  const float = node.float('value_float');
  if (float !== undefined) return literalTensor(name, [], 'float32', [float]);
  const integer = node.integer('value_int');
  if (integer !== undefined) return literalTensor(name, [], 'int64', [integer]);
  return notFoldable('it is of another kind than a tensor');
};

/**
 * ONNX's operators as far as weights pass them. What changed over the opsets shows in a node itself: lists
 * that were attributes are inputs now.
 */
const RULES: Readonly<Record<string, Rule>> = {
  ...MOVING_RULES,
  ...VALUE_RULES,
  Constant: constant,
  Cast: (operands) => castTo(operands.input(0), DTYPES[operands.node.integer('to') ?? 0]),
  CastLike: (operands) => castTo(operands.input(0), operands.input(1).numeric),
  DequantizeLinear: dequantizeLinear,
  QuantizeLinear: quantizeLinear,
};

/** ONNX Runtime's own domain has the quantizing pair with more types. */
const MICROSOFT_RULES: Readonly<Record<string, Rule>> = {
  DequantizeLinear: dequantizeLinear,
  QuantizeLinear: quantizeLinear,
};

export function ruleOf({ domain, type }: OnnxNode): Rule | undefined {
  const rules = domain === '' ? RULES : domain === 'com.microsoft' ? MICROSOFT_RULES : {};
  return Object.hasOwn(rules, type) ? rules[type] : undefined;
}

/** The constant that a node makes, or why it makes none; none of its values is computed yet. */
export async function foldNode(rule: Rule, given: FoldedNode): Promise<ModelTensor | string> {
  const { node, output } = given;
  const pair = node.type === 'DequantizeLinear' ? await storedPair(given) : null;
  if (pair !== null) return pair;
  for (;;) {
    try {
      const made = rule(new Operands(given));
      if (!('compute' in made)) return made;
      // New values must not reach whoever else takes the input.
      const { invert, ...fold } = made;
      const shared = node.inputs.some((name) => node.scope.consumers(name).length > 1);
      const name = node.outputs[output] ?? '';
      return foldedTensor(name, shared || invert === undefined ? fold : made);
    } catch (error) {
      const wanted = awaitedBy(error);
      if (wanted === undefined) return `computed by ${node.type}, and ${reasonOf(error)}`;
      keepAtHand(wanted, await new Evaluation().valuesOf(wanted.content));
    }
  }
}

/** Integers as they are stored, with their scales beside them; null where more is to be done. */
async function storedPair({ node, inputs: [x, scale, zero] }: FoldedNode): Promise<ModelTensor | null> {
  const place = x?.content.place;
  if (!x || !place || scale?.dtype !== 'float32') return null;
  const [blocks = 0, wanted = 0] = [node.integer('block_size'), node.integer('output_dtype')];
  if (x.quantization !== null || blocks !== 0 || wanted > 1) return null;
  const given = node.integer('axis') ?? 1;
  const count = product(scale.shape);
  const axis = count === 1 ? 0 : given < 0 ? given + x.shape.length : given;
  const zeros = zero ? product(zero.shape) : count;
  if ((count !== 1 && x.shape[axis] !== count) || (zeros !== 1 && zeros !== count)) return null;
  const zeroPoint = zero ? (await zero.read()).data : Float32Array.of(0);
  return storedTensor(x.name, x.shape, x.dtype, place, {
    axis,
    scale: (await scale.read()).data,
    zeroPoint,
  });
}
