// Random geometries: what holds for every problem, whatever route computes it as plain sums.

import { host } from '@host';
import { conv, convTranspose, type Tensor } from 'deconv-wasm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeEachBuild, PLAIN_SUMS, ROUTE_CHOICES, SOME_BUILDS } from '../support/builds.js';
import {
  compareExactly,
  compareResults,
  compareRounded,
  compareToReference,
  compareWith,
} from '../support/compare.js';
import { type RandomProblem, randomProblem, tensorsOf } from '../support/geometries.js';
import { reference } from '../support/reference.js';
import { type RouteChoice, runFunctional, unlessRefused } from '../support/run.js';
import { runsOf, seed } from '../support/seed.js';
import { randomTensor, sizeOf, stack, toChannelsFirst, toChannelsLast } from '../support/tensors.js';

/** Random geometries on each of the four builds. */
const RUNS = 1000;

/**
 * These multiply the zeros around the input by the weights, and 0 times what is not finite is NaN: the
 * border of the weight's output channel may then hold more of it than the definition's (README, Limits).
 */
const SPREADS_WEIGHTS: ReadonlySet<RouteChoice> = new Set([
  'auto',
  'polyphase',
  'implicit-gemm',
  'xnnpack-deconvolution',
]);

/** The result, channels first whatever the layout of the call; null from a route that refuses. */
function compute(
  problem: RandomProblem,
  x: Tensor,
  route: RouteChoice,
  layout = problem.layout,
  weight = tensorsOf(problem).weight,
): Tensor | null {
  const { bias } = tensorsOf(problem);
  const { geometry } = problem;
  const last = layout === 'channels-last';
  const given = last ? toChannelsLast(x) : x;
  const y = unlessRefused(() => runFunctional({ geometry, layout, x: given, weight, bias }, route, 'exact'));
  return y === null || !last ? y : toChannelsFirst(y);
}

