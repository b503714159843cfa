// What a chain takes and gives: one tensor, or tensors by name.

import { describe, fault, refuse } from '../core/checks.js';
import { isList, isRecord, memberOf } from '../core/realms.js';
import { shapeOf, type Tensor, type TensorLike } from '../core/tensor.js';

/** Tensors by the names of a chain's inputs or outputs. */
export type NamedTensors<Buffer extends ArrayBufferLike = ArrayBufferLike> = Readonly<
  Record<string, Tensor<Buffer>>
>;

/** The same where they are only read: whatever is taken for a tensor. */
export type NamedInputs = Readonly<Record<string, TensorLike>>;

/** Lists what is given for each of the names; whether it is given by name, or is one tensor. */
export function readGiven(
  where: string,
  what: string,
  value: unknown,
  names: readonly string[],
  into: unknown[],
  wanted?: boolean,
): boolean {
  const named = isNamed(value);
  if (named !== (wanted ?? named) || (!named && names.length !== 1)) {
    const list = names.map(describe).join(', ');
    refuse(
      'BAD_TYPE',
      where,
      wanted === false ? `one tensor for ${what}` : `${what} by name: ${list}`,
      value,
    );
  }
  if (!named) {
    into[0] = value;
    return false;
  }
  for (let index = 0; index < names.length; index += 1) {
    into[index] = ownValue(value, names[index] as string);
  }
  refuseOtherNames(where, what, value, names);
  return true;
}

type NamedValues = Readonly<Record<string, unknown>>;

/**
 * What is given by this name; what every object inherits, as `toString`, is nobody's tensor. What a getter throws is the
 * caller's.
 */
export function ownValue(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? (value as NamedValues)[name] : undefined;
}

/** Refuses what is given by another name. */
export function refuseOtherNames(where: string, what: string, value: object, names: readonly string[]): void {
  for (const name in value) {
    if (!names.includes(name)) refuse('BAD_OPTION', where, `${what} among ${names.join(', ')}`, name);
  }
}

/** Whether `value` is tensors by name: whatever is no values, has none of its own, no shape, and need not be awaited. */
function isNamed(value: unknown): value is object {
  return (
    isRecord(value) &&
    !isList(shapeOf(value)) &&
    typeof memberOf(value, 'then') !== 'function' &&
    !ArrayBuffer.isView(memberOf(value, 'data') ?? value)
  );
}

export function requireOneOutput(where: string, names: readonly string[]): void {
  if (names.length === 1) return;
  throw fault('BAD_TYPE', where, 'inputs by name, as a graph of several outputs takes them', 'a tensor');
}

export function byName(names: readonly string[], tensors: readonly Tensor[]): NamedTensors<ArrayBuffer> {
  return Object.fromEntries(names.map((name, index) => [name, tensors[index] as Tensor<ArrayBuffer>]));
}
