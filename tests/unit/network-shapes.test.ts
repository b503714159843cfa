import { describe, expect, test } from 'vitest';
import type { Constant, Operation, OperationKind } from '../../web/lib/network/operations.js';
import { outputShapesOf } from '../../web/lib/network/shapes.js';

function constant(...shape: number[]): Constant {
  return { name: 'w', shape, data: new Float32Array(0) };
}

function bias(values: number): Constant {
  return { name: 'b', shape: [values], data: new Float32Array(values) };
}

const FIRST = { layout: 'channels-first' } as const;
const LAST = { layout: 'channels-last' } as const;

const conv = {
  kind: 'convolution',
  transposed: false,
  weight: constant(6, 2, 3, 3),
  bias: null,
  stride: [2, 2],
  dilation: [1, 2],
  groups: 2,
  pads: [
    [0, 1],
    [2, 2],
  ],
  outputPadding: [0, 0],
  ...FIRST,
} as const satisfies Operation;

const pool = {
  kind: 'pool',
  function: 'average',
  kernel: [3, 2],
  stride: [2, 2],
  dilation: [1, 1],
  pads: [
    [1, 2],
    [0, 0],
  ],
  countPadding: true,
  overhang: [1, 0],
  ...FIRST,
} as const satisfies Operation;

const matmul = { kind: 'matmul', transposeA: false, transposeB: false, alpha: 1, beta: 1 } as const;
const resize = {
  kind: 'resize',
  size: [1, 2, 7],
  scale: [1, 1, 3.5],
  interpolation: 'nearest',
  coordinates: 'asymmetric',
  multiplies: false,
  rounding: 'floor',
  cubicA: -0.75,
  excludeOutside: false,
  region: [],
  outside: 0,
} as const satisfies Operation;
const norm = {
  kind: 'normalization',
  over: 'groups',
  groups: 2,
  axis: 0,
  epsilon: 0,
  scale: null,
  shift: new Float32Array(4),
  ...FIRST,
} as const satisfies Operation;
const unary = {
  kind: 'unary',
  function: 'relu',
  a: 0,
  b: 0,
  channelA: null,
  ...FIRST,
} as const satisfies Operation;
const dcr = {
  kind: 'depth-to-space',
  block: 2,
  order: 'depth-column-row',
  ...FIRST,
} as const satisfies Operation;

type Case = readonly [Operation, readonly (readonly number[])[], readonly (readonly number[])[]];

