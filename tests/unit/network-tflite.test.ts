// TFLite files as networks, before anything is computed: names, sizes, what is refused, arithmetic of shapes.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { narrow } from '../../web/lib/core/float16.js';
import { bytesSource, ModelFile } from '../../web/lib/models/source.js';
import type { NetworkGraph, Operation } from '../../web/lib/network/operations.js';
import { readTfliteNetwork } from '../../web/lib/network/tflite/read.js';
import { evaluate } from '../support/network-reference.js';
import { TFLITE_CASES } from '../support/tflite-cases.js';
import {
  float,
  integers,
  type OperatorPart,
  type Ports,
  type TensorPart,
  tflite,
} from '../support/tflite-writer.js';

const OUTPUTS: Record<string, readonly (readonly number[])[]> = JSON.parse(
  readFileSync(new URL('../fixtures/models/tflite-outputs.json', import.meta.url), 'utf8'),
);

const open = (name: string, ...shape: number[]): TensorPart => ({ name, shape });
const whole = (name: string, ...values: number[]): TensorPart => ({
  name,
  shape: [values.length],
  values: Int32Array.from(values),
});
const made = (name: string): TensorPart => ({ name, shape: [1], type: 2 });
const ones = (name: string, ...shape: number[]): TensorPart => ({
  name,
  shape,
  values: new Float32Array(shape.reduce((count, extent) => count * extent, 1)).fill(1),
});
const step = (
  code: number | string,
  inputs: readonly string[],
  outputs: readonly string[],
  options: OperatorPart['options'] = [],
): OperatorPart => ({ code, inputs, outputs, options });
const RELU = 19;

const read = (
  tensors: readonly TensorPart[],
  operators: readonly OperatorPart[],
  ports: Ports,
  wanted?: string[],
) => readTfliteNetwork(new ModelFile(bytesSource(tflite(tensors, operators, ports)), null), wanted);

async function lowered(
  tensors: readonly TensorPart[],
  operators: readonly OperatorPart[],
  ports: Ports,
  shapes: Record<string, readonly number[]> = { x: tensors[0]?.shape ?? [] },
): Promise<NetworkGraph> {
  const network = await read(tensors, operators, ports);
  return network.lower(
    new Map(Object.entries(shapes)),
    network.outputs.map(({ name }) => name),
  );
}

const X_TO_Y: Ports = { inputs: ['x'], outputs: ['y'] };
const shapesOf = ({ outputs, values }: NetworkGraph) => outputs.map((output) => values[output]?.shape);
/** The first output of 0, 1, 2 and so on. */
const valuesOf = (graph: NetworkGraph) => {
  const shape = graph.values[graph.inputs[0] as number]?.shape ?? [];
  const count = shape.reduce((all, extent) => all * extent, 1);
  return evaluate(graph, [Float64Array.from({ length: count }, (_, index) => index)])[0]?.data ?? [];
};
const operationsOf = ({ nodes }: NetworkGraph): readonly Operation[] =>
  nodes.map(({ operation }) => operation);

describe('every operator, by plain loops,', () => {
  it.each(TFLITE_CASES.map((one) => [one.name, one] as const))('%s is as in LiteRT.js', async (name, one) => {
    const network = await readTfliteNetwork(new ModelFile(bytesSource(one.bytes), null));
    expect(network.inputs.map((input) => input.name)).toEqual(Object.keys(one.inputs));
    const shapes = new Map(Object.entries(one.inputs).map(([input, { shape }]) => [input, shape]));
    const results = evaluate(
      network.lower(shapes, one.outputs),
      Object.values(one.inputs).map(({ data }) => data),
    );
    for (const [place, { data }] of results.entries()) {
      const wanted = OUTPUTS[name]?.[place] as readonly number[];
      expect(data).toHaveLength(wanted.length);
      const rms = Math.hypot(...wanted) / Math.sqrt(wanted.length);
      const differences = wanted.map((value, index) => Math.abs(value - (data[index] as number)) / rms);
      expect(Math.max(...differences)).toBeLessThan(1e-5);
    }
  });
});

