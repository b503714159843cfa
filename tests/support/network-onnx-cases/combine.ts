// Of two.

import { int64s, node } from '../onnx-writer.js';
import { cases, one, scalar, w, weights } from './case.js';

for (const type of ['Add', 'Sub', 'Mul', 'Div']) {
  cases[type] = {
    inputs: { x: [2, 3, 4], z: [2, 3, 4] },
    parts: [node(type, ['x', 'z'], ['y'])],
    positive: true,
  };
  for (const shape of [[3, 1, 1], [1], [], [5], [2, 1, 4, 1], [1, 2, 3, 4, 5]]) {
    one(`${type} of [${shape}]`, type, [2, 3, 4, 5], {}, { w: (name) => weights(name, shape, 0.5, 1.5) });
  }
  one(
    `${type}, constant in front`,
    type,
    [2, 3, 4],
    {},
    { w: w(3, 1) },
    { order: ['w', 'x'], positive: true },
  );
}
cases['Add, both broadcast'] = {
  inputs: { x: [2, 1, 4, 1], z: [3, 1, 5] },
  parts: [node('Add', ['x', 'z'], ['y'])],
};
for (const exponent of [2, 0.5, -1, 1, 3, 1.7]) {
  one(`Pow ${exponent}`, 'Pow', [2, 3, 4], {}, { e: (name) => scalar(name, exponent) }, { positive: true });
}
one('Pow of integers', 'Pow', [2, 3, 4], {}, { e: (name) => int64s(name, [2], []) });
one('Pow by a list', 'Pow', [2, 3], {}, { e: w(3) }, { positive: true });
one('Mod of floats', 'Mod', [2, 3, 4], { fmod: 1 }, { w: w(3, 1) }, { factor: 20 });
one('Mod by a negative number', 'Mod', [2, 3, 4], { fmod: 1 }, { e: (name) => scalar(name, -0.3) });
cases['Mod of two'] = {
  inputs: { x: [2, 1, 4], z: [3, 1] },
  parts: [node('Mod', ['x', 'z'], ['y'], { fmod: 1 })],
};
for (const type of ['Min', 'Max', 'Sum', 'Mean']) {
  cases[type] = {
    inputs: { x: [2, 3, 4], z: [3, 1], u: [4] },
    parts: [node(type, ['x', 'z', 'u'], ['y'])],
  };
  one(`${type} of one`, type, [2, 3, 4]);
}
