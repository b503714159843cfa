// What exporters write around them.

import { definition, floats, initializer, input, int64s, node, tensorValue } from '../onnx-writer.js';
import { cases, scalar, weights } from './case.js';

cases['a size computed from the size of another value'] = {
  inputs: { x: [1, 2, 3, 4], z: [1, 2, 7, 9] },
  declared: { x: ['n', 2, 'h', 'w'], z: ['n', 2, 'hh', 'ww'] },
  parts: [
    node('Shape', ['z'], ['zs']),
    node('Shape', ['x'], ['xs']),
    int64s('two', [2], [1]),
    int64s('zero', [0], [1]),
    int64s('four', [4], [1]),
    node('Slice', ['zs', 'two', 'four', 'zero'], ['spatial']),
    node('Slice', ['xs', 'zero', 'two', 'zero'], ['front']),
    node('Cast', ['spatial'], ['s32'], { to: 6 }),
    node('Cast', ['s32'], ['s64'], { to: 7 }),
    node('Concat', ['front', 's64'], ['size'], { axis: 0 }),
    node('Resize', ['x', '', '', 'size'], ['y'], {
      mode: 'linear',
      coordinate_transformation_mode: 'align_corners',
    }),
  ],
};
cases['a flat shape made of Shape, Gather, Mul and Concat'] = {
  inputs: { x: [2, 3, 4, 5] },
  declared: { x: ['n', 'c', 'h', 'w'] },
  parts: [
    node('Shape', ['x'], ['s']),
    int64s('i0', [0], []),
    int64s('i2', [2], []),
    int64s('i3', [3], []),
    int64s('axis', [0]),
    node('Gather', ['s', 'i0'], ['n']),
    node('Gather', ['s', 'i2'], ['h']),
    node('Gather', ['s', 'i3'], ['w']),
    node('Mul', ['h', 'w'], ['hw']),
    node('Unsqueeze', ['n', 'axis'], ['n1']),
    node('Unsqueeze', ['hw', 'axis'], ['hw1']),
    int64s('rest', [-1]),
    node('Concat', ['n1', 'rest', 'hw1'], ['shape'], { axis: 0 }),
    node('Reshape', ['x', 'shape'], ['y']),
  ],
};
cases['pads as PyTorch computes them'] = {
  inputs: { x: [1, 2, 4, 5] },
  declared: { x: ['n', 2, 'h', 'w'] },
  parts: [
    int64s('given', [1, 2, 3, 1]),
    int64s('rank', [4], [1]),
    node('Shape', ['given'], ['count']),
    int64s('eight', [8], [1]),
    node('Sub', ['eight', 'count'], ['missing']),
    node('ConstantOfShape', ['missing'], ['zeros'], {
      value: tensorValue('int64', [1], BigInt64Array.of(0n)),
    }),
    node('Concat', ['given', 'zeros'], ['all'], { axis: 0 }),
    int64s('square', [-1, 2]),
    node('Reshape', ['all', 'square'], ['pairs']),
    int64s('minus', [-1]),
    int64s('least', [-9223372036854775000]),
    int64s('zero', [0]),
    node('Slice', ['pairs', 'minus', 'least', 'zero', 'minus'], ['turned']),
    node('Transpose', ['turned'], ['columns'], { perm: [1, 0] }),
    node('Reshape', ['columns', 'minus'], ['flat']),
    node('Cast', ['flat'], ['pads'], { to: 7 }),
    node('Pad', ['x', 'pads'], ['y'], { mode: 'reflect' }),
  ],
};
cases['a scale that Cast, Div and Floor make'] = {
  inputs: { x: [1, 2, 5, 6] },
  declared: { x: [1, 2, 'h', 'w'] },
  parts: [
    node('Shape', ['x'], ['s']),
    node('Cast', ['s'], ['f'], { to: 1 }),
    floats('by', [4], [1, 1, 0.5, 0.5]),
    node('Mul', ['f', 'by'], ['half']),
    node('Floor', ['half'], ['floored']),
    node('Cast', ['floored'], ['size'], { to: 7 }),
    node('Resize', ['x', '', '', 'size'], ['y'], { mode: 'linear' }),
  ],
};
cases['Expand to a shape that Where and Equal choose'] = {
  inputs: { x: [1, 3, 1] },
  parts: [
    int64s('wanted', [2, -1, 4]),
    int64s('any', [-1, -1, -1]),
    int64s('ones', [1, 1, 1]),
    node('Equal', ['wanted', 'any'], ['open']),
    node('Where', ['open', 'ones', 'wanted'], ['shape']),
    node('Expand', ['x', 'shape'], ['y']),
  ],
};
cases['a size through an Identity, computed with'] = {
  inputs: { x: [1, 2, 6, 4] },
  declared: { x: ['n', 'c', 'h', 'w'] },
  parts: [
    node('Shape', ['x'], ['s']),
    node('Identity', ['s'], ['same']),
    int64s('by', [1, 1, 2, 3]),
    node('Mul', ['same', 'by'], ['size']),
    node('Cast', ['size'], ['f'], { to: 1 }),
    node('Identity', ['f'], ['g']),
    node('Cast', ['g'], ['whole'], { to: 7 }),
    node('Resize', ['x', '', '', 'whole'], ['y'], { mode: 'linear' }),
  ],
};
cases['numbers of a Range and a ConstantOfShape, added'] = {
  inputs: { x: [2, 3] },
  declared: { x: ['n', 'm'] },
  parts: [
    node('Shape', ['x'], ['s']),
    int64s('i1', [1], []),
    node('Gather', ['s', 'i1'], ['m']),
    int64s('i0', [0], []),
    node('Range', ['i0', 'm', 'i1'], ['r']),
    node('Cast', ['r'], ['rf'], { to: 1 }),
    node('ConstantOfShape', ['s'], ['zeros']),
    node('Add', ['rf', 'zeros'], ['grid']),
    node('Add', ['x', 'grid'], ['y']),
  ],
};
cases['NHWC with Transposes around a layer'] = {
  inputs: { x: [1, 5, 6, 3] },
  parts: [
    weights('w', [4, 3, 3, 3]),
    node('Transpose', ['x'], ['a'], { perm: [0, 3, 1, 2] }),
    node('Conv', ['a', 'w'], ['b']),
    node('Transpose', ['b'], ['c'], { perm: [0, 2, 3, 1] }),
    node('Relu', ['c'], ['y']),
  ],
};
cases['weights that are inputs too, of Constant nodes, and used twice'] = {
  inputs: { x: [1, 3, 6, 6] },
  version: 3,
  opset: 8,
  parts: [
    input('w', [3, 3, 3, 3]),
    weights('w', [3, 3, 3, 3]),
    node('Constant', [], ['b'], { value: tensorValue('float32', [3], Float32Array.of(1, -2, 3)) }),
    node('Conv', ['x', 'w', 'b'], ['a'], { pads: [1, 1, 1, 1] }),
    node('Conv', ['a', 'w', 'b'], ['y']),
  ],
};
cases['names with slashes, dead branches, Identity and Dropout in between'] = {
  inputs: { x: [1, 3, 4] },
  parts: [
    node('Identity', ['x'], ['/m/a']),
    node('Hardmax', ['/m/a'], ['/dead/branch']),
    node('Dropout', ['/m/a'], ['/m/b', '']),
    node('Relu', ['/m/b'], ['/m/c']),
    node('Identity', ['/m/c'], ['y']),
  ],
};
cases['outputs that are an input, a constant and a value twice'] = {
  inputs: { x: [2, 3] },
  outputs: ['y', 'i', 'c', 'd'],
  parts: [
    weights('k', [2]),
    node('Relu', ['x'], ['y']),
    node('Identity', ['x'], ['i']),
    node('Identity', ['k'], ['c']),
    node('Identity', ['y'], ['d']),
  ],
};
cases['a zero that protobuf leaves out'] = {
  inputs: { x: [2, 3] },
  parts: [node('LeakyRelu', ['x'], ['y'], { alpha: { omitted: 1 } })],
};
cases['functions of the model, with an attribute and an input left out'] = {
  inputs: { x: [2, 3] },
  functions: [
    definition(
      'Twice',
      ['a', 'slope'],
      ['b'],
      [node('Add', ['a', 'a'], ['sum']), node('Once', ['sum'], ['b'], {}, 'own')],
    ),
    definition('Once', ['a', 'low'], ['b'], [node('Clip', ['a', 'low'], ['b'])]),
  ],
  parts: [node('Twice', ['x'], ['h'], {}, 'own'), node('Twice', ['h'], ['y'], {}, 'own')],
};
const halves = (name: string) =>
  initializer(name, 'float16', [2, 3, 1, 1], Uint16Array.of(0x3c00, 0xbc00, 0x4000, 0x3800, 0x3555, 0xc200));
