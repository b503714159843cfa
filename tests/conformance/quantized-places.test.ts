// A quantized layer takes its tensors from where any layer does, and puts its result where it is told to.

import {
  Conv2d,
  ConvTranspose2d,
  type ExecutionOptions,
  HeapTensor,
  init,
  memoryUsage,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import {
  calibrate,
  compareToFloat32,
  type Int8Tensor,
  type QuantizedLayer,
  quantize,
} from 'deconv-wasm/quantize';
import { ReLU, Sequential } from 'deconv-wasm/training';
import { expect, it } from 'vitest';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { caught, expectError } from '../support/errors.js';
import { randomTensor, sizeOf, zeros } from '../support/tensors.js';

const SHAPE = [2, 5, 7, 6];
const UP_OPTIONS = { inChannels: 5, outChannels: 3, kernelSize: 4, stride: 2, padding: 1, seed: 2 };
const UP = new ConvTranspose2d(UP_OPTIONS);
// Its input and output have one shape, so that they may lie in one place.
const SAME_OPTIONS = { inChannels: 5, outChannels: 5, kernelSize: 3, padding: 1, seed: 2 };
const SAME = new Conv2d(SAME_OPTIONS);

const MODES: Readonly<Record<string, (layer: ConvTranspose2d | Conv2d) => QuantizedLayer>> = {
  dynamic: (layer) => quantize(layer),
  static: (layer) => quantize(layer, calibrate(layer as Conv2d, [randomTensor(SHAPE, 1)])),
};

function onHeap(values: Tensor): HeapTensor {
  const tensor = new HeapTensor(values.shape);
  tensor.data.set(values.data);
  return tensor;
}

const int8 = (...shape: number[]): Int8Tensor => ({ data: new Int8Array(sizeOf(shape)), shape });

describeEachBuild((build) => {
  it.each(Object.keys(MODES))('%s: a HeapTensor while the very call grows the heap', async (mode) => {
    const wanted = new Map<string, Tensor>();
    for (const place of ['plain', 'heap', 'part', 'heap, out']) {
      // A heap that has never grown: everything that the call needs must be made room for.
      await shutdown();
      await init(build.options);
      const layer = (MODES[mode] as (layer: Conv2d) => QuantizedLayer)(SAME);
      const shape = [1, 5, 700, 500];
      const values = randomTensor(shape, 3);
      const before = memoryUsage().heapBytes;
      // Not a multiple of 16 bytes from its begin.
      const parent = new HeapTensor([values.data.length + 1]);
      parent.data.set(values.data, 1);
      const x =
        place === 'plain'
          ? values
          : place === 'part'
            ? { data: parent.data.subarray(1), shape }
            : onHeap(values);
      const out = place === 'heap, out' ? new HeapTensor(shape) : undefined;
      const y = layer.forward(x, out === undefined ? {} : { out });
      if (out !== undefined) expect(y).toBe(out);
      wanted.set(place, { data: y.data.slice(), shape: [...y.shape] });
      expect(memoryUsage().heapBytes).toBeGreaterThan(before);
      // The input is as it was.
      expect(parent.data.subarray(1)).toEqual(values.data);
      if (place !== 'part') expect(x.data).toEqual(values.data);
      layer.dispose();
    }
    for (const y of wanted.values()) expect(y).toEqual(wanted.get('plain'));
    await shutdown();
    await init(build.options);
  });

  it.each(Object.keys(MODES))('%s: out receives what a new tensor would', (mode) => {
    using layer = (MODES[mode] as (layer: ConvTranspose2d) => QuantizedLayer)(UP);
    for (const activation of ['relu', undefined] as const) {
      const options = activation === undefined ? {} : { activation };
      const x = randomTensor(SHAPE, 4);
      const wanted = layer.forward(x, options);
      for (const from of [x, onHeap(x)]) {
        for (const out of [zeros(...wanted.shape), new HeapTensor(wanted.shape)]) {
          for (let call = 0; call < 3; call += 1) {
            out.data.fill(Number.NaN);
            expect(layer.forward(from, { ...options, out })).toBe(out);
            expect([...out.data]).toEqual([...wanted.data]);
          }
        }
      }
    }
  });

  it.each(Object.keys(MODES))('%s: out may be the input, or overlap it', (mode) => {
    using layer = (MODES[mode] as (layer: Conv2d) => QuantizedLayer)(SAME);
    const x = randomTensor(SHAPE, 5);
    const wanted = layer.forward(x);
    const count = x.data.length;
    for (const make of [(length: number) => zeros(length), (length: number) => new HeapTensor([length])]) {
      for (const distance of [0, 1, 4, 17, count - 1]) {
        for (const back of [false, true]) {
          const room = make(count + distance);
          const [from, to] = back ? [distance, 0] : [0, distance];
          room.data.set(x.data, from);
          const out = { data: room.data.subarray(to, to + count), shape: SHAPE };
          layer.forward({ data: room.data.subarray(from, from + count), shape: SHAPE }, { out });
          expect([...out.data]).toEqual([...wanted.data]);
        }
      }
    }
  });

  it('int8 tensors in and out, over each other as well', () => {
    using layer = (MODES.static as (layer: Conv2d) => QuantizedLayer)(SAME);
    const x = randomTensor(SHAPE, 6);
    const steps = layer.forwardInt8(x);
    const again = layer.forwardInt8(steps);
    const asFloats = layer.forward(steps);
    for (let call = 0; call < 3; call += 1) {
      const out = int8(...SHAPE);
      expect(layer.forwardInt8(x, { out })).toBe(out);
      expect(out.data).toEqual(steps.data);
      expect(layer.forwardInt8(out, { out })).toBe(out);
      expect(out.data).toEqual(again.data);
      const floats = new HeapTensor(SHAPE);
      layer.forward(steps, { out: floats });
      expect([...floats.data]).toEqual([...asFloats.data]);
    }
    // One buffer for both: bytes behind the floats that they come from, and in their middle.
    const buffer = new ArrayBuffer(8 * x.data.length);
    const floats = { data: new Float32Array(buffer, 0, x.data.length), shape: SHAPE };
    floats.data.set(x.data);
    const bytes = { data: new Int8Array(buffer, x.data.length, x.data.length), shape: SHAPE };
    expect(layer.forwardInt8(floats, { out: bytes }).data).toEqual(steps.data);
  });

  it('samples may be parts of a HeapTensor, and the result may go over them', async () => {
    await shutdown();
    await init(build.options);
    const shape = [1, 5, 700, 500];
    const values = randomTensor(shape, 3);
    const parent = new HeapTensor([values.data.length + 1]);
    parent.data.set(values.data, 1);
    const before = memoryUsage().heapBytes;
    const ranges = calibrate(SAME, [{ data: parent.data.subarray(1), shape }]);
    expect(memoryUsage().heapBytes).toBeGreaterThan(before);
    expect(ranges).toEqual(calibrate(SAME, [values]));
    const both = { data: values.data.slice(), shape };
    expect(calibrate(SAME, [both], { out: both })).toEqual(ranges);
    await shutdown();
    await init(build.options);
    const again = new HeapTensor([values.data.length + 1]);
    again.data.set(values.data, 1);
    using small = quantize(SAME);
    const report = compareToFloat32(SAME, small, [{ data: again.data.subarray(1), shape }]);
    expect(report).toEqual(compareToFloat32(SAME, small, [values]));
  });

  it('a wrong out is refused before anything changes, and the layer goes on', () => {
    using layer = (MODES.static as (layer: ConvTranspose2d) => QuantizedLayer)(UP);
    const x = randomTensor(SHAPE, 7);
    const shape = layer.outputShape(SHAPE);
    const good = zeros(...shape);
    const wanted = layer.forward(x, { out: good }).data.slice();
    const freed = new HeapTensor(shape);
    const stale = { data: freed.data, shape };
    freed.dispose();
    for (const [out, code] of [
      [zeros(...SHAPE), 'BAD_SHAPE'],
      [{ data: new Float32Array(3), shape }, 'BAD_SHAPE'],
      [int8(...shape), 'BAD_TYPE'],
      [null, 'BAD_TYPE'],
      [stale, 'BAD_BUFFER'],
    ] as const) {
      const error = caught(() => layer.forward(x, { out } as never));
      expectError(error, code, 'QuantizedConvTranspose2d.forward');
      expect(layer.forward(x, { out: good }).data).toEqual(wanted);
    }
    for (const [out, code] of [
      [int8(...SHAPE), 'BAD_SHAPE'],
      [good, 'BAD_TYPE'],
      [{ data: new Int8Array(3), shape }, 'BAD_SHAPE'],
    ] as const) {
      const error = caught(() => layer.forwardInt8(x, { out } as never));
      expectError(error, code, 'QuantizedConvTranspose2d.forwardInt8');
    }
    expect(good.data).toEqual(wanted);
  });

  it('an image without a range leaves out as it was, also for the images before it', () => {
    using layer = quantize(UP);
    for (const place of [zeros, (...shape: number[]) => new HeapTensor(shape)]) {
      const x = place(...SHAPE);
      x.data.set(randomTensor(SHAPE, 8).data);
      x.data[x.data.length - 1] = Number.NaN;
      const out = place(...layer.outputShape(SHAPE));
      out.data.fill(7);
      expect(caught(() => layer.forward(x, { out })).code).toBe('BAD_OPTION');
      expect(new Set(out.data)).toEqual(new Set([7]));
      x.data[x.data.length - 1] = 1;
      expect(layer.forward(x, { out })).toBe(out);
      expect(out.data.includes(7)).toBe(false);
    }
  });

  it.each(Object.keys(MODES))('%s: tells how it computes, and every route gives the same', (mode) => {
    const x = randomTensor(SHAPE, 1);
    for (const make of [
      (options: ExecutionOptions) => new ConvTranspose2d({ ...UP_OPTIONS, ...options }),
      (options: ExecutionOptions) => new Conv2d({ ...SAME_OPTIONS, ...options }),
    ]) {
      // One calibration: routes of float32 differ in their rounding.
      const settings = mode === 'static' ? calibrate(make({}) as Conv2d, [x]) : {};
      const on = (options: ExecutionOptions) => quantize(make(options) as Conv2d, settings);
      using small = on({});
      expect(small.plan).toBeNull();
      const y = small.forward(x);
      const { plan } = small;
      expect(plan).toMatchObject({ build: build.options.build, threads: build.options.threads });
      expect(plan?.reason).toMatch(/^estimated /);
      expect(Object.isFrozen(plan?.candidates)).toBe(true);
      let taken = 0;
      for (const { route, estimate, refusal } of plan?.candidates ?? []) {
        using forced = on({ route });
        if (refusal === null) {
          expect(estimate).toBeGreaterThan(0);
          expect(forced.forward(x)).toEqual(y);
          expect(forced.plan).toMatchObject({
            route,
            reason: expect.stringMatching(/^forced by the caller/),
          });
          taken += 1;
        } else {
          const error = caught(() => forced.forward(x));
          expectError(error, 'UNSUPPORTED', 'Quantized\\w+.forward');
          expect(error.message).toContain(refusal);
        }
      }
      expect(taken).toBeGreaterThan(3);
      using measured = on({ planning: 'measure' });
      expect(measured.forward(x)).toEqual(y);
      expect(measured.plan?.reason).toMatch(/^measured /);
    }
  });

  it.each(Object.keys(MODES))('%s: stands in a Sequential, whose ReLU it computes', (mode) => {
    const model = new Sequential((MODES[mode] as (layer: Conv2d) => QuantizedLayer)(SAME), new ReLU(), UP);
    const [first] = model.modules as [QuantizedLayer, ReLU, ConvTranspose2d];
    const x = randomTensor(SHAPE, 9);
    const y = model.forward(x);
    expect(y).toEqual(UP.forward(first.forward(x, { activation: 'relu' })));
    const clamped = first.forward(x).data.map((value) => Math.max(value, 0));
    expect([...first.forward(x, { activation: 'relu' }).data]).toEqual([...clamped]);
    expectError(
      caught(() => model.backward(x, y)),
      'UNSUPPORTED',
      'Sequential.backward',
    );
    expect(model.forward(x)).toEqual(y);
    expect(model.layers).toEqual([UP]);
    first.dispose();
    expect(caught(() => model.forward(x)).code).toBe('DISPOSED');
  });
}, SOME_BUILDS);
