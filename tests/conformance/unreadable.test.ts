// What does not let itself be read: Proxies that were revoked, which throw at whatever is asked of them, and data whose
// getter throws. It is refused in words, with a code. What another getter of the caller's throws is the caller's.

import * as root from 'deconv-wasm';
import { Conv2d, ConvTranspose2d, init, shutdown } from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import * as checkerboard from 'deconv-wasm/checkerboard';
import * as convert from 'deconv-wasm/convert';
import * as models from 'deconv-wasm/models';
import { readModel, writeSafetensors } from 'deconv-wasm/models';
import * as network from 'deconv-wasm/network';
import { quantize } from 'deconv-wasm/quantize';
import * as training from 'deconv-wasm/training';
import { Sequential } from 'deconv-wasm/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parcelOf } from '../../web/lib/worker/transfer.js';
import { revoked } from '../support/bad-tensors.js';
import { ENTRIES } from '../support/entries.js';
import { caught, expectError, rejection } from '../support/errors.js';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';
import { zeros } from '../support/tensors.js';

beforeAll(() => init());
afterAll(shutdown);

/** Classes that readers and other functions make, whose constructors are nobody's to call. */
const MADE = ['ConvertedLayer', 'Model', 'ModelLayer', 'Network', 'QuantizedLayer', 'DeconvError'];
/** They end the runtime; give on what they are given; take a Blob or bytes as they are. */
const LEFT_OUT = ['shutdown', 'transfer', 'blobSource', 'bytesSource'];

/** What may stand before the argument that cannot be read, and behind it. */
const ARGUMENTS = (): readonly (readonly unknown[])[] => [
  [],
  [zeros(1, 1, 5, 5)],
  [zeros(1, 1, 5, 5), zeros(1, 1, 3, 3)],
  [zeros(1, 1, 5, 5), 1],
  [new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3 })],
  [{ inChannels: 2, outChannels: 2, kernelSize: 3 }],
  [[3, 3]],
  [[1, 2, 3], [{ kernelSize: 3, stride: 2 }]],
  ['Conv'],
  ['ConvTranspose', {}],
];

async function thrownBy(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  return undefined;
}

const isTold = (error: unknown) =>
  error === undefined || (root.isDeconvError(error) && error.code !== 'INTERNAL');

it('every function and constructor of every entry refuses revoked Proxies in words, or does without', async () => {
  const bare = new Set<string>();
  let refused = 0;
  for (const [entry, members] of Object.entries(ENTRIES)) {
    for (const [name, value] of Object.entries(members) as [string, unknown][]) {
      if (typeof value !== 'function' || MADE.includes(name) || LEFT_OUT.includes(name)) continue;
      const isClass = /^class\b/.test(Function.prototype.toString.call(value));
      for (const given of ARGUMENTS()) {
        for (let at = 0; at <= Math.min(given.length, 3); at += 1) {
          const args = [...given];
          args[at] = revoked();
          const error = await thrownBy(() =>
            isClass ? Reflect.construct(value, args) : Reflect.apply(value, undefined, args),
          );
          if (!isTold(error))
            bare.add(`${entry}: ${name}, argument ${at} of ${args.length}: ${String(error)}`);
          if (error !== undefined) refused += 1;
        }
      }
    }
  }
  expect([...bare]).toEqual([]);
  expect(refused).toBeGreaterThan(1000);
});