const GIVEN: readonly Case[] = [
  [conv, [[5, 4, 8, 7]], [[5, 6, 4, 4]]],
  [{ ...conv, bias: bias(6) }, [[5, 4, 8, 7]], [[5, 6, 4, 4]]],
  [{ ...conv, ...LAST }, [[0, 8, 7, 4]], [[0, 4, 4, 6]]],
  [
    { ...conv, transposed: true, weight: constant(4, 3, 3, 3), outputPadding: [1, 0] },
    [[1, 4, 5, 6]],
    [[1, 6, 11, 11]],
  ],
  [
    {
      kind: 'affine',
      mean: new Float64Array(3),
      scale: new Float64Array(3),
      shift: new Float64Array(3),
      ...LAST,
    },
    [[2, 5, 3]],
    [[2, 5, 3]],
  ],
  [norm, [[3, 4]], [[3, 4]]],
  [{ ...norm, over: 'layer', axis: 1, shift: new Float32Array(6) }, [[4, 2, 3]], [[4, 2, 3]]],
  [unary, [[]], [[]]],
  [{ ...unary, channelA: new Float32Array(3) }, [[2, 3]], [[2, 3]]],
  [
    { kind: 'binary', function: 'add' },
    [
      [2, 1, 4],
      [3, 1],
    ],
    [[2, 3, 4]],
  ],
  [{ kind: 'binary', function: 'add' }, [[], [0, 1]], [[0, 1]]],
  [{ kind: 'softmax', axis: 1, logarithm: true }, [[2, 3]], [[2, 3]]],
  [
    { kind: 'concat', axis: 1 },
    [
      [2, 3],
      [2, 0],
      [2, 4],
    ],
    [[2, 7]],
  ],
  [
    { kind: 'split', axis: 0, sizes: [1, 2] },
    [[3, 2]],
    [
      [1, 2],
      [2, 2],
    ],
  ],
  [{ kind: 'slice', start: [3, 1], step: [-3, 1], count: [2, 0] }, [[4, 1]], [[2, 0]]],
  [
    {
      kind: 'pad',
      pads: [
        [-1, 2],
        [3, 0],
      ],
      mode: 'reflect',
      value: 0,
    },
    [[4, 4]],
    [[5, 7]],
  ],
  [{ kind: 'pad', pads: [[7, 5]], mode: 'wrap', value: 0 }, [[2]], [[14]]],
  [resize, [[1, 2, 2]], [[1, 2, 7]]],
  [dcr, [[1, 8, 2, 3]], [[1, 2, 4, 6]]],
  [{ ...dcr, ...LAST }, [[1, 2, 3, 8]], [[1, 4, 6, 2]]],
  [{ ...dcr, kind: 'space-to-depth' }, [[1, 2, 4, 6]], [[1, 8, 2, 3]]],
  [pool, [[1, 2, 6, 5]], [[1, 2, 4, 2]]],
  [{ kind: 'reduce', function: 'sum', axes: [0, 2], keepAxes: true }, [[2, 3, 4]], [[1, 3, 1]]],
  [{ kind: 'reduce', function: 'sum', axes: [0, 2], keepAxes: false }, [[2, 3, 4]], [[3]]],
  [
    matmul,
    [
      [3, 4],
      [5, 1, 4, 2],
    ],
    [[5, 1, 3, 2]],
  ],
  [
    { ...matmul, transposeA: true, transposeB: true },
    [
      [4, 3],
      [2, 4],
      [3, 1],
    ],
    [[3, 2]],
  ],
  [{ kind: 'transpose', permutation: [2, 0, 1] }, [[2, 3, 4]], [[4, 2, 3]]],
  [{ kind: 'reshape', shape: [6] }, [[2, 3]], [[6]]],
  [{ kind: 'expand', shape: [3, 1] }, [[2]], [[3, 2]]],
];

