// What an operator of the core applies while it writes, against the same in passes over its result: to the bit, on
// every build and every route. The geometries are cpp/tests/epilogue_test.cpp's.

import { createRuntime } from 'deconv-wasm';
import { expect, it } from 'vitest';
import type { MainModule, Operator } from '../../web/lib/runtime/bindings.js';
import { type Axes, type Spec, writeSpec } from '../../web/lib/runtime/operation.js';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { randomTensor } from '../support/tensors.js';

const CHANNELS = 18;
const INPUT: Axes = [1, 9, 13];
const POINTS = 19 * 27;
const SPEC: Spec = {
  transposed: true,
  groups: 1,
  inChannels: CHANNELS,
  outChannels: CHANNELS,
  kernel: [1, 3, 3],
  stride: [1, 2, 2],
  dilation: [1, 1, 1],
  inputDilation: [1, 1, 1],
  padBefore: [0, 0, 0],
  padAfter: [0, 0, 0],
  relu: false,
  exact: false,
  arithmetic: 0,
  compactPositions: 0,
};
const FUNCTIONS = 26;
const ADD = 0;
const OK = 0;

/** The core itself, which is not public. */
interface Core {
  readonly routeNames: readonly string[];
  readonly module: MainModule & { readonly wasmMemory: WebAssembly.Memory };
}

class Bench {
  readonly #module: Core['module'];
  readonly #weight: number;
  readonly #source: number;
  readonly #residual: number;
  readonly #slopes: number;
  readonly #target: number;

  constructor({ module }: Core) {
    this.#module = module;
    this.#weight = this.#random(CHANNELS * CHANNELS * 9, 1);
    this.#source = this.#random(CHANNELS * INPUT[1] * INPUT[2], 2);
    this.#residual = this.#random(CHANNELS * POINTS, 3);
    this.#slopes = this.#random(CHANNELS, 4);
    this.#target = this.#random(CHANNELS * POINTS, 5);
  }

  /** Compares every function, with and without parameters of channels and a residual; how many runs that were. */
  compare(operator: Operator, layout: number): number {
    const [slopes, residual] = [this.#slopes, this.#residual];
    let runs = 0;
    for (let op = -1; op < FUNCTIONS; op += 1) {
      for (const [channelA, added] of [
        [0, 0],
        [slopes, 0],
        [slopes, residual],
      ] as const) {
        const expected = this.#inPasses(operator, layout, op, channelA, added);
        expect(operator.setEpilogue(op, 0.25, 0.5, channelA)).toBe(OK);
        expect(operator.run(this.#source, this.#target, added)).toBe(OK);
        expect(this.#bits()).toEqual(expected);
        runs += 1;
      }
    }
    return runs;
  }

  setParameters(operator: Operator): void {
    if (operator.needsParameters()) expect(operator.setParameters(this.#weight, 0)).toBe(OK);
  }

  #inPasses(operator: Operator, layout: number, op: number, channelA: number, added: number): Uint32Array {
    const target = this.#target;
    const [outer, inner] = layout === 0 ? [1, POINTS] : [POINTS, 1];
    expect(operator.setEpilogue(-1, 0, 0, 0)).toBe(OK);
    expect(operator.run(this.#source, target, 0)).toBe(OK);
    if (added !== 0) this.#module.combine(ADD, CHANNELS * POINTS, target, added, target);
    if (op >= 0) {
      expect(
        this.#module.elementwise(op, outer, CHANNELS, inner, 0.25, 0.5, channelA, target, 0, target),
      ).toBe(OK);
    }
    return this.#bits();
  }

  #random(count: number, seed: number): number {
    const address = this.#module.allocateFloats(count);
    const { data } = randomTensor([count], seed);
    new Float32Array(this.#module.wasmMemory.buffer, address, count).set(data);
    return address;
  }

  #bits(): Uint32Array {
    return new Uint32Array(this.#module.wasmMemory.buffer, this.#target, CHANNELS * POINTS).slice();
  }
}

describeEachBuild((build) => {
  it('an epilogue is the passes that it replaces, on every route and in both layouts', async () => {
    const runtime = await createRuntime(build.options);
    const core = runtime as unknown as Core;
    const { module, routeNames } = core;
    const bench = new Bench(core);
    for (const relu of [false, true]) {
      writeSpec(module, { ...SPEC, relu });
      const operator = module.Operator.create();
      if (operator === null) throw new Error('expected memory for an operator');
      let runs = 0;
      for (const layout of [0, 1]) {
        for (let route = 0; route < routeNames.length; route += 1) {
          if (operator.plan(1, ...INPUT, layout, route, true) !== OK) continue;
          bench.setParameters(operator);
          runs += bench.compare(operator, layout);
        }
      }
      // Scalar, polyphase, scatter, XNNPACK's and two of Winograd's at least.
      expect(runs).toBeGreaterThanOrEqual(2 * 6 * 3 * (FUNCTIONS + 1));
      expect(operator.setEpilogue(FUNCTIONS, 0, 0, 0)).not.toBe(OK);
      operator.delete();
    }
    await runtime.shutdown();
  });
}, SOME_BUILDS);
