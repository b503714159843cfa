import { checkChoice, checkOptions } from '../core/checks.js';
import type { Tensor } from '../core/tensor.js';
import { type ConvertedParameters, readWeight } from './kernel.js';

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

/** A call of a `from…` function, read as far as all systems' are read alike. */
export interface Call<Attributes extends object> {
  /** The operator's. */
  readonly name: string;
  /** Names the call in errors. */
  readonly where: string;
  readonly transposed: boolean;
  readonly rank: number;
  /** The attributes as the caller wrote them: their names are checked, their values are not. */
  readonly given: Attributes;
  readonly parameters: ConvertedParameters;
  readonly weight: Tensor;
}

/** `from` is the public function, `Attributes` has those of all operators in `table`. */
export function readCall<Attributes extends object>(
  from: string,
  table: Readonly<Record<string, OperatorKind>>,
  operator: string,
  attributes: object,
  parameters: ConvertedParameters,
): Call<Attributes> {
  const name = checkChoice(from, 'the operator', operator, Object.keys(table));
  const where = `${from} ${name}`;
  const kind = table[name] as OperatorKind;
  const known = kind.attributes as readonly (keyof Attributes & string)[];
  const given = checkOptions<Attributes>(where, attributes, known);
  const weight = readWeight(where, parameters, kind.rank);
  const rank = weight.shape.length - 2;
  return { name, where, transposed: kind.transposed, rank, given, parameters, weight };
}
