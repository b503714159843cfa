import { describe } from '../../core/checks.js';
import { GIVEN, type Subgraph } from '../../models/tflite/subgraph.js';
import { ACTIVATIONS } from './finish.js';
import { isWhole, type Operator } from './operator.js';
import { RULES } from './rules/index.js';
import type { Rule } from './rules/rule.js';

/** An operator with how it is run, or why it is not. */
export type CheckedOperator = { readonly operator: Operator } & (
  | { readonly rule: Rule; readonly reason: null }
  | { readonly reason: string }
);

export function isStored(subgraph: Subgraph, tensor: number): boolean {
  return typeof subgraph.literal(tensor) === 'object';
}

/** Why there is nothing to take of a tensor. */
function absence(subgraph: Subgraph, tensor: number): string {
  if (subgraph.maker(tensor) !== undefined) return 'is computed behind it';
  const known = subgraph.literal(tensor);
  return known === GIVEN ? 'nothing computes' : `is ${known}`;
}

/** Finds out what can be run, before any size is known. */
export function checkOperators(
  subgraph: Subgraph,
  inputs: readonly number[],
  operators: readonly Operator[],
): readonly CheckedOperator[] {
  // What depends on the values of inputs, and what at most on their sizes.
  const computed = new Set(inputs);
  const sized = new Set<number>();
  const isKnown = (tensor: number) =>
    sized.has(tensor) || (!computed.has(tensor) && isStored(subgraph, tensor));
  return operators.map((operator): CheckedOperator => {
    const { type, inputs: taken, outputs, made } = operator;
    const rule = Object.hasOwn(RULES, type) ? RULES[type] : undefined;
    const given = taken.filter((tensor) => tensor >= 0);
    const missing = given.find((tensor) => !computed.has(tensor) && !isKnown(tensor));
    const fromSizes = type === 'SHAPE' || type === 'RANK' || given.every(isKnown);
    for (const output of outputs) (fromSizes ? sized : computed).add(output);
    if (rule === undefined) return { operator, reason: 'networks have no such operator' };
    const has = (place: number) => (taken[place] ?? -1) >= 0;
    const shapeOf = (place: number) => {
      const constant = subgraph.literal(taken[place] ?? -1);
      return typeof constant === 'object' ? constant.shape : null;
    };
    const [open] = (rule.known ?? []).filter((place) => has(place) && !isKnown(taken[place] as number));
    const [fluid] = (rule.constants ?? []).filter(
      (place) => has(place) && !isStored(subgraph, taken[place] as number),
    );
    const fused = rule.activation === undefined ? 0 : operator.options.byte(rule.activation);
    const reason =
      missing !== undefined
        ? `it takes ${describe(subgraph.name(missing) || `tensor ${missing}`)}, which ${absence(subgraph, missing)}`
        : open !== undefined || fluid !== undefined
          ? `its input ${open ?? fluid} is computed from other inputs' values`
          : ACTIVATIONS[fused] === undefined
            ? `networks have no fused activation ${fused}`
            : !fromSizes && made.some((tensor) => tensor === undefined || isWhole(tensor))
              ? 'it computes whole numbers without a readable scale'
              : (rule.refusal?.(operator, shapeOf) ?? null);
    return reason === null ? { operator, rule, reason } : { operator, reason };
  });
}
