// What a network computes between its convolutions, kind by kind, against plain loops.

import { createRuntime } from 'deconv-wasm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../web/lib/network/operations.js';
import { outputShapesOf } from '../../web/lib/network/shapes.js';
import { stepOf } from '../../web/lib/network/steps/index.js';
import { resizesPadded } from '../../web/lib/network/steps/spatial.js';
import type { Runtime } from '../../web/lib/runtime/runtime.js';
import { SOME_BUILDS } from '../support/builds.js';
import { BINARY, compute, UNARY, type Values } from '../support/network-reference.js';
import { mulberry32 } from '../support/random.js';
import { runsOf } from '../support/seed.js';
import { sizeOf } from '../support/tensors.js';

type Shape = readonly number[];
type StepOperation = Exclude<Operation, { readonly kind: 'convolution' }>;
type Of<Kind extends StepOperation['kind']> = Extract<StepOperation, { readonly kind: Kind }>;

interface Case {
  readonly operation: StepOperation;
  readonly shapes: readonly Shape[];
  readonly seed: number;
  /** Whether NaN, infinities and zeros are among the values. */
  readonly special?: boolean;
  /** What a resize lays around its result. */
  readonly pad?: Of<'pad'>;
  /** Whether the last input is added to what the others give. */
  readonly adds?: boolean;
}

const SPECIAL = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  -0.5,
];

function valuesOf({ seed, special }: Case, size: number, stream: number): Float32Array {
  const next = mulberry32(seed + stream);
  return Float32Array.from({ length: size }, () => {
    const value = 8 * next() - 4;
    return special === true && next() < 0.3
      ? (SPECIAL[Math.floor(next() * SPECIAL.length)] as number)
      : value;
  });
}

const UNARY_FUNCTIONS = Object.keys(UNARY) as Of<'unary'>['function'][];
const BINARY_FUNCTIONS = Object.keys(BINARY) as Of<'binary'>['function'][];
const REDUCE_FUNCTIONS = [
  'mean',
  'sum',
  'maximum',
  'minimum',
  'product',
  'l1',
  'l2',
  'sum-square',
] as const satisfies readonly Of<'reduce'>['function'][];

const layouts = fc.constantFrom('channels-first' as const, 'channels-last' as const);
const seeds = fc.integer();
/** Mostly short, now and then longer than a vector and than a block. */
const extents = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 6, max: 40 }) },
);

function shapesOf(least: number, most: number): fc.Arbitrary<number[]> {
  return fc.array(extents, { minLength: least, maxLength: most }).filter((shape) => sizeOf(shape) <= 3000);
}

function oneOf<Entry>(list: readonly Entry[]): fc.Arbitrary<Entry> {
  return fc.constantFrom(...list);
}

/** A shape that broadcasts with another one. */
function partsOf(shape: Shape): fc.Arbitrary<number[]> {
  return fc
    .tuple(fc.nat(shape.length), fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }))
    .map(([dropped, kept]) => shape.map((extent, axis) => (kept[axis] === true ? extent : 1)).slice(dropped));
}

function channelsOf(layout: string, shape: Shape): number {
  return (layout === 'channels-first' ? shape[1] : shape.at(-1)) as number;
}

function parameters(length: number, seed: number): Float32Array {
  return valuesOf({ operation: { kind: 'reshape', shape: [] }, shapes: [], seed }, length, 9);
}

const affine = fc.tuple(layouts, shapesOf(2, 5), seeds).map(([layout, shape, seed]): Case => {
  const channels = channelsOf(layout, shape);
  const [scale, shift, mean] = [0, 1, 2].map((stream) =>
    Float64Array.from(parameters(channels, seed + stream)),
  ) as [Float64Array, Float64Array, Float64Array];
  return { operation: { kind: 'affine', mean, scale, shift, layout }, shapes: [shape], seed };
});

