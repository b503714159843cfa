// Operators of TFLite, each in a model of its own: what `tests/fixtures/tflite-outputs.json` has the outputs of, as
// LiteRT.js computes them.

import type { Tensor } from 'deconv-wasm';
import { randomTensor } from './tensors.js';
import { float, integers, type OperatorPart, type TensorPart, tflite } from './tflite-writer.js';

export interface TfliteCase {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly string[];
}

type Options = NonNullable<OperatorPart['options']>;

const byte = (value: number) => ({ byte: value });
const integer = (value: number) => ({ integer: value });
const open = (name: string, shape: readonly number[]): TensorPart => ({ name, shape });
const whole = (name: string, values: readonly number[], shape = [values.length]): TensorPart => ({
  name,
  shape,
  values: Int32Array.from(values),
});
const random = (name: string, shape: readonly number[], seed = 5): TensorPart => ({
  name,
  shape,
  values: randomTensor(shape, seed).data,
});

/** An operator whose inputs are those of the network but for those that have values. */
function one(
  name: string,
  code: number | string,
  [kind, options]: readonly [kind: number, options: Options],
  inputs: readonly TensorPart[],
  made: readonly (readonly number[] | TensorPart)[],
  custom?: readonly number[],
): TfliteCase {
  const results = made.map(
    (result, index): TensorPart => ('name' in result ? result : open(`y${index}`, result)),
  );
  const outputs = results.map((result) => result.name);
  const given = inputs.filter((input) => input.values === undefined);
  const part: OperatorPart = {
    code,
    kind,
    options,
    inputs: inputs.map((input) => input.name),
    outputs,
    ...(custom && { custom }),
  };
  return {
    name,
    bytes: tflite([...inputs, ...results], [part], { inputs: given.map((input) => input.name), outputs }),
    inputs: inputsOf(given),
    outputs,
  };
}

function inputsOf(given: readonly TensorPart[]): Record<string, Tensor> {
  return Object.fromEntries(given.map(({ name, shape }, index) => [name, randomTensor(shape, index + 1)]));
}

const NONE: readonly [number, Options] = [0, []];
// TANH is passed over by LiteRT.js.
const ACTIVATIONS = { NONE: 0, RELU: 1, RELU_N1_TO_1: 2, RELU6: 3 } as const;

const conv = (padding: number, stride: readonly number[], dilation: readonly number[], activation = 0) =>
  [1, [byte(padding), ...stride.map(integer), byte(activation), ...dilation.map(integer)]] as const;
const depthwise = (padding: number, stride: readonly number[], multiplier: number, dilation = [1, 1]) =>
  [
    2,
    [byte(padding), ...stride.map(integer), integer(multiplier), byte(0), ...dilation.map(integer)],
  ] as const;
const x = (...shape: number[]) => open('x', shape);

