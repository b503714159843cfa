// Whatever a user does to what the package gave, the package computes as before.

import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  AvgPool3d,
  ConstantPad1d,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  createRuntime,
  Dropout,
  ELU,
  Flatten,
  GELU,
  Hardtanh,
  HeapTensor,
  init,
  isDeconvError,
  LayerNorm,
  LeakyReLU,
  Linear,
  MaxPool2d,
  memoryUsage,
  PixelShuffle,
  PixelUnshuffle,
  PReLU,
  ReflectionPad2d,
  runtimeInfo,
  Snake,
  Softmax,
  Softplus,
  shutdown,
  type Tensor,
  Unflatten,
  Upsample,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import {
  ResizeConv1d,
  ResizeConv2d,
  ResizeConv3d,
  SmoothConvTranspose1d,
  SmoothConvTranspose2d,
  SmoothConvTranspose3d,
} from 'deconv-wasm/checkerboard';
import { fromFlax, fromKeras, fromOnnx, fromTflite, fromTorch, fromWebnn } from 'deconv-wasm/convert';
import { kernelMatrix } from 'deconv-wasm/d2l';
import { type ModelLayer, readModel } from 'deconv-wasm/models';
import { quantize } from 'deconv-wasm/quantize';
import { BatchNorm2d, GroupNorm, InstanceNorm1d, ReLU, Sequential } from 'deconv-wasm/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { caught } from '../support/errors.js';
import { seed } from '../support/seed.js';
import { quarters, zeros } from '../support/tensors.js';

beforeAll(() => init({ build: 'simd' }));
afterAll(shutdown);

/** Tries to change every list and record that can be reached from `root`, and says how many lists there were. */
function vandalize(root: unknown, met = new Set<unknown>()): number {
  if (typeof root !== 'object' || root === null || met.has(root)) return 0;
  met.add(root);
  let lists = 0;
  if (ArrayBuffer.isView(root)) {
    (root as Float32Array).fill(77);
    return 0;
  }
  for (const name of namesOf(root)) {
    let value: unknown;
    try {
      value = (root as Record<string, unknown>)[name];
    } catch {
      continue;
    }
    if (typeof value === 'function') continue;
    lists += vandalize(value, met);
    attempt(() => {
      (root as Record<string, unknown>)[name] = typeof value === 'number' ? value + 5 : undefined;
    });
  }
  if (Array.isArray(root)) {
    lists += 1;
    attempt(() => root.reverse());
    attempt(() => root.push(9));
    attempt(() => root.fill(5));
    attempt(() => root.splice(0, 1));
  }
  return lists;
}

/** Own names and those of getters, up to the engine's own classes. */
function namesOf(value: object): string[] {
  const names = Array.isArray(value) ? Object.keys(value) : [];
  for (
    let level = value;
    level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    if (level === Array.prototype) break;
    names.push(
      ...Object.getOwnPropertyNames(level).filter((name) => name !== 'constructor' && name !== 'length'),
    );
  }
  return [...new Set(names)];
}

function attempt(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    // A frozen list and an attribute say so in strict mode, and a getter takes no value.
    if (!(error instanceof TypeError)) expectReadOnly(error);
  }
}

function expectReadOnly(error: unknown): void {
  expect(isDeconvError(error) && error.code).toBe('UNSUPPORTED');
  expect(String(error)).toMatch(/^DeconvError: \w+\.\w+: expected to be read, got an assignment\. \w/);
}

interface Subject {
  readonly outputShape?: (shape: readonly number[]) => number[];
  readonly forward: (x: Tensor) => Tensor;
  readonly backward?: (x: Tensor, grad: Tensor) => unknown;
  readonly stateDict?: () => unknown;
}

const torch = { inChannels: 2, outChannels: 4, kernelSize: 3, padding: 1, groups: 2, seed: 1 } as const;
const resize = { ...torch, scaleFactor: 2 } as const;
const taps = (...shape: number[]): Tensor => quarters(shape, seed);
const first = [
  [1, 2, 6],
  [1, 2, 6, 5],
  [1, 2, 4, 5, 3],
] as const;
const last = [
  [1, 6, 2],
  [1, 6, 5, 2],
  [1, 4, 5, 3, 2],
] as const;
const grown = { outChannels: 4, kernelSize: 3, stride: 2, seed: 1, groups: 2 } as const;