describe('ports', () => {
  it('are called by the signature, if there is one, and by tensors', async () => {
    const tensors = [{ ...open('x', 1, 4), signature: [-1, 4] }, open('y', 1, 4)];
    const operators = [step(RELU, ['x'], ['y'])];
    const signature = { inputs: ['image'], outputs: ['mask'] };
    const named = await read(tensors, operators, { ...X_TO_Y, signature });
    expect(named.inputs).toEqual([{ name: 'image', shape: ['image.0', 4], type: 'float32' }]);
    expect(named.outputs[0]?.name).toBe('mask');
    const shapes = new Map([['image', [3, 4]]]);
    expect(shapesOf(named.lower(shapes, ['mask', 'y']))).toEqual([
      [3, 4],
      [3, 4],
    ]);
    expect((await read(tensors, operators, X_TO_Y)).inputs[0]?.name).toBe('x');
  });

  it.each([
    ['inputs', { inputs: ['a', 'a'], outputs: ['c', 'd'] }],
    ['outputs', { inputs: ['a', 'b'], outputs: ['c', 'c'] }],
  ])('have names of their own: two %s of one are refused', async (_, signature) => {
    const tensors = [open('x', 1, 4), open('z', 1, 4), open('y', 1, 4), open('w', 1, 4)];
    const operators = [step(RELU, ['x'], ['y']), step(RELU, ['z'], ['w'])];
    const ports = { inputs: ['x', 'z'], outputs: ['y', 'w'], signature };
    await expect(read(tensors, operators, ports)).rejects.toMatchObject({
      code: 'BAD_MODEL',
      message: expect.stringMatching(/different names, and outputs, got "[ac]"/),
    });
  });

  it('may be inputs and constants, and any value between', async () => {
    const tensors = [open('x', 1, 4), ones('c', 2), open('m', 1, 4), open('y', 1, 4)];
    const network = await read(tensors, [step(RELU, ['x'], ['m']), step(28, ['m'], ['y'])], {
      inputs: ['x'],
      outputs: ['x', 'c', 'y'],
    });
    const shapes = new Map([['x', [1, 4]]]);
    const graph = network.lower(shapes, ['x', 'c', 'y']);
    expect(graph.outputs[0]).toBe(graph.inputs[0]);
    expect(graph.values[graph.outputs[1] as number]?.constant?.data).toEqual(Float32Array.of(1, 1));
    expect(network.lower(shapes, ['m']).nodes).toHaveLength(1);
    expect(() => network.lower(shapes, ['nowhere'])).toThrow(/name of a value/);
  });
});