describeEachBuild((build) => {
  it('every route agrees with the scalar one, and that one with the definition', () => {
    const counts = new Map<RouteChoice, number>();
    fc.assert(
      fc.property(randomProblem, (problem) => {
        const { x, weight, bias } = tensorsOf(problem);
        const wanted = reference(problem.geometry, x, weight, bias);
        const scalar = compute(problem, x, 'scalar') as Tensor;
        expect(compareRounded(scalar, wanted)).toBeUndefined();
        for (const route of PLAIN_SUMS) {
          const y = compute(problem, x, route);
          if (y === null) continue;
          counts.set(route, (counts.get(route) ?? 0) + 1);
          expect(compareToReference(y, wanted), `${route} against the definition`).toBeUndefined();
          expect(compareResults(y, scalar, wanted), `${route} against scalar`).toBeUndefined();
        }
      }),
      runsOf(RUNS, build.name),
    );
    const routes = [...counts].map(([route, count]) => `${route} ${count}`).join(', ');
    console.log(`random geometries: ${RUNS} (${routes}), ${build.name} in ${host.name}`);
    expect(counts.get('auto')).toBe(RUNS);
    expect(counts.get('scalar')).toBe(RUNS);
    for (const route of PLAIN_SUMS) expect(counts.get(route), route).toBeGreaterThan(RUNS / 10);
  });

  it('a batch is its images one by one', () => {
    fc.assert(
      fc.property(randomProblem, (problem) => {
        const { weight, bias } = tensorsOf(problem);
        const shape = [1, problem.groupIn * problem.geometry.groups, ...problem.extents];
        const images = [0, 1, 2].map((image) => randomTensor(shape, problem.seed + image));
        const wanted = reference(problem.geometry, stack(images), weight, bias);
        for (const route of PLAIN_SUMS) {
          const together = compute(problem, stack(images), route);
          if (together === null) continue;
          const apart = stack(images.map((image) => compute(problem, image, route) as Tensor));
          expect(compareResults(together, apart, wanted), route).toBeUndefined();
        }
      }),
      runsOf(80, build.name),
    );
  });

  it('channels last is channels first in another order', () => {
    fc.assert(
      fc.property(randomProblem, (problem) => {
        const { x, weight, bias } = tensorsOf(problem);
        const wanted = reference(problem.geometry, x, weight, bias);
        for (const route of PLAIN_SUMS) {
          const first = compute(problem, x, route, 'channels-first');
          const last = compute(problem, x, route, 'channels-last');
          expect(first === null, route).toBe(last === null);
          if (first === null || last === null) continue;
          expect(compareResults(last, first, wanted), route).toBeUndefined();
        }
      }),
      runsOf(80, build.name),
    );
  });

  it('a convolution and the transposed one with the same weight are adjoint', () => {
    fc.assert(
      fc.property(randomProblem, (problem) => {
        const { geometry } = problem;
        // At and above a stride, more than one input size would map onto the output's.
        const outputPadding = geometry.outputPadding.map(
          (extra, axis) => extra % (geometry.stride[axis] as number),
        );
        const { stride, dilation, padBefore, padAfter, groups } = geometry;
        const x = randomTensor([2, problem.groupIn * groups, ...problem.extents], problem.seed);
        const weight = randomTensor(
          [problem.groupIn * groups, problem.groupOut, ...problem.kernel],
          problem.seed + 1,
        );
        const common = { stride, dilation, groups, padBefore };
        const forward = unlessEmpty(() => convTranspose(x, weight, { ...common, padAfter, outputPadding }));
        if (forward === null) return;
        const g = randomTensor(forward.shape, problem.seed + 2);
        const backward = conv(g, weight, { ...common, padAfter });
        expect(backward.shape).toEqual(x.shape);
        // Both are the sum of all products x * w * g; no value is a sum of more terms than the weight has.
        const { magnitude } = reference({ ...geometry, transposed: true, outputPadding }, x, weight, null);
        const size = magnitude.reduce(
          (sum, term, index) => sum + term * Math.abs(g.data[index] as number),
          0,
        );
        const allowed = 2 * 2 ** -24 * (weight.data.length + 2) * size;
        expect(Math.abs(dot(forward, g) - dot(x, backward))).toBeLessThanOrEqual(allowed);
      }),
      runsOf(150, build.name),
    );
  });

  it('a NaN or an infinity in one place of the input reaches the outputs that read it, and no other', () => {
    fc.assert(
      fc.property(
        randomProblem,
        fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
        fc.nat(),
        (problem, poison, place) => {
          const { x, weight, bias } = tensorsOf(problem);
          if (x.data.length === 0) return;
          x.data[place % x.data.length] = poison;
          const wanted = reference(problem.geometry, x, weight, bias);
          for (const route of PLAIN_SUMS) {
            const y = compute(problem, x, route);
            if (y === null) continue;
            const difference = compareWith(y, wanted.shape, wanted.data, (index) => {
              if (!Number.isFinite(wanted.data[index])) return 0;
              return 1e-4 * ((wanted.magnitude[index] as number) + 1);
            });
            expect(difference, route).toBeUndefined();
          }
        },
      ),
      runsOf(120, build.name),
    );
  });

  it('a NaN or an infinity in one place of the weight reaches the outputs that read it', () => {
    const runs = 200;
    const counts = new Map<RouteChoice, number>();
    const spread = new Map<RouteChoice, number>();
    fc.assert(
      fc.property(
        randomProblem,
        fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
        fc.nat(),
        (problem, poison, at) => {
          const { x, weight, bias } = tensorsOf(problem);
          const { transposed, groups } = problem.geometry;
          const place = at % weight.data.length;
          weight.data[place] = poison;
          const wanted = reference(problem.geometry, x, weight, bias);
          // The output channel of the weight: [in, out / groups, taps] or [out, in / groups, taps].
          const matrix = Math.floor(place / sizeOf(problem.kernel));
          const group = Math.floor(matrix / problem.groupOut / problem.groupIn);
          const poisoned = transposed
            ? group * problem.groupOut + (matrix % problem.groupOut)
            : Math.floor(matrix / problem.groupIn);
          const points = sizeOf(wanted.shape.slice(2));
          const channelOf = (index: number): number =>
            Math.floor(index / points) % (groups * problem.groupOut);
          for (const route of PLAIN_SUMS) {
            const y = compute(problem, x, route, problem.layout, weight);
            if (y === null) continue;
            counts.set(route, (counts.get(route) ?? 0) + 1);
            const spreads = SPREADS_WEIGHTS.has(route);
            let more = 0;
            const difference = compareWith(y, wanted.shape, wanted.data, (index) => {
              const finite = Number.isFinite(wanted.data[index]);
              if (spreads && channelOf(index) === poisoned && !Number.isFinite(y.data[index])) {
                more += Number(finite);
                return Number.POSITIVE_INFINITY;
              }
              return finite ? 1e-4 * ((wanted.magnitude[index] as number) + 1) : 0;
            });
            expect(difference, route).toBeUndefined();
            if (more > 0) spread.set(route, (spread.get(route) ?? 0) + 1);
          }
        },
      ),
      runsOf(runs, build.name),
    );
    const told = [...counts].map(([route, count]) => `${route} ${spread.get(route) ?? 0} of ${count}`);
    console.log(`weights that are not finite spread: ${told.join(', ')}, ${build.name} in ${host.name}`);
    for (const route of PLAIN_SUMS) expect(counts.get(route), route).toBeGreaterThan(runs / 10);
  });

  // Sizes that fill whole tiles and all threads, as the random ones do not.
  it('layers of known networks', () => {
    const layers = [
      {
        name: 'DCGAN',
        x: [1, 64, 8, 8],
        w: [64, 32, 4, 4],
        options: { stride: 2, padBefore: 1, padAfter: 1 },
      },
      { name: 'U-Net', x: [2, 48, 12, 10], w: [48, 24, 2, 2], options: { stride: 2 } },
      {
        name: 'FCN',
        x: [1, 21, 6, 6],
        w: [21, 21, 16, 16],
        options: { stride: 8, padBefore: 4, padAfter: 4 },
      },
      {
        name: 'depthwise',
        x: [1, 27, 20, 20],
        w: [27, 1, 3, 3],
        options: { stride: 2, groups: 27, padBefore: 1 },
      },
      {
        name: 'dilated',
        x: [1, 16, 11, 9],
        w: [16, 20, 3, 3],
        options: { dilation: 2, padBefore: 2, padAfter: 2 },
      },
      { name: 'kernel < stride', x: [1, 16, 9, 11], w: [16, 12, 2, 2], options: { stride: 3 } },
    ];
    for (const { name, x: xShape, w: wShape, options } of layers) {
      const x = randomTensor(xShape, seed);
      const w = randomTensor(wShape, seed + 1);
      const g = convTranspose(x, w, { ...options, route: 'scalar' });
      const limit = 2 ** -22 * Math.sqrt(w.data.length) * 8;
      for (const route of ROUTE_CHOICES) {
        const y = unlessRefused(() => convTranspose(x, w, { ...options, route }));
        if (y !== null)
          expect(
            compareWith(y, g.shape, g.data, () => limit),
            `${name} by ${route}`,
          ).toBeUndefined();
        const back = unlessRefused(() => conv(g, w, { ...options, route }));
        if (back === null) continue;
        const wanted = conv(g, w, { ...options, route: 'scalar' });
        // The inputs are the outputs of before, so the terms are as much larger.
        const larger = g.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        const difference = compareWith(back, wanted.shape, wanted.data, () => limit * larger);
        expect(difference, `${name} back by ${route}`).toBeUndefined();
      }
    }
  });

  it('a NaN stays one in depthwise layers', () => {
    for (const channels of [1, 4, 5, 8]) {
      for (const kernel of [1, 2, 3]) {
        const x = randomTensor([1, channels, 5, 5], seed);
        const w = randomTensor([channels, 1, kernel, kernel], seed + 1);
        x.data[12] = Number.NaN;
        for (const compute of [conv, convTranspose]) {
          for (const route of PLAIN_SUMS) {
            const y = unlessRefused(() => compute(x, w, { groups: channels, route }));
            if (y === null) continue;
            const wanted = compute(x, w, { groups: channels, route: 'scalar' });
            const lost = wanted.data.findIndex(
              (value, at) => Number.isNaN(value) && !Number.isNaN(y.data[at]),
            );
            const name = `${compute.name} of ${channels} channels, kernel ${kernel}, by ${route}: ${y.data[lost]}`;
            expect(lost, name).toBe(-1);
          }
        }
      }
    }
  });

  it('nothing of one call is left in the next', () => {
    fc.assert(
      fc.property(randomProblem, (problem) => {
        const { x } = tensorsOf(problem);
        const poisoned = { data: x.data.map(() => Number.NaN), shape: x.shape };
        for (const route of PLAIN_SUMS) {
          const clean = compute(problem, x, route);
          if (clean === null) continue;
          compute(problem, poisoned, route);
          expect(compareExactly(compute(problem, x, route) as Tensor, clean), route).toBeUndefined();
        }
      }),
      runsOf(60, build.name),
    );
  });
}, SOME_BUILDS);

/** Null for a geometry without an output, which only a changed output padding can cause here. */
function unlessEmpty(run: () => Tensor): Tensor | null {
  try {
    return run();
  } catch (error) {
    if ((error as { code?: string }).code === 'BAD_SHAPE') return null;
    throw error;
  }
}

function dot(one: Tensor, other: Tensor): number {
  return one.data.reduce((sum, value, index) => sum + value * (other.data[index] as number), 0);
}