const SUBJECTS: Readonly<Record<string, readonly [() => Subject, readonly number[]]>> = {
  Conv1d: [() => new Conv1d({ ...torch, stride: [2], dilation: [2] }), first[0]],
  Conv2d: [() => new Conv2d({ ...torch, padding: 'same' }), first[1]],
  Conv3d: [() => new Conv3d({ ...torch, padding: [0, 1, 1] }), first[2]],
  ConvTranspose1d: [() => new ConvTranspose1d({ ...torch, stride: 2, outputPadding: 1 }), first[0]],
  ConvTranspose2d: [() => new ConvTranspose2d({ ...torch, stride: [2, 3], padding: [1, 0] }), first[1]],
  'ConvTranspose2d, measured': [
    () => new ConvTranspose2d({ ...torch, stride: 2, planning: 'measure' }),
    first[1],
  ],
  ConvTranspose3d: [() => new ConvTranspose3d({ ...torch, stride: 2, dilation: [1, 1, 2] }), first[2]],
  'brainstate.Conv1d': [() => new brainstate.Conv1d({ ...grown, inSize: [6, 2] }), last[0]],
  'brainstate.Conv2d': [
    () =>
      new brainstate.Conv2d({
        ...grown,
        inSize: [6, 5, 2],
        padding: [
          [1, 1],
          [0, 2],
        ],
        lhsDilation: 2,
      }),
    last[1],
  ],
  'brainstate.Conv3d': [() => new brainstate.Conv3d({ ...grown, inSize: [4, 5, 3, 2], wMask: 0.5 }), last[2]],
  'brainstate.ConvTranspose1d': [
    () => new brainstate.ConvTranspose1d({ ...grown, inSize: [6, 2], padding: 'VALID' }),
    last[0],
  ],
  'brainstate.ConvTranspose2d': [
    () => new brainstate.ConvTranspose2d({ ...grown, inSize: [2, 6, 5], channelFirst: true, rhsDilation: 2 }),
    first[1],
  ],
  'brainstate.ConvTranspose3d': [
    () =>
      new brainstate.ConvTranspose3d({
        ...grown,
        inSize: [4, 5, 3, 2],
        padding: [
          [1, 2],
          [0, 0],
          [1, 1],
        ],
      }),
    last[2],
  ],
  fromOnnx: [
    () => fromOnnx('ConvTranspose', { strides: [2, 2], pads: [1, 1, 0, 0] }, { weight: taps(2, 4, 3, 3) }),
    first[1],
  ],
  fromTflite: [
    () =>
      fromTflite(
        'CONV_2D',
        { stride_h: 1, stride_w: 2, padding: 'SAME', fused_activation_function: 'RELU' },
        { weight: taps(4, 3, 3, 2) },
      ),
    last[1],
  ],
  fromTorch: [() => fromTorch('ConvTranspose2d', { stride: [2, 1] }, { weight: taps(2, 4, 3, 3) }), first[1]],
  fromKeras: [() => fromKeras('Conv2DTranspose', { strides: [2, 2] }, { weight: taps(3, 3, 4, 2) }), last[1]],
  fromFlax: [() => fromFlax('ConvTranspose', { strides: [2, 2] }, { weight: taps(3, 3, 2, 4) }), last[1]],
  fromWebnn: [
    () => fromWebnn('convTranspose2d', { strides: [2, 2] }, { weight: taps(2, 4, 3, 3) }),
    first[1],
  ],
  ResizeConv1d: [() => new ResizeConv1d({ ...resize, mode: 'linear' }), first[0]],
  ResizeConv2d: [() => new ResizeConv2d({ ...resize, paddingMode: 'replicate' }), first[1]],
  ResizeConv3d: [() => new ResizeConv3d(resize), first[2]],
  SmoothConvTranspose1d: [() => new SmoothConvTranspose1d({ ...torch, stride: 2 }), first[0]],
  SmoothConvTranspose2d: [() => new SmoothConvTranspose2d({ ...torch, stride: 2, order: 1 }), first[1]],
  SmoothConvTranspose3d: [() => new SmoothConvTranspose3d({ ...torch, stride: 2 }), first[2]],
  BatchNorm2d: [() => new BatchNorm2d({ numFeatures: 2 }).eval(), first[1]],
  InstanceNorm1d: [() => new InstanceNorm1d({ numFeatures: 2, affine: true }), first[0]],
  GroupNorm: [() => new GroupNorm({ numGroups: 2, numChannels: 2 }), first[2]],
  LayerNorm: [() => new LayerNorm({ normalizedShape: [6, 5] }), first[1]],
  Linear: [() => new Linear({ inFeatures: 5, outFeatures: 2, seed: 1 }), first[1]],
  Snake: [() => new Snake({ channels: 2 }), first[1]],
  PReLU: [() => new PReLU({ numParameters: 2 }), first[1]],
  LeakyReLU: [() => new LeakyReLU({ negativeSlope: 0.5 }), first[1]],
  ELU: [() => new ELU({ alpha: 2 }), first[1]],
  GELU: [() => new GELU({ approximate: 'tanh' }), first[1]],
  Hardtanh: [() => new Hardtanh({ maxVal: 0.25 }), first[1]],
  Softplus: [() => new Softplus({ beta: 2 }), first[1]],
  Softmax: [() => new Softmax({ dim: 1 }), first[1]],
  Flatten: [() => new Flatten({ startDim: 2 }), first[1]],
  Dropout: [() => new Dropout({ p: 0.25 }).eval(), first[1]],
  MaxPool2d: [() => new MaxPool2d({ kernelSize: [2, 3], stride: 1, dilation: 1 }), first[1]],
  AvgPool2d: [() => new AvgPool2d({ kernelSize: 2, divisorOverride: 3 }), first[1]],
  AvgPool3d: [() => new AvgPool3d({ kernelSize: [2, 1, 2] }), first[2]],
  AdaptiveAvgPool2d: [() => new AdaptiveAvgPool2d({ outputSize: [2, null] }), first[1]],
  ReflectionPad2d: [() => new ReflectionPad2d({ padding: [1, 0, 2, 1] }), first[1]],
  ConstantPad1d: [() => new ConstantPad1d({ padding: 1, value: 3 }), first[0]],
  Upsample: [() => new Upsample({ scaleFactor: [2, 3], mode: 'bilinear' }), first[1]],
  PixelShuffle: [() => new PixelShuffle({ upscaleFactor: 2 }), [1, 4, 2, 3]],
  PixelUnshuffle: [() => new PixelUnshuffle({ downscaleFactor: 2 }), [1, 1, 4, 6]],
  Unflatten: [() => new Unflatten({ dim: 2, unflattenedSize: [2, -1] }), first[1]],
  'quantized, dynamic': [() => quantize(new ConvTranspose2d({ ...torch, stride: 2 })), first[1]],
  'quantized, static': [
    () =>
      quantize(new Conv2d(torch), {
        input: { scale: 1 / 32, zeroPoint: 3 },
        output: { scale: 1 / 16, zeroPoint: -2 },
      }),
    first[1],
  ],
};