const convolutions: readonly TfliteCase[] = [
  ...Object.entries(ACTIVATIONS).map(([word, activation]) =>
    one(
      `CONV_2D SAME, stride 2 over an odd and an even size, ${word}`,
      3,
      conv(0, [2, 2], [1, 1], activation),
      [x(1, 7, 8, 3), random('w', [5, 3, 3, 3]), random('b', [5])],
      [[1, 4, 4, 5]],
    ),
  ),
  one(
    'CONV_2D VALID, dilated, other strides',
    3,
    conv(1, [2, 1], [3, 2]),
    [x(2, 9, 12, 4), random('w', [6, 2, 3, 4]), random('b', [6])],
    [[2, 7, 3, 6]],
  ),
  one(
    'DEPTHWISE_CONV_2D, two outputs a channel',
    4,
    depthwise(0, [1, 1], 2),
    [x(1, 6, 5, 3), random('w', [1, 3, 3, 6]), random('b', [6])],
    [[1, 6, 5, 6]],
  ),
  one(
    'DEPTHWISE_CONV_2D SAME, stride 2',
    4,
    depthwise(0, [2, 2], 1),
    [x(1, 8, 8, 4), random('w', [1, 5, 5, 4]), random('b', [4])],
    [[1, 4, 4, 4]],
  ),
  ...(
    [
      ['SAME', 0, 3, [8, 10]],
      ['SAME, a size between', 0, 3, [7, 9]],
      ['VALID', 1, 3, [9, 11]],
      ['VALID, a size between', 1, 3, [10, 12]],
      ['SAME, a kernel smaller than the stride', 0, 1, [8, 10]],
    ] as const
  ).map(([word, padding, kernel, [height, width]]) =>
    one(
      `TRANSPOSE_CONV ${word}`,
      67,
      [49, [byte(padding), integer(2), integer(2), byte(0)]],
      [
        whole('size', [1, height, width, 2]),
        random('w', [2, kernel, kernel, 3]),
        x(1, 4, 5, 3),
        random('b', [2]),
      ],
      [[1, height, width, 2]],
    ),
  ),
  one(
    'Convolution2DTransposeBias',
    'Convolution2DTransposeBias',
    NONE,
    [x(1, 4, 5, 3), random('w', [2, 3, 3, 3]), random('b', [2])],
    [[1, 8, 10, 2]],
    [1, 2, 2],
  ),
  one(
    'CONV_3D',
    132,
    [106, [byte(0), integer(1), integer(2), integer(1), byte(1), integer(1), integer(1), integer(1)]],
    [x(1, 3, 5, 6, 2), random('w', [2, 3, 3, 2, 4]), random('b', [4])],
    [[1, 3, 5, 3, 4]],
  ),
  one(
    'CONV_3D_TRANSPOSE',
    141,
    [106, [byte(0), integer(2), integer(1), integer(2), byte(0), integer(1), integer(1), integer(1)]],
    [whole('size', [1, 6, 8, 5, 3]), random('w', [3, 3, 2, 3, 2]), x(1, 3, 4, 5, 2), random('b', [3])],
    [[1, 6, 8, 5, 3]],
  ),
  one(
    'FULLY_CONNECTED of what is flattened',
    9,
    [8, [byte(1), byte(0), byte(0)]],
    [x(2, 2, 3, 4), random('w', [5, 24]), random('b', [5])],
    [[2, 5]],
  ),
  one(
    'FULLY_CONNECTED that keeps its axes',
    9,
    [8, [byte(0), byte(0), byte(1)]],
    [x(1, 3, 4, 6), random('w', [5, 6]), random('b', [5])],
    [[1, 3, 4, 5]],
  ),
  one('BATCH_MATMUL', 126, [101, [byte(0), byte(1)]], [x(2, 3, 4), open('z', [2, 5, 4])], [[2, 3, 5]]),
];

const unary = (name: string, code: number, options = NONE) =>
  one(name, code, options, [x(1, 3, 4, 5)], [[1, 3, 4, 5]]);
const pair = (name: string, code: number, kind: number, z: readonly number[], activation = 0) =>
  one(`${name} with [${z}]`, code, [kind, [byte(activation)]], [x(2, 3, 4, 5), open('z', z)], [[2, 3, 4, 5]]);

