// What networks of ONNX files do not run is said when they are loaded, all of it at once, in words; what does not go
// with the sizes of a call, when it is called.

import { init } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectError, rejection } from '../support/errors.js';
import { bytesOf, type NetworkCase } from '../support/network-onnx-cases/index.js';
import {
  floats,
  initializer,
  input,
  int64s,
  node,
  onnx,
  output,
  type Write,
} from '../support/onnx-writer.js';

beforeAll(async () => {
  await init();
});

const network = (parts: readonly Write[], rest: Partial<NetworkCase> = {}) =>
  bytesOf({ parts, inputs: { x: [1, 2, 4, 4] }, ...rest });
const one = (
  type: string,
  attributes: Parameters<typeof node>[3] = {},
  constants: readonly Write[] = [],
  inputs: readonly string[] = ['x'],
  opset = 21,
) => network([...constants, node(type, inputs, ['y'], attributes)], { opset });

const scale = [1, 2, 3, 4].map((place) => floats(`p${place}`, [2], [1, 1]));
const places = ['x', 'p1', 'p2', 'p3', 'p4'];
const scales = floats('s', [4], [1, 1, 2, 2]);

describe('refused with what can be run instead', () => {
  const parts = [
    floats('w', [1, 2, 1, 1], [1, 2]),
    node('Conv', ['x', 'w'], ['logits']),
    node('Relu', ['logits'], ['feature']),
    node('ArgMax', ['logits'], ['classes'], { axis: 1 }),
    node('Warp', ['feature', 'x'], ['warped'], {}, 'com.example'),
    node('Abs', ['warped'], ['beyond']),
    node('Warp', ['beyond'], ['y'], {}, 'com.example'),
  ];

  it('names the values in front of all such nodes, and runs those', async () => {
    const bytes = network([...parts, node('Cast', ['classes'], ['z'], { to: 1 })], { outputs: ['y', 'z'] });
    const error = await rejection(() => loadNetwork(bytes));
    expectError(error, 'UNSUPPORTED', 'loadNetwork');
    const { outputs } = error.detail as { readonly outputs: readonly string[] };
    expect([...outputs].sort()).toEqual(['feature', 'logits']);
    expect(error.message).toMatch(/load it with outputs: \["(feature", "logits|logits", "feature)"\]\.$/);
    const part = await loadNetwork(bytes, { outputs });
    const results = part.run({ x: { data: new Float32Array(32).fill(-1), shape: [1, 2, 4, 4] } });
    expect([results.logits?.data[0], results.feature?.data[0]]).toEqual([-3, 0]);
    part.dispose();
  });

  it('names none where there is none', async () => {
    const error = await rejection(() => loadNetwork(one('Warp')));
    expect(error.detail).toMatchObject({ outputs: [] });
    expect(error.message).toMatch(/detail\.nodes lists all\.$/);
  });
});

