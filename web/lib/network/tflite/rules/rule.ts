import type { Call } from '../call.js';
import type { Operand } from '../operand.js';
import type { Operator } from '../operator.js';

/** The shape of an input that stands in the file; null for others. */
export type ConstantShapes = (place: number) => readonly number[] | null;

/** How operators of a type become operations. */
export interface Rule {
  /** Inputs that may not depend on the values of the network's. */
  readonly known?: readonly number[];
  /** Inputs that have to stand in the file. */
  readonly constants?: readonly number[];
  /** Where its options have the activation that is fused into it. */
  readonly activation?: number;
  /** Its results lie in the range that quantized ones are given, or in those of its inputs, such as their values. */
  readonly keepsRange?: 'own' | 'inputs';
  /** Why an operator is none that is run, as far as that is known before any size but those of constants. */
  refusal?(operator: Operator, shapeOf: ConstantShapes): string | null;
  lower(call: Call): Operand | readonly Operand[];
}

export type Rules = Readonly<Record<string, Rule>>;
