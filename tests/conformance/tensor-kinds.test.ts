// Numbers of other kinds, and the tensors of other libraries, where values are read.

import {
  Conv2d,
  conv,
  convTranspose,
  HeapTensor,
  init,
  Linear,
  memoryUsage,
  shutdown,
  type Tensor,
  type TensorData,
  type TensorLike,
} from 'deconv-wasm';
import { ResizeConv2d } from 'deconv-wasm/checkerboard';
import { fromOnnx, fromTorch } from 'deconv-wasm/convert';
import { toImageData } from 'deconv-wasm/image';
import { quantize } from 'deconv-wasm/quantize';
import { ReLU, Sequential } from 'deconv-wasm/training';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { compareExactly } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';

const SHAPE = [1, 2, 4, 4];
const COUNT = 32;
/** Whole numbers that every kind holds. */
const VALUES = Float32Array.from({ length: COUNT }, (_, index) => (index * 5) % 17);
const X: Tensor = { data: VALUES, shape: SHAPE };

/** Float16 patterns of whole numbers below 2048. */
const halves = (values: ArrayLike<number>): Uint16Array =>
  Uint16Array.from(values, (value) => {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(value));
    return ((exponent + 15) << 10) | Math.round((value / 2 ** exponent - 1) * 1024);
  });

const kinds: Readonly<Record<string, (values: Float32Array) => unknown>> = {
  'a list': (values) => Array.from(values),
  Float64Array: (values) => Float64Array.from(values),
  Uint8Array: (values) => Uint8Array.from(values),
  Uint8ClampedArray: (values) => Uint8ClampedArray.from(values),
  Int16Array: (values) => Int16Array.from(values),
  Int32Array: (values) => Int32Array.from(values),
  Uint32Array: (values) => Uint32Array.from(values),
  Float32Array: (values) => values.slice(),
};

/** The same tensor in every form. */
const forms = ({ data, shape }: Tensor): [string, TensorLike][] => [
  ...Object.entries(kinds).flatMap(([kind, make]): [string, TensorLike][] => [
    [kind, { data: make(data) as TensorData, shape }],
    [`${kind} with dims`, { data: make(data) as TensorData, dims: shape }],
  ]),
  ['float16 of ONNX Runtime', { data: halves(data), dims: shape, type: 'float16' }],
  ['uint16 of ONNX Runtime', { data: Uint16Array.from(data), dims: shape, type: 'uint16' }],
  ['float16', { data: halves(data), shape, dtype: 'float16' }],
];

const make = (): Conv2d => {
  const layer = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1, seed: 4 });
  onTestFinished(() => layer.dispose());
  return layer;
};
const same = (got: Tensor, wanted: Tensor): void => expect(compareExactly(got, wanted)).toBeUndefined();

beforeAll(() => init({ build: 'simd' }));
afterAll(shutdown);

describe.each(forms(X))('%s', (_, x) => {
  it('is an input, once and again, into a tensor of the heap as well', () => {
    const layer = make();
    const wanted = layer.forward(X);
    using out = new HeapTensor(wanted.shape);
    for (let round = 0; round < 3; round += 1) {
      same(layer.forward(x), wanted);
      same(layer.forward(x, { out }), wanted);
    }
    const { input, weight, bias } = layer.backward(X, wanted);
    const again = layer.backward(x, { data: Array.from(wanted.data), dims: wanted.shape });
    same(again.input, input);
    same(again.weight, weight);
    same(again.bias as Tensor, bias as Tensor);
  });

  it('is an input of what is made of layers, and of calls without', () => {
    const layer = make();
    const { weight } = layer;
    same(new Sequential(layer, new ReLU()).forward(x as Tensor), layer.forward(X, { activation: 'relu' }));
    same(conv(x, weight), conv(X, weight));
    const resize = new ResizeConv2d({
      inChannels: 2,
      outChannels: 1,
      scaleFactor: 2,
      kernelSize: 3,
      seed: 1,
    });
    onTestFinished(() => resize.dispose());
    same(resize.forward(x), resize.forward(X));
    expect(
      toImageData({ ...x, ...('shape' in x ? { shape: [1, 1, 8, 4] } : { dims: [1, 1, 8, 4] }) }),
    ).toEqual(toImageData({ data: VALUES, shape: [1, 1, 8, 4] }));
  });
});

