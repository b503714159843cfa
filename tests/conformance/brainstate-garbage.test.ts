// Whatever comes in: a layer or a DeconvError, never another error, never an endless loop.

import { init, memoryUsage, shutdown } from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
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
    arbitrary: fc.constantFrom(-0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, -1e308, LARGEST + 1, 2 ** 53),
  },
);

const thing = fc.oneof(
  fc.constantFrom(undefined, null, true, false, '', 'same', 'SAME', 'VALID', 'auto', 3n, Symbol('s')),
  fc.constantFrom({}, [], new Date(0), new Map(), Object(3), Object.create(null)),
  fc.constantFrom(
    () => 1,
    () => undefined,
    () => new Float32Array(2),
    () => ({ data: 1, shape: [1] }),
  ),
  fc.constantFrom(
    new Float32Array(2),
    new Float32Array(36),
    new Float64Array(36),
    new DataView(new ArrayBuffer(8)),
  ),
  fc.constantFrom(brainstate.Normal(), brainstate.Orthogonal(), brainstate.KaimingUniform({ seed: 1 })),
  fc.string({ maxLength: 60 }),
  fc.anything({ maxDepth: 2, maxKeys: 3, withBigInt: true, withTypedArray: true, withSparseArray: true }),
);

const list = fc.array(number, { maxLength: 4 });

const value = fc.oneof(
  { weight: 5, arbitrary: number },
  { weight: 3, arbitrary: list },
  { weight: 1, arbitrary: fc.array(fc.oneof(list, number), { maxLength: 3 }) },
  { weight: 2, arbitrary: thing },
);

const tensor = fc
  .array(fc.integer({ min: 0, max: 3 }), { maxLength: 5 })
  .map((shape) => ({ data: new Float32Array(sizeOf(shape)).fill(1), shape }));

const GOOD = {
  inSize: [3, 4, 2],
  outChannels: 2,
  kernelSize: [3, 2],
  stride: 2,
  padding: 1 as unknown,
  lhsDilation: 1,
  rhsDilation: 1,
  groups: 1,
  wInit: undefined,
  bInit: null,
  wMask: null,
  channelFirst: false,
  name: null,
  seed: 1,
  route: 'auto',
};

/** Good options with up to three keys replaced by whatever, and now and then one that does not exist. */
const options = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.oneof(
          { weight: 12, arbitrary: fc.constantFrom(...Object.keys(GOOD)) },
          { weight: 1, arbitrary: fc.constantFrom('dilation', 'inChannels', '__proto__', 'constructor', '') },
        ),
        fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: tensor }),
      ),
      { maxLength: 3 },
    ),
    fc.constantFrom('SAME', 'VALID', 1, [
      [1, 0],
      [2, 2],
    ]),
  )
  .map(([replaced, padding]) => ({ ...GOOD, padding, ...Object.fromEntries(replaced) }));

const { seen, attempt } = countOutcomes();

it('layers', () => {
  const { liveLayers } = memoryUsage();
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.oneof({ weight: 9, arbitrary: options }, { weight: 1, arbitrary: thing }),
      fc.oneof(tensor, thing),
      (transposed, garbage, input) => {
        const layer = attempt(() =>
          transposed
            ? new brainstate.ConvTranspose2d(garbage as never)
            : new brainstate.Conv2d(garbage as never),
        );
        if (layer === undefined) return;
        using _ = layer;
        expect(String(layer)).toMatch(/^Conv(Transpose)?2d\(in_size=\(\d/);
        expect(Math.min(...layer.outSize)).toBeGreaterThanOrEqual(1);
        attempt(() => layer.forward(input as never));
        attempt(() => layer.setWeight(input as never));
        attempt(() => layer.setBias(input as never));
        // What outSize promises, forward keeps.
        if (sizeOf(layer.inSize) > 1e5 || sizeOf(layer.outSize) > 1e5) return;
        const x = { data: new Float32Array(sizeOf(layer.inSize)).fill(1), shape: layer.inSize };
        const y = attempt(() => layer.forward(x));
        if (y === undefined) {
          // Only a forced route may decline.
          expect((garbage as { route?: unknown }).route).not.toBe('auto');
          return;
        }
        expect(y.shape).toEqual(layer.outSize);
        const gradients = attempt(() => layer.backward(x, y));
        if (gradients !== undefined) expect(gradients.weight.shape).toEqual(layer.weight.shape);
      },
    ),
    runsOf(15_000),
  );
  expect(memoryUsage().liveLayers).toBe(liveLayers);
});

it('initializers', () => {
  const makers = [
    brainstate.VarianceScaling,
    brainstate.XavierNormal,
    brainstate.Normal,
    brainstate.TruncatedNormal,
    brainstate.Uniform,
    brainstate.Orthogonal,
    brainstate.Constant,
  ] as const;
  const key = fc.constantFrom(
    'scale',
    'mode',
    'distribution',
    'seed',
    'mean',
    'loc',
    'lower',
    'upper',
    'minVal',
    'maxVal',
    'axis',
  );
  const real = fc.oneof(fc.double(), fc.double({ min: -9, max: 9, noNaN: true }), value);
  fc.assert(
    fc.property(
      fc.constantFrom(...makers),
      fc.oneof(
        {
          weight: 9,
          arbitrary: fc
            .array(fc.tuple(key, real), { maxLength: 2 })
            .map((pairs) => Object.fromEntries(pairs)),
        },
        { weight: 1, arbitrary: thing },
      ),
      fc.oneof(
        { weight: 3, arbitrary: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }) },
        { weight: 1, arbitrary: thing },
      ),
      (maker, given, shape) => {
        const initializer = attempt(() => maker(given as never));
        if (initializer === undefined) return;
        const values = attempt(() => initializer(shape as never));
        if (values === undefined) return;
        expect(values.length).toBe(sizeOf(shape as number[]));
        expect(values.some(Number.isNaN)).toBe(false);
      },
    ),
    runsOf(15_000),
  );
});

it('saw results and most kinds of errors', () => {
  console.log(`garbage: ${seen.results} results, errors ${JSON.stringify(Object.fromEntries(seen.errors))}`);
  expect(seen.results).toBeGreaterThan(500);
  for (const code of ['BAD_TYPE', 'BAD_OPTION', 'BAD_SHAPE', 'TOO_LARGE']) {
    expect(seen.errors.get(code) ?? 0, code).toBeGreaterThan(10);
  }
});
