import { product } from '../../core/lists.js';
import type { Values } from '../../models/dtypes.js';
import { transpose } from '../../models/folding/arrays.js';
import { LIMITS } from '../../models/limits.js';
import type { NetworkBuilder } from '../lowering.js';
import type { Constant } from '../operations.js';

/** A tensor while sizes are known: values of the file or computed from sizes, or what the network computes. */
export interface Operand {
  readonly name: string;
  readonly shape: readonly number[];
  /** Null for what the network computes. */
  readonly values: Values | null;
  /** Its number in the network; null for a constant that no node has asked for yet. */
  readonly value: number | null;
}

/** Constants of a file, each in the orders of axes that operators want it in, once for all sizes. */
export class Constants {
  readonly #known = new WeakMap<Operand, Map<string, Constant>>();

  /** As floats, with `order` of its axes. */
  ordered(operand: Operand & { readonly values: Values }, order?: readonly number[]): Constant {
    let known = this.#known.get(operand);
    if (known === undefined) {
      known = new Map();
      this.#known.set(operand, known);
    }
    const key = String(order);
    let constant = known.get(key);
    if (constant === undefined) {
      const { name, shape, values } = operand;
      constant = {
        name,
        shape: order?.map((axis) => shape[axis] as number) ?? shape,
        data: order === undefined ? floats(values) : ordered(values, shape, order),
      };
      known.set(key, constant);
    }
    return constant;
  }

  /** Its number in a network, as which a constant comes when it is first asked for. */
  valueOf(builder: NetworkBuilder, operand: Operand): number {
    return operand.value ?? builder.constant(this.ordered(operand as Operand & { readonly values: Values }));
  }
}

function floats(values: Values): Float32Array<ArrayBuffer> {
  return values.BYTES_PER_ELEMENT === 4 ? (values as Float32Array<ArrayBuffer>) : Float32Array.from(values);
}

function ordered(values: Values, shape: readonly number[], order: readonly number[]): Float32Array {
  return floats(transpose(values, shape, order, 'float32'));
}

export function literal(name: string, shape: readonly number[], values: readonly number[]): Operand {
  return { name, shape, values: Float64Array.from(values), value: null };
}

/** Whether so many values may be computed in JavaScript, once sizes are known. */
export function isSmall(shape: readonly number[]): boolean {
  return product(shape) <= LIMITS.shapeValues;
}
