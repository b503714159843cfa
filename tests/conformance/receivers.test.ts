// What members say whose `this` is a Proxy around the object, as reactive state of frameworks has them, or an object
// that inherits from it.

import {
  Conv2d,
  ConvTranspose2d,
  createRuntime,
  Dropout,
  Graph,
  HeapTensor,
  init,
  LayerNorm,
  Linear,
  PReLU,
  shutdown,
  Unflatten,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { ResizeConv2d, SmoothConvTranspose2d } from 'deconv-wasm/checkerboard';
import { fromOnnx } from 'deconv-wasm/convert';
import { kernelMatrix } from 'deconv-wasm/d2l';
import { quantize } from 'deconv-wasm/quantize';
import { BatchNorm2d, GroupNorm, ReLU, Sequential } from 'deconv-wasm/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { caught, expectError, rejection } from '../support/errors.js';
import { zeros } from '../support/tensors.js';

beforeAll(() => init());
afterAll(shutdown);

const GEOMETRY = { inChannels: 2, outChannels: 2, kernelSize: 3 };

const KINDS: Readonly<Record<string, () => object>> = {
  Conv2d: () => new Conv2d(GEOMETRY),
  ConvTranspose2d: () => new ConvTranspose2d(GEOMETRY),
  brainstate: () => new brainstate.Conv2d({ inSize: [5, 5, 2], outChannels: 2, kernelSize: 3 }),
  ResizeConv2d: () => new ResizeConv2d({ ...GEOMETRY, scaleFactor: 2 }),
  SmoothConvTranspose2d: () => new SmoothConvTranspose2d({ ...GEOMETRY, stride: 2 }),
  fromOnnx: () => fromOnnx('Conv', {}, { weight: zeros(2, 2, 3, 3) }),
  quantize: () => quantize(new Conv2d(GEOMETRY)),
  HeapTensor: () => new HeapTensor([2]),
  Sequential: () => new Sequential(new Conv2d(GEOMETRY), new ReLU()),
  Graph: () => new Graph(),
  BatchNorm2d: () => new BatchNorm2d({ numFeatures: 2 }),
  ReLU: () => new ReLU(),
  PReLU: () => new PReLU(),
  GroupNorm: () => new GroupNorm({ numGroups: 1, numChannels: 2 }),
  LayerNorm: () => new LayerNorm({ normalizedShape: 2 }),
  Linear: () => new Linear({ inFeatures: 2, outFeatures: 2 }),
  Unflatten: () => new Unflatten({ dim: 1, unflattenedSize: [1, 2] }),
  Dropout: () => new Dropout(),
  kernelMatrix: () => kernelMatrix(zeros(2, 2), [3, 3]),
};

/** Whatever a program may ask for: names of the prototypes but constructors. */
function membersOf(value: object): string[] {
  const names = new Set<string>();
  for (let at = value; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  names.delete('constructor');
  return [...names];
}

/** For programs without types; what is internal may do as it likes. */
const INTERNAL =
  /^(specFor|specForOutput|readInputShape|outputShapeUnder|readShape|reshaped|checkCount|gatherStatistics|move|lastPass|under|resume|again|definition|planShape|compute|computeGradients|gradients|apply|applyForParameters|children)$/;

it.each(Object.keys(KINDS))('%s', (kind) => {
  const own = (KINDS[kind] as () => object)();
  const heir: object = Object.create(own) as object;
  let refused = 0;
  for (const name of membersOf(own)) {
    if (INTERNAL.test(name)) continue;
    for (const receiver of [new Proxy(own, {}), heir]) {
      try {
        const member = Reflect.get(receiver, name) as unknown;
        if (typeof member === 'function') Reflect.apply(member, receiver, []);
      } catch (error) {
        const told = caught(() => {
          throw error;
        });
        expectError(told, 'BAD_TYPE', told.detail.where as string);
        expect(told.message, name).toContain('the object itself');
        refused += 1;
      }
    }
  }
  expect(refused).toBeGreaterThan(0);
  for (const name of [
    'forward',
    'backward',
    'outputShape',
    'setWeight',
    'extraRepr',
    'dispose',
    'multiply',
    'toDense',
  ]) {
    const member = Reflect.get(own, name) as unknown;
    if (typeof member !== 'function') continue;
    for (const receiver of [undefined, {}]) {
      const told = caught(() => Reflect.apply(member, receiver, [[1, 2, 5, 5]]) as unknown);
      expectError(told, 'BAD_TYPE', told.detail.where as string);
      expect(told.detail.where).toMatch(new RegExp(`\\.${name}$`));
    }
  }
  (own as { dispose?(): void }).dispose?.();
});

it('a call that meets a Proxy says what it met', () => {
  using layer = new Conv2d(GEOMETRY);
  using x = new HeapTensor([1, 2, 5, 5]);
  expectError(
    caught(() => quantize(new Proxy(layer, {}))),
    'BAD_TYPE',
    'Layer.Symbol.+',
  );
  expectError(
    caught(() => layer.forward(new Proxy(x, {}))),
    'BAD_TYPE',
    'HeapTensor.data',
  );
});

it('a Proxy around a runtime, or an heir, is told from it', async () => {
  const own = await createRuntime();
  for (const strange of [new Proxy(own, {}), Object.create(own) as typeof own]) {
    expectError(
      caught(() => strange.ended),
      'BAD_TYPE',
      'Runtime.ended',
    );
    expectError(
      caught(() => strange.memoryUsage()),
      'BAD_TYPE',
      'Runtime.memoryUsage',
    );
    expectError(await rejection(() => strange.shutdown()), 'BAD_TYPE', 'Runtime.shutdown');
    const told = caught(() => new Conv2d({ ...GEOMETRY, runtime: strange }));
    expectError(told, 'BAD_TYPE', 'Runtime.Symbol.+');
    expect(told.message).toContain('the object itself');
  }
  expect(own.ended).toBe(false);
  await own.shutdown();
});