/** None of a quantized layer, which refuses. */
function gradientsOf(layer: Subject, x: Tensor, grad: Tensor): unknown {
  return String(layer).startsWith('Quantized') ? null : layer.backward?.(x, grad);
}

/** Everything that tells what a layer is. */
function portrait(layer: Subject, shape: readonly number[]): unknown {
  const x = quarters(shape, seed);
  const y = layer.forward(x);
  return {
    text: String(layer),
    shape: layer.outputShape?.(shape),
    forward: { shape: [...y.shape], data: y.data.slice() },
    gradients: structuredClone(gradientsOf(layer, x, quarters(y.shape, seed + 1))),
    state: layer.stateDict?.(),
  };
}

it.each(Object.entries(SUBJECTS))('%s', (_, [make, shape]) => {
  const layer = make();
  const wanted = portrait(layer, shape);
  const x = quarters(shape, seed);
  const y = layer.forward(x);
  const roots = [
    layer,
    layer.outputShape?.(shape),
    y,
    gradientsOf(layer, x, zeros(...y.shape)),
    layer.stateDict?.(),
  ];
  const lists = roots.map((root) => vandalize(root));
  expect(lists[1]).toBe(layer.outputShape === undefined ? 0 : 1);
  expect(portrait(layer, shape)).toEqual(wanted);
  // And what one layer is, no other learns from another.
  expect(portrait(make(), shape)).toEqual(wanted);
});