const normalization = fc
  .tuple(
    layouts,
    shapesOf(2, 4),
    fc.nat(3),
    fc.integer({ min: 1, max: 3 }),
    fc.boolean(),
    fc.boolean(),
    seeds,
  )
  .map(([layout, drawn, axis, groups, layer, scaled, seed]): Case => {
    const shape = [...drawn];
    const channels = layout === 'channels-first' ? 1 : shape.length - 1;
    if (!layer) shape[channels] = (shape[channels] as number) * groups;
    const own = Math.min(axis, shape.length - 1);
    const count = layer ? sizeOf(shape.slice(own)) : (shape[channels] as number);
    return {
      operation: {
        kind: 'normalization',
        over: layer ? 'layer' : 'groups',
        groups,
        axis: own,
        epsilon: 0.5,
        scale: scaled ? parameters(count, seed) : null,
        shift: scaled ? parameters(count, seed + 1) : null,
        layout,
      },
      shapes: [shape],
      seed,
    };
  });

/** Of those that may meet it: what is not finite. */
const OF_ANYTHING = UNARY_FUNCTIONS.slice(UNARY_FUNCTIONS.indexOf('abs'));

const unary = fc
  .tuple(oneOf(UNARY_FUNCTIONS), layouts, shapesOf(2, 4), fc.boolean(), fc.boolean(), seeds)
  .map(([name, layout, shape, perChannel, special, seed]): Case => {
    const a = { 'leaky-relu': 0.1, elu: 1.5, hardsigmoid: 0.3, clamp: -1, snake: 0.7 }[name as string] ?? 0;
    const b = { hardsigmoid: 0.4, clamp: 2.5 }[name as string] ?? 0;
    const takes = name === 'leaky-relu' || name === 'snake';
    const channelA = takes && perChannel ? parameters(channelsOf(layout, shape), seed).map(Math.abs) : null;
    return {
      operation: { kind: 'unary', function: name, a, b, channelA, layout },
      shapes: [shape],
      seed,
      special: special && OF_ANYTHING.includes(name),
    };
  });

const binary = shapesOf(0, 5)
  .chain((shape) =>
    fc.tuple(oneOf(BINARY_FUNCTIONS), partsOf(shape), partsOf(shape), fc.constant(shape), fc.nat(3)),
  )
  .chain(([name, one, other, whole, same]) =>
    fc.tuple(fc.boolean(), seeds).map(([special, seed]): Case => {
      const shapes = same === 0 ? [whole, whole] : same === 1 ? [whole, other] : [one, other];
      return { operation: { kind: 'binary', function: name }, shapes, seed, special };
    }),
  );

const productSum = binary.map((own): Case => {
  const operation = { kind: 'binary', function: 'multiply' } as const;
  const [whole] = outputShapesOf('', operation, own.shapes) as [Shape];
  return { ...own, operation, shapes: [...own.shapes, whole], adds: true };
});

const softmax = fc.tuple(shapesOf(1, 4), fc.nat(3), fc.boolean(), seeds).map(
  ([shape, axis, logarithm, seed]): Case => ({
    operation: { kind: 'softmax', axis: Math.min(axis, shape.length - 1), logarithm },
    shapes: [shape],
    seed,
  }),
);

const joins = fc
  .tuple(shapesOf(1, 4), fc.nat(3), fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }), fc.boolean(), seeds)
  .map(([shape, drawn, sizes, gathers, seed]): Case => {
    const axis = Math.min(drawn, shape.length - 1);
    const parts = sizes.map((size) => shape.with(axis, size));
    const whole = shape.with(
      axis,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    return gathers
      ? { operation: { kind: 'concat', axis }, shapes: parts, seed }
      : { operation: { kind: 'split', axis, sizes }, shapes: [whole], seed };
  });

const slice = shapesOf(0, 5)
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.tuple(...shape.map((extent) => fc.tuple(fc.nat(extent - 1), fc.nat(extent - 1), fc.nat(3)))),
      seeds,
    ),
  )
  .map(([shape, axes, seed]): Case => {
    const own = axes.map(([first, last, stride]) => {
      const step = (first <= last ? 1 : -1) * (stride === 0 ? 1 : stride);
      return { start: first, step, count: Math.floor((last - first) / step) + 1 };
    });
    const [start, step, count] = (['start', 'step', 'count'] as const).map((name) =>
      own.map((one) => one[name]),
    );
    return {
      operation: { kind: 'slice', start: start ?? [], step: step ?? [], count: count ?? [] },
      shapes: [shape],
      seed,
    };
  });

