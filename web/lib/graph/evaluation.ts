// A chain's nodes one by one, with tensors of JavaScript's between them: for gradients, and for what cannot stand on one
// heap.

import { checkTensor, requireShape, type Tensor } from '../core/tensor.js';
import { isLayer, type LayerGradients } from '../layers/layer.js';
import { STEP, stepModuleOf } from '../layers/step.js';
import { runningOn } from '../runtime/lifecycle.js';
import type { Runtime } from '../runtime/runtime.js';
import { atNode } from './at-node.js';
import type { Unit } from './definition.js';
import { join, joinedShapes, joinGradients, sum } from './joins.js';
import { FUSED, forwardOf, hasParameters, type Module, shapeBehind, tellsShape } from './module.js';
import type { Prepared } from './prepared.js';

/** A module whose passes differ: by its mode, by statistics that it moves on, or by what it draws. */
interface RepeatingModule {
  /** What the last forward was made with. */
  lastPass(): unknown;
  /** What it does as in that pass, or in the last one, which moves nothing on. */
  under<Result>(pass: unknown, act: () => Result): Result;
}

/** What one node did. */
export interface Recorded {
  readonly unit: Unit;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Of a module whose passes differ. */
  readonly pass: unknown;
}

/** What was given, as a plain tensor; one that lies on a heap stays itself, for its data moves when that grows. */
export function plainTensor(where: string, name: string, value: unknown): Tensor {
  const plain = checkTensor(where, name, value);
  const given = value as Tensor;
  return given.shape !== undefined && given.data === plain.data ? given : plain;
}

/** Refuses the shapes that a node would refuse, before any has moved its statistics on. */
export function checkShapes(
  where: string,
  runtime: Runtime,
  prepared: Prepared,
  inputs: readonly Tensor[],
): void {
  const { chain, units } = prepared;
  const now = [...inputs.map(({ shape }) => shape.join('x')), ...units.map(stateOf)].join();
  // What an object of the user's says of a shape may be another thing each time.
  if (now === prepared.passed && !now.includes(FOREIGN)) return;
  const shapes = new Map(chain.inputs.map(({ value }, index) => [value, (inputs[index] as Tensor).shape]));
  for (const { name, module, join, relu, inputs, outputs } of units) {
    try {
      const taken = inputs.map((value) => shapes.get(value) as readonly number[]);
      const [inputShape] = taken as [readonly number[]];
      const given =
        module === null
          ? joinedShapes(join, taken)
          : [
              stepModuleOf(module)?.[STEP]({ runtime, inputShape, relu: relu !== null })?.outputShape ??
                shapeBehind(module as Required<Module>, inputShape),
            ];
      for (const [index, value] of outputs.entries()) shapes.set(value, given[index] as readonly number[]);
    } catch (error) {
      throw atNode(where, { name }, error);
    }
  }
  prepared.passed = now;
}

const FOREIGN = 'foreign';

/** All that makes a module of ours take another shape than before. */
function stateOf({ module }: Unit): string {
  if (module === null) return '';
  if (stepModuleOf(module) === undefined) return FOREIGN;
  const { training, disposed } = module as { readonly training?: boolean; readonly disposed?: boolean };
  return `${training} ${disposed}`;
}

/** `again` repeats a pass that its modules have seen. */
export function evaluate(
  where: string,
  { chain, units, bound }: Prepared,
  inputs: readonly Tensor[],
  keep: (record: Recorded) => void,
  again = false,
): Tensor[] {
  const values = new Map<number, Tensor>(
    chain.inputs.map(({ value }, index) => [value, inputs[index] as Tensor]),
  );
  for (const unit of units) {
    try {
      const taken = unit.inputs.map((value) => values.get(value) as Tensor);
      const given =
        unit.module === null
          ? join(
              where,
              unit.join,
              taken.map((value) => checkTensor(unit.name, 'a value', value)),
            )
          : [forwardAt(bound, unit.module, taken[0] as Tensor, unit.relu !== null, again)];
      for (const [index, value] of unit.outputs.entries()) values.set(value, given[index] as Tensor);
      const pass = (unit.module as Partial<RepeatingModule> | null)?.lastPass?.();
      keep({ unit, inputs: taken, outputs: given, pass });
    } catch (error) {
      throw atNode(where, unit, error);
    }
  }
  return ownTensors(
    chain.outputs.map(({ value }) => values.get(value) as Tensor),
    inputs,
  );
}

/** Of what one node did, the values that its gradients are computed from. */
export function neededBehind({ unit, inputs, outputs }: Recorded): readonly Tensor[] {
  return isLayer(unit.module) ? [...inputs, ...outputs] : inputs;
}

/** What goes out is of the caller's alone: what was passed through, or stands at several places, is copied. */
export function ownTensors(tensors: readonly Tensor[], given: readonly Tensor[]): Tensor<ArrayBuffer>[] {
  const known = new Set(given.map(({ data }) => data));
  return tensors.map(({ data, shape }) => {
    const own = known.has(data) ? data.slice() : data;
    known.add(own);
    return { data: own, shape: [...shape] } as Tensor<ArrayBuffer>;
  });
}

