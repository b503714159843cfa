// Chains of modules of every kind: calls in any order, against the same modules called one by one.

import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  ELU,
  GELU,
  GroupNorm,
  Hardswish,
  Hardtanh,
  HeapTensor,
  InstanceNorm2d,
  LayerNorm,
  LeakyReLU,
  MaxPool2d,
  type Module,
  PixelShuffle,
  PixelUnshuffle,
  PReLU,
  ReflectionPad2d,
  ReLU,
  ReplicationPad2d,
  Sequential,
  Sigmoid,
  SiLU,
  Snake,
  Softmax,
  Softplus,
  Tanh,
  type Tensor,
  Upsample,
  ZeroPad2d,
} from 'deconv-wasm';
import { badTensors } from '../support/bad-tensors.js';
import type { Action } from './actions.js';
import { valuesOf } from './places.js';
import { copyOf, expectSameBits, expectThat, type Reasons, type World } from './world.js';

type Drawn = Extract<Action, { readonly do: 'chain' }>;
type Step = Drawn['steps'][number];

/** What a chain may round otherwise: norms that are folded into weights, Winograd's sums. */
const ROUNDING = 1e-3;

const WRONG: Reasons['may'] = ['BAD_SHAPE', 'BAD_OPTION', 'TOO_LARGE'];

/** Makes a module for so many channels, and tells how many it leaves. */
type Make = (channels: number, a: number, b: number) => readonly [module: Module, channels: number];

const same =
  (make: (channels: number, a: number, b: number) => Module): Make =>
  (channels, a, b) => [make(channels, a, b), channels];

const MAKES: readonly Make[] = [
  (inChannels, a, b) => {
    const outChannels = 1 + (a % 6);
    const [kernelSize, stride] = [1 + (b % 3), 1 + (a % 2)];
    return [
      new Conv2d({ inChannels, outChannels, kernelSize, stride, padding: b % 2, seed: a }),
      outChannels,
    ];
  },
  (inChannels, a, b) => {
    const outChannels = 1 + (b % 6);
    const [kernelSize, stride] = [2 + (a % 3), 1 + (b % 2)];
    return [
      new ConvTranspose2d({ inChannels, outChannels, kernelSize, stride, padding: a % 2, seed: b }),
      outChannels,
    ];
  },
  same((numFeatures, a) => new BatchNorm2d({ numFeatures, affine: a % 3 > 0 })),
  same((numFeatures, a) => new InstanceNorm2d({ numFeatures, affine: a % 2 > 0 })),
  same(
    (numChannels, a) => new GroupNorm({ numGroups: numChannels % 2 === 0 ? 1 + (a % 2) : 1, numChannels }),
  ),
  same((normalizedShape) => new LayerNorm({ normalizedShape, layout: 'channels-first' })),
  same(() => new ReLU()),
  same((_, a) => new LeakyReLU({ negativeSlope: a / 100 })),
  same((channels, a) => new PReLU({ numParameters: a % 2 > 0 ? channels : 1 })),
  same((channels) => new Snake({ channels })),
  same(() => new ELU()),
  same(() => new SiLU()),
  same((_, a) => new GELU({ approximate: a % 2 > 0 ? 'tanh' : 'none' })),
  same(() => new Hardswish()),
  same((_, a) => new Hardtanh({ minVal: -a / 50, maxVal: (1 + a) / 25 })),
  same(() => new Softplus()),
  same(() => new Sigmoid()),
  same(() => new Tanh()),
  same((_, a) => new Softmax({ dim: 1 + (a % 3) })),
  (channels) => [new PixelShuffle({ upscaleFactor: 2 }), Math.max(1, Math.floor(channels / 4))],
  (channels) => [new PixelUnshuffle({ downscaleFactor: 2 }), 4 * channels],
  same((_, a) => new Upsample({ scaleFactor: 2, mode: a % 2 > 0 ? 'bilinear' : 'nearest' })),
  same((_, a, b) => new MaxPool2d({ kernelSize: 2 + (a % 2), stride: 1 + (b % 3), padding: b % 2 })),
  same((_, a, b) => new AvgPool2d({ kernelSize: 2 + (a % 2), stride: 1 + (b % 3), padding: a % 2 })),
  same((_, a) => new AdaptiveAvgPool2d({ outputSize: 1 + (a % 2) })),
  same((_, a, b) => new ReflectionPad2d({ padding: [a % 3, b % 3, a % 2, b % 2] })),
  same((_, a, b) => new ReplicationPad2d({ padding: [a % 3, b % 3, a % 2, b % 2] })),
  same((_, a, b) => new ZeroPad2d({ padding: [a % 3, b % 3, a % 2, b % 2] })),
];

function modulesOf({ modules, channels }: Drawn): Module[] {
  let current = channels;
  return modules.map(({ kind, a, b }) => {
    const make = MAKES[kind % MAKES.length] as Make;
    const [module, left] = make(current, a, b);
    current = left;
    return module;
  });
}

