import type { OperatorSpec } from '../core/spec.js';
import type { Operator } from './bindings.js';
import type { Place, Sink } from './heap-tensor.js';
import { requireRuntime } from './lifecycle.js';
import {
  type CanonicalParameters,
  codeOf,
  type Layout,
  type Operation,
  toAxes,
  toNativeSpec,
} from './operation.js';
import { OwnedOperators } from './owned-operators.js';
import { measureOperation, type Plan, planOperation, wantsMeasurement } from './planning.js';
import { outOfMemory, type Runtime } from './runtime.js';

/** The operators of one layer: nearly always its forward and, in training, the adjoint of it. */
export class NativeOperators {
  readonly #operators = new OwnedOperators<OwnOperator>();

  /** Allocates nothing when the same operation runs again on places of the heap. */
  run(operation: Operation, input: Place, output: Sink): Plan {
    const { where, operatorKey } = operation;
    const runtime = requireRuntime(where, operation.execution.runtime);
    const operators = this.#operators.on(runtime);
    const known = operators.get(operatorKey);
    try {
      const operator = known ?? create(runtime, operation);
      if (known === undefined) operators.set(operatorKey, operator);
      return runOperator(runtime, operator, operation, input, output);
    } catch (error) {
      const failure = runtime.asError(where, error);
      // What never ran costs nothing.
      if (known === undefined) this.#operators.drop(operatorKey);
      throw failure;
    }
  }

  /** Call when weight or bias changed: the next run packs them again. */
  invalidateParameters(): void {
    this.#operators.each(({ handle }) => handle.invalidateParameters());
  }

  dispose(): void {
    this.#operators.dispose();
  }
}

interface OwnOperator {
  readonly handle: Operator;
  planned?: { readonly key: string; readonly plan: Plan } | undefined;
}

function create(runtime: Runtime, { where, spec }: Operation): OwnOperator {
  const { module } = runtime;
  runtime.check(where, module.checkSpec(spec));
  const handle = module.Operator.create(spec);
  if (handle === null) throw outOfMemory(where, 'an operator', 1);
  return { handle };
}

function runOperator(
  runtime: Runtime,
  operator: OwnOperator,
  operation: Operation,
  input: Place,
  output: Sink,
): Plan {
  const { where, planKey, inputCount, outputCount } = operation;
  const { handle } = operator;
  let plan = operator.planned?.key === planKey ? operator.planned.plan : undefined;
  let measuring = false;
  if (plan === undefined) {
    plan = planOperation(runtime, handle, operation);
    measuring = wantsMeasurement(operation, plan);
    // Measuring changes the operator's plan again and again: until it is done there is none to remember.
    operator.planned = measuring ? undefined : { key: planKey, plan };
  }
  if (handle.needsParameters()) uploadParameters(runtime, handle, operation);

  const source = stage(runtime, where, 'input', input, inputCount);
  // An output that overlaps the input is written only when the input is no longer needed.
  const direct = isUsable(output) && !overlap(source, inputCount, output, outputCount);
  const target = direct ? output : reserve(runtime, where, 'output', outputCount);
  if (measuring) plan = measure(runtime, operator, operation, source, target);
  runtime.check(where, handle.run(source, target));
  if (typeof output !== 'number') output.set(runtime.floats(target, outputCount));
  else if (!direct) runtime.heap.copyWithin(output / 4, target / 4, target / 4 + outputCount);
  return plan;
}

// A function of its own, so that a steady loop does not make the closure.
function measure(
  runtime: Runtime,
  operator: OwnOperator,
  operation: Operation,
  source: number,
  target: number,
): Plan {
  const { handle } = operator;
  const plan = measureOperation(runtime, handle, operation, () => {
    if (handle.needsParameters()) uploadParameters(runtime, handle, operation);
    runtime.check(operation.where, handle.run(source, target));
  });
  operator.planned = { key: operation.planKey, plan };
  return plan;
}

/** Gradients of the parameters of one operator at one input. */
export function parameterGradients(request: {
  readonly where: string;
  readonly runtime: Runtime | undefined;
  readonly spec: OperatorSpec;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly layout: Layout;
  readonly input: Place;
  readonly inputCount: number;
  readonly gradOutput: Place;
  readonly outputCount: number;
  readonly weightElements: number;
  readonly withBias: boolean;
}): CanonicalParameters<ArrayBuffer> {
  const { where, spec, input, gradOutput, weightElements, withBias } = request;
  const runtime = requireRuntime(where, request.runtime);
  try {
    const count = weightElements + (withBias ? spec.outChannels : 0);
    const inputAddress = stage(runtime, where, 'input', input, request.inputCount);
    const gradAddress = stage(runtime, where, 'output', gradOutput, request.outputCount);
    const gradient = reserve(runtime, where, 'parameters', count);
    const status = runtime.module.parameterGradients(
      toNativeSpec(spec, false),
      request.batch,
      toAxes(request.extents, 1),
      codeOf(request.layout),
      inputAddress,
      gradAddress,
      gradient,
      withBias,
    );
    runtime.check(where, status);
    const values = runtime.floats(gradient, count);
    const gradients = {
      weight: values.slice(0, weightElements),
      bias: withBias ? values.slice(weightElements) : null,
    };
    runtime.module.releaseParameters();
    return gradients;
  } catch (error) {
    throw runtime.asError(where, error);
  }
}

function uploadParameters(runtime: Runtime, operator: Operator, { where, parameters }: Operation): void {
  const { weight, bias } = parameters();
  const count = weight.length + (bias?.length ?? 0);
  const address = reserve(runtime, where, 'parameters', count);
  const staged = runtime.floats(address, count);
  staged.set(weight);
  if (bias !== null) staged.set(bias, weight.length);
  const biasAddress = bias === null ? 0 : address + weight.byteLength;
  try {
    runtime.check(where, operator.setParameters(address, biasAddress));
  } finally {
    // Packed copies are made: the staging copy would only double the memory of large layers.
    runtime.module.releaseParameters();
  }
}

/** Whether a route may work in this place; part of a tensor may begin anywhere. */
function isUsable(place: Sink): place is number {
  return typeof place === 'number' && place % 16 === 0;
}

function overlap(one: number, oneCount: number, other: number, otherCount: number): boolean {
  return one < other + 4 * otherCount && other < one + 4 * oneCount;
}

/** Copies values into the workspace, unless a route may read them where they are. */
function stage(
  runtime: Runtime,
  where: string,
  what: 'input' | 'output',
  place: Place,
  count: number,
): number {
  if (isUsable(place)) return place;
  const address = reserve(runtime, where, what, count);
  // Not before: the room for the copy may have been made by growth.
  const { heap } = runtime;
  if (typeof place === 'number') heap.copyWithin(address / 4, place / 4, place / 4 + count);
  else heap.set(place, address / 4);
  return address;
}

export function reserve(
  runtime: Runtime,
  where: string,
  what: 'parameters' | 'input' | 'output',
  elements: number,
): number {
  const { module } = runtime;
  const address =
    what === 'parameters'
      ? module.reserveParameters(elements)
      : what === 'input'
        ? module.reserveInput(elements)
        : module.reserveOutput(elements);
  if (address === 0) throw outOfMemory(where, `the ${what}`, elements);
  return address;
}