const elementwise: readonly TfliteCase[] = [
  pair('ADD', 0, 11, [2, 3, 4, 5], 1),
  pair('ADD', 0, 11, [5]),
  pair('SUB', 41, 28, [1, 3, 4, 1], 3),
  pair('MUL', 18, 21, [2, 1, 1, 5]),
  pair('DIV', 42, 29, []),
  pair('MAXIMUM', 55, 39, [4, 1]),
  pair('MINIMUM', 57, 39, [5]),
  pair('SQUARED_DIFFERENCE', 99, 76, [2, 3, 4, 5]),
  one(
    'POW',
    78,
    [56, []],
    [x(1, 3, 4, 5), { ...random('z', []), values: Float32Array.of(2) }],
    [[1, 3, 4, 5]],
  ),
  one('ADD_N', 106, [82, []], [x(2, 3), open('z', [2, 3]), open('w', [2, 3])], [[2, 3]]),
  unary('RELU', 19),
  unary('RELU6', 21),
  unary('RELU_N1_TO_1', 20),
  unary('RELU_0_TO_1', 152),
  unary('LEAKY_RELU', 98, [75, [float(0.3)]]),
  one('PRELU by channel', 54, NONE, [x(1, 3, 4, 5), random('w', [1, 1, 5])], [[1, 3, 4, 5]]),
  one('PRELU by row', 54, NONE, [x(1, 3, 4, 5), random('w', [3, 1, 1])], [[1, 3, 4, 5]]),
  unary('ELU', 111),
  unary('GELU', 150, [116, [byte(0)]]),
  unary('GELU by tanh', 150, [116, [byte(1)]]),
  unary('HARD_SWISH', 117, [91, []]),
  unary('LOGISTIC', 14),
  unary('TANH', 28),
  unary('EXP', 47, [33, []]),
  unary('SQUARE', 92, [66, []]),
  unary('ABS', 101, [78, []]),
  unary('NEG', 59, [42, []]),
  unary('SIN', 66),
  unary('COS', 108, [84, []]),
  unary('FLOOR', 8),
  unary('CEIL', 104),
  unary('ROUND', 116),
  unary('SIGN', 158, [122, []]),
  unary('SOFTMAX', 25, [9, [float(1)]]),
  unary('SOFTMAX, beta 0.5', 25, [9, [float(0.5)]]),
  unary('LOG_SOFTMAX', 50, [36, []]),
  unary('L2_NORMALIZATION', 11, [12, [byte(0)]]),
];

const pool = (padding: number, [height, width]: readonly number[], activation = 0) =>
  [
    5,
    [
      byte(padding),
      integer(2),
      integer(1),
      integer(width as number),
      integer(height as number),
      byte(activation),
    ],
  ] as const;
const bilinear = (aligned: number, halves: number) =>
  [15, [null, null, byte(aligned), byte(halves)]] as const;
const nearest = (aligned: number, halves: number) => [74, [byte(aligned), byte(halves)]] as const;
const resized = (
  name: string,
  code: number,
  options: readonly [number, Options],
  from: readonly number[],
  to: readonly number[],
) =>
  one(
    `${name} from [${from}] to [${to}]`,
    code,
    options,
    [x(1, ...from, 3), whole('size', to)],
    [[1, ...to, 3]],
  );
const SIZES = [
  [
    [3, 4],
    [6, 8],
  ],
  [
    [3, 4],
    [7, 5],
  ],
  [
    [5, 7],
    [3, 2],
  ],
  [
    [2, 6],
    [1, 9],
  ],
  [
    [1, 1],
    [3, 2],
  ],
] as const;
const reduced = (name: string, code: number, axes: readonly number[], keeps: number, to: readonly number[]) =>
  one(`${name} over [${axes}]`, code, [27, [byte(keeps)]], [x(2, 3, 4, 5), whole('axes', axes)], [to]);