const pad = shapesOf(1, 6)
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      oneOf(['constant', 'reflect', 'edge', 'wrap'] as const),
      fc.tuple(
        ...shape.map((extent) =>
          fc.oneof(
            fc.constant([0, 0]),
            fc
              .tuple(fc.integer({ min: 1 - extent, max: extent - 1 }), fc.nat(extent - 1))
              .map(([before, behind]) => [before, Math.min(behind, extent - 1 + Math.min(before, 0))]),
          ),
        ),
      ),
      seeds,
    ),
  )
  .map(([shape, mode, pads, seed]): Case => {
    const operation: Of<'pad'> = { kind: 'pad', pads: pads as [number, number][], mode, value: 7 };
    return { operation, shapes: [shape], seed };
  })
  .filter(({ operation, shapes }) => sizeOf(outputShapesOf('', operation, shapes)[0] as Shape) <= 6000);

const SCALES = [0.25, 0.5, 0.75, 1, 1, 1, 1.25, 1.5, 2, 2.5, 3];
const COORDINATES = [
  'asymmetric',
  'half-pixel',
  'half-pixel-symmetric',
  'pytorch-half-pixel',
  'align-corners',
  'crop-and-resize',
] as const;
/** Those that TFLite has. */
const TFLITE: readonly string[] = ['asymmetric', 'half-pixel', 'align-corners'];
const ROUNDINGS = ['round-prefer-floor', 'round-prefer-ceil', 'half-up', 'floor', 'ceil'] as const;

const resize = shapesOf(1, 5)
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.tuple(
        ...shape.map(() =>
          fc.tuple(oneOf(SCALES), fc.integer({ min: -1, max: 3 }), fc.integer({ min: 2, max: 6 })),
        ),
      ),
      oneOf(['nearest', 'linear', 'cubic'] as const),
      oneOf(COORDINATES),
      oneOf(ROUNDINGS),
      fc.tuple(fc.boolean(), fc.boolean()),
      oneOf([0, -3]),
      seeds,
    ),
  )
  .map(
    ([
      shape,
      axes,
      interpolation,
      coordinates,
      rounding,
      [multiplies, excludeOutside],
      outside,
      seed,
    ]): Case => {
      // Symmetric places divide once more: upon a half they would be a matter of the last bit.
      const even = interpolation === 'nearest' && coordinates === 'half-pixel-symmetric';
      const scale = axes.map(([own]) => (even ? Math.ceil(own) : own));
      const operation: Of<'resize'> = {
        kind: 'resize',
        size: shape.map((extent, axis) => Math.max(1, Math.floor(extent * (scale[axis] as number)))),
        scale,
        interpolation,
        coordinates,
        multiplies: multiplies && TFLITE.includes(coordinates),
        rounding,
        cubicA: -0.75,
        excludeOutside,
        region: axes.map(([, begin, end]) => [begin / 4, end / 4]),
        outside,
      };
      return { operation, shapes: [shape], seed };
    },
  )
  .filter(({ operation, shapes }) => sizeOf(outputShapesOf('', operation, shapes)[0] as Shape) <= 6000);

