import { stridesOf } from '../../core/broadcasting.js';
import { product } from '../../core/lists.js';
import type { Values } from '../../models/dtypes.js';
import {
  combine,
  floorRemainder,
  map,
  type Reduction,
  reduce,
  roundHalfEven,
} from '../../models/folding/arithmetic.js';
import { broadcast, concatenate, pick, transpose } from '../../models/folding/arrays.js';
import type { BinaryFunction, Operation, UnaryFunction } from '../operations.js';
import { outputShapesOf } from '../shapes.js';
import type { Operand } from './operand.js';

type Known = Operand & { readonly values: Values };

const UNARY: Partial<Record<UnaryFunction, (x: number) => number>> = {
  relu: (x) => (x < 0 ? 0 : x),
  abs: Math.abs,
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  sign: Math.sign,
};

const BINARY: Record<BinaryFunction, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  minimum: Math.min,
  maximum: Math.max,
  power: (a, b) => a ** b,
  remainder: (a, b) => a % b,
  'floor-remainder': floorRemainder,
};

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  mean: { start: 0, add: (sum, x) => sum + x, finish: (sum, count) => sum / count },
  sum: { start: 0, add: (sum, x) => sum + x },
  maximum: { start: Number.NEGATIVE_INFINITY, add: Math.max },
  minimum: { start: Number.POSITIVE_INFINITY, add: Math.min },
  product: { start: 1, add: (result, x) => result * x },
};

/** What an operation makes of values that are known: the arithmetic of shapes. Null for one that no shape takes. */
export function evaluate(
  where: string,
  operation: Operation,
  inputs: readonly Known[],
): readonly { readonly shape: readonly number[]; readonly values: Values }[] | null {
  const compute = computationOf(operation);
  if (compute === null) return null;
  const shapes = outputShapesOf(
    where,
    operation,
    inputs.map(({ shape }) => shape),
  );
  return compute(inputs, shapes).map((values, index) => ({
    values,
    shape: shapes[index] as readonly number[],
  }));
}

type Computation = (inputs: readonly Known[], shapes: readonly (readonly number[])[]) => readonly Values[];

function computationOf(operation: Operation): Computation | null {
  switch (operation.kind) {
    case 'reshape':
      return ([x]) => [(x as Known).values];
    case 'expand':
      return ([x], [shape]) => [
        broadcast((x as Known).values, (x as Known).shape, shape as number[], 'float64'),
      ];
    case 'transpose':
      return ([x]) => [transpose((x as Known).values, (x as Known).shape, operation.permutation, 'float64')];
    case 'concat':
      return (inputs) => [
        concatenate(
          inputs.map(({ values }) => values),
          inputs.map(({ shape }) => shape),
          operation.axis,
          'float64',
        ),
      ];
    case 'slice':
      return ([x]) => [slice(x as Known, operation.start, operation.step, operation.count)];
    case 'split':
      return ([x], shapes) => {
        let begin = 0;
        return shapes.map((shape) => {
          const start = shape.map((_, axis) => (axis === operation.axis ? begin : 0));
          begin += shape[operation.axis] as number;
          return slice(
            x as Known,
            start,
            shape.map(() => 1),
            shape,
          );
        });
      };
    case 'unary': {
      const apply = UNARY[operation.function];
      return apply === undefined ? null : ([x]) => [map((x as Known).values, 'float64', apply)];
    }
    case 'binary': {
      const apply = BINARY[operation.function];
      return ([a, b], [shape]) => [
        combine(
          [(a as Known).values, (b as Known).values],
          [(a as Known).shape, (b as Known).shape],
          shape as number[],
          ['float64', 'float64'],
          apply,
        ),
      ];
    }
    case 'reduce': {
      const reduction = REDUCTIONS[operation.function];
      if (reduction === undefined) return null;
      return ([x]) => [reduce((x as Known).values, (x as Known).shape, operation.axes, 'float64', reduction)];
    }
    default:
      return null;
  }
}

function slice(
  { values, shape }: Known,
  start: readonly number[],
  step: readonly number[],
  count: readonly number[],
): Values {
  if (product(count) === 0) return new Float64Array(0);
  const strides = stridesOf(shape);
  const axes = count.map((extent, axis) => ({
    extent,
    offset: (index: number) =>
      (strides[axis] as number) * ((start[axis] as number) + (step[axis] as number) * index),
  }));
  return pick(values, axes, 'float64');
}
