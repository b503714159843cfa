// What the fused ReLU does to values that min, max and comparisons treat in ways of their own: on every
// route, in both layouts, on every build.

import { host } from '@host';
import {
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  conv,
  type Plan,
  type Tensor,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeEachBuild, PLAIN_SUMS, ROUTE_CHOICES, SOME_BUILDS } from '../support/builds.js';
import { mulberry32 } from '../support/random.js';
import { type RouteChoice, unlessRefused } from '../support/run.js';
import { runsOf } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

const FIRST = {
  conv: [Conv1d, Conv2d, Conv3d],
  transposed: [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d],
};
const LAST = {
  conv: [brainstate.Conv1d, brainstate.Conv2d, brainstate.Conv3d],
  transposed: [brainstate.ConvTranspose1d, brainstate.ConvTranspose2d, brainstate.ConvTranspose3d],
};

/** x86 makes NaN with the sign bit of inf - inf; JavaScript writes the other. */
const WILD = new Float32Array(
  new Uint32Array([0x7fc00000, 0xffc00000, 0x7f800000, 0xff800000, 0x80000000]).buffer,
);

function problemsOf(ranks: readonly number[], widths: readonly number[], strides: readonly number[]) {
  const axis = fc.record({
    n: fc.integer({ min: 1, max: 9 }),
    k: fc.integer({ min: 1, max: 4 }),
    stride: fc.constantFrom(...strides),
    dilation: fc.constantFrom(1, 1, 1, 2),
  });
  return fc.constantFrom(...ranks).chain((rank) =>
    fc.record({
      transposed: fc.boolean(),
      channelsLast: fc.boolean(),
      axes: fc.array(axis, { minLength: rank, maxLength: rank }),
      batch: fc.integer({ min: 1, max: 2 }),
      groups: fc.constantFrom(1, 1, 2, 3),
      groupIn: fc.constantFrom(...widths),
      groupOut: fc.constantFrom(...widths),
      bias: fc.boolean(),
      seed: fc.nat(),
    }),
  );
}

const layerProblem = fc.oneof(
  { weight: 2, arbitrary: problemsOf([1, 2, 2, 3], [1, 2, 3, 4, 5, 9], [1, 2, 3]) },
  // What Winograd takes.
  { weight: 1, arbitrary: problemsOf([2], [16, 17, 19], [1, 1, 2]) },
);

type LayerProblem = typeof layerProblem extends fc.Arbitrary<infer Value> ? Value : never;

interface AnyLayer extends Disposable {
  forward(x: object, options?: { activation: 'relu' }): Tensor;
  backward(x: object, grad: object): { input: Tensor };
  readonly plan: Plan | null;
  readonly weight: Tensor;
}

// 'exact' where Winograd must not spread NaN over its tiles.
function layerOf(problem: LayerProblem, route: RouteChoice, precision: 'fast' | 'exact'): AnyLayer {
  const { transposed, channelsLast, axes, groups, groupIn, groupOut, bias, seed } = problem;
  const rank = axes.length - 1;
  const outChannels = groups * groupOut;
  const kernelSize = axes.map(({ k }) => k);
  const stride = axes.map((own) => own.stride);
  const dilation = axes.map((own) => own.dilation);
  const common = { outChannels, kernelSize, stride, groups, seed, route, precision };
  const kind = transposed ? 'transposed' : 'conv';
  // Different classes take different options; what they have in common is all that is used of them.
  if (channelsLast) {
    const Layer = LAST[kind][rank] as unknown as new (options: object) => AnyLayer;
    const bInit = bias ? { bInit: () => randomTensor([outChannels], seed).data } : {};
    const inSize = [...axes.map(({ n }) => n), groups * groupIn];
    return new Layer({ ...common, inSize, rhsDilation: dilation, ...bInit });
  }
  const Layer = FIRST[kind][rank] as unknown as new (options: object) => AnyLayer;
  const padding = paddingOf(problem);
  return new Layer({ ...common, inChannels: groups * groupIn, dilation, padding, bias });
}

/** Half of the reach, rounded so that one value at least comes out. */
function paddingOf({ axes, transposed }: LayerProblem): number[] {
  return axes.map(({ k, dilation }) => (dilation * (k - 1) + (transposed ? 0 : 1)) >> 1);
}

function inputOf({ axes, channelsLast, batch, groups, groupIn, seed }: LayerProblem) {
  const extents = axes.map(({ n }) => n);
  const channels = groups * groupIn;
  return randomTensor(channelsLast ? [batch, ...extents, channels] : [batch, channels, ...extents], seed);
}