it.each(Object.entries(SUBJECTS))('%s: no attribute takes a value, and all show as before', (_, [make]) => {
  const layer = make();
  const shown = structuredClone(Object.fromEntries(Object.entries(layer)));
  const text = String(layer);
  for (const name of Object.keys(layer)) {
    expect(Reflect.set(layer, name, 3), name).toBe(false);
    expect(() => Object.assign(layer, { [name]: 3 }), name).toThrow(TypeError);
  }
  expect(Object.fromEntries(Object.entries(layer))).toEqual(shown);
  expect(String(layer)).toBe(text);
  // Somebody's own are added as before.
  expect(Object.assign(layer, { label: 'mine' }).label).toBe('mine');
});

it('getters say that they take no value, in scripts that are not strict as well', () => {
  const layer = new Conv2d(torch);
  const norm = new BatchNorm2d({ numFeatures: 2 });
  // The one kind of function in a module that is not strict.
  const assign = new Function('object', 'name', 'value', 'object[name] = value') as (
    object: object,
    name: string,
    value: unknown,
  ) => void;
  for (const [object, name, value] of [
    [layer, 'weight', layer.weight],
    [layer, 'bias', null],
    [layer, 'outChannels', 8],
    [norm, 'training', false],
    [norm, 'runningMean', zeros(2)],
    [new HeapTensor([2]), 'data', new Float32Array(2)],
    [new Sequential(layer), 'training', false],
  ] as const) {
    expectReadOnly(caught(() => assign(object, name, value)));
  }
  expect([layer.outChannels, norm.training]).toEqual([4, true]);
});

it('a class of the user’s has attributes of its own', () => {
  class Up extends ConvTranspose2d {
    scale = 2;
    override readonly toString = (): string => `Up(${this.scale})`;
  }
  const up = new Up({ ...torch, stride: 2 });
  up.scale = 3;
  expect([String(up), up.stride]).toEqual(['Up(3)', [2, 2]]);
});

it('errors tell of lists, and give none away', () => {
  const layer = new ConvTranspose2d({ ...torch, stride: 2 });
  const wanted = portrait(layer, first[1]);
  const [one, two] = [1, 2].map(() => {
    const errors = [
      () => layer.setWeight(zeros(1, 2, 3)),
      () => layer.setBias(zeros(7)),
      () => layer.forward(zeros(1, 3, 4, 4)),
      () => layer.forward(zeros(...first[1]), { out: zeros(1) }),
      () => layer.forward(zeros(...first[1]), { outputSize: [1, 1] }),
      () => layer.backward(zeros(...first[1]), zeros(1, 4, 3, 3)),
      () => layer.loadStateDict({ weight: zeros(1) }),
      () => layer.outputShape([1]),
    ].map((act) => caught(act));
    const told = errors.map(({ message, detail }) => ({ message, detail: structuredClone(detail) }));
    expect(vandalize(errors.map(({ detail }) => detail))).toBeGreaterThan(8);
    return told;
  });
  expect(two).toEqual(one);
  expect(portrait(layer, first[1])).toEqual(wanted);
});

it('options that are changed after the call are copies by then', () => {
  const options = { ...torch, stride: [2, 2], padding: [1, 1], kernelSize: [3, 3] };
  const layer = new ConvTranspose2d(options);
  const wanted = portrait(layer, first[1]);
  vandalize([options.stride, options.padding, options.kernelSize]);
  expect(portrait(layer, first[1])).toEqual(wanted);
});

