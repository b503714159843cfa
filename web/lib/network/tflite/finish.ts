import { bitsOf } from '../../models/dtypes.js';
import { type Call, isConstant } from './call.js';
import type { Operand } from './operand.js';
import type { Operator, Tensor } from './operator.js';
import type { Rule } from './rules/rule.js';

type Range = readonly [low: number, high: number];

const ANY: Range = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** ActivationFunctionType by its numbers, and what each keeps values to. */
export const ACTIVATIONS: readonly { readonly type: string; readonly range: Range }[] = [
  { type: 'NONE', range: ANY },
  { type: 'RELU', range: [0, ANY[1]] },
  { type: 'RELU_N1_TO_1', range: [-1, 1] },
  { type: 'RELU6', range: [0, 6] },
  { type: 'TANH', range: ANY },
];

/** The numbers that a quantized tensor's integers stand for: larger ones saturate. */
function rangeOf(tensor: Tensor | undefined): Range {
  const { dtype, quantization } = tensor ?? {};
  if (dtype === undefined || !quantization || quantization.scale.length !== 1 || dtype.includes('float'))
    return ANY;
  const steps = 2 ** bitsOf(dtype);
  const low = dtype.startsWith('int') ? -steps / 2 : 0;
  const [scale = 1, zero = 0] = [quantization.scale[0], quantization.zeroPoint[0]];
  return [(low - zero) * scale, (low + steps - 1 - zero) * scale];
}

/** Whether results of this rule may lie beyond the range of a tensor. */
function leaves({ keepsRange }: Rule, { taken }: Operator, [low, high]: Range): boolean {
  if (keepsRange !== 'inputs') return keepsRange === undefined;
  return taken.some((tensor) => {
    const [least, most] = rangeOf(tensor);
    return Number.isFinite(least) && (least < low || most > high);
  });
}

/** What an operator gives behind the activation that is fused into it, within the range of its integers. */
export function finished(call: Call, rule: Rule, operand: Operand, place: number): Operand {
  const { options, made } = call.operator;
  const fused = rule.activation === undefined ? 0 : options.byte(rule.activation);
  const { type, range } = ACTIVATIONS[fused] as (typeof ACTIVATIONS)[number];
  if (isConstant(operand) && fused === 0) return call.settled(operand, place);
  const value = type === 'TANH' ? call.unary('tanh', operand, { type }) : operand;
  const own = rangeOf(made[place]);
  const limits = leaves(rule, call.operator, own) ? own : ANY;
  const [low, high] = [Math.max(range[0], limits[0]), Math.min(range[1], limits[1])];
  const named = range === ANY ? `range of ${made[place]?.dtype}` : type;
  if (low === 0 && high === ANY[1]) return call.unary('relu', value, { type: named });
  return low === ANY[0] && high === ANY[1]
    ? value
    : call.unary('clamp', value, { a: low, b: high, type: named });
}
