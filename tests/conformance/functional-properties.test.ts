// What holds for every geometry of conv and convTranspose, exactly: inputs are small multiples of 1/4,
// whose sums of products are exact in float32 in any order, so that results can be compared with ===.

import { host } from '@host';
import type { Tensor } from 'deconv-wasm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { type RandomProblem, randomProblem } from '../support/geometries.js';
import { type RouteChoice, runFunctional, unlessRefused } from '../support/run.js';
import { runsOf } from '../support/seed.js';
import { quarters, sizeOf, stack, toChannelsFirst, toChannelsLast } from '../support/tensors.js';

/** Random geometries on each build, other ones on each. */
const RUNS = 500;

interface Tensors {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Float32Array | null;
}

function shapesOf(problem: RandomProblem): { readonly x: number[]; readonly weight: number[] } {
  const { geometry, batch, groupIn, groupOut, extents, kernel } = problem;
  const { groups, transposed } = geometry;
  const channels = transposed ? [groupIn * groups, groupOut] : [groupOut * groups, groupIn];
  return { x: [batch, groupIn * groups, ...extents], weight: [...channels, ...kernel] };
}

function exactTensors(problem: RandomProblem): Tensors {
  const { seed, geometry, groupOut, withBias } = problem;
  const shapes = shapesOf(problem);
  const bias = withBias ? quarters([groupOut * geometry.groups], seed + 2).data : null;
  return { x: quarters(shapes.x, seed), weight: quarters(shapes.weight, seed + 1), bias };
}

/** By one route where it takes the geometry, whatever the planner would choose. */
function compute(problem: RandomProblem, tensors: Tensors, layout = problem.layout): Tensor {
  const { geometry } = problem;
  const fast: RouteChoice = geometry.transposed ? 'xnnpack-deconvolution' : 'implicit-gemm';
  const last = layout === 'channels-last';
  const call = { geometry, layout, ...tensors, x: last ? toChannelsLast(tensors.x) : tensors.x };
  const y = unlessRefused(() => runFunctional(call, fast)) ?? runFunctional(call, 'auto');
  return last ? toChannelsFirst(y) : y;
}

/** `2 a - 3 b` */
function combine(a: Tensor, b: Tensor): Tensor {
  return {
    data: a.data.map((value, index) => 2 * value - 3 * (b.data[index] as number)),
    shape: a.shape,
  };
}

/** Entries `from` to `to` of one axis. */
function cut({ data, shape }: Tensor, axis: number, from: number, to: number): Tensor {
  const inner = sizeOf(shape.slice(axis + 1));
  const length = shape[axis] as number;
  const kept = data.filter((_, index) => {
    const at = Math.floor(index / inner) % length;
    return from <= at && at < to;
  });
  return { data: kept, shape: shape.with(axis, to - from) };
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

describeEachBuild((build) => {
  function holds(what: string, property: (problem: RandomProblem) => void): void {
    it(what, () => {
      const ranks = new Map<number, number>();
      const counted = fc.property(randomProblem, (problem) => {
        const rank = problem.extents.length;
        ranks.set(rank, (ranks.get(rank) ?? 0) + 1);
        property(problem);
      });
      fc.assert(counted, runsOf(RUNS, `${build.name} ${what}`));
      const counts = [1, 2, 3].map((rank) => `${ranks.get(rank)} in ${rank}-D`).join(', ');
      console.log(`${what}: ${RUNS} geometries (${counts}), ${build.name} in ${host.name}`);
    });
  }

  holds('linear in x', (problem) => {
    const { weight } = exactTensors(problem);
    const [a, b] = [0, 1].map((salt) => quarters(shapesOf(problem).x, problem.seed + salt)) as [
      Tensor,
      Tensor,
    ];
    const of = (x: Tensor): Tensor => compute(problem, { x, weight, bias: null });
    expectSame(of(combine(a, b)), combine(of(a), of(b)));
  });

  holds('linear in w', (problem) => {
    const { x } = exactTensors(problem);
    const shape = shapesOf(problem).weight;
    const [a, b] = [1, 2].map((salt) => quarters(shape, problem.seed + salt)) as [Tensor, Tensor];
    const of = (weight: Tensor): Tensor => compute(problem, { x, weight, bias: null });
    expectSame(of(combine(a, b)), combine(of(a), of(b)));
  });

  holds('groups are layers side by side', (problem) => {
    const { x, weight, bias } = exactTensors(problem);
    const { geometry, groupIn, groupOut } = problem;
    const rows = geometry.transposed ? groupIn : groupOut;
    const together = compute(problem, { x, weight, bias });
    const alone = { ...problem, geometry: { ...geometry, groups: 1 } };
    for (let group = 0; group < geometry.groups; group += 1) {
      const outputs = [group * groupOut, (group + 1) * groupOut] as const;
      const part = compute(alone, {
        x: cut(x, 1, group * groupIn, (group + 1) * groupIn),
        weight: cut(weight, 0, group * rows, (group + 1) * rows),
        bias: bias?.slice(...outputs) ?? null,
      });
      expectSame(part, cut(together, 1, ...outputs));
    }
  });

  holds('a batch is its images one by one', (problem) => {
    const { weight, bias } = exactTensors(problem);
    const shape = shapesOf(problem).x.with(0, 1);
    const images = [0, 1, 2].map((salt) => quarters(shape, problem.seed + salt));
    const apart = images.map((x) => compute(problem, { x, weight, bias }));
    expectSame(compute(problem, { x: stack(images), weight, bias }), stack(apart));
  });

  holds('channels last are channels first in another order', (problem) => {
    const tensors = exactTensors(problem);
    expectSame(compute(problem, tensors, 'channels-last'), compute(problem, tensors, 'channels-first'));
  });
}, SOME_BUILDS);