const paddedResize = resize
  .chain((own) => {
    const { operation } = own;
    const [shape = []] = outputShapesOf('', operation, own.shapes);
    const end = (extent: number) =>
      fc.integer({ min: Math.min(0, 1 - Math.floor(extent / 2)), max: extent - 1 });
    const pads = shape.map((extent) => fc.oneof(fc.constant([0, 0]), fc.tuple(end(extent), end(extent))));
    const modes = oneOf(['constant', 'reflect', 'edge', 'wrap'] as const);
    return fc.tuple(fc.constant(own), modes, fc.tuple(...pads), oneOf([0, 7]));
  })
  .map(([own, mode, pads, value]): Case => {
    return { ...own, pad: { kind: 'pad', pads: pads as [number, number][], mode, value } };
  })
  .filter(({ operation, pad }) => resizesPadded(operation as Of<'resize'>, pad as Of<'pad'>))
  .filter(({ operation, shapes, pad }) => {
    try {
      const own = outputShapesOf('', operation, shapes);
      return sizeOf(outputShapesOf('', pad as Of<'pad'>, own)[0] as Shape) <= 6000;
    } catch {
      return false;
    }
  });

const block = fc
  .tuple(
    layouts,
    fc.integer({ min: 1, max: 5 }),
    fc.tuple(fc.integer({ min: 0, max: 2 }), extents, extents, extents),
    fc.boolean(),
    oneOf(['depth-column-row', 'column-row-depth'] as const),
    seeds,
  )
  .map(([layout, size, [batch, channels, height, width], widens, order, seed]): Case => {
    const [c, h, w] = widens
      ? [channels * size * size, height, width]
      : [channels, height * size, width * size];
    return {
      operation: { kind: widens ? 'depth-to-space' : 'space-to-depth', block: size, order, layout },
      shapes: [layout === 'channels-first' ? [batch, c, h, w] : [batch, h, w, c]],
      seed,
    };
  })
  .filter(({ shapes }) => sizeOf(shapes[0] as Shape) <= 6000);

const small = (least: number, most: number): fc.Arbitrary<number> => fc.integer({ min: least, max: most });

const pool = fc
  .integer({ min: 1, max: 3 })
  .chain((rank) =>
    fc.tuple(
      layouts,
      fc.tuple(small(1, 2), small(1, 9)),
      fc.array(
        fc.tuple(small(1, 9), small(1, 4), small(1, 3), small(1, 2), small(0, 3), small(0, 3), small(0, 3)),
        {
          minLength: rank,
          maxLength: rank,
        },
      ),
      fc.boolean(),
      fc.boolean(),
      seeds,
    ),
  )
  .map(([layout, [batch, channels], axes, maximum, countPadding, seed]): Case => {
    const spatial = axes.map(([extent]) => extent);
    const operation: Of<'pool'> = {
      kind: 'pool',
      function: maximum ? 'maximum' : 'average',
      kernel: axes.map((axis) => axis[1]),
      stride: axes.map((axis) => axis[2]),
      dilation: axes.map((axis) => axis[3]),
      pads: axes.map((axis) => [axis[4], axis[5] + axis[6]]),
      countPadding,
      overhang: axes.map((axis) => axis[6]),
      layout,
    };
    const shape = layout === 'channels-first' ? [batch, channels, ...spatial] : [batch, ...spatial, channels];
    return { operation, shapes: [shape], seed };
  })
  .filter(({ operation, shapes }) => {
    const { kernel, dilation, pads, layout } = operation as Of<'pool'>;
    const spatial = layout === 'channels-first' ? shapes[0]?.slice(2) : shapes[0]?.slice(1, -1);
    return (spatial as Shape).every((extent, axis) => {
      const [before, behind] = pads[axis] as readonly [number, number];
      return extent + before + behind > ((kernel[axis] as number) - 1) * (dilation[axis] as number);
    });
  });

const reduce = fc
  .tuple(
    oneOf(REDUCE_FUNCTIONS),
    shapesOf(0, 5),
    fc.subarray([0, 1, 2, 3, 4]),
    fc.boolean(),
    fc.boolean(),
    seeds,
  )
  .map(([name, shape, drawn, keepAxes, special, seed]): Case => {
    const axes = drawn.filter((axis) => axis < shape.length);
    // Sums of infinities of both signs, and products of many, say nothing.
    const may =
      name === 'maximum' || name === 'minimum' || name === 'l1' || name === 'l2' || name === 'sum-square';
    return {
      operation: { kind: 'reduce', function: name, axes, keepAxes },
      shapes: [name === 'product' ? shape.map((extent) => Math.min(extent, 3)) : shape],
      seed,
      special: special && may,
    };
  });