it('lists of options stay their owner’s: what is frozen are copies', () => {
  const pair = (): number[] => [2, 2];
  const pads = (): number[][] => [
    [1, 1],
    [0, 2],
  ];
  const window = { kernelSize: pair(), stride: pair(), padding: [1, 1] };
  const lists: readonly (readonly [(options: never) => unknown, object])[] = [
    [(options) => new MaxPool2d(options), { ...window, dilation: [1, 1] }],
    [(options) => new AvgPool2d(options), window],
    [(options) => new AdaptiveAvgPool2d(options), { outputSize: [2, null] }],
    [(options) => new Upsample(options), { size: pair() }],
    [(options) => new Upsample(options), { scaleFactor: pair() }],
    [(options) => new ReflectionPad2d(options), { padding: [1, 1, 1, 1] }],
    [(options) => new LayerNorm(options), { normalizedShape: pair() }],
    [(options) => new Unflatten(options), { dim: 1, unflattenedSize: [2, -1] }],
    [(options) => new Conv2d(options), { inChannels: 1, outChannels: 1, ...window, dilation: [1, 1] }],
    [
      (options) => new ConvTranspose2d(options),
      { inChannels: 1, outChannels: 1, ...window, outputPadding: [1, 1] },
    ],
    [
      (options) => new brainstate.Conv2d(options),
      { inSize: [4, 4, 1], outChannels: 1, kernelSize: pair(), padding: pads(), lhsDilation: pair() },
    ],
    [
      (options) => new ResizeConv2d(options),
      { inChannels: 1, outChannels: 1, kernelSize: [3, 3], scaleFactor: pair() },
    ],
    [
      (options) => fromFlax('Conv', options, { weight: zeros(1, 1, 1, 1) }),
      { strides: pair(), padding: pads(), kernel_size: [1, 1] },
    ],
    [
      (options) => quantize(new Conv1d({ inChannels: 1, outChannels: 1, kernelSize: 1 }), options),
      { input: { scale: 1, zeroPoint: 0 }, output: { scale: 1, zeroPoint: 0 } },
    ],
  ];
  for (const [make, options] of lists) {
    make(options as never);
    const values = Object.values(options).flatMap((value: unknown) =>
      Array.isArray(value) ? [value, ...value] : value,
    );
    const own = values.filter((value) => typeof value === 'object' && value !== null);
    expect(own.map((value) => Object.isFrozen(value))).toEqual(own.map(() => false));
    expect(own.length).toBeGreaterThan(0);
  }
});

it('a chain, a heap tensor, runtimes and a matrix', async () => {
  const up = new ConvTranspose2d({ ...torch, groups: 1, outChannels: 2, stride: 2 });
  const chain = new Sequential(up, new ReLU(), up);
  const x = quarters(first[1], seed);
  const wanted = chain.forward(x);
  vandalize(chain);
  expect(chain.forward(x)).toEqual(wanted);

  const tensor = new HeapTensor([2, 3]);
  vandalize(tensor);
  expect(tensor.shape).toEqual([2, 3]);
  expect(tensor.data.length).toBe(6);

  const runtime = await createRuntime({ build: 'simd' });
  const info = structuredClone(runtime.info);
  vandalize([runtimeInfo(), await init(), memoryUsage(), runtime.memoryUsage(), runtime.info]);
  expect(Reflect.set(runtime, 'info', { build: 'relaxed' })).toBe(false);
  expect(runtime.info).toEqual(info);
  expect(runtimeInfo()).toEqual(info);
  await runtime.shutdown();
  vandalize([runtime.memoryUsage()]);
  expect(runtime.memoryUsage().liveLayers).toBe(0);

  const matrix = kernelMatrix(quarters([2, 2], seed), [3, 3]);
  const product = matrix.multiply(quarters([3, 3], seed));
  vandalize([matrix.inputShape, matrix.outputShape, product.shape]);
  expect(matrix.multiply(quarters([3, 3], seed)).shape).toEqual([2, 2]);
});

it('layers of a file', async () => {
  const weight = taps(2, 4, 3, 3);
  const entry = { dtype: 'F32', shape: weight.shape, data_offsets: [0, 4 * weight.data.length] };
  const json = new TextEncoder().encode(JSON.stringify({ 'up.weight': entry }));
  const bytes = new Uint8Array(8 + json.length + 4 * weight.data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(new Uint8Array(weight.data.buffer), 8 + json.length);
  const model = await readModel(bytes);
  const [layer] = model.layers;
  const portraitOf = async (part: ModelLayer | undefined): Promise<unknown> => ({
    geometry: structuredClone(part?.geometry),
    shape: part?.problem === null ? [...part.weightShape] : null,
    weight: part?.problem === null ? structuredClone(await part.weight()) : null,
  });
  const wanted = await portraitOf(layer);
  if (layer?.problem === null) vandalize([await layer.weight(), layer.weightShape]);
  for (const list of Object.values(layer?.geometry ?? {})) vandalize(list);
  expect(await portraitOf(layer)).toEqual(wanted);
});