const windows: readonly TfliteCase[] = [
  one('AVERAGE_POOL_2D SAME', 1, pool(0, [3, 2], 1), [x(1, 5, 7, 3)], [[1, 5, 4, 3]]),
  one('AVERAGE_POOL_2D VALID', 1, pool(1, [2, 3]), [x(1, 5, 7, 3)], [[1, 4, 3, 3]]),
  one('MAX_POOL_2D SAME', 17, pool(0, [3, 3], 3), [x(1, 5, 6, 3)], [[1, 5, 3, 3]]),
  ...SIZES.flatMap(([from, to]) => [
    resized('RESIZE_BILINEAR', 23, bilinear(0, 0), from, to),
    resized('RESIZE_BILINEAR, aligned corners,', 23, bilinear(1, 0), from, to),
    resized('RESIZE_BILINEAR, half-pixel centers,', 23, bilinear(0, 1), from, to),
    resized('RESIZE_NEAREST_NEIGHBOR', 97, nearest(0, 0), from, to),
    resized('RESIZE_NEAREST_NEIGHBOR, aligned corners,', 97, nearest(1, 0), from, to),
    resized('RESIZE_NEAREST_NEIGHBOR, half-pixel centers,', 97, nearest(0, 1), from, to),
  ]),
  reduced('MEAN', 40, [1, 2], 1, [2, 1, 1, 5]),
  reduced('MEAN', 40, [1, 2], 0, [2, 5]),
  reduced('SUM', 74, [-1], 0, [2, 3, 4]),
  reduced('REDUCE_MAX', 82, [1, 3], 1, [2, 1, 4, 1]),
  reduced('REDUCE_MIN', 89, [0], 0, [3, 4, 5]),
  reduced('REDUCE_PROD', 81, [2], 0, [2, 3, 5]),
];

const strided = (masks: readonly number[]) => [32, masks.map(integer)] as const;
const list = (name: string, values: readonly number[], shape?: number[]) => whole(name, values, shape);

