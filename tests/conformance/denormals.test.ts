// denormals: 'flush' computes what zeros in their places give, and changes nothing of the caller's.

import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  conv,
  convTranspose,
  HeapTensor,
  init,
  type Layer,
  Sequential,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { fromOnnx } from 'deconv-wasm/convert';
import { quantize } from 'deconv-wasm/quantize';
import { expect, it, onTestFinished } from 'vitest';
import { describeEachBuild, ROUTE_CHOICES } from '../support/builds.js';
import { caught } from '../support/errors.js';
import { mulberry32 } from '../support/random.js';
import { unlessRefused } from '../support/run.js';
import { sizeOf } from '../support/tensors.js';

const LEAST_NORMAL = 2 ** -126;

/** Half of the values denormal, from the least to the greatest of both signs. */
function withDenormals(shape: readonly number[], seed: number): Tensor {
  const random = mulberry32(seed);
  const special = [
    2 ** -149,
    -(2 ** -149),
    1e-41,
    -1e-41,
    LEAST_NORMAL - 2 ** -149,
    LEAST_NORMAL,
    -LEAST_NORMAL,
  ];
  const data = Float32Array.from({ length: sizeOf(shape) }, () =>
    random() < 0.5 ? (special[Math.floor(random() * special.length)] as number) : 2 * random() - 1,
  );
  return { data, shape };
}

function flushed({ data, shape }: Tensor): Tensor {
  return {
    data: data.map((value) =>
      Math.abs(value) < LEAST_NORMAL ? (Object.is(value, -0) || value < 0 ? -0 : 0) : value,
    ),
    shape,
  };
}

function expectSame(one: Tensor, other: Tensor): void {
  expect(one.shape).toEqual(other.shape);
  const at = one.data.findIndex((value, index) => !Object.is(value, other.data[index]));
  expect([at, one.data[at], other.data[at]]).toEqual([-1, undefined, undefined]);
}

const X = withDenormals([2, 4, 7, 6], 1);

const KINDS = {
  transposed: (more: object) =>
    new ConvTranspose2d({ inChannels: 4, outChannels: 3, kernelSize: 3, stride: 2, padding: 1, ...more }),
  plain: (more: object) => new Conv2d({ inChannels: 4, outChannels: 3, kernelSize: 3, padding: 1, ...more }),
  depthwise: (more: object) =>
    new ConvTranspose2d({ inChannels: 4, outChannels: 4, kernelSize: 4, stride: 2, groups: 4, ...more }),
} as const;

function settled(layer: Layer): Layer {
  layer.setWeight(withDenormals(layer.weight.shape, 2));
  layer.setBias(withDenormals([layer.outChannels], 3));
  return layer;
}

/** The same layer, with the parameters that flushing makes. */
function zeroed(layer: Layer, like: Layer): Layer {
  layer.setWeight(flushed(like.weight));
  layer.setBias(flushed(like.bias as Tensor));
  return layer;
}

function onHeap(values: Tensor, begin = 0): Tensor {
  const tensor = new HeapTensor([values.data.length + begin]);
  tensor.data.set(values.data, begin);
  return { data: tensor.data.subarray(begin), shape: values.shape };
}

