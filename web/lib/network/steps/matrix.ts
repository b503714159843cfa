import { repeatedStrides } from '../../core/broadcasting.js';
import { at, product } from '../../core/lists.js';
import { stageParameters } from '../../runtime/staging.js';
import type { Shape } from '../shapes.js';
import { scaledSumStep } from './elementwise.js';
import { type Compute, floatBits, type Of, type StepCall, structOf } from './step.js';
import { axesStruct, collapsed } from './strides.js';

export function matrixStep(call: StepCall, operation: Of<'matmul'>): Compute {
  const { runtime, where, inputShapes, outputShapes } = call;
  const [one, other, summand] = inputShapes as readonly [Shape, Shape, Shape?];
  const result = outputShapes[0] as Shape;
  const struct = structOf(fieldsOf(one, other, result, operation));
  const multiply: Compute = (inputs, outputs) => {
    const address = stageParameters(runtime, where, struct);
    const { module } = runtime;
    runtime.check(
      where,
      module.multiplyMatrices(address, inputs[0] as number, inputs[1] as number, outputs[0] as number),
    );
  };
  if (summand === undefined || operation.beta === 0) return multiply;
  const add = scaledSumStep({ ...call, inputShapes: [result, summand] }, operation.beta);
  const terms = [0, 0];
  return (inputs, outputs) => {
    multiply(inputs, outputs);
    terms[0] = outputs[0] as number;
    terms[1] = inputs[2] as number;
    add(terms, outputs);
  };
}

function fieldsOf(
  one: Shape,
  other: Shape,
  result: Shape,
  { transposeA, transposeB, alpha }: Of<'matmul'>,
): readonly number[] {
  const depth = at(one, one.length - (transposeA ? 2 : 1));
  const [rows = 1, columns = 1] = result.slice(-2);
  const batch = result.slice(0, -2);
  // Rows of all products by the same matrix are rows of one.
  const together = !transposeA && product(other.slice(0, -2)) === 1;
  const extents = together ? [] : batch;
  const batchStrides = (shape: Shape): number[] =>
    repeatedStrides(shape.slice(0, -2), batch).map((stride) => stride * product(shape.slice(-2)));
  const strides = together ? [[], []] : [batchStrides(one), batchStrides(other)];
  return [
    together ? product(batch) * rows : rows,
    depth,
    columns,
    transposeA ? 1 : 0,
    transposeB ? 1 : 0,
    floatBits(alpha),
    ...axesStruct(collapsed({ extents, strides })),
  ];
}
