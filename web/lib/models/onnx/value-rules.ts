import { broadcastShape } from '../../core/broadcasting.js';
import { allocateValues, isFloat, type ModelDtype, type Values } from '../dtypes.js';
import {
  combine,
  floorRemainder,
  map,
  multiplyMatrices,
  type Reduction,
  reduce,
  roundHalfEven,
} from '../folding/arithmetic.js';
import { broadcast, product } from '../folding/arrays.js';
import { type Fold, foldedTensor, notFoldable } from '../folding/folded.js';
import { axesOf, axisOf, reshaped } from '../folding/shapes.js';
import type { ModelTensor } from '../tensor.js';
import type { OnnxNode } from './graph.js';
import type { Rule } from './operands.js';

/** Applied to every value, rounded to the type of the input. */
function elementwise(apply: (value: number) => number): Rule {
  return (operands) => {
    const x = operands.input(0);
    const { shape, numeric: dtype } = x;
    return { shape, dtype, inputs: [x], compute: ([values]) => map(values as Values, dtype, apply) };
  };
}

function binary(apply: (a: number, b: number) => number, result?: ModelDtype): Rule {
  return (operands) => {
    const [a, b] = [operands.input(0), operands.input(1)];
    const { node } = operands;
    const axis = node.integer('axis');
    // Before opset 7 the second operand was aligned at an axis and not at the end.
    const aligned =
      node.integer('broadcast') === 1 && axis !== undefined
        ? foldedTensor(b.name, reshaped(b, [...b.shape, ...ones(a.shape.length - axis - b.shape.length)]))
        : b;
    return variadic([a, aligned], apply, result);
  };
}

function ones(count: number): number[] {
  return Array(Math.max(0, count)).fill(1);
}

function variadic(
  inputs: readonly ModelTensor[],
  apply: (a: number, b: number) => number,
  result?: ModelDtype,
  scale = 1,
): Fold {
  const [first] = inputs as [ModelTensor];
  const inner = first.numeric;
  const dtype = result ?? inner;
  const shape =
    broadcastShape(inputs.map((input) => input.shape)) ?? notFoldable('its shapes do not broadcast');
  return {
    shape,
    dtype,
    inputs,
    work: 3 * inputs.length * product(shape),
    compute: (values) => {
      let [total, extents] = [values[0] as Values, first.shape];
      for (const [place, { shape: own }] of [...inputs.entries()].slice(1)) {
        total = combine([total, values[place] as Values], [extents, own], shape, [inner, dtype], apply);
        extents = shape;
      }
      return scale === 1 ? total : map(total, dtype, (value) => value * scale);
    },
  };
}

/** Whether a reduction of no axes gives its input. Opsets differ in whether it squares, say, what it does not add. */
export function reducesNothing(node: OnnxNode): boolean {
  if (node.integer('noop_with_empty_axes') !== 1) return false;
  return /^Reduce(L|SumSq)/.test(node.type) ? notFoldable('it reduces nothing') : true;
}

function reduction(rule: Reduction): Rule {
  return (operands) => {
    const x = operands.input(0);
    const { shape, numeric: dtype } = x;
    const given = operands.numbers(1, 'axes') ?? [];
    if (given.length === 0 && reducesNothing(operands.node)) return x;
    const axes = given.length === 0 ? shape.map((_, axis) => axis) : axesOf(given, shape.length);
    const keep = operands.node.integer('keepdims') !== 0;
    return {
      shape: shape.flatMap((extent, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [extent])),
      dtype,
      inputs: [x],
      work: 2 * product(shape),
      compute: ([values]) => reduce(values as Values, shape, axes, dtype, rule),
    };
  };
}

/** Whether a Mod is C's fmod; what it would be of floats otherwise ONNX does not say. */
export function isFmod(node: OnnxNode, dtype: ModelDtype): boolean {
  const fmod = node.integer('fmod') ?? 0;
  if (fmod !== 1 && (fmod !== 0 || isFloat(dtype))) notFoldable(`its fmod is ${fmod}, for ${dtype}`);
  return fmod === 1;
}

const sum = (total: number, value: number) => total + value;

const where: Rule = (operands) => {
  const [condition, x, y] = [operands.input(0), operands.input(1), operands.input(2)];
  const dtype = x.numeric;
  const shape =
    broadcastShape([condition.shape, x.shape, y.shape]) ?? notFoldable('its shapes do not broadcast');
  return {
    shape,
    dtype,
    inputs: [condition, x, y],
    work: 4 * product(shape),
    compute: ([choice, left, right]) => {
      const picks = broadcast(choice as Values, condition.shape, shape, 'bool');
      const [a, b] = [
        broadcast(left as Values, x.shape, shape, dtype),
        broadcast(right as Values, y.shape, shape, dtype),
      ];
      const result = allocateValues(dtype, product(shape));
      for (let index = 0; index < result.length; index += 1) {
        result[index] = (picks[index] === 0 ? b[index] : a[index]) as number;
      }
      return result;
    },
  };
};