const REFUSED: readonly (readonly [Operation, readonly (readonly number[])[]])[] = [
  [conv, [[5, 3, 8, 7]]],
  [conv, [[5, 4, 8]]],
  [conv, [[5, 4, 1, 7]]],
  [{ ...conv, bias: bias(5) }, [[5, 4, 8, 7]]],
  [{ ...conv, bias: bias(7) }, [[5, 4, 8, 7]]],
  [{ ...conv, transposed: true, weight: constant(4, 3, 1, 1) }, [[1, 4, 1, 1]]],
  [
    {
      kind: 'affine',
      mean: new Float64Array(3),
      scale: new Float64Array(3),
      shift: new Float64Array(3),
      ...FIRST,
    },
    [[3]],
  ],
  [norm, [[3, 3]]],
  [norm, [[3, 6]]],
  [{ ...norm, over: 'layer', axis: 1 }, [[3]]],
  [{ ...unary, channelA: new Float32Array(3) }, [[3, 2]]],
  [{ kind: 'binary', function: 'add' }, [[2], [3]]],
  [{ kind: 'softmax', axis: 0, logarithm: false }, [[]]],
  [
    { kind: 'concat', axis: 0 },
    [
      [2, 3],
      [2, 4],
    ],
  ],
  [{ kind: 'split', axis: 0, sizes: [1, 2] }, [[4]]],
  [{ kind: 'slice', start: [3], step: [-2], count: [3] }, [[4]]],
  [{ kind: 'slice', start: [3], step: [1], count: [2] }, [[4]]],
  [{ kind: 'pad', pads: [[4, 0]], mode: 'reflect', value: 0 }, [[4]]],
  [{ kind: 'pad', pads: [[-3, -2]], mode: 'constant', value: 0 }, [[4]]],
  [{ kind: 'pad', pads: [[1, 0]], mode: 'edge', value: 0 }, [[0]]],
  [resize, [[1, 2, 0]]],
  [resize, [[2, 2]]],
  [dcr, [[1, 6, 2, 3]]],
  [{ ...dcr, kind: 'space-to-depth' }, [[1, 2, 4, 5]]],
  [pool, [[1, 2, 6, 1]]],
  [{ kind: 'reduce', function: 'sum', axes: [1], keepAxes: true }, [[2]]],
  [
    matmul,
    [
      [3, 4],
      [3, 4],
    ],
  ],
  [
    matmul,
    [
      [2, 3, 4],
      [3, 4, 2],
    ],
  ],
  [
    matmul,
    [
      [3, 4],
      [4, 2],
      [2, 3, 2],
    ],
  ],
  [matmul, [[4], [4, 2]]],
  [{ kind: 'transpose', permutation: [1, 0] }, [[2]]],
  [{ kind: 'reshape', shape: [5] }, [[2, 3]]],
  [{ kind: 'reshape', shape: [1.5, 4] }, [[2, 3]]],
  [{ kind: 'reshape', shape: [-2, -3] }, [[2, 3]]],
  [{ kind: 'expand', shape: [3] }, [[2]]],
  [{ kind: 'expand', shape: [-3] }, [[1]]],
  [{ kind: 'expand', shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }, [[2]]],
];

describe('outputShapesOf', () => {
  test.each(GIVEN)('%o of %j', (operation, shapes, expected) => {
    expect(outputShapesOf('node', operation, shapes)).toEqual(expected);
  });

  test.each(REFUSED)('refuses %o of %j in words', (operation, shapes) => {
    const message = expect.stringMatching(/^node: expected .*, got \[.*\]\. ?/);
    const error = expect.objectContaining({ code: 'BAD_SHAPE', message });
    expect(() => outputShapesOf('node', operation, shapes)).toThrow(error);
  });

  test.each(['expand', 'reshape'] as const)('refuses to %s to very many axes in a few of them', (kind) => {
    const wide: Operation = { kind, shape: new Array<number>(1000).fill(2) };
    const message = expect.stringMatching(/^node: .{1,200}$/);
    const error = expect.objectContaining({ code: 'BAD_SHAPE', message });
    expect(() => outputShapesOf('node', wide, [[3]])).toThrow(error);
  });

  test('refuses what no heap holds', () => {
    const huge: Operation = { kind: 'expand', shape: [2 ** 16, 2 ** 16] };
    const error = expect.objectContaining({ code: 'TOO_LARGE' });
    expect(() => outputShapesOf('node', huge, [[1]])).toThrow(error);
    const joined: Operation = { kind: 'concat', axis: 0 };
    const halves = [[2 ** 29], [2 ** 29]];
    expect(() => outputShapesOf('node', joined, halves)).toThrow(error);
    expect(outputShapesOf('node', joined, halves, false)).toEqual([[2 ** 30]]);
  });

  test('knows every kind', () => {
    const kinds: Record<OperationKind, true> = {
      convolution: true,
      affine: true,
      normalization: true,
      unary: true,
      binary: true,
      softmax: true,
      concat: true,
      split: true,
      slice: true,
      pad: true,
      resize: true,
      'depth-to-space': true,
      'space-to-depth': true,
      pool: true,
      reduce: true,
      matmul: true,
      transpose: true,
      reshape: true,
      expand: true,
    };
    expect(new Set(GIVEN.map(([{ kind }]) => kind))).toEqual(new Set(Object.keys(kinds)));
  });
});
