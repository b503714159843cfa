// Gradients through the ReLU that a forward computes: as if it stood behind the layer.

import {
  Conv2d,
  ConvTranspose2d,
  type ConvTransposeForwardOptions,
  Graph,
  HeapTensor,
  init,
  type Layer,
  type LayerGradients,
  memoryUsage,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import { ConvTranspose2d as ChannelsLast, ZeroInit } from 'deconv-wasm/brainstate';
import { ResizeConv2d, SmoothConvTranspose2d } from 'deconv-wasm/checkerboard';
import { fromOnnx, fromTflite } from 'deconv-wasm/convert';
import { ReLU, Sequential, Sigmoid } from 'deconv-wasm/training';
import { expect, it } from 'vitest';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { seed } from '../support/seed.js';
import { quarters, sizeOf, zeros } from '../support/tensors.js';

const relu = { activation: 'relu' } as const;
const geometry = { inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1 } as const;
const resize = { ...geometry, scaleFactor: 2 } as const;

/** Outputs are odd multiples of 1/512 then: none is 0, and sums are exact. */
function settle<Any extends Layer>(layer: Any): Any {
  layer.setWeight(quarters(layer.weight.shape, seed));
  if (layer.bias !== null) layer.setBias(new Float32Array(3).fill(1 / 512));
  return layer;
}

const LAYERS: Readonly<Record<string, () => Layer>> = {
  ConvTranspose2d: () => settle(new ConvTranspose2d({ ...geometry, stride: 2 })),
  'ConvTranspose2d, one route': () =>
    settle(new ConvTranspose2d({ ...geometry, stride: 2, route: 'scalar' })),
  Conv2d: () => settle(new Conv2d({ ...geometry, stride: 2 })),
  'brainstate, channels last': () =>
    settle(
      new ChannelsLast({
        inSize: [2, 4, 5],
        outChannels: 3,
        kernelSize: 3,
        stride: 2,
        channelFirst: true,
        bInit: ZeroInit(),
      }),
    ),
  'from ONNX': () =>
    fromOnnx(
      'ConvTranspose',
      { strides: [2, 2] },
      { weight: quarters([2, 3, 3, 3], seed), bias: new Float32Array(3).fill(1 / 512) },
    ),
  ResizeConv2d: () => settle(new ResizeConv2d(resize)),
  'ResizeConv2d, edges repeated': () => settle(new ResizeConv2d({ ...resize, paddingMode: 'replicate' })),
  'ResizeConv2d, in two steps': () => settle(new ResizeConv2d({ ...resize, mode: 'bilinear' })),
  SmoothConvTranspose2d: () => settle(new SmoothConvTranspose2d({ ...geometry, stride: 2 })),
};
const X = quarters([1, 2, 4, 5], seed + 1);

function expectSame(got: LayerGradients, wanted: LayerGradients): void {
  expect(compareExactly(got.input, wanted.input)).toBeUndefined();
  expect(compareExactly(got.weight, wanted.weight)).toBeUndefined();
  expect(got.bias).toEqual(wanted.bias);
}

/** The long way: the layer, and the ReLU as a module of its own. */
function apart(layer: Layer, x: Tensor, grad: Tensor): LayerGradients {
  return layer.backward(x, new ReLU().backward(layer.forward(x), grad).input);
}

describeEachBuild((build) => {
  it.each(Object.entries(LAYERS))('%s: as the ReLU behind it', (_, make) => {
    using layer = make();
    const y = layer.forward(X, relu);
    expect(y.data.some((value) => value === 0) && y.data.some((value) => value > 0)).toBe(true);
    const grad = quarters(y.shape, seed + 2);
    const wanted = apart(layer, X, grad);
    const { plan } = layer;
    expectSame(layer.backward(X, grad, relu), wanted);
    expectSame(layer.backward(X, grad, { ...relu, output: y }), wanted);
    expect(layer.plan).toBe(plan);
    // Signs are all that counts of the output; a layer that clamps nothing asks for none.
    const signs = { data: y.data.map(Math.sign), shape: y.shape };
    expectSame(layer.backward(X, grad, { ...relu, output: signs }), wanted);
    expectSame(layer.backward(X, grad, { output: zeros(...y.shape) }), layer.backward(X, grad));
    const none = layer.backward(X, grad, { ...relu, output: zeros(...y.shape) });
    expect([none.input, none.weight].every(({ data }) => data.every((value) => value === 0))).toBe(true);
    // What was handed in stays as it was.
    expect(grad).toEqual(quarters(y.shape, seed + 2));
    using heapX = new HeapTensor(X.shape);
    using heapGrad = new HeapTensor(grad.shape);
    using heapY = new HeapTensor(y.shape);
    heapX.data.set(X.data);
    heapGrad.data.set(grad.data);
    heapY.data.set(y.data);
    expectSame(layer.backward(heapX, heapGrad, relu), wanted);
    expectSame(layer.backward(heapX, heapGrad, { ...relu, output: heapY }), wanted);
    expect(heapGrad.data).toEqual(grad.data);
  });

  it.each(Object.entries(LAYERS))('%s: central differences', (name, make) => {
    using layer = make();
    const y = layer.forward(X, relu);
    const grad = quarters(y.shape, seed + 2);
    const loss = (x: Tensor): number =>
      layer
        .forward(x, relu)
        .data.reduce((sum, value, index) => sum + value * (grad.data[index] as number), 0);
    const { input } = layer.backward(X, grad, relu);
    // Small enough that no output, which a value moves by a weight of at most 2, passes 0.
    const step = 2 ** -12;
    for (const index of [0, 3, 7, 13, 20, 39]) {
      const moved = [step, -step].map((delta) => {
        const data = X.data.slice();
        data[index] = (data[index] as number) + delta;
        return loss({ data, shape: X.shape });
      }) as [number, number];
      // Those of smooth and linear layers round.
      const slope = (moved[0] - moved[1]) / (2 * step);
      expect([name, index, Math.abs(slope - (input.data[index] as number)) < 0.1]).toEqual([
        name,
        index,
        true,
      ]);
    }
  });

  it('layers that always clamp need no word, and one more changes nothing', () => {
    const weight = quarters([3, 3, 3, 2], seed);
    const attributes = { stride_h: 2, stride_w: 2, padding: 'SAME' } as const;
    const bias = new Float32Array(3).fill(1 / 512);
    using plain = fromTflite('CONV_2D', attributes, { weight, bias });
    using fused = fromTflite(
      'CONV_2D',
      { ...attributes, fused_activation_function: 'RELU' },
      { weight, bias },
    );
    const x = quarters([1, 4, 5, 2], seed + 1);
    const y = fused.forward(x);
    const grad = quarters(y.shape, seed + 2);
    const wanted = apart(plain, x, grad);
    expectSame(fused.backward(x, grad), wanted);
    expectSame(fused.backward(x, grad, relu), wanted);
    expectSame(fused.backward(x, grad, { output: y }), wanted);
    const none = fused.backward(x, grad, { output: zeros(...y.shape) });
    expect(none.weight.data.every((value) => value === 0)).toBe(true);
    // A chain computes it once and hands its output in.
    const chain = new Sequential(fused);
    let calls = 0;
    const { forward } = fused;
    fused.forward = ((...call) => {
      calls += 1;
      return forward.apply(fused, call);
    }) as typeof forward;
    const pass = chain.trace(x);
    expect(pass.backward(grad).layers).toEqual([wanted]);
    expect(calls).toBe(1);
  });

  it('what a trace gave may be written to, and its gradients stay', () => {
    const layer = () => settle(new Conv2d(geometry));
    const fused = fromTflite(
      'CONV_2D',
      { stride_h: 1, stride_w: 1, padding: 'SAME', fused_activation_function: 'RELU' },
      { weight: quarters([3, 3, 3, 2], seed) },
    );
    const inner = new Graph();
    const behind = inner.apply(layer(), inner.input('x'));
    inner.output(behind, 'layer');
    inner.output(inner.apply(new Sigmoid(), behind), 'sigmoid');
    const last = quarters([1, 4, 5, 2], seed + 1);
    for (const [net, x] of [
      [new Sequential(layer(), new ReLU()), X],
      [new Sequential(layer(), new Sigmoid()), X],
      [new Sequential(fused), last],
      [inner, X],
    ] as const) {
      const given = net.trace({ [net === inner ? 'x' : 'input']: x });
      const outputs = Object.entries(given.outputs);
      const grads = Object.fromEntries(
        outputs.map(([name, { shape }]) => [name, quarters([...shape], seed + 2)]),
      );
      const wanted = given.backward(grads);
      for (const [, { data, shape }] of outputs) {
        data.fill(0);
        (shape as number[]).shift();
      }
      expect(given.backward(grads)).toEqual(wanted);
      expect(wanted.layers[0]?.weight.data.some((value) => value !== 0)).toBe(true);
      net.dispose();
    }
  });

  it('an outputSize is known by the gradient', () => {
    using layer = settle(new ConvTranspose2d({ ...geometry, stride: 2 }));
    const options: ConvTransposeForwardOptions = { outputSize: [8, 10] };
    const grad = quarters([1, 3, 8, 10], seed);
    const y = layer.forward(X, options);
    const wanted = layer.backward(X, new ReLU().backward(y, grad).input);
    expectSame(layer.backward(X, grad, relu), wanted);
    expectSame(
      layer.backward(X, grad, { ...relu, output: layer.forward(X, { ...options, ...relu }) }),
      wanted,
    );
  });

  it('at exactly 0 no gradient passes, where the output is NaN all of it does, as in PyTorch', () => {
    using layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false, route: 'scalar' });
    layer.setWeight(Float32Array.of(2));
    const x = {
      data: Float32Array.of(0, -0, 1, -1, Number.NaN, 2 ** -149, -(2 ** -149)),
      shape: [1, 1, 1, 7],
    };
    const grad = { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7), shape: x.shape };
    const passed = Float32Array.of(0, 0, 6, 0, 10, 12, 0);
    const y = layer.forward(x, relu);
    expect(layer.backward(x, grad, relu).input.data).toEqual(passed);
    expect(layer.backward(x, grad, { ...relu, output: y }).input.data).toEqual(passed);
    expect(apart(layer, x, grad).input.data).toEqual(passed);
  });

  it('the forward within may grow the heap under its tensors', async () => {
    await shutdown();
    await init(build.options);
    const { heapBytes } = memoryUsage();
    const side = 2 * Math.ceil(Math.sqrt(heapBytes / 64));
    using x = new HeapTensor([1, 1, side, side]);
    using layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false });
    layer.setWeight(Float32Array.of(2));
    using grad = new HeapTensor(x.shape);
    x.data.set(quarters(x.shape, seed).data);
    grad.data.fill(1);
    const before = memoryUsage().heapBytes;
    const given = { data: x.data, shape: x.shape };
    const gradient = { data: grad.data, shape: x.shape };
    const { input } = layer.backward(given, gradient, relu);
    expect(memoryUsage().heapBytes).toBeGreaterThan(before);
    expect(input.data).toEqual(x.data.map((value) => (value > 0 ? 2 : 0)));
    expect(sizeOf(input.shape)).toBe(sizeOf(x.shape));
  });

  it('what does not fit is refused, and the layer stays usable', () => {
    using layer = settle(new ConvTranspose2d({ ...geometry, stride: 2 }));
    const y = layer.forward(X, relu);
    for (const [options, code] of [
      [{ activation: 'tanh' }, 'BAD_OPTION'],
      [{ activations: 'relu' }, 'BAD_OPTION'],
      [{ out: y }, 'BAD_OPTION'],
      ['relu', 'BAD_TYPE'],
      [{ ...relu, output: y.data }, 'BAD_TYPE'],
      [{ ...relu, output: X }, 'BAD_SHAPE'],
      [{ output: X }, 'BAD_SHAPE'],
      [{ ...relu, output: { data: y.data.subarray(1), shape: y.shape } }, 'BAD_SHAPE'],
    ] as const) {
      expectError(
        caught(() => layer.backward(X, y, options as never)),
        code,
        'ConvTranspose2d.backward',
      );
    }
    expectSame(layer.backward(X, y, { ...relu, output: y }), apart(layer, X, y));
  });
}, SOME_BUILDS);