const matmul = fc
  .tuple(
    shapesOf(0, 2),
    fc.tuple(extents, extents, extents),
    fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    seeds,
  )
  .chain(([batch, [rows, depth, columns], [transposeA, transposeB, sums], seed]) =>
    fc
      .tuple(
        partsOf(batch),
        partsOf(batch),
        partsOf([...batch, rows, columns]),
        oneOf([1, 0.5, -2]),
        oneOf([1, 2, 0]),
      )
      .map(([one, other, summand, alpha, beta]): Case => {
        const shapes = [
          [...one, ...(transposeA ? [depth, rows] : [rows, depth])],
          [...other, ...(transposeB ? [columns, depth] : [depth, columns])],
        ];
        const whole = one.length + 2;
        const fits = summand.length <= Math.max(whole, other.length + 2);
        const [result] = outputShapesOf('', { kind: 'matmul', transposeA, transposeB, alpha, beta }, shapes);
        const own = summand.map((extent, axis) => {
          const at = axis + (result as Shape).length - summand.length;
          return extent === (result as Shape)[at] ? extent : 1;
        });
        return {
          operation: { kind: 'matmul', transposeA, transposeB, alpha, beta },
          shapes: sums && fits ? [...shapes, own] : shapes,
          seed,
        };
      }),
  )
  .filter(({ shapes }) => shapes.every((shape) => sizeOf(shape) <= 6000));

const transpose = shapesOf(0, 8)
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.shuffledSubarray([...shape.keys()], { minLength: shape.length, maxLength: shape.length }),
      seeds,
    ),
  )
  .map(
    ([shape, permutation, seed]): Case => ({
      operation: { kind: 'transpose', permutation },
      shapes: [shape],
      seed,
    }),
  );

const expand = shapesOf(0, 6).chain((shape) =>
  fc
    .tuple(partsOf(shape), partsOf(shape), seeds)
    .map(
      ([own, target, seed]): Case => ({ operation: { kind: 'expand', shape: target }, shapes: [own], seed }),
    ),
);

const reshape = fc.tuple(shapesOf(0, 4), seeds).map(
  ([shape, seed]): Case => ({
    operation: { kind: 'reshape', shape: [sizeOf(shape)] },
    shapes: [shape],
    seed,
  }),
);

/** How far results may be off, in parts of what is computed with; nothing where values are only moved. */
const KINDS: readonly (readonly [string, fc.Arbitrary<Case>, number])[] = [
  ['affine', affine, 1e-6],
  ['normalization', normalization, 4e-6],
  ['unary', unary, 2e-6],
  ['binary', binary, 1e-6],
  ['a product with a sum behind it', productSum, 1e-6],
  ['softmax', softmax, 2e-6],
  ['concat and split', joins, 0],
  ['slice', slice, 0],
  ['pad', pad, 0],
  ['resize', resize, 1e-6],
  ['resize with a pad behind it', paddedResize, 1e-6],
  ['depth-to-space and space-to-depth', block, 0],
  ['pool', pool, 1e-6],
  ['reduce', reduce, 4e-6],
  ['matmul', matmul, 4e-6],
  ['transpose', transpose, 0],
  ['expand', expand, 0],
  ['reshape', reshape, 0],
];

