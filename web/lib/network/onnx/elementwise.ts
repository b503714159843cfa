// Functions of every value, and of two.

import { product } from '../../core/lists.js';
import { isFloat } from '../../models/dtypes.js';
import { notFoldable } from '../../models/folding/folded.js';
import { axisOf } from '../../models/folding/shapes.js';
import { DTYPES } from '../../models/onnx/schema.js';
import { isFmod } from '../../models/onnx/value-rules.js';
import type { BinaryFunction, UnaryFunction } from '../operations.js';
import { floatsOf, type NodeRule, scalar, unary } from './node.js';

const plain =
  (name: UnaryFunction): NodeRule =>
  () =>
  (call) =>
    call.result(unary(name), [call.value(0)]);

/** With numbers that are attributes, and their defaults. */
const withParameters =
  (name: UnaryFunction, ...parameters: readonly (readonly [attribute: string, other: number])[]): NodeRule =>
  ({ node }) => {
    const [a = 0, b] = parameters.map(([attribute, other]) => node.float(attribute) ?? other);
    if (name === 'hardsigmoid' && !(a > 0)) notFoldable(`its alpha is ${a}`);
    return (call) => call.result(unary(name, a, b), [call.value(0)]);
  };

const binary =
  (name: BinaryFunction): NodeRule =>
  ({ inputs }) => {
    if (inputs.length !== 2) notFoldable(`it has ${inputs.length} inputs`);
    return (call) => call.result({ kind: 'binary', function: name }, [call.value(0), call.value(1)]);
  };

/** Integers of the file are carried as floats, and so is what is left of them. */
const remainder: NodeRule = (loaded) => {
  const { node, inputs } = loaded;
  return binary(isFmod(node, inputs[0]?.dtype ?? 'float32') ? 'remainder' : 'floor-remainder')(loaded);
};

/** Of one or more values, from the first to the last. */
const variadic =
  (name: BinaryFunction, mean = false): NodeRule =>
  () =>
  (call) => {
    if (call.count === 1) return call.pass();
    let total = call.value(0);
    for (let place = 1; place < call.count; place += 1) {
      const inputs = [total, call.value(place)];
      if (place + 1 === call.count && !mean) return call.result({ kind: 'binary', function: name }, inputs);
      total = call.step({ kind: 'binary', function: name }, inputs);
    }
    call.result({ kind: 'binary', function: 'multiply' }, [total, call.constant(scalar(1 / call.count))]);
  };

/** The powers that exporters write for what has an operation of its own. */
const power: NodeRule = ({ inputs: [, exponent] }) => {
  const list = exponent?.tensor ? floatsOf(exponent.tensor) : [];
  const single = list.length === 1 && exponent?.tensor?.shape.length === 0 ? list[0] : undefined;
  return (call) => {
    const x = call.value(0);
    if (single === 1) return call.pass();
    if (single === 2) return call.result({ kind: 'binary', function: 'multiply' }, [x, x]);
    if (single === 0.5) return call.result(unary('sqrt'), [x]);
    if (single === -1) return call.result(unary('reciprocal'), [x]);
    call.result({ kind: 'binary', function: 'power' }, [x, call.value(1)]);
  };
};

/** Attributes before opset 11, then inputs, either of which may be missing or computed. */
const clip: NodeRule = (loaded) => {
  const { node, opset } = loaded;
  const computed = [1, 2].some((place) => loaded.has(place) && !loaded.inputs[place]?.tensor);
  if (opset >= 11 && computed) {
    return (call) => {
      let x = call.value(0);
      if (call.has(1)) x = call.step({ kind: 'binary', function: 'maximum' }, [x, call.value(1)]);
      if (call.has(2)) x = call.step({ kind: 'binary', function: 'minimum' }, [x, call.value(2)]);
      call.give(0, x);
    };
  }
  const [low, high] =
    opset < 11
      ? [node.float('min'), node.float('max')]
      : [loaded.number(1, 'minimum'), loaded.number(2, 'maximum')];
  const [a, b] = [low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY];
  // Where the bounds cross the upper one counts.
  return (call) => call.result(unary('clamp', Math.min(a, b), b), [call.value(0)]);
};

/** A slope for all, for every channel, or of any shape that broadcasts. */
const parametricRelu: NodeRule = ({ inputs: [, slope] }) => {
  const zero = scalar(0);
  const known = slope?.tensor ? floatsOf(slope.tensor) : null;
  return (call) => {
    const [shape, extents] = [call.shape(0), call.shape(1)];
    if (known?.length === 1) return call.result(unary('leaky-relu', known[0]), [call.value(0)]);
    const axis = 1 + extents.length - shape.length;
    const perChannel =
      extents.every((extent, at) => extent === 1 || at === axis) && extents[axis] === shape[1];
    if (known !== null && perChannel) {
      return call.result(unary('leaky-relu', 0, 0, known), [call.value(0)]);
    }
    const [x, none] = [call.value(0), call.constant(zero)];
    const above = call.step({ kind: 'binary', function: 'maximum' }, [x, none]);
    const below = call.step({ kind: 'binary', function: 'minimum' }, [x, none]);
    const scaled = call.step({ kind: 'binary', function: 'multiply' }, [below, call.value(1)]);
    call.result({ kind: 'binary', function: 'add' }, [above, scaled]);
  };
};

