// Whatever comes in: a result or a DeconvError, never another error, never an endless loop.

import { Conv2d, ConvTranspose2d, conv, convTranspose, init, memoryUsage, shutdown } from 'deconv-wasm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countOutcomes } from '../support/outcomes.js';
import { runsOf } from '../support/seed.js';
import { sizeOf } from '../support/tensors.js';

beforeAll(() => init());
afterAll(shutdown);

const LARGEST = 2 ** 31 - 1;

// Small numbers compute at once and numbers near the limits are refused; between them lie problems
// that are legal and merely take minutes.
const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 2, arbitrary: fc.integer({ min: -6, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 30, -(2 ** 30), LARGEST, -LARGEST) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      -0,
      0.5,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      LARGEST + 1,
      2 ** 32,
      2 ** 53,
      Number.MAX_VALUE,
    ),
  },
);

const thing = fc.oneof(
  fc.constantFrom(undefined, null, true, false, '', 'same', 'auto', 'channels-last', 3n, Symbol('s')),
  fc.constantFrom(
    {},
    [],
    new Date(0),
    new Map(),
    () => 1,
    Object(3),
    Object.create(null),
    new Float32Array(2),
  ),
  fc.string({ maxLength: 60 }),
  fc.anything({ maxDepth: 2, maxKeys: 3, withBigInt: true, withTypedArray: true, withSparseArray: true }),
);

const value = fc.oneof(
  { weight: 5, arbitrary: number },
  { weight: 3, arbitrary: fc.array(number, { maxLength: 4 }) },
  { weight: 1, arbitrary: thing },
);

/** Good options with up to three keys replaced by whatever, and now and then one that does not exist. */
function options(good: Readonly<Record<string, unknown>>): fc.Arbitrary<Record<string, unknown>> {
  const key = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...Object.keys(good)) },
    { weight: 1, arbitrary: fc.constantFrom('kernel', 'pads', '__proto__', 'constructor', '') },
  );
  return fc
    .array(fc.tuple(key, value), { maxLength: 3 })
    .map((replaced) => ({ ...good, ...Object.fromEntries(replaced) }));
}

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 6 });

/** Two channels wherever channels may be, so that two of these often fit. */
const fitting = fc
  .array(fc.integer({ min: 2, max: 3 }), { minLength: 2, maxLength: 2 })
  .map((extents) => ({ data: new Float32Array(4 * sizeOf(extents)).fill(1), shape: [2, 2, ...extents] }));

const tensor: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 8,
    arbitrary: shape.map((extents) => ({ data: new Float32Array(sizeOf(extents)).fill(1), shape: extents })),
  },
  { weight: 1, arbitrary: fc.record({ data: thing, shape: fc.oneof(value, thing) }) },
  { weight: 1, arbitrary: shape.map((extents) => ({ data: new Float32Array(5), shape: extents })) },
  { weight: 1, arbitrary: thing },
);

const GEOMETRY = { stride: 2, dilation: 1, groups: 1, route: 'auto' };
const LAYER = {
  ...GEOMETRY,
  inChannels: 2,
  outChannels: 3,
  kernelSize: [2, 3],
  padding: 1,
  bias: true,
  seed: 1,
};
const CALL = { ...GEOMETRY, bias: null, padBefore: 1, padAfter: -1, layout: 'channels-first' };

const { seen, attempt } = countOutcomes();

it('layers', () => {
  const { liveLayers } = memoryUsage();
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.oneof(
        { weight: 9, arbitrary: options(LAYER) },
        { weight: 9, arbitrary: options({ ...LAYER, outputPadding: 1 }) },
        { weight: 1, arbitrary: thing },
      ),
      fc.array(tensor, { maxLength: 3 }),
      fc.oneof(options({ out: undefined, outputSize: undefined }), thing),
      value,
      (transposed, garbage, inputs, forwardOptions, size) => {
        const layer = attempt(() =>
          transposed ? new ConvTranspose2d(garbage as never) : new Conv2d(garbage as never),
        );
        if (layer === undefined) return;
        using _ = layer;
        const own = {
          data: new Float32Array(layer.inChannels * 16).fill(1),
          shape: [layer.inChannels, 4, 4],
        };
        for (const input of [...inputs, own]) {
          attempt(() => layer.outputShape((input as { shape: number[] } | undefined)?.shape as number[]));
          attempt(() => layer.forward(input as never));
          attempt(() => layer.forward(input as never, forwardOptions as never));
          attempt(() => layer.setWeight(input as never));
          attempt(() => layer.setBias(input as never));
        }
        attempt(() => layer.outputShape(size as never));
        // Nothing of it keeps the layer from computing what its sizes allow.
        const shape = attempt(() => layer.outputShape(own.shape));
        const y = attempt(() => layer.forward(own));
        expect(y === undefined || y.shape.join() === shape?.join()).toBe(true);
        expect(String(layer)).toMatch(/^Conv(Transpose)?2d\(\d/);
      },
    ),
    runsOf(5000),
  );
  expect(memoryUsage().liveLayers).toBe(liveLayers);
});

it('conv and convTranspose', () => {
  const { liveLayers } = memoryUsage();
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.oneof({ weight: 2, arbitrary: fitting }, { weight: 1, arbitrary: tensor }),
      fc.oneof({ weight: 2, arbitrary: fitting }, { weight: 1, arbitrary: tensor }),
      fc.oneof(
        { weight: 9, arbitrary: options({ ...CALL, outputPadding: 1 }) },
        { weight: 9, arbitrary: options({ ...CALL, inputDilation: 1 }) },
        { weight: 1, arbitrary: thing },
      ),
      (transposed, x, weight, garbage) => {
        attempt(() => (transposed ? convTranspose : conv)(x as never, weight as never, garbage as never));
      },
    ),
    runsOf(5000),
  );
  expect(memoryUsage().liveLayers).toBe(liveLayers);
});

it('saw results and most kinds of errors', () => {
  console.log(`garbage: ${seen.results} results, errors ${JSON.stringify(Object.fromEntries(seen.errors))}`);
  expect(seen.results).toBeGreaterThan(500);
  for (const code of ['BAD_TYPE', 'BAD_OPTION', 'BAD_SHAPE', 'TOO_LARGE']) {
    expect(seen.errors.get(code) ?? 0, code).toBeGreaterThan(10);
  }
});
