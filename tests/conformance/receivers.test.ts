// What members say whose `this` is a Proxy around the object, as reactive state of frameworks has them, or an object
// that inherits from it.

import * as root from 'deconv-wasm';
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
import * as models from 'deconv-wasm/models';
import { quantize } from 'deconv-wasm/quantize';
import { BatchNorm2d, GroupNorm, ReLU, Sequential } from 'deconv-wasm/training';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ENTRIES } from '../support/entries.js';
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
  /^(repr|outputExtents|structFor|weightOrder|computeGradients|specFor|specForOutput|readInputShape|outputShapeUnder|readShape|reshaped|checkCount|gatherStatistics|move|lastPass|under|resume|again|definition|planShape|compute|computeGradients|gradients|apply|applyForParameters|children)$/;

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

/** What has no method or getter of ours of its own: whatever else a program may call one on. */
const STRANGERS = (prototype: object): readonly unknown[] => [
  undefined,
  null,
  {},
  Object.create(null),
  [],
  () => {},
  1,
  1n,
  's',
  true,
  Symbol('s'),
  prototype,
  Object.create(prototype),
];

/** Prototypes of a class up to what the language has, each once. */
function* prototypesOf(prototype: object, seen: Set<object>): Generator<object> {
  for (let at = prototype; at !== Object.prototype && at !== Error.prototype; ) {
    if (seen.has(at)) return;
    seen.add(at);
    yield at;
    at = Object.getPrototypeOf(at) as object;
  }
}

/** How each public method and getter of a prototype was called on what is none of its objects, and what it threw. */
async function bareErrors(prototype: object): Promise<string[]> {
  const bare: string[] = [];
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name === 'constructor' || INTERNAL.test(name)) continue;
    const { get, set, value } = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
    for (const act of [get, set, value as unknown].filter((each) => typeof each === 'function')) {
      for (const stranger of STRANGERS(prototype)) {
        try {
          await Reflect.apply(act as () => unknown, stranger, []);
        } catch (error) {
          const told = root.isDeconvError(error) && error.code !== 'INTERNAL';
          if (!told) bare.push(`${prototype.constructor.name}.${name}: ${String(error)}`);
        }
      }
    }
  }
  return bare;
}

it('members of every class of every entry work on strangers, or refuse them in words', async () => {
  const seen = new Set<object>();
  const bare: string[] = [];
  for (const entry of Object.values(ENTRIES)) {
    for (const value of Object.values(entry) as unknown[]) {
      if (typeof value !== 'function' || !/^class\b/.test(Function.prototype.toString.call(value))) continue;
      for (const prototype of prototypesOf(value.prototype as object, seen)) {
        bare.push(...(await bareErrors(prototype)));
      }
    }
  }
  expect(seen.size).toBeGreaterThan(60);
  expect([...new Set(bare)]).toEqual([]);
});

it('members of what a model holds, too', async () => {
  await using model = await models.readModel(models.writeSafetensors({ w: zeros(2, 3) }));
  const [tensor] = model.tensors as [models.ModelTensor];
  const prototype = Object.getPrototypeOf(tensor) as object;
  expect(Object.getOwnPropertyNames(prototype)).toContain('read');
  expect(await bareErrors(prototype)).toEqual([]);
  const error = caught(() => Reflect.apply(tensor.read, {}, []));
  expectError(error, 'BAD_TYPE', 'ModelTensor.read');
  // It has no state of its own, so that a Proxy around it does.
  expect((await new Proxy(tensor, {}).read()).shape).toEqual([2, 3]);
  expect((await (Object.create(tensor) as typeof tensor).read()).shape).toEqual([2, 3]);
});

it('what is thrown may be anything, and becomes an error', () => {
  for (const thrown of [undefined, null, {}, Object.create(null), Symbol('s'), 1n]) {
    const error = root.DeconvError.from(thrown);
    expect([error.code, error.cause]).toEqual(['INTERNAL', thrown]);
    expect(error.toJSON()).toMatchObject({ name: 'DeconvError', code: 'INTERNAL' });
  }
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

it('a method that was taken off its object says so, and no word of Proxies alone', () => {
  const layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 });
  onTestFinished(() => layer.dispose());
  const x = { data: new Float32Array(1), shape: [1, 1, 1, 1] };
  for (const name of ['forward', 'backward', 'setWeight', 'toString'] as const) {
    const error = caught(() => [x].map(layer[name] as never));
    expect([error.code, error.message]).toEqual([
      'BAD_TYPE',
      `Layer.${name}: expected the object itself, got a Proxy, an heir or a call without it.`,
    ]);
  }
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