function makeWild(data: Float32Array, seed: number): void {
  const random = mulberry32(seed);
  // Bits, not numbers: a number that is NaN has no sign.
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const wild = new Uint32Array(WILD.buffer);
  for (let count = 1 + (data.length >> 4); count > 0; count -= 1) {
    bits[Math.floor(random() * bits.length)] = wild[Math.floor(random() * wild.length)] as number;
  }
}

/** The first value that is not the ReLU of its sum. */
function firstWrong(sums: Float32Array, outputs: Float32Array): string | undefined {
  for (const [index, sum] of sums.entries()) {
    const output = outputs[index] as number;
    // Math.max keeps NaN; Object.is tells 0 from -0.
    if (!Object.is(output, Math.max(sum, 0))) return `[${index}] is ${output}, of ${sum}`;
  }
  return undefined;
}

function firstLost(wanted: Float32Array, got: Float32Array): string | undefined {
  const lost = wanted.findIndex((value, at) => Number.isNaN(value) !== Number.isNaN(got[at]));
  return lost < 0 ? undefined : `[${lost}] is ${got[lost]} instead of ${wanted[lost]}`;
}

const THREE = SOME_BUILDS.filter(({ options }) => options.threads > 1).map(({ name, options }) => ({
  name: `${name} x 3`,
  options: { ...options, threads: 3 },
}));

describeEachBuild(
  (build) => {
    it('clamps what is below zero and nothing else, on every route', () => {
      const runs = 300;
      const notNumbers = new Map<RouteChoice, number>();
      fc.assert(
        fc.property(layerProblem, (problem) => {
          const x = inputOf(problem);
          makeWild(x.data, problem.seed);
          for (const route of ROUTE_CHOICES) {
            using layer = layerOf(problem, route, 'fast');
            const sums = unlessRefused(() => layer.forward(x));
            if (sums === null) continue;
            const computedBy = layer.plan?.route;
            const { data } = layer.forward(x, { activation: 'relu' });
            // A ReLU has a cost on some routes: 'auto' may take another one, which rounds in its own way.
            if (layer.plan?.route !== computedBy) continue;
            expect(firstWrong(sums.data, data), route).toBeUndefined();
            const count = data.reduce((all, value) => all + Number(Number.isNaN(value)), 0);
            notNumbers.set(route, (notNumbers.get(route) ?? 0) + count);
          }
        }),
        runsOf(runs, build.name),
      );
      const told = [...notNumbers].map(([route, count]) => `${route} ${count}`);
      console.log(`NaN behind a ReLU: ${told.join(', ')}, ${build.name} in ${host.name}`);
      for (const route of ROUTE_CHOICES) expect(notNumbers.get(route), route).toBeGreaterThan(100);
    });

    it('NaN comes out of the same places by every route, forward and back', () => {
      fc.assert(
        fc.property(layerProblem, (problem) => {
          const x = inputOf(problem);
          makeWild(x.data, problem.seed);
          using scalar = layerOf(problem, 'scalar', 'exact');
          const wanted = scalar.forward(x, { activation: 'relu' });
          for (const route of PLAIN_SUMS) {
            using layer = layerOf(problem, route, 'exact');
            const y = unlessRefused(() => layer.forward(x, { activation: 'relu' }));
            if (y !== null) expect(firstLost(wanted.data, y.data), route).toBeUndefined();
          }
          if (!problem.transposed || problem.channelsLast) return;
          // The gradient at the input is the convolution with the same numbers, on the route that is best.
          const gradOutput = randomTensor([...wanted.shape], problem.seed + 1);
          makeWild(gradOutput.data, problem.seed + 1);
          const back = scalar.backward(x, gradOutput).input;
          const padding = paddingOf(problem);
          const geometry = {
            stride: problem.axes.map(({ stride }) => stride),
            dilation: problem.axes.map(({ dilation }) => dilation),
            groups: problem.groups,
            padBefore: padding,
            padAfter: padding,
          };
          for (const route of PLAIN_SUMS) {
            const options = { ...geometry, route, precision: 'exact' } as const;
            const same = unlessRefused(() => conv(gradOutput, scalar.weight, options));
            if (same !== null) expect(firstLost(back.data, same.data), `${route} back`).toBeUndefined();
          }
        }),
        runsOf(120, build.name),
      );
    });
  },
  [...SOME_BUILDS, ...THREE],
);
