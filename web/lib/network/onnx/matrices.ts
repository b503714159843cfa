// Products of matrices.

import { product } from '../../core/lists.js';
import { notFoldable } from '../../models/folding/folded.js';
import type { Operation } from '../operations.js';
import type { NodeRule } from './node.js';

const PLAIN: Operation = { kind: 'matmul', transposeA: false, transposeB: false, alpha: 1, beta: 0 };

const gemm: NodeRule = (loaded) => {
  const { node } = loaded;
  const operation: Operation = {
    kind: 'matmul',
    transposeA: (node.integer('transA') ?? 0) !== 0,
    transposeB: (node.integer('transB') ?? 0) !== 0,
    alpha: node.float('alpha') ?? 1,
    beta: node.float('beta') ?? 1,
  };
  const [weight, bias] = [1, 2].map((place) => loaded.inputs[place]?.tensor?.shape);
  if (weight !== undefined && weight.length !== 2) notFoldable('its operands are no matrices');
  const columns = weight?.[operation.transposeB ? 0 : 1];
  const given = loaded.has(2) && operation.beta !== 0 ? (bias?.at(-1) ?? 1) : 1;
  if (columns !== undefined && given !== 1 && given !== columns) {
    notFoldable(`it adds ${given} values to ${columns} columns`);
  }
  return (call) => {
    if ([0, 1].some((place) => call.shape(place).length !== 2)) notFoldable('its operands are no matrices');
    const summand = call.has(2) && operation.beta !== 0 ? [call.value(2)] : [];
    call.result(operation, [call.value(0), call.value(1), ...summand]);
  };
};

/** A vector is a row in front and a column behind, which goes again. */
const matMul: NodeRule = () => (call) => {
  const [a, b] = [call.shape(0), call.shape(1)];
  if (a.length === 0 || b.length === 0) notFoldable('it has an operand without axes');
  if (a.length > 1 && b.length > 1) return call.result(PLAIN, [call.value(0), call.value(1)]);
  const matrix = (place: number, shape: readonly number[]) =>
    call.shape(place).length > 1
      ? call.value(place)
      : call.step({ kind: 'reshape', shape }, [call.value(place)]);
  const inputs = [matrix(0, [1, product(a)]), matrix(1, [product(b), 1])];
  const result = call.step(PLAIN, inputs);
  const shape = [...call.shapeOf(result)];
  if (b.length === 1) shape.pop();
  if (a.length === 1) shape.splice(b.length === 1 ? -1 : -2, 1);
  call.result({ kind: 'reshape', shape }, [result]);
};

export const MATRICES: Readonly<Record<string, NodeRule>> = { Gemm: gemm, MatMul: matMul };