function run(
  runtime: Runtime,
  own: Case,
  inPlace: boolean,
): { outputs: Float32Array[]; shapes: readonly Shape[] } {
  const { operation, shapes, pad, adds = false } = own;
  const step = stepOf(runtime, 'node', operation, shapes, { pad, adds });
  const { module } = runtime;
  const room = (size: number): number => module.allocateFloats(Math.max(size, 1));
  const inputs = shapes.map((shape) => room(sizeOf(shape)));
  const sizes = step.outputShapes.map(sizeOf);
  const over = shapes.findIndex((shape) => sizeOf(shape) === sizes[0]);
  const uses = inPlace && step.inPlace && over >= 0;
  const outputs = sizes.map((size, index) => (uses && index === 0 ? (inputs[over] as number) : room(size)));
  for (const [index, address] of inputs.entries()) {
    runtime.heap.set(valuesOf(own, sizeOf(shapes[index] as Shape), index), address / 4);
  }
  step.run(inputs, outputs);
  const results = outputs.map((address, index) => runtime.floats(address, sizes[index] as number).slice());
  for (const address of new Set([...inputs, ...outputs])) module.freeFloats(address);
  module.releaseParameters();
  return { outputs: results, shapes: step.outputShapes };
}

function wantedOf({ operation, pad, adds }: Case, inputs: readonly Values[]): readonly Values[] {
  if (adds === true) {
    const product = compute(operation, inputs.slice(0, 2));
    return compute({ kind: 'binary', function: 'add' }, [...product, inputs[2] as Values]);
  }
  const plain = compute(operation, inputs);
  return pad === undefined ? plain : compute(pad, plain);
}

function check(runtime: Runtime, own: Case, tolerance: number, inPlace: boolean): void {
  const { operation, shapes } = own;
  const found = run(runtime, own, inPlace);
  const inputs = shapes.map((shape, index) => ({
    shape,
    data: Float64Array.from(valuesOf(own, sizeOf(shape), index)),
  }));
  const wanted = wantedOf(own, inputs);
  for (const [index, { shape, data }] of wanted.entries()) {
    expect(found.shapes[index]).toEqual(shape);
    const values = found.outputs[index] as Float32Array;
    const finite = Array.from(data).filter(Number.isFinite);
    // What cancels, cancels values of this size; a function of one value or two has no others.
    const sums = operation.kind !== 'unary' && operation.kind !== 'binary';
    const size = sums ? finite.reduce((most, value) => Math.max(most, Math.abs(value)), 4) : 0;
    for (const [at, value] of values.entries()) {
      const expected = Math.fround(data[at] as number);
      if (Object.is(value, expected) || value === expected) continue;
      const distance = Math.abs(value - expected);
      const bound = tolerance * (Math.abs(expected) + size + (tolerance > 0 ? 0.25 : 0));
      if (!(distance <= bound))
        expect.fail(`value ${at} is ${value}, not ${expected}: ${JSON.stringify(own)}`);
    }
  }
}

describe.each(SOME_BUILDS)('$name', ({ options }) => {
  let own: Runtime;
  beforeAll(async () => {
    own = (await createRuntime(options)) as unknown as Runtime;
  });
  afterAll(() => own.shutdown());
  it.each(KINDS)('computes %s as its definition', (name, cases, tolerance) => {
    fc.assert(
      fc.property(cases, fc.boolean(), (drawn, inPlace) => {
        check(own, drawn, tolerance, inPlace);
      }),
      runsOf(200, name),
    );
  });

  it('pools by a kernel of any size', () => {
    const size = 2 ** 31 - 1;
    const operation: Of<'pool'> = {
      kind: 'pool',
      function: 'average',
      kernel: [size],
      stride: [1],
      dilation: [1],
      pads: [[size - 3, 0]],
      countPadding: false,
      overhang: [0],
      layout: 'channels-first',
    };
    const drawn = { operation, shapes: [[1, 1, 4]], seed: 5 };
    const [first = 0, second = 0, third = 0, fourth = 0] = valuesOf(drawn, 4, 0);
    const [result] = run(own, drawn, false).outputs;
    expect(Array.from(result as Float32Array)).toEqual([
      expect.closeTo((first + second + third) / 3, 5),
      expect.closeTo((first + second + third + fourth) / 4, 5),
    ]);
  });
});
