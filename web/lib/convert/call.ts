import { checkChoice, checkOptions, refuse } from '../core/checks.js';
import { isRecord } from '../core/realms.js';
import type { Tensor } from '../core/tensor.js';
import type { InitialCall } from './initial.js';
import { type ConvertedParameters, checkWeightShape, readWeight } from './kernel.js';

/** What an operator's name says. */
export interface OperatorKind {
  readonly transposed: boolean;
  /** 0 where the weight tells it. */
  readonly rank: 0 | 1 | 2 | 3;
  /** Names of all that it takes. */
  readonly attributes: readonly string[];
}

/** All operators of one system, by name. */
export type OperatorTable<Operators> = {
  readonly [Name in keyof Operators]: OperatorKind & {
    readonly attributes: readonly (keyof Operators[Name])[];
  };
};

/** What an operator's attributes and the shape of its weight say, read as far as all systems' are read alike. */
export interface OperatorCall<Attributes extends object> {
  /** The operator's. */
  readonly name: string;
  /** Names the call in errors. */
  readonly where: string;
  readonly transposed: boolean;
  readonly rank: number;
  /** The attributes as the caller wrote them: their names are checked, their values are not. */
  readonly given: Attributes;
  readonly weight: { readonly shape: readonly number[] };
}

/** A call of a `from…` function. */
export interface Call<Attributes extends object> extends OperatorCall<Attributes> {
  readonly parameters: ConvertedParameters;
  readonly weight: Tensor;
}

/** Draws parameters that are not given, or is the name of a system that draws none. */
type Initial<Attributes extends object> =
  | string
  | ((call: Omit<InitialCall<Attributes>, 'inChannels'>, asked: unknown) => ConvertedParameters);

/** `from` is the public function, `Attributes` has those of all operators in `table`. */
export function readCall<Attributes extends object>(
  from: string,
  table: Readonly<Record<string, OperatorKind>>,
  operator: string,
  attributes: object,
  asked: unknown,
  initial: Initial<Attributes>,
): Call<Attributes> {
  const { name, where, kind, given } = readOperator<Attributes>(from, table, operator, attributes);
  const parameters = areGiven(asked)
    ? asked
    : typeof initial === 'string'
      ? refuseWithoutWeight(where, initial, asked)
      : initial({ where, name, transposed: kind.transposed, rank: kind.rank, given }, asked);
  const weight = readWeight(where, parameters, kind.rank);
  const rank = weight.shape.length - 2;
  return { name, where, transposed: kind.transposed, rank, given, parameters, weight };
}

/** The same where the weight's values are not at hand: a file's structure, read before its data. */
export function readShapeCall<Attributes extends object>(
  from: string,
  table: Readonly<Record<string, OperatorKind>>,
  operator: string,
  attributes: object,
  shape: readonly number[],
): OperatorCall<Attributes> {
  const { name, where, kind, given } = readOperator<Attributes>(from, table, operator, attributes);
  checkWeightShape(where, shape, kind.rank);
  return { name, where, transposed: kind.transposed, rank: shape.length - 2, given, weight: { shape } };
}

/** Whether the caller has parameters, and does not ask for drawn ones. */
export function areGiven(parameters: unknown): parameters is ConvertedParameters {
  return isRecord(parameters) && ('weight' in parameters || 'bias' in parameters);
}

export function refuseWithoutWeight(where: string, system: string, parameters: unknown): never {
  return refuse(
    'BAD_TYPE',
    where,
    `parameters with a weight, as ${system} has no initial values`,
    parameters,
    'Draw them with a layer of another system and convert those.',
  );
}

function readOperator<Attributes extends object>(
  from: string,
  table: Readonly<Record<string, OperatorKind>>,
  operator: string,
  attributes: object,
): {
  readonly name: string;
  readonly where: string;
  readonly kind: OperatorKind;
  readonly given: Attributes;
} {
  const name = checkChoice(from, 'the operator', operator, Object.keys(table));
  const where = `${from} ${name}`;
  const kind = table[name] as OperatorKind;
  const known = kind.attributes as readonly (keyof Attributes & string)[];
  return { name, where, kind, given: checkOptions<Attributes>(where, attributes, known) };
}
