// Functions of one value and of two.

import { repeatedStrides } from '../../core/broadcasting.js';
import { fault } from '../../core/checks.js';
import { product } from '../../core/lists.js';
import type { Epilogue } from '../../runtime/operation.js';
import { stageParameters } from '../../runtime/staging.js';
import type { BinaryFunction, UnaryFunction } from '../operations.js';
import { aroundChannels, type Shape } from '../shapes.js';
import { type Compute, floatBits, type Of, oneToOne, type StepCall, shapesOf, structOf } from './step.js';
import { axesStruct, collapsed } from './strides.js';

/** In the order of the core's numbers. */
const UNARY: readonly UnaryFunction[] = [
  'relu',
  'leaky-relu',
  'elu',
  'silu',
  'gelu',
  'gelu-tanh',
  'hardswish',
  'hardsigmoid',
  'clamp',
  'softplus',
  'sigmoid',
  'tanh',
  'snake',
  'abs',
  'neg',
  'exp',
  'log',
  'sqrt',
  'reciprocal',
  'sin',
  'floor',
  'ceil',
  'round',
  'sign',
  'erf',
  'softsign',
];

const BINARY: readonly BinaryFunction[] = [
  'add',
  'subtract',
  'multiply',
  'divide',
  'minimum',
  'maximum',
  'power',
];

/** The core's sum of one value and a multiple of another. */
const SCALED_SUM = 7;

/** The core's product of two values plus a third. */
const PRODUCT_SUM = 9;

/** The core's remainders, of which a factor that is not 0 makes those of a floor. */
const REMAINDER = 8;

/** A function as the core takes it, of every value or of a convolution's results. */
export function epilogueOf(where: string, operation: Of<'unary'>): Epilogue {
  const { a, b, channelA: channels } = operation;
  // Of a cosine, pi / 2 behind.
  if (operation.function === 'cos') return { op: UNARY.indexOf('sin'), a, b: 0.5, channels: null };
  const op = UNARY.indexOf(operation.function);
  if (operation.function === 'sin') return { op, a, b: 0, channels: null };
  // PyTorch's has a factor, and becomes straight from a value on.
  if (operation.function === 'softplus') return { op, a: 1, b: Number.POSITIVE_INFINITY, channels: null };
  if (operation.function !== 'hardsigmoid') return { op, a, b, channels };
  if (!(a > 0)) throw fault('UNSUPPORTED', where, 'a hard sigmoid that rises', `a slope of ${a}`);
  // Of the core: the x + b that lie between 0 and a, over a.
  return { op, a: 1 / a, b: b / a, channels: null };
}

export function unaryStep(call: StepCall, operation: Of<'unary'>): Compute {
  const { runtime, where } = call;
  const { op, a, b, channels } = epilogueOf(where, operation);
  const [shape] = shapesOf(call);
  const [outer, count, inner] =
    channels === null ? [1, 1, product(shape)] : aroundChannels(operation.layout, shape);
  return oneToOne((source, target) => {
    const own = channels === null ? 0 : stageParameters(runtime, where, channels);
    runtime.check(where, runtime.module.elementwise(op, outer, count, inner, a, b, own, source, 0, target));
  });
}

/** With `adds`, which only a product may, of three values: the last one is added to what the others give. */
export function binaryStep(call: StepCall, operation: Of<'binary'>, adds = false): Compute {
  const { function: name } = operation;
  if (adds) return broadcastStep(call, PRODUCT_SUM, 1);
  return name.endsWith('remainder')
    ? broadcastStep(call, REMAINDER, name === 'remainder' ? 0 : 1)
    : broadcastStep(call, BINARY.indexOf(name), 1);
}

/** One value plus a multiple of the other. */
export function scaledSumStep(call: StepCall, factor: number): Compute {
  return broadcastStep(call, SCALED_SUM, factor);
}

function broadcastStep(
  { where, runtime, inputShapes, outputShapes }: StepCall,
  op: number,
  factor: number,
): Compute {
  const whole = outputShapes[0] as Shape;
  const strides = inputShapes.slice(0, 2).map((shape) => repeatedStrides(shape, whole));
  const axes = collapsed({ extents: whole, strides });
  const struct = structOf([op, floatBits(factor), ...axesStruct(axes)]);
  return (inputs, outputs) => {
    const address = stageParameters(runtime, where, struct);
    const addend = op === PRODUCT_SUM ? (inputs[2] as number) : 0;
    runtime.module.broadcast(address, inputs[0] as number, inputs[1] as number, addend, outputs[0] as number);
  };
}
