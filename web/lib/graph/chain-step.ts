// What the nodes of chains are in a program.

import { product } from '../core/lists.js';
import { checkTensorOf } from '../core/tensor.js';
import { STEP, type Step, stepModuleOf } from '../layers/step.js';
import type { Runtime } from '../runtime/runtime.js';
import { atNode } from './at-node.js';
import type { ModuleNode, Node, Unit } from './definition.js';
import type { ChainFusion } from './fusions.js';
import { type Join, joinedShapes, sectionsOf } from './joins.js';
import { forwardOf, type Module, shapeBehind, tellsShape } from './module.js';
import type { ProgramStep, ProgramUnit } from './program.js';
import { planAhead } from './program-ahead.js';

export interface ChainStep extends ProgramStep<Unit> {
  /** A module's own step. */
  readonly module: Step | null;
  readonly fusion: ChainFusion | null;
}

export interface ChainPlanner {
  readonly where: string;
  readonly runtime: Runtime;
  /** For the units that compute more than a sum and a ReLU beside themselves. */
  readonly fusionOf: (unit: Unit & ModuleNode) => ChainFusion;
}

/** Number of the core's sum among its combinations. */
const ADD = 0;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Whether a module can be one of a program's steps: what it gives is known before it runs. */
export function isProgrammable({ module }: Unit): boolean {
  return module === null || stepModuleOf(module) !== undefined || tellsShape(module);
}

export function chainStep(
  planner: ChainPlanner,
  unit: Unit,
  inputShapes: readonly (readonly number[])[],
): ChainStep {
  return unit.module === null
    ? joinStep(planner.runtime, unit, unit.join, inputShapes)
    : moduleStep(planner, unit, inputShapes);
}

function moduleStep(
  { where, runtime, fusionOf }: ChainPlanner,
  unit: Unit & ModuleNode,
  [inputShape, residualShape]: readonly (readonly number[])[],
): ChainStep {
  const { module, norm, sum, activation } = unit;
  const relu = unit.relu !== null;
  const shape = inputShape as readonly number[];
  const fusion = norm === null && activation === null ? undefined : fusionOf(unit);
  const step =
    stepModuleOf(module)?.[STEP]({ runtime, inputShape: shape, relu, fusion }) ??
    tensorStep(runtime, module, shape, relu);
  const { outputShape, layer } = step;
  // What is fused computes nothing by itself, but refuses what it would refuse.
  const refuseAt = (node: Node | null, act: (node: Node) => unknown): void => {
    try {
      if (node !== null) act(node);
    } catch (error) {
      throw atNode(where, node as Node, error);
    }
  };
  for (const node of [norm, activation]) {
    refuseAt(node, () =>
      stepModuleOf((node as ModuleNode).module)?.[STEP]({ runtime, inputShape: outputShape, relu: false }),
    );
  }
  refuseAt(sum, () => joinedShapes({ kind: 'add' }, [outputShape, residualShape as readonly number[]]));
  const [source, residual = -1] = unit.inputs as readonly [number, number?];
  const target = unit.outputs[0] as number;
  return {
    unit,
    outputShapes: [outputShape],
    overwrites: () =>
      layer === undefined ? Number(step.inPlace) : planAhead(layer.operators, layer.operation),
    foreign: stepModuleOf(module) === undefined,
    sections: null,
    module: step,
    fusion: fusion ?? null,
    run: (at) => {
      if (fusion !== undefined) fusion.refresh(step);
      step.run(at[source] as number, at[target] as number, residual < 0 ? 0 : (at[residual] as number));
    },
  };
}

/** A module that computes with tensors of JavaScript's: one of the user's own, or of another copy of the package. */
function tensorStep(runtime: Runtime, module: Module, inputShape: readonly number[], relu: boolean): Step {
  const outputShape = shapeBehind(module as Required<Module>, inputShape);
  const [inputCount, outputCount] = [product(inputShape), product(outputShape)];
  return {
    outputShape,
    inPlace: true,
    run: (source, target) => {
      const x = { data: Float32Array.from(runtime.floats(source, inputCount)), shape: [...inputShape] };
      const y = forwardOf(module, x, relu);
      const values = checkTensorOf(String(module), 'its output', y, outputShape, outputCount);
      runtime.heap.set(values, target / BYTES);
    },
  };
}

function joinStep(
  runtime: Runtime,
  unit: Unit,
  join: Join,
  shapes: readonly (readonly number[])[],
): ChainStep {
  const outputShapes = joinedShapes(join, shapes);
  const common = { unit, outputShapes, module: null, fusion: null };
  if (join.kind === 'add') {
    const count = product(outputShapes[0] as readonly number[]);
    return { ...common, overwrites: () => 2, sections: null, run: sumRun(runtime, unit, count) };
  }
  const sections = sectionsOf(join, join.kind === 'concat' ? shapes : outputShapes);
  return { ...common, overwrites: () => 0, sections, run: () => {} };
}

/** The sum of two values of so many floats. */
export function sumRun(
  runtime: Runtime,
  { name, inputs, outputs }: ProgramUnit,
  count: number,
): ProgramStep['run'] {
  const [one, other, target] = [...inputs, ...outputs] as [number, number, number];
  return (at) => {
    try {
      runtime.module.combine(ADD, count, at[one] as number, at[other] as number, at[target] as number);
    } catch (error) {
      throw runtime.asError(name, error);
    }
  };
}
