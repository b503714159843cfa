// From a network of numbers to a program: nodes that one step computes are merged, and every step is planned.

import { at, product } from '../core/lists.js';
import { sameList } from '../core/tensor.js';
import { type Fused, fuse, partsOf } from '../graph/fuse.js';
import { type Sections, sectionsOf } from '../graph/joins.js';
import { Program, type ProgramStep, type ProgramUnit } from '../graph/program.js';
import { planAhead } from '../graph/program-ahead.js';
import type { Runtime } from '../runtime/runtime.js';
import type { HeapConstants } from './constants.js';
import type { Convolutions, PlannedConvolution } from './convolutions.js';
import type { NetworkGraph, NetworkNode, Of } from './operations.js';
import { scheduleLate } from './schedule.js';
import type { Shape } from './shapes.js';
import { type StepOperation, stepOf } from './steps/index.js';
import { resizesPadded } from './steps/spatial.js';

/** A node with those behind it that it computes, under the name that errors call it by. */
export type NetworkUnit = NetworkNode & Fused<NetworkNode> & ProgramUnit;

export interface CompiledStep extends ProgramStep<NetworkUnit> {
  readonly inputShapes: readonly Shape[];
  readonly convolution: PlannedConvolution | null;
}

/** What all programs of a network share. */
export interface Shared {
  readonly runtime: Runtime;
  readonly convolutions: Convolutions;
  readonly constants: HeapConstants;
  /** Whether results are wanted to the last bit, so that nothing is worked into a weight. */
  readonly exact: boolean;
}

export function compile(where: string, graph: NetworkGraph, shared: Shared): Program<CompiledStep> {
  const { runtime, constants } = shared;
  const { values, inputs, outputs } = graph;
  const shapeOf = (value: number): Shape => (values[value] as (typeof values)[number]).shape;
  const units = scheduleLate(unitsOf(graph, shared.exact), (value) =>
    values[value]?.constant === null ? product(shapeOf(value)) : 0,
  );
  const read = new Set([...units.flatMap((unit) => unit.inputs), ...outputs]);
  return new Program<CompiledStep>({
    where,
    runtime,
    valueCount: values.length,
    inputs,
    inputShapes: inputs.map(shapeOf),
    constants: values.flatMap(({ shape, constant }, value) =>
      constant !== null && read.has(value)
        ? { value, shape, address: constants.addressOf(where, runtime, constant) }
        : [],
    ),
    outputs,
    units,
    plan: (unit, inputShapes) =>
      unit.operation.kind === 'convolution'
        ? convolutionStep(where, shared, unit, inputShapes, shapeOf(at(unit.outputs, 0)))
        : operationStep(where, runtime, unit, unit.operation, inputShapes),
  });
}

/** Nodes as they are computed: a convolution with what stands behind it. */
export function unitsOf({ nodes, values, inputs, outputs }: NetworkGraph, exact: boolean): NetworkUnit[] {
  const constants = values.flatMap(({ constant }, value) => (constant === null ? [] : value));
  const sameShapes = ({ inputs: taken, outputs: given }: NetworkNode): boolean => {
    const [first, ...others] = [...taken, ...given].map((value) => values[value]?.shape as Shape);
    return others.every((shape) => sameList(shape, first as Shape));
  };
  const layoutOf = ({ operation }: NetworkNode) => (operation as { readonly layout?: unknown }).layout;
  const convolves = ({ operation }: NetworkNode): boolean => operation.kind === 'convolution';
  const multiplies = ({ operation }: NetworkNode): boolean =>
    operation.kind === 'binary' && operation.function === 'multiply';
  const fused = fuse<NetworkNode>(nodes, [...inputs, ...constants], outputs, {
    layer: (node) => convolves(node) || multiplies(node) || node.operation.kind === 'resize',
    norm: (layer, next) =>
      !exact && convolves(layer) && next.operation.kind === 'affine' && layoutOf(layer) === layoutOf(next),
    relu: (layer, { operation }) =>
      convolves(layer) && operation.kind === 'unary' && operation.function === 'relu',
    sum: (layer, next) =>
      (convolves(layer) || multiplies(layer)) &&
      next.operation.kind === 'binary' &&
      next.operation.function === 'add' &&
      sameShapes(next),
    activation: (layer, next) =>
      convolves(layer) &&
      next.operation.kind === 'unary' &&
      (next.operation.channelA === null || layoutOf(layer) === layoutOf(next)),
    pad: ({ operation }, next) =>
      operation.kind === 'resize' &&
      next.operation.kind === 'pad' &&
      resizesPadded(operation, next.operation),
  });
  return fused.map((unit) => ({ ...unit, name: unit.names[0] ?? unit.types.join() }));
}

