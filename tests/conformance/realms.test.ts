// Values of another realm (frames, vm contexts, jest and vitest with jsdom) mean what those of this one mean.

import { host } from '@host';
import {
  Conv2d,
  ConvTranspose2d,
  conv,
  convTranspose,
  DeconvError,
  HeapTensor,
  init,
  isDeconvError,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import { ConvTranspose2d as BrainstateTranspose } from 'deconv-wasm/brainstate';
import {
  addSpectralPenalty,
  analyze,
  analyzeStack,
  initializeIcnr,
  kernelsPenalty,
  overlap,
  phaseGains,
  ResizeConv2d,
  repairKernels,
  scoreImage,
} from 'deconv-wasm/checkerboard';
import { convTransposeJax, fromJax, fromOnnx, fromTorch, toJax } from 'deconv-wasm/convert';
import { kernelMatrix, transConv } from 'deconv-wasm/d2l';
import { bytesSource, patchModel, readModel, writeSafetensors } from 'deconv-wasm/models';
import {
  calibrate,
  compareToFloat32,
  loadQuantized,
  quantize,
  saveQuantized,
  toFloat16,
  toFloat32,
} from 'deconv-wasm/quantize';
import { adam, meanSquaredError, ReLU, Sequential, sgd } from 'deconv-wasm/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILDS_HERE } from '../support/builds.js';
import { CLONER } from '../support/host.js';
import { quarters } from '../support/tensors.js';

type Clone = <Value>(value: Value) => Value;

let elsewhere: Clone;
const here: Clone = (value) => value;

beforeAll(async () => {
  elsewhere = host.evaluateElsewhere(CLONER) as Clone;
  await init();
});
afterAll(shutdown);

const x = quarters([1, 2, 5, 4], 1);
const weight = quarters([2, 3, 3, 3], 2);
const bias = Float32Array.of(0.5, -1, 2);
const geometry = { inChannels: 2, outChannels: 3, kernelSize: [3, 3], stride: [2, 2], seed: 1 };
const transposed = (my: Clone): ConvTranspose2d => new ConvTranspose2d(my(geometry));
const plain = { data: Array.from(weight.data), shape: [...weight.shape] };
const kernels = { geometry: { stride: [2, 2] }, weight };
const range = { scale: 0.125, zeroPoint: 3 };

/** What a function makes of values of ours, and of the same ones from elsewhere. */
const CALLS: Readonly<Record<string, (my: Clone) => unknown>> = {
  conv: (my) => conv(my(x), my(quarters([3, 2, 2, 2], 3)), my({ stride: [1, 2], bias, padding: [1, 0] })),
  convTranspose: (my) =>
    convTranspose(my(x), my(weight), my({ padBefore: [1, 0], bias: { data: bias, shape: [3] } })),
  'forward and backward': (my) => {
    using layer = transposed(my);
    layer.setWeight(my(weight)).setBias(my(bias));
    const y = layer.forward(my(x), my({ activation: 'relu', outputSize: [12, 10] } as const));
    return [
      y,
      layer.backward(my(x), my(y), my({ activation: 'relu' } as const)),
      layer.outputShape(my([2, 5, 4])),
    ];
  },
  'forward into an array': (my) => {
    using layer = transposed(my);
    const out = my({ data: new Float32Array(3 * 11 * 9), shape: [1, 3, 11, 9] });
    layer.forward(my(x), { out });
    return Array.from(out.data);
  },
  'states by names': (my) => {
    using layer = transposed(my);
    layer.loadStateDict(my({ weight, bias: { data: bias, shape: [3] } }));
    return layer.stateDict();
  },
  'weights of 16 bits': (my) => {
    using layer = transposed(my);
    layer.setWeight(my(toFloat16(my(weight))));
    return [layer.weight, toFloat32(my(toFloat16(weight)))];
  },
  HeapTensor: (my) => {
    using tensor = new HeapTensor(my([2, 3]));
    tensor.data.set(my(Float32Array.of(1, 2, 3, 4, 5, 6)));
    return [Array.from(tensor.data), tensor.shape];
  },
  quantize: (my) => {
    using layer = transposed(my);
    using small = quantize(layer, my({ input: range, output: { scale: 0.5, zeroPoint: 0 } }));
    const input = my({ data: Int8Array.from(x.data, (value) => value * 4), shape: [1, 2, 5, 4] });
    using loaded = loadQuantized(layer, my(saveQuantized(small)));
    return [
      small.forward(input),
      small.forwardInt8(input),
      small.forward(my(x)),
      loaded.forward(my(x)),
      calibrate(layer, my([x])),
      compareToFloat32(layer, small, my([x])),
    ];
  },
  training: (my) => {
    using layer = transposed(my);
    using net = new Sequential(layer, new ReLU());
    const pass = net.trace(my(x));
    const { gradient } = meanSquaredError(my(pass.output), my(quarters([1, 3, 11, 9], 4)));
    const { layers } = pass.backward(my(gradient));
    for (const step of [sgd(net.layers, my({ momentum: 0.5 })), adam(net.layers)]) step(my(layers));
    const { loss, gradients } = addSpectralPenalty([layer], my(layers), 0.5);
    return [layer.weight, loss, gradients.map((entry) => entry.weight)];
  },
  brainstate: (my) => {
    using layer = new BrainstateTranspose({
      inSize: my([5, 4, 2]),
      outChannels: 3,
      kernelSize: my([3, 2]),
      stride: my([2, 1]),
      padding: my([
        [1, 0],
        [0, 1],
      ] as const),
      wInit: my(Float64Array.from({ length: 36 }, (_, index) => index)),
      bInit: () => my([1, 2, 3]),
      wMask: my(Uint8Array.from({ length: 36 }, (_, index) => index % 2)),
    });
    return [layer.weight, layer.bias, layer.wMask, layer.forward(my(quarters([5, 4, 2], 5)))];
  },
  convert: (my) => {
    using torch = fromTorch('ConvTranspose2d', my({ stride: [2, 2] }), my({ weight, bias }));
    using onnx = fromOnnx('ConvTranspose', my({ strides: [2, 2], pads: [1, 0, 0, 1] }), my({ weight }));
    const dimensionNumbers = ['NHWC', 'HWIO', 'NHWC'] as const;
    const kernel = toJax(torch, my({ dimensionNumbers })).weight;
    using jax = fromJax(
      'conv_transpose',
      my({
        strides: [2, 2],
        padding: [
          [1, 1],
          [0, 2],
        ] as const,
      }),
      my({ weight: kernel }),
    );
    const last = quarters([1, 5, 4, 2], 6);
    return [
      torch.forward(my(x)),
      onnx.forward(my(x)),
      jax.forward(my(last)),
      convTransposeJax(my(last), my(kernel), my({ strides: [2, 1], rhsDilation: [1, 2] })),
    ];
  },
  d2l: (my) => {
    const square = quarters([2, 2], 7);
    const matrix = kernelMatrix(my(square), my([3, 4]), my({ stride: [1, 2], padding: [1, 0] }));
    return [
      transConv(my(square), my(square)),
      matrix.toDense(),
      matrix.multiply(my(new Float32Array(12).fill(1))),
    ];
  },
  checkerboard: (my) => {
    const layers = [new ConvTranspose2d(geometry), new Conv2d({ ...geometry, inChannels: 3, stride: 1 })];
    return [
      analyze(my(kernels)),
      analyze(my({ ...kernels, weight: plain })),
      analyze(layers[0] as ConvTranspose2d, my({ inputShape: [1, 2, 5, 4] })),
      analyzeStack(layers),
      overlap(my([{ kernelSize: 3, stride: 2 }])),
      phaseGains(my(Float64Array.of(1, 2, 3)), my([{ kernelSize: 3, stride: 2 }])),
      repairKernels(my(kernels)),
      kernelsPenalty(my(kernels)),
      scoreImage(my(quarters([1, 32, 32], 8)), my([2, 2]), my({ border: [2, 2] })),
      initializeIcnr(new ConvTranspose2d({ ...geometry, kernelSize: 4 }), {
        values: (shape) => my(quarters(shape, 9)),
      }).weight,
      new ResizeConv2d(
        my({ inChannels: 2, outChannels: 3, kernelSize: [3, 3], scaleFactor: [2, 2], seed: 1 }),
      ).forward(my(x)),
    ];
  },
};

describe('values from elsewhere', () => {
  it('are of another realm', () => {
    expect(elsewhere(x).data instanceof Float32Array).toBe(false);
    expect(Object.getPrototypeOf(elsewhere([1])) === Array.prototype).toBe(false);
    expect(elsewhere(x)).not.toBe(x);
    expect(Array.from(elsewhere(x).data)).toEqual(Array.from(x.data));
  });

  it.each(Object.entries(CALLS))('%s', (_, call) => {
    expect(call(elsewhere)).toEqual(call(here));
  });
});

describe('bytes from elsewhere', () => {
  it.each(BUILDS_HERE)('start the module: $name', async ({ name, options }) => {
    const bytes = await host.readBinary(name);
    const compile = host.evaluateElsewhere('(bytes) => new WebAssembly.Module(bytes)') as (
      bytes: Uint8Array,
    ) => WebAssembly.Module;
    const foreign = elsewhere(bytes);
    for (const wasm of [foreign, foreign.buffer, elsewhere(new DataView(bytes.buffer)), compile(bytes)]) {
      await shutdown();
      expect(await init({ ...options, wasm })).toEqual({ ...options, notes: [] });
      expect(conv(x, quarters([1, 2, 1, 1], 1)).shape).toEqual([1, 1, 5, 4]);
    }
    await shutdown();
    await init();
  });

  it.each(['generator.onnx', 'layers.tflite', 'generator.safetensors', 'stored.npz', 'half.npy'])(
    '%s',
    async (name) => {
      const bytes = await host.readFixture(`models/${name}`);
      const wanted = await readModel(bytes);
      const foreign = elsewhere(bytes);
      const sources = [
        foreign,
        foreign.buffer as ArrayBuffer,
        {
          size: bytes.length,
          read: async (from: number, length: number) => foreign.subarray(from, from + length),
        },
      ];
      for (const source of sources) {
        const model = await readModel(source, elsewhere({ layers: 'all' as const }));
        expect(model.format).toBe(wanted.format);
        expect(await model.tensors[0]?.read()).toEqual(await wanted.tensors[0]?.read());
        await model.close();
      }
      await wanted.close();
    },
  );

  it('external data, patches and states', async () => {
    const external = await host.readFixture('models/external.bin');
    const bytes = await host.readFixture('models/external.onnx');
    const [own, other] = await Promise.all(
      [here, elsewhere].map((my) => readModel(my(bytes), my({ external: { 'external.bin': external } }))),
    );
    const [layer] = other?.layers ?? [];
    if (own === undefined || other === undefined || layer === undefined) throw new Error('no layer');
    expect(await layer.weight()).toEqual(await own.layers[0]?.weight());
    const changed = await layer.weight();
    const { stored } = await patchModel(
      other,
      elsewhere([]).concat({ layer, weight: elsewhere(changed) } as never),
    );
    expect(Array.from(stored[0]?.data ?? [])).toEqual(Array.from(changed.data));
    expect(writeSafetensors(elsewhere({ weight }))).toEqual(writeSafetensors({ weight }));
    const back = await readModel(bytesSource(elsewhere(writeSafetensors({ weight }))));
    expect(await back.tensors[0]?.read()).toEqual(weight);
  });
});

describe('errors out of a worker', () => {
  const THROW = `
    const { DeconvError, convTranspose } = await import(entry);
    const x = { data: new Float32Array(4), shape: [1, 1, 2, 2] };
    try {
      convTranspose(x, { ...x, shape: [1, 1, 2, 3] });
    } catch (error) {`;

  it.each([
    ['its record', 'postMessage(error.toJSON());'],
    ['DeconvError.from(error).toJSON()', 'postMessage({ ...DeconvError.from(error).toJSON() });'],
    ['JSON', 'postMessage(JSON.parse(JSON.stringify(error)));'],
  ])('keep code, message and detail as %s', async (_, post) => {
    const received = await host.firstMessage(`${THROW} ${post} }`);
    const error = DeconvError.from(received);
    expect(error).toMatchObject({ name: 'DeconvError', code: 'BAD_SHAPE' });
    expect(error.message).toMatch(/^convTranspose: expected weight with 6 values/);
    expect(error.detail).toMatchObject({ where: 'convTranspose', length: 4 });
    expect(isDeconvError(error)).toBe(true);
  });

  it('keep code and message as they are, where a clone keeps the first line of the stack', async () => {
    const kept = host.name === 'Node' || host.name === 'Chromium';
    const received = await host.firstMessage(`${THROW} postMessage(error); }`);
    expect(isDeconvError(received)).toBe(false);
    expect((received as Partial<DeconvError>).code).toBeUndefined();
    const error = DeconvError.from(received);
    expect(error).toMatchObject({ name: 'DeconvError', code: kept ? 'BAD_SHAPE' : 'INTERNAL' });
    expect(error.message).toMatch(/convTranspose: expected weight with 6 values/);
  });

  it('of another kind become the cause of an INTERNAL one', async () => {
    const received = await host.firstMessage('try { null.data; } catch (error) { postMessage(error); }');
    const error = DeconvError.from(received);
    expect(error.code).toBe('INTERNAL');
    expect(error.cause).toBe(received);
  });
});

it('a tensor without values stays one', () => {
  const empty: Tensor = elsewhere({ data: new Float32Array(0), shape: [0, 2, 5, 4] });
  expect(conv(empty, weight.shape.length === 4 ? quarters([1, 2, 1, 1], 1) : weight).shape).toEqual([
    0, 1, 5, 4,
  ]);
});
