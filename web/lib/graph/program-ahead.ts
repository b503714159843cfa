import type { FloatOperators } from '../runtime/float-operators.js';
import type { Operation } from '../runtime/operation.js';

/**
 * Plans an operation ahead of its runs, and lets it write over its input where its route needs no copy of that; how many
 * of its inputs, the source before what is added, it then may write over.
 */
export function planAhead(operators: FloatOperators, operation: Operation): number {
  // What measuring finds is not known yet.
  if (operation.execution.planning === 'measure') return 0;
  operation.inPlace = operators.prepare(operation) && operation.inputCount === operation.outputCount;
  return Number(operation.inPlace);
}
