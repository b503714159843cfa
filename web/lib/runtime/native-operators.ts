import type { DeconvModule } from './glue.js';
import type { Place, Sink } from './heap-tensor.js';
import { requireRuntime } from './lifecycle.js';
import { bytesOf, FLOAT32, type Operation, writeSpec } from './operation.js';
import { type Handled, OwnedOperators } from './owned-operators.js';
import type { Plan } from './planning.js';
import { outOfMemory, type Runtime } from './runtime.js';
import { deliver, fill, stageInput, stageOutput } from './staging.js';

/** Packed copies of its weight that a layer keeps, over all sizes, pads, activations, routes and directions. */
const KEPT_COPIES = 4;

/** What the core's operators of float32 and of int8 have in common. */
export interface NativeHandle {
  /** Expects runs of what is planned, and room for them; whether they may write over their input. */
  prepare?(): boolean;
  needsParameters(): boolean;
  /** Drops packed copies but the `most` used last; how many are left. */
  keepCopies(most: number): number;
  delete(): void;
}

/** What differs between them. */
export interface OperatorKind<Handle extends NativeHandle, Parameters> {
  /** Of the spec that was written; null when out of memory. */
  create(module: DeconvModule): Handle | null;
  plan(runtime: Runtime, handle: Handle, operation: Operation<Parameters>): Plan;
  /** Packs the parameters for what is planned. */
  pack(runtime: Runtime, handle: Handle, operation: Operation<Parameters>): void;
  /** Computes between two addresses; a status. */
  run(handle: Handle, operation: Operation<Parameters>, source: number, target: number): number;
  /** What became of the plan, where the core may go on with another route that finds memory. */
  planAfterRun(runtime: Runtime, handle: Handle, plan: Plan): Plan;
  /** Whether the plan waits for `measure`, which needs the data in place. */
  wantsMeasurement(operation: Operation<Parameters>, plan: Plan): boolean;
  /** Times what may be best and plans it; `run` computes as planned now. */
  measure(runtime: Runtime, handle: Handle, operation: Operation<Parameters>, run: () => void): Plan;
}

interface OwnOperator<Handle extends NativeHandle> extends Handled {
  readonly handle: Handle;
  /** The last one made. */
  plan?: Plan;
  /** What `plan` holds for; undefined where it has to be made again. */
  planKey?: string | undefined;
  /** When it ran last, in runs of its layer. */
  used: number;
}

/** The operators of one layer: nearly always its forward and, in training, the adjoint of it. */
export class NativeOperators<Handle extends NativeHandle, Parameters> {
  readonly #kind: OperatorKind<Handle, Parameters>;
  readonly #operators = new OwnedOperators<OwnOperator<Handle>>();
  #runs = 0;
  /** Of the last run; null before the first. */
  lastPlan: Plan | null = null;

  constructor(kind: OperatorKind<Handle, Parameters>) {
    this.#kind = kind;
  }

  /** Allocates nothing when the same operation runs again on places of the heap. */
  run(operation: Operation<Parameters>, input: Place, output: Sink): Plan {
    const plan = this.#use(operation, input, output).plan as Plan;
    this.lastPlan = plan;
    return plan;
  }

  /** What `run` would go by: nothing is computed, and nothing measured. */
  plan(operation: Operation<Parameters>): Plan {
    return this.#use(operation).plan as Plan;
  }

  /** Plans ahead of runs and expects room for them; whether a run may write over its input. */
  prepare(operation: Operation<Parameters>): boolean {
    return this.#use(operation).handle.prepare?.() === true;
  }

