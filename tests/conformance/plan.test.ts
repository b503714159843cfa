// planning: 'measure' and what a plan tells, precision, and calls that repeat.

import {
  type Candidate,
  Conv2d,
  ConvTranspose2d,
  type ConvTransposeOptions,
  init,
  memoryUsage,
  type Plan,
  shutdown,
} from 'deconv-wasm';
import { ConvTranspose2d as ChannelsLast } from 'deconv-wasm/brainstate';
import { fromOnnx } from 'deconv-wasm/convert';
import { expect, it, onTestFinished, vi } from 'vitest';
import { describeEachBuild, ROUTE_CHOICES } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { unlessRefused } from '../support/run.js';
import { seed } from '../support/seed.js';
import { quarters, zeros } from '../support/tensors.js';

const UP: ConvTransposeOptions = {
  inChannels: 4,
  outChannels: 4,
  kernelSize: 4,
  stride: 2,
  padding: 1,
  seed: 3,
};

/** Sums of such parameters are exact: every route gives the same. */
function settle<Layer extends ConvTranspose2d>(layer: Layer): Layer {
  layer.setWeight(quarters(layer.weight.shape, seed));
  return layer;
}

describeEachBuild(() => {
  it('every plan lists every route, with its estimate or its refusal', () => {
    for (const route of ['auto', 'scalar'] as const) {
      using layer = new ConvTranspose2d({ ...UP, route });
      layer.forward(zeros(1, 4, 8, 8));
      const candidates = layer.plan?.candidates ?? [];
      expect(candidates.map((candidate) => candidate.route).sort()).toEqual(
        ROUTE_CHOICES.filter((choice) => choice !== 'auto').sort(),
      );
      for (const { estimate, measured, refusal } of candidates) {
        expect(measured).toBeNull();
        expect([estimate === null, refusal !== null]).toEqual(
          estimate === null ? [true, true] : [false, false],
        );
        if (estimate !== null) expect(estimate).toBeGreaterThan(0);
      }
      using down = new Conv2d({ inChannels: 4, outChannels: 4, kernelSize: 3, route });
      down.forward(zeros(1, 4, 8, 8));
      const theirs = down.plan?.candidates.find((candidate) => candidate.route === 'xnnpack-deconvolution');
      expect(theirs?.refusal).toBe('takes transposed convolutions only');
    }
  });

  it('a measured plan computes the same, says what it measured, and keeps one packed copy', () => {
    // Few positions, so that no route is far behind; the packed weights are most of what a layer holds.
    const options = { ...UP, inChannels: 32, outChannels: 32, bias: false };
    const x = quarters([1, 32, 1, 1], seed);
    using model = settle(new ConvTranspose2d(options));
    const wanted = model.forward(x);
    // What all layers share grows to the size that the greediest route wants, and stays.
    for (const route of ROUTE_CHOICES) {
      using layer = new ConvTranspose2d({ ...options, route });
      unlessRefused(() => layer.forward(x));
    }
    const held = (more: Partial<ConvTransposeOptions>): [ConvTranspose2d, number] => {
      const start = memoryUsage().usedBytes;
      const layer = settle(new ConvTranspose2d({ ...options, ...more }));
      expect(compareExactly(layer.forward(x), wanted)).toBeUndefined();
      return [layer, memoryUsage().usedBytes - start];
    };
    const [layer, bytes] = held({ planning: 'measure' });
    using _ = layer;
    const { plan } = layer;
    const measured = plan?.candidates.filter((candidate) => candidate.measured !== null) ?? [];
    expect(measured.length).toBeGreaterThanOrEqual(2);
    for (const candidate of measured) expect(candidate.measured).toBeGreaterThan(0);
    const best = measured.reduce((one, other) =>
      (other.measured as number) < (one.measured as number) ? other : one,
    );
    expect(plan?.route).toBe(best.route);
    expect(plan?.reason).toMatch(/^measured [\d.e-]+ ms; .* ms/);
    const [forced, forcedBytes] = held({ route: best.route });
    using __ = forced;
    expect(bytes).toBeGreaterThan(4 * wanted.data.length * 32);
    // Another packed copy would be 64 KiB.
    expect(Math.abs(bytes - forcedBytes)).toBeLessThan(1024);
  });

  it('what was measured holds for other layers of the geometry, and for no other geometry', () => {
    const x = quarters([1, 4, 6, 5], seed);
    const make = (more: Partial<ConvTransposeOptions> = {}): ConvTranspose2d =>
      settle(new ConvTranspose2d({ ...UP, bias: false, planning: 'measure', ...more }));
    using first = make();
    first.forward(x);
    using second = make();
    using model = settle(new ConvTranspose2d({ ...UP, bias: false }));
    expect(compareExactly(second.forward(x), model.forward(x))).toBeUndefined();
    // The very same measurements: it did not measure again.
    expect(second.plan?.candidates).toBe(first.plan?.candidates);
    expect(second.plan?.route).toBe(first.plan?.route);
    expect(model.plan?.reason).toMatch(/^estimated/);
    const { plan } = first;
    first.forward(x);
    expect(first.plan).toBe(plan);
    first.forward(quarters([1, 4, 6, 6], seed));
    expect(first.plan?.candidates).not.toBe(plan?.candidates);
    first.forward(x, { activation: 'relu' });
    expect(first.plan?.candidates).not.toBe(plan?.candidates);
    first.forward(x);
    expect(first.plan?.candidates).toBe(plan?.candidates);
    using other = make({ dilation: 2 });
    other.forward(x);
    expect(other.plan?.candidates).not.toBe(plan?.candidates);
  });

  it('what a user does to a plan reaches no other layer, and not the next run', () => {
    for (const planning of ['model', 'measure'] as const) {
      const x = quarters([1, 4, 7, 5], seed);
      using first = settle(new ConvTranspose2d({ ...UP, bias: false, planning }));
      const wanted = first.forward(x);
      const plan = first.plan as Plan;
      const before = structuredClone(plan);
      const candidates = plan.candidates as Candidate[];
      for (const change of [
        () => candidates.sort((one, other) => (one.route < other.route ? -1 : 1)),
        () => candidates.reverse(),
        () => candidates.splice(0),
        () => candidates.push(candidates[0] as Candidate),
        () => Object.assign(candidates[0] as object, { route: 'scalar', measured: 0, estimate: 0 }),
        () => Object.assign(plan, { route: 'scalar', candidates: [] }),
      ]) {
        expect(change).toThrow(TypeError);
      }
      using second = new ConvTranspose2d({ ...UP, bias: false, planning });
      second.setWeight(first.weight);
      for (const layer of [first, second]) {
        expect(compareExactly(layer.forward(x), wanted)).toBeUndefined();
        expect(layer.plan).toEqual(before);
      }
    }
  });

  it('what a layer has packed serves again, until it gets another weight', () => {
    using layer = new ChannelsLast({
      inSize: [6, 5, 4],
      outChannels: 3,
      kernelSize: 4,
      stride: 2,
      wMask: 0.5,
      seed: 1,
    });
    const x = quarters([1, 6, 5, 4], seed);
    const gradY = quarters(layer.outputShape(x.shape), seed);
    // The mask is multiplied in whenever parameters are packed.
    const map = vi.spyOn(Object.getPrototypeOf(Float32Array.prototype), 'map');
    onTestFinished(() => map.mockRestore());
    const packs = (call: () => void): number => {
      map.mockClear();
      call();
      return map.mock.calls.length;
    };
    const ways = (): void => {
      layer.forward(x);
      layer.forward(x, { activation: 'relu' });
      layer.backward(x, gradY);
    };
    const first = packs(ways);
    const again = packs(ways);
    // A gradient of the weight is masked as well.
    expect([first, again]).toEqual([4, 1]);
    expect(packs(ways)).toBe(1);
    layer.setWeight(layer.weight);
    expect(packs(ways)).toBe(4);
    expect(packs(ways)).toBe(1);
  });

  it('measuring survives new weights, batches of none, out as input, and gradients', () => {
    const x = quarters([1, 4, 6, 5], seed);
    const options = { ...UP, kernelSize: 3, stride: 1, bias: false };
    using layer = new ConvTranspose2d({ ...options, planning: 'measure' });
    using model = new ConvTranspose2d(options);
    layer.forward(zeros(0, 4, 6, 5));
    expect(layer.plan?.reason).toMatch(/^estimated/);
    for (const round of [1, 2]) {
      const weight = quarters(layer.weight.shape, seed + round);
      layer.setWeight(weight);
      model.setWeight(weight);
      const wanted = model.forward(x);
      const both = { data: x.data.slice(), shape: x.shape };
      expect(compareExactly(layer.forward(both, { out: both }), wanted)).toBeUndefined();
      expect(layer.backward(x, wanted)).toEqual(model.backward(x, wanted));
    }
    expect(layer.plan?.reason).toMatch(/^measured/);
  });

  it('a forced route is not measured, an exact result is the same sum', () => {
    const x = quarters([1, 4, 6, 5], seed);
    using forced = new ConvTranspose2d({ ...UP, planning: 'measure', route: 'scalar' });
    forced.forward(x);
    expect(forced.plan).toMatchObject({ route: 'scalar', reason: expect.stringMatching(/^forced/) });
    expect(forced.plan?.candidates.every(({ measured }) => measured === null)).toBe(true);
    using exact = new ConvTranspose2d({ ...UP, bias: false, precision: 'exact' });
    using scalar = new ConvTranspose2d({ ...UP, bias: false, route: 'scalar' });
    const weight = quarters(exact.weight.shape, seed);
    exact.setWeight(weight);
    scalar.setWeight(weight);
    expect(compareExactly(exact.forward(x), scalar.forward(x))).toBeUndefined();
  });

  it('a call that repeats is checked like the first', () => {
    using layer = new ConvTranspose2d(UP);
    const x = quarters([1, 4, 6, 5], seed);
    const out = zeros(...layer.outputShape(x.shape));
    const wanted = layer.forward(x, { out: zeros(...out.shape) });
    const where = 'ConvTranspose2d.forward';
    const detached = new Float32Array(120);
    structuredClone(detached, { transfer: [detached.buffer] });
    const again = (): void => {
      expect(compareExactly(layer.forward(x, { out }), wanted)).toBeUndefined();
    };
    for (const [act, code] of [
      [() => layer.forward({ data: x.data.subarray(1), shape: x.shape }), 'BAD_SHAPE'],
      [() => layer.forward({ data: detached, shape: x.shape }), 'BAD_BUFFER'],
      [() => layer.forward({ data: new Date(), shape: x.shape } as never), 'BAD_TYPE'],
      [() => layer.forward({ shape: x.shape } as never), 'BAD_TYPE'],
      [() => layer.forward({ data: x.data, shape: [1, 4, 5, 6.5] }), 'BAD_SHAPE'],
      [() => layer.forward(x, { out: { data: out.data, shape: [1, 4, 10, 12] } }), 'BAD_SHAPE'],
      [() => layer.forward(x, { out: { data: out.data.subarray(1), shape: out.shape } }), 'BAD_SHAPE'],
      [() => layer.forward(x, { out: null } as never), 'BAD_TYPE'],
      [() => layer.forward(x, { out, colour: 1 } as never), 'BAD_OPTION'],
      [() => layer.forward(x, { out, activation: 'gelu' } as never), 'BAD_OPTION'],
      [() => layer.forward(x, { out, outputSize: [9, 9] }), 'BAD_OPTION'],
      [() => layer.forward(x, 3 as never), 'BAD_TYPE'],
      [() => layer.forward(x, [] as never), 'BAD_TYPE'],
    ] as const) {
      again();
      expectError(caught(act), code, where);
    }
    again();
  });

  it('a call that differs in one option alone is another call', () => {
    // A ReLU may make another route the fastest, whose sums round otherwise.
    using layer = new ConvTranspose2d({ ...UP, padding: 0, route: 'polyphase' });
    const x = quarters([1, 4, 6, 5], seed);
    const plain = layer.forward(x);
    const clamped = plain.data.map((value) => Math.max(value, 0));
    expect([...layer.forward(x, { activation: 'relu' }).data]).toEqual([...clamped]);
    expect(compareExactly(layer.forward(x), plain)).toBeUndefined();
    // A list that is changed between two calls is another list.
    const outputSize = [14, 12];
    expect(layer.forward(x, { outputSize }).shape).toEqual([1, 4, 14, 12]);
    outputSize[0] = 15;
    expect(layer.forward(x, { outputSize }).shape).toEqual([1, 4, 15, 12]);
    expect(layer.forward(x, {}).shape).toEqual([1, 4, 14, 12]);
    // Results belong to the caller, their shapes as well.
    (layer.forward(x).shape as number[])[2] = 99;
    expect(layer.forward(x).shape).toEqual([1, 4, 14, 12]);
    const shape = [1, 4, 6, 5];
    layer.forward({ data: x.data, shape });
    shape[2] = 5;
    shape[3] = 6;
    expect(layer.forward({ data: x.data, shape }).shape).toEqual([1, 4, 12, 14]);
  });

  // On a page this is its main thread, which may not wait as others do.
  it('1,000 forwards in a row', () => {
    using layer = new ConvTranspose2d({ ...UP, inChannels: 32, outChannels: 32 });
    const x = quarters([1, 32, 16, 16], seed);
    const out = zeros(...layer.outputShape(x.shape));
    const wanted = layer.forward(x);
    for (let round = 0; round < 1000; round += 1) layer.forward(x, { out });
    expect(compareExactly(out, wanted)).toBeUndefined();
  });
});

it('words that are none', async () => {
  onTestFinished(shutdown);
  await init();
  const weight = zeros(1, 1, 2, 2);
  for (const [name, value, code] of [
    ['planning', 'measured', 'BAD_OPTION'],
    ['planning', '', 'BAD_OPTION'],
    ['planning', 1, 'BAD_TYPE'],
    ['planning', true, 'BAD_TYPE'],
    ['precision', 'low', 'BAD_OPTION'],
    ['precision', 16, 'BAD_TYPE'],
  ] as const) {
    const wrong = { [name]: value } as never as object;
    const shared = { inChannels: 1, outChannels: 1, kernelSize: 2, ...wrong };
    expectError(
      caught(() => new ConvTranspose2d(shared)),
      code,
      'ConvTranspose2d',
    );
    expectError(
      caught(() => new Conv2d(shared)),
      code,
      'Conv2d',
    );
    const sized = { inSize: [4, 4, 1], outChannels: 1, kernelSize: 2, ...wrong };
    expectError(
      caught(() => new ChannelsLast(sized)),
      code,
      'ConvTranspose2d',
    );
    const converted = caught(() => fromOnnx('ConvTranspose', {}, { weight }, wrong));
    expect(converted.code).toBe(code);
  }
});