/** All nodes of the file that a step computes, in order. */
export function nodesOf(unit: NetworkUnit): readonly NetworkNode[] {
  return partsOf<NetworkNode>(unit);
}

function convolutionStep(
  where: string,
  { runtime, convolutions }: Shared,
  unit: NetworkUnit,
  inputShapes: readonly Shape[],
  outputShape: Shape,
): CompiledStep {
  const convolution = convolutions.plan(where, runtime, unit, [inputShapes[0] as Shape, outputShape]);
  const { operation, operators } = convolution;
  const [source = 0, residual = -1] = unit.inputs;
  const target = at(unit.outputs, 0);
  return {
    unit,
    inputShapes,
    outputShapes: [outputShape],
    overwrites: () => planAhead(operators, operation),
    sections: null,
    convolution,
    run: (at) => {
      operation.residual = residual < 0 ? 0 : (at[residual] as number);
      operators.run(operation, at[source] as number, at[target] as number);
    },
  };
}

function operationStep(
  where: string,
  runtime: Runtime,
  unit: NetworkUnit,
  operation: StepOperation,
  inputShapes: readonly Shape[],
): CompiledStep {
  const step = stepOf(runtime, where, operation, inputShapes, {
    pad: unit.pad?.operation as Of<'pad'> | undefined,
    adds: unit.sum !== null,
  });
  const { outputShapes } = step;
  // Filled anew by every call, so that a steady loop makes none.
  const inputs = unit.inputs.map(() => 0);
  const outputs = unit.outputs.map(() => 0);
  return {
    unit,
    inputShapes,
    outputShapes,
    overwrites: () => (step.inPlace ? unit.inputs.length : 0),
    sections: layingOf(operation, inputShapes, outputShapes),
    convolution: null,
    run: (at) => {
      for (let index = 0; index < inputs.length; index += 1) {
        inputs[index] = at[unit.inputs[index] as number] as number;
      }
      for (let index = 0; index < outputs.length; index += 1) {
        outputs[index] = at[unit.outputs[index] as number] as number;
      }
      step.run(inputs, outputs);
    },
  };
}

/** How the values lie in each other, of an operation that computes none. */
function layingOf(
  operation: StepOperation,
  inputShapes: readonly Shape[],
  outputShapes: readonly Shape[],
): Sections | null {
  if (operation.kind === 'concat') return sectionsOf(operation, inputShapes);
  if (operation.kind === 'split') return sectionsOf(operation, outputShapes);
  if (operation.kind === 'reshape') {
    const count = product(operation.shape);
    return { rows: 1, first: 0, stride: count, lengths: [count], gathers: false };
  }
  return operation.kind === 'slice' ? sliceLaying(operation, inputShapes[0] as Shape) : null;
}

/** A slice of one axis alone, as a part of the whole. */
function sliceLaying({ start, step, count }: Of<'slice'>, shape: Shape): Sections | null {
  const cut = shape.flatMap((extent, axis) => (at(count, axis) === extent ? [] : axis));
  const [axis = 0] = cut;
  const whole = shape.every((_, each) => at(step, each) === 1 || at(count, each) === 1);
  if (cut.length > 1 || !whole) return null;
  const inner = product(shape.slice(axis + 1));
  return {
    rows: product(shape.slice(0, axis)),
    first: at(start, axis) * inner,
    stride: at(shape, axis) * inner,
    lengths: [at(count, axis) * inner],
    gathers: false,
  };
}