  #use(operation: Operation<Parameters>, input?: Place, output?: Sink): OwnOperator<Handle> {
    const { where, operatorKey } = operation;
    const runtime = requireRuntime(where, operation.execution.runtime);
    const operators = this.#operators.on(runtime);
    const known = operators.get(operatorKey);
    try {
      const operator = known ?? this.#create(runtime, operation);
      if (known === undefined) operators.set(operatorKey, operator);
      this.#runs += 1;
      operator.used = this.#runs;
      this.#plan(runtime, operator, operation);
      if (input !== undefined && output !== undefined) {
        this.#run(runtime, operator, operation, input, output);
      }
      return operator;
    } catch (error) {
      const failure = runtime.asError(where, error);
      // What never ran costs nothing, and of what failed nobody knows the plan.
      if (known === undefined) this.#operators.drop(operatorKey);
      else known.planKey = undefined;
      throw failure;
    }
  }

  /** Call when weight or bias changed: the next run packs them again. */
  invalidateParameters(): void {
    this.#operators.each(({ handle }) => handle.keepCopies(0));
  }

  dispose(): void {
    this.#operators.dispose();
  }

  #create(runtime: Runtime, { where, spec }: Operation<Parameters>): OwnOperator<Handle> {
    const { module } = runtime;
    writeSpec(module, spec);
    runtime.check(where, module.checkSpec());
    const handle = this.#kind.create(module);
    if (handle === null) throw outOfMemory(where, 'an operator', 1);
    return { handle, used: 0 };
  }

  #plan(runtime: Runtime, operator: OwnOperator<Handle>, operation: Operation<Parameters>): void {
    const { planKey } = operation;
    if (operator.planKey === planKey) return;
    operator.planKey = undefined;
    operator.plan = this.#kind.plan(runtime, operator.handle, operation);
    // Measuring changes the operator's plan again and again: until it is done there is none to remember.
    if (!this.#kind.wantsMeasurement(operation, operator.plan)) operator.planKey = planKey;
  }

  #run(
    runtime: Runtime,
    operator: OwnOperator<Handle>,
    operation: Operation<Parameters>,
    input: Place,
    output: Sink,
  ): void {
    const { where, planKey, inputCount, inputElement, outputCount, outputElement, execution } = operation;
    const { handle } = operator;
    const kind = this.#kind;
    const measuring = operator.planKey === undefined;
    let settled = true;
    if (handle.needsParameters()) {
      this.#makeRoom(runtime, operator);
      kind.pack(runtime, handle, operation);
      settled = false;
    }
    const flush = execution.denormals === 'flush' && inputElement === FLOAT32;
    const source = stageInput(runtime, where, 'input', input, inputCount, inputElement, flush);
    const sourceBytes = operation.inPlace ? 0 : bytesOf(inputCount, inputElement);
    const target = stageOutput(runtime, where, output, outputCount, outputElement, source, sourceBytes);
    fill(runtime, input, source, inputCount, inputElement, flush);
    if (measuring) {
      this.#measure(runtime, operator, operation, source, target === output ? 0 : target);
      // Where none of what was tried found room, no copy is left of what the model chooses then.
      if (handle.needsParameters()) kind.pack(runtime, handle, operation);
    }
    let status = kind.run(handle, operation, source, target);
    while (runtime.isReplanned(status)) {
      if (handle.needsParameters()) kind.pack(runtime, handle, operation);
      status = kind.run(handle, operation, source, target);
      settled = false;
    }
    runtime.check(where, status);
    deliver(runtime, output, target, outputCount, outputElement);
    if (settled) return;
    operator.plan = kind.planAfterRun(runtime, handle, operator.plan as Plan);
    operator.planKey = planKey;
  }

  /**
   * Plans what is best by measurement; the model's plan stays where there is no room to measure in.
   * `room` is where the output is staged, 0 where it would be written in its place: the call may still fail, and then
   * nothing of the caller's has changed.
   */
  #measure(
    runtime: Runtime,
    operator: OwnOperator<Handle>,
    operation: Operation<Parameters>,
    source: number,
    room: number,
  ): void {
    const { where, planKey, outputCount, outputElement } = operation;
    const { handle } = operator;
    const kind = this.#kind;
    let target = room;
    try {
      if (room === 0)
        target = runtime.module.allocateFloats(Math.ceil(bytesOf(outputCount, outputElement) / 4));
      if (target === 0) return;
      operator.plan = kind.measure(runtime, handle, operation, () => {
        if (handle.needsParameters()) kind.pack(runtime, handle, operation);
        runtime.check(where, kind.run(handle, operation, source, target));
      });
      operator.planKey = planKey;
    } catch (error) {
      throw runtime.asError(where, error);
    } finally {
      // A module that has trapped is asked for nothing more.
      runtime.release((module) => {
        if (room === 0) module.freeFloats(target);
        // Of what was tried the best alone stays.
        handle.keepCopies(1);
      });
    }
  }

  /** For one more packed copy of `current`'s, which has just been used: what was not for longest goes. */
  #makeRoom(runtime: Runtime, current: OwnOperator<Handle>): void {
    const operators = [...this.#operators.on(runtime)].sort(([, one], [, other]) => other.used - one.used);
    let room = KEPT_COPIES - 1;
    for (const [index, [key, operator]] of operators.entries()) {
      if (operator === current || (room > 0 && index < KEPT_COPIES)) room -= operator.handle.keepCopies(room);
      else this.#operators.drop(key);
    }
  }
}
