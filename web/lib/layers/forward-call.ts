import { isList, isRecord } from '../core/realms.js';
import { FreshTensor, sameList, shapeOf, type Tensor } from '../core/tensor.js';
import { type Place, sinkOf } from '../runtime/heap-tensor.js';
import type { NativeHandle, NativeOperators } from '../runtime/native-operators.js';
import type { CanonicalParameters, Operation } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';

/** A forward whose shapes and options were checked: as long as they stay the same it can be repeated. */
export interface ForwardCall<Parameters = CanonicalParameters> {
  readonly where: string;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly optionNames: readonly string[];
  /** In the order of the names, by `rememberOptions`. */
  readonly optionValues: readonly unknown[];
  readonly operation: Operation<Parameters>;
}

/** The values of checked options; lists are copies, because their owner may change them. */
export function rememberOptions(options: object, names: readonly string[]): readonly unknown[] {
  return names.map((name) => {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    return isList(value) ? [...value] : value;
  });
}

/** Whether a call has the shape and the options of `call`; `out` is looked at every time. */
export function repeats(
  { inputShape, optionNames, optionValues }: Pick<ForwardCall, 'inputShape' | 'optionNames' | 'optionValues'>,
  x: unknown,
  options: unknown = NO_OPTIONS,
): boolean {
  if (!sameList(shapeOf(x), inputShape)) return false;
  if (!isRecord(options)) return false;
  for (const name in options) if (!optionNames.includes(name)) return false;
  for (let index = 0; index < optionNames.length; index += 1) {
    const name = optionNames[index] as string;
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const known = optionValues[index];
    if (name !== 'out' && value !== known && !(isList(known) && sameList(value, known))) return false;
  }
  return true;
}

const NO_OPTIONS = {};

/** Runs a call whose input was checked, into `out` or into a new tensor. */
export function runForward<Handle extends NativeHandle, Parameters>(
  operators: NativeOperators<Handle, Parameters>,
  { where, outputShape, operation }: ForwardCall<Parameters>,
  runtime: Runtime,
  input: Place,
  out: Tensor | undefined,
): Tensor {
  if (out === undefined) {
    const fresh = new FreshTensor(where, outputShape);
    operators.run(operation, input, fresh);
    return fresh.tensor;
  }
  operators.run(operation, input, sinkOf(where, out, outputShape, operation.outputCount, runtime));
  return out;
}