const clip: Rule = (operands) => {
  const { node } = operands;
  const x = operands.input(0);
  const low = operands.numbers(1, 'minimum')?.[0] ?? node.float('min') ?? Number.NEGATIVE_INFINITY;
  const high = operands.numbers(2, 'maximum')?.[0] ?? node.float('max') ?? Number.POSITIVE_INFINITY;
  const { shape, numeric: dtype } = x;
  return {
    shape,
    dtype,
    inputs: [x],
    compute: ([values]) => map(values as Values, dtype, (value) => Math.min(Math.max(value, low), high)),
  };
};

/** `x / |x|` along one axis. */
const lpNormalization: Rule = (operands) => {
  const x = operands.input(0);
  const { shape, numeric: dtype } = x;
  const axis = axisOf(operands.node.integer('axis') ?? -1, shape.length);
  const p = operands.node.integer('p') ?? 2;
  const norms = shape.map((extent, at) => (at === axis ? 1 : extent));
  return {
    shape,
    dtype,
    inputs: [x],
    work: 4 * product(shape),
    compute: ([values]) => {
      const norm = reduce(values as Values, shape, [axis], dtype, p === 1 ? L1 : L2);
      return combine([values as Values, norm], [shape, norms], shape, [dtype, dtype], (v, n) =>
        n === 0 ? 0 : v / n,
      );
    },
  };
};

const matMul: Rule = (operands) => {
  const [a, b] = [operands.input(0), operands.input(1)];
  if (a.shape.length === 0 || b.shape.length === 0) notFoldable('it has an operand without axes');
  const aShape = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const bShape = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const dtype = a.numeric;
  const batch = broadcastShape([aShape.slice(0, -2), bShape.slice(0, -2)]);
  const [m, k] = aShape.slice(-2) as [number, number];
  const n = bShape.at(-1) as number;
  if (batch === null || k !== bShape.at(-2)) return notFoldable('its shapes do not fit');
  return {
    shape: [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])],
    dtype,
    inputs: [a, b],
    work: product(batch) * m * n * Math.max(1, k),
    compute: ([x, y]) => multiplyMatrices([x as Values, y as Values], [aShape, bShape], batch, dtype),
  };
};

const L1: Reduction = { start: 0, add: (total, value) => total + Math.abs(value) };
const L2: Reduction = { start: 0, add: (total, value) => total + value * value, finish: Math.sqrt };

/** Operators that compute new values. */
export const VALUE_RULES: Readonly<Record<string, Rule>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Pow: binary((a, b) => a ** b),
  Mod: (operands) =>
    binary(isFmod(operands.node, operands.input(0).numeric) ? (a, b) => a % b : floorRemainder)(operands),
  Equal: binary((a, b) => Number(a === b), 'bool'),
  Greater: binary((a, b) => Number(a > b), 'bool'),
  Less: binary((a, b) => Number(a < b), 'bool'),
  GreaterOrEqual: binary((a, b) => Number(a >= b), 'bool'),
  LessOrEqual: binary((a, b) => Number(a <= b), 'bool'),
  And: binary((a, b) => a && b, 'bool'),
  Or: binary((a, b) => a || b, 'bool'),
  Not: elementwise((value) => Number(value === 0)),
  Where: where,
  Max: (operands) => variadic(operands.all(), Math.max),
  Min: (operands) => variadic(operands.all(), Math.min),
  Sum: (operands) => variadic(operands.all(), sum),
  Mean: (operands) => {
    const inputs = operands.all();
    return variadic(inputs, sum, undefined, 1 / inputs.length);
  },
  Sqrt: elementwise(Math.sqrt),
  Neg: elementwise((value) => -value),
  Abs: elementwise(Math.abs),
  Reciprocal: elementwise((value) => 1 / value),
  Exp: elementwise(Math.exp),
  Log: elementwise(Math.log),
  Sin: elementwise(Math.sin),
  Cos: elementwise(Math.cos),
  Sign: elementwise(Math.sign),
  Floor: elementwise(Math.floor),
  Ceil: elementwise(Math.ceil),
  Round: elementwise(roundHalfEven),
  Tanh: elementwise(Math.tanh),
  Sigmoid: elementwise((value) => 1 / (1 + Math.exp(-value))),
  Relu: elementwise((value) => (value < 0 ? 0 : value)),
  Softplus: elementwise((value) => Math.log1p(Math.exp(-Math.abs(value))) + Math.max(value, 0)),
  Clip: clip,
  ReduceSum: reduction({ start: 0, add: sum }),
  ReduceMean: reduction({ start: 0, add: sum, finish: (all, count) => all / count }),
  ReduceL1: reduction(L1),
  ReduceL2: reduction(L2),
  ReduceSumSquare: reduction({ start: 0, add: L2.add }),
  ReduceMax: reduction({ start: Number.NEGATIVE_INFINITY, add: Math.max }),
  ReduceMin: reduction({ start: Number.POSITIVE_INFINITY, add: Math.min }),
  ReduceProd: reduction({ start: 1, add: (all, value) => all * value }),
  ReduceLogSum: reduction({ start: 0, add: sum, finish: Math.log }),
  // Of two at a time, so that no power is infinite.
  ReduceLogSumExp: reduction({
    start: Number.NEGATIVE_INFINITY,
    add: (all, value) => Math.max(all, value) + Math.log1p(Math.exp(-Math.abs(all - value) || 0)),
  }),
  LpNormalization: lpNormalization,
  MatMul: matMul,
};