const moving: readonly TfliteCase[] = [
  one('RESHAPE by a tensor', 22, [17, []], [x(2, 3, 4), list('s', [4, -1])], [[4, 6]]),
  one('RESHAPE by options', 22, [17, [integers([6, -1])]], [x(2, 3, 4)], [[6, 4]]),
  one('SQUEEZE, all', 43, [30, []], [x(1, 3, 1, 4)], [[3, 4]]),
  one('SQUEEZE, one', 43, [30, [integers([-2])]], [x(1, 3, 1, 4)], [[1, 3, 4]]),
  one('EXPAND_DIMS', 70, [52, []], [x(3, 4), list('a', [-1])], [[3, 4, 1]]),
  one('TRANSPOSE', 39, [26, []], [x(2, 3, 4), list('p', [2, 0, 1])], [[4, 2, 3]]),
  one('SLICE', 65, [48, []], [x(3, 4, 5), list('b', [1, 0, 2]), list('s', [2, -1, 2])], [[2, 4, 2]]),
  one(
    'STRIDED_SLICE with open ends and a step back',
    45,
    strided([1, 2, 0, 0, 0]),
    [x(3, 6, 5), list('b', [9, 1, -1]), list('e', [2, 0, -6]), list('s', [1, 2, -2])],
    [[2, 3, 3]],
  ),
  one(
    'STRIDED_SLICE with an ellipsis, an axis added and one dropped',
    45,
    strided([0, 0, 2, 1, 4]),
    [x(3, 4, 5), list('b', [0, 0, 2]), list('e', [0, 0, 3]), list('s', [1, 1, 1])],
    [[1, 3, 4]],
  ),
  one('PAD', 34, [22, []], [x(1, 3, 4, 2), list('p', [0, 0, 1, 2, 3, 0, 0, 1], [4, 2])], [[1, 6, 7, 3]]),
  one(
    'PADV2',
    60,
    [43, []],
    [
      x(1, 3, 4, 2),
      list('p', [0, 0, 1, 2, 3, 0, 0, 0], [4, 2]),
      { name: 'v', shape: [1], values: Float32Array.of(-7) },
    ],
    [[1, 6, 7, 2]],
  ),
  one(
    'MIRROR_PAD, reflected',
    100,
    [77, [byte(0)]],
    [x(1, 3, 4, 2), list('p', [0, 0, 2, 1, 0, 3, 0, 0], [4, 2])],
    [[1, 6, 7, 2]],
  ),
  one(
    'MIRROR_PAD, symmetric',
    100,
    [77, [byte(1)]],
    [x(1, 3, 4, 2), list('p', [0, 0, 2, 3, 0, 4, 0, 1], [4, 2])],
    [[1, 8, 8, 3]],
  ),
  one(
    'MIRROR_PAD, symmetric by one',
    100,
    [77, [byte(1)]],
    [x(1, 3, 4, 2), list('p', [0, 0, 1, 1, 1, 0, 0, 0], [4, 2])],
    [[1, 5, 5, 2]],
  ),
  one(
    'CONCATENATION',
    2,
    [10, [integer(-1), byte(0)]],
    [x(1, 2, 3, 4), open('z', [1, 2, 3, 2])],
    [[1, 2, 3, 6]],
  ),
  one(
    'SPLIT',
    49,
    [35, [integer(2)]],
    [list('a', [-1]), x(1, 2, 3, 4)],
    [
      [1, 2, 3, 2],
      [1, 2, 3, 2],
    ],
  ),
  one(
    'SPLIT_V',
    102,
    [79, [integer(3)]],
    [x(2, 7), list('s', [1, -1, 2]), list('a', [1])],
    [
      [2, 1],
      [2, 4],
      [2, 2],
    ],
  ),
  one('PACK', 83, [59, [integer(2), integer(1)]], [x(2, 3), open('z', [2, 3])], [[2, 2, 3]]),
  one(
    'UNPACK',
    88,
    [64, [integer(3), integer(-1)]],
    [x(2, 4, 3)],
    [
      [2, 4],
      [2, 4],
      [2, 4],
    ],
  ),
  one('TILE', 69, [51, []], [x(2, 3), list('t', [3, 2])], [[6, 6]]),
  one('REVERSE_V2', 105, [81, []], [x(2, 3, 4), list('a', [1])], [[2, 3, 4]]),
  one(
    'SPACE_TO_BATCH_ND',
    38,
    [25, []],
    [x(1, 4, 5, 2), list('b', [2, 3]), list('p', [0, 2, 1, 0], [2, 2])],
    [[6, 3, 2, 2]],
  ),
  one(
    'BATCH_TO_SPACE_ND',
    37,
    [24, []],
    [x(6, 3, 2, 2), list('b', [2, 3]), list('p', [0, 2, 1, 0], [2, 2])],
    [[1, 4, 5, 2]],
  ),
  one('DEPTH_TO_SPACE', 5, [94, [integer(2)]], [x(1, 3, 4, 12)], [[1, 6, 8, 3]]),
  one('SPACE_TO_DEPTH', 26, [19, [integer(2)]], [x(1, 4, 6, 3)], [[1, 2, 3, 12]]),
  one('GATHER', 36, [23, [integer(1), integer(0)]], [x(2, 5, 3), list('i', [4, 0, 2])], [[2, 3, 3]]),
];

export const TFLITE_CASES: readonly TfliteCase[] = [...convolutions, ...elementwise, ...windows, ...moving];

/** MediaPipe's networks, of whose outputs the fixture keeps every so many values: LiteRT.js's and those of double precision. */
export const SELFIES = [
  {
    name: 'selfie segmentation',
    file: 'selfie_segmentation.tflite',
    input: smooth([1, 256, 256, 3]),
    every: 97,
  },
  {
    name: 'selfie segmentation, landscape',
    file: 'selfie_segmentation_landscape.tflite',
    input: smooth([1, 144, 256, 3]),
    every: 97,
  },
] as const;

/** A picture of waves of all lengths, from 0 to 1. */
function smooth(shape: readonly [number, number, number, number]): Tensor {
  const [, height, width, channels] = shape;
  const data = Float32Array.from({ length: height * width * channels }, (_, index) => {
    const [c, x, y] = [
      index % channels,
      Math.floor(index / channels) % width,
      Math.floor(index / channels / width),
    ];
    return 0.5 + 0.25 * Math.sin((x * (c + 2)) / 17 + y / 29) + 0.25 * Math.cos((x * y) / 900 - c);
  });
  return { data, shape };
}