describe('what is refused', () => {
  const tensors = [
    open('x', 1, 4, 4, 1),
    open('a', 1, 4, 4, 1),
    open('b', 1, 4, 4, 1),
    open('y', 1, 4, 4, 1),
  ];

  it('is told at once with all nodes, but only those that outputs need', async () => {
    const operators = [
      step(RELU, ['x'], ['a']),
      step(56, ['a'], ['b']),
      step('MaxUnpooling2D', ['b'], ['y']),
    ];
    await expect(read(tensors, operators, X_TO_Y)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/"b" \(ARG_MAX\).* and 1 more nodes.*load it with outputs: \["a"\]/),
      detail: {
        outputs: ['a'],
        nodes: [
          { name: 'b', type: 'ARG_MAX', reason: 'networks have no such operator' },
          { name: 'y', type: 'MaxUnpooling2D', reason: 'networks have no such operator' },
        ],
      },
    });
    const front = await read(tensors, operators, X_TO_Y, ['a']);
    const shapes = new Map([['x', [1, 4, 4, 1]]]);
    expect(front.lower(shapes, ['a']).nodes).toHaveLength(1);
    expect(() => front.lower(shapes, ['y'])).toThrow(/ARG_MAX/);
  });

  it('says of outputs that nobody computes that the file is at fault', async () => {
    const ports = { inputs: ['x'], outputs: ['y', 'b'] };
    await expect(read(tensors, [step(RELU, ['x'], ['y'])], ports)).rejects.toMatchObject({
      code: 'BAD_MODEL',
      message: expect.stringMatching(/outputs that something computes, got "b"/),
    });
  });

  const CONV = [{ byte: 0 }, { integer: 1 }, { integer: 1 }, { byte: 0 }, { integer: 1 }, { integer: 1 }];
  it.each<[string, readonly TensorPart[], OperatorPart, RegExp]>([
    ['a value that nobody makes', [open('n', 1)], step(0, ['x', 'n'], ['y']), /"n", which nothing computes/],
    ['one that is made later', [], step(0, ['x', 'y'], ['y']), /takes "y", which is computed behind it/],
    [
      'integers of a scale below 0',
      [{ ...open('i', 4), type: 9, quantization: { scale: [-1], zeroPoint: [0] } }],
      step(RELU, ['x'], ['i']),
      /whole numbers without a readable scale/,
    ],
    [
      'weights of a scale that is no number',
      [
        {
          name: 'w',
          shape: [1, 1, 1, 1],
          values: Int8Array.of(1),
          quantization: { scale: [NaN], zeroPoint: [0] },
        },
      ],
      step(3, ['x', 'w'], ['y'], [{ byte: 0 }, { integer: 1 }, { integer: 1 }]),
      /"w", which is quantized with a scale that is negative or no number/,
    ],
    ['a computed weight', [], step(3, ['x', 'x'], ['y'], CONV), /its input 1 is computed/],
    [
      'a stride of 0',
      [ones('w', 1, 1, 1, 1)],
      step(3, ['x', 'w'], ['y'], [{ byte: 0 }]),
      /no readable options/,
    ],
    ['an activation that is none', [], step(0, ['x', 'x'], ['y'], [{ byte: 5 }]), /fused activation 5/],
    ['computed sizes', [], step(22, ['x', 'x'], ['y']), /its input 1 is computed/],
    ['whole numbers', [made('i')], step(53, ['x'], ['i']), /whole numbers/],
    [
      'corners and centers at once',
      [whole('s', 2, 2)],
      step(97, ['x', 's'], ['y'], [{ byte: 1 }, { byte: 1 }]),
      /at once/,
    ],
    [
      'shuffled weights',
      [ones('w', 4, 16)],
      step(9, ['x', 'w'], ['y'], [{ byte: 0 }, { byte: 1 }]),
      /shuffled/,
    ],
    [
      'a bias that is too short',
      [ones('w', 2, 1, 1, 1), ones('c', 1)],
      step(3, ['x', 'w', 'c'], ['y'], CONV),
      /its bias has 1 values for 2 channels/,
    ],
    [
      'one that is too long',
      [ones('w', 2, 1, 1, 1), ones('c', 3)],
      step(3, ['x', 'w', 'c'], ['y'], CONV),
      /3 values for 2/,
    ],
    [
      'such a bias of every channel by itself',
      [ones('w', 1, 1, 1, 2), ones('c', 1)],
      step(4, ['x', 'w', 'c'], ['y'], [...CONV.slice(0, 3), { integer: 2 }, ...CONV.slice(3)]),
      /1 values for 2/,
    ],
    [
      'of a transposed convolution',
      [whole('s', 1, 4, 4, 2), ones('w', 2, 1, 1, 1), ones('c', 1)],
      step(67, ['s', 'w', 'x', 'c'], ['y'], CONV.slice(0, 4)),
      /1 values for 2/,
    ],
    [
      'of a matrix, which would broadcast',
      [ones('w', 3, 16), ones('c', 1)],
      step(9, ['x', 'w', 'c'], ['y']),
      /1 values for 3/,
    ],
    ['a weight of other axes', [ones('w', 2, 1)], step(3, ['x', 'w'], ['y'], CONV), /has 2 axes, not 4/],
  ])('%s', async (_, more, operator, reason) => {
    const outputs = operator.outputs;
    await expect(read([...tensors, ...more], [operator], { inputs: ['x'], outputs })).rejects.toThrow(reason);
  });

  it.each<[string, readonly TensorPart[], OperatorPart]>([
    ['a reshape that does not go', [whole('s', 3, -1)], step(22, ['x', 's'], ['y'])],
    ['an axis that there is not', [whole('s', 4)], step(40, ['x', 's'], ['y'])],
    ['pads of other axes', [whole('s', 1, 1)], step(34, ['x', 's'], ['y'])],
    ['parts that do not fill', [whole('s', 2, 1), whole('t', 1)], step(102, ['x', 's', 't'], ['y', 'a'])],
    ['one part that is none of all', [whole('s', 2), whole('t', 1)], step(102, ['x', 's', 't'], ['y'])],
    ['an index outside', [whole('s', 9)], step(36, ['x', 's'], ['y'])],
    ['a step of 0', [whole('s', 0), whole('e', 1), whole('z', 0)], step(45, ['x', 's', 'e', 'z'], ['y'])],
    ['a size of 0', [whole('s', 0, 2)], step(23, ['x', 's'], ['y'])],
    ['negative numbers of tiles', [whole('s', -1, 1, -1, 1)], step(69, ['x', 's'], ['y'])],
    ['a negative shape', [whole('s', -2, 1, 4, 4, 1)], step(130, ['x', 's'], ['y'])],
    [
      'blocks that do not divide',
      [whole('s', 3, 3), whole('t', 0, 0, 0, 0)],
      step(38, ['x', 's', 't'], ['y']),
    ],
    [
      'a batch that blocks do not divide',
      [whole('s', 2, 1), whole('t', 0, 0, 0, 0)],
      step(37, ['x', 's', 't'], ['y']),
    ],
    [
      'crops of more than there is',
      [whole('s', 1, 1), whole('t', 3, 2, 0, 0)],
      step(37, ['x', 's', 't'], ['y']),
    ],
    [
      'two ellipses',
      [whole('s', 0, 0), whole('e', 1, 1), whole('z', 1, 1)],
      step(45, ['x', 's', 'e', 'z'], ['y'], [null, null, { integer: 3 }]),
    ],
    ['begins without ends', [whole('s', 0, 0), whole('e', 1)], step(45, ['x', 's', 'e', 's'], ['y'])],
    ['outputs that it has not', [], step(59, ['x'], ['y', 'a'])],
    [
      'an output of other channels than its weight has',
      [whole('s', 1, 8, 8, 3), ones('w', 1, 2, 2, 1)],
      step(67, ['s', 'w', 'x'], ['y'], [{ byte: 0 }, { integer: 2 }, { integer: 2 }]),
    ],
    [
      'an output that the stride does not give',
      [whole('s', 1, 11, 8, 1), ones('w', 1, 2, 2, 1)],
      step(67, ['s', 'w', 'x'], ['y'], [{ byte: 0 }, { integer: 2 }, { integer: 2 }]),
    ],
  ])('%s, once sizes are known', async (_, more, operator) => {
    const { outputs } = operator;
    await expect(
      lowered([...tensors, ...more], [operator], { inputs: ['x'], outputs }),
    ).rejects.toMatchObject({
      code: 'BAD_SHAPE',
    });
  });
});