const gelu: NodeRule = (loaded) => {
  const tanh = loaded.choice('approximate', ['none', 'tanh'], 'none') === 'tanh';
  return (call) => call.result(unary(tanh ? 'gelu-tanh' : 'gelu'), [call.value(0)]);
};

const swish: NodeRule = ({ node }) => {
  const alpha = node.float('alpha') ?? 1;
  const factor = scalar(alpha);
  return (call) => {
    const x = call.value(0);
    if (alpha === 1) return call.result(unary('silu'), [x]);
    const scaled = call.step({ kind: 'binary', function: 'multiply' }, [x, call.constant(factor)]);
    call.result({ kind: 'binary', function: 'multiply' }, [x, call.step(unary('sigmoid'), [scaled])]);
  };
};

const mish: NodeRule = () => (call) => {
  const x = call.value(0);
  const gate = call.step(unary('tanh'), [call.step(unary('softplus'), [x])]);
  call.result({ kind: 'binary', function: 'multiply' }, [x, gate]);
};

/** gamma * elu(x, alpha) */
const selu: NodeRule = ({ node }) => {
  const alpha = node.float('alpha') ?? 1.6732632;
  const gamma = scalar(node.float('gamma') ?? 1.050701);
  return (call) => {
    const bent = call.step(unary('elu', alpha), [call.value(0)]);
    call.result({ kind: 'binary', function: 'multiply' }, [bent, call.constant(gamma)]);
  };
};

/** alpha * elu(x / alpha, 1) */
const celu: NodeRule = ({ node }) => {
  const alpha = scalar(node.float('alpha') ?? 1);
  return (call) => {
    const factor = call.constant(alpha);
    const scaled = call.step({ kind: 'binary', function: 'divide' }, [call.value(0), factor]);
    const bent = call.step(unary('elu', 1), [scaled]);
    call.result({ kind: 'binary', function: 'multiply' }, [bent, factor]);
  };
};

/** Before opset 13 all axes from one on are a single one. */
const softmax =
  (logarithm: boolean): NodeRule =>
  ({ node, opset }) => {
    const given = node.integer('axis') ?? (opset < 13 ? 1 : -1);
    return (call) => {
      const shape = call.shape(0);
      const axis = axisOf(given, shape.length);
      if (opset >= 13 || axis === shape.length - 1) {
        return call.result({ kind: 'softmax', axis, logarithm }, [call.value(0)]);
      }
      const rows = [product(shape.slice(0, axis)), product(shape.slice(axis))];
      const flat = call.step({ kind: 'reshape', shape: rows }, [call.value(0)]);
      const spread = call.step({ kind: 'softmax', axis: 1, logarithm }, [flat]);
      call.result({ kind: 'reshape', shape }, [spread]);
    };
  };

/** Floats keep their values whatever their width; integers of the file are carried as floats. */
const cast: NodeRule = (loaded) => {
  const { node, inputs } = loaded;
  const like = node.type === 'CastLike' ? inputs[1] : undefined;
  const wanted =
    like === undefined ? DTYPES[node.integer('to') ?? 0] : (like?.tensor?.numeric ?? like?.dtype);
  if (wanted === undefined) return notFoldable('it casts to a type that is not known here');
  const from = inputs[0]?.tensor?.numeric ?? inputs[0]?.dtype;
  if (wanted !== from && !isFloat(wanted)) return notFoldable(`it casts values of the network to ${wanted}`);
  loaded.dtype = wanted;
  return (call) => call.pass();
};

export const ELEMENTWISE: Readonly<Record<string, NodeRule>> = {
  Relu: plain('relu'),
  Sigmoid: plain('sigmoid'),
  Tanh: plain('tanh'),
  Softplus: plain('softplus'),
  Softsign: plain('softsign'),
  HardSwish: plain('hardswish'),
  Abs: plain('abs'),
  Neg: plain('neg'),
  Exp: plain('exp'),
  Log: plain('log'),
  Sqrt: plain('sqrt'),
  Reciprocal: plain('reciprocal'),
  Sin: plain('sin'),
  Cos: plain('cos'),
  Floor: plain('floor'),
  Ceil: plain('ceil'),
  Round: plain('round'),
  Sign: plain('sign'),
  Erf: plain('erf'),
  LeakyRelu: withParameters('leaky-relu', ['alpha', 0.01]),
  Elu: withParameters('elu', ['alpha', 1]),
  HardSigmoid: withParameters('hardsigmoid', ['alpha', 0.2], ['beta', 0.5]),
  PRelu: parametricRelu,
  Clip: clip,
  Gelu: gelu,
  Swish: swish,
  Mish: mish,
  Selu: selu,
  Celu: celu,
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
  Add: binary('add'),
  Sub: binary('subtract'),
  Mul: binary('multiply'),
  Div: binary('divide'),
  Pow: power,
  Min: variadic('minimum'),
  Max: variadic('maximum'),
  Sum: variadic('add'),
  Mean: variadic('add', true),
};

/** Those that take values of any type, and of whole numbers give whole numbers. */
export const OF_ANY_TYPE: Readonly<Record<string, NodeRule>> = { Cast: cast, CastLike: cast, Mod: remainder };