cases['float16 weights behind a Cast'] = {
  inputs: { x: [1, 3, 4, 4] },
  parts: [halves('h'), node('Cast', ['h'], ['w'], { to: 1 }), node('Conv', ['x', 'w'], ['y'])],
};
cases['int8 weights by channel'] = {
  inputs: { x: [1, 3, 4, 4] },
  parts: [
    initializer('q', 'int8', [2, 3, 1, 1], Int8Array.of(1, -128, 127, 5, -6, 7)),
    floats('s', [2], [0.5, 0.25]),
    initializer('z', 'int8', [2], Int8Array.of(0, 3)),
    node('DequantizeLinear', ['q', 's', 'z'], ['w'], { axis: 0 }),
    node('Conv', ['x', 'w'], ['y']),
  ],
};
cases['float weights that pass a quantize pair'] = {
  inputs: { x: [1, 3, 4, 4] },
  parts: [
    weights('f', [2, 3, 1, 1]),
    scalar('s', 0.02),
    initializer('z', 'int8', [], Int8Array.of(2)),
    node('QuantizeLinear', ['f', 's', 'z'], ['q']),
    node('DequantizeLinear', ['q', 's', 'z'], ['w']),
    node('Conv', ['x', 'w'], ['y']),
  ],
};
cases['weights quantized in blocks'] = {
  inputs: { x: [2, 4] },
  parts: [
    initializer('q', 'int8', [4, 2], Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
    floats('s', [2, 2], [0.5, 0.25, 1, 2]),
    node('DequantizeLinear', ['q', 's'], ['w'], { axis: 0, block_size: 2 }),
    node('MatMul', ['x', 'w'], ['y']),
  ],
};
for (const [type, values] of [
  ['uint8', Uint8Array.of(128)],
  ['int8', Int8Array.of(-5)],
] as const) {
  cases[`a quantize pair around values, ${type}`] = {
    inputs: { x: [2, 3, 4, 4] },
    parts: [
      scalar('s', 0.019),
      initializer('z', type, [], values),
      node('QuantizeLinear', ['x', 's', 'z'], ['q']),
      node('MaxPool', ['q'], ['p'], { kernel_shape: [2, 2] }),
      node('Transpose', ['q'], ['t'], { perm: [0, 2, 3, 1] }),
      node('DequantizeLinear', ['t', 's', 'z'], ['y']),
    ],
  };
}
cases['a quantize pair by channel, without zero points'] = {
  inputs: { x: [2, 3, 4, 4] },
  parts: [
    floats('s', [3], [0.01, 0.02, 0.05]),
    initializer('z', 'uint8', [3], Uint8Array.of(0, 128, 200)),
    node('QuantizeLinear', ['x', 's', 'z'], ['q'], { axis: 1 }),
    node('DequantizeLinear', ['q', 's', 'z'], ['y'], { axis: -3 }),
  ],
};
cases.Snake = {
  inputs: { x: [1, 3, 10] },
  parts: [
    weights('a', [1, 3, 1], 0.5, 1.5),
    floats('e', [], [1e-9]),
    scalar('two', 2),
    node('Mul', ['x', 'a'], ['ax']),
    node('Sin', ['ax'], ['sin']),
    node('Pow', ['sin', 'two'], ['square']),
    node('Add', ['a', 'e'], ['ae']),
    node('Reciprocal', ['ae'], ['r']),
    node('Mul', ['r', 'square'], ['term']),
    node('Add', ['x', 'term'], ['y']),
  ],
};
