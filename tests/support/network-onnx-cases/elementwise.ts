// Functions of every value.

import { float, one, scalar, w } from './case.js';

for (const type of [
  'Relu',
  'Sigmoid',
  'Tanh',
  'Softplus',
  'Softsign',
  'HardSwish',
  'Abs',
  'Neg',
  'Exp',
  'Sin',
  'Cos',
  'Floor',
  'Ceil',
  'Round',
  'Sign',
  'Erf',
  'Gelu',
  'Mish',
  'LeakyRelu',
  'Elu',
  'HardSigmoid',
  'Selu',
  'Celu',
]) {
  one(type, type, [2, 3, 4, 5]);
}
for (const type of ['Sqrt', 'Log', 'Reciprocal']) one(type, type, [2, 3, 4], {}, {}, { positive: true });
one('LeakyRelu, alpha', 'LeakyRelu', [1, 3, 4], { alpha: float(0.3) });
one('Elu, alpha', 'Elu', [1, 3, 4], { alpha: float(0.7) });
one('Celu, alpha', 'Celu', [1, 3, 4], { alpha: float(0.7) });
one("HardSigmoid, PyTorch's", 'HardSigmoid', [1, 3, 8], { alpha: float(1 / 6) });
one('Gelu, tanh', 'Gelu', [1, 3, 8], { approximate: 'tanh' });
one('PRelu, [C, 1, 1]', 'PRelu', [2, 3, 4, 5], {}, { s: w(3, 1, 1) });
one('PRelu, single slope', 'PRelu', [2, 3, 4, 5], {}, { s: w(1) });
one('PRelu from the right', 'PRelu', [2, 3, 4, 3], {}, { s: w(3) });
one('PRelu of two axes', 'PRelu', [2, 3], {}, { s: w(3) });
one('PRelu, one for every value', 'PRelu', [2, 3, 4], {}, { s: w(3, 4) });
one('Clip', 'Clip', [2, 3, 4], {}, { l: (n) => scalar(n, -0.5), h: (n) => scalar(n, 0.75) });
one('Clip, no minimum', 'Clip', [2, 3, 4], {}, { h: (n) => scalar(n, 0.75) }, { order: ['x', '', 'h'] });
one('Clip, no maximum', 'Clip', [2, 3, 4], {}, { l: (n) => scalar(n, -0.5) });
one('Clip, neither', 'Clip', [2, 3, 4]);
one('Clip, opset 7', 'Clip', [2, 3, 4], { min: float(-0.5), max: float(0.5) }, {}, { opset: 7 });
one('Clip, opset 10, no maximum', 'Clip', [2, 3, 4], { min: float(-0.5) }, {}, { opset: 10 });
one('Clip, bounds that cross', 'Clip', [2, 3, 4], {}, { l: (n) => scalar(n, 1), h: (n) => scalar(n, -1) });
for (const [opset, axis] of [
  [12, 1],
  [12, 2],
  [12, -1],
  [13, 1],
  [13, -1],
  [13, 3],
] as const) {
  for (const type of ['Softmax', 'LogSoftmax']) {
    one(`${type}, opset ${opset}, axis ${axis}`, type, [2, 3, 4, 5], { axis }, {}, { opset });
  }
}
one('Softmax, opset 11, default', 'Softmax', [2, 3, 4], {}, {}, { opset: 11 });
one('Softmax, opset 13, default', 'Softmax', [2, 3, 4]);
