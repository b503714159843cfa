import { at, product } from '../../core/lists.js';
import { stageParameters, withBlock } from '../../runtime/staging.js';
import type { Shape } from '../shapes.js';
import { type Compute, floatBits, type Of, oneToOne, type StepCall, shapesOf, structOf } from './step.js';

/** The core's numbers: of values, and of results of the same function. */
const REDUCERS = {
  mean: [0, 0],
  sum: [0, 0],
  maximum: [1, 1],
  minimum: [2, 2],
  product: [3, 3],
  l1: [4, 0],
  l2: [5, 0],
  'sum-square': [5, 0],
} as const satisfies Record<Of<'reduce'>['function'], readonly [number, number]>;

interface Pass {
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
}

/** Axes that lie together at a time, the last ones first. */
export function reduceStep(call: StepCall, operation: Of<'reduce'>): Compute {
  const { runtime, where } = call;
  const passes = passesOf(shapesOf(call)[0], operation.axes);
  const [reducer, other] = REDUCERS[operation.function];
  const count = product(passes.map((pass) => pass.count));
  const structs = passes.map(({ outer, count: own, inner }, index) => {
    const last = index === passes.length - 1;
    const divisor = last && operation.function === 'mean' ? count : 1;
    const root = last && operation.function === 'l2' ? 1 : 0;
    return structOf([index === 0 ? reducer : other, outer, own, inner, floatBits(divisor), root]);
  });
  const reduce = (index: number, source: number, target: number): void => {
    const address = stageParameters(runtime, where, structs[index] as Float32Array);
    runtime.module.reduce(address, source, target);
  };
  const run = (index: number, source: number, target: number): void => {
    if (index === passes.length - 1) reduce(index, source, target);
    else runThrough(index, source, target);
  };
  // A function of its own, so that one pass alone does not make the closure.
  const runThrough = (index: number, source: number, target: number): void => {
    const { outer, inner } = passes[index] as Pass;
    withBlock(runtime, where, outer * inner, (between) => {
      reduce(index, source, between);
      run(index + 1, between, target);
    });
  };
  return oneToOne((source, target) => run(0, source, target));
}

function passesOf(shape: Shape, axes: readonly number[]): readonly Pass[] {
  const passes: Pass[] = [];
  // Of the axes behind, those that are left.
  let inner = 1;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    if (!axes.includes(axis)) {
      inner *= at(shape, axis);
      continue;
    }
    let count = at(shape, axis);
    while (axes.includes(axis - 1)) {
      axis -= 1;
      count *= at(shape, axis);
    }
    if (count !== 1) passes.push({ outer: product(shape.slice(0, axis)), count, inner });
  }
  return passes.length > 0 ? passes : [{ outer: 1, count: 1, inner }];
}
