import { describe, fault } from '../../core/checks.js';
import { at } from '../../core/lists.js';
import { settleValues, type Values } from '../../models/dtypes.js';
import type { NetworkBuilder } from '../lowering.js';
import type { BinaryFunction, Constant, Operation, UnaryFunction } from '../operations.js';
import { evaluate } from './evaluate.js';
import { type Constants, isSmall, literal, type Operand } from './operand.js';
import { isWhole, type Operator } from './operator.js';

/** Of a list in an error. */
const LONGEST = 200;

/** An operator on its way into a network whose sizes are known. */
export class Call {
  readonly operator: Operator;
  readonly #inputs: readonly (Operand | undefined)[];
  readonly #builder: NetworkBuilder;
  readonly #constants: Constants;
  readonly #where: string;

  constructor(
    where: string,
    operator: Operator,
    inputs: readonly (Operand | undefined)[],
    builder: NetworkBuilder,
    constants: Constants,
  ) {
    this.operator = operator;
    this.#inputs = inputs;
    this.#builder = builder;
    this.#constants = constants;
    this.#where = `${where}: node ${describe(operator.name)} (${operator.type})`;
  }

  get options() {
    return this.operator.options;
  }

  get inputs(): readonly Operand[] {
    const inputs = this.#inputs.filter((input) => input !== undefined);
    return inputs.length > 0 ? inputs : this.refuse('inputs', 'none');
  }

  optional(place: number): Operand | undefined {
    return this.#inputs[place];
  }

  input(place: number): Operand {
    return this.#inputs[place] ?? this.refuse(`an input ${place}`, 'none');
  }

  /** Values that do not depend on those of the network's inputs. */
  numbers(place: number): number[] {
    return [...(this.input(place).values ?? this.refuse(`values of input ${place}`, 'computed ones'))];
  }

  /** A constant in another order of its axes. */
  weight(place: number, order?: readonly number[]): Constant {
    const operand = this.input(place);
    if (!isConstant(operand)) this.refuse(`a constant as input ${place}`, 'a computed one');
    if (order !== undefined && order.length !== operand.shape.length) {
      this.refuse(`a constant of ${order.length} axes as input ${place}`, `${operand.shape.length}`);
    }
    return this.#constants.ordered(operand, order);
  }

  /** An axis, counted from the first. */
  axis(given: number, rank = this.input(0).shape.length): number {
    const axis = given < 0 ? given + rank : given;
    return Number.isInteger(axis) && axis >= 0 && axis < rank
      ? axis
      : this.refuse(`one of ${rank} axes`, `axis ${given}`);
  }

  refuse(expected: string, got: string, code: 'BAD_SHAPE' | 'UNSUPPORTED' = 'BAD_SHAPE'): never {
    const short = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
    throw fault(code, this.#where, short(expected), short(got));
  }

  /** What an operation makes of operands, all that it gives. */
  all(operation: Operation, inputs: readonly Operand[], type = shownType(this.operator)): readonly Operand[] {
    const { name } = this.operator;
    if (inputs.every(isConstant) && inputs.every(({ shape }) => isSmall(shape))) {
      const known = evaluate(this.#where, operation, inputs);
      if (known?.every(({ shape }) => isSmall(shape))) {
        return known.map((one) => ({ ...one, name, value: null }));
      }
    }
    const outputs = this.#builder.emit({
      names: [name],
      types: [type],
      operation,
      inputs: inputs.map((input) => this.#constants.valueOf(this.#builder, input)),
      results: this.operator.made.map((tensor) => tensor?.name ?? ''),
    });
    return outputs.map((value) => ({ name, shape: this.#builder.shapeOf(value), values: null, value }));
  }

  /** The same of an operation that gives one. */
  one(operation: Operation, inputs: readonly Operand[] = [this.input(0)], type?: string): Operand {
    return this.all(operation, inputs, type)[0] as Operand;
  }

  unary(
    name: UnaryFunction,
    x: Operand = this.input(0),
    { a = 0, b = 0, channelA = null as Float32Array | null, type = shownType(this.operator) } = {},
  ): Operand {
    return this.one({ kind: 'unary', function: name, a, b, channelA, layout: 'channels-last' }, [x], type);
  }

  binary(name: BinaryFunction, a: Operand = this.input(0), b: Operand | number = this.input(1)): Operand {
    const other = typeof b === 'number' ? literal(this.operator.name, [], [b]) : b;
    return this.one({ kind: 'binary', function: name }, [a, other]);
  }

  reshape(shape: readonly number[], x: Operand = this.input(0)): Operand {
    return this.one({ kind: 'reshape', shape }, [x]);
  }

  /** What the file takes a result for: integers of it lose their fractions. */
  settled(operand: Operand, place: number): Operand {
    const made = this.operator.made[place];
    if (!isConstant(operand) || made?.dtype === undefined || !isWhole(made)) return operand;
    return { ...operand, values: settleValues(operand.values.slice() as Values, made.dtype) };
  }
}

export function isConstant(operand: Operand): operand is Operand & { readonly values: Values } {
  return operand.values !== null;
}

/** As tables show it: what the file computes with integers comes with more digits here. */
function shownType({ type, made: [tensor] }: Operator): string {
  return tensor === undefined || tensor.quantization === null
    ? type
    : `${type} of ${tensor.dtype ?? 'another type'} in float32`;
}

/** Where the channels of a value are. */
export function channelsOf(operand: Operand): number {
  return at(operand.shape, operand.shape.length - 1);
}