const LAYER = {
  inChannels: 2,
  outChannels: 2,
  kernelSize: 3,
  padding: 1,
  stride: 1,
  dilation: 1,
  bias: true,
  seed: 1,
};
const EXECUTION = { route: 'auto', precision: 'exact', runtime: undefined };
const OPTIONS: readonly (readonly [string, (options: never) => unknown, object])[] = [
  ['Conv2d', (options) => new Conv2d(options), { ...LAYER, ...EXECUTION }],
  ['ConvTranspose2d', (options) => new ConvTranspose2d(options), { ...LAYER, outputPadding: 0 }],
  ['Linear', (options) => new root.Linear(options), { inFeatures: 2, outFeatures: 2 }],
  ['AvgPool2d', (options) => new root.AvgPool2d(options), { kernelSize: 2, padding: 0 }],
  ['AdaptiveAvgPool2d', (options) => new root.AdaptiveAvgPool2d(options), { outputSize: 2 }],
  ['BatchNorm2d', (options) => new root.BatchNorm2d(options), { numFeatures: 2, eps: 1e-5, affine: true }],
  ['LayerNorm', (options) => new root.LayerNorm(options), { normalizedShape: [2] }],
  ['ReflectionPad2d', (options) => new root.ReflectionPad2d(options), { padding: 1 }],
  ['Unflatten', (options) => new root.Unflatten(options), { dim: 1, unflattenedSize: [1, 2] }],
  ['Upsample', (options) => new root.Upsample(options), { size: 4, scaleFactor: undefined, mode: 'nearest' }],
  [
    'brainstate.Conv2d',
    (options) => new brainstate.Conv2d(options),
    {
      inSize: [5, 5, 2],
      outChannels: 2,
      kernelSize: 3,
      stride: 1,
      padding: 'SAME',
      wInit: 1,
      bInit: 0,
      wMask: 1,
    },
  ],
  ['brainstate.Normal', (options) => brainstate.Normal(options)([2, 3]), { mean: 0, scale: 1, seed: 1 }],
  [
    'convert.fromOnnx',
    (options) => convert.fromOnnx('Conv', options, { weight: zeros(1, 1, 3, 3) }),
    { strides: [1, 1], pads: [0, 0, 0, 0], kernel_shape: [3, 3] },
  ],
  [
    'checkerboard.analyze',
    (options) => checkerboard.analyze({ geometry: options, weight: zeros(1, 1, 3, 3) }),
    { stride: 2, padding: 0, pixelShuffle: undefined, upsample: undefined },
  ],
  [
    'conv',
    (options) => root.conv(zeros(1, 1, 5, 5), zeros(1, 1, 3, 3), options),
    { stride: 1, bias: null, padding: 0 },
  ],
];

it.each(OPTIONS)('an option of %s that is a revoked Proxy', (_, make, good) => {
  make(good as never);
  const told = Object.keys(good).map((name) => {
    try {
      make({ ...good, [name]: revoked() } as never);
    } catch (error) {
      return isTold(error) ? null : `${name}: ${String(error)}`;
    }
    return null;
  });
  expect(told.filter((one) => one !== null)).toEqual([]);
  const names = Object.keys(good).filter((name) => {
    return root.isDeconvError(thrown(() => make({ ...good, [name]: revoked() } as never)));
  });
  expect(names).toEqual(Object.keys(good));
});

function thrown(act: () => unknown): unknown {
  try {
    return void act();
  } catch (error) {
    return error;
  }
}

it('methods refuse revoked Proxies in words, and go on', async () => {
  using layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3 });
  using chain = new Sequential(layer, new root.ReLU());
  const x = zeros(1, 1, 5, 5);
  const subjects: readonly object[] = [layer, chain, quantize(layer), new root.AvgPool2d({ kernelSize: 2 })];
  // What they have in common, in a layer's words.
  for (const subject of subjects as readonly Conv2d[]) {
    const y = subject.forward(x);
    for (const act of [
      () => subject.forward(revoked() as never),
      () => subject.forward(x, revoked() as never),
      () => subject.forward(x, { out: revoked() } as never),
      () => subject.backward(revoked() as never, y),
      () => subject.backward(x, revoked() as never),
      () => subject.loadStateDict(revoked() as never),
      () => subject.loadStateDict({ weight: revoked() } as never),
    ]) {
      const error = thrown(act);
      // A pool has no state, and a quantized layer no gradients.
      const isMissing = error instanceof TypeError && /is not a function/.test(error.message);
      if (!isMissing) expectCode(error, subject === layer ? 'BAD_TYPE' : /^(BAD_TYPE|UNSUPPORTED)$/);
    }
    expect(subject.forward(x)).toEqual(y);
  }
  expectCode(
    thrown(() => chain.summary(revoked() as never)),
    'BAD_TYPE',
  );
  await using model = await readModel(writeSafetensors(layer.stateDict()));
  expectError(await rejection(() => readModel(revoked() as never)), 'BAD_TYPE', 'readModel');
  expect(model.tensors).toHaveLength(2);
});

