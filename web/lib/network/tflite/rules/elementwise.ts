import { product } from '../../../core/lists.js';
import type { BinaryFunction, UnaryFunction } from '../../operations.js';
import { type Call, channelsOf, isConstant } from '../call.js';
import { literal, type Operand } from '../operand.js';
import type { Rule, Rules } from './rule.js';

const unary = (name: UnaryFunction, a = 0, b = 0): Rule => ({
  lower: (call) => call.unary(name, call.input(0), { a, b }),
});

/** Of a function whose range is the one that quantized results have. */
const bounded = (rule: Rule): Rule => ({ ...rule, keepsRange: 'own' });

/** `activation` is where the options have the fused one. */
const binary = (name: BinaryFunction, activation?: number): Rule => ({
  ...(activation === undefined ? {} : { activation }),
  lower: (call) => call.binary(name),
});

/** x above 0, a slope times it below: one for each channel, or of any shape that broadcasts. */
function slopes(call: Call): Operand {
  const [x, slope] = [call.input(0), call.input(1)];
  const channels = channelsOf(x);
  // A value of one axis has no channels.
  const each = x.shape.length > 1 && product(slope.shape) === channels && channelsOf(slope) === channels;
  if (isConstant(slope) && each) {
    const channelA = call.weight(1).data;
    return call.unary('leaky-relu', x, { channelA });
  }
  const below = call.binary('multiply', slope, call.binary('minimum', x, 0));
  return call.binary('add', call.unary('relu', x), below);
}

function softmax(call: Call, logarithm: boolean, beta = 1): Operand {
  const x = beta === 1 ? call.input(0) : call.binary('multiply', call.input(0), beta);
  return call.one({ kind: 'softmax', axis: call.axis(-1), logarithm }, [x]);
}

function floorDivided(call: Call): Operand {
  return call.unary('floor', call.binary('divide'));
}

/** Every row of channels over its length; of a row of zeros the length is taken for 1e-6. */
function unitLength(call: Call): Operand {
  const [x, axis] = [call.input(0), call.axis(-1)];
  const length = call.one({ kind: 'reduce', function: 'l2', axes: [axis], keepAxes: true }, [x]);
  return call.binary('divide', x, call.binary('maximum', length, 1e-6));
}

/** What changes no value that is computed in float32. */
const passes: Rule = { keepsRange: 'inputs', lower: (call) => call.input(0) };

export const elementwise: Rules = {
  ADD: binary('add', 0),
  SUB: binary('subtract', 0),
  MUL: binary('multiply', 0),
  DIV: binary('divide', 0),
  MAXIMUM: binary('maximum'),
  MINIMUM: binary('minimum'),
  POW: binary('power'),
  FLOOR_DIV: { lower: floorDivided },
  FLOOR_MOD: binary('floor-remainder'),
  SQUARED_DIFFERENCE: {
    lower(call) {
      const difference = call.binary('subtract');
      return call.binary('multiply', difference, difference);
    },
  },
  ADD_N: {
    lower: (call) => call.inputs.reduce((sum, one) => call.binary('add', sum, one)),
  },
  RELU: unary('relu'),
  RELU6: unary('clamp', 0, 6),
  RELU_N1_TO_1: unary('clamp', -1, 1),
  RELU_0_TO_1: unary('clamp', 0, 1),
  LEAKY_RELU: { lower: (call) => call.unary('leaky-relu', call.input(0), { a: call.options.float(0) }) },
  PRELU: { lower: slopes },
  ELU: unary('elu', 1),
  GELU: { lower: (call) => call.unary(call.options.byte(0) === 0 ? 'gelu' : 'gelu-tanh') },
  HARD_SWISH: unary('hardswish'),
  LOGISTIC: bounded(unary('sigmoid')),
  TANH: bounded(unary('tanh')),
  EXP: unary('exp'),
  LOG: unary('log'),
  SQRT: unary('sqrt'),
  RSQRT: { lower: (call) => call.unary('reciprocal', call.unary('sqrt')) },
  SQUARE: { lower: (call) => call.binary('multiply', call.input(0), call.input(0)) },
  SIN: unary('sin'),
  COS: unary('cos'),
  ABS: unary('abs'),
  NEG: unary('neg'),
  FLOOR: unary('floor'),
  CEIL: unary('ceil'),
  ROUND: unary('round'),
  SIGN: unary('sign'),
  SOFTMAX: bounded({ lower: (call) => softmax(call, false, call.options.float(0)) }),
  LOG_SOFTMAX: { lower: (call) => softmax(call, true) },
  L2_NORMALIZATION: { activation: 0, lower: unitLength },
  DEQUANTIZE: passes,
  // Its integers are not rounded to, but nothing leaves their range.
  QUANTIZE: { lower: (call) => call.input(0) },
  CAST: passes,
  ZEROS_LIKE: {
    lower: (call) =>
      call.one({ kind: 'expand', shape: call.input(0).shape }, [literal(call.operator.name, [], [0])]),
  },
};