function forwardAt(
  bound: Runtime | undefined,
  module: Module,
  x: Tensor,
  relu: boolean,
  again: boolean,
): Tensor {
  const act = (): Tensor => on(bound, module, () => forwardOf(module, x, relu));
  const output = again ? under(module, null, act) : act();
  // A forward of the user's, or of another copy, may give anything.
  if (stepModuleOf(module)) return output;
  const own = plainTensor(String(module), 'its output', output);
  if (tellsShape(module)) requireShape(String(module), 'its output', own.shape, shapeBehind(module, x.shape));
  return own;
}

/** Where a module of ours names no runtime, it computes on the chain's, as in a program. */
function on<Result>(bound: Runtime | undefined, module: Module, act: () => Result): Result {
  return bound === undefined || stepModuleOf(module) === undefined ? act() : runningOn(bound, act);
}

function under<Result>(module: Module, pass: unknown, act: () => Result): Result {
  return (module as Partial<RepeatingModule>).under?.(pass, act) ?? act();
}

export interface ChainGradients {
  readonly inputs: readonly Tensor<ArrayBuffer>[];
  /** Of the modules with parameters, in the order of the chain's `layers`. */
  readonly layers: readonly LayerGradients[];
}

export interface Pass {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly records: readonly Recorded[];
}

/**
 * Gradients through what was recorded, backwards; those of a value that several read add up, and an output without one
 * has none to give.
 */
export function gradientsOf(
  where: string,
  { chain, bound, layers }: Prepared,
  { inputs, outputs, records }: Pass,
  given: readonly unknown[],
  named: boolean,
): ChainGradients {
  const gradients = new Map<number, Tensor>();
  const add = (value: number, gradient: Tensor): void => {
    const known = gradients.get(value);
    gradients.set(value, known === undefined ? gradient : sum(where, [known, gradient]));
  };
  const gradOutputs: Tensor[] = [];
  for (const [index, { value }] of chain.outputs.entries()) {
    // Only what goes by name may be left out.
    if (named && given[index] === undefined) continue;
    const gradient = gradientFor(where, 'gradOutput', given[index], outputs[index] as Tensor);
    gradOutputs.push(gradient);
    add(value, gradient);
  }
  const found = new Map<Module, LayerGradients>();
  for (const record of [...records].reverse()) {
    const { unit, inputs: taken, outputs: given } = record;
    const behind = unit.outputs.map(
      (value, index) => gradients.get(value) ?? zerosLike(given[index] as Tensor),
    );
    try {
      if (unit.module === null) {
        const shapes = taken.map(({ shape }) => shape);
        const before = joinGradients(where, unit.join, behind, shapes);
        for (const [index, value] of unit.inputs.entries()) add(value, before[index] as Tensor);
        continue;
      }
      const { module } = unit;
      const own = on(bound, module, () => backwardAt(module, behind[0] as Tensor, record));
      const { input } = Object(own) as Partial<LayerGradients>;
      const before = gradientFor(String(module), 'its gradient', input, taken[0] as Tensor);
      if (hasParameters(module)) {
        const known = found.get(module);
        const all = own as LayerGradients;
        found.set(module, known === undefined ? all : sumOf(where, known, all));
      }
      add(unit.inputs[0] as number, before);
    } catch (error) {
      throw atNode(where, unit, error);
    }
  }
  const before = chain.inputs.map(
    ({ value }, index) => gradients.get(value) ?? zerosLike(inputs[index] as Tensor),
  );
  return {
    inputs: ownTensors(before, gradOutputs),
    layers: layers.map((layer) => found.get(layer) as LayerGradients),
  };
}

/** A gradient that must have the shape of what it is the gradient of. */
function gradientFor(where: string, name: string, value: unknown, { shape }: Tensor): Tensor {
  const gradient = plainTensor(where, name, value);
  requireShape(where, name, gradient.shape, shape);
  return gradient;
}

function backwardAt(
  module: Module,
  gradient: Tensor,
  { unit, inputs, outputs, pass }: Recorded,
): { readonly input: Tensor } {
  const [x, output] = [inputs[0] as Tensor, outputs[0] as Tensor];
  if (isLayer(module)) {
    return module.backward(x, gradient, unit.relu === null ? { output } : { ...FUSED, output });
  }
  return under(module, pass, () => module.backward(x, gradient));
}

/** Of a module that stands at several places. */
function sumOf(where: string, one: LayerGradients, other: LayerGradients): LayerGradients {
  const both = (a: Tensor | null, b: Tensor | null): Tensor | null =>
    a && b ? sum(where, [a, gradientFor(where, 'a gradient', b, a)]) : (a ?? b);
  return {
    ...one,
    weight: both(one.weight, other.weight),
    bias: both(one.bias, other.bias),
  } as LayerGradients;
}

function zerosLike({ shape, data }: Tensor): Tensor<ArrayBuffer> {
  return { data: new Float32Array(data.length), shape };
}