describe('refused when loaded', () => {
  it.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
    ['a recurrent cell', one('LSTM', {}, [floats('w', [1], [1])], ['x', 'w', 'w']), /no such operator/],
    ['control flow', one('If', { then_branch: { graph: [] } }), /no such operator/],
    ['an operator of nobody', network([node('Warp', ['x'], ['y'], {}, 'com.example')]), /no such operator/],
    ['a weight that is computed', one('Conv', {}, [], ['x', 'x']), /weight is no constant/],
    ['a bias of another length', one('Conv', {}, [floats('w', [3, 2, 1, 1], [1, 2, 3, 4, 5, 6]), floats('b', [2], [1, 2])], ['x', 'w', 'b']), /2 values for 3 channels/],
    ['a norm of fewer summands than scales', one('InstanceNormalization', {}, [floats('s', [2], [1, 1]), floats('b', [1], [1])], ['x', 's', 'b']), /2 scales and 1 summands/],
    ['a norm of groups and of neither', one('GroupNormalization', { num_groups: 1 }, [floats('s', [2], [1, 1]), floats('b', [3], [1, 1, 1])], ['x', 's', 'b'], 18), /2 scales and 3 summands/],
    ['a norm of another shape of summands', one('LayerNormalization', {}, [floats('s', [4], [1, 1, 1, 1]), floats('b', [3], [1, 1, 1])], ['x', 's', 'b']), /of different shapes/],
    ['a batch norm of other means', one('BatchNormalization', {}, [...scale.slice(0, 3), floats('p4', [1], [1])], places), /not one for each channel/],
    ['a product and another summand', one('Gemm', { transB: 1 }, [floats('w', [2, 4], Array(8).fill(1)), floats('c', [4], [1, 2, 3, 4])], ['x', 'w', 'c']), /adds 4 values to 2 columns/],
    ['a product with what is no matrix', one('Gemm', {}, [floats('w', [4], [1, 1, 1, 1])], ['x', 'w']), /no matrices/],
    ['a rest of floats by the rule for integers', one('Mod', {}, [floats('w', [1], [3])], ['x', 'w']), /its fmod is 0, for float32/],
    ['a rest by no rule', one('Mod', { fmod: 2 }, [floats('w', [1], [3])], ['x', 'w']), /its fmod is 2/],
    ['strides of 0', one('Conv', { strides: [0, 1] }, [floats('w', [1, 2, 1, 1], [1, 2])], ['x', 'w']), /strides/],
    ['a batch norm in training', one('BatchNormalization', { training_mode: 1 }, scale, places), /training/],
    ['a batch norm that gives statistics', network([...scale, node('BatchNormalization', places, ['y', 'm', 'v', 'n', 'w'])], { opset: 9 }), /training/],
    ['a batch norm of every point', one('BatchNormalization', { spatial: 0 }, scale, places, 8), /every point/],
    ['statistics of a norm', network([floats('s', [4], [1, 1, 1, 1]), node('LayerNormalization', ['x', 's'], ['z', 'y'])]), /its output "y"/],
    ['places of a maximum', network([node('MaxPool', ['x'], ['z', 'y'], { kernel_shape: [2, 2] })]), /its output "y"/],
    ['a dropout in training', one('Dropout', {}, [initializer('t', 'bool', [], Uint8Array.of(1))], ['x', '', 't']), /training/],
    ['antialiasing', one('Resize', { antialias: 1, mode: 'linear' }, [scales], ['x', '', 's']), /antialias/],
    ['a coordinate mode of nobody', one('Resize', { coordinate_transformation_mode: 'bent' }, [scales], ['x', '', 's']), /coordinate_transformation_mode is bent/],
    ['a pad mode of nobody', one('Pad', { mode: 'bounce' }, [int64s('p', Array(8).fill(0))], ['x', 'p']), /mode is bounce/],
    ['a cast to integers', one('Cast', { to: 7 }), /int64/],
    ['arithmetic of integers', onnx([input('x', [2], 'int32'), node('Add', ['x', 'x'], ['y']), output('y')]), /int32 values of "x"/],
    ['a quantization in blocks', network([floats('s', [1, 1, 4, 4], Array(16).fill(1)), node('QuantizeLinear', ['x', 's'], ['q'], { axis: 1, block_size: 2 }), node('DequantizeLinear', ['q', 's'], ['y'], { axis: 1, block_size: 2 })]), /every block/],
    ['other zero points than scales', one('QuantizeLinear', {}, [floats('s', [], [1]), initializer('z', 'uint8', [3], new Uint8Array(3))], ['x', 's', 'z']), /other zero points than scales/],
    ['an addition of one', one('Add'), /it has 1 inputs/],
    ['an addition of three', one('Add', {}, [], ['x', 'x', 'x']), /it has 3 inputs/],
    ['a sigmoid of lines that fall', one('HardSigmoid', { alpha: { float: -0.4 } }), /its alpha is -0.4/],
    ['an order that has an axis twice', one('Transpose', { perm: [0, 0, 1, 2] }), /it names an axis twice/],
    ['an order of an axis that is none', one('Transpose', { perm: [0, 4, 1, 2] }), /it has no axis 4/],
    ['squares that are not summed', one('ReduceSumSquare', { noop_with_empty_axes: 1 }), /it reduces nothing/],
    ['absolute values of no axes', one('ReduceL1', { noop_with_empty_axes: 1 }, [int64s('a', [])], ['x', 'a']), /it reduces nothing/],
    ['squares of constants that are not summed', network([floats('c', [4], [1, 2, 3, 4]), node('ReduceSumSquare', ['c'], ['t'], { noop_with_empty_axes: 1 }), node('Add', ['x', 't'], ['y'])]), /it reduces nothing/],
    ['a scale below 0', one('Resize', {}, [floats('s', [4], [1, 1, 2, -1])], ['x', '', 's']), /scales are not all above 0/],
    ['a scale below 0 in an attribute', one('Upsample', { scales: { floats: [1, 1, 0, 1] } }, [], ['x'], 7), /scales are not all above 0/],
    ['a size of 0', one('Resize', {}, [int64s('s', [1, 2, 4, 0])], ['x', '', '', 's']), /sizes are not all above 0/],
    ['a resize by nothing', one('Resize'), /neither scales nor sizes/],
    ['scales for other axes', one('Resize', { axes: [2, 3] }, [scales], ['x', '', 's']), /4 numbers for 2 axes/],
    ['a part that is left out', one('Resize', { coordinate_transformation_mode: 'tf_crop_and_resize' }, [scales], ['x', '', 's']), /roi does not fit/],
    ['a part of fewer axes', one('Resize', { coordinate_transformation_mode: 'tf_crop_and_resize' }, [floats('r', [4], [0, 0, 1, 1]), scales], ['x', 'r', 's']), /roi does not fit/],
    ['a part that ends before it begins', one('Resize', { coordinate_transformation_mode: 'tf_crop_and_resize' }, [floats('r', [8], [0, 0, 0.5, 0, 1, 1, 0.25, 1]), scales], ['x', 'r', 's']), /roi does not fit/],
    ['a step of 0', one('Slice', {}, [int64s('o', [0])], ['x', 'o', 'o', 'o', 'o']), /step/],
    ['starts without ends', one('Slice', {}, [int64s('o', [0]), int64s('e', [1, 2])], ['x', 'o', 'e']), /different lengths/],
    ['pads of one end', one('Pad', {}, [int64s('p', [1, 1, 1])], ['x', 'p']), /pads do not fit/],
    ['more parts than sizes', network([int64s('s', [1, 1]), node('Split', ['x', 's'], ['y'], { axis: 1 })]), /parts do not fit/],
    ['pads as wide as the kernel of a maximum', one('MaxPool', { kernel_shape: [2, 2], pads: [0, 0, 0, 2] }), /pads of 2, and windows of 2/],
    ['pads wider than the kernel of a mean', one('AveragePool', { kernel_shape: [1, 3], pads: [0, 4, 0, 0] }), /pads of 4, and windows of 3/],
    ['an operator of constants alone', network([floats('c', [4, 4], Array(16).fill(1)), node('Trilu', ['c'], ['t']), node('Add', ['x', 't'], ['y'])]), /no such operator/],
    ['operators that meant something else', one('Add', { broadcast: 1, axis: 1 }, [floats('w', [2], [1, 2])], ['x', 'w'], 4), /opset 4/],
  ])('%s', async (_, bytes, reason) => {
    const error = await rejection(() => loadNetwork(bytes));
    expectError(error, 'UNSUPPORTED', 'loadNetwork');
    const nodes = error.detail.nodes as readonly Record<'name' | 'type' | 'reason', string>[];
    expect(nodes[0]?.reason).toMatch(reason);
    expect(error.message).toContain(nodes[0]?.reason);
  }); // biome-ignore format: a table

  it.each([[[1, 1, 1, 1, 4]], [[5]], [[3, 1]], [[2, 4]]])(
    'scales of shape %j of a layer norm',
    async (shape) => {
      const count = shape.reduce((product, extent) => product * extent);
      const scales = floats('s', shape, Array(count).fill(1));
      const error = await rejection(() => loadNetwork(one('LayerNormalization', {}, [scales], ['x', 's'])));
      expectError(error, 'BAD_SHAPE', 'Network');
      expect(error.message).toMatch(/LayerNormalization.*its numbers do not fit its input/);
    },
  );

  it('all nodes at once, and of those only what the wanted outputs need', async () => {
    const bytes = network([
      node('Relu', ['x'], ['a']),
      node('LSTM', ['a'], ['b']),
      node('Hardmax', ['a'], ['c']),
      node('Add', ['b', 'c'], ['y']),
      node('Einsum', ['a'], ['dead']),
    ]);
    const error = await rejection(() => loadNetwork(bytes));
    expectError(error, 'UNSUPPORTED', 'loadNetwork');
    expect(error.detail.nodes).toMatchObject([
      { name: 'c', type: 'Hardmax' },
      { name: 'b', type: 'LSTM' },
    ]);
    using net = await loadNetwork(bytes, { outputs: ['a'] });
    const x = { data: new Float32Array(32).fill(-1), shape: [1, 2, 4, 4] };
    expect(net.run({ x }).a?.data).toEqual(new Float32Array(32));
    expectError(
      await rejection(() => loadNetwork(bytes, { outputs: ['none'] })),
      'BAD_OPTION',
      'loadNetwork',
    );
  });

  it.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
    ['an integer for a float', one('LeakyRelu', { alpha: 2 }), /"alpha" of "y" to be a float, got "an integer"/],
    ['a float for an integer', one('Softmax', { axis: { float: 1 } }), /"axis" of "y" to be an integer, got "a float"/],
    ['a text for a float', one('Elu', { alpha: 'x' }), /to be a float, got "a text"/],
    ['a list for an integer', one('Concat', { axis: [0] }), /to be an integer, got "integers"/],
    ['an integer for a list', one('Transpose', { perm: 1 }), /to be integers, got "an integer"/],
    ['one by its field alone', one('Elu', { alpha: { untyped: 2 } }), /to be a float, got "an integer"/],
    ['one of a type of nobody', one('Elu', { alpha: { omitted: 40 } }), /to be a float, got "another type"/],
  ])('an attribute that is another: %s', async (_, bytes, reason) => {
    const error = await rejection(() => loadNetwork(bytes));
    expect(error.code).toBe('BAD_MODEL');
    expect(error.message).toMatch(reason);
  }); // biome-ignore format: a table

  it('a node two of whose outputs are not computed is one', async () => {
    const norm = node('LayerNormalization', ['x', 's'], ['z', 'mean', 'inverse']);
    const bytes = network([floats('s', [4], [1, 1, 1, 1]), norm, node('Add', ['mean', 'inverse'], ['y'])]);
    const error = await rejection(() => loadNetwork(bytes));
    expectError(error, 'UNSUPPORTED', 'loadNetwork');
    expect(error.detail.nodes).toHaveLength(1);
    expect(error.message).not.toMatch(/more nodes/);
  });

  it.each<[string, readonly Write[]]>([
    ['values', [node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])]],
    ['outputs of one node', [node('Split', ['x'], ['y', 'y'], { axis: 1 })]],
    ['inputs', [input('y', [2]), input('y', [2]), node('Relu', ['x'], ['z'])]],
    ['constants', [floats('y', [1], [1]), floats('y', [1], [2]), node('Add', ['x', 'y'], ['z'])]],
    ['values, an input and what a node makes,', [input('y', [2]), node('Relu', ['x'], ['y'])]],
    ['values, a constant and what a node makes,', [floats('y', [1], [1]), node('Relu', ['x'], ['y'])]],
  ])('two %s of one name', async (_, parts) => {
    const error = await rejection(() => loadNetwork(network(parts)));
    expect(error.code).toBe('BAD_MODEL');
    expect(error.message).toMatch(/each name once, got "y"/);
  });

  it('an input whose default is of another type', async () => {
    const parts = [input('c', [1], 'int64'), floats('c', [1], [2]), node('Add', ['x', 'c'], ['y'])];
    const error = await rejection(() => loadNetwork(network(parts)));
    expectError(error, 'BAD_MODEL', 'loadNetwork');
    expect(error.message).toMatch(/"c" of the type of its input \(int64\), got "float32"/);
    const same = network([input('c', [1]), ...parts.slice(1)]);
    using net = await loadNetwork(same);
    expect(net.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  it('files that are none', async () => {
    const circle = network([
      node('Add', ['x', 'b'], ['a']),
      node('Relu', ['a'], ['b']),
      node('Relu', ['b'], ['y']),
    ]);
    expectError(await rejection(() => loadNetwork(circle)), 'BAD_MODEL', 'loadNetwork');
    expectError(
      await rejection(() => loadNetwork(one('Relu', {}, [], ['missing']))),
      'BAD_MODEL',
      'loadNetwork',
    );
    expectError(
      await rejection(() => loadNetwork(onnx([node('Relu', ['x'], ['y'])]))),
      'BAD_MODEL',
      'loadNetwork',
    );
    const texts = onnx([input('x', [2], 'string'), node('Identity', ['x'], ['y']), output('y')]);
    expectError(await rejection(() => loadNetwork(texts)), 'UNSUPPORTED', 'loadNetwork');
  });
});

describe('refused when called', () => {
  const anywhere = { declared: { x: ['n', 'c', 'h', 'w'] } };
  it.each<[string, readonly Write[], readonly number[], RegExp]>([
    ['a reflection as long as the axis', [int64s('p', [0, 0, 3, 0, 0, 0, 0, 0]), node('Pad', ['x', 'p'], ['y'], { mode: 'reflect' })], [1, 2, 3, 5], /reflect/],
    ['a shape of another number of values', [int64s('s', [3, -1]), node('Reshape', ['x', 's'], ['y'])], [1, 2, 4, 4], /Reshape/],
    ['a slice of nothing', [int64s('s', [4]), int64s('e', [9]), int64s('a', [2]), node('Slice', ['x', 's', 'e', 'a'], ['y'])], [1, 2, 4, 4], /no values/],
    ['channels of another layer', [floats('w', [1, 2, 1, 1], [1, 2]), node('Conv', ['x', 'w'], ['y'])], [1, 3, 4, 4], /"y" \(Conv\)/],
    ['a kernel larger than its input', [floats('w', [1, 2, 5, 1], Array(10).fill(1)), node('Conv', ['x', 'w'], ['y'])], [1, 2, 4, 4], /Conv/],
    ['indices outside of an axis', [int64s('i', [0, 1, -5]), node('Gather', ['x', 'i'], ['y'], { axis: 2 })], [1, 2, 4, 4], /not within an axis of 4/],
    ['no indices', [int64s('i', []), node('Gather', ['x', 'i'], ['y'], { axis: 2 })], [1, 2, 4, 4], /not within an axis of 4/],
    ['an axis that its parts do not divide', [node('Split', ['x'], ['y', 'z'], { axis: 1 })], [1, 3, 4, 4], /do not fit/],
    ['shapes that do not broadcast', [floats('w', [3], [1, 2, 3]), node('Mul', ['x', 'w'], ['y'])], [1, 2, 4, 4], /broadcast/],
    ['a size that is not above 0', [node('Shape', ['x'], ['s']), int64s('m', [1, 1, 1, -1]), node('Mul', ['s', 'm'], ['t']), node('Resize', ['x', '', '', 't'], ['y'])], [1, 2, 4, 4], /sizes are not all above 0/],
    ['other scales than an axis has entries', [floats('s', [3], [1, 1, 1]), node('QuantizeLinear', ['x', 's'], ['q'], { axis: 1 }), node('DequantizeLinear', ['q', 's'], ['y'], { axis: 1 })], [1, 1, 4, 4], /3 scales do not fit its shape \[1, 1, 4, 4\]/],
    ['another number of axes', [floats('w', [1, 2, 1, 1], [1, 2]), node('Conv', ['x', 'w'], ['y'])], [1, 2, 4], /axes/],
  ])('%s', async (_, parts, shape, reason) => {
    const rank = shape.length === 4 ? anywhere : { declared: { x: ['n', 'c', 'h'] } };
    using net = await loadNetwork(network(parts, rank));
    const data = new Float32Array(shape.reduce((all, extent) => all * extent, 1));
    const error = await rejection(async () => net.run({ x: { data, shape } }));
    expect(error.code).toBe('BAD_SHAPE');
    expect(error.message).toMatch(reason);
    expect(error.message).toMatch(/expected .*, got /);
  }); // biome-ignore format: a table

  it('a shape that follows from values', async () => {
    const parts = [
      node('Gather', ['x', 'i'], ['s']),
      int64s('i', [0], []),
      node('Expand', ['k', 's'], ['y']),
      floats('k', [1], [1]),
    ];
    using net = await loadNetwork(network(parts, { inputs: { x: [2] }, declared: { x: ['n'] } }));
    const error = await rejection(async () => net.run({ x: { data: new Float32Array(2), shape: [2] } }));
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.message).toMatch(/values of "s"/);
  });

  it('an input without values', async () => {
    using net = await loadNetwork(network([node('Relu', ['x'], ['y'])], anywhere));
    const error = await rejection(async () =>
      net.run({ x: { data: new Float32Array(0), shape: [1, 0, 4, 4] } }),
    );
    expect(error.code).toBe('BAD_SHAPE');
  });

  it('sizes computed beyond any memory, before it is asked for', async () => {
    const parts = [int64s('s', [1, 2, 4 * 2 ** 14, 4 * 2 ** 14]), node('Expand', ['x', 's'], ['y'])];
    using net = await loadNetwork(network(parts, anywhere));
    const error = await rejection(async () =>
      net.run({ x: { data: new Float32Array(2), shape: [1, 2, 1, 1] } }),
    );
    expect(error.code).toBe('TOO_LARGE');
  });
});