describeEachBuild(() => {
  it.each(Object.keys(KINDS))('%s layers, on every route, from every place', (kind) => {
    const make = KINDS[kind as keyof typeof KINDS];
    let routes = 0;
    for (const route of ROUTE_CHOICES) {
      using layer = settled(make({ route, denormals: 'flush' }));
      using reference = zeroed(make({ route }), layer);
      const [weight, bias] = [layer.weight, layer.bias];
      const wanted = unlessRefused(() => reference.forward(flushed(X)));
      if (wanted === null) continue;
      routes += 1;
      for (const x of [{ data: X.data.slice(), shape: X.shape }, onHeap(X), onHeap(X, 1)]) {
        const out = { data: new Float32Array(wanted.data.length), shape: wanted.shape };
        expectSame(layer.forward(x), wanted);
        expectSame(layer.forward(x, { out }), wanted);
        const heapOut = new HeapTensor(wanted.shape);
        layer.forward(x, { out: heapOut });
        expectSame({ data: heapOut.data, shape: wanted.shape }, wanted);
        expectSame(
          layer.forward(x, { activation: 'relu' }),
          reference.forward(flushed(X), { activation: 'relu' }),
        );
        expectSame({ data: x.data, shape: X.shape }, X);
      }
      expect(layer.weight).toEqual(weight);
      expect(layer.bias).toEqual(bias);
    }
    expect(routes).toBeGreaterThan(2);
  });

  it.each(Object.keys(KINDS))('%s layers: all three gradients', (kind) => {
    const make = KINDS[kind as keyof typeof KINDS];
    using layer = settled(make({ denormals: 'flush' }));
    using reference = zeroed(make({}), layer);
    const gradY = withDenormals(layer.forward(X).shape, 4);
    const wanted = reference.backward(flushed(X), flushed(gradY));
    for (const place of [(tensor: Tensor) => tensor, (tensor: Tensor) => onHeap(tensor, 1)]) {
      const [x, grad] = [place(X), place(gradY)];
      const gradients = layer.backward(x, grad);
      for (const name of ['input', 'weight', 'bias'] as const) {
        expectSame(gradients[name] as Tensor, wanted[name] as Tensor);
      }
      expectSame({ data: x.data, shape: X.shape }, X);
      expectSame({ data: grad.data, shape: gradY.shape }, gradY);
    }
  });

  it('int8 layers do as the layers that they are made of', () => {
    // An image of denormals alone: their range is what int8 spans, unless they are zeros.
    const tiny = { data: new Float32Array(32).fill(1.1e-38), shape: [2, 1, 4, 4] };
    tiny.data.fill(1, 0, 16);
    for (const denormals of ['keep', 'flush'] as const) {
      using layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false, denormals });
      layer.setWeight(new Float32Array([127]));
      using dynamic = quantize(layer);
      using fixed = quantize(layer, {
        input: { scale: 1, zeroPoint: 3 },
        output: { scale: 127, zeroPoint: -2 },
      });
      for (const x of [tiny, onHeap(tiny, 1)]) {
        const before = x.data.slice();
        const { data } = dynamic.forward(x);
        expect(data.subarray(0, 16).every((value) => Math.abs(value - 127) < 1e-3)).toBe(true);
        expect(data.subarray(16).every((value) => value === 0)).toBe(denormals === 'flush');
        expect([...fixed.forward(x).data]).toEqual(
          Array.from({ length: 32 }, (_, index) => (index < 16 ? 127 : 0)),
        );
        // int8 has none: whatever lies in its bytes stays.
        const bytes = {
          data: Int8Array.from({ length: 32 }, (_, index) => (index % 5) - 2),
          shape: tiny.shape,
        };
        const wanted = Array.from(bytes.data, (value) => 127 * (value - 3));
        expect([...fixed.forward(bytes).data]).toEqual(wanted);
        expect(x.data).toEqual(before);
      }
    }
  });

  it('keeps them by default, as every convention and both functions can tell', () => {
    const tiny = { data: new Float32Array(16).fill(2 ** -140), shape: [1, 1, 4, 4] };
    const one = { data: new Float32Array([1]), shape: [1, 1, 1, 1] };
    const last = { data: tiny.data, shape: [1, 4, 4, 1] };
    const common = { inChannels: 1, outChannels: 1, kernelSize: 1, bias: false } as const;
    for (const [denormals, value] of [
      [{}, 2 ** -140],
      [{ denormals: 'keep' }, 2 ** -140],
      [{ denormals: 'flush' }, 0],
    ] as const) {
      for (const y of [
        new Conv2d({ ...common, ...denormals }).setWeight(one).forward(tiny),
        new ConvTranspose2d({ ...common, ...denormals }).setWeight(one).forward(tiny),
        new brainstate.Conv2d({ inSize: [4, 4, 1], outChannels: 1, kernelSize: 1, ...denormals })
          .setWeight({ data: one.data, shape: [1, 1, 1, 1] })
          .forward(last),
        fromOnnx('Conv', {}, { weight: one }, denormals).forward(tiny),
        conv(tiny, one, denormals),
        convTranspose(tiny, one, denormals),
      ]) {
        expect([...y.data]).toEqual(new Array(16).fill(value));
      }
    }
  });

  it('weights are flushed as they are once the norm behind them is worked in', () => {
    for (const denormals of ['keep', 'flush'] as const) {
      const common = { inChannels: 1, outChannels: 2, kernelSize: 1, bias: false, denormals } as const;
      const weight = Float32Array.of(2 ** -100, 1);
      const layer = new Conv2d(common).setWeight({ data: weight, shape: [2, 1, 1, 1] });
      const norm = new BatchNorm2d({ numFeatures: 2, eps: 0 }).setWeight(
        Float32Array.of(2 ** -30, 2 ** -130),
      );
      using net = new Sequential(layer, norm.eval());
      const y = net.forward({ data: Float32Array.of(2 ** 120), shape: [1, 1, 1, 1] });
      expect([...y.data]).toEqual(denormals === 'keep' ? [2 ** -10, 2 ** -10] : [0, 0]);
    }
  });
});

it('words that are none', async () => {
  onTestFinished(shutdown);
  await init();
  for (const [value, code] of [
    ['zero', 'BAD_OPTION'],
    [true, 'BAD_TYPE'],
    [0, 'BAD_TYPE'],
  ] as const) {
    const error = caught(() => KINDS.plain({ denormals: value }));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining('denormals')]);
  }
});