const W: Tensor = {
  data: Float32Array.from({ length: 54 }, (_, index) => (index * 7) % 23),
  shape: [3, 2, 3, 3],
};

it.each(forms(W))('a weight may be %s', (_, weight) => {
  const layer = make().setWeight(W);
  const wanted = layer.forward(X);
  same(layer.setWeight(weight).forward(X), wanted);
  same(layer.weight, W);
  layer.loadStateDict({ weight, bias: { data: [1, 2, 3], shape: [3] } });
  same(layer.weight, W);
  expect([...(layer.bias as Tensor).data]).toEqual([1, 2, 3]);
  same(convTranspose(zeros([1, 3, 2, 2]), weight), convTranspose(zeros([1, 3, 2, 2]), W));
  const converted = fromOnnx('Conv', { pads: [1, 1, 1, 1] }, { weight });
  onTestFinished(() => converted.dispose());
  same(converted.weight, W);
});

const BIAS: Tensor = { data: Float32Array.of(1, 2, 3), shape: [3] };

it.each(forms(BIAS))('a bias that is converted may be %s', (_, bias) => {
  for (const given of [bias, ...(bias.data instanceof Uint16Array ? [] : [bias.data])]) {
    const converted = fromTorch('Conv2d', {}, { weight: W, bias: given });
    onTestFinished(() => converted.dispose());
    same(converted.bias as Tensor, BIAS);
  }
});

it.each(forms({ data: Float32Array.of(1, 2), shape: [1, 2] }))('a matrix multiplies %s', (_, x) => {
  const layer = new Linear({ inFeatures: 2, outFeatures: 1, bias: false }).setWeight([3, 5]);
  onTestFinished(() => layer.dispose());
  const gradOutput = { data: [1], shape: [1, 1] };
  // Other libraries' objects may have both names, of which one says nothing.
  for (const given of [x, { shape: undefined, dims: [1, 2], ...x } as TensorLike]) {
    same(layer.forward(given), { data: Float32Array.of(13), shape: [1, 1] });
    const { input, weight } = layer.backward(given, gradOutput);
    same(input, { data: Float32Array.of(3, 5), shape: [1, 2] });
    same(weight, { data: Float32Array.of(1, 2), shape: [1, 2] });
  }
});

it('bare values are no tensor, and that is what is said', () => {
  const late = Promise.resolve(X);
  for (const bare of [VALUES, new Float64Array(COUNT), new Uint8Array(COUNT), late, { data: VALUES }]) {
    const error = caught(() => make().forward(bare as never));
    expectError(error, 'BAD_TYPE', 'Conv2d.forward');
    expect(error.message).toContain(
      'the input to be { data: Float32Array, shape: number[] }, got a value of type',
    );
  }
});

it.each(Object.entries(kinds))('parameters may be bare values: %s', (_, kind) => {
  const layer = make();
  layer.setWeight(kind(W.data) as TensorData).setBias(kind(Float32Array.of(1, 2, 3)) as TensorData);
  same(layer.weight, W);
  expect([...(layer.bias as Tensor).data]).toEqual([1, 2, 3]);
  same(
    conv(X, W, { bias: kind(Float32Array.of(1, 2, 3)) as TensorData }),
    conv(X, W, { bias: Float32Array.of(1, 2, 3) }),
  );
  expectError(
    caught(() => layer.setBias(kind(Float32Array.of(1, 2)) as TensorData)),
    'BAD_SHAPE',
    'Conv2d.setBias',
  );
});

it('numbers that float32 does not hold are rounded where they are doubles, and refused where they are integers', () => {
  const layer = make();
  layer.setBias([0.1, 1e300, Number.NaN]);
  expect([...(layer.bias as Tensor).data]).toEqual([Math.fround(0.1), Number.POSITIVE_INFINITY, Number.NaN]);
  layer.setBias(Int32Array.of(2 ** 24, -(2 ** 30), 2 ** 25 + 4));
  const error = caught(() => layer.setBias(Int32Array.of(0, 2 ** 24 + 1, 0)));
  expectError(error, 'BAD_TYPE', 'Conv2d.setBias');
  expect(error.message).toMatch(/a bias\[1\].*16777217/);
});