it('what lists, shapes by name and paths are of is read as carefully', async () => {
  using layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3 });
  const step = training.sgd([layer]);
  await using model = await readModel(writeSafetensors({ w: zeros(1, 1, 3, 3) }), { geometry: { w: {} } });
  const [own] = model.layers as [models.ModelLayer];
  const changes = [{ layer: own, weight: zeros(1, 1, 3, 3) }];
  using net = await network.loadNetwork(
    onnx([node('Add', ['x', 'one'], ['y']), floats('one', [1], [1]), input('x', [2, 4]), output('y')]),
  );
  for (const act of [
    () => training.sgd([revoked() as never]),
    () => step([revoked() as never]),
    () => training.clipGradientNorm([revoked() as never], 1),
    () => training.clipGradientValue([revoked() as never], 1),
    () => models.patchModel(model, [revoked() as never]),
    () => models.patchModel(model, [{ layer: own, weight: revoked() as never }]),
    () => models.writeModel(model, changes, revoked() as never),
    () => net.prepare(revoked() as never),
    () => net.toGraph(revoked() as never),
    () => net.upsampling(revoked() as never),
  ])
    expectCode(await thrownBy(act), /^(BAD_TYPE|BAD_OPTION)$/);
  expect(step.steps).toBe(0);
});

function expectCode(error: unknown, code: root.DeconvErrorCode | RegExp): void {
  expect(root.isDeconvError(error) ? error.code : error).toMatch(code);
}

it('an error of a revoked Proxy can be told, sent and made anew', () => {
  const error = caught(() => new Conv2d(revoked() as never));
  expectError(error, 'BAD_TYPE', 'Conv2d');
  expect(error.message).toContain('got a value of type Object that throws');
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'BAD_TYPE' });
  expect(root.DeconvError.from(revoked())).toMatchObject({ code: 'INTERNAL' });
  expect(root.isDeconvError(revoked())).toBe(false);
});

const broken = (shape: readonly number[]): never =>
  Object.defineProperty({ shape }, 'data', {
    get: () => {
      throw new TypeError('on a GPU');
    },
    enumerable: true,
  }) as never;

it.each<[string, string, () => unknown]>([
  ['writeSafetensors', 'writeSafetensors', () => writeSafetensors({ w: broken([1]) })],
  [
    'wInit',
    'Conv2d',
    () =>
      new brainstate.Conv2d({
        inSize: [5, 5, 2],
        outChannels: 2,
        kernelSize: 3,
        wInit: broken([3, 3, 2, 2]),
      }),
  ],
  [
    'forwardInt8',
    'QuantizedConv2d.forwardInt8',
    () => {
      const unit = { scale: 1, zeroPoint: 0 };
      const layer = quantize(new Conv2d(LAYER as never), { input: unit, output: unit });
      return layer.forwardInt8(broken([1, 2, 5, 5]));
    },
  ],
  [
    'quantize',
    'QuantizedConv2d.forward',
    () => quantize(new Conv2d(LAYER as never)).forward(broken([1, 2, 5, 5])),
  ],
  ['analyze', 'analyze', () => checkerboard.analyze({ geometry: {}, weight: broken([1, 1, 3]) })],
  ['scoreImage', 'scoreImage', () => checkerboard.scoreImage(broken([1, 20, 20]), 2)],
  [
    'compareImages',
    'compareImages',
    () => checkerboard.compareImages(broken([1, 20, 20]), zeros(1, 20, 20), { axes: 2 }),
  ],
])('data that throw, in %s', (_, where, act) => {
  const error = caught(act);
  expectError(error, 'BAD_BUFFER', where);
  expect(error.message).toContain('on a GPU');
  expect((error.cause as Error).message).toBe('on a GPU');
});

it('what is posted to a worker may throw, too', () => {
  for (const value of [[broken([1])], revoked(), { options: revoked() }])
    expectCode(
      thrown(() => parcelOf('somewhere', value, 'copy')),
      'BAD_BUFFER',
    );
});

it('what another getter of the caller’s throws comes out as it is, and is not told as missing', () => {
  const own = new TypeError('mine');
  const throwing = (name: string, others: object = {}): never =>
    Object.defineProperty({ ...others }, name, {
      get: () => {
        throw own;
      },
      enumerable: true,
    }) as never;
  const layer = new Conv2d(LAYER as never);
  const unit = { scale: 1, zeroPoint: 0 };
  const chain = new root.Graph();
  chain.output(chain.apply(layer, chain.input('x')));
  const step = training.sgd([layer]);
  for (const act of [
    () => step([throwing('weight', { bias: zeros(2) })]),
    () => step([throwing('bias', { weight: layer.weight })]),
    () => chain.forward(throwing('x')),
    () => chain.summary(throwing('x')),
    () =>
      quantize(layer, { input: unit, output: unit }).forwardInt8(
        throwing('shape', { data: new Int8Array(50) }),
      ),
    () => new Conv2d(throwing('stride', LAYER)),
  ]) {
    expect(thrown(act)).toBe(own);
  }
  expect(step.steps).toBe(0);
});
