import { type Operation, writeSpec } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';

/**
 * Lets an operator of float32 write over its input, where its route needs no copy of that; how many of its inputs, the
 * source before what is added, it then may write over.
 */
export function overwritesOf({ module, routeNames }: Runtime, operation: Operation): number {
  const { spec, batch, extents, layout, execution, inputCount, outputCount } = operation;
  const { route, planning } = execution;
  // What measuring finds is not known yet.
  if (inputCount !== outputCount || planning === 'measure') return 0;
  writeSpec(module, spec);
  operation.inPlace = module.inPlace(batch, ...extents, layout, routeNames.indexOf(route));
  return Number(operation.inPlace);
}