export function chains(world: World, drawn: Drawn): void {
  const { channels, batch, height, width, nested, steps } = drawn;
  // The same twice: training moves statistics, and a chain must not move those of what it is compared with.
  const own = modulesOf(drawn);
  const twins = modulesOf(drawn);
  const half = Math.floor(own.length / 2);
  const chain =
    nested && half > 0
      ? new Sequential(new Sequential(...own.slice(0, half)), new Sequential(...own.slice(half)))
      : new Sequential(...own);
  const twin = new Sequential(...twins);
  const shape = [batch, channels, height, width];
  let disposed = false;
  let training = true;

  const reasonsOf = ({ room, arrays }: Step, refused: boolean): Reasons => {
    const reasons: Reasons = { must: [], may: [] };
    if (disposed) reasons.must.push('DISPOSED');
    if (!world.seat(0).running) reasons.must.push('NOT_INITIALIZED');
    if (room !== null || arrays !== null) reasons.may.push('OUT_OF_MEMORY');
    if (refused && reasons.must.length === 0) reasons.must.push(...WRONG);
    else if (refused) reasons.may.push(...WRONG);
    return reasons;
  };
  /** What the twins compute one by one, with what each of them read; null where one of them refuses. */
  const oneByOne = (x: Tensor): Tensor[] | null => {
    const values = [x];
    const computed = world.attempt(
      'module, forward',
      { must: [], may: [...WRONG, 'NOT_INITIALIZED'] },
      () => {
        for (const module of twins) values.push(module.forward(values.at(-1) as Tensor));
      },
    );
    return computed === null ? null : values;
  };
  /** Whatever a pass that failed has moved before it did. */
  const alike = (): void => {
    if (disposed) return;
    const names = Object.keys(twin.stateDict());
    const tensors = Object.values(chain.stateDict());
    twin.loadStateDict(Object.fromEntries(names.map((name, index) => [name, tensors[index] as Tensor])));
  };

  for (const step of steps) {
    const x = valuesOf('random', shape, step.seed);
    const before = copyOf(x);
    const scarcely = <Result>(act: () => Result): Result => world.scarcely(step, 0, act);
    switch (step.what) {
      case 'train':
      case 'eval':
        training = step.what === 'train';
        chain.train(training);
        twin.train(training);
        break;
      case 'forward': {
        const wanted = disposed ? null : oneByOne(x);
        const y = world.attempt('chain, forward', reasonsOf(step, wanted === null && !disposed), () =>
          scarcely(() => chain.forward(x)),
        );
        if (y === null || wanted === null) alike();
        else expectNear(`${chain}`, y, wanted.at(-1) as Tensor);
        break;
      }
      case 'out': {
        const wanted = disposed || !world.seat(0).running ? null : oneByOne(x);
        if (wanted === null) break;
        const last = wanted.at(-1) as Tensor;
        const heap = step.seed % 2 === 0 ? new HeapTensor(last.shape) : null;
        const out = heap ?? copyOf(last);
        const y = world.attempt('chain, out', reasonsOf(step, false), () =>
          scarcely(() => chain.forward(x, { out })),
        );
        if (y === null) alike();
        else expectNear(`${chain}`, out, last);
        heap?.dispose();
        break;
      }
      case 'backward': {
        const values = disposed ? null : oneByOne(x);
        const traced = world.attempt('chain, trace', reasonsOf(step, values === null && !disposed), () =>
          scarcely(() => chain.trace(x)),
        );
        if (traced === null || values === null) {
          alike();
          break;
        }
        const g = valuesOf('random', (values.at(-1) as Tensor).shape, step.seed + 1);
        const given = world.attempt('chain, backward', reasonsOf(step, false), () =>
          scarcely(() => traced.backward(g)),
        );
        if (given === null) break;
        let wanted: Tensor = g;
        for (const [index, module] of [...twins.entries()].toReversed()) {
          wanted = (module.backward as NonNullable<Module['backward']>)(
            values[index] as Tensor,
            wanted,
          ).input;
        }
        expectNear(`slopes of ${chain}`, given.input, wanted);
        break;
      }
      case 'misshapen': {
        const tensors = badTensors(shape);
        const [, tensor, code] = tensors[step.seed % tensors.length] as (typeof tensors)[number];
        const { must, may } = reasonsOf(step, false);
        world.attempt('chain, misshapen', { must: [...must, code], may: [...may, ...WRONG] }, () =>
          chain.forward(tensor as Tensor),
        );
        break;
      }
      case 'summary':
        world.attempt('chain, summary', { must: [], may: [...WRONG, 'NOT_INITIALIZED', 'DISPOSED'] }, () =>
          chain.summary(shape),
        );
        break;
      case 'dispose':
        chain.dispose();
        disposed = true;
        break;
    }
    expectSameBits(x.data as Float32Array, before.data as Float32Array, 'the input of a chain');
    world.attempt('chain, print', { must: [], may: [] }, () => String(chain));
  }
  chain.dispose();
  twin.dispose();
}

function expectNear(what: string, got: Tensor, wanted: Tensor): void {
  expectThat(
    got.shape.join() === wanted.shape.join(),
    `${what} gave [${got.shape}] instead of [${wanted.shape}]`,
  );
  const most = Array.from(wanted.data).reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  for (let at = 0; at < wanted.data.length; at += 1) {
    const [one, other] = [got.data[at] as number, wanted.data[at] as number];
    const near = Math.abs(one - other) <= ROUNDING * most || Object.is(one, other);
    expectThat(near, `${what}: ${one} at ${at} instead of ${other}`);
  }
}
