// Tensors on the WebAssembly heap: the same results as with plain ones, whatever lies where.

import {
  Conv2d,
  ConvTranspose2d,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  HeapTensor,
  init,
  memoryUsage,
  Softmax,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import { ConvTranspose2d as ChannelsLast, Constant } from 'deconv-wasm/brainstate';
import { analyze, phaseGains, scoreImage } from 'deconv-wasm/checkerboard';
import { fromOnnx } from 'deconv-wasm/convert';
import { meanSquaredError, ReLU, Sequential } from 'deconv-wasm/training';
import { expect, it, onTestFinished } from 'vitest';
import { describeEachBuild, ROUTE_CHOICES } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { growHeap } from '../support/grow-heap.js';
import { unlessRefused } from '../support/run.js';
import { seed } from '../support/seed.js';
import { quarters, sizeOf, zeros } from '../support/tensors.js';

// Input and output of one size.
const KEEPING: ConvTransposeOptions = {
  inChannels: 4,
  outChannels: 4,
  kernelSize: 3,
  padding: 1,
  seed: 3,
};
const UP: ConvTransposeOptions = { ...KEEPING, kernelSize: 4, stride: 2 };

function onHeap(tensor: Tensor): HeapTensor {
  const copy = new HeapTensor(tensor.shape);
  copy.data.set(tensor.data);
  return copy;
}

/** Sums of such parameters are exact, so that results can be compared with ===. */
function settle<Layer extends { readonly weight: Tensor; setWeight(weight: Tensor): unknown }>(
  layer: Layer,
): Layer {
  layer.setWeight(quarters(layer.weight.shape, seed));
  return layer;
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

describeEachBuild((build) => {
  const layers = {
    ConvTranspose2d: () => settle(new ConvTranspose2d({ ...UP, bias: false })),
    Conv2d: () => settle(new Conv2d({ ...KEEPING, bias: false })),
    'brainstate, channels last': () =>
      settle(new ChannelsLast({ inSize: [5, 6, 4], outChannels: 3, kernelSize: 4, stride: 2 })),
    'brainstate, masked': () =>
      settle(
        new ChannelsLast({
          inSize: [5, 6, 4],
          outChannels: 3,
          kernelSize: 3,
          wMask: 0.5,
          bInit: Constant(1),
        }),
      ),
    'from ONNX': () =>
      fromOnnx('ConvTranspose', { strides: [2, 2] }, { weight: quarters([4, 2, 3, 3], seed) }),
  };

  it.each(Object.entries(layers))('%s: input and output in every place', (name, make) => {
    using layer = make();
    const shape = name.startsWith('brainstate') ? [2, 5, 6, 4] : [2, 4, 5, 6];
    const x = quarters(shape, seed + 1);
    const wanted = layer.forward(x);
    using heapX = onHeap(x);
    using heapY = new HeapTensor(wanted.shape);
    const plainY = zeros(...wanted.shape);
    for (const input of [x, heapX]) {
      expectSame(layer.forward(input), wanted);
      for (const out of [plainY, heapY]) {
        out.data.fill(9);
        expect(layer.forward(input, { out })).toBe(out);
        expectSame(out, wanted);
        expectSame(layer.forward(input, { out, activation: 'relu' }), {
          data: wanted.data.map((value) => Math.max(value, 0)),
          shape: wanted.shape,
        });
      }
    }
    expectSame(heapX, x);
  });

  it('every route writes to the heap', () => {
    const x = quarters([1, 4, 5, 6], seed);
    for (const route of ROUTE_CHOICES) {
      using layer = settle(new ConvTranspose2d({ ...UP, route, bias: false }));
      const wanted = unlessRefused(() => layer.forward(x));
      if (wanted === null) continue;
      using heapX = onHeap(x);
      using heapY = new HeapTensor(wanted.shape);
      expectSame(layer.forward(heapX, { out: heapY }), wanted);
    }
  });

  it('nothing is copied: the workspace holds neither input nor output', () => {
    const make = (): ChannelsLast =>
      new ChannelsLast({ inSize: [64, 64, 16], outChannels: 16, kernelSize: 4, stride: 2, seed: 1 });
    const x = quarters([64, 64, 16], seed);
    const bytes = 4 * (sizeOf(x.shape) + sizeOf(make().outSize));
    const taken = (compute: (layer: ChannelsLast) => void): number => {
      using layer = make();
      const before = memoryUsage().usedBytes;
      compute(layer);
      return memoryUsage().usedBytes - before;
    };
    // Before anything is measured: between what is there already blocks are aligned alike.
    using heapX = onHeap(x);
    using heapY = new HeapTensor(make().outSize);
    const plain = taken((layer) => layer.forward(x));
    const direct = taken((layer) => layer.forward(heapX, { out: heapY }));
    // Each of the two blocks takes 8 bytes of a header, 64 with its slack, and at most 56 to where it is aligned.
    expect(plain - direct).toBeGreaterThanOrEqual(bytes);
    expect(plain - direct).toBeLessThanOrEqual(bytes + 2 * 128);
    const half = taken((layer) => layer.forward(heapX));
    expect(half - direct).toBeLessThan(4 * sizeOf(heapY.shape) + 192);
    // Routes want their tensors aligned: a part that begins elsewhere is copied.
    using larger = new HeapTensor([sizeOf(x.shape) + 1]);
    const part = { data: larger.data.subarray(1), shape: x.shape };
    const shifted = taken((layer) => layer.forward(part, { out: heapY }));
    expect(shifted - direct).toBeGreaterThanOrEqual(4 * sizeOf(x.shape));
  });

  it('data survive growth of the heap', () => {
    using layer = settle(new ConvTranspose2d(UP));
    const x = quarters([1, 4, 5, 6], seed);
    const wanted = layer.forward(x);
    using heapX = onHeap(x);
    using heapY = new HeapTensor(wanted.shape);
    const view = heapX.data;
    layer.forward(heapX, { out: heapY });
    expect(heapX.data).toBe(view);
    growHeap();
    expect(view.length).toBe(build.options.threads > 1 ? x.data.length : 0);
    expectSame(heapX, x);
    expectSame(heapY, wanted);
    heapY.data.fill(9);
    expectSame(layer.forward(heapX, { out: heapY }), wanted);
    // An older view of a shared heap is as good as a new one, a detached one is refused.
    const old = { data: view, shape: x.shape };
    if (build.options.threads > 1) expectSame(layer.forward(old), wanted);
    else
      expectError(
        caught(() => layer.forward(old)),
        'BAD_BUFFER',
        'ConvTranspose2d.forward',
      );
  });

  it('growth in the middle of a call', async () => {
    // A fresh heap, small enough that the workspace and the packed weights cannot fit: of all routes,
    // XNNPACK's wants most, a copy of input and output in its own layout.
    await shutdown();
    await init(build.options);
    const route = 'xnnpack-deconvolution';
    const options = { ...UP, inChannels: 16, outChannels: 16, route } as const;
    const shape = [1, 16, 192, 192];
    const x = quarters(shape, seed);
    using heapX = onHeap(x);
    const view = { data: heapX.data, shape };
    using layer = settle(new ConvTranspose2d(options));
    using heapY = new HeapTensor(layer.outputShape(shape));
    const { heapBytes } = memoryUsage();
    layer.forward(heapX, { out: heapY });
    expect(memoryUsage().heapBytes).toBeGreaterThan(heapBytes);
    expectSame(heapX, x);
    expectSame(layer.forward(x), heapY);

    // Memory goes with its module.
    await shutdown();
    await init(build.options);
    expectError(
      caught(() => layer.forward(heapX)),
      'NOT_INITIALIZED',
      'HeapTensor.data',
    );
    expectError(
      caught(() => layer.forward(view)),
      'BAD_BUFFER',
      'ConvTranspose2d.forward',
    );
  });

  const conv3 = (): Conv2d => settle(new Conv2d({ ...KEEPING, bias: false }));
  type Forward = (x: Tensor, options?: { readonly out: Tensor }) => Tensor;
  interface Kind {
    readonly where: string;
    make(): { readonly forward: Forward };
  }
  const keeping: Record<string, Kind> = {
    'a layer': { where: 'Conv2d.forward', make: conv3 },
    'a measured layer': {
      where: 'Conv2d.forward',
      make: () => settle(new Conv2d({ ...KEEPING, bias: false, planning: 'measure' })),
    },
    'a module': { where: 'Softmax.forward', make: () => new Softmax({ dim: 1 }) },
    'a module in place': { where: 'ReLU.forward', make: () => new ReLU() },
    'a chain': { where: 'Sequential.forward', make: () => new Sequential(conv3(), new ReLU()) },
  };
  it.each(Object.entries(keeping))('%s, into a part that the heap grew away from', async (_, kind) => {
    // Where the part is the input, what it held would be lost; where it is not, the values of a call that failed.
    const shape = [1, 4, 320, 320];
    const x = quarters(shape, seed);
    for (const inPlace of [true, false]) {
      await shutdown();
      await init(build.options);
      const module = kind.make();
      using source = onHeap(x);
      using target = new HeapTensor([x.data.length + 16]);
      target.data.fill(9);
      const input = (): Tensor => ({ data: source.data.subarray(0), shape });
      const out = (): Tensor => (inPlace ? input() : { data: target.data.subarray(4, -12), shape });
      const given = out();
      const compute = (): Tensor => module.forward(input(), { out: given });
      if (build.options.threads > 1) {
        // Views of a shared heap outlive its growth.
        const wanted = module.forward(x);
        expectSame(compute(), wanted);
        continue;
      }
      expectError(caught(compute), 'BAD_BUFFER', kind.where);
      expectSame(source, x);
      expect(target.data.every((value) => value === 9)).toBe(true);
      // What growth made room for stays: the same again, of views taken anew.
      const wanted = module.forward(x);
      expectSame(module.forward(input(), { out: out() }), wanted);
    }
  });

  it('an output that overlaps the input, anywhere, and parts that begin anywhere', () => {
    using layer = settle(new ConvTranspose2d({ ...KEEPING, bias: false }));
    const x = quarters([1, 4, 5, 6], seed);
    const count = x.data.length;
    const wanted = layer.forward(x);
    for (const route of ['auto', 'scalar'] as const) {
      using forced = settle(new ConvTranspose2d({ ...KEEPING, bias: false, route }));
      using both = new HeapTensor([3 * count]);
      for (const [from, to] of [
        [0, 0],
        [0, 4],
        [4, 0],
        [0, count],
        [count, 0],
        [1, 2],
        [8, 3],
        [3, count + 3],
        [0, count - 1],
        [2 * count, count],
        [2 * count, 1],
      ] as const) {
        both.data.fill(9);
        both.data.set(x.data, from);
        const input = { data: both.data.subarray(from, from + count), shape: x.shape };
        const out = { data: both.data.subarray(to, to + count), shape: x.shape };
        expectSame(forced.forward(input, { out }), wanted);
        // And nothing else was written.
        const touched = new Set(
          Array.from({ length: count }, (_, index) => [from + index, to + index]).flat(),
        );
        expect(both.data.every((value, index) => touched.has(index) || value === 9)).toBe(true);
      }
      using whole = onHeap(x);
      expectSame(forced.forward(whole, { out: whole }), wanted);
    }
  });

  it('images of a batch, one by one, without a copy of the caller', () => {
    // One image and three may take other routes, which add a bias of any value at other times.
    using layer = settle(new ConvTranspose2d({ ...UP, bias: false }));
    const x = quarters([3, 4, 5, 6], seed);
    const wanted = layer.forward(x);
    using heapX = onHeap(x);
    using heapY = new HeapTensor(wanted.shape);
    const [size, outSize] = [sizeOf(x.shape) / 3, sizeOf(wanted.shape) / 3];
    for (let image = 0; image < 3; image += 1) {
      layer.forward(
        { data: heapX.data.subarray(image * size, (image + 1) * size), shape: x.shape.slice(1) },
        {
          out: {
            data: heapY.data.subarray(image * outSize, (image + 1) * outSize),
            shape: wanted.shape.slice(1),
          },
        },
      );
    }
    expectSame(heapY, wanted);
  });

  it('memory that a tensor no longer holds is refused', () => {
    using layer = settle(new ConvTranspose2d(UP));
    const shape = [1, 4, 5, 6];
    const x = quarters(shape, seed);
    const tensor = onHeap(x);
    const { data } = tensor;
    const { liveTensors } = memoryUsage();
    tensor.dispose();
    tensor.dispose();
    expect(tensor.disposed).toBe(true);
    expect(memoryUsage().liveTensors).toBe(liveTensors - 1);
    expectError(
      caught(() => tensor.data),
      'DISPOSED',
      'HeapTensor.data',
    );
    expectError(
      caught(() => layer.forward(tensor)),
      'DISPOSED',
      'HeapTensor.data',
    );
    const where = 'ConvTranspose2d.forward';
    expectError(
      caught(() => layer.forward({ data, shape })),
      'BAD_BUFFER',
      where,
    );
    using out = new HeapTensor(layer.outputShape(shape));
    const wide = {
      data: new Float32Array(out.data.buffer, out.data.byteOffset + 16, out.data.length),
      shape: out.shape,
    };
    expectError(
      caught(() => layer.forward(x, { out: wide })),
      'BAD_BUFFER',
      where,
    );
    expectSame(layer.forward(x, { out }), layer.forward(x));
  });

  it('a view of memory that holds another tensor now is refused, whole and in parts, wherever one is taken', () => {
    using layer = settle(new ConvTranspose2d(UP));
    const shape = [1, 4, 5, 6];
    const count = sizeOf(shape);
    const x = quarters(shape, seed);
    const first = new HeapTensor([count + 8]);
    const kept = first.data;
    const part = kept.subarray(8);
    const { byteOffset } = kept;
    first.dispose();
    using second = new HeapTensor([count + 8]);
    // Disposing frees at once: the same place, and nothing but its history tells the views apart.
    expect(second.data.byteOffset).toBe(byteOffset);
    second.data.set(x.data, 8);
    const wanted = layer.forward(x);
    const parts = {
      'the view': kept.subarray(8, 8 + count),
      'a part of before': part,
      'a part of a part': part.subarray(0),
      'a part by Float32Array’s own method': Float32Array.prototype.subarray.call(second.data, 8),
      'a view made by hand': new Float32Array(second.data.buffer, byteOffset + 32, count),
    };
    for (const data of Object.values(parts)) {
      const stale = { data, shape };
      const out = { data: data.subarray(0, 4), shape: [1, 4, 1, 1] };
      using point = new ConvTranspose2d({ inChannels: 4, outChannels: 4, kernelSize: 1, seed: 1 });
      for (const [where, call] of [
        ['ConvTranspose2d.forward', () => layer.forward(stale)],
        ['ConvTranspose2d.forward', () => point.forward(zeros(1, 4, 1, 1), { out })],
        ['ConvTranspose2d.backward', () => layer.backward(stale, wanted)],
        ['ConvTranspose2d.backward', () => point.backward(stale, stale)],
        ['ConvTranspose2d.setWeight', () => point.setWeight(data.subarray(0, 16))],
        ['ConvTranspose2d.setBias', () => point.setBias(out.data)],
        ['convTranspose', () => convTranspose(stale, layer.weight)],
        ['convTranspose', () => convTranspose(x, { data: data.subarray(0, 4), shape: [4, 1, 1, 1] })],
        ['meanSquaredError', () => meanSquaredError(stale, x)],
        ['ReLU.forward', () => new ReLU().forward(stale)],
        ['analyze', () => analyze({ geometry: { stride: 2 }, weight: { data, shape: [1, 1, data.length] } })],
        ['scoreImage', () => scoreImage({ data, shape: shape.slice(1) }, 2)],
        ['phaseGains', () => phaseGains(data, [{ kernelSize: data.length, stride: 2 }])],
      ] as const) {
        expectError(caught(call), 'BAD_BUFFER', where);
      }
    }
    // What is known is taken, however often it was divided.
    const known = second.data.subarray(4).subarray(4, 4 + count);
    expectSame(layer.forward({ data: known, shape }), wanted);
    // Copies are plain arrays, which belong to nobody.
    for (const copy of [known.slice(), known.map((value) => value), Float32Array.from(known)]) {
      expect(copy.constructor).toBe(Float32Array);
      expect(copy.buffer.byteLength).toBe(4 * count);
      expectSame(layer.forward({ data: copy, shape }), wanted);
    }
    expect(known).toEqual(x.data);
    expect(Object.prototype.toString.call(known)).toBe('[object Float32Array]');
  });

  it('shared memory that is not ours is refused as ever', () => {
    if (typeof SharedArrayBuffer !== 'function') return;
    using layer = new ConvTranspose2d(UP);
    const shape = [1, 4, 2, 2];
    const data = new Float32Array(new SharedArrayBuffer(64));
    using mine = new HeapTensor(shape);
    layer.forward(mine);
    const where = 'ConvTranspose2d.forward';
    expectError(
      caught(() => layer.forward({ data, shape })),
      'BAD_BUFFER',
      where,
    );
    expectError(
      caught(() => layer.setWeight(data)),
      'BAD_BUFFER',
      'ConvTranspose2d.setWeight',
    );
  });

  it('tensors are zeros at first, counted, and refused where there is no room', () => {
    const forwardNothing = (): void => {
      using none = new HeapTensor([0, 4, 5, 6]);
      using layer = new ConvTranspose2d(UP);
      using out = new HeapTensor([0, 4, 10, 12]);
      expect(layer.forward(none, { out })).toBe(out);
    };
    // The allocator gives the gaps in front of blocks to others: from the second time on they are where they were.
    forwardNothing();
    const start = memoryUsage();
    for (let round = 0; round < 3; round += 1) {
      using tensor = new HeapTensor([2, 3]);
      expect(tensor.shape).toEqual([2, 3]);
      expectSame(tensor, zeros(2, 3));
      expect(tensor.data.byteOffset % 16).toBe(0);
      tensor.data.fill(7);
      expect(memoryUsage().liveTensors).toBe(start.liveTensors + 1);
      expect(memoryUsage().usedBytes).toBeGreaterThanOrEqual(start.usedBytes + 24);
    }
    forwardNothing();
    expect(memoryUsage()).toEqual(start);
    for (const [shape, code] of [
      [undefined, 'BAD_TYPE'],
      [3, 'BAD_TYPE'],
      [['3'], 'BAD_TYPE'],
      [[-1], 'BAD_SHAPE'],
      [[1.5], 'BAD_SHAPE'],
      [[2 ** 30], 'TOO_LARGE'],
      [[2 ** 29], 'OUT_OF_MEMORY'],
    ] as const) {
      expectError(
        caught(() => new HeapTensor(shape as never)),
        code,
        'HeapTensor',
      );
    }
    expect(memoryUsage().liveTensors).toBe(start.liveTensors);
  });

  it('gradients, parameters and calls without a layer take them', () => {
    using layer = settle(new ConvTranspose2d(UP));
    const x = quarters([1, 4, 5, 6], seed);
    const y = layer.forward(x);
    const grad = quarters(y.shape, seed + 1);
    const wanted = layer.backward(x, grad);
    using heapX = onHeap(x);
    using heapGrad = onHeap(grad);
    expect(layer.backward(heapX, heapGrad)).toEqual(wanted);
    using weight = onHeap(layer.weight);
    using bias = onHeap(layer.bias as Tensor);
    layer.setWeight(weight).setBias(bias);
    expectSame(layer.forward(heapX), y);
    const options = { stride: 2, padBefore: 1, padAfter: 1, bias };
    expectSame(convTranspose(heapX, weight, options), y);
    using kernel = onHeap(quarters([3, 4, 3, 3], seed));
    expectSame(conv(heapX, kernel), conv(x, { data: kernel.data.slice(), shape: kernel.shape }));
    using net = new Sequential(new ConvTranspose2d(UP), new ReLU(), new ConvTranspose2d(UP));
    const target = zeros(...net.forward(x).shape);
    const [plain, heap] = [x, heapX].map((input) => {
      const pass = net.trace(input);
      return pass.backward(meanSquaredError(pass.output, target).gradient);
    });
    expect(heap).toEqual(plain);
  });

  it('gradients of tensors on a heap that grows meanwhile', async () => {
    await shutdown();
    await init(build.options);
    using layer = settle(new ConvTranspose2d({ ...UP, inChannels: 16, outChannels: 16 }));
    const x = quarters([1, 16, 200, 200], seed);
    using heapX = onHeap(x);
    using heapGrad = onHeap(quarters(layer.outputShape(x.shape), seed + 1));
    const { heapBytes } = memoryUsage();
    const got = layer.backward(heapX, heapGrad);
    expect(memoryUsage().heapBytes).toBeGreaterThan(heapBytes);
    const wanted = layer.backward(x, { data: heapGrad.data.slice(), shape: heapGrad.shape });
    expectSame(got.input, wanted.input);
    expectSame(got.weight, wanted.weight);
  });

  it('parameters of a call without a layer on a heap that grows meanwhile', async () => {
    await shutdown();
    await init(build.options);
    const weight = quarters([1500, 1500, 1, 1], seed);
    const x = quarters([1, 1500, 1, 1], seed + 1);
    using heapWeight = onHeap(weight);
    using heapX = onHeap(x);
    const { heapBytes } = memoryUsage();
    const got = conv(heapX, heapWeight);
    expect(memoryUsage().heapBytes).toBeGreaterThan(heapBytes);
    expectSame(got, conv(x, weight));
  });

  it('a call on the heap needs the same module still', async () => {
    const tensor = new HeapTensor([1, 4, 2, 2]);
    const { data } = tensor;
    using layer = new ConvTranspose2d(UP);
    await shutdown();
    expectError(
      caught(() => tensor.data),
      'NOT_INITIALIZED',
      'HeapTensor.data',
    );
    expectError(
      caught(() => new HeapTensor([1])),
      'NOT_INITIALIZED',
      'HeapTensor',
    );
    await init(build.options);
    expectError(
      caught(() => layer.forward(tensor)),
      'NOT_INITIALIZED',
      'HeapTensor.data',
    );
    const stale = { data, shape: tensor.shape };
    expectError(
      caught(() => layer.forward(stale)),
      'BAD_BUFFER',
      'ConvTranspose2d.forward',
    );
    tensor.dispose();
    expectError(
      caught(() => tensor.data),
      'DISPOSED',
      'HeapTensor.data',
    );
    expect(memoryUsage().liveTensors).toBe(0);
  });
});

it('without a module there is no heap', () => {
  onTestFinished(shutdown);
  expectError(
    caught(() => new HeapTensor([1])),
    'NOT_INITIALIZED',
    'HeapTensor',
  );
});