describe('refused when loaded, of a file that fixes all sizes', () => {
  it.each<[string, readonly Write[], RegExp]>([
    ['slopes for other channels', [floats('w', [3, 1, 1], [1, 2, 3]), node('PRelu', ['x', 'w'], ['y'])], /"y" \(PRelu\)/],
    ['channels of another layer', [floats('w', [1, 3, 1, 1], [1, 2, 3]), node('Conv', ['x', 'w'], ['y'])], /"y" \(Conv\)/],
    ['a batch norm of other channels', [3, 4, 5, 6].map((place) => floats(`p${place - 2}`, [3], [1, 1, 1])).concat(node('BatchNormalization', places, ['y'])), /"y" \(BatchNormalization\)/],
    ['scales of other channels', [floats('s', [3], [1, 1, 1]), node('QuantizeLinear', ['x', 's'], ['q'], { axis: 1 }), node('DequantizeLinear', ['q', 's'], ['y'], { axis: 1 })], /3 scales do not fit/],
  ])('%s', async (_, parts, reason) => {
    const error = await rejection(() => loadNetwork(network(parts)));
    expect(error.code).toBe('BAD_SHAPE');
    expect(error.message).toMatch(reason);
    // What is in front of it can be had.
    using net = await loadNetwork(network([...parts, node('Relu', ['x'], ['r'])]), { outputs: ['r'] });
    expect(net.outputs).toHaveLength(1);
  }); // biome-ignore format: a table
});

it('a resize whose tables the heap does not hold is refused before they are made', async () => {
  for (const mode of ['nearest', 'linear', 'cubic']) {
    const parts = [floats('s', [3], [1, 1, 2e8]), node('Resize', ['x', '', 's'], ['y'], { mode })];
    using net = await loadNetwork(bytesOf({ parts, inputs: { x: [1, 1, 2] } }));
    const before = process.memoryUsage().rss;
    const error = await rejection(async () =>
      net.run({ x: { data: Float32Array.of(1, 2), shape: [1, 1, 2] } }),
    );
    expectError(error, 'OUT_OF_MEMORY', 'Network.run');
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  }
});