describe('traps', () => {
  it('arithmetic of shapes is done on the way', async () => {
    const tensors = [
      { ...open('x', 1, 5, 7, 2), signature: [1, -1, -1, 2] },
      made('shape'),
      whole('one', 1),
      whole('three', 3),
      whole('step', 1),
      made('extents'),
      whole('two', 2),
      made('doubled'),
      open('y', 1, 1, 1, 2),
    ];
    const operators = [
      step(77, ['x'], ['shape']),
      step(45, ['shape', 'one', 'three', 'step'], ['extents']),
      step(18, ['extents', 'two'], ['doubled'], [{ byte: 0 }]),
      step(97, ['x', 'doubled'], ['y']),
    ];
    const network = await read(tensors, operators, X_TO_Y);
    for (const [height, width] of [
      [5, 7],
      [3, 4],
    ] as const) {
      const graph = network.lower(new Map([['x', [1, height, width, 2]]]), ['y']);
      expect(operationsOf(graph)).toMatchObject([{ kind: 'resize', size: [1, 2 * height, 2 * width, 2] }]);
    }
  });

  it('of a shape that is packed of scalars, integers are divided and cast', async () => {
    const tensors = [
      { ...open('x', 1, 6, 5), signature: [-1, 6, 5] },
      made('shape'),
      whole('zero', 0),
      { ...whole('index', 1), shape: [] },
      { ...made('batch'), shape: [] },
      { ...whole('two', 4), shape: [] },
      { ...made('part'), shape: [] },
      { ...whole('rest', -1), shape: [] },
      made('target'),
      open('y', 1),
    ];
    const operators = [
      step(77, ['x'], ['shape']),
      step(36, ['shape', 'index'], ['batch'], [{ integer: 0 }]),
      step(42, ['batch', 'two'], ['part'], [{ byte: 0 }]),
      step(83, ['part', 'rest'], ['target'], [{ integer: 2 }, { integer: 0 }]),
      step(22, ['x', 'target'], ['y']),
    ];
    const graph = await lowered(tensors, operators, X_TO_Y, { x: [2, 6, 5] });
    // 6 / 4 is 1 of integers.
    expect(shapesOf(graph)).toEqual([[1, 60]]);
  });

  it('halves behind DEQUANTIZE are weights', async () => {
    const weight = Float32Array.from({ length: 18 }, (_, index) => index / 8);
    const tensors: TensorPart[] = [
      open('x', 1, 3, 3, 2),
      { name: 'h', shape: [1, 3, 3, 2], values: narrow(weight) },
      open('w', 1, 3, 3, 2),
      open('y', 1, 3, 3, 1),
    ];
    const conv = step(
      3,
      ['x', 'w'],
      ['y'],
      [{ byte: 0 }, { integer: 1 }, { integer: 1 }, { byte: 3 }, { integer: 1 }, { integer: 1 }],
    );
    const graph = await lowered(tensors, [step(6, ['h'], ['w']), conv], X_TO_Y);
    expect(graph.nodes.map(({ types }) => types)).toEqual([['CONV_2D'], ['RELU6']]);
    const [convolution, clamp] = operationsOf(graph);
    expect(clamp).toMatchObject({ kind: 'unary', function: 'clamp', a: 0, b: 6 });
    // [out, h, w, in] as [out, in, h, w].
    const ordered = weight.map((_, index) => weight[2 * (index % 9) + Math.floor(index / 9)] as number);
    expect(convolution).toMatchObject({ bias: null, weight: { shape: [1, 2, 3, 3], data: ordered } });
  });

  it('a fused TANH is computed, too', async () => {
    const tensors = [open('x', 2), open('y', 2)];
    const graph = await lowered(tensors, [step(0, ['x', 'x'], ['y'], [{ byte: 4 }])], X_TO_Y);
    expect(graph.nodes.map(({ types }) => types)).toEqual([['ADD'], ['TANH']]);
    expect(operationsOf(graph)[1]).toMatchObject({ kind: 'unary', function: 'tanh' });
  });

  it('integers are computed as the numbers that they stand for, and saturate where they do', async () => {
    const scale = { scale: [1 / 16], zeroPoint: [-8] };
    const tensors: TensorPart[] = [
      { ...open('x', 1, 1, 1, 2), type: 9, quantization: scale },
      {
        name: 'w',
        shape: [2, 1, 1, 2],
        values: Int8Array.of(4, -4, 8, -8),
        quantization: { scale: [0.5, 0.25], zeroPoint: [0, 0] },
      },
      {
        name: 'b',
        shape: [2],
        values: Int32Array.of(32, 64),
        quantization: { scale: [1 / 32, 1 / 64], zeroPoint: [0, 0] },
      },
      { ...open('y', 1, 1, 1, 2), type: 9, quantization: scale },
    ];
    const conv = (activation: number) =>
      step(
        3,
        ['x', 'w', 'b'],
        ['y'],
        [{ byte: 0 }, { integer: 1 }, { integer: 1 }, { byte: activation }, { integer: 1 }, { integer: 1 }],
      );
    const graph = await lowered(tensors, [conv(0)], X_TO_Y);
    const [convolution, clamp] = operationsOf(graph);
    expect(convolution).toMatchObject({
      weight: { data: Float32Array.of(2, -2, 2, -2) },
      bias: { data: Float32Array.of(1, 1) },
    });
    expect(clamp).toMatchObject({ function: 'clamp', a: -120 / 16, b: 135 / 16 });
    expect(graph.nodes.map(({ types }) => types)).toEqual([
      ['CONV_2D of int8 in float32'],
      ['range of int8'],
    ]);
    const [, rectified] = operationsOf(await lowered(tensors, [conv(1)], X_TO_Y));
    expect(rectified).toMatchObject({ function: 'clamp', a: 0, b: 135 / 16 });
  });

  it('parts of other scales saturate where the whole does, and those of its own do not', async () => {
    const scale = (unit: number) => ({ type: 3, quantization: { scale: [unit], zeroPoint: [128] } });
    const joined = async (unit: number) => {
      const tensors: TensorPart[] = [
        { ...open('x', 1, 2), ...scale(1 / 64) },
        { ...open('z', 1, 2), ...scale(unit) },
        { ...open('y', 1, 4), ...scale(1 / 64) },
      ];
      const ports = { inputs: ['x', 'z'], outputs: ['y'] };
      const shapes = { x: [1, 2], z: [1, 2] };
      return lowered(tensors, [step(2, ['x', 'z'], ['y'], [{ integer: 1 }])], ports, shapes);
    };
    const wide = await joined(1 / 8);
    const results = evaluate(wide, [
      [-2, 127 / 64],
      [-16, 15],
    ]);
    expect([...(results[0]?.data ?? [])]).toEqual([-2, 127 / 64, -2, 127 / 64]);
    expect(operationsOf(await joined(1 / 64))).toHaveLength(1);
    expect(operationsOf(await joined(1 / 128))).toHaveLength(1);
  });

  it('of several subgraphs the first is the network; codes have two fields', async () => {
    // The writer puts codes beyond a byte into both: 150 is 127 in the old one.
    const graph = await lowered(
      [open('x', 1, 2), open('y', 1, 2)],
      [step(150, ['x'], ['y'], [{ byte: 1 }])],
      X_TO_Y,
    );
    expect(graph.nodes[0]).toMatchObject({ types: ['GELU'], operation: { function: 'gelu-tanh' } });
  });

  it('another batch goes through what the file fixes', async () => {
    const tensors = [
      { ...open('x', 1, 4, 4, 3), signature: [-1, 4, 4, 3] },
      whole('size', 1, 8, 8, 2),
      ones('w', 2, 3, 3, 3),
      open('y', 1, 8, 8, 2),
    ];
    const operator = step(67, ['size', 'w', 'x'], ['y'], [{ byte: 0 }, { integer: 2 }, { integer: 2 }]);
    const graph = await lowered(tensors, [operator], X_TO_Y, { x: [3, 4, 4, 3] });
    expect(shapesOf(graph)).toEqual([[3, 8, 8, 2]]);
    // SAME crops one of three taps at stride 2, at the end.
    expect(operationsOf(graph)[0]).toMatchObject({
      pads: [
        [0, 1],
        [0, 1],
      ],
      outputPadding: [0, 0],
    });
  });

  it('BROADCAST_TO, FILL and RANGE take sizes', async () => {
    const tensors = [open('x', 3, 1), whole('s', 2, 3, 4), open('y', 2, 3, 4)];
    expect(shapesOf(await lowered(tensors, [step(130, ['x', 's'], ['y'])], X_TO_Y))).toEqual([[2, 3, 4]]);
    const filled = [
      open('x', 2, 3),
      whole('s', 2, 3),
      { name: 'v', shape: [], values: Float32Array.of(4) },
      open('f', 2, 3),
      open('y', 2, 3),
    ];
    const graph = await lowered(
      filled,
      [step(94, ['s', 'v'], ['f']), step(0, ['x', 'f'], ['y'], [{ byte: 0 }])],
      X_TO_Y,
    );
    const [, constant] = graph.nodes[0]?.inputs ?? [];
    expect(graph.values[constant as number]?.constant?.data).toEqual(new Float32Array(6).fill(4));
  });

  it('a constant is one object for all sizes', async () => {
    const tensors = [
      open('x', 1, 3, 3, 2),
      ones('w', 4, 1, 1, 2),
      ones('c', 4),
      open('m', 1, 3, 3, 4),
      open('y', 1, 3, 3, 4),
    ];
    const operators = [
      step(
        3,
        ['x', 'w'],
        ['m'],
        [{ byte: 0 }, { integer: 1 }, { integer: 1 }, { byte: 0 }, { integer: 1 }, { integer: 1 }],
      ),
      step(18, ['m', 'c'], ['y'], [{ byte: 0 }]),
    ];
    const network = await read(tensors, operators, X_TO_Y);
    const [first, second] = [3, 5].map((size) => network.lower(new Map([['x', [1, size, size, 2]]]), ['y']));
    const constantsOf = (graph: NetworkGraph | undefined) => [
      graph?.nodes.map(({ operation }) => (operation.kind === 'convolution' ? operation.weight : null))[0],
      ...(graph?.values.map(({ constant }) => constant).filter((constant) => constant !== null) ?? []),
    ];
    expect(constantsOf(first)).toHaveLength(2);
    for (const [index, constant] of constantsOf(first).entries())
      expect(constantsOf(second)[index]).toBe(constant);
  });

  it('an old file says [0] for the shape of a scalar', async () => {
    const tensors = [open('x', 1, 1), open('y')];
    expect(shapesOf(await lowered(tensors, [step(22, ['x'], ['y'], [integers([0])])], X_TO_Y))).toEqual([[]]);
  });

  it('options that are lists are read once: sizes may change as often as they like', async () => {
    const tensors = [open('x', 2, 6), open('y', 3, 4)];
    const network = await read(tensors, [step(22, ['x'], ['y'], [integers([3, -1])])], X_TO_Y);
    const shapes = new Map([['x', [2, 6]]]);
    for (let times = 0; times < 3; times += 1)
      expect(shapesOf(network.lower(shapes, ['y']))).toEqual([[3, 4]]);
  });

  it.each<[string, number, number, number, readonly number[]]>([
    ['a start from behind', 0, -2, 2, [6, 7]],
    ['one that ends before the last', 0, -3, 2, [5, 6]],
    ['a start that the mask opens', 1, 3, 2, [0, 1]],
    ['a start before the first', 0, -9, 3, [0, 1, 2]],
  ])('STRIDED_SLICE counts its offset from %s', async (_, mask, begin, count, expected) => {
    const tensors = [open('x', 8), whole('b', begin), whole('e', count), whole('s', 1), open('y', 2)];
    const none = { integer: 0 };
    const options = [{ integer: mask }, none, none, none, none, { byte: 1 }];
    const graph = await lowered(tensors, [step(45, ['x', 'b', 'e', 's'], ['y'], options)], X_TO_Y);
    expect([...valuesOf(graph)]).toEqual(expected);
  });

  // Of 0, 1, 2 and so on in [2, 3, 2, 2].
  it.each<[string, number, number, readonly number[], readonly number[], readonly number[]]>([
    ['one axis', 1, 1, [2, 2], [0, 2, 1, 1], [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 16, 17, 18, 19]],
    ['an axis between', 2, 1, [2, 1], [1, 0], [2, 3, 6, 7, 10, 11, 12, 13, 16, 17, 20, 21]],
    [
      'all but the last of the indices',
      -1,
      -1,
      [2, 3, 1],
      [0, 1, 1, 0, 0, 1],
      [0, 2, 5, 7, 9, 11, 12, 14, 16, 18, 21, 23],
    ],
    [
      'all axes of the indices',
      2,
      2,
      [2, 3],
      [1, 0, 1, 0, 0, 1],
      [2, 3, 4, 5, 10, 11, 12, 13, 16, 17, 22, 23],
    ],
  ])('GATHER in batches over %s', async (_, axis, batches, shape, indices, expected) => {
    const gathered = (given: readonly number[]) =>
      lowered(
        [open('x', 2, 3, 2, 2), { ...whole('i', ...indices), shape: given }, open('y', 1)],
        [step(36, ['x', 'i'], ['y'], [{ integer: axis }, { integer: batches }])],
        X_TO_Y,
      );
    expect([...valuesOf(await gathered(shape))]).toEqual(expected);
    await expect(gathered([1, ...shape])).rejects.toMatchObject({ code: 'BAD_SHAPE' });
  });

  it.each<[readonly number[], readonly number[], readonly number[]]>([
    [
      [1, 1, 2, 1, 2],
      [1, 1, 2, 1, 1],
      [0, 1, 2, 3, 0, 1, 2, 3],
    ],
    [
      [1, 2, 1, 1, 1],
      [2, 2, 2, 1, 1],
      [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1],
    ],
    [[2, 1], [0, 3], []],
  ])('TILE of [%s] by [%s] needs no more axes than it has', async (shape, times, expected) => {
    const tensors = [open('x', ...shape), whole('t', ...times), open('y', 1)];
    const graph = await lowered(tensors, [step(69, ['x', 't'], ['y'])], X_TO_Y);
    expect(shapesOf(graph)).toEqual([shape.map((extent, axis) => extent * (times[axis] as number))]);
    expect([...valuesOf(graph)]).toEqual(expected);
  });

  it('SPLIT_V gives parts without values, too', async () => {
    const tensors = [
      open('x', 3),
      whole('s', 0, 2, -1),
      whole('t', 0),
      ...['a', 'b', 'c'].map((name) => open(name, 1)),
    ];
    const outputs = ['a', 'b', 'c'];
    const graph = await lowered(tensors, [step(102, ['x', 's', 't'], outputs)], { inputs: ['x'], outputs });
    expect(shapesOf(graph)).toEqual([[0], [2], [1]]);
  });

  it('PRELU of a value without channels has slopes of its places', async () => {
    const slopes = { name: 'a', shape: [4], values: Float32Array.of(1, 2, 3, 4) };
    const graph = await lowered([open('x', 4), slopes, open('y', 4)], [step(54, ['x', 'a'], ['y'])], X_TO_Y);
    expect([...(evaluate(graph, [[-1, -1, 1, -0.5]])[0]?.data ?? [])]).toEqual([-1, -2, 1, -2]);
  });

  it('MIRROR_PAD mirrors an axis once, and says so of pads that are wider', async () => {
    const mirrored = (...pads: number[]) =>
      lowered(
        [open('x', 3), { ...whole('p', ...pads), shape: [1, 2] }, open('y', 1)],
        [step(100, ['x', 'p'], ['y'], [{ byte: 1 }])],
        X_TO_Y,
      );
    expect([...valuesOf(await mirrored(3, 2))]).toEqual([2, 1, 0, 0, 1, 2, 2, 1]);
    await expect(mirrored(0, 4)).rejects.toMatchObject({
      code: 'BAD_SHAPE',
      message: expect.stringMatching(/pads within \[3\], got \[0,4\]/),
    });
  });

  it('FLOOR_MOD is the rest of any division, and of known numbers known', async () => {
    const rest = (...divisors: number[]) =>
      lowered(
        [
          open('x', 1, 4),
          { name: 'c', shape: [divisors.length], values: Float32Array.from(divisors) },
          open('y', 1, 4),
        ],
        [step(95, ['x', 'c'], ['y'])],
        X_TO_Y,
      );
    const divided = async (x: readonly number[], ...divisors: number[]) =>
      evaluate(await rest(...divisors), [x])[0]?.data;
    expect(await divided([-0.75, 5, 5, 5.125], 0.5, 2, -2, -0.25)).toEqual(
      Float64Array.of(0.25, 1, -1, -0.125),
    );
    expect(await divided([7.5, -1, 4, -0], 3)).toEqual(Float64Array.of(1.5, 2, 1, -0));
    expect(await divided([3, -3, Infinity, 1], Infinity)).toEqual(Float64Array.of(3, Infinity, NaN, 1));
    expect(operationsOf(await rest(0.1))).toMatchObject([{ kind: 'binary', function: 'floor-remainder' }]);
    const sizes = [
      { ...open('x', 7, 2), signature: [-1, 2] },
      made('shape'),
      whole('three', 3, 3),
      made('left'),
      { name: 'v', shape: [], values: Float32Array.of(4) },
      open('y', 1, 2),
    ];
    const operators = [
      step(77, ['x'], ['shape']),
      step(95, ['shape', 'three'], ['left']),
      step(94, ['left', 'v'], ['y']),
    ];
    expect(shapesOf(await lowered(sizes, operators, X_TO_Y, { x: [7, 2] }))).toEqual([[1, 2]]);
  });

  it('constants without values are constants: the shape of a scalar, and no axes', async () => {
    const none: TensorPart = { name: 'n', shape: [0], values: new Int32Array(0) };
    const scalar = await lowered([open('x', 1, 1), none, open('y')], [step(22, ['x', 'n'], ['y'])], X_TO_Y);
    expect(shapesOf(scalar)).toEqual([[]]);
    const mean = await lowered(
      [open('x', 2, 2), none, open('y', 2, 2)],
      [step(40, ['x', 'n'], ['y'])],
      X_TO_Y,
    );
    expect(shapesOf(mean)).toEqual([[2, 2]]);
    expect([...valuesOf(mean)]).toEqual([0, 1, 2, 3]);
    // One that is given is none, whatever its size.
    const given = read([open('x', 2, 0), open('y', 2, 0)], [step(22, ['x', 'x'], ['y'])], X_TO_Y);
    await expect(given).rejects.toThrow(/its input 1 is computed/);
  });

  it('LEAKY_RELU has its slope, and none is 0', async () => {
    const slope = async (options: OperatorPart['options']) =>
      operationsOf(await lowered([open('x', 2), open('y', 2)], [step(98, ['x'], ['y'], options)], X_TO_Y))[0];
    expect(await slope([float(0.25)])).toMatchObject({ function: 'leaky-relu', a: 0.25 });
    expect(await slope([])).toMatchObject({ a: 0 });
  });
});
