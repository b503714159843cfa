import { fault, refuse } from '../core/checks.js';
import { checkTensorOf, FreshTensor, sharesMemory, type Tensor } from '../core/tensor.js';
import { locate, type Place, type Sink, sinkOf } from '../runtime/heap-tensor.js';
import type { Runtime } from '../runtime/runtime.js';
import { byName, type NamedTensors, readGiven } from './named.js';
import type { Program } from './program.js';

/** What a call is about beside its tensors. */
export interface CallNames {
  /** What errors call the inputs. */
  readonly inputLabels: readonly string[];
  readonly outputNames: readonly string[];
}

/** The tensors of one call, in lists that are kept so that a steady loop makes none. */
export class ProgramCall {
  readonly #given: unknown[] = [];
  readonly #receivers: unknown[] = [];
  readonly #places: Place[] = [];
  readonly #sinks: Sink[] = [];
  #running = false;
  #behind: (() => void) | null = null;

  /**
   * A list for the inputs, to be filled before `run`; until `end` there is no other call. What is given may have getters,
   * and among the steps are modules of the user's.
   */
  begin(where: string): unknown[] {
    if (this.#running) throw fault('UNSUPPORTED', where, 'one call at a time', 'one within another');
    this.#running = true;
    return this.#given;
  }

  /** Does this now, or behind the call that runs. */
  afterwards(act: () => void): void {
    if (this.#running) this.#behind = act;
    else act();
  }

  /** Computes what was given into `out`, or into new tensors: by name, or the only one. */
  run(
    where: string,
    runtime: Runtime,
    { inputLabels, outputNames }: CallNames,
    program: Program,
    arena: (program: Program) => number,
    named: boolean,
    out: Tensor | NamedTensors | undefined,
    ran?: (index: number) => void,
  ): Tensor | NamedTensors {
    const { inputShapes, inputCounts, outputShapes, outputCounts, foreign } = program;
    for (let index = 0; index < inputShapes.length; index += 1) {
      const label = inputLabels[index] as string;
      const shape = inputShapes[index] as readonly number[];
      const values = checkTensorOf(where, label, this.#given[index], shape, inputCounts[index] as number);
      this.#places[index] = locate(values, runtime);
    }
    if (out !== undefined) readGiven(where, 'out', out, outputNames, this.#receivers, named);
    const fresh = out === undefined ? freshTensors(where, outputShapes) : undefined;
    for (let index = 0; index < outputShapes.length; index += 1) {
      const shape = outputShapes[index] as readonly number[];
      const count = outputCounts[index] as number;
      this.#sinks[index] =
        fresh?.[index] ?? sinkOf(where, this.#receivers[index], shape, count, runtime, foreign);
    }
    if (out !== undefined) requireApart(where, outputNames, this.#receivers);
    program.run(arena(program), this.#places, this.#sinks, ran);
    if (fresh !== undefined) {
      return named ? byName(outputNames, tensorsOf(fresh)) : (fresh[0] as FreshTensor).tensor;
    }
    return out as Tensor | NamedTensors;
  }

  /** Keeps nobody's tensors alive. */
  end(): void {
    this.#given.fill(undefined);
    this.#receivers.fill(undefined);
    this.#places.fill(0);
    this.#sinks.fill(0);
    this.#running = false;
    const act = this.#behind;
    this.#behind = null;
    act?.();
  }
}

/** Refuses tensors, checked already, of which two share memory: one result would be lost. */
export function requireApart(where: string, names: readonly string[], tensors: readonly unknown[]): void {
  for (let one = 1; one < names.length; one += 1) {
    for (let other = 0; other < one; other += 1) {
      if (sharesMemory((tensors[one] as Tensor).data, (tensors[other] as Tensor).data)) {
        refuse('BAD_BUFFER', where, 'tensors apart', `${names[other]} and ${names[one]} that overlap`);
      }
    }
  }
}

function freshTensors(where: string, shapes: readonly (readonly number[])[]): FreshTensor[] {
  return shapes.map((shape) => new FreshTensor(where, shape));
}

function tensorsOf(fresh: readonly FreshTensor[]): Tensor<ArrayBuffer>[] {
  return fresh.map(({ tensor }) => tensor);
}