it('says why it does not take what it does not take', () => {
  const layer = make();
  const says = (bias: unknown): string => caught(() => layer.setBias(bias as TensorData)).message;
  expect(says(new BigInt64Array(3))).toMatch(/64 bits/);
  expect(says(new Int8Array(3))).toMatch(/quantized layer/);
  expect(says(new Uint16Array(3))).toMatch(/'float16' or 'bfloat16'/);
  expect(says(['1', '2', '3'])).toMatch(/a bias\[0\] to be a number, got "1"/);
});

it('says of data without values that there are none', () => {
  using layer = new Conv2d({ inChannels: 2, outChannels: 2, kernelSize: 1 });
  for (const data of [[], new Float32Array(0), new Float64Array(0)]) {
    const error = caught(() => layer.forward({ data, shape: SHAPE }));
    expectError(error, 'BAD_BUFFER', 'Conv2d.forward');
    expect(error.message).toMatch(
      / with 32 values for shape \[1, 2, 4, 4\], got 0\. Make data and shape agree\.$/,
    );
  }
});

it('says how to convert it, so that it helps', () => {
  const advised = (data: unknown): string =>
    /Convert with (.*?)\.$/.exec(
      caught(() => make().forward({ data, shape: SHAPE } as never)).message,
    )?.[1] ?? '';
  // Of a buffer `from` makes nothing, and of bigints neither makes anything without Number.
  expect(advised(VALUES.slice().buffer)).toBe('new Float32Array(…)');
  for (const wide of [BigInt64Array, BigUint64Array]) {
    const data = wide.from(Array.from(VALUES, BigInt));
    expect(advised(data)).toBe('Float32Array.from(…, Number)');
    expect(Float32Array.from(data as never, Number)).toEqual(VALUES);
  }
  expect(advised(Int8Array.from(VALUES))).toBe('Float32Array.from(…, Number)');
});

it('an out holds float32, or holds nothing that could be written to', () => {
  const layer = make();
  const y = layer.forward(X);
  for (const [values, code] of [
    [[...y.data], 'BAD_TYPE'],
    [Float64Array.from(y.data), 'BAD_TYPE'],
    [[], 'BAD_BUFFER'],
    [new Float32Array(0), 'BAD_BUFFER'],
  ] as const) {
    const out = { data: values, shape: y.shape };
    expectError(
      caught(() => layer.forward(X, { out: out as never })),
      code,
      'Conv2d.forward',
    );
  }
});

it('data that are elsewhere are an error of ours', () => {
  const tensor = {
    dims: SHAPE,
    type: 'float32',
    get data(): Float32Array {
      throw new Error('The data is not on CPU. Use `getData()` to download it.');
    },
  };
  const layer = make();
  for (const method of ['forward', 'setWeight', 'setBias'] as const) {
    const error = caught(() => layer[method](tensor));
    expectError(error, 'BAD_BUFFER', `Conv2d.${method}`);
    expect(error.message).toMatch(/not on CPU/);
  }
});

it('a getter that disposes of the layer ends the call, whichever tensor has it, and leaves nothing behind', () => {
  for (const quantized of [false, true]) {
    for (const given of ['input', 'out'] as const) {
      const layer = quantized ? quantize(make()) : make();
      const y = layer.forward(X);
      const live = memoryUsage().liveLayers;
      const values = given === 'input' ? X : y;
      const closing: Tensor = {
        shape: values.shape,
        get data() {
          layer.dispose();
          return values.data as Float32Array;
        },
      };
      const before = [...y.data];
      const error = caught(() =>
        given === 'input' ? layer.forward(closing) : layer.forward(X, { out: closing }),
      );
      expectError(error, 'DISPOSED', quantized ? 'QuantizedConv2d.forward' : 'Conv2d.forward');
      expect([...y.data]).toEqual(before);
      expect(memoryUsage().liveLayers).toBe(live - 1);
    }
  }
});

function zeros(shape: readonly number[]): Tensor {
  return { data: new Float32Array(shape.reduce((product, extent) => product * extent)), shape };
}
